"""Conditions that the engine's decoder of Parquet tests: constants, texts, keys of joins, and other columns."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.io.decoded import bits, decoded, some_table, splits_of
from volley.engine import dtypes
from volley.engine.expr import Call, Column, Expr, InList, literal
from volley.engine.kernels.cpu.decoding import decode
from volley.engine.kernels.devices import key_set
from volley.engine.plan import KeyFilter, ScanRequest
from volley.io.parquet import ParquetSource, ParquetSplit

pytestmark = pytest.mark.usefixtures("decode_always")

COLUMN_TESTS: dict[str, Any] = {
    "i64": [0, 17, -(2**40)],
    "f64": [0.0, float("nan"), 1.5],
    "date": [dt.date(2000, 1, 1)],
    "d18": [Decimal("0.5")],
    "text": ["", "a7", "x"],
    "bool": [True],
}


@pytest.mark.parametrize("seed", range(12))
def test_conditions_leave_the_rows_that_a_filter_would(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = some_table(seed, distinct=int(rng.choice([3, 40, 3000])), nulls=float(rng.choice([0.0, 0.2])))
    path = tmp_path / "x.parquet"
    pq.write_table(
        table,
        path,
        use_dictionary=bool(rng.integers(2)),
        dictionary_pagesize_limit=int(rng.choice([500, 10**6])),
        data_page_size=int(rng.choice([300, 10**6])),
        write_batch_size=100,
        row_group_size=int(rng.choice([700, 3000])),
        compression=str(rng.choice(["none", "snappy", "zstd"])),
    )
    everything = decoded(path)
    schema = ParquetSource(path).schema
    names = rng.choice(list(COLUMN_TESTS), 2, replace=False).tolist()
    predicates: list[Expr] = []
    mask = pa.array(np.ones(everything.num_rows, dtype=bool))
    for name in names:
        column = Column(name=name, dtype=schema[name].dtype)
        present = everything[name].drop_null().combine_chunks()
        drawn = present[int(rng.integers(len(present)))].as_py()
        values = everything[name].combine_chunks()
        if rng.integers(2) and name not in ("f64", "bool"):
            choices = [drawn, *COLUMN_TESTS[name]]
            predicates.append(InList(arg=column, values=tuple(choices), dtype=dtypes.bool_))
            passes = pc.is_in(values, pa.array(choices, values.type))
        else:
            if name == "f64" and np.isnan(drawn):
                drawn = 0.25
            function = "greater_equal" if name != "f64" else "less"
            predicates.append(
                Call(function=function, args=(column, literal(drawn, schema[name].dtype)), dtype=dtypes.bool_)
            )
            passes = getattr(pc, function)(values, pa.scalar(drawn, values.type))
        mask = pc.and_(mask, pc.fill_null(passes, False))
    predicate = Call(function="and", args=tuple(predicates), dtype=dtypes.bool_)
    assert ParquetSource(path).scan(ScanRequest(columns=schema.names, predicate=predicate)).residual is None
    expected = everything.filter(mask).combine_chunks()
    assert bits(decoded(path, predicate=predicate).combine_chunks()).equals(bits(expected))


def test_columns_that_only_conditions_read_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": range(100), "b": ["x", "y"] * 50, "c": range(100, 200)}), path)
    source = ParquetSource(path)
    y = Call(function="equal", args=(Column(name="b", dtype=dtypes.string), literal("y")), dtype=dtypes.bool_)
    request = ScanRequest(columns=("a", "b"), predicate=y, only_tested=frozenset({"b"}))
    plan = source.scan(request)
    assert (plan.columns, plan.residual, str(plan.applied)) == (("a",), None, "(b = 'y')")
    (split,) = plan.splits
    assert isinstance(split, ParquetSplit)
    for stored in (split.stored, {}):
        (batch,) = replace(split, stored=stored).read()
        assert batch.to_pydict() == {"a": list(range(1, 100, 2))}


def test_no_page_is_opened_where_no_entry_of_a_dictionary_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"t": ["a", "c"] * 100, "n": range(200)}), path, row_group_size=100)
    calls: list[str] = []

    def counted(name: str) -> Any:
        made = getattr(decode, name)

        def call(*args: Any) -> Any:
            calls.append(name)
            return made(*args)

        return call

    for name in ("select_rows", "decode_columns"):
        monkeypatch.setattr(decode, name, counted(name))
    for text, reads in (("b", []), ("c", ["select_rows", "decode_columns"])):
        calls.clear()
        wanted = Call(function="equal", args=(Column(name="t", dtype=dtypes.string), literal(text)), dtype=dtypes.bool_)
        assert decoded(path, predicate=wanted).num_rows == (100 if reads else 0)
        assert calls == reads


@pytest.mark.parametrize("distinct", [1, 200, 40_000, 90_000])
@pytest.mark.parametrize("nulls", [0.0, 0.1])
@pytest.mark.parametrize("codec", ["snappy", "none"])
def test_codes_of_every_width_for_all_many_and_few_rows(
    tmp_path: Path, distinct: int, nulls: float, codec: str
) -> None:
    """Codes of up to 8, up to 16 and more bits are unpacked in different ways; so are those of few rows of a page."""
    rng = np.random.default_rng(distinct)
    rows = 100_003
    long = rng.integers(-(2**62), 2**62, distinct)[rng.integers(0, distinct, rows)]
    missing = rng.random(rows) < nulls if nulls else None
    table = pa.table(
        {
            "n": pa.array(rng.integers(0, 1000, rows), pa.int32(), mask=missing),
            "long": pa.array(long, mask=missing),
            "short": pa.array(long.astype(np.int32), mask=missing),
            "real": pa.array(long / 3, mask=missing),
        },
        schema=pa.schema(
            [
                pa.field(n, t, bool(nulls))
                for n, t in (("n", pa.int32()), ("long", pa.int64()), ("short", pa.int32()), ("real", pa.float64()))
            ]
        ),
    )
    path = tmp_path / "x.parquet"
    pq.write_table(table, path, compression=codec, data_page_size=20_000)
    for limit in (1000, 980, 7):
        below = Call(
            function="less",
            args=(Column(name="n", dtype=dtypes.int32), literal(limit, dtypes.int32)),
            dtype=dtypes.bool_,
        )
        expected = table.filter(pc.less(table["n"], limit))
        found = decoded(path, predicate=below, batch_rows=30_000)
        assert found.cast(expected.schema).equals(expected), limit
    assert decoded(path, batch_rows=30_000).cast(table.schema).equals(table)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("longest", [1, 30, 3000])
def test_stretches_of_nulls_and_of_equal_values(tmp_path: Path, version: str, longest: int) -> None:
    """Levels and codes come in runs of their own, that end anywhere; any row begins a batch, many and few are left."""
    rng = np.random.default_rng(longest)
    rows = 50_001

    def stretches(choices: int) -> Any:
        lengths = rng.integers(1, longest + 1, rows)
        return np.repeat(rng.integers(0, choices, rows), lengths)[:rows]

    names = ("short", "long", "word", "even")
    table = pa.table(
        {
            "n": pa.array(rng.integers(0, 1000, rows), pa.int32(), mask=stretches(5) == 0),
            "short": pa.array(stretches(700).astype(np.int32), mask=stretches(3) == 0),
            "long": pa.array(stretches(40) * 2**40, mask=stretches(20) == 0),
            "word": pa.array([f"word {k}" for k in stretches(30)], mask=stretches(4) == 0),
            "even": pa.array(np.zeros(rows, np.int64), mask=stretches(2) == 0),
        }
    )
    path = tmp_path / "x.parquet"
    pq.write_table(table, path, data_page_version=version, data_page_size=3000, row_group_size=30_000)
    for batch_rows in (40_000, 777):
        assert decoded(path, batch_rows=batch_rows).cast(table.schema).equals(table)
    for limit in (600, 30):
        below = Call(
            function="less",
            args=(Column(name="n", dtype=dtypes.int32), literal(limit, dtypes.int32)),
            dtype=dtypes.bool_,
        )
        for name, value in zip(names, (7, 3 * 2**40, "word 3", 0), strict=True):
            dtype = ParquetSource(path).schema[name].dtype
            equal = Call(
                function="not_equal", args=(Column(name=name, dtype=dtype), literal(value, dtype)), dtype=dtypes.bool_
            )
            missing = Call(function="is_null", args=(Column(name=name, dtype=dtype),), dtype=dtypes.bool_)
            for condition, passes in ((equal, pc.not_equal(table[name], value)), (missing, pc.is_null(table[name]))):
                both = Call(function="and", args=(below, condition), dtype=dtypes.bool_)
                expected = table.filter(pc.and_(pc.less(table["n"], limit), passes))
                assert decoded(path, predicate=both, batch_rows=40_000).cast(table.schema).equals(expected)


@pytest.mark.parametrize("nulls", [0.0, 0.1])
def test_what_passes_of_several_row_groups_comes_at_once(tmp_path: Path, nulls: float) -> None:
    """Ranges, texts and keys of a join are tested by one call for all row groups; few rows of each are left."""
    rng = np.random.default_rng(7)
    rows = 160_000
    missing = rng.random(rows) < nulls if nulls else None
    table = pa.table(
        {
            "n": pa.array(rng.integers(0, 1000, rows), pa.int32(), mask=missing),
            "key": pa.array(rng.integers(0, 5000, rows) * 1_000_003, mask=missing),
            "word": pa.array([f"word {k}" for k in rng.integers(0, 9, rows)], mask=missing),
            "other": pa.array([f"{k} of them" for k in rng.integers(0, 30, rows)], mask=missing),
            "real": pa.array(rng.integers(0, 500, rows) / 7),
        }
    )
    path = tmp_path / "x.parquet"
    pq.write_table(table, path, row_group_size=20_000, data_page_size=8_000)
    below = Call(
        function="less", args=(Column(name="n", dtype=dtypes.int32), literal(100, dtypes.int32)), dtype=dtypes.bool_
    )
    word = Call(
        function="equal", args=(Column(name="word", dtype=dtypes.string), literal("word 3")), dtype=dtypes.bool_
    )
    both = Call(function="and", args=(below, word), dtype=dtypes.bool_)
    keys = key_set(dtypes.int64, [pa.chunked_array([pa.array([k * 1_000_003 for k in range(0, 5000, 3)])])])
    assert keys is not None
    for filters in ([], [KeyFilter("key", keys)]):
        plan = ParquetSource(path).scan(ScanRequest(columns=tuple(table.column_names), predicate=both))
        splits = [split for split in plan.splits if isinstance(split, ParquetSplit)]
        whole = replace(
            splits[0],
            row_groups=tuple(number for split in splits for number in split.row_groups),
            group_rows=tuple(count for split in splits for count in split.group_rows),
            group_bytes=tuple(size for split in splits for size in split.group_bytes),
        )
        narrowed = whole.narrowed(filters)
        assert narrowed is not None
        batches = list(narrowed.read())
        expected = table.filter(pc.and_(pc.less(table["n"], 100), pc.equal(table["word"], "word 3")))
        if filters:
            wanted = pa.array(np.arange(0, 5000, 3) * 1_000_003)
            expected = expected.filter(pc.is_in(expected["key"], value_set=wanted))
        found = pa.concat_tables([pa.Table.from_batches([batch]).cast(table.schema) for batch in batches])
        assert found.equals(expected)
        assert len(batches) < len(whole.row_groups)


def test_keys_of_unsigned_integers_beyond_the_signed_ones(tmp_path: Path) -> None:
    numbers = np.arange(2**31 - 40, 2**31 + 40).astype(np.uint32)
    table = pa.table({"key": np.tile(numbers, 50), "n": range(4000)})
    path = tmp_path / "x.parquet"
    pq.write_table(table, path)
    wanted = pa.array(numbers[::7])
    keys = key_set(dtypes.uint32, [pa.chunked_array([wanted])])
    assert keys is not None
    (split,) = splits_of(path, batch_rows=4000)
    narrowed = split.narrowed([KeyFilter("key", keys)])
    assert narrowed is not None
    found = pa.Table.from_batches(narrowed.read())
    assert found.equals(table.filter(pc.is_in(table["key"], value_set=wanted)))


@pytest.mark.parametrize("nulls", [0.0, 0.2])
@pytest.mark.parametrize("function", ["less", "less_equal", "greater", "greater_equal", "equal", "not_equal"])
def test_two_columns_are_compared_by_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, nulls: float
) -> None:
    """Columns of 32 and of 64 bits, and decimals that are stored as neither."""
    rng = np.random.default_rng(11)
    rows, kinds = 20_000, {"day": pa.date32(), "long": pa.int64(), "exact": pa.decimal128(12, 2)}
    table = pa.table(
        {
            f"{side} {name}": pa.array(
                rng.integers(-9, 9, rows).astype(np.int32), mask=rng.random(rows) < nulls if nulls else None
            ).cast(pa.decimal128(12, 0) if pa.types.is_decimal(kind) else kind)
            for side in ("one", "other")
            for name, kind in kinds.items()
        }
    ).cast(pa.schema([pa.field(f"{side} {name}", kind) for side in ("one", "other") for name, kind in kinds.items()]))
    path = tmp_path / "x.parquet"
    pq.write_table(table, path, row_group_size=7_000, data_page_size=2_000)
    schema = ParquetSource(path).schema
    tests, expected = [], table
    for name in kinds:
        sides = tuple(Column(name=f"{side} {name}", dtype=schema[f"{side} {name}"].dtype) for side in ("one", "other"))
        tests.append(Call(function=function, args=sides, dtype=dtypes.bool_))
        left, right = (expected[side.name] for side in sides)
        expected = expected.filter(getattr(pc, function)(left, right))
    monkeypatch.setattr(decode._Run, "passes", None)  # rows are not tested by expressions
    both = Call(function="and", args=tuple(tests), dtype=dtypes.bool_)
    for batch_rows in (1_000, rows):
        found = decoded(path, predicate=both, batch_rows=batch_rows)
        assert found.equals(expected)
