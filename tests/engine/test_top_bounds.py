"""The last of the first rows known so far spares scans the rows behind it: answers stay, and less is read."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import volley as vl
from volley.engine import dtypes
from volley.engine.expr import Column, SortKey
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.cpu.topk import CpuTopK
from volley.engine.schema import Schema

ROWS = 8_000
KINDS = {
    "int64": lambda n: pa.array(n * 1_000_003 - 2**40, pa.int64()),
    "int16": lambda n: pa.array(n % 3_000, pa.int16()),
    "uint64": lambda n: pa.array(n.astype(np.uint64) + np.uint64(2**63), pa.uint64()),
    "date": lambda n: pa.array(n.astype(np.int32) - 4_000, pa.int32()).cast(pa.date32()),
    "moment": lambda n: pa.array(n * 1_000_000, pa.int64()).cast(pa.timestamp("us")),
    "seconds": lambda n: pa.array(n - 4_000, pa.int64()).cast(pa.timestamp("s")),
    "float": lambda n: pa.array(np.where(n % 11 == 0, np.nan, n * 0.5)),
    "text": lambda n: pa.array([f"{v:06d}" for v in n]),
}
ORDERS = {
    "first": "select i, k from f order by k, i limit 7",
    "last": "select i, k from f order by k desc, i limit 7",
    "nulls first": "select i, k from f order by k nulls first, i limit 7",
    "many": "select i, k from f order by k, i limit 700",
    "offset": "select i, k from f order by k desc, i limit 5 offset 30",
    "filtered": "select i, k from f where v % 7 = 3 order by k, i limit 7",
    "filtered by text": "select i, k from f where t like '%9%' and v > 20 order by k desc, i limit 7",
    "few pass": "select i, k from f where i in (3, 5000, 7999) order by k, i limit 7",
    "wide": "select * from f order by k, i limit 7",
    "computed": "select i + 1 as j, k as m from f order by m, j limit 7",
    "late filter": "select i, k from (select *, random() as r from f) where r >= 0 order by k, i limit 7",
    "joined": "select f.i, f.k, d.w from f join d on f.v = d.w order by f.k, f.i limit 7",
    "outer": "select f.i, f.k, d.w from f full join d on f.v = d.w order by f.k, f.i, d.w limit 7",
    "of a build side": "select d.w, f.i, f.k from d left join f on f.v = d.w order by f.k desc, f.i, d.w limit 7",
    "grouped": "select k, count(*) as n from f group by k order by k limit 7",
    "of sums": "select v, sum(i) as s from f group by v order by s desc, v limit 7",
    "union": "select * from (select i, k from f union all select -i, k from f where i > 100) order by k, i limit 7",
    "within": "select count(*) as n, min(i) as i from (select i, k from f order by k, i limit 50)",
    "ranked": "select i, k, row_number() over (order by i) as r from f order by k desc, i limit 7",
}


@pytest.fixture(autouse=True)
def decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the engine's decoder read small files too, in splits of one row group."""
    monkeypatch.setattr("volley.io.parquet._WORTH_COMPILING", 0)
    monkeypatch.setattr("volley.io.parquet._MANY_CHUNKS", 10**9)
    monkeypatch.setattr("volley.io.parquet._SPLIT_BYTES_LEAST", 1)


def tables(folder, kind, *, nulls=0.05, order="some"):
    """Write rows whose keys ascend, with or without disorder, or in no order; return the frames."""
    random = np.random.default_rng(sum(map(ord, kind)))
    numbers = np.arange(ROWS) // 3
    if order == "some":
        numbers = np.clip(numbers + random.integers(-300, 300, ROWS), 0, None)
    elif order == "none":
        random.shuffle(numbers)
    keys = KINDS[kind](numbers)
    absent = pa.array(random.random(ROWS) < nulls)
    table = pa.table(
        {
            "i": np.arange(ROWS),
            "k": pa.compute.if_else(absent, pa.scalar(None, keys.type), keys),
            "v": random.integers(0, 100, ROWS),
            "t": [f"text {n}" for n in random.integers(0, 5_000, ROWS)],
        }
    )
    pq.write_table(table, folder / "f.parquet", row_group_size=500, use_dictionary=["v"])
    pq.write_table(pa.table({"w": np.arange(0, 120, 5)}), folder / "d.parquet")
    return {name: vl.read_parquet(folder / f"{name}.parquet") for name in ("f", "d")}


@pytest.mark.parametrize("order", ["all", "some", "none"])
@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_those_without(tmp_path, kind, order):
    frames = tables(tmp_path, kind, order=order)
    chosen = ORDERS if kind in ("int64", "moment") else {n: ORDERS[n] for n in ("first", "last", "filtered", "many")}
    for name, query in chosen.items():
        found = []
        for on in (True, False):
            with vl.Session(dynamic_filters=on, threads=2) as session:
                found.append(session.collect(vl.sql(query, **frames).plan).to_pylist())
        assert repr(found[0]) == repr(found[1]), name


def test_nulls_fill_up_where_there_are_too_few_values(tmp_path):
    frames = tables(tmp_path, "int64", nulls=0.9995)
    for query in (ORDERS["first"], ORDERS["last"]):
        rows = vl.sql(query, **frames).to_arrow().to_pylist()
        keys = [row["k"] for row in rows]
        assert len(keys) == 7
        assert None in keys
        assert keys.index(None) == sum(key is not None for key in keys) > 0


