"""Which rows a frame has, and in what order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import PlanError
from ..expr import SortKey, call
from ..plan import Distinct, Filter, Limit, Sort
from .core import Core

if TYPE_CHECKING:
    from .frame import DataFrame


class Rows(Core):
    """Methods of `DataFrame` that choose and order rows."""

    __slots__ = ()

    def dropna(self, subset: str | Sequence[str] | None = None) -> DataFrame:
        """Leave out rows with a null in any column, or in some."""
        names = self.columns if subset is None else [subset] if isinstance(subset, str) else list(subset)
        frame = self._own
        for name in names:
            test = call("is_not_null", self._column(name))
            frame = frame.with_plan(Filter(input=frame.plan, predicate=test), index=self.index)
        return frame

    def sort_values(
        self,
        by: str | Sequence[str],
        *,
        ascending: bool | Sequence[bool] = True,
        na_position: str = "last",
        stable: bool = False,
    ) -> DataFrame:
        """Return the rows in order; nulls come last in both directions unless ``na_position="first"``."""
        names = [by] if isinstance(by, str) else list(by)
        flags = [ascending] * len(names) if isinstance(ascending, bool) else list(ascending)
        if len(flags) != len(names):
            raise PlanError(f"ascending has {len(flags)} entries for {len(names)} keys")
        if na_position not in ("first", "last"):
            raise PlanError(f"na_position must be 'first' or 'last', not {na_position!r}")
        first = na_position == "first"
        keys = tuple(
            SortKey(expr=self._column(name), descending=not up, nulls_first=first)
            for name, up in zip(names, flags, strict=True)
        )
        return self.with_plan(Sort(input=self.plan, keys=keys, stable=stable), index=self.index)

    def nlargest(self, n: int, columns: str | Sequence[str]) -> DataFrame:
        """Return the ``n`` rows with the greatest values, greatest first."""
        return self.sort_values(columns, ascending=False).limit(n)

    def nsmallest(self, n: int, columns: str | Sequence[str]) -> DataFrame:
        """Return the ``n`` rows with the least values, least first."""
        return self.sort_values(columns).limit(n)

    def limit(self, count: int, offset: int = 0) -> DataFrame:
        """Return at most ``count`` rows after ``offset``, lazily."""
        return self.with_plan(Limit(input=self.plan, count=count, offset=offset), index=self.index)

    def drop_duplicates(self, subset: str | Sequence[str] | None = None) -> DataFrame:
        """Return the first row of each set of equal rows, compared in all columns or some."""
        on = None if subset is None else (subset,) if isinstance(subset, str) else tuple(subset)
        return self.with_plan(Distinct(input=self.plan, on=on), index=self.index)
