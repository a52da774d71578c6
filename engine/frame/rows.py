"""Which rows a frame has, and in what order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from .. import dtypes
from ..errors import PlanError
from ..expr import Expr, SortKey, call, cast, literal
from ..plan import WHOLE_PARTITION, Distinct, Filter, Limit, Sort, Unnest, over, window_call
from .arguments import whole
from .core import Core
from .loc import At, Loc, Places
from .query import evaluated, queried
from .sample import sampled
from .series import Series

if TYPE_CHECKING:
    from types import FrameType

    from .frame import DataFrame


_STABLE = ("stable", "mergesort")


class Rows(Core):
    """Methods of `DataFrame` that choose and order rows."""

    __slots__ = ()

    @property
    def loc(self) -> Loc:
        """Rows by condition and columns by name: ``frame.loc[frame.x > 1, ["x", "y"]]``."""
        return Loc(self._own)

    @property
    def iloc(self) -> Places:
        """Rows and columns by place: ``frame.iloc[:10]``, ``frame.iloc[5:10, [0, 2]]``."""
        return Places(self._own)

    @property
    def at(self) -> At:
        """One value by the label of its row and the name of its column: ``frame.at["a", "x"]``; runs the plan."""
        return At(self._own)

    @property
    def iat(self) -> Places:
        """One value by the numbers of its row and column: ``frame.iat[3, 0]``; runs the plan."""
        return self.iloc

    def take(self, indices: Sequence[int]) -> DataFrame:
        """Return rows by their numbers, in the order of these, from the end where negative (which runs the plan)."""
        made: DataFrame = self.iloc[list(indices)]
        return made

    def query(self, expr: str, *, local_dict: Mapping[str, Any] | None = None) -> DataFrame:
        """Return the rows where a text's condition is true.

        Parameters
        ----------
        expr
            A condition such as ``"x > 1 and city in ['Rome', @home]"``: comparisons (also chained), ``and``, ``or``,
            ``not``, ``&``, ``|``, ``~``, arithmetic, ``in``, ``not in``, methods of columns, names in backticks, and
            ``@name`` for the caller's variables.
        local_dict
            Variables to use instead of the caller's.

        Raises
        ------
        PlanError
            If the text cannot be read; points at the place.
        """
        return queried(self._own, expr, _variables(sys._getframe(1)) if local_dict is None else local_dict)  # noqa: SLF001  # the caller's variables are part of the contract

    def eval(self, expr: str, *, local_dict: Mapping[str, Any] | None = None) -> Any:
        """Return the column that an expression makes, or the frame with the columns that assignments add.

        The language is that of `query`; ``"total = price * count"``, one a line, assigns.
        """
        return evaluated(self._own, expr, _variables(sys._getframe(1)) if local_dict is None else local_dict)  # noqa: SLF001  # the caller's variables are part of the contract

    def dropna(
        self, subset: str | Sequence[str] | None = None, *, how: str = "any", thresh: int | None = None
    ) -> DataFrame:
        """Leave out rows with nulls.

        Parameters
        ----------
        subset
            Columns to look at; by default all.
        how
            Whether ``any`` null is enough, or ``all`` values have to be null.
        thresh
            Instead: keep rows with at least so many values that are not null.
        """
        names = self._compared(subset)
        if how not in ("any", "all"):
            raise PlanError(f"how is 'any' or 'all', not {how!r}")
        frame = self._own
        if thresh is not None or how == "all":
            known = [cast(call("is_not_null", self._column(name)), dtypes.int64) for name in names]
            zero: Expr = literal(0)
            total = reduce(lambda left, right: call("add", left, right), known, zero)
            least = 1 if thresh is None else thresh
            test = call("greater_equal", total, literal(least))
            return frame.with_plan(Filter(input=frame.plan, predicate=test), index=self.index) if names else frame
        for name in names:
            test = call("is_not_null", self._column(name))
            frame = frame.with_plan(Filter(input=frame.plan, predicate=test), index=self.index)
        return frame

    def sort_values(
        self,
        by: str | Sequence[str] | None = None,
        *,
        ascending: Any = True,
        na_position: str = "last",
        stable: bool = False,
        kind: str | None = None,
        key: Callable[[Series], Series] | None = None,
    ) -> DataFrame:
        """Return the rows in order; nulls come last in both directions unless ``na_position="first"``.

        ``by`` may be left out where one column stands beside those marked as index, as in ``groupby("k").x.sum()``.
        ``key`` makes of each of the columns what is sorted by: ``key=lambda x: x.str.lower()``. ``stable``, or ``kind``
        ``stable`` or ``mergesort``, keeps equal rows in their order.
        """
        if kind not in (None, "quicksort", "heapsort", *_STABLE):
            raise PlanError(f"kind is 'stable' or 'quicksort', not {kind!r}")
        names = [self._only("sort_values")] if by is None else [by] if isinstance(by, str) else list(by)
        flags = [ascending] * len(names) if isinstance(ascending, bool | int) else list(ascending)
        if isinstance(ascending, str) or not all(isinstance(up, bool | int) for up in flags):
            raise PlanError(f"ascending is True or False, or a list of them for each key, not {ascending!r}")
        if len(flags) != len(names):
            raise PlanError(f"ascending has {len(flags)} entries for {len(names)} keys")
        if na_position not in ("first", "last"):
            raise PlanError(f"na_position must be 'first' or 'last', not {na_position!r}")
        first = na_position == "first"
        if key is not None:
            made = {f"__key_{n}": key(self._own[name]) for n, name in enumerate(names)}
            sorted_by = self.assign(**made).sort_values(
                list(made), ascending=flags, na_position=na_position, stable=stable or kind in _STABLE
            )
            return sorted_by.select(*self.columns)
        keys = tuple(
            SortKey(expr=self._column(name), descending=not up, nulls_first=first)
            for name, up in zip(names, flags, strict=True)
        )
        return self.with_plan(Sort(input=self.plan, keys=keys, stable=stable or kind in _STABLE), index=self.index)

    def sort_index(self, *, ascending: bool = True) -> DataFrame:
        """Return the rows in the order of the columns marked as index."""
        if not self.index:
            raise PlanError("no column is marked as index; use sort_values with the columns to sort by")
        return self.sort_values(self.index, ascending=ascending)

    def nlargest(self, n: int = 5, columns: str | Sequence[str] | None = None) -> DataFrame:
        """Return the ``n`` rows with the greatest values, greatest first; the first ones of equal rows."""
        return self.sort_values(
            self._only("nlargest") if columns is None else columns, ascending=False, stable=True
        ).limit(n)

    def nsmallest(self, n: int = 5, columns: str | Sequence[str] | None = None) -> DataFrame:
        """Return the ``n`` rows with the least values, least first; the first ones of equal rows."""
        return self.sort_values(self._only("nsmallest") if columns is None else columns, stable=True).limit(n)

    def limit(self, count: int | None, offset: int = 0) -> DataFrame:
        """Return at most ``count`` rows (None: all) after ``offset``, lazily."""
        count, offset = None if count is None else whole(count, "limit"), whole(offset, "limit")
        return self.with_plan(Limit(input=self.plan, count=count, offset=offset), index=self.index)

    def drop_duplicates(self, subset: str | Sequence[str] | None = None, *, keep: str | bool = "first") -> DataFrame:
        """Return one row of each set of rows that are equal in all columns, or in some.

        Parameters
        ----------
        subset
            Columns to compare; by default all.
        keep
            The ``"first"`` row or the ``"last"``; False leaves out every row that has an equal. Other than
            ``"first"``, it takes all rows through one task.
        """
        if keep != "first":
            return self.filter(~self.duplicated(subset, keep=keep))
        on = None if subset is None and not self.index else tuple(self._compared(subset))
        return self.with_plan(Distinct(input=self.plan, on=on), index=self.index)

    def duplicated(self, subset: str | Sequence[str] | None = None, *, keep: str | bool = "first") -> Series:
        """Return whether an equal row comes before (``keep="last"``: after; False: either) each row."""
        names = self._compared(subset)
        by = tuple(self._column(name) for name in names)
        place, size = (over(window_call(name, frame=WHOLE_PARTITION), by) for name in ("row_number", "size"))
        match keep:
            case "first":
                test = call("greater", place, literal(1))
            case "last":
                test = call("less", place, size)
            case False:
                test = call("greater", size, literal(1))
            case _:
                raise PlanError(f"keep must be 'first', 'last' or False, not {keep!r}")
        return Series(self._own, test, "duplicated")

    def explode(self, column: str | Sequence[str]) -> DataFrame:
        """Return a row for each value of a column of lists, the other columns repeated; an empty list gives a null.

        Several columns are gone through side by side, shorter lists ending in nulls (pandas refuses them).
        """
        names = (column,) if isinstance(column, str) else tuple(column)
        self.schema.select(names)
        return self.with_plan(Unnest(input=self.plan, columns=names, keeps_empty=True), index=self.index)

    def sample(self, n: int | None = None, *, frac: float | None = None, random_state: int | None = None) -> DataFrame:
        """Return some rows by chance, none twice.

        Which ones depends on the rows' places and ``random_state`` alone, not on threads. All rows pass through one
        task.

        Parameters
        ----------
        n
            How many rows (all, if there are fewer), in random order; by default one.
        frac
            Instead of ``n``: the chance of each row, between 0 and 1; rows stay in order.
        random_state
            A number that chooses the same rows again.
        """
        return sampled(self._own, n, frac, random_state)


def _variables(caller: FrameType) -> Mapping[str, Any]:
    return {**caller.f_globals, **caller.f_locals}
