"""Window functions in pandas' spellings: shifts, running and rolling aggregates, ranks, values broadcast to groups.

Rows are taken in the order in which the frame gives them, and the result lies beside them in that order. For that, all
rows pass through one task (see `Window.keeps_order`): the sort of a window is then not shared among threads, and the
columns in use must fit in memory. The SQL forms, which promise no order, are spread over partitions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .. import dtypes
from ..dtypes import Kind
from ..errors import PlanError, suggestion
from ..expr import AggregateCall, Column, Expr, NamedExpr, SortKey, all_of, call, case, cast, literal
from ..expr.catalogue import AGGREGATES
from ..plan import (
    CURRENT_ROW,
    DEFAULT_FRAME,
    UNBOUNDED_FOLLOWING,
    UNBOUNDED_PRECEDING,
    Frame,
    MapBatches,
    Plan,
    Project,
    Window,
    following,
    over,
    preceding,
    window_call,
)
from .aggregating import known
from .arguments import whole
from .reducing import SPELLINGS
from .rolling import GroupRolling, Rolling, RowsSoFar, rolled, rows_between
from .udf import placed

if TYPE_CHECKING:
    from .frame import DataFrame
    from .series import Series

_ALONG = ("cumsum", "cumprod", "cummin", "cummax", "ffill", "bfill", "shift", "diff", "pct_change", "rank")
"""Methods of groups that `GroupWindows.transform` takes by name beside aggregates."""
_RANKS = ("average", "min", "max", "first", "dense")


def projected(plan: Plan, exprs: Iterable[NamedExpr]) -> Project:
    """Return a projection of a plan; window and user functions in the expressions get nodes of their own below it."""
    named = tuple(exprs)
    below, moved = placed(plan, [e.expr for e in named])
    if below is not plan:
        named = tuple(NamedExpr(name=e.name, expr=expr) for e, expr in zip(named, moved, strict=True))
    return Project(input=below, exprs=named)


def aggregated(plan: Plan, calls: Iterable[AggregateCall]) -> tuple[Plan, list[AggregateCall]]:
    """Return a plan with the window and user functions that aggregates read, and the aggregates over it."""
    given = list(calls)
    below, moved = placed(plan, [expr for one in given for expr in one.inputs])
    inputs = iter(moved)
    return below, [one.with_inputs(tuple(next(inputs) for _ in one.inputs)) for one in given]


def keeps_rows(plan: Plan, ancestor: Plan) -> bool:
    """Return whether a plan gives exactly an ancestor's rows, in its order."""
    while plan is not ancestor:
        if not (isinstance(plan, Project | Window) or (isinstance(plan, MapBatches) and plan.keeps)):
            return False
        plan = plan.input
    return True


def _running(function: str, value: Expr, by: tuple[Expr, ...]) -> Expr:
    """Return an aggregate of the values so far; null where the value is, which it otherwise passes over."""
    so_far = over(window_call(function, value, frame=rows_between(UNBOUNDED_PRECEDING)), by)
    return case([(call("is_not_null", value), so_far)])


def _is_whole(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool)


def _shifted(value: Expr, by: tuple[Expr, ...], periods: int, fill_value: Any = None) -> Expr:
    if not _is_whole(periods):
        raise PlanError(f"a shift goes by a whole number of rows, not by {periods!r}")
    default = () if fill_value is None else (literal(fill_value),)
    return over(window_call("lag" if periods >= 0 else "lead", value, *default, offset=abs(periods)), by)


def _difference(value: Expr, by: tuple[Expr, ...], periods: int) -> Expr:
    function = "difference" if value.dtype.is_temporal else "subtract"
    return call(function, value, _shifted(value, by, periods))


def _change(value: Expr, by: tuple[Expr, ...], periods: int) -> Expr:
    return call("subtract", call("divide", value, _shifted(value, by, periods)), literal(1.0))


def _interpolated(value: Expr, by: tuple[Expr, ...]) -> Expr:
    known = call("is_not_null", value)
    value = cast(value, dtypes.float64)
    place = over(window_call("row_number"), by)
    at = case([(known, place)])
    before, after = (_filled(value, by, forward=forward) for forward in (True, False))
    start, end = (_filled(at, by, forward=forward) for forward in (True, False))
    share = call("divide", call("subtract", place, start), call("subtract", end, start))
    between = call("add", before, call("multiply", call("subtract", after, before), share))
    return case([(known, value), (call("is_not_null", after), between)], before)


def _times_of(frame: DataFrame, window: Any) -> str | None:
    """Return the column of times that moving rows go by where none is named: the one that is marked as index."""
    return frame.index[0] if not isinstance(window, int) and len(frame.index) == 1 else None


