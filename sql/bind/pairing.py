"""Joins by order: ASOF with the nearest row before or after, POSITIONAL with the row of the same place.

Both are made of windows and ordinary joins. An ASOF join lays the rows of both sides behind one another in the order of
its inequality, lets each left row remember the last right row before it, and then fetches that row by its number.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...engine import dtypes
from ...engine.expr import Column, Expr, NamedExpr, SortKey, call, case, literal
from ...engine.plan import (
    CURRENT_ROW,
    UNBOUNDED_PRECEDING,
    Frame,
    FrameUnit,
    Join,
    JoinKind,
    NamedWindow,
    Plan,
    Project,
    Union,
    Window,
    filtered,
    window_call,
)
from ...engine.records import dataclass
from .joins import JoinCondition, joined
from .names import Names

_SO_FAR = Frame(unit=FrameUnit.ROWS, start=UNBOUNDED_PRECEDING, end=CURRENT_ROW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """What an ASOF join pairs by.

    Attributes
    ----------
    on
        Pairs of a left and a right expression that must be equal.
    left, right
        The two sides of the inequality.
    function
        Its name: ``greater_equal``, ``greater``, ``less_equal`` or ``less``.
    """

    on: tuple[tuple[Expr, Expr], ...]
    left: Expr
    right: Expr
    function: str

    @property
    def backward(self) -> bool:
        """Whether the nearest row lies before, rather than after."""
        return self.function.startswith("greater")

    @property
    def strict(self) -> bool:
        """Whether a row at the same place does not count."""
        return not self.function.endswith("equal")


def numbered(names: Names, plan: Plan) -> tuple[Plan, Column]:
    """Return a plan with the number of each row, in the order of the rows."""
    number = Column(name=names.fresh("row"), dtype=dtypes.int64)
    window = NamedWindow(name=number.name, call=window_call("row_number"))
    return Window(input=plan, functions=(window,), keeps_order=True), number


def positional(names: Names, left: Plan, right: Plan) -> Plan:
    """Return the n-th rows of both sides beside each other; nulls where one side has fewer."""
    first, own = numbered(names, left)
    second, theirs = numbered(names, right)
    return joined(first, second, "FULL", JoinCondition(on=((own, theirs),)))


def asof(names: Names, left: Plan, right: Plan, nearest: Nearest, *, outer: bool) -> Plan:
    """Return each left row beside the nearest right row; with ``outer`` also those that have none."""
    right, number = numbered(names, filtered(right, _known(nearest, side=1)))
    keys = [Column(name=names.fresh("key"), dtype=own.dtype) for own, _ in nearest.on]
    place = Column(name=names.fresh("place"), dtype=nearest.left.dtype)
    side = Column(name=names.fresh("side"), dtype=dtypes.int64)
    candidate = Column(name=names.fresh("candidate"), dtype=dtypes.int64)
    added = (*keys, place, side, candidate)
    # Of two rows at one place the one that counts comes first.
    last, first = literal(1), literal(0)
    ours: list[Expr] = [*(own for own, _ in nearest.on), nearest.left, first if nearest.strict else last]
    theirs: list[Expr] = [*(found for _, found in nearest.on), nearest.right, last if nearest.strict else first]
    own = [Column(name=f.name, dtype=f.dtype) for f in left.schema]
    rows = Union(
        inputs=(
            _projected(left, [*own, *added], [*own, *ours, literal(None, dtypes.int64)]),
            _projected(right, [*own, *added], [*(literal(None, c.dtype) for c in own), *theirs, number]),
        )
    )
    matched = Column(name=names.fresh("matched"), dtype=dtypes.int64)
    remembered = window_call("last_value", candidate, frame=_SO_FAR, ignore_nulls=True)
    window = Window(
        input=rows,
        functions=(NamedWindow(name=matched.name, call=remembered),),
        partition_by=tuple(keys),
        order_by=(SortKey(expr=place, descending=not nearest.backward), SortKey(expr=side)),
    )
    only_left = filtered(window, [call("equal", side, first if nearest.strict else last)])
    known = [call("is_not_null", column) for column in (*keys, place)]
    wanted = Column(name=names.fresh("wanted"), dtype=dtypes.int64)
    found: Expr = matched
    for condition in known:
        found = case([(condition, found)])
    looking = _projected(only_left, [*own, wanted], [*own, found])
    return Join(left=looking, right=right, kind=JoinKind.LEFT if outer else JoinKind.INNER, on=((wanted, number),))


def _known(nearest: Nearest, side: int) -> list[Expr]:
    return [call("is_not_null", pair[side]) for pair in (*nearest.on, (nearest.left, nearest.right))]


def _projected(plan: Plan, columns: Sequence[Column], exprs: Sequence[Expr]) -> Plan:
    pairs = zip(columns, exprs, strict=True)
    return Project(input=plan, exprs=tuple(NamedExpr(name=column.name, expr=expr) for column, expr in pairs))
