"""``.cat`` of a column of text: what pandas' categories come to where text is dictionary-encoded as it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import TypeMismatch
from ..expr import SortKey, call, case, literal
from ..plan import over, window_call
from .accessor import Accessor

if TYPE_CHECKING:
    from .series import Series


class CategoryAccessor(Accessor):
    """Functions of the distinct values of a column, in their order; null is in no category."""

    __slots__ = ()

    def __init__(self, column: Series) -> None:
        if column.dtype.is_nested:
            raise TypeMismatch(f".cat needs plain values; {column.name!r} is {column.dtype}")
        self._column = column

    @property
    def categories(self) -> list[Any]:
        """Run the plan and return the distinct values, least first."""
        return sorted(value for value in self._column.unique() if value is not None)

    @property
    def codes(self) -> Series:
        """Place of each value among the distinct ones, from 0; -1 for null."""
        value = self._column.expr
        rank = over(window_call("dense_rank"), (), (SortKey(expr=value),))
        known = (call("is_not_null", value), call("subtract", rank, literal(1)))
        return self._column.derive(case([known], literal(-1)))

    @property
    def ordered(self) -> bool:
        """Return False: values compare as what they are, not by a category's place."""
        return False

    def rename_categories(self, new: Mapping[Any, Any] | Callable[[Any], Any]) -> Series:
        """Replace values by a dictionary, or by a function of the distinct ones, which runs the plan for them."""
        pairs = dict(new) if isinstance(new, Mapping) else {value: new(value) for value in self.categories}
        return self._column.replace(pairs)

    def set_categories(self, new: Iterable[Any]) -> Series:
        """Return null in place of values that are not among some."""
        return self._column.where(self._column.isin(new))

    def remove_categories(self, removals: Any) -> Series:
        """Return null in place of a value, or of a list of them."""
        gone = [removals] if isinstance(removals, str) or not isinstance(removals, Iterable) else list(removals)
        return self._column.mask(self._column.isin(gone))

    def add_categories(self, new: Any) -> Series:
        """Return the column itself: any value may stand in it."""
        return self._column

    def remove_unused_categories(self) -> Series:
        """Return the column itself: only values that occur are categories."""
        return self._column
