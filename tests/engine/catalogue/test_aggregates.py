"""Every aggregate and window function over random tables against DuckDB: plain, distinct, filtered, grouped."""

from __future__ import annotations

from random import Random
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import volley as vl
from tests.engine.catalogue.aggregates import AGGREGATES, ELSEWHERE, WINDOWS, WINDOWS_ELSEWHERE, WITH_KEY, Case
from tests.engine.catalogue.tables import decoded, normal, table
from tests.support.simulated_gpu import GPU, SESSIONS
from volley.engine.expr import NamedAggregate, NamedExpr, SortKey, aggregate, call, literal
from volley.engine.expr.catalogue import AGGREGATES as ENTRIES
from volley.engine.expr.catalogue import WINDOW_FUNCTIONS
from volley.engine.frame import Series
from volley.engine.plan import Aggregate, over, window_call

SESSION = vl.Session(threads=2)
ALL = [(name, number) for name, cases in AGGREGATES.items() for number in range(len(cases))]
FORMS = ("plain", "distinct", "filtered", "distinct filtered")


def test_every_aggregate_and_window_function_has_a_case() -> None:
    assert ENTRIES.keys() - AGGREGATES.keys() - ELSEWHERE.keys() == set(), "add a case in catalogue/aggregates.py"
    assert (AGGREGATES.keys() | ELSEWHERE.keys()) - ENTRIES.keys() == set()
    assert WINDOW_FUNCTIONS.keys() == WINDOWS.keys() | WINDOWS_ELSEWHERE.keys(), "add a case in catalogue/aggregates.py"


@pytest.fixture(scope="module")
def connection() -> Any:
    return duckdb.connect(config={"threads": 1})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("name", "number"), ALL, ids=[f"{name}-{number}" for name, number in ALL])
@settings(max_examples=3)
@given(seed=st.integers(0, 10**6), rows=st.sampled_from([0, 1, 8, 60]), keyed=st.booleans())
def test_aggregates(connection: Any, form: str, name: str, number: int, seed: int, rows: int, keyed: bool) -> None:
    compare(SESSION, connection, form, name, number, seed, rows, keyed=keyed)


@pytest.mark.parametrize(("name", "number"), ALL, ids=[f"{name}-{number}" for name, number in ALL])
@settings(max_examples=2)
@given(
    form=st.sampled_from(FORMS),
    seed=st.integers(0, 10**6),
    rows=st.sampled_from([0, 1, 8, 60]),
    keyed=st.booleans(),
)
def test_aggregates_on_the_simulated_gpu(
    connection: Any, form: str, name: str, number: int, seed: int, rows: int, keyed: bool
) -> None:
    """A sample; `make simulated-gpu` compares as many as on the CPU."""
    compare(SESSIONS[GPU](threads=2), connection, form, name, number, seed, rows, keyed=keyed)


def compare(
    session: vl.Session, connection: Any, form: str, name: str, number: int, seed: int, rows: int, *, keyed: bool
) -> None:
    own = AGGREGATES[name][number]
    if "distinct" in form and (not own.distinct or (name == "list" and "filtered" in form)):
        return
    given_ = table(Random(seed), (*own.kinds, "count", "part"), rows)
    frame = vl.DataFrame(given_, session=session)
    test, key = (f"c{len(own.kinds) + n}" for n in range(2))
    args = WITH_KEY.get(name, tuple(f"c{n}" for n in range(len(own.kinds))))
    condition = call("greater", frame[test].expr, literal(1)) if "filtered" in form else None
    made = aggregate(
        name, *(frame[arg].expr for arg in args), distinct="distinct" in form, filter=condition, **own.options
    )
    keys = (NamedExpr(name="k", expr=frame[key].expr),) if keyed else ()
    plan = Aggregate(input=frame.plan, keys=keys, aggregates=(NamedAggregate(name="r", call=made),))
    ours = session.collect(plan).to_pylist()
    connection.register("t", decoded(given_))
    theirs = connection.sql(_query(own, name, form, test, key if keyed else "")).to_arrow_table().to_pylist()
    noise = 1e-15 if name.startswith("regr_") else 0.0  # differences of products leave a rounding where they are zero
    assert sorted(_rows(ours, noise), key=repr) == sorted(_rows(theirs, noise), key=repr)


def _query(own: Case, name: str, form: str, test: str, key: str) -> str:
    where = f" where {test} > 1" if "filtered" in form else ""
    if name == "mode":  # the least of the most frequent values, which DuckDB's mode does not promise
        groups = f"{key}, " if key else ""
        known = f"c0 is not null{where.replace(' where', ' and')}"
        counted = f"select {groups}c0, count(*) filter (where {known}) n from t group by all"
        text = "arg_min(c0, {'n': -n, 'c0': c0}) filter (where n > 0)"
        return f"select {f'{key} as k, ' if key else ''}{text} as r from ({counted}) {f'group by {key}' if key else ''}"
    text = own.text.format(*(f"c{n}" for n in range(len(own.kinds))))
    if "distinct" in form:
        text = text.replace("(", "(distinct ", 1)
    tail = f" filter ({where.strip()})" if where else ""
    return f"select {f'{key} as k, ' if key else ''}{text}{tail} as r from t {f'group by {key}' if key else ''}"


def _rows(rows: list[dict[str, Any]], noise: float = 0.0) -> list[tuple[Any, Any]]:
    return [(row.get("k"), _without(noise, _unordered(row["r"]))) for row in rows]


def _without(noise: float, value: Any) -> Any:
    return 0.0 if isinstance(value, float) and abs(value) < noise else value


def _unordered(value: Any) -> Any:
    if isinstance(value, list):
        return sorted(map(normal, value), key=repr)
    return "".join(sorted(value)) if isinstance(value, str) and "+" in value else normal(value)


@pytest.mark.parametrize("name", WINDOWS)
@settings(max_examples=6)
@given(seed=st.integers(0, 10**6), rows=st.sampled_from([0, 1, 8, 60]))
def test_window_functions(connection: Any, name: str, seed: int, rows: int) -> None:
    given_ = table(Random(seed), ("part", "real", "int"), rows)
    frame = vl.DataFrame(given_, session=SESSION)
    text, options = WINDOWS[name]
    args = (frame.c1.expr,) if "c1" in text else ()
    ranks = name in ("rank", "dense_rank", "percent_rank", "cume_dist")
    order = [SortKey(expr=frame.c2.expr)] if ranks else [SortKey(expr=frame.c2.expr), SortKey(expr=frame.i.expr)]
    made = over(window_call(name, *args, **options), (frame.c0.expr,), order)
    ours = frame.select(i=frame.i, r=Series(frame, made)).to_arrow().to_pylist()
    connection.register("t", decoded(given_))
    by = "c2 nulls last" if ranks else "c2 nulls last, i"
    theirs = (
        connection.sql(f"select i, {text} over (partition by c0 order by {by}) r from t").to_arrow_table().to_pylist()
    )
    assert sorted((row["i"], normal(row["r"])) for row in ours) == sorted(
        (row["i"], normal(row["r"])) for row in theirs
    )
