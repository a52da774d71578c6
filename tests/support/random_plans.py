"""Random logical plans whose rows do not depend on the order of evaluation, as a hypothesis strategy."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.support.plans import col, scan
from tests.support.stages import doubled
from volley.engine import dtypes
from volley.engine.dtypes import DataType, Kind
from volley.engine.expr import (
    Column,
    Expr,
    NamedAggregate,
    NamedExpr,
    SortKey,
    aggregate,
    call,
    case,
    cast,
    in_list,
    literal,
)
from volley.engine.plan import (
    Aggregate,
    ColumnStatistics,
    Distinct,
    Filter,
    Join,
    JoinKind,
    Limit,
    NamedWindow,
    Plan,
    Project,
    Sort,
    Statistics,
    Union,
    Unnest,
    Window,
    window_call,
)

_LARGE = Statistics(rows=100_000, columns={"a": ColumnStatistics(distinct=100_000)})
TABLES = (
    scan("t", _LARGE, a="int64", b="int32", s="string", f="double", d="date"),
    scan("u", Statistics(rows=500), rows=25, a="int64", c="int32", s="string"),
    scan("v", None, rows=12, b="int32", g="double", e="bool"),
    scan("nothing", None, rows=0, a="int64", s="string"),
    scan("one", Statistics(rows=1), rows=1, a="int64", s="string", e="bool"),
    scan("void", None, rows=9, nulls=1.0, a="int64", b="int32", s="string", f="double"),
)
"""Tables whose claimed statistics differ from the truth on purpose: an estimate may not change an answer."""

Draw = Any
_CONSTANTS: dict[Kind, list[Any]] = {
    Kind.INT64: [-2, 0, 1, 2, 3, 7],
    Kind.INT32: [-1, 0, 2, 3],
    Kind.STRING: ["", "a", "ab", "c"],
    Kind.FLOAT64: [-1.5, 0.0, 0.5, float("nan")],
    Kind.DATE: [dt.date(2000, 1, 1), dt.date(1999, 12, 31)],
    Kind.BOOL: [True, False],
}
_COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "is_not_distinct")


def _constant(draw: Draw, dtype: DataType) -> Expr:
    if draw(st.integers(0, 9)) == 0:
        return literal(None, dtype)
    return literal(draw(st.sampled_from(_CONSTANTS[dtype.kind])), dtype)


def _value(draw: Draw, plan: Plan, dtype: DataType, depth: int) -> Expr:
    """Return an expression of a type over a plan's columns."""
    columns = [f for f in plan.schema if f.dtype == dtype]
    choice = draw(st.integers(0, 7 if depth > 0 else 2))
    if columns and choice <= 2:
        return col(plan, draw(st.sampled_from(columns)).name)
    if depth <= 0 or choice <= 3:
        return _constant(draw, dtype)
    if choice == 4:
        branch = (_predicate(draw, plan, depth - 1), _value(draw, plan, dtype, depth - 1))
        return case([branch], _value(draw, plan, dtype, depth - 1))
    if choice == 5:
        return call("coalesce", _value(draw, plan, dtype, depth - 1), _value(draw, plan, dtype, depth - 1))
    if dtype.kind is Kind.INT64:
        narrow = _value(draw, plan, dtypes.int32, depth - 1)
        small = _value(draw, plan, dtypes.int64, 0)
        return cast(narrow, dtypes.int64) if choice == 6 else call("add", small, literal(draw(st.sampled_from([0, 1]))))
    if dtype.kind is Kind.STRING:
        return call("concat", _value(draw, plan, dtype, depth - 1), literal("x"))
    if dtype.kind is Kind.BOOL:
        return _predicate(draw, plan, depth - 1)
    return _constant(draw, dtype)


def _comparison(draw: Draw, plan: Plan, depth: int) -> Expr:
    dtype = draw(st.sampled_from([f.dtype for f in plan.schema]))
    left, right = _value(draw, plan, dtype, depth - 1), _value(draw, plan, dtype, depth - 1)
    if dtype.kind is Kind.INT32 and draw(st.booleans()):
        left, right = cast(left, dtypes.int64), _value(draw, plan, dtypes.int64, 0)
    return call(draw(st.sampled_from(_COMPARISONS)), left, right)


