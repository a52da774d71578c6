"""Rows that move with each row: frames of so many rows or so much time, waiting for an aggregate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from math import exp, log
from typing import TYPE_CHECKING, Any

from ..errors import PlanError, TypeMismatch, suggestion
from ..expr import Expr, SortKey
from ..plan import CURRENT_ROW, UNBOUNDED_PRECEDING, Bound, Frame, FrameUnit, Interval, following, preceding
from .aggregating import known, spelled
from .arguments import explained
from .datetimes import LENGTHS, split_unit
from .moving import moving_function
from .replacements import not_found

_ROLLED = ("sum", "mean", "median", "min", "max", "std", "var", "count")


def rows_between(start: Bound, end: Bound = CURRENT_ROW) -> Frame:
    """Return the frame of the rows between two bounds."""
    return Frame(unit=FrameUnit.ROWS, start=start, end=end)


def _lately(length: str | timedelta) -> Frame:
    """Return the frame of the rows less than a length of time before each row, and not after it."""
    if isinstance(length, str):
        number, unit = split_unit(length)
        unit_length = LENGTHS[unit]
        if unit_length.months:
            raise PlanError(f"a window of time has a fixed length, such as '7D' or '90min', not {length!r}")
        length = number * timedelta(days=unit_length.days, microseconds=unit_length.microseconds)
    ticks = length // timedelta(microseconds=1)
    if ticks < 1:
        raise PlanError(f"a window of time has a length above 0, not {length}")
    start = preceding(Interval(microseconds=ticks - 1))
    return Frame(unit=FrameUnit.RANGE, start=start, end=CURRENT_ROW)


def _moving(window: int, min_periods: int | None, *, center: bool) -> tuple[Frame, int]:
    """Return the frame of so many rows, and how many values it needs."""
    if isinstance(window, bool) or window < 1:
        raise PlanError(f"rolling needs a number of rows from 1 on, not {window!r}")
    least = window if min_periods is None else min_periods
    if not 0 <= least <= window:
        raise PlanError(f"min_periods must lie between 0 and the window's {window} rows, not {least}")
    after = (window - 1) // 2 if center else 0
    return rows_between(preceding(window - 1 - after), following(after) if after else CURRENT_ROW), least


def rolled(
    make: Callable[..., Any],
    window: int | str | timedelta,
    min_periods: int | None,
    *,
    center: bool,
    times: Expr | None,
) -> Rolling:
    """Return moving rows, so many or of so much time by ``times``; ``make`` is told of an order by keyword, if any."""
    if isinstance(window, int):
        return Rolling(make, *_moving(window, min_periods, center=center))
    if times is None or center:
        raise PlanError("a window of time needs its column of times, on=, and cannot be centred")
    made = partial(make, order=(SortKey(expr=times),))
    return Rolling(made, _lately(window), 1 if min_periods is None else min_periods)


class Moving(ABC):
    """Rows that move with each row, waiting for an aggregate."""

    @abstractmethod
    def _aggregate(self, function: str, **options: Any) -> Any: ...

    def agg(self, func: Any) -> Any:
        """Return aggregates: ``sum``, ``mean``, ``median``, ``min``, ``max``, ``std``, ``var``, ``count``.

        Parameters
        ----------
        func
            A name, or a function that is one of them such as ``np.mean``: that aggregate, of every column. A list of
            them: a frame with a column for each, of several columns called ``price_mean``. A dictionary of columns and
            names or lists: a frame of these columns. Any other function: see `apply`.
        """
        if isinstance(func, str) or callable(func):
            return self._by(func)
        if not isinstance(func, Sequence | Mapping) or not func:
            raise PlanError(
                f"agg takes names of aggregates, lists of them, or a dictionary of columns and either, not {func!r}"
            )
        columns = self._columns()
        alone = columns is None and not isinstance(func, Mapping)
        pairs = spelled(func, [""] if columns is None else columns, single=columns is None)
        return self._together({name: (self if alone else self[of])._by(how) for name, (of, how) in pairs.items()})  # noqa: SLF001  # its own class

    aggregate = agg

    def apply(
        self,
        func: Callable[..., Any],
        raw: bool = False,  # noqa: FBT001, FBT002  # as in pandas
        *,
        engine: str | None = None,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return what a Python function makes of the rows' values, a float: null is NaN there.

        The values of all frames of rows are held at once, so that this suits frames of few rows.

        Parameters
        ----------
        func
            Gets a pandas Series, numbered from 0, and returns one number.
        raw
            Give it a numpy array instead, and compile it if it can be.
        engine
            ``"numba"`` compiles it, or raises; with ``"cython"`` it is called by the interpreter.
        args, kwargs
            Given to it behind the values; it is then called by the interpreter.

        Raises
        ------
        UserFunctionError
            While running, if the function raises.
        """
        user = moving_function(func, raw=raw, engine=engine, args=tuple(args), options=dict(kwargs or {}))
        columns = self._columns()
        if columns is None:
            return user(self._aggregate("list"))
        return self._together({column: self[column].apply(user) for column in columns})

    def _by(self, how: Any) -> Any:
        """Return an aggregate by a name or a function."""
        name = known(how)
        if not isinstance(name, str):
            return self.apply(name)
        if name not in _ROLLED:
            raise PlanError(f"moving rows have no aggregate {how!r}{suggestion(name, _ROLLED)}")
        return self._aggregate(name)

    def _columns(self) -> list[str] | None:
        """Return the columns that are aggregated, None of a single one."""
        return None

    def _together(self, made: Mapping[str, Any]) -> Any:
        """Return columns that stand beside each other as a frame."""
        first = next(iter(made.values()))
        return first.frame.select(*first.frame.index, **made)

    def __getitem__(self, columns: str | list[str]) -> Any:
        raise TypeMismatch(f"these are the moving rows of one column; there is no column {columns!r} to choose")

    def sum(self) -> Any:
        """Return the sum."""
        return self._aggregate("sum")

    def mean(self) -> Any:
        """Return the mean."""
        return self._aggregate("mean")

    def median(self) -> Any:
        """Return the middle value, linear between two."""
        return self._aggregate("median")

    def quantile(self, q: float, interpolation: str = "linear") -> Any:
        """Return the value at a share of the sorted values, linear between two."""
        if interpolation != "linear":
            raise PlanError(f"quantiles of moving rows are linear between two values, not {interpolation!r}")
        return self._aggregate("quantile", q=q)

    def min(self) -> Any:
        """Return the least value."""
        return self._aggregate("min")

    def max(self) -> Any:
        """Return the greatest value."""
        return self._aggregate("max")

    def std(self) -> Any:
        """Return the sample standard deviation."""
        return self._aggregate("std")

    def var(self) -> Any:
        """Return the sample variance."""
        return self._aggregate("var")

    def count(self) -> Any:
        """Return the number of values that are not null."""
        return self._aggregate("count")


