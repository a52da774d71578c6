"""Where ORDER BY puts nulls, and which way it sorts, where a text does not say: settings of the session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from ..engine.errors import ConfigError

FIRST, LAST = "nulls_first", "nulls_last"
SMALL, LARGE = "nulls_first_on_asc_last_on_desc", "nulls_last_on_asc_first_on_desc"
_NULLS = {
    **{name: name for name in (FIRST, LAST, SMALL, LARGE)},
    "nulls first": FIRST, "null first": FIRST, "first": FIRST, "nulls last": LAST, "null last": LAST, "last": LAST,
    "sqlite": SMALL, "mysql": SMALL, "postgres": LARGE,
}  # fmt: skip
_DIRECTIONS = {"asc": "asc", "ascending": "asc", "desc": "desc", "descending": "desc"}
SETTINGS = {"default_null_order": _NULLS, "null_order": _NULLS, "default_order": _DIRECTIONS}
"""The settings, and what may be written for each of their values."""


def stated(name: str, value: object) -> tuple[str, str]:
    """Return the name under which a setting is kept and its value; `ConfigError` where it has no such value."""
    allowed = SETTINGS[name]
    found = allowed.get(str(value).lower())
    if found is None:
        shown = ", ".join(dict.fromkeys(allowed.values()))
        raise ConfigError(f"{name} must be one of {shown}, not {value!r}")
    return "default_null_order" if allowed is _NULLS else name, found


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """What ORDER BY means where it does not say; without ``nulls`` the dialect decides about them."""

    nulls: str | None = None
    descending: bool = False

    @classmethod
    def of(cls, options: Mapping[str, str]) -> Ordering | None:
        """Return what a session's settings say; None where they say nothing."""
        if not any(name in options for name in SETTINGS):
            return None
        return cls(nulls=options.get("default_null_order"), descending=options.get("default_order") == "desc")

    def complete(self, large: exp.Expr, small: exp.Expr) -> None:
        """Fill in the direction and the place of nulls of every key of ``large`` that states none.

        The same text has been parsed with nulls as the largest values, and with nulls as the smallest: the keys of
        which both say the same state the place of nulls themselves.
        """
        for item, other in zip(large.find_all(exp.Ordered), small.find_all(exp.Ordered), strict=True):
            explicit = bool(item.args.get("nulls_first")) is bool(other.args.get("nulls_first"))
            if self.descending and item.args.get("desc") is None:
                item.args["desc"] = True
            if not explicit and self.nulls is not None:
                by_direction = LARGE if item.args.get("desc") else SMALL
                item.set("nulls_first", self.nulls in (FIRST, by_direction))
