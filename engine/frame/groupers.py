"""``pandas.Grouper`` as a key of a group-by: equal lengths of time, or a column by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import PlanError
from .periods import Lengths
from .resample import Resampler

if TYPE_CHECKING:
    from .frame import DataFrame
    from .groupby import GroupBy

_DEFAULTS = ("-SUN", "-DEC", "-JAN")
"""What pandas adds to the names of weeks, quarters and years that begin and end as usual."""


def is_grouper(key: Any) -> bool:
    """Return whether this is a ``pandas.Grouper``, without importing pandas."""
    kind = type(key)
    return kind.__name__ in ("Grouper", "TimeGrouper") and kind.__module__.partition(".")[0] == "pandas"


def by_grouper(frame: DataFrame, grouper: Any, *, as_index: bool) -> GroupBy:
    """Return the groups of one grouper alone, also those without rows, as pandas has them."""
    if grouper.freq is None:
        return frame.groupby(_column(frame, grouper), as_index=as_index)
    return Resampler(frame, _rule(grouper), _column(frame, grouper)).groups(as_index=as_index)


def with_groupers(frame: DataFrame, keys: list[Any]) -> tuple[DataFrame, list[Any]]:
    """Return a frame whose times are the starts of the groupers' lengths, and the keys with names for groupers."""
    named = []
    for key in keys:
        if not is_grouper(key):
            named.append(key)
            continue
        column = _column(frame, key)
        if key.freq is not None:
            rule = _rule(key)
            if Lengths.of(rule, None).by_end:
                raise PlanError(f"beside other keys lengths of time are called by their starts, not by {rule!r}")
            frame = Resampler(frame, rule, column).started
        named.append(column)
    return frame, named


def _column(frame: DataFrame, grouper: Any) -> str:
    if grouper.key is None and len(frame.index) != 1:
        raise PlanError("a Grouper needs its column: pd.Grouper(key='t', freq='MS')")
    return str(grouper.key or frame.index[0])


def _rule(grouper: Any) -> str:
    """Return the rule of a grouper of times as ``resample`` takes it."""
    rule = str(grouper.freq.freqstr)
    for default in _DEFAULTS:
        rule = rule.removesuffix(default)
    usual = "right" if Lengths.of(rule, None).by_end else "left"
    if grouper.closed != usual or grouper.label != usual:
        raise PlanError(f"lengths of {rule!r} are closed and called by the {usual} end; leave out closed and label")
    return rule
