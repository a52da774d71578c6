"""Every operator over no rows, one row and columns of nulls only, against DuckDB, as written and optimised."""

from __future__ import annotations

import pytest

from tests.support.duckdb_oracle import Oracle, sorted_rows
from tests.support.plans import col, compare, filter_, group, join, scan, select, sort, unnest, where, window
from tests.support.simulated_gpu import SESSIONS
from tests.support.stages import doubled
from volley.engine.expr import aggregate, call, literal
from volley.engine.frame.session import Session
from volley.engine.physical import cut, lower
from volley.engine.plan import Distinct, Limit, Plan, Scan, Union, window_call
from volley.engine.runners import LocalRunner

COLUMNS = {"a": "int64", "b": "int32", "s": "string", "f": "double", "d": "date", "p": "bool", "m": "decimal(9,2)"}
TABLES = {
    "no rows": scan("none", rows=0, **COLUMNS),
    "one row": scan("single", rows=1, nulls=0.0, **COLUMNS),
    "nulls": scan("nulls", rows=7, nulls=1.0, **COLUMNS),
    "one null": scan("null", rows=1, nulls=1.0, **COLUMNS),
}
OTHERS = {
    "no rows": scan("nobody", rows=0, x="int64", y="int32", z="string"),
    "some": scan("somebody", rows=9, x="int64", y="int32", z="string"),
    "nulls": scan("nothing", rows=3, nulls=1.0, x="int64", y="int32", z="string"),
}
NAMES = tuple(COLUMNS)
EVERY = ("count", "min", "max")


def operators(t: Scan, u: Scan) -> dict[str, Plan]:
    """Return one plan for each operator and its variants."""
    numbers = {name: aggregate(name, col(t, "a")) for name in ("sum", "mean", "var", "std", "count", "first")}
    others = {f"{name}_{c}": aggregate(name, col(t, c)) for name in EVERY for c in ("s", "f", "d", "m")}
    logical = {name: aggregate(name, col(t, "p")) for name in ("any", "all")}
    calls = {name: window_call(name, col(t, "a")) for name in ("count", "min", "max", "sum", "mean")}
    ranks = {name: window_call(name) for name in ("rank", "dense_rank", "cume_dist", "percent_rank")}
    plans: dict[str, Plan] = {
        "scan": t,
        "filter": filter_(t, "greater", "a", 0),
        "filter of nulls": where(t, call("is_null", col(t, "s"))),
        "project": select(t, *NAMES, n=call("add", col(t, "a"), literal(1)), c=literal("x")),
        "project of nothing": select(t, c=literal(1)),
        "aggregate": group(t, **numbers, **others, **logical, size=aggregate("size")),
        "group by a number": group(t, "a", **others, size=aggregate("size")),
        "group by text and more": group(t, "s", "d", "p", **numbers),
        "group of distinct": group(t, "s", n=aggregate("count", col(t, "a"), distinct=True)),
        "group of some": group(t, "s", n=aggregate("count", col(t, "a"), filter=compare(t, "greater", "b", 0))),
        "distinct": Distinct(input=t),
        "distinct on": select(Distinct(input=t, on=("s",)), "s"),
        "sort": sort(t, *NAMES),
        "top": sort(t, *NAMES, fetch=3),
        "limit": Limit(input=sort(t, *NAMES), count=2, offset=1),
        "union": Union(inputs=(t, t)),
        "unnest": unnest(t, "a", "a"),
        "unnest keeping": unnest(t, "a", keeps_empty=True, ordinality="at"),
        "window": window(t, "s", "a f", **ranks, **calls),
        "window over all": window(t, "", "a", **ranks),
        "stage": doubled(t, "a"),
    }
    for kind in ("inner", "left", "full", "semi", "anti"):
        less = call("less", col(t, "b"), col(u, "y"))
        plans |= {
            f"{kind} join": join(t, u, ("a", "x"), kind=kind),
            f"{kind} join of two keys": join(t, u, ("a", "x"), ("s", "z"), kind=kind),
            f"{kind} join on a condition": join(t, u, kind=kind, residual=less),
            f"{kind} join on both": join(t, u, ("a", "x"), kind=kind, residual=less),
            f"{kind} join with it": join(u, select(t, k=col(t, "a"), w=col(t, "s")), ("x", "k"), kind=kind),
        }
    return plans


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return Oracle()


@pytest.mark.parametrize("device", SESSIONS)
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("table", TABLES)
def test_every_operator(oracle: Oracle, table: str, other: str, device: str) -> None:
    session = SESSIONS[device](threads=2)
    for name, plan in operators(TABLES[table], OTHERS[other]).items():
        if other != "some" and "join" not in name:
            continue
        expected = oracle.rows(plan)
        assert sorted_rows(session.collect(plan)) == expected, name
        result = LocalRunner(session.device, threads=2).execute(cut(lower(_rewritten(plan, session), session.lowering)))
        rows = session.device.to_arrow(session.device.concat(result.tables, plan.schema))
        assert sorted_rows(rows) == expected, f"{name}, as written"


def _rewritten(plan: Plan, session: Session) -> Plan:
    """Return the plan as written, but for distinct aggregates, which no device has."""
    distinct = any(a.call.distinct for a in getattr(plan, "aggregates", ()))
    return session.optimized(plan) if distinct else plan