def _predicate(draw: Draw, plan: Plan, depth: int) -> Expr:
    if depth <= 0:
        return _comparison(draw, plan, 0)
    choice = draw(st.integers(0, 8))
    if choice <= 3:
        return _comparison(draw, plan, depth)
    if choice <= 5:
        parts = (_predicate(draw, plan, depth - 1), _predicate(draw, plan, depth - 1))
        return call("and" if choice == 4 else "or", *parts)
    if choice == 6:
        return call("not", _predicate(draw, plan, depth - 1))
    field = draw(st.sampled_from(list(plan.schema)))
    if choice == 7:
        return call(draw(st.sampled_from(["is_null", "is_not_null"])), col(plan, field.name))
    if field.dtype.is_text and draw(st.booleans()):
        pattern = draw(st.sampled_from(["a%", "%b", "%a%", "a_", "ab", "%", "x\\%"]))
        return call("like", col(plan, field.name), pattern=pattern, escape="\\", fold=False)
    if field.dtype.is_float:
        return call("is_nan", col(plan, field.name))
    values = draw(st.lists(st.sampled_from([*_CONSTANTS[field.dtype.kind], None]), min_size=1, max_size=3))
    return in_list(col(plan, field.name), values)


def _project(draw: Draw, plan: Plan) -> Plan:
    names = draw(st.lists(st.sampled_from(plan.schema.names), min_size=1, unique=True))
    exprs = [NamedExpr(name=name, expr=col(plan, name)) for name in names]
    if draw(st.booleans()):
        exprs = [replace(e, name=f"{e.name}_") if draw(st.booleans()) else e for e in exprs]
    taken = {e.name for e in exprs}
    for _ in range(draw(st.integers(0, 2))):
        dtype = draw(st.sampled_from([dtypes.int64, dtypes.int32, dtypes.string, dtypes.bool_]))
        name = next(f"n{i}" for i in range(20) if f"n{i}" not in taken)
        taken.add(name)
        exprs.append(NamedExpr(name=name, expr=_value(draw, plan, dtype, 2)))
    unique = {e.name: e for e in exprs}
    return Project(input=plan, exprs=tuple(unique.values()))


def _join(draw: Draw, left: Plan, right: Plan) -> Plan:
    taken = set(left.schema.names)
    exprs = []
    for field in right.schema:
        name = field.name
        while name in taken:
            name += "_r"
        taken.add(name)
        exprs.append(NamedExpr(name=name, expr=col(right, field.name)))
    right = Project(input=right, exprs=tuple(exprs))
    pairs = [(a, b) for a in left.schema for b in right.schema if a.dtype == b.dtype]
    on = draw(st.lists(st.sampled_from(pairs), min_size=0, max_size=2, unique=True)) if pairs else []
    keys = tuple((Column(name=a.name, dtype=a.dtype), Column(name=b.name, dtype=b.dtype)) for a, b in on)
    kind = draw(st.sampled_from(list(JoinKind)))
    plain = Join(left=left, right=right, kind=kind, on=keys, nulls_equal=draw(st.integers(0, 4)) == 0)
    if draw(st.booleans()):
        return plain
    both = Join(left=left, right=right, kind=JoinKind.INNER, on=keys)
    return replace(plain, residual=_predicate(draw, both, 1))


def _aggregate(draw: Draw, plan: Plan) -> Plan:
    names = draw(st.lists(st.sampled_from(plan.schema.names), max_size=2, unique=True))
    keys = tuple(NamedExpr(name=f"k_{name}", expr=col(plan, name)) for name in names)
    calls = [aggregate("size")] if draw(st.booleans()) else []
    for field in draw(st.lists(st.sampled_from(list(plan.schema)), max_size=3)):
        functions = ["count", "min", "max"]
        functions += ["sum", "mean"] if field.dtype.is_integer else []
        functions += ["any", "all"] if field.dtype.kind is Kind.BOOL else []
        function = draw(st.sampled_from(functions))
        condition = _predicate(draw, plan, 1) if draw(st.integers(0, 3)) == 0 else None
        distinct = draw(st.booleans())
        calls.append(aggregate(function, col(plan, field.name), distinct=distinct, filter=condition))
    if not keys and not calls:
        calls = [aggregate("size")]
    aggregates = tuple(NamedAggregate(name=f"m{i}", call=c) for i, c in enumerate(calls))
    return Aggregate(input=plan, keys=keys, aggregates=aggregates)


def _top(draw: Draw, plan: Plan) -> Plan:
    """Return the first rows in an order that leaves no ties except between equal rows."""
    names = draw(st.permutations(plan.schema.names))
    keys = tuple(
        SortKey(expr=col(plan, name), descending=draw(st.booleans()), nulls_first=draw(st.booleans())) for name in names
    )
    ordered = Sort(input=plan, keys=keys)
    if draw(st.booleans()):
        return ordered
    return Limit(input=ordered, count=draw(st.integers(0, 9)), offset=draw(st.sampled_from([0, 0, 2])))


