"""Every scalar function of the catalogue over random tables, against DuckDB or Python; one without a case fails."""

from __future__ import annotations

from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import volley as vl
from tests.engine.catalogue.scalars import CASES, ELSEWHERE, Case
from tests.engine.catalogue.tables import decoded, normal, table
from tests.support.simulated_gpu import SESSIONS
from volley.engine.expr import call, literal
from volley.engine.expr.catalogue import FUNCTIONS
from volley.engine.frame import Series

SESSION = vl.Session(threads=2)
ALL = [(name, number) for name, cases in CASES.items() for number in range(len(cases))]


def test_every_function_has_a_case() -> None:
    assert FUNCTIONS.keys() - CASES.keys() - ELSEWHERE.keys() == set(), (
        "add a case in tests/engine/catalogue/scalars.py"
    )
    assert (CASES.keys() | ELSEWHERE.keys()) - FUNCTIONS.keys() == set()


@pytest.fixture(scope="module")
def connection() -> Any:
    return duckdb.connect(config={"threads": 1})


@pytest.fixture(scope="module", params=SESSIONS)
def session(request: pytest.FixtureRequest) -> vl.Session:
    return SESSIONS[request.param](threads=2)


@pytest.mark.parametrize(("name", "number"), ALL, ids=[f"{name}-{number}" for name, number in ALL])
@settings(max_examples=4)
@given(seed=st.integers(0, 10**6), rows=st.sampled_from([0, 1, 7, 40]))
def test_same_as_the_oracle(connection: Any, session: vl.Session, name: str, number: int, seed: int, rows: int) -> None:
    own = CASES[name][number]
    given_ = table(Random(seed), own.kinds, rows)
    frame = vl.DataFrame(given_, session=session)
    columns = [frame[f"c{n}"].expr for n in range(len(own.kinds))]
    made = call(name, *columns, *(literal(one) for one in own.constants), **own.options)
    ours = frame.select(r=Series(frame, made)).to_arrow().column(0).to_pylist()
    assert [normal(value) for value in ours] == [normal(value) for value in expected(connection, own, decoded(given_))]


def expected(connection: Any, own: Case, plain: pa.Table) -> list[Any]:
    if callable(own.oracle):
        columns = [plain[f"c{n}"].to_pylist() for n in range(len(own.kinds))]
        return [None if None in row else own.oracle(*row) for row in zip(*columns, strict=True)]
    connection.register("t", plain)
    text = own.oracle.format(*(f"c{n}" for n in range(len(own.kinds))))
    return connection.sql(f"select r from (select i, {text} as r from t) order by i").to_arrow_table()["r"].to_pylist()


@pytest.mark.parametrize("kind", ["int", "float", "text", "date", "time", "money", "bool"])
@given(seed=st.integers(0, 10**6))
@settings(max_examples=5)
def test_equal_values_have_equal_hashes(kind: str, seed: int) -> None:
    frame = vl.DataFrame(table(Random(seed), (kind,), 40), session=SESSION)
    both = frame.select(v=frame.c0, h=frame.c0.hash()).to_dict()
    by_value: dict[Any, set[int]] = {}
    for value, number in zip(both["v"], both["h"], strict=True):
        by_value.setdefault(normal(value), set()).add(number)
    assert all(len(numbers) == 1 for numbers in by_value.values())
    assert len({min(numbers) for numbers in by_value.values()}) == len(by_value)
