"""Compute sums that differ by a constant in each row from one sum and one count."""

from __future__ import annotations

from ...expr import (
    AggregateCall,
    Call,
    Cast,
    Column,
    Expr,
    Literal,
    NamedAggregate,
    NamedExpr,
    aggregate,
    call,
    literal,
)
from ...plan import Aggregate, Plan, Project
from ...records import dataclass, replace
from ...traversal import transform_up
from ..context import OptimizerContext, concerning
from ..expressions import widens
from ..partials import FreshNames, column
from ..properties import bounds
from ..simplify import integer_range

_FAR = 2**30
"""Beyond it the sums of four thousand million rows might not fit into 64 bits."""


_CONCERNS = frozenset({Aggregate})


@concerning(_CONCERNS)
def combine_sums(plan: Plan, context: OptimizerContext) -> Plan:
    """Write ``sum(x + 1), sum(x + 2)`` with ``sum(x)`` and ``count(x)``, where no ``x + 1`` can overflow."""
    return transform_up(plan, _rewrite, context.settled[combine_sums], _CONCERNS)


@dataclass(frozen=True, slots=True)
class _Shifted:
    """A sum of an integer expression to which each row adds a constant."""

    base: Expr
    by: int
    where: Expr | None

    @property
    def key(self) -> tuple[str, str, str]:
        """What is the same for sums of the same base: by their text, as in `merge_aggregates`."""
        return str(self.base), str(self.base.dtype), str(self.where)

    @property
    def total(self) -> AggregateCall:
        return replace(aggregate("sum", self.base), filter=self.where)

    @property
    def count(self) -> AggregateCall:
        return replace(aggregate("count", self.base), filter=self.where)


def _rewrite(node: Plan) -> Plan:
    if not isinstance(node, Aggregate) or len(node.aggregates) < 2:
        return node
    sums = {named.name: made for named in node.aggregates if (made := _shifted(named.call, node.input)) is not None}
    if not sums:
        return node
    of_base: dict[tuple[str, str, str], list[str]] = {}
    for name, made in sums.items():
        of_base.setdefault(made.key, []).append(name)
    asked = {str(named.call) for named in node.aggregates}
    groups = (names for names in of_base.values() if len(names) > 1 or str(sums[names[0]].total) in asked)
    combined = {name for names in groups for name in names}
    if not combined:
        return node
    names = FreshNames(field.name for field in (*node.schema, *node.input.schema))
    kept = [named for named in node.aggregates if named.name not in combined]
    known = {str(named.call): named for named in kept}

    def value(own: AggregateCall) -> Expr:
        if str(own) not in known:
            known[str(own)] = NamedAggregate(name=names.fresh(own.function), call=own)
            kept.append(known[str(own)])
        return column(known[str(own)])

    parts: dict[tuple[str, str, str], tuple[Expr, Expr]] = {}

    def result(named: NamedAggregate) -> Expr:
        if named.name not in combined:
            return column(named)
        made = sums[named.name]
        if made.key not in parts:
            parts[made.key] = value(made.total), value(made.count)
        total, count = parts[made.key]
        return call("add", total, call("multiply", count, literal(made.by)))

    exprs = [NamedExpr(name=key.name, expr=column(key)) for key in node.keys]
    exprs += [NamedExpr(name=named.name, expr=result(named)) for named in node.aggregates]
    return Project(input=replace(node, aggregates=tuple(kept)), exprs=tuple(exprs))


def _shifted(own: AggregateCall, below: Plan) -> _Shifted | None:
    if own.function != "sum" or own.distinct or not own.dtype.is_integer:
        return None
    (arg,) = own.args
    while isinstance(arg, Cast) and arg.arg.dtype.is_integer and widens(arg.arg.dtype, arg.dtype):
        arg = arg.arg
    if not isinstance(arg, Call) or arg.function not in ("add", "subtract"):
        return None
    base, constant = arg.args
    if arg.function == "add" and isinstance(base, Literal):
        base, constant = constant, base
    if not isinstance(constant, Literal) or constant.value is None or not base.dtype.is_integer:
        return None
    by = constant.value if arg.function == "add" else -constant.value
    low, high = _bounds(base, below)
    least, greatest = integer_range(arg.dtype)
    if low + by < least or high + by > greatest or max(-low, high, abs(by)) > _FAR:
        return None
    return _Shifted(base, by, own.filter)


def _bounds(expr: Expr, below: Plan) -> tuple[int, int]:
    """Return bounds of an integer expression's values: of its type, or what its source says of a column."""
    low, high = integer_range(expr.dtype)
    while isinstance(expr, Cast) and expr.arg.dtype.is_integer:
        expr = expr.arg
        least, greatest = integer_range(expr.dtype)
        low, high = max(low, least), min(high, greatest)
    if isinstance(expr, Column):
        least, greatest = bounds(below, expr.name)
        low, high = max(low, low if least is None else least), min(high, high if greatest is None else greatest)
    return low, high