def scanned(query, frames, **options):
    """Return what the run of a query counted of its scan."""
    with vl.Session(threads=1, **options) as session:
        metrics = session.run(vl.sql(query, **frames).plan).metrics
    return next(o for stage in metrics.stages for name, o in stage.operators.items() if "f.parquet" in name)


@pytest.mark.parametrize("kind", ["int64", "date", "moment", "seconds"])
@pytest.mark.parametrize("name", ["first", "last", "wide", "filtered by text", "computed"])
def test_later_row_groups_are_not_read_where_they_ascend(tmp_path, kind, name):
    frames = tables(tmp_path, kind, nulls=0.0, order="all")
    used, unused = (scanned(ORDERS[name], frames, dynamic_filters=on) for on in (True, False))
    assert unused.skipped_rows == 0
    assert used.skipped_rows >= ROWS * 3 // 4
    assert used.stored_rows + used.skipped_rows == ROWS


@pytest.mark.parametrize("name", ["first", "last", "wide", "filtered by text"])
def test_few_rows_leave_the_scan_where_keys_have_no_order(tmp_path, name):
    assert scanned(ORDERS[name], tables(tmp_path, "int64", order="none")).rows <= 150


def test_rows_behind_those_that_passed_a_later_filter_are_left_out(tmp_path):
    frames = tables(tmp_path, "int64", order="none")
    used, unused = (scanned(ORDERS["filtered"], frames, dynamic_filters=on) for on in (True, False))
    assert unused.rows == ROWS
    assert used.rows <= ROWS // 4


@pytest.mark.parametrize("name", ["nulls first", "grouped", "of sums", "ranked"])
def test_rows_that_are_needed_are_not_left_out(tmp_path, name):
    frames = tables(tmp_path, "int64")
    assert "among the" not in vl.sql(ORDERS[name], **frames).explain("physical")


def test_explain_says_which_scans_are_told(tmp_path):
    frames = tables(tmp_path, "int64")
    assert "k among the first 7" in vl.sql(ORDERS["first"], **frames).explain("physical")
    assert "k among the last 35" in vl.sql(ORDERS["offset"], **frames).explain("physical")
    with vl.Session(dynamic_filters=False):
        unused = {name: vl.read_parquet(tmp_path / f"{name}.parquet") for name in frames}
        assert "among the" not in vl.sql(ORDERS["first"], **unused).explain("physical")


def bound(k, *, alone=True, descending=False):
    key = SortKey(expr=Column(name="x", dtype=dtypes.int64), descending=descending)
    return CpuTopK([key], k, Schema.of([("x", dtypes.int64)])).scan_bound(alone=alone)


@given(
    batches=st.lists(st.lists(st.none() | st.integers(-20, 20), max_size=30), min_size=1, max_size=5),
    k=st.integers(1, 12),
    descending=st.booleans(),
)
def test_what_is_selected_has_the_first_values(batches, k, descending):
    made = bound(k, descending=descending)
    selected = []
    for values in batches:
        array = pa.array([7, *values], pa.int64()).slice(1)
        selected += array.take(made.select(array)).to_pylist()
    every = [value for values in batches for value in values]

    def firsts(values):
        return sorted((v for v in values if v is not None), reverse=descending)[:k]

    assert firsts(selected) == firsts(every)
    missing = k - len(firsts(every))
    if missing > 0:
        assert selected.count(None) == every.count(None)


def test_bounds_of_values_behind_the_limit_hold_none_that_is_wanted():
    made = bound(2)
    assert made.may_hold(10**9, None)
    made.select(pa.array([5, 3, 9, 1]))
    assert made.may_hold(3, 8)
    assert made.may_hold(None, 8)
    assert not made.may_hold(4, 8)
    last = bound(2, descending=True)
    last.select(pa.array([5, 3, 9, 1]))
    assert last.may_hold(1, 5)
    assert not last.may_hold(1, 4)


def test_a_scan_whose_rows_may_be_dropped_later_learns_nothing_of_them():
    made = bound(2, alone=False)
    assert made.select(pa.array([5, 3, 9, 1])).tolist() == [0, 1, 2, 3]
    assert made.may_hold(4, 8)


def test_first_rows_leave_long_dictionaries_behind():
    schema = Schema.of([("n", dtypes.int64), ("t", dtypes.string)])
    keys = [SortKey(expr=Column(name=name, dtype=schema[name].dtype), descending=name == "n") for name in "nt"]
    rng = np.random.default_rng(5)
    top, rows = CpuTopK(keys, 4, schema), []
    for table in range(3):
        texts = pa.array([f"{table} {number:05d}" for number in rng.permutation(9_000)])
        codes = pa.array(rng.integers(0, 9_000, 20_000).astype(np.int32), mask=rng.random(20_000) < 0.1)
        numbers = pa.array(rng.integers(0, 50, 20_000))
        batch = pa.table({"n": numbers, "t": pa.DictionaryArray.from_arrays(codes, texts)})
        top.update(CpuDevice().from_arrow(batch, schema))
        rows += [(-n, t is None, t) for n, t in zip(numbers.to_pylist(), batch["t"].to_pylist(), strict=True)]
    made = top.result()
    found = zip(made.column("n").to_pylist(), made.column("t").to_pylist(), strict=True)
    assert [(-n, t is None, t) for n, t in found] == sorted(rows, key=lambda row: (*row[:2], row[2] or ""))[:4]
    assert made.nbytes < 1_000
