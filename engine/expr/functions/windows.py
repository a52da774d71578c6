"""Functions of a row's place in its partition."""

from __future__ import annotations

from ... import dtypes
from .. import rules as r
from .entry import WindowFunction, window

_NUMBER = r.nothing_to(dtypes.int64)
_SHARE = r.nothing_to(dtypes.float64)

WINDOWS: tuple[WindowFunction, ...] = (
    window("row_number", _NUMBER, "groupby(k).cumcount() + 1", "1, 2, … in the partition's order"),
    window("rank", _NUMBER, 'a.rank("min")', "1 + the number of rows before the row's peers"),
    window("dense_rank", _NUMBER, 'a.rank("dense")', "1 + the number of peer groups before the row's"),
    window("percent_rank", _SHARE, "", "(rank - 1) / (rows - 1); 0 for a single row"),
    window("cume_dist", _SHARE, "", "share of rows up to the row's last peer"),
    window("ntile", _NUMBER, "", "number of the row's bucket, of so many of nearly equal size", offset="buckets"),
    window("lag", r.shifted, "a.shift(n)", "value so many rows before, else the default", offset="distance"),
    window("lead", r.shifted, "a.shift(-n)", "value so many rows after, else the default", offset="distance"),
    window(
        "first_value",
        r.any_value,
        "a.bfill()",
        "value of the frame's first row",
        sql="first_value first",
        framed=True,
    ),
    window("last_value", r.any_value, "a.ffill()", "value of the frame's last row", sql="last_value last", framed=True),
    window("nth_value", r.any_value, "", "value of the frame's n-th row", framed=True, offset="n"),
    window(
        "ewm_mean",
        r.reals(1),
        "a.ewm(alpha=q).mean()",
        "mean of the values so far, each of which weighs less by a share than the next",
        sql="",
        options=("adjust", "alpha", "ignore_na"),
    ),
)
