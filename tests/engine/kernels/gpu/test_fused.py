"""Expressions in one pass: the same values as kernel by kernel, and one call."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volley.engine.arrow import from_arrow_schema
from volley.engine.expr import Column, Expr, NamedExpr, literal
from volley.engine.expr.build import call
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.protocol import Device

CELLS = {
    "f": st.none() | st.sampled_from([math.nan, -0.0, 0.0, 1.5, -2.5, math.inf]),
    "g": st.none() | st.sampled_from([math.nan, 0.0, 1.5, 2.0]),
    "i": st.none() | st.integers(-3, 3),
    "b": st.none() | st.booleans(),
}
TYPES = {"f": pa.float64(), "g": pa.float64(), "i": pa.int64(), "b": pa.bool_()}
SCHEMA = from_arrow_schema(pa.schema(TYPES.items()))
F, G, WHOLE, B = (Column(name=name, dtype=SCHEMA[name].dtype) for name in TYPES)
NUMBER = literal(1.5)


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
]
NOT_FUSED = [
    call("less", F, NUMBER),
    both(call("less", F, G), B),
    both(call("less", F, literal(math.nan)), B),
    both(call("less", call("add", WHOLE, WHOLE), literal(1)), B),
    both(call("is_nan", F), B),
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
