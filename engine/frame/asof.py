"""``merge_asof``: each row beside the nearest one below it, or above it, in another frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..dtypes import common_type
from ..errors import PlanError, TypeMismatch, suggestion
from ..expr import Column, Expr, NamedExpr, case
from ..plan import Nearest, Plan, Project, nearest_join
from .arguments import explaining
from .join import sides_of
from .series import Series

if TYPE_CHECKING:
    from .frame import DataFrame

_DIRECTIONS = ("backward", "forward")


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
        Columns that must be equal, too; nulls equal each other.
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
    sides = sides_of(left, right, [(name, name) for name in (on, *keys)], suffixes)
    place, *equal = sides.on
    ahead = direction == "forward"
    function = ("less" if ahead else "greater") + ("_equal" if allow_exact_matches else "")
    nearest = Nearest(on=tuple(equal), left=place[0], right=place[1], function=function, nulls_equal=True)
    joined = nearest_join(sides.left, sides.right, nearest, outer=True, fresh=lambda name: f"__asof_{name}")
    fits = None
    if tolerance is not None:
        frame = left.with_plan(joined)
        own, other = (Series(frame, expr) for expr in place)
        fits = ((other - own if ahead else own - other) <= tolerance).expr
    return left.with_plan(_given(joined, [*sides.left_names.values()], [*sides.right_names.values()], fits))


def _given(joined: Plan, ours: list[str], theirs: list[str], fits: Expr | None) -> Plan:
    """Return the columns that are asked for; those of the partner are null where it does not fit."""
    exprs = []
    for name in (*ours, *theirs):
        expr: Expr = Column(name=name, dtype=joined.schema[name].dtype)
        if fits is not None and name not in ours:
            expr = case([(fits, expr)])
        exprs.append(NamedExpr(name=name, expr=expr))
    return Project(input=joined, exprs=tuple(exprs))
