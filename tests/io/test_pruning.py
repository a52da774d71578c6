"""Row groups are left out only where no row of theirs can satisfy the predicate."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from volley.engine import dtypes
from volley.engine.arrow import from_arrow_type
from volley.engine.expr import Call, Column, Expr, call, cast, in_list, literal
from volley.engine.plan import ScanRequest
from volley.io.parquet import ParquetSource
from volley.io.pruning import Bounds, Outcomes, constant_bounds, outcomes

X = Column(name="x", dtype=dtypes.int64)
EPOCH = dt.datetime.fromisoformat("1970-01-01")
TRUE, FALSE, NULL = Outcomes.TRUE, Outcomes.FALSE, Outcomes.NULL
COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")


def between(low: Any, high: Any, *, nulls: bool = False) -> dict[str, Bounds]:
    return {"x": Bounds(minimum=low, maximum=high, has_null=nulls)}


@pytest.mark.parametrize(
    ("function", "value", "expected"),
    [
        ("equal", 5, TRUE | FALSE),
        ("equal", 0, FALSE),
        ("not_equal", 11, TRUE),
        ("less", 1, FALSE),
        ("less", 2, TRUE | FALSE),
        ("less", 11, TRUE),
        ("less_equal", 10, TRUE),
        ("less_equal", 0, FALSE),
        ("greater", 10, FALSE),
        ("greater", 0, TRUE),
        ("greater_equal", 1, TRUE),
        ("greater_equal", 11, FALSE),
    ],
)
def test_comparison_of_a_column_between_1_and_10(function: str, value: int, expected: Outcomes) -> None:
    assert outcomes(call(function, X, literal(value)), between(1, 10)) == expected
    mirrored = {"less": "greater", "greater": "less", "less_equal": "greater_equal", "greater_equal": "less_equal"}
    flipped = call(mirrored.get(function, function), literal(value), X)
    assert outcomes(flipped, between(1, 10)) == expected
    assert outcomes(call(function, X, literal(value)), between(1, 10, nulls=True)) == expected | NULL


def test_null_constants_and_columns_of_nulls_are_never_true() -> None:
    null = literal(None, dtypes.int64)
    assert outcomes(Call(function="less", args=(X, null), dtype=dtypes.bool_), between(1, 10)) == NULL
    assert outcomes(call("less", X, literal(5)), {"x": constant_bounds(None, dtypes.int64)}) == NULL
    assert outcomes(call("is_null", X), {"x": constant_bounds(None, dtypes.int64)}) == TRUE
    assert outcomes(call("is_not_null", X), between(1, 10)) == TRUE
    assert outcomes(call("is_not_distinct", X, null), between(1, 10)) == FALSE
    assert outcomes(call("is_not_distinct", X, literal(20)), between(1, 10, nulls=True)) == FALSE


def test_logic_is_three_valued() -> None:
    assert outcomes(literal(True), {}) == TRUE
    assert outcomes(Column(name="x", dtype=dtypes.bool_), between(0, 0)) == FALSE
    low, high = call("less", X, literal(0)), call("greater", X, literal(0))
    assert outcomes(call("and", low, high), between(1, 10, nulls=True)) == FALSE | NULL
    assert outcomes(call("or", low, high), between(1, 10)) == TRUE
    assert outcomes(call("not", low), between(1, 10, nulls=True)) == TRUE | NULL
    assert outcomes(call("or", low, literal(None, dtypes.bool_)), between(1, 10)) == NULL
    assert outcomes(call("and", call("is_nan", cast(X, dtypes.float64)), low), between(1, 10)) == FALSE


def test_lists_and_prefixes() -> None:
    assert outcomes(in_list(X, [0, 11]), between(1, 10)) == FALSE
    assert outcomes(in_list(X, [0, 5]), between(1, 10)) == TRUE | FALSE
    assert outcomes(in_list(X, [0, None]), between(1, 10)) == NULL
    text = Column(name="x", dtype=dtypes.string)
    assert outcomes(call("starts_with", text, literal("b")), between("a", "az")) == FALSE
    assert outcomes(call("starts_with", text, literal("b")), between("ba", "bz")) == TRUE
    assert outcomes(call("starts_with", text, literal("b")), between("c", "d")) == FALSE
    assert outcomes(call("starts_with", text, literal("b")), between("a", "c")) == TRUE | FALSE
    like = call("like", text, pattern="b%x", escape="\\", fold=False)
    assert outcomes(like, between("c", "d")) == FALSE
    assert outcomes(like, between("ba", "bz")) == TRUE | FALSE
    assert outcomes(call("like", text, pattern="b%", escape="\\", fold=True), between("c", "d")) == Outcomes.ANY


def test_nan_may_hide_above_every_float_maximum() -> None:
    number = Column(name="x", dtype=dtypes.float64)
    assert outcomes(call("greater", number, literal(5.0)), between(1.0, 2.0)) & TRUE
    assert outcomes(call("less", number, literal(0.0)), between(1.0, 2.0)) == FALSE
    assert outcomes(call("equal", number, literal(math.nan)), between(1.0, 2.0)) & TRUE


def test_casts_that_keep_order_are_seen_through() -> None:
    day = Column(name="x", dtype=dtypes.date)
    noon = literal(dt.datetime.fromisoformat("2024-01-01 12:00"))
    days = between(0, (dt.date(2024, 1, 1) - dt.date(1970, 1, 1)).days)
    assert outcomes(call("greater", cast(day, dtypes.timestamp("us")), noon), days) == FALSE
    assert outcomes(call("less", cast(X, dtypes.float64), literal(0.5)), between(1, 10)) == FALSE
    moment = Column(name="x", dtype=dtypes.timestamp("us"))
    hours = between(0, 47 * 3_600_000_000_000)
    assert outcomes(call("greater", cast(moment, dtypes.date), literal(dt.date(1970, 1, 2))), hours) == FALSE
    assert outcomes(call("less_equal", cast(moment, dtypes.date), literal(dt.date(1970, 1, 2))), hours) == TRUE
    exact = Column(name="x", dtype=dtypes.decimal(10, 2))
    assert (
        outcomes(call("greater", cast(exact, dtypes.float64), literal(3.0)), between(Decimal(1), Decimal(2))) == FALSE
    )
    assert outcomes(call("equal", cast(X, dtypes.string), literal("99")), between(1, 10)) == Outcomes.ANY


VALUES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.int32(): st.integers(-5, 5),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.bool_(): st.booleans(),
    pa.float64(): st.sampled_from([-1.5, -0.0, 0.0, 2.0, math.inf, -math.inf, math.nan]),
    pa.float32(): st.sampled_from([-1.5, 0.0, 2.0, math.nan]),
    pa.decimal128(9, 2): st.integers(-500, 500).map(lambda n: Decimal(n) / 100),
    pa.decimal128(38, 3): st.integers(-(10**30), 10**30).map(lambda n: Decimal(n).scaleb(-3)),
    pa.string(): st.text("abßé\U0001f600", max_size=3),
    pa.binary(): st.binary(max_size=2),
    pa.date32(): st.dates(dt.date(1960, 1, 1), dt.date(2030, 1, 1)),
    pa.timestamp("ms"): st.integers(-(10**12), 10**12).map(lambda n: EPOCH + dt.timedelta(milliseconds=n)),
    pa.timestamp("us", "Europe/Berlin"): st.integers(-(10**15), 10**15).map(
        lambda n: dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=n)
    ),
    pa.timestamp("ns"): st.integers(-(10**15), 10**15).map(lambda n: EPOCH + dt.timedelta(microseconds=n)),
}


def as_python(scalar: pa.Scalar) -> Any:
    if pa.types.is_timestamp(scalar.type) and scalar.is_valid:
        start = dt.datetime(1970, 1, 1, tzinfo=dt.UTC if scalar.type.tz else None)
        return start + dt.timedelta(microseconds=scalar.cast(pa.timestamp("us", scalar.type.tz)).value)
    return scalar.as_py()


def holds(function: str, value: Any, constant: Any) -> bool | None:
    """Compare as SEMANTICS says: null gives null, NaN is greatest."""
    if value is None:
        return None

    def rank(v: Any) -> Any:
        return (isinstance(v, float) and math.isnan(v), 0 if isinstance(v, float) and math.isnan(v) else v)

    a, b = rank(value), rank(constant)
    return {
        "equal": a == b,
        "not_equal": a != b,
        "less": a < b,
        "less_equal": a <= b,
        "greater": a > b,
        "greater_equal": a >= b,
    }[function]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_pruned_scan_gives_every_matching_row(tmp_path: Path, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(list(VALUES)))
    rows = data.draw(st.lists(st.none() | VALUES[kind], min_size=1, max_size=24))
    function = data.draw(st.sampled_from(COMPARISONS))
    constant = data.draw(VALUES[kind])
    negated = data.draw(st.booleans())
    table = pa.table({"x": pa.array(rows, kind), "row": range(len(rows))})
    path = tmp_path / "x.parquet"
    pq.write_table(table, path, row_group_size=3, version="2.6")

    source = ParquetSource(path)
    column = Column(name="x", dtype=source.schema["x"].dtype)
    predicate: Expr = Call(
        function=function, args=(column, literal(constant, from_arrow_type(kind))), dtype=dtypes.bool_
    )
    predicate = call("not", predicate) if negated else predicate
    plan = source.scan(ScanRequest(columns=("row",), predicate=predicate))
    given_rows = {row for split in plan.splits for batch in split.read() for row in batch.column(0).to_pylist()}

    values = [as_python(scalar) for scalar in table.column("x")]
    truth = [holds(function, value, constant) for value in values]
    matching = {i for i, true in enumerate(truth) if true is not None and true != negated}
    assert plan.residual is None
    assert given_rows == matching
