"""``merge_asof``: each row beside the nearest one below it, or above it, in another frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..dtypes import common_type
from ..errors import PlanError, TypeMismatch, suggestion
from ..expr import cast, literal
from ..plan import CURRENT_ROW, UNBOUNDED_PRECEDING, Frame, FrameUnit, Union, over, window_call
from .arguments import explaining
from .series import Series

if TYPE_CHECKING:
    from .frame import DataFrame

_DIRECTIONS = ("backward", "forward")
_ON, _SIDE, _ROW, _NEAR, _AT = (f"__asof_{name}" for name in ("on", "side", "row", "near", "at"))


@explaining
def merge_asof(
    left: DataFrame,
    right: DataFrame,
    on: str,
    *,
    by: str | Sequence[str] = (),
    direction: str = "backward",
    allow_exact_matches: bool = True,
    tolerance: Any = None,
    suffixes: tuple[str, str] = ("_x", "_y"),
) -> DataFrame:
    """Return each row of ``left`` beside the row of ``right`` whose ``on`` is nearest to its own; else beside nulls.

    Neither frame has to be sorted, and rows come in no promised order. A row whose ``on`` is null has no partner.

    Parameters
    ----------
    on
        A column of both frames: numbers or times.
    by
        Columns that must be equal, too.
    direction
        ``backward`` looks for the greatest that is not above (of equal ones the last), ``forward`` for the least that
        is not below (of equal ones the first).
    allow_exact_matches
        Whether one that is equal counts.
    tolerance
        Greatest distance: a number, or a ``datetime.timedelta`` for times.
    suffixes
        Added to names that both frames have and that are neither ``on`` nor ``by``.

    Raises
    ------
    TypeMismatch
        If ``on`` is neither of numbers nor of times.
    """
    if direction not in _DIRECTIONS:
        raise PlanError(f"merge_asof has no direction {direction!r}{suggestion(direction, _DIRECTIONS)}")
    keys = [by] if isinstance(by, str) else list(by)
    for frame in (left, right):
        frame.schema.select((on, *keys))
    kind = common_type(left.schema[on].dtype, right.schema[on].dtype)
    if kind is None or not (kind.is_numeric or kind.is_temporal):
        raise TypeMismatch(f"merge_asof needs numbers or times in {on!r}; it is {left.schema[on].dtype}")
    forward = direction == "forward"
    theirs = right[right[on].notna()]
    theirs = theirs.assign(**{_ON: Series(theirs, cast(theirs[on].expr, kind))})
    theirs = theirs.assign(**{_ROW: Series(theirs, over(window_call("row_number")))})
    side = 0 if allow_exact_matches else 2  # whether equal ones of the other frame come before a row or after it
    marks = theirs.select(_ON, _ROW, *keys).assign(**{_SIDE: side})
    ours = left.assign(**{_ON: Series(left, cast(left[on].expr, kind)), _SIDE: 1})
    rows = _together(ours, marks).sort_values([_ON, _SIDE, _ROW], ascending=[not forward, True, not forward])
    rows = rows.assign(**{_NEAR: _carried(rows, _ROW, keys), _AT: _carried(rows, _ON, keys)})
    near: DataFrame = rows[rows[_SIDE] == 1]
    fits = near[_ON].notna()
    if tolerance is not None:
        ahead = near[_AT] - near[_ON] if forward else near[_ON] - near[_AT]
        fits &= ahead <= tolerance
    near = near.assign(**{_NEAR: near[_NEAR].where(fits)}).drop(columns=[_ON, _SIDE, _ROW, _AT])
    partners = theirs.drop(columns=[on, *keys, _ON]).rename(columns={_ROW: _NEAR})
    return near.merge(partners, how="left", on=_NEAR, suffixes=suffixes).drop(columns=_NEAR)


def _together(ours: DataFrame, marks: DataFrame) -> DataFrame:
    """Return the rows of both frames, with nulls in the columns that only one of them has."""
    fields = {f.name: f.dtype for f in (*ours.schema, *marks.schema)}
    both = []
    for frame in (ours, marks):
        missing = {n: Series(frame, cast(literal(None), t)) for n, t in fields.items() if n not in frame.schema}
        both.append(frame.assign(**missing).select(*fields))
    return both[0].with_plan(Union(inputs=tuple(frame.plan for frame in both)))


def _carried(rows: DataFrame, name: str, keys: list[str]) -> Series:
    """Return a column's value in the last row so far, of those with equal keys, that is of the other frame."""
    value = rows[name].where(rows[_SIDE] != 1).expr
    frame = Frame(unit=FrameUnit.ROWS, start=UNBOUNDED_PRECEDING, end=CURRENT_ROW)
    last = window_call("last_value", value, frame=frame, ignore_nulls=True)
    return Series(rows, over(last, tuple(rows[key].expr for key in keys)))