@explained
class Rolling(Moving):
    """A frame of rows that moves with each row, waiting for an aggregate; results are float64, as in pandas.

    Parameters
    ----------
    make
        Gives an aggregate by name over a frame of rows, null where too few values are not null; takes its options.
    frame
        Rows seen from each row.
    min_periods
        Values, not null, below which the result is null; for ``count``, as in pandas, rows.
    """

    def __init__(self, make: Callable[..., Any], frame: Frame, min_periods: int) -> None:
        self._make, self._frame, self._min_periods = make, frame, min_periods

    def _aggregate(self, function: str, **options: Any) -> Any:
        return self._make(function, self._frame, self._min_periods, **options)


class GroupRolling(Rolling):
    """Rows that move with each row of a group, of which columns may be chosen afterwards.

    Parameters
    ----------
    own
        The moving rows of all columns.
    choose
        Gives those of a column, or of a list of columns; None for a name that is no column.
    columns
        The columns that are aggregated, None of a single one.
    """

    def __init__(
        self, own: Rolling, choose: Callable[[str | list[str]], Rolling | None], columns: list[str] | None
    ) -> None:
        super().__init__(own._make, own._frame, own._min_periods)  # noqa: SLF001  # its own class
        self._choose, self._chosen = choose, columns

    def _columns(self) -> list[str] | None:
        return self._chosen

    def __getitem__(self, columns: str | list[str]) -> Any:
        return self._choose(columns)

    def __getattr__(self, name: str) -> Any:
        made = None if name.startswith("_") else self._choose(name)
        if made is None:
            raise not_found("Rolling", name, dir(type(self)))
        return made