def _union(draw: Draw, plan: Plan) -> Plan:
    other = Filter(input=plan, predicate=_predicate(draw, plan, 1))
    return Union(inputs=(plan, other) if draw(st.booleans()) else (other, plan, other))


def _stage(draw: Draw, plan: Plan) -> Plan:
    numbers = [f.name for f in plan.schema if f.dtype == dtypes.int64]
    if not numbers or "twice" in plan.schema:
        return plan
    return doubled(plan, draw(st.sampled_from(numbers)))


def _unnest(draw: Draw, plan: Plan) -> Plan:
    """Return the values of one or two lists, some of them null, that are made of values of one type."""
    free = next(n for n in range(20) if not any(name.startswith(f"l{n}_") for name in plan.schema.names))
    kept = [NamedExpr(name=f.name, expr=col(plan, f.name)) for f in plan.schema]
    lists = []
    for number in range(draw(st.integers(1, 2))):
        dtype = draw(st.sampled_from([dtypes.int64, dtypes.string]))
        made = call("list_value", *(_value(draw, plan, dtype, 1) for _ in range(draw(st.integers(1, 3)))))
        if draw(st.booleans()):
            made = case([(_predicate(draw, plan, 1), made)])
        lists.append(NamedExpr(name=f"l{free}_{number}", expr=made))
    return Unnest(
        input=Project(input=plan, exprs=(*kept, *lists)),
        columns=tuple(one.name for one in lists),
        keeps_empty=draw(st.booleans()),
        ordinality=f"l{free}_at" if draw(st.booleans()) else None,
    )


def _window(draw: Draw, plan: Plan) -> Plan:
    """Return window functions that give rows equal in the ordering equal values."""
    names = draw(st.lists(st.sampled_from(plan.schema.names), max_size=2, unique=True))
    order = draw(st.lists(st.sampled_from(plan.schema.names), max_size=2, unique=True))
    # Without an order all rows are peers, which is no case of its own for a rank, and one that DuckDB 2.0 crashes on.
    calls = [window_call(draw(st.sampled_from(["rank", "dense_rank", "cume_dist"])) if order else "size")]
    for field in draw(st.lists(st.sampled_from(list(plan.schema)), max_size=2)):
        function = draw(st.sampled_from(["count", "min", "max"]))
        condition = _predicate(draw, plan, 1) if draw(st.integers(0, 3)) == 0 else None
        calls.append(window_call(function, col(plan, field.name), where=condition))
    free = next(n for n in range(20) if not any(name.startswith(f"w{n}_") for name in plan.schema.names))
    return Window(
        input=plan,
        functions=tuple(NamedWindow(name=f"w{free}_{i}", call=c) for i, c in enumerate(calls)),
        partition_by=tuple(col(plan, name) for name in names),
        order_by=tuple(SortKey(expr=col(plan, name), descending=draw(st.booleans())) for name in order),
        keeps_order=draw(st.booleans()),
    )


@st.composite
def random_plans(draw: Draw, depth: int = 5) -> Plan:
    """Return a plan over `TABLES` of at most ``depth`` operators above each scan."""
    plan: Plan = draw(st.sampled_from(TABLES))
    for left in range(draw(st.integers(0, depth)), 0, -1):
        match draw(st.integers(0, 15)):
            case 0 | 1 | 2 | 3:
                plan = Filter(input=plan, predicate=_predicate(draw, plan, 2))
            case 4 | 5:
                plan = _project(draw, plan)
            case 6 | 7 | 8:
                if len(plan.schema) < 16:
                    plan = _join(draw, plan, draw(random_plans(depth=min(2, left - 1))))
            case 9:
                plan = _aggregate(draw, plan)
            case 10:
                plan = _top(draw, plan)
            case 11:
                plan = _union(draw, plan) if draw(st.booleans()) else Distinct(input=plan)
            case 12:
                plan = _stage(draw, plan)
            case 13 | 14:
                if len(plan.schema) < 16:
                    plan = _window(draw, plan)
            case 15:
                if len(plan.schema) < 16:
                    plan = _unnest(draw, plan)
    return plan


@st.composite
def shared_groups(draw: Draw) -> Plan:
    """Return what two or three nodes read of one aggregation, each with a condition of its own, or with none."""
    groups = _aggregate(draw, draw(random_plans(depth=2)))
    if draw(st.booleans()):
        groups = _project(draw, groups)
    readers = [
        Filter(input=groups, predicate=_predicate(draw, groups, 2)) if draw(st.integers(0, 5)) else groups
        for _ in range(draw(st.integers(2, 3)))
    ]
    if draw(st.booleans()):
        return Union(inputs=tuple(readers))
    plan, *others = readers
    for other in others:
        plan = _join(draw, plan, other)
    return plan
