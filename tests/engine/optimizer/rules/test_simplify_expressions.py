from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from tests.support.duckdb_oracle import Oracle
from tests.support.plans import col, compare, group, join, scan, select, where, window
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine import dtypes
from volley.engine.expr import (
    Call,
    Expr,
    InList,
    SortKey,
    aggregate,
    all_of,
    any_of,
    call,
    case,
    cast,
    in_list,
    literal,
)
from volley.engine.optimizer import OptimizerContext
from volley.engine.optimizer.rules.simplify_expressions import simplify_expressions
from volley.engine.plan import CURRENT_ROW, Frame, FrameUnit, Plan, Sort, preceding, window_call

T = scan("t", a="int64", b="int32", s="string", f="double", d="date", p="bool", q="bool", m="decimal(9,2)")
A, B, S, F, D, P, Q, M = (col(T, name) for name in T.schema.names)
ONE, TWO, NULL = literal(1), literal(2), literal(None, dtypes.int64)


def eq(left: Expr, right: Expr) -> Expr:
    return call("equal", left, right)


def any_(*parts: Expr) -> Expr:
    joined = any_of(parts)
    assert joined is not None
    return joined


def all_(*parts: Expr) -> Expr:
    joined = all_of(parts)
    assert joined is not None
    return joined


def like(pattern: str, *, fold: bool = False) -> Expr:
    return call("like", S, pattern=pattern, escape="\\", fold=fold)


def values(**exprs: Expr) -> Plan:
    return select(T, **exprs)