def _filled(value: Expr, by: tuple[Expr, ...], *, forward: bool, limit: int | None = None) -> Expr:
    """Return the value, or else the nearest one before (or after), among so many rows, that is not null."""
    if limit is not None and whole(limit, "ffill" if forward else "bfill") < 1:
        raise PlanError(f"limit is a number of rows above 0, not {limit}")
    function = "last_value" if forward else "first_value"
    if forward:
        frame = rows_between(UNBOUNDED_PRECEDING if limit is None else preceding(limit))
    else:
        frame = rows_between(CURRENT_ROW, UNBOUNDED_FOLLOWING if limit is None else following(limit))
    return over(window_call(function, value, frame=frame, ignore_nulls=True), by)


def _ranked(value: Expr, by: tuple[Expr, ...], method: str, *, ascending: bool, pct: bool) -> Expr:
    if method not in _RANKS:
        raise PlanError(f"rank has no method {method!r}{suggestion(method, _RANKS)}; choose from {', '.join(_RANKS)}")
    order = (SortKey(expr=value, descending=not ascending),)

    def place(function: str, keys: tuple[SortKey, ...] = order) -> Expr:
        return cast(over(window_call(function), by, keys), dtypes.float64)

    last = place("size")  # rows up to the last of the value's peers
    match method:
        case "average":
            rank = call("divide", call("add", place("rank"), last), literal(2.0))
        case "max":
            rank = last
        case "min":
            rank = place("rank")
        case "first":
            rank = place("row_number")
        case _:
            rank = place("dense_rank")
    if pct and method == "dense":
        backwards = (SortKey(expr=value, descending=ascending),)
        distinct = call("subtract", call("add", rank, place("dense_rank", backwards)), literal(1.0))
        rank = call("divide", rank, distinct)
    elif pct:
        rank = call("divide", rank, over(window_call("count", value), by))
    return case([(call("is_not_null", value), rank)])


class SeriesWindows(RowsSoFar):
    """What a series computes from the rows before and after each row."""

    __slots__ = ()

    if TYPE_CHECKING:
        frame: DataFrame
        expr: Expr

        def derive(self, expr: Expr, name: str | None = None) -> Series:
            """Return another expression over the same frame."""

    @property
    def _by(self) -> tuple[Expr, ...]:
        """Keys of the partitions within which rows are looked at: none."""
        return ()

    def shift(self, periods: int = 1, fill_value: Any = None) -> Series:
        """Return the value so many rows before (negative: after), else ``fill_value``."""
        return self.derive(_shifted(self.expr, self._by, periods, fill_value))

    def diff(self, periods: int = 1) -> Series:
        """Return the value less that so many rows before."""
        return self.derive(_difference(self.expr, self._by, periods))

    def pct_change(self, periods: int = 1) -> Series:
        """Return the change since so many rows before, as a share of the value there."""
        return self.derive(_change(self.expr, self._by, periods))

    def cumsum(self) -> Series:
        """Return the sum of the values so far; nulls are passed over and stay null."""
        return self.derive(_running("sum", self.expr, self._by))

    def cummin(self) -> Series:
        """Return the least of the values so far; nulls are passed over and stay null."""
        return self.derive(_running("min", self.expr, self._by))

    def cummax(self) -> Series:
        """Return the greatest of the values so far; nulls are passed over and stay null."""
        return self.derive(_running("max", self.expr, self._by))

    def cumprod(self) -> Series:
        """Return the product of the values so far, as a float; nulls are passed over and stay null."""
        return self.derive(_running("product", self.expr, self._by))

    def interpolate(self) -> Series:
        """Fill nulls on the line between the values before and after; behind the last value, with it, as in pandas."""
        return self.derive(_interpolated(self.expr, self._by))

    def ffill(self, *, limit: int | None = None) -> Series:
        """Put the nearest value before, at most ``limit`` rows away, where this is null."""
        return self.derive(_filled(self.expr, self._by, forward=True, limit=limit))

    def bfill(self, *, limit: int | None = None) -> Series:
        """Put the nearest value after, at most ``limit`` rows away, where this is null."""
        return self.derive(_filled(self.expr, self._by, forward=False, limit=limit))

    def rank(self, method: str = "average", *, ascending: bool = True, pct: bool = False) -> Series:
        """Return the rank of each value among all, from 1; null stays null.

        Parameters
        ----------
        method
            Rank of equal values: ``average``, ``min`` or ``max`` of their places, ``first`` (places in row order) or
            ``dense`` (no gaps after them).
        ascending
            Rank the least value first.
        pct
            As a share of the number of values (``dense``: of distinct values).
        """
        return self.derive(_ranked(self.expr, self._by, method, ascending=ascending, pct=pct))

    def rolling(
        self,
        window: int | str | timedelta,
        min_periods: int | None = None,
        *,
        center: bool = False,
        on: Series | str | None = None,
    ) -> Rolling:
        """Return the rows up to each row, ``window`` in number, waiting for an aggregate.

        The aggregate is null where fewer than ``min_periods`` values are not null. With ``center`` the row stands in
        the middle of them.

        Parameters
        ----------
        window
            A number of rows; or a length of time, such as ``"7D"``: the rows whose time ``on`` is less than that before
            the row's own, and not after it.
        min_periods
            By default ``window`` for a number of rows, 1 for a length of time.
        center
            Whether the row stands in the middle of a number of rows.
        on
            Column of times, by default the one that is marked as index.
        """
        on = _times_of(self.frame, window) if on is None else on
        times = self.frame[on] if isinstance(on, str) else on
        return rolled(self._rolled, window, min_periods, center=center, times=None if times is None else times.expr)

    def _rolled(
        self, function: str, frame: Frame, least: int, order: tuple[SortKey, ...] = (), **options: Any
    ) -> Series:
        return self.derive(_rolled(function, self.expr, self._by, frame, least, order, **options))


