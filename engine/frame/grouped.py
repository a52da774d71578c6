"""A column as a function given to ``groupby(…).transform`` sees it: its aggregates are those of each row's group."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import PlanError
from ..expr import Expr, call, literal
from .series import Series
from .window import broadcast

if TYPE_CHECKING:
    from .frame import DataFrame


class GroupedSeries(Series):
    """A column whose aggregates and neighbours are those of each row's group."""

    __slots__ = ("_keys",)

    def __init__(self, frame: DataFrame, expr: Expr, name: str | None, keys: tuple[Expr, ...]) -> None:
        super().__init__(frame, expr, name)
        self._keys = keys

    @property
    def _by(self) -> tuple[Expr, ...]:
        return self._keys

    def derive(self, expr: Expr, name: str | None = None) -> Series:
        """Return another expression over the same frame and groups."""
        return GroupedSeries(self.frame, expr, name or self.name, self._keys)

    def _reduce(self, function: str) -> Any:
        return self.derive(broadcast(function, self.expr, self._keys))

    def _measure(self, function: str, *others: Any, **options: Any) -> Any:
        if others or options:
            raise PlanError(f"{function} has no value for each group inside transform; use agg and merge")
        return self._reduce(function)

    def count(self) -> Any:
        """Return the number of the group's values that are not null."""
        return self._reduce("count")

    def any(self) -> Any:
        """Return whether any value of the group is true."""
        return self._reduce("any")

    def all(self) -> Any:
        """Return whether all values of the group are true; true of none."""
        return self.derive(call("coalesce", self._reduce("all").expr, literal(value=True)))

    def nunique(self) -> NoReturn:
        """Refuse: no device counts distinct values beside rows."""
        self._refused("nunique")

    def to_frame(self, name: str | None = None) -> NoReturn:
        """Refuse whatever would run the plan or change rows: a column beside the rows is wanted."""
        self._refused("a method that runs the plan or changes rows")

    def _refused(self, what: str) -> NoReturn:
        raise PlanError(f"a function given to transform cannot use {what}; use agg and merge, or GroupBy.apply")


def transformed(frame: DataFrame, function: Callable[[Series], Any], value: Expr, by: tuple[Expr, ...]) -> Expr:
    """Return what a function of a group's column makes, for each row."""
    return Series(frame, value).operand(function(GroupedSeries(frame, value, None, by)))