CASES: dict[str, Plan] = {
    "constants are folded": values(
        sum=call("add", ONE, TWO),
        day=cast(literal("2001-07-04"), dtypes.date),
        kept=call("add", A, call("add", ONE, TWO)),
    ),
    "null arguments": values(
        sum=call("add", A, NULL), less=call("less", A, NULL), same=call("is_not_distinct", A, NULL)
    ),
    "logic with constants": values(
        a=call("and", P, literal(True)),
        b=call("or", P, literal(False)),
        c=call("and", P, literal(False)),
        d=call("or", P, literal(True)),
        e=call("or", P, literal(None, dtypes.bool_)),
    ),
    "repetition and absorption": values(
        a=all_(P, Q, P), b=all_(P, any_(P, Q)), c=any_(P, all_(P, Q)), d=all_(P, all_(Q, all_(P, Q)))
    ),
    "common conditions leave a disjunction": where(
        T,
        any_(
            all_(eq(A, ONE), compare(T, "less", "f", 1.0), P),
            all_(eq(A, ONE), compare(T, "greater", "f", 2.0), P),
        ),
    ),
    "negation moves inwards": values(
        a=call("not", call("not", P)),
        b=call("not", call("less", F, literal(1.0))),
        c=call("not", call("is_null", A)),
        d=call("not", any_(P, call("equal", A, ONE))),
        e=call("not", all_(P, call("greater_equal", A, ONE))),
        f=call("not", in_list(A, [1, 2])),
    ),
    "constants go to the right": values(a=call("less", ONE, A), b=call("greater_equal", TWO, A), c=eq(ONE, A)),
    "something and itself": where(T, all_(eq(F, F), call("less_equal", A, A))),
    "something unlike itself": where(T, call("less", F, F)),
    "something and itself as a value": values(x=eq(F, F)),
    "a filter by null": where(T, call("less", A, NULL)),
    "a filter that always holds": where(T, eq(ONE, ONE)),
    "a condition on a join that never holds": join(T, scan("u", x="int64"), ("a", "x"), residual=eq(ONE, TWO)),
    "a condition on a full join that never holds": join(
        T, scan("u", x="int64"), ("a", "x"), kind="full", residual=eq(ONE, TWO)
    ),
    "equalities become a list": where(
        T, any_(eq(A, ONE), eq(A, TWO), compare(T, "equal", "s", "a"), in_list(A, [2, 3]))
    ),
    "lists of one": where(T, any_(in_list(S, ["a"]), InList(arg=A, values=(1,), has_null=True, dtype=dtypes.bool_))),
    "floats are not merged": where(T, any_(compare(T, "equal", "f", 0.5), compare(T, "equal", "f", 2.0))),
    "casts leave compared columns": where(
        T,
        all_(
            call("less", cast(B, dtypes.int64), literal(3)),
            eq(cast(B, dtypes.int64), literal(2**40)),
            call("greater", cast(D, dtypes.timestamp("us")), literal(dt.datetime.fromisoformat("2000-01-01"))),
            call("greater", cast(D, dtypes.timestamp("us")), literal(dt.datetime.fromisoformat("1999-01-01 12:00"))),
            in_list(cast(B, dtypes.int64), [1, 3]),
        ),
    ),
    "casts leave compared decimals": where(
        T,
        all_(
            call("less", cast(M, dtypes.decimal(12, 4)), literal(Decimal("2.5000"), dtypes.decimal(12, 4))),
            call("less", cast(M, dtypes.decimal(12, 4)), literal(Decimal("2.5001"), dtypes.decimal(12, 4))),
        ),
    ),
    "casts on both sides": values(x=eq(cast(B, dtypes.int64), cast(B, dtypes.int64))),
    "casts of casts": values(
        a=cast(cast(B, dtypes.int64), dtypes.int32),
        b=cast(cast(B, dtypes.int64), dtypes.float64),
        c=cast(cast(A, dtypes.float64), dtypes.int64),
    ),
    "neutral constants": values(
        a=call("add", A, literal(0)),
        b=call("multiply", literal(1), A),
        c=call("subtract", F, literal(0.0)),
        d=call("add", F, literal(0.0)),
        e=call("divide", F, literal(1.0)),
        f=call("subtract", literal(0), A),
    ),
    "cases": values(
        a=case([(literal(True), ONE), (P, TWO)], NULL),
        b=case([(literal(False), ONE), (P, TWO)], A),
        c=case([(P, ONE), (literal(True), TWO), (Q, A)], A),
        d=case([(P, A), (Q, A)], A),
        e=case([(P, ONE), (Q, A)], A),
        f=case([(literal(None, dtypes.bool_), ONE)], None),
    ),
    "coalesce": values(
        a=call("coalesce", NULL, A, A), b=call("coalesce", A, ONE, call("add", A, ONE)), c=call("coalesce", NULL, NULL)
    ),
    "patterns": values(
        a=like("ab"),
        b=like("a%"),
        c=like("%b"),
        d=like("%a%"),
        e=like("a_"),
        f=like("\\%%"),
        g=like("a%b"),
        h=like("a%", fold=True),
    ),
    "in groupings, joins and sorts": Sort(
        input=group(
            join(T, scan("u", x="int64"), ("a", "x"), residual=eq(ONE, ONE)),
            "s",
            n=aggregate("size", filter=eq(ONE, ONE)),
            m=aggregate("sum", call("add", A, literal(0)), filter=call("less", ONE, A)),
        ),
        keys=(
            SortKey(expr=call("concat", S, literal("")), descending=True),
            SortKey(expr=call("not", call("not", eq(S, S)))),
        ),
    ),
    "inside windows": window(
        T,
        "s",
        "a",
        total=window_call("sum", call("add", A, call("add", ONE, TWO)), where=call("greater", TWO, ONE)),
        near=window_call(
            "count",
            A,
            where=all_(call("less", A, literal(3)), call("less", ONE, TWO)),
            frame=Frame(unit=FrameUnit.RANGE, start=preceding(1), end=CURRENT_ROW),
        ),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(simplify_expressions, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(simplify_expressions) == set(CASES)


def test_a_constant_that_fails_is_left_to_the_run() -> None:
    plan = values(x=call("add", A, cast(literal("no"), dtypes.int64)))
    assert simplify_expressions(plan, OptimizerContext(fold=Oracle().fold)) is plan


def test_thousands_of_alternatives_become_one_list() -> None:
    chain = eq(A, literal(0))
    for value in range(1, 2000):
        chain = Call(function="or", args=(chain, eq(A, literal(value))), dtype=dtypes.bool_)
    after = simplify_expressions(where(T, chain), OptimizerContext(fold=Oracle().fold))
    assert after.detail == "a in (0, 1, 2, 3, 4, 5, … 1994 more)"
