"""LIMIT, OFFSET, FETCH and TABLESAMPLE: which of the rows there are stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from ...engine import dtypes
from ...engine.errors import PlanError, SqlError
from ...engine.expr import Expr, SortKey, call, cast, literal
from ...engine.frame.sample import sampled_plan
from ...engine.plan import (
    WHOLE_PARTITION,
    Limit,
    Plan,
    Project,
    filtered,
    over,
    plan_windows,
    window_call,
)
from .bound import unchanged

if TYPE_CHECKING:
    from .query import QueryBinder


def limited(queries: QueryBinder, plan: Plan, node: exp.Expr, keys: Sequence[SortKey] = ()) -> Plan:
    """Return the rows that LIMIT and OFFSET of a node leave of those in the order of its ``keys``."""
    share = _share(queries, node)
    if share is not None:
        return _of_share(plan, share, _skipped(queries, node))
    if _with_ties(node):
        return _and_ties(queries, plan, node, keys)
    count, skipped = limits(queries, node)
    return plan if count is None and not skipped else Limit(input=plan, count=count, offset=skipped)


def limits(queries: QueryBinder, node: exp.Expr) -> tuple[int | None, int]:
    """Return how many rows LIMIT of a node leaves (None: all), and how many OFFSET skips."""
    limit, count = node.args.get("limit"), None
    if limit is not None:
        options = limit.args.get("limit_options")
        if _with_ties(node):
            raise queries.statement.source.unsupported(limit, "WITH TIES in a correlated subquery")
        if options is not None and options.args.get("percent"):
            raise queries.statement.source.unsupported(limit, "a percentage in LIMIT of a correlated subquery")
        count = _wanted(queries, limit)
    return count, _skipped(queries, node)


def _wanted(queries: QueryBinder, limit: exp.Expr) -> int | None:
    fetch = isinstance(limit, exp.Fetch)
    known = ("count", "direction", "limit_options") if fetch else ("expression", "limit_options")
    queries.statement.allow_only(limit, known, "FETCH" if fetch else "LIMIT")
    wanted = limit.args.get("count") or exp.Literal.number(1) if fetch else limit.expression
    return _count(queries, wanted, "FETCH" if fetch else "LIMIT")


def _with_ties(node: exp.Expr) -> bool:
    limit = node.args.get("limit")
    options = None if limit is None else limit.args.get("limit_options")
    return options is not None and bool(options.args.get("with_ties"))


def _and_ties(queries: QueryBinder, plan: Plan, node: exp.Expr, keys: Sequence[SortKey]) -> Plan:
    """Keep so many rows, and those that equal the last of them in the keys."""
    limit: exp.Expr = node.args["limit"]
    if node.args.get("order") is None:
        raise queries.statement.source.error(limit, "WITH TIES needs an ORDER BY, which says what rows tie in")
    count, skipped = _wanted(queries, limit), _skipped(queries, node)
    conditions = [call("greater", over(window_call("row_number")), literal(skipped))]
    if count is not None:
        # No row ties with the last of none.
        last = literal(skipped + count if count else 0)
        conditions.append(call("less_equal", over(window_call("rank"), (), keys), last))
    return _kept(plan, conditions)


def _skipped(queries: QueryBinder, node: exp.Expr) -> int:
    offset = node.args.get("offset")
    return 0 if offset is None else _count(queries, offset.expression, "OFFSET") or 0


def _count(queries: QueryBinder, node: exp.Expr, clause: str) -> int | None:
    value = queries.value(node, clause)
    if value.value is None:
        return None
    if (
        isinstance(value.value, bool)
        or not value.dtype.is_numeric
        or value.value < 0
        or value.value != int(value.value)
    ):
        raise queries.statement.source.error(node, f"{clause} must be a whole number of at least 0, not {value}")
    return int(value.value)


def _share(queries: QueryBinder, node: exp.Expr) -> float | None:
    """Return the share of the rows, in percent, that LIMIT asks for; None where it asks for a number of rows."""
    limit = node.args.get("limit")
    options = None if limit is None else limit.args.get("limit_options")
    if limit is None or options is None or not options.args.get("percent"):
        return None
    wanted: exp.Expr = limit.args["count"] if isinstance(limit, exp.Fetch) else limit.expression
    value = queries.value(wanted, "LIMIT")
    if not value.dtype.is_numeric or value.value is None or not 0 <= value.value <= 100:
        raise queries.statement.source.error(wanted, f"a share in LIMIT lies between 0 and 100 percent, not at {value}")
    return float(value.value)


def _of_share(plan: Plan, share: float, skipped: int) -> Plan:
    """Keep a share of the rows, in their order; how many rows there are is known only when the plan runs."""
    number, total = over(window_call("row_number")), over(window_call("size", frame=WHOLE_PARTITION))
    # The share of the rows, rounded down: compared with a place, a fraction makes no difference.
    wanted = call("divide", call("multiply", cast(total, dtypes.float64), literal(share)), literal(100.0))
    last = call("less_equal", call("subtract", cast(number, dtypes.float64), literal(float(skipped))), wanted)
    return _kept(plan, [last, call("greater", number, literal(skipped))])


def _kept(plan: Plan, conditions: Sequence[Expr]) -> Plan:
    """Return the rows that pass conditions with window functions, in their order."""
    numbered, tests = plan_windows(plan, conditions, keeps_order=True)
    kept = filtered(numbered, tests)
    return Project(input=kept, exprs=unchanged(plan.schema))


def sampled(queries: QueryBinder, plan: Plan, node: exp.Expr) -> Plan:
    """Return the rows that a TABLESAMPLE or USING SAMPLE leaves; each row has the same chance."""
    statement = queries.statement
    statement.allow_only(node, ("method", "percent", "size", "seed"), "TABLESAMPLE")
    seed_node = node.args.get("seed") or None  # False where a method alone stands behind it
    seed = None if seed_node is None else _count(queries, seed_node, "the seed of a sample")
    percent = node.args.get("percent")
    try:
        if percent is None:
            return sampled_plan(plan, _count(queries, node.args["size"], "the size of a sample"), None, seed)
        share = queries.value(percent, "TABLESAMPLE")
        if not share.dtype.is_numeric or share.value is None:
            raise statement.source.error(percent, f"the share of a sample must be a number, not {share}")
        return sampled_plan(plan, None, float(share.value) / 100, seed)
    except SqlError:
        raise
    except PlanError as error:
        raise statement.source.error(percent or node, str(error)) from None
