"""Expressions in one pass: the same values as kernel by kernel, and one call."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import volley as vl
from volley.engine import dtypes
from volley.engine.arrow import from_arrow_schema
from volley.engine.expr import Column, Expr, Literal, NamedExpr, literal
from volley.engine.expr.build import call
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.protocol import Device

CELLS = {
    "f": st.none() | st.sampled_from([math.nan, -0.0, 0.0, 1.5, -2.5, math.inf]),
    "g": st.none() | st.sampled_from([math.nan, 0.0, 1.5, 2.0]),
    "i": st.none() | st.integers(-3, 3),
    "b": st.none() | st.booleans(),
    "d": st.none() | st.sampled_from([Decimal("-1.50"), Decimal("0.00"), Decimal("0.05"), Decimal("12345.67")]),
    "e": st.none() | st.sampled_from([Decimal("0.05"), Decimal("0.06")]),
}
TYPES = {
    "f": pa.float64(), "g": pa.float64(), "i": pa.int64(), "b": pa.bool_(),
    "d": pa.decimal128(9, 2), "e": pa.decimal128(9, 2),
}  # fmt: skip
SCHEMA = from_arrow_schema(pa.schema(TYPES.items()))
F, G, WHOLE, B, D, E = (Column(name=name, dtype=SCHEMA[name].dtype) for name in TYPES)
NUMBER = literal(1.5)
PRICE = Literal(value=Decimal("0.05"), dtype=D.dtype)


def both(left: Expr, right: Expr) -> Expr:
    return call("and", left, right)


FUSED = [
    both(call("less", F, NUMBER), call("greater", G, NUMBER)),
    call("or", call("greater_equal", F, NUMBER), call("less_equal", NUMBER, G)),
    both(call("equal", F, NUMBER), call("not_equal", WHOLE, literal(2))),
    call("not", both(call("less", WHOLE, literal(1)), B)),
    call("or", call("is_null", F), call("is_not_null", WHOLE)),
    call("greater", call("multiply", call("add", F, G), NUMBER), literal(2.0)),
    call("divide", call("subtract", F, G), F),
    both(call("greater_equal", D, PRICE), call("less", D, E)),
    call("or", call("equal", PRICE, E), both(call("not_equal", D, E), call("greater", F, NUMBER))),
]
NOT_FUSED = [
    call("less", F, NUMBER),
    both(call("less", F, G), B),
    both(call("less", F, literal(math.nan)), B),
    both(call("less", call("add", WHOLE, WHOLE), literal(1)), B),
    both(call("is_nan", F), B),
    both(call("less", call("add", D, E), call("add", E, E)), B),
    both(call("is_null", D), B),
    both(call("less", D, Column(name="w", dtype=dtypes.decimal(12, 3))), B),
]


@pytest.mark.parametrize("expr", FUSED, ids=str)
@given(rows=st.lists(st.tuples(*CELLS.values()), max_size=12))
def test_same_values_in_one_call(gpu: Device, expr: Expr, rows: list[tuple[object, ...]]) -> None:
    from volley.engine.kernels import simulator

    columns = zip(*rows, strict=True) if rows else [()] * len(TYPES)
    data = pa.table([pa.array(c, t) for c, t in zip(columns, TYPES.values(), strict=True)], list(TYPES))
    before = simulator.calls.copy()
    named = [NamedExpr(name="x", expr=expr)]
    ours = gpu.to_arrow(gpu.project(gpu.from_arrow(data, SCHEMA), named)).column(0)
    made = simulator.calls - before
    assert made["pylibcudf.transform.compute_column"] == 1
    assert not any("binary_operation" in name or "unary_operation" in name for name in made)
    cpu = CpuDevice()
    theirs = cpu.to_arrow(cpu.project(cpu.from_arrow(data, SCHEMA), named)).column(0)
    assert repr(ours.to_pylist()) == repr(theirs.to_pylist())


@pytest.mark.parametrize("expr", NOT_FUSED, ids=str)
def test_what_would_differ_is_not_fused(gpu: Device, expr: Expr) -> None:
    from volley.engine.kernels.gpu.fused import is_fused

    assert not is_fused(expr)


LINES = {
    "shipped": st.none() | st.dates(dt.date(1993, 11, 1), dt.date(1995, 3, 1)),
    "received": st.none() | st.dates(dt.date(1993, 11, 1), dt.date(1995, 3, 1)),
    "discount": st.none() | st.sampled_from([math.nan, 0.04, 0.05, 0.06, 0.07, 0.08]),
    "quantity": st.none() | st.sampled_from([math.nan, 1.0, 12.0, 24.0, 50.0]),
    "price": st.none() | st.sampled_from([math.nan, -0.0, 900.0, 100_000.0]),
    "size": st.none() | st.integers(0, 20),
    "mode": st.none() | st.sampled_from(["AIR", "MAIL", "SHIP"]),
}
FILTERS = {
    "q06": """
        shipped >= date '1994-01-01' and shipped < date '1995-01-01' and discount >= 0.05 and discount <= 0.07
        and quantity < 24
    """,
    "q12": "mode in ('MAIL', 'SHIP') and shipped < received and received >= date '1994-01-01' and shipped is not null",
    "q19": """
        (quantity >= 1e0 and quantity <= 11e0 and size >= 1 and size <= 5)
        or (quantity >= 10e0 and quantity <= 20e0 and size >= 1 and size <= 10) or not (size > 15 or shipped is null)
    """,
    "revenue": "price * (1e0 - discount) * (1e0 + quantity) > 1e3 or price / 2e0 - discount <= 4e2",
    "texts": "mode = 'AIR' and size = 3",
}
"""Conditions as TPC-H's queries have them, over floats."""


@pytest.mark.parametrize("name", FILTERS)
@settings(max_examples=20)
@given(rows=st.lists(st.tuples(*LINES.values()), min_size=1, max_size=12))
def test_conditions_of_queries_take_one_pass(gpu: Device, name: str, rows: list[tuple[object, ...]]) -> None:
    from volley.engine.kernels import simulator

    kinds = [pa.date32(), pa.date32(), pa.float64(), pa.float64(), pa.float64(), pa.int64(), pa.string()]
    rows.append((None,) * len(kinds))  # else the plan leaves out questions whether a value is null
    data = pa.table([pa.array(c, t) for c, t in zip(zip(*rows, strict=True), kinds, strict=True)], list(LINES))
    text = FILTERS[name]
    found = []
    for session in (vl.Session(device=gpu, threads=1), vl.Session(threads=1)):
        lines = vl.DataFrame(data, session=session)
        before = simulator.calls["pylibcudf.transform.compute_column"]
        asked = (f"select * from lines where {text}", f"select {text} as c from lines")
        found.append([repr(vl.sql(one, lines=lines).to_arrow().to_pylist()) for one in asked])
        made = simulator.calls["pylibcudf.transform.compute_column"] - before
        assert made == (len(asked) if session.device is gpu and name != "texts" else 0)
    assert found[0] == found[1]