class Weighted:
    """The rows so far, of which each weighs less by a share than the next, waiting for an aggregate.

    Parameters
    ----------
    mean
        Gives their mean.
    """

    def __init__(self, mean: Callable[[], Any]) -> None:
        self._mean = mean

    def mean(self) -> Any:
        """Return the mean, as float64; null before the first value."""
        return self._mean()


class RowsSoFar:
    """Methods that give all rows up to each row, of what computes an aggregate over rows around each of its rows."""

    __slots__ = ()

    if TYPE_CHECKING:

        def _rolled(
            self, function: str, frame: Frame, least: int, order: tuple[SortKey, ...] = (), **options: Any
        ) -> Any:
            """Return an aggregate over a frame of rows, null where fewer than ``least`` values are not null."""

    def expanding(self, min_periods: int = 1) -> Moving:
        """Return all rows (of the group) up to each row, for an aggregate; null before ``min_periods`` values."""
        return Rolling(self._rolled, rows_between(UNBOUNDED_PRECEDING), min_periods)

    def ewm(
        self,
        com: float | None = None,
        span: float | None = None,
        halflife: float | None = None,
        alpha: float | None = None,
        min_periods: int = 0,
        *,
        adjust: bool = True,
        ignore_na: bool = False,
    ) -> Weighted:
        """Return the rows so far, of which each weighs less by the share ``alpha`` than the next; for their mean.

        Parameters
        ----------
        com, span, halflife, alpha
            One of them: ``alpha`` itself, or 1 / (1 + com), 2 / (1 + span), 1 - 0.5 ** (1 / halflife).
        min_periods
            Values below which the result is null.
        adjust
            Divide by the sum of the weights; else each mean is ``alpha`` of the value and the rest of the mean before.
        ignore_na
            Pass over nulls as if their rows were not there; else the weights shrink there, too.
        """
        share = _share({"com": com, "span": span, "halflife": halflife, "alpha": alpha})
        mean = partial(self._rolled, "ewm_mean", rows_between(UNBOUNDED_PRECEDING), min_periods)
        return Weighted(partial(mean, alpha=share, adjust=adjust, ignore_na=ignore_na))


def _share(weights: Mapping[str, float | None]) -> float:
    """Return the share of its weight that a row loses with each further one."""
    given = {name: value for name, value in weights.items() if value is not None}
    if len(given) != 1:
        raise PlanError("ewm takes exactly one of com, span, halflife and alpha")
    ((name, value),) = given.items()
    least, inside = {"com": (0.0, True), "span": (1.0, True)}.get(name, (0.0, False))
    if not (value >= least if inside else value > least) or (name == "alpha" and value > 1):
        allowed = {"com": "from 0 on", "span": "from 1 on", "halflife": "above 0"}.get(name, "above 0, up to 1")
        raise PlanError(f"ewm needs {name} {allowed}, not {value!r}")
    match name:
        case "com":
            return 1 / (1 + value)
        case "span":
            return 2 / (1 + value)
        case "halflife":
            return 1 - exp(log(0.5) / value)
    return value
