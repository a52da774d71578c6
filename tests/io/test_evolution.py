"""Files of one table whose columns differ: missing, reordered, of other types; and nested types in every format."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import volley as vl
from volley.engine import dtypes
from volley.engine.errors import ReadError, TypeMismatch
from volley.engine.expr import Column, call, literal
from volley.engine.plan import ScanRequest
from volley.io import open_source, sink_for
from volley.io.parquet import ParquetSource
from volley.io.tables import evolved_type

NOON = dt.datetime.fromisoformat("2024-01-31T12:00:00")


def save(folder: Path, *tables: pa.Table, rows: int = 2) -> Path:
    """Write one Parquet file per table, in order."""
    for number, table in enumerate(tables):
        pq.write_table(table, folder / f"{number}.parquet", row_group_size=rows)
    return folder


def one(values: list[Any], dtype: pa.DataType) -> pa.Table:
    return pa.table({"x": pa.array(values, dtype)})


# ------------------------------------------------------------------------------------------ types that widen
WIDENED = [
    (one([1, None], pa.int8()), one([2**40], pa.int64()), "int64", [1, None, 2**40]),
    (one([2**40], pa.int64()), one([1], pa.uint8()), "int64", [2**40, 1]),
    (one([-1], pa.int64()), one([2**64 - 1], pa.uint64()), "decimal(20,0)", [Decimal(-1), Decimal(2**64 - 1)]),
    (one([7], pa.uint64()), one([8], pa.uint32()), "uint64", [7, 8]),
    (one([1], pa.int32()), one([0.5], pa.float64()), "float64", [1.0, 0.5]),
    (one([2**60 + 1], pa.int64()), one([0.5], pa.float32()), "float64", [float(2**60), 0.5]),
    (one([0.25], pa.float32()), one([0.1], pa.float64()), "float64", [0.25, 0.1]),
    (
        one([Decimal("1.5")], pa.decimal128(9, 1)),
        one([Decimal("2.25")], pa.decimal128(12, 2)),
        "decimal(12,2)",
        [Decimal("1.50"), Decimal("2.25")],
    ),
    (one([3], pa.int16()), one([Decimal("2.25")], pa.decimal128(9, 2)), "decimal(9,2)", [Decimal(3), Decimal("2.25")]),
    (
        one([NOON.date()], pa.date32()),
        one([NOON], pa.timestamp("ms")),
        "timestamp(ms)",
        [dt.datetime.combine(NOON.date(), dt.time()), NOON],
    ),
    (one([NOON], pa.timestamp("ms")), one([NOON], pa.timestamp("us")), "timestamp(us)", [NOON, NOON]),
    (one(["a"], pa.string()), one(["b"], pa.large_string()), "string", ["a", "b"]),
    (one([None], pa.null()), one([[1]], pa.list_(pa.int64())), "list(int64)", [None, [1]]),
    (
        one([[1]], pa.list_(pa.int8())),
        one([[0.5, None]], pa.list_(pa.float64())),
        "list(float64)",
        [[1.0], [0.5, None]],
    ),
    (
        one([{"b": "x", "a": 1}, None], pa.struct([("b", pa.string()), ("a", pa.int8())])),
        one([{"a": 2**40, "c": [1]}], pa.struct([("a", pa.int64()), ("c", pa.list_(pa.int8()))])),
        "struct(b: string, a: int64, c: list(int8))",
        [{"b": "x", "a": 1, "c": None}, None, {"b": None, "a": 2**40, "c": [1]}],
    ),
    (
        one([[("k", 1)]], pa.map_(pa.string(), pa.int8())),
        one([[("k", 2**40)]], pa.map_(pa.string(), pa.int64())),
        "list(struct(key: string, value: int64))",
        [[{"key": "k", "value": 1}], [{"key": "k", "value": 2**40}]],
    ),
]


@pytest.mark.parametrize(("first", "second", "dtype", "values"), WIDENED)
@pytest.mark.parametrize("form", ["parquet", "ipc"])
def test_a_column_has_the_type_that_holds_it_in_every_file(
    tmp_path: Path, scan: Any, form: str, first: pa.Table, second: pa.Table, dtype: str, values: list[Any]
) -> None:
    if form == "parquet":
        save(tmp_path, first, second)
    else:
        for number, table in enumerate((first, second)):
            with pa.ipc.new_file(str(tmp_path / f"{number}.arrow"), table.schema) as writer:
                writer.write_table(table)
    source = open_source(tmp_path)
    assert str(source.schema["x"].dtype) == dtype
    assert scan(source).column("x").to_pylist() == values


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (one([1], pa.int64()), one(["x"], pa.string())),
        (one([True], pa.bool_()), one([1], pa.int64())),
        (one([[1]], pa.list_(pa.int64())), one([1], pa.int64())),
        (one([NOON], pa.timestamp("us")), one([NOON], pa.timestamp("us", "UTC"))),
        (one([{"a": 1}], pa.struct([("a", pa.int64())])), one([{"a": "x"}], pa.struct([("a", pa.string())]))),
    ],
)
def test_types_without_a_common_one_name_column_and_files(tmp_path: Path, first: pa.Table, second: pa.Table) -> None:
    said = r"column 'x' is .* in '.*0.parquet' but .* in '.*1.parquet'; read the files apart and cast one of them"
    with pytest.raises(TypeMismatch, match=said):
        ParquetSource(save(tmp_path, first, second))


def test_a_value_that_does_not_fit_the_wider_type_names_file_and_column(tmp_path: Path, scan: Any) -> None:
    save(tmp_path, one([2**40], pa.timestamp("s")), one([1], pa.timestamp("us")))
    assert scan(ParquetSource(tmp_path)).num_rows == 2
    save(tmp_path, one([2**50], pa.timestamp("s")), one([1], pa.timestamp("us")))
    said = r"'.*0.parquet': column 'x' cannot be read as timestamp\(us\), which it is because of other files"
    with pytest.raises(ReadError, match=said):
        scan(ParquetSource(tmp_path))


def test_reordered_and_missing_columns_as_duckdb_unites_them(tmp_path: Path) -> None:
    save(
        tmp_path,
        pa.table({"a": pa.array([1, 2], pa.int32()), "b": ["x", "y"], "d": pa.array([1, 2], pa.decimal128(9, 0))}),
        pa.table({"c": [True], "b": ["z"], "a": pa.array([2**40], pa.int64())}),
        pa.table({"d": pa.array([Decimal("0.25")], pa.decimal128(9, 2)), "c": [False]}),
    )
    query = "select a, b, c, cast(d as double) d from t where coalesce(a, 7) > 1 order by a nulls last, b"
    theirs = duckdb.sql(
        query.replace("from t", f"from read_parquet('{tmp_path}/*.parquet', union_by_name = true)")
    ).fetchall()
    ours = vl.sql(query, t=vl.read_parquet(str(tmp_path))).to_arrow()
    assert [tuple(row.values()) for row in ours.to_pylist()] == theirs


@pytest.mark.parametrize(("first", "second", "dtype", "values"), WIDENED[:11])
def test_pruning_by_statistics_of_another_type_keeps_every_match(
    tmp_path: Path, scan: Any, first: pa.Table, second: pa.Table, dtype: str, values: list[Any]
) -> None:
    save(tmp_path, first, second, rows=1)
    source = ParquetSource(tmp_path)
    column = Column(name="x", dtype=source.schema["x"].dtype)
    for value in {v for v in values if v is not None}:
        for function in ("equal", "less_equal", "greater_equal", "not_equal"):
            predicate = call(function, column, literal(value))
            kept = scan(source, predicate=predicate).column("x").to_pylist()
            compare = {
                "equal": lambda v, w: v == w,
                "less_equal": lambda v, w: v <= w,
                "greater_equal": lambda v, w: v >= w,
                "not_equal": lambda v, w: v != w,
            }[function]
            for found in values:
                assert found is None or not compare(found, value) or found in kept


def test_row_groups_are_pruned_in_files_of_either_type(tmp_path: Path) -> None:
    save(tmp_path, one(list(range(100)), pa.int32()), one([float(i) for i in range(100)], pa.float64()), rows=10)
    source = ParquetSource(tmp_path)
    predicate = call("less", Column(name="x", dtype=dtypes.float64), literal(15.0))
    assert source.scan(ScanRequest(columns=("x",), predicate=predicate)).skipped == "16 of 20 row groups"
    assert source.statistics().columns["x"].minimum == 0
    decimals = tmp_path / "decimals"
    decimals.mkdir()
    save(decimals, one(list(range(100)), pa.decimal128(9, 0)), one(list(range(100)), pa.decimal128(9, 2)), rows=10)
    exact = ParquetSource(decimals)
    predicate = call("less", Column(name="x", dtype=exact.schema["x"].dtype), literal(Decimal("9.5")))
    assert exact.scan(ScanRequest(columns=("x",), predicate=predicate)).skipped == "18 of 20 row groups"


TYPES = st.recursive(
    st.sampled_from(
        [
            dtypes.null, dtypes.bool_, dtypes.int8, dtypes.int64, dtypes.uint32, dtypes.uint64, dtypes.float32,
            dtypes.float64, dtypes.decimal(9, 2), dtypes.decimal(38, 10), dtypes.string, dtypes.binary, dtypes.date,
            dtypes.timestamp("ms"), dtypes.timestamp("ns"), dtypes.timestamp("us", "UTC"), dtypes.time("us"),
        ]
    ),
    lambda inner: inner.map(dtypes.list_)
    | st.dictionaries(st.sampled_from("abc"), inner, min_size=1).map(lambda d: dtypes.struct(d.items())),
    max_leaves=4,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(left=TYPES, right=TYPES, third=TYPES)
def test_widening_is_symmetric_settles_and_converts(left: Any, right: Any, third: Any) -> None:
    def plain(dtype: Any) -> Any:
        """Fields of structs in an order that does not depend on which file came first."""
        if dtype is None or not dtype.is_nested:
            return dtype
        if dtype.value is not None:
            return dtypes.list_(plain(dtype.value))
        return dtypes.struct(sorted((name, plain(part)) for name, part in dtype.fields))

    both = evolved_type(left, right)
    assert plain(both) == plain(evolved_type(right, left))
    if both is not None:
        assert evolved_type(both, left) == both
        assert plain(evolved_type(both, right)) == plain(both)
        from volley.engine.arrow import to_arrow_type
        from volley.io.conform import conform_array

        assert conform_array(pa.nulls(2, to_arrow_type(right)), to_arrow_type(both)).null_count == 2


# ------------------------------------------------------------------------------------------ nested values
NESTED = pa.table(
    {
        "id": range(6),
        "tags": pa.array([["a", None], [], None, ["b"], ["a", "b", "c"], [None]], pa.list_(pa.string())),
        "place": pa.array(
            [{"city": "Oslo", "at": {"x": i, "y": None}} if i % 3 else None for i in range(6)],
            pa.struct([("city", pa.string()), ("at", pa.struct([("x", pa.int64()), ("y", pa.float64())]))]),
        ),
        "prices": pa.array(
            [[("low", 1), ("high", 9)], [], None, [("low", None)], [("high", 3)], [("low", 2)]],
            pa.map_(pa.string(), pa.int64()),
        ),
        "deep": pa.array([[[1], None, []], None, [], [[2, 3]], [[]], [[None]]], pa.list_(pa.list_(pa.int64()))),
    }
)  # fmt: skip


def plain_nested() -> list[dict[str, Any]]:
    """Return the rows with maps as lists of structs."""
    rows = NESTED.to_pylist()
    for row in rows:
        pairs = row["prices"]
        row["prices"] = None if pairs is None else [{"key": key, "value": value} for key, value in pairs]
    return rows


@pytest.fixture
def nested(tmp_path: Path) -> Path:
    path = tmp_path / "nested.parquet"
    pq.write_table(NESTED, path, row_group_size=2)
    return path


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.jsonl"])
def test_nested_values_round_trip(nested: Path, tmp_path: Path, scan: Any, write: Any, name: str) -> None:
    first = scan(open_source(nested))
    assert first.to_pylist() == plain_nested()
    write(sink_for(tmp_path / name), first)
    again = scan(open_source(tmp_path / name))
    assert again.to_pylist() == plain_nested()


@pytest.mark.parametrize(
    "condition",
    [
        "struct_extract(place, 'city') = 'Oslo'",
        "struct_extract(struct_extract(place, 'at'), 'x') >= 4",
        "struct_extract(struct_extract(place, 'at'), 'x') > 1 and id < 5",
        "place is null",
        "struct_extract(struct_extract(place, 'at'), 'y') is null",
        "len(tags) > 1",
        "list_contains(tags, 'a')",
        "tags[1] = 'b'",
        "tags is null or len(tags) = 0",
        "deep[1][1] = 2",
    ],
)
def test_filters_on_nested_values_as_in_duckdb(nested: Path, condition: str) -> None:
    query = "select id from t where {} order by id"
    theirs = duckdb.sql(query.format(condition).replace("from t", f"from '{nested}' t")).fetchall()
    ours = vl.sql(query.format(condition), t=vl.read_parquet(str(nested))).to_arrow().column("id").to_pylist()
    assert ours == [row[0] for row in theirs]


def test_filters_on_maps_are_filters_on_lists_of_structs(nested: Path) -> None:
    frame = vl.read_parquet(str(nested))
    first = frame.prices.list.get(0)
    low = frame[(first.struct.field("key") == "low") & (first.struct.field("value") > 0)]
    assert low.to_arrow().column("id").to_pylist() == [0, 5]


def test_filters_on_nested_columns_of_files_that_differ(tmp_path: Path) -> None:
    save(
        tmp_path,
        one([{"a": 1}, {"a": 5}], pa.struct([("a", pa.int8())])),
        one([{"b": "q", "a": 2**40}], pa.struct([("b", pa.string()), ("a", pa.int64())])),
    )
    frame = vl.read_parquet(str(tmp_path))
    whole, text = frame.x.struct.field("a"), frame.x.struct.field("b")
    assert frame[whole > 4].assign(a=whole)[["a"]].to_arrow().to_pydict() == {"a": [5, 2**40]}
    assert frame[text.isna()].assign(b=text)[["b"]].to_arrow().to_pydict() == {"b": [None, None]}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_nested_columns_round_trip(tmp_path: Path, scan: Any, write: Any, data: st.DataObject) -> None:
    leaf = st.none() | st.integers(-5, 5)
    kinds = {
        "list": (pa.list_(pa.int64()), st.lists(leaf, max_size=3)),
        "lists": (pa.list_(pa.list_(pa.int64())), st.lists(st.none() | st.lists(leaf, max_size=2), max_size=3)),
        "struct": (pa.struct([("a", pa.int64()), ("b", pa.list_(pa.int64()))]),
                   st.fixed_dictionaries({"a": leaf, "b": st.none() | st.lists(leaf, max_size=2)})),
        "structs": (pa.list_(pa.struct([("a", pa.int64())])),
                    st.lists(st.none() | st.fixed_dictionaries({"a": leaf}), max_size=3)),
    }  # fmt: skip
    count = data.draw(st.integers(1, 9))
    table = pa.table(
        {
            name: pa.array(data.draw(st.lists(st.none() | values, min_size=count, max_size=count)), dtype)
            for name, (dtype, values) in kinds.items()
        }
    ).slice(data.draw(st.integers(0, count - 1)))
    for name in ("t.parquet", "t.arrow"):
        write(sink_for(tmp_path / name, row_group_rows=2) if "parquet" in name else sink_for(tmp_path / name), table)
        assert scan(open_source(tmp_path / name), batch_rows=3).to_pylist() == table.to_pylist()
