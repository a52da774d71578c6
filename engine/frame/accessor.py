"""What ``.str``, ``.dt``, ``.cat``, ``.list`` and ``.struct`` of a column have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .replacements import accessor_not_found

if TYPE_CHECKING:
    from .series import Series


class Accessor:
    """Functions of one kind of column."""

    __slots__ = ("_column",)
    _column: Series

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise accessor_not_found(type(self).__name__, name, dir(type(self)))
