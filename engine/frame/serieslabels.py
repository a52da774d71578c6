"""Methods of a column that go by its frame's columns marked as index, or by the places of its values."""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import PlanError
from ..expr import SortKey, aggregate, all_of, call, case, literal
from ..plan import WHOLE_PARTITION, Unnest, over, window_call
from .loc import row_numbers, valid_label
from .udf import UserFunction
from .window import present_keys

if TYPE_CHECKING:
    from .frame import DataFrame
    from .groupby import GroupBy
    from .series import Series

_TIMES = "__times"


def _method(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **options: Any) -> Any:
        return getattr(self._labelled(), name)(*args, **options)[self.name]

    method.__name__ = name
    method.__doc__ = f"Return the values of rows by their labels; see `DataFrame.{name}`."
    return method


class SeriesLabels:
    """Methods of `Series` that go by the columns marked as index in its frame, or by places."""

    __slots__ = ()

    at_time = _method("at_time")
    between_time = _method("between_time")
    truncate = _method("truncate")
    asfreq = _method("asfreq")
    reindex = _method("reindex")
    xs = _method("xs")
    tz_localize = _method("tz_localize")
    tz_convert = _method("tz_convert")
    droplevel = _method("droplevel")
    swaplevel = _method("swaplevel")
    reorder_levels = _method("reorder_levels")
    sort_index = _method("sort_index")
    take = _method("take")

    @property
    def _own_column(self) -> Series:
        return typing.cast("Series", self)

    def _labelled(self) -> DataFrame:
        """Return a frame of the columns marked as index and of this one."""
        own = self._own_column
        index = own.frame.index
        if own.name in index:
            raise PlanError(f"{own.name!r} is marked as index itself; take the frame's method, or rename the column")
        return own.frame.select(*index, **{own.name: own})

    def resample(self, rule: str) -> GroupBy:
        """Group the values by equal lengths of time, which the column marked as index tells; see `Resampler`."""
        return self._labelled().resample(rule)[self._own_column.name]

    def drop(self, labels: Any = None, *, index: Any = None) -> Series:
        """Return the values of rows with other labels than some; see `DataFrame.drop`."""
        made: Series = self._labelled().drop(index=index if labels is None else labels)[self._own_column.name]
        return made

    def reset_index(self, *, drop: bool = False, name: str | None = None) -> Any:
        """Return a frame of the columns marked as index and of this one; with ``drop`` this one alone, as it is."""
        own = self._own_column
        if drop:
            return own
        return self._labelled().rename({own.name: own.name if name is None else name}).reset_index()

    def to_dict(self) -> dict[Any, Any]:
        """Run the plan and return the values by their labels, those of the columns marked as index, or row numbers."""
        labelled = self._labelled()
        *labels, values = (column.to_pylist() for column in labelled.collect().columns)
        if not labels:
            return dict(enumerate(values))
        return dict(zip(labels[0] if len(labels) == 1 else zip(*labels, strict=True), values, strict=True))

    def first_valid_index(self) -> Any:
        """Run the plan and return the label, or row number, of the first value that is not null; see `set_index`."""
        return valid_label(self._own_column.notna(), last=False)

    def last_valid_index(self) -> Any:
        """Run the plan and return the label, or row number, of the last value that is not null; see `set_index`."""
        return valid_label(self._own_column.notna(), last=True)

    def repeat(self, repeats: int | Series) -> Series:
        """Return each value so many times, one after the other; of a column as many as stand beside it."""
        own = self._own_column
        count = own.operand(repeats)
        times = call("list_range", literal(0), count, literal(1), inclusive=False)
        wide = self._labelled().with_plan(
            own.frame.select(*own.frame.index, **{own.name: own, _TIMES: own.derive(times)}).plan
        )
        long = wide.with_plan(Unnest(input=wide.plan, columns=(_TIMES,), keeps_empty=False), index=own.frame.index)
        made: Series = long[own.name]
        return made

    def factorize(self, *, sort: bool = False) -> tuple[Series, list[Any]]:
        """Return the number of each value among the distinct ones, -1 of null and NaN; and these, for which it runs.

        With ``sort`` the least value is first, else the one that is met first.
        """
        own = self._own_column
        known = all_of(present_keys([own.expr]))
        assert known is not None
        first = over(window_call("min", row_numbers(own.frame).expr, frame=WHOLE_PARTITION), (own.expr,))
        order = own.expr if sort else case([(known, first)])
        place = call("subtract", over(window_call("dense_rank"), (), (SortKey(expr=order),)), literal(1))
        codes = own.derive(case([(known, place)], literal(-1)))
        rows = own.frame.select(value=own, place=codes)
        distinct = rows.filter(rows.place >= 0).groupby("place").agg(value=("value", "first"))
        return codes, distinct["value"].to_list()

    def combine(
        self, other: Any, func: Callable[[Any, Any], Any], fill_value: Any = None, *, dtype: Any = None
    ) -> Series:
        """Return what a function makes of each value and that of another column; null where one of them is.

        ``fill_value`` takes the place of null before; ``dtype`` is the type of what the function returns, if it is
        neither annotated nor found by compiling; see `Series.apply`.
        """
        own = self._own_column
        beside = own.derive(own.operand(other))
        if fill_value is not None:
            own, beside = own.fillna(fill_value), beside.fillna(fill_value)
        user: Callable[..., Any] = func if isinstance(func, np.ufunc) else UserFunction(func, dtype=dtype)
        made: Series = user(own, beside)
        return made.rename(self._own_column.name)

    def compare(self, other: Series) -> DataFrame:
        """Return the rows where another column of the frame has another value, as ``self`` and ``other``."""
        own = self._own_column
        both = own.frame.select(*own.frame.index, own.rename("self"), own.derive(own.operand(other), "other"))
        differs = (both["self"] != both["other"]).fillna(both["self"].isna() != both["other"].isna())
        return both.filter(differs)

    def searchsorted(self, value: Any, side: str = "left") -> Any:
        """Run the plan and return the place at which a value, or each of a list, keeps values in order if put there.

        ``side`` tells whether it is the ``left`` or the ``right`` one of equal values. The values are taken as sorted.
        """
        if side not in ("left", "right"):
            raise PlanError(f"side is 'left' or 'right', not {side!r}")
        own = self._own_column
        several = isinstance(value, Sequence) and not isinstance(value, str)
        tests = [own < one if side == "left" else own <= one for one in (value if several else [value])]
        calls = {f"v{i}": aggregate("count", case([(test.expr, literal(1))])) for i, test in enumerate(tests)}
        places = list(own.frame.reduce(**calls).values())
        return places if several else places[0]

    def argsort(self) -> Series:
        """Return the places of the values, from 0, in the order of the values; nulls come last."""
        own = self._own_column
        rows = own.frame.select(value=own, argsort=row_numbers(own.frame))
        made: Series = rows.sort_values("value", stable=True)["argsort"]
        return made
