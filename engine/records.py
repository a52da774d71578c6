"""Dataclasses of plans and expressions, of which a query makes thousands: frozen for the type checker, cheap to make.

At run time Python would set each field of a frozen dataclass by a call that passes by the class's own refusal, and
`dataclasses.replace` look at all that a field may be. Planning took a seventh longer so; see ADR 23.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass, replace
    from dataclasses import replace as refitted
else:

    def dataclass(*, frozen: bool = False, **options: Any) -> Callable[[type], type]:
        """Make a class a dataclass; of a frozen one the fields can be set, which the type checker forbids."""

        def made(cls: type) -> type:
            if not frozen:
                return dataclasses.dataclass(**options)(cls)
            hashes = options.get("eq", True) and "__hash__" not in vars(cls)
            made = dataclasses.dataclass(**options, unsafe_hash=hashes)(cls)
            if "__getstate__" not in vars(cls) and "__reduce__" not in vars(cls):
                made.__getstate__, made.__setstate__ = _state, _restore
            return made

        return made

    def replace(record: Any, /, **changes: Any) -> Any:
        """Return a record like another, but for some fields."""
        cls = record.__class__
        given = _given.get(cls)
        if given is None:
            names = [field.name for field in dataclasses.fields(cls) if field.init]
            given = _given[cls] = names, attrgetter(*names, "__class__")  # of one name it would give no tuple
        names, values_of = given
        return cls(**{**dict(zip(names, values_of(record), strict=False)), **changes})

    def refitted(record: Any, /, **changes: Any) -> Any:
        """Return a record like another, but for fields of which what is derived and checked does not depend."""
        cls = record.__class__
        copied = _copied.get(cls)
        if copied is None:
            copied = _copied[cls] = _copier(cls)
        made = copied(record)
        for name, value in changes.items():
            setattr(made, name, value)
        return made

    def _copier(cls: type) -> Callable[[Any], Any]:
        """Return a function that copies records of a class, written out for its fields, as their own methods are."""
        lines = [f"    made.{field.name} = record.{field.name}" for field in dataclasses.fields(cls)]
        text = "\n".join(["def copied(record):", "    made = new(cls)", *lines, "    return made"])
        names: dict[str, Any] = {"new": object.__new__, "cls": cls}
        exec(text, names)  # noqa: S102  # of the names of fields alone
        made: Callable[[Any], Any] = names["copied"]
        return made

    _given: dict[type, tuple[list[str], Callable[[Any], tuple[Any, ...]]]] = {}
    _copied: dict[type, Callable[[Any], Any]] = {}

    def _state(record: Any) -> list[Any]:
        """Return the values of the fields: no other slots are copied or pickled, such as a node's `facts`."""
        return [getattr(record, field.name) for field in dataclasses.fields(record)]

    def _restore(record: Any, state: list[Any]) -> None:
        for field, value in zip(dataclasses.fields(record), state, strict=True):
            setattr(record, field.name, value)


__all__ = ["dataclass", "refitted", "replace"]
