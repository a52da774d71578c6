"""Methods of frames that go by the columns marked as index, or by a column of times in their place."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from .. import dtypes
from ..dtypes import Kind, common_type
from ..errors import PlanError, TypeMismatch, suggestion
from ..expr import cast, literal
from .core import Core
from .loc import valid_label
from .measures import only_index
from .resample import at_intervals
from .series import Series

if TYPE_CHECKING:
    from .frame import DataFrame

_BOUNDS = ("both", "left", "right", "neither")
_CLOCKS = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%H%M", "%H%M%S", "%I:%M%p", "%I:%M:%S%p", "%I%M%p", "%I%M%S%p", "%I%p")
_MARK = "__there"


class Labels(Core):
    """Methods of `DataFrame` that go by the columns marked as index."""

    __slots__ = ()

    # times

    def at_time(self, time: dt.time | str, *, on: str | None = None) -> DataFrame:
        """Return the rows at a time of day: a ``datetime.time`` or a text such as ``"9:30"``.

        ``on`` is the column of times, by default the one that is marked as index.
        """
        here: Series = self._clock(on, "at_time") == _time_of_day(time)
        return self.filter(here)

    def between_time(
        self, start_time: dt.time | str, end_time: dt.time | str, inclusive: str = "both", *, on: str | None = None
    ) -> DataFrame:
        """Return the rows between two times of day, past midnight where the end is the earlier one; see `at_time`.

        ``inclusive`` is ``both``, or ``left``, ``right`` or ``neither`` bound.
        """
        if inclusive not in _BOUNDS:
            raise PlanError(f"inclusive is one of {', '.join(_BOUNDS)}, not {inclusive!r}")
        clock, start, end = self._clock(on, "between_time"), _time_of_day(start_time), _time_of_day(end_time)
        after: Series = clock >= start if inclusive in ("both", "left") else clock > start
        before: Series = clock <= end if inclusive in ("both", "right") else clock < end
        return self.filter(after & before if start <= end else after | before)

    def _clock(self, on: str | None, method: str) -> Series:
        column = self._own[self._of_times(on, method)]
        return Series(self._own, cast(column.expr, dtypes.time("us")))

    def _of_times(self, on: str | None, method: str) -> str:
        """Return the name of the column of times."""
        if on is None and len(self.index) != 1:
            raise PlanError(f"{method} needs its column of times: {method}(…, on='t')")
        name = self.index[0] if on is None else on
        if self.schema[name].dtype.kind is not Kind.TIMESTAMP:
            raise TypeMismatch(f"{method} needs timestamps; {name!r} is {self.schema[name].dtype}")
        return name

    def tz_localize(self, tz: str | None) -> DataFrame:
        """Take the local times in the column marked as index as those of a zone; see `DatetimeAccessor.tz_localize`."""
        name = self._of_times(None, "tz_localize")
        return self._replaced_labels(name, self._own[name].dt.tz_localize(tz))

    def tz_convert(self, tz: str | None) -> DataFrame:
        """Show the same instants, in the column marked as index, in another zone."""
        name = self._of_times(None, "tz_convert")
        return self._replaced_labels(name, self._own[name].dt.tz_convert(tz))

    def asfreq(self, freq: str, *, method: str | None = None, fill_value: Any = None) -> DataFrame:
        """Return the rows at equal lengths of time, by the column of times that is marked as index, in its order.

        The plan runs for the first and the last time.

        Parameters
        ----------
        freq
            ``D``, ``6h``, ``MS`` and their like; see `Resampler`.
        method
            Where there is no row: the one before (``ffill``) or after (``bfill``) instead.
        fill_value
            What to put there else; by default null.
        """
        return at_intervals(self._own, freq, only_index(self.index), method, fill_value)

    def _replaced_labels(self, name: str, labels: Series) -> DataFrame:
        return self.with_plan(self.assign(**{name: labels}).plan, index=self.index)

    # which labels

    def truncate(self, before: Any = None, after: Any = None) -> DataFrame:
        """Return the rows whose label, in the column marked as index, is neither below nor above some bounds."""
        label, frame = self._own[only_index(self.index)], self._own
        if before is not None:
            frame = frame.filter(label >= before)
        return frame if after is None else frame.filter(label <= after)

    def xs(self, key: Any, *, level: str | Sequence[str] | None = None, drop_level: bool = True) -> DataFrame:
        """Return the rows with some labels, without the columns that hold them.

        Parameters
        ----------
        key
            The label of the first column marked as index, or a tuple of labels of as many.
        level
            The columns that they are labels of instead.
        drop_level
            Whether to leave these columns out.
        """
        keys = key if isinstance(key, tuple) else (key,)
        names = self.index[: len(keys)] if level is None else (level,) if isinstance(level, str) else tuple(level)
        if len(names) != len(keys) or not names:
            raise PlanError(f"xs got {len(keys)} labels for {len(names)} columns marked as index; see set_index")
        frame = self._own
        for name, one in zip(self._levels(names), keys, strict=True):
            frame = frame.filter(frame[name] == one)
        return frame.select(*(name for name in frame.columns if name not in names)) if drop_level else frame

    def reindex(
        self, labels: Sequence[Any] | None = None, *, columns: Sequence[str] | None = None, fill_value: Any = None
    ) -> DataFrame:
        """Return the rows of some labels, or the columns of some names, in their order.

        Parameters
        ----------
        labels
            Values of the column marked as index, each once; those that there are not make rows of ``fill_value``.
        columns
            Names; columns that there are not hold ``fill_value``.
        fill_value
            By default null.
        """
        frame = self._own
        if labels is None and columns is None:
            raise PlanError("reindex needs labels of rows, or columns=")
        if columns is not None:
            kept = {name: frame[name] for name in frame.index if name not in columns}
            frame = frame.select(**kept, **{n: frame[n] if n in frame.schema else fill_value for n in columns})
        return frame if labels is None else frame._in_order(list(labels), fill_value)  # noqa: SLF001  # its own class

    def reindex_like(self, other: DataFrame) -> DataFrame:
        """Return the columns of another frame, and its labels of rows if it has one column marked as index."""
        if not other.index:
            return self.reindex(columns=other.columns)
        only_index(other.index)
        labels = other.select(*other.index).to_arrow().column(0).to_pylist()
        return self.reindex(labels, columns=[name for name in other.columns if name not in other.index])

    def _in_order(self, labels: list[Any], fill_value: Any) -> DataFrame:
        import pyarrow as pa

        from ..arrow import to_arrow_type

        name = only_index(self.index)
        kind = self.schema[name].dtype
        found = literal(next((one for one in labels if one is not None), None)).dtype
        shared = common_type(kind, found) or kind
        try:
            column = pa.array(labels, to_arrow_type(shared))
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise TypeMismatch(f"labels of {name!r} are {kind}: {error}") from error
        place = f"{_MARK}_place"
        wanted = type(self._own)(
            pa.table({name: column, place: pa.array(range(len(labels)), pa.int64())}), session=self.session
        )
        made = wanted.merge(self._own.assign(**{_MARK: 1}), how="left", on=name).sort_values(place)
        if fill_value is not None:
            missing = made[_MARK].isna()
            filled = {one: made[one].mask(missing, fill_value) for one in self._unmarked}
            made = made.select(name, **filled)
        return made.select(*self.columns).set_index(name)

    def combine_first(self, other: DataFrame) -> DataFrame:
        """Return the rows of both frames by their labels: this frame's values, where null the other's.

        Both have the same columns marked as index; rows come in their order, and columns that only one frame has are
        null where it has no row.
        """
        if not self.index or self.index != other.index:
            raise PlanError(
                "combine_first meets rows by columns marked as index, of the same names in both frames: "
                f"set_index('key') first; they have {list(self.index)} and {list(other.index)}"
            )
        keys = list(self.index)
        ours, theirs = self._unmarked, [name for name in other.columns if name not in keys]
        both = self._own.reset_index().merge(other.reset_index(), how="outer", on=keys, suffixes=("", "__other"))
        made = {}
        for name in [*ours, *(one for one in theirs if one not in ours)]:
            shared = name in ours and name in theirs
            made[name] = both[name].fillna(both[f"{name}__other"]) if shared else both[name]
        return both.select(*keys, **made).sort_values(keys).set_index(keys)

    # levels

    def droplevel(self, level: int | str | Sequence[int | str]) -> DataFrame:
        """Return the frame without some of the columns marked as index, by their names or places."""
        gone = self._levels(level)
        if len(gone) == len(self.index):
            raise PlanError("droplevel leaves one column marked as index; reset_index(drop=True) leaves none")
        return self.select(*(name for name in self.columns if name not in gone))

    def swaplevel(self, i: int | str = -2, j: int | str = -1) -> DataFrame:
        """Return the frame with two of the columns marked as index in each other's place."""
        one, two = self._levels([i, j])
        swapped = {one: two, two: one}
        return self.reorder_levels([swapped.get(name, name) for name in self.index])

    def reorder_levels(self, order: Sequence[int | str]) -> DataFrame:
        """Return the frame with the columns marked as index in another order."""
        names = self._levels(order)
        if sorted(names) != sorted(self.index):
            raise PlanError(f"reorder_levels needs each of {', '.join(self.index) or 'no columns'} once")
        return self.set_index(names)

    def set_index(self, keys: str | Sequence[str]) -> DataFrame:
        """Mark columns as index: they stay columns, and ``to_pandas`` makes them its index."""
        names = (keys,) if isinstance(keys, str) else tuple(keys)
        self.schema.select(names)
        return self.with_plan(self.plan, index=names)

    def _levels(self, given: int | str | Sequence[int | str]) -> list[str]:
        """Return the names of columns marked as index."""
        names = []
        for one in [given] if isinstance(given, int | str) else given:
            if isinstance(one, int) and -len(self.index) <= one < len(self.index):
                names.append(self.index[one])
            elif one in self.index:
                names.append(str(one))
            else:
                near = suggestion(str(one), self.index) if self.index else ""
                raise PlanError(f"no column {one!r} is marked as index{near or '; see set_index'}")
        return names

    def first_valid_index(self) -> Any:
        """Run the plan and return the label, or number, of the first row with a value that is not null."""
        return self._valid_label(last=False)

    def last_valid_index(self) -> Any:
        """Run the plan and return the label, or number, of the last row with a value that is not null."""
        return self._valid_label(last=True)

    def _valid_label(self, *, last: bool) -> Any:
        known: Series = reduce(operator.or_, (self._own[name].notna() for name in self._unmarked or self.columns))
        return valid_label(known, last=last)


def _time_of_day(given: dt.time | str) -> dt.time:
    """Return a time of day, of a text as pandas reads it."""
    if isinstance(given, dt.time):
        if given.tzinfo is not None:
            raise PlanError(f"{given} has a zone; times of day are those of the column's zone: leave it out")
        return given
    if isinstance(given, str):
        for clock in _CLOCKS:
            try:
                return dt.datetime.strptime(given, clock).time()  # noqa: DTZ007  # a time of day has no zone
            except ValueError:
                continue
    raise PlanError(f"{given!r} is no time of day; write '9:30', '09:30:15' or a datetime.time")
