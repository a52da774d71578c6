"""What to write for pandas' methods that there are not here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..errors import ColumnNotFound, MethodNotFound

REPLACEMENTS: Mapping[str, str] = {}


def not_found(kind: str, name: str, available: Iterable[str]) -> MethodNotFound | ColumnNotFound:
    """Return the error for a name that a kind of object has not."""
    if name in REPLACEMENTS:
        return MethodNotFound(f"{kind} has no {name!r} here; {REPLACEMENTS[name]}")
    return ColumnNotFound(name, [one for one in available if not one.startswith("_")], " or method")