def _rolled(
    function: str,
    value: Expr,
    by: tuple[Expr, ...],
    frame: Frame,
    least: int,
    order: tuple[SortKey, ...] = (),
    **options: Any,
) -> Expr:
    if function == "list":
        made: Expr = over(window_call(function, cast(value, dtypes.float64), frame=frame), by, order)
    else:
        made = cast(over(window_call(function, value, frame=frame, **options), by, order), dtypes.float64)
    if function == "sum" and least == 0:
        made = call("coalesce", made, literal(0.0))
    if least <= (0 if function == "list" else 1):
        return made
    seen = window_call("size", frame=frame) if function == "count" else window_call("count", value, frame=frame)
    return case([(call("greater_equal", over(seen, by, order), literal(least)), made)])


class GroupWindows(RowsSoFar):
    """What a group-by computes for each row of the frame instead of each group.

    With one column selected the result is a series of the frame, which `DataFrame.assign` takes; else a frame of the
    columns. A row with a null key is in no group, and so gets null, unless the group-by keeps nulls.
    """

    if TYPE_CHECKING:
        frame: DataFrame
        keys: tuple[str, ...]
        dropna: bool
        selected: tuple[str, ...] | None

        def _values(self) -> tuple[str, ...]: ...

        def __getitem__(self, columns: str | Sequence[str]) -> Any: ...

    def transform(self, function: Any) -> Any:
        """Return a value for each row, made of its group.

        Parameters
        ----------
        function
            The name of an aggregate (``mean``, ``size``, ``first``, …) or of a method such as ``cumsum``; or a function
            of a column such as ``lambda x: (x - x.mean()) / x.std()``, in which aggregates are those of each row's
            group. It is called once, with a lazy column.
        """
        name: Any = known(function)
        if isinstance(name, str):
            name = SPELLINGS.get(name, name)
        if name in _ALONG:
            return getattr(self, name)()
        if name in AGGREGATES:
            return self._beside(lambda value, by: broadcast(name, value, by))
        if isinstance(name, str) or not callable(name):
            hint = suggestion(name, AGGREGATES) if isinstance(name, str) else ""
            raise PlanError(
                f"transform takes the name of an aggregate or a function of a column, not {function!r}{hint}"
            )
        from .grouped import transformed

        return self._beside(lambda value, by: transformed(self.frame, name, value, by))

    def shift(self, periods: int = 1, fill_value: Any = None) -> Any:
        """Return the value so many rows of the group before (negative: after), else ``fill_value``."""
        otherwise = None if fill_value is None else literal(fill_value)
        return self._beside(lambda value, by: _shifted(value, by, periods, fill_value), otherwise)

    def diff(self, periods: int = 1) -> Any:
        """Return the value less that so many rows of the group before."""
        return self._beside(lambda value, by: _difference(value, by, periods))

    def cumsum(self) -> Any:
        """Return the sum of the group's values so far; nulls are passed over and stay null."""
        return self._beside(lambda value, by: _running("sum", value, by))

    def cummin(self) -> Any:
        """Return the least of the group's values so far; nulls are passed over and stay null."""
        return self._beside(lambda value, by: _running("min", value, by))

    def cummax(self) -> Any:
        """Return the greatest of the group's values so far; nulls are passed over and stay null."""
        return self._beside(lambda value, by: _running("max", value, by))

    def ffill(self, *, limit: int | None = None) -> Any:
        """Put the group's nearest value before, at most ``limit`` rows away, where a value is null."""
        return self._beside(lambda value, by: _filled(value, by, forward=True, limit=limit))

    def bfill(self, *, limit: int | None = None) -> Any:
        """Put the group's nearest value after, at most ``limit`` rows away, where a value is null."""
        return self._beside(lambda value, by: _filled(value, by, forward=False, limit=limit))

    def rank(self, method: str = "average", *, ascending: bool = True, pct: bool = False) -> Any:
        """Return the rank of each value within its group; see `Series.rank`."""
        return self._beside(lambda value, by: _ranked(value, by, method, ascending=ascending, pct=pct))

    def cumprod(self) -> Any:
        """Return the product of the group's values so far, as a float; nulls are passed over and stay null."""
        return self._beside(lambda value, by: _running("product", value, by))

    def pct_change(self, periods: int = 1) -> Any:
        """Return the change since so many rows of the group before, as a share of the value there."""
        return self._beside(lambda value, by: _change(value, by, periods))

    def rolling(
        self,
        window: int | str | timedelta,
        min_periods: int | None = None,
        *,
        center: bool = False,
        on: str | None = None,
    ) -> Rolling:
        """Return the group's rows up to each row; see `Series.rolling`. Results stand beside the frame's rows."""
        on = _times_of(self.frame, window) if on is None else on
        times = None if on is None else self.frame[on].expr
        own = rolled(self._rolled, window, min_periods, center=center, times=times)
        return self._moving(own, lambda group: group.rolling(window, min_periods, center=center, on=on))

    def expanding(self, min_periods: int = 1) -> Rolling:
        """Return all rows of the group up to each row, for an aggregate; null before ``min_periods`` values."""
        own = Rolling(self._rolled, rows_between(UNBOUNDED_PRECEDING), min_periods)
        return self._moving(own, lambda group: group.expanding(min_periods))

    def _moving(self, own: Rolling, again: Callable[[Any], Rolling]) -> Rolling:
        """Return moving rows of which columns may be chosen, each of which has them ``again``."""

        def choose(columns: str | list[str]) -> Rolling | None:
            if isinstance(columns, str) and columns not in self.frame.schema and columns.isidentifier():
                return None
            return again(self[columns])

        names = list(self._values())
        return GroupRolling(own, choose, None if self.selected is not None and len(names) == 1 else names)

    def _rolled(self, function: str, frame: Frame, least: int, order: tuple[SortKey, ...] = (), **options: Any) -> Any:
        return self._beside(lambda value, by: _rolled(function, value, by, frame, least, order, **options))

    def cumcount(self) -> Series:
        """Return how many rows of the group come before each row."""
        number = over(window_call("row_number"), self._partition())
        return self._series(call("subtract", number, literal(1)), "cumcount")

    def ngroup(self) -> Series:
        """Return the number of each row's group, from 0, in the order of the keys; null where it is in none."""
        by = self._partition()
        present = all_of(present_keys(by)) if self.dropna else None
        order = (*by,) if present is None else (call("not", present), *by)  # rows of no group come last
        place = over(window_call("dense_rank"), (), tuple(SortKey(expr=key) for key in order))
        number = call("subtract", place, literal(1))
        return self._series(number if present is None else case([(present, number)]), "ngroup")

    def _beside(self, function: Callable[[Expr, tuple[Expr, ...]], Expr], otherwise: Expr | None = None) -> Any:
        by = self._partition()
        made = {name: self._series(function(self._column(name), by), name, otherwise) for name in self._values()}
        if self.selected is not None and len(made) == 1:
            return next(iter(made.values()))
        return self.frame.select(**made)

    def _partition(self) -> tuple[Expr, ...]:
        return tuple(self._column(name) for name in self.keys)

    def _column(self, name: str) -> Column:
        return Column(name=name, dtype=self.frame.schema[name].dtype)

    def _series(self, expr: Expr, name: str, otherwise: Expr | None = None) -> Series:
        from .series import Series

        present = all_of(present_keys(self._partition())) if self.dropna else None
        return Series(self.frame, expr if present is None else case([(present, expr)], otherwise), name)


def present_keys(keys: Iterable[Expr]) -> list[Expr]:
    """Return the conditions under which no key is null or NaN."""
    tests = []
    for key in keys:
        tests.append(call("is_not_null", key))
        if key.dtype.is_float:
            tests.append(call("not", call("is_nan", key)))
    return tests


def broadcast(function: str, value: Expr, by: tuple[Expr, ...]) -> Expr:
    """Return an aggregate of each row's partition."""
    args = () if function == "size" else (value,)
    made: Expr = over(window_call(function, *args, frame=DEFAULT_FRAME), by)
    if function == "sum" and value.dtype.kind is not Kind.NULL:
        return call("coalesce", made, literal(0))
    return made
