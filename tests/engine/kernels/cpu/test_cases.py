"""Branches of a case are computed on all rows where that is arithmetic, else on the rows that take them."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from volley.engine import dtypes
from volley.engine.arrow import from_arrow_schema
from volley.engine.expr import Call, Column, Expr, NamedExpr, literal
from volley.engine.expr.build import call, case, cast
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.cpu.functions.registry import KERNELS, Value

DEVICE = CpuDevice()
DATA = pa.table({"m": [1, 2, 3, 1], "a": [2**62, 3, None, 5], "s": ["1", "2", "x", "4"]})
TABLE = DEVICE.from_arrow(DATA, from_arrow_schema(DATA.schema))
M, A = (Column(name=name, dtype=dtypes.int64) for name in "ma")
S = Column(name="s", dtype=dtypes.string)


def of_month(number: int, value: Expr) -> Expr:
    return case([(call("equal", M, literal(number)), value)], literal(0))


def computed(*exprs: Expr) -> list[list[int | None]]:
    named = [NamedExpr(name=f"x{place}", expr=expr) for place, expr in enumerate(exprs)]
    return [column.to_pylist() for column in DEVICE.project(TABLE, named).columns]


@pytest.fixture
def multiplied(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many rows each call of the multiplication has had."""
    known, lengths = KERNELS["multiply"], list[int]()

    def run(expr: Call, args: list[Value]) -> pa.Array:
        lengths.append(len(args[0]))
        return known.run(expr, args)

    monkeypatch.setitem(KERNELS, "multiply", replace(known, run=run))
    return lengths


def test_what_several_cases_have_in_common_is_computed_once(multiplied: list[int]) -> None:
    months = [of_month(number, call("multiply", M, literal(7))) for number in (1, 2, 3)]
    assert computed(*months) == [[7, 0, 0, 7], [0, 14, 0, 0], [0, 0, 21, 0]]
    assert multiplied == [4]


def test_where_it_overflows_on_other_rows_only_those_of_the_branch_count(multiplied: list[int]) -> None:
    assert computed(of_month(2, call("multiply", A, literal(4)))) == [[0, 12, 0, 0]]
    assert multiplied == [4, 1]


def test_what_is_more_work_is_left_to_the_rows_of_the_branch(multiplied: list[int]) -> None:
    number = cast(S, dtypes.int64)
    assert computed(of_month(1, call("multiply", number, literal(3)))) == [[3, 0, 0, 12]]
    assert multiplied == [2]
