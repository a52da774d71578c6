"""Keys of a join's finished build side spare the scan of the other side rows: answers stay, and less is read."""

import itertools
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import volley as vl

ROWS = 6_000
KEYS = {
    "int": lambda n: pa.array(n, pa.int64()),
    "small": lambda n: pa.array(n % 100, pa.int8()),
    "far": lambda n: pa.array(n * 1_000_003_000_019 - 2**61, pa.int64()),
    "negative": lambda n: pa.array(n - 40, pa.int32()),
    "date": lambda n: pa.array(n.astype(np.int32), pa.int32()).cast(pa.date32()),
    "moment": lambda n: pa.array(n * 1_000_000, pa.int64()).cast(pa.timestamp("us", "UTC")),
    "text": lambda n: pa.array([f"key {v:05d}" for v in n]),
    "decimal": lambda n: pa.array(n, pa.int64()).cast(pa.decimal128(19, 0)).cast(pa.decimal128(20, 1)),
    "float": lambda n: pa.array(np.where(n % 7 == 0, np.nan, n * 0.5)),
}
JOINS = {
    "inner": "select f.i, f.k, d.w from f join d on f.k = d.k",
    "left": "select f.i, f.k, d.w from f left join d on f.k = d.k",
    "right": "select f.i, d.k, d.w from f right join d on f.k = d.k",
    "full": "select f.i, f.k, d.k as j, d.w from f full join d on f.k = d.k",
    "null-safe": "select f.i, d.w from f join d on f.k is not distinct from d.k",
    "residual": "select f.i, d.w from f join d on f.k = d.k and f.i > d.w",
    "semi": "select i, k from f where k in (select k from d)",
    "anti": "select i, k from f where not exists (select 1 from d where d.k = f.k)",
    "grouped": "select a.k, a.n, d.w from (select k, count(*) as n from f group by k) a join d on a.k = d.k",
    "distinct": "select a.k, d.w from (select distinct k from f) a join d on a.k = d.k",
    "ranked": "select a.i, a.r, d.w from (select i, k, row_number() over (partition by k order by i) as r from f) a "
    "join d on a.k = d.k",
    "numbered": "select a.i, a.r, d.w from (select i, k, row_number() over (order by i) as r from f) a "
    "join d on a.k = d.k",
    "limited": "select a.i, d.w from (select * from f order by i limit 1000) a join d on a.k = d.k",
    "union": "select a.i, d.w from (select i, k from f where i < 2000 union all select -i, k from f) a "
    "join d on a.k = d.k",
    "two": "select f.i, d.w, e.w as v from f join d on f.k = d.k join d e on e.k = d.k and e.w < 20",
    "chain": "select f.i, x.w from f "
    "join (select d.k, d.w from d join f g on d.k = g.k where g.i % 50 = 0) x on f.k = x.k",
    "shared": "with a as (select k, count(*) as n from f group by k) "
    "select a.k, a.n, (select sum(n) from a) as whole, d.w from a join d on a.k = d.k",
    "twice": "with a as (select * from f where i % 3 <> 1) "
    "select x.i, y.m from a x join d on x.k = d.k cross join (select max(i) as m from a) y",
    "unnested": "select a.u, d.w from (select k, unnest([i, -i]) as u from f) a join d on a.k = d.k",
}


@pytest.fixture(autouse=True)
def decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the engine's decoder read small files too."""
    monkeypatch.setattr("volley.io.parquet._WORTH_COMPILING", 0)
    monkeypatch.setattr("volley.io.parquet._MANY_CHUNKS", 10**9)


def tables(folder, kind, *, nulls=True, few=True):
    """Write facts, whose keys ascend with some disorder, and a few dimension rows; return their frames."""
    random = np.random.default_rng(sum(map(ord, kind)))
    numbers = np.clip(np.arange(ROWS) // 5 + random.integers(-30, 30, ROWS), 0, None)
    chosen = random.choice(numbers[ROWS // 3 : ROWS // 2], 40 if few else 0)
    make = KEYS[kind]
    facts = pa.table({"i": np.arange(ROWS), "k": with_nulls(make(numbers), random, nulls=nulls)})
    dim = pa.table({"k": with_nulls(make(chosen), random, nulls=nulls), "w": np.arange(len(chosen))})
    pq.write_table(facts, folder / "f.parquet", row_group_size=500, use_dictionary=kind in ("text", "small"))
    pq.write_table(dim, folder / "d.parquet")
    return {"f": vl.read_parquet(folder / "f.parquet"), "d": vl.read_parquet(folder / "d.parquet")}


def with_nulls(keys, random, *, nulls):
    chosen = pa.array(random.random(len(keys)) < 0.05)
    return pa.compute.if_else(chosen, pa.scalar(None, keys.type), keys) if nulls else keys


def rows_of(table):
    return sorted(map(repr, table.to_pylist()))


def answers(query, frames):
    """Return the rows with the filters and without."""
    found = []
    for on in (True, False):
        with vl.Session(dynamic_filters=on, threads=2) as session:
            found.append(rows_of(session.collect(vl.sql(query, **frames).plan)))
    return found


@pytest.mark.parametrize("kind", KEYS)
def test_answers_are_those_without(tmp_path, kind):
    frames = tables(tmp_path, kind)
    for name, query in JOINS.items() if kind in ("int", "text") else (("inner", JOINS["inner"]), ("two", JOINS["two"])):
        with_filters, without = answers(query, frames)
        assert with_filters == without, name


def test_answers_are_those_without_where_nothing_is_built(tmp_path):
    frames = tables(tmp_path, "int", few=False)
    for name, query in JOINS.items():
        with_filters, without = answers(query, frames)
        assert with_filters == without, name


def scanned(query, frames, **options):
    """Return what the run of a query counted of its scan of the facts."""
    with vl.Session(**options) as session:
        metrics = session.run(vl.sql(query, **frames).plan).metrics
    counted = [o for stage in metrics.stages for name, o in stage.operators.items() if "f.parquet" in name]
    return counted[-1]


@pytest.mark.parametrize("kind", [kind for kind in KEYS if kind not in ("decimal", "float", "small")])
def test_row_groups_and_rows_without_a_partner_are_not_read(tmp_path, kind):
    frames = tables(tmp_path, kind, nulls=False)
    used, unused = (scanned(JOINS["inner"], frames, dynamic_filters=on) for on in (True, False))
    assert unused.skipped_rows == 0
    assert (unused.rows, unused.stored_rows) == (ROWS, ROWS)
    assert used.skipped_rows >= ROWS // 2
    assert used.skipped_bytes > 0
    assert used.stored_rows + used.skipped_rows == ROWS
    assert used.stored_bytes + used.skipped_bytes == unused.stored_bytes
    assert used.rows < used.stored_rows // 2


def test_an_empty_build_side_reads_nothing_of_the_other(tmp_path):
    counted = scanned(JOINS["inner"], tables(tmp_path, "int", few=False))
    assert (counted.rows, counted.stored_rows, counted.skipped_rows) == (0, 0, ROWS)


@pytest.mark.parametrize("name", ["left", "full", "anti", "null-safe", "numbered", "limited"])
def test_rows_that_are_needed_are_not_skipped(tmp_path, name):
    frames = tables(tmp_path, "int")
    assert "in keys of stage" not in vl.sql(JOINS[name], **frames).explain("physical")


@pytest.mark.parametrize("name", ["inner", "semi", "grouped", "distinct", "ranked", "union", "unnested"])
def test_keys_reach_the_scan(tmp_path, name):
    frames = tables(tmp_path, "int")
    text = vl.sql(JOINS[name], **frames).explain("physical")
    scans = [line for line in text.splitlines() if "ScanExec" in line and "f.parquet" in line]
    assert len(scans) == (2 if name == "union" else 1)
    assert all("k in keys of stage" in line for line in scans)
    with vl.Session(dynamic_filters=False):
        unused = {name: vl.read_parquet(tmp_path / f"{name}.parquet") for name in frames}
        assert "in keys of stage" not in vl.sql(JOINS[name], **unused).explain("physical")


def test_analyze_says_what_was_skipped(tmp_path):
    frames = tables(tmp_path, "int")
    text = vl.sql(JOINS["inner"], **frames).explain("analyze")
    assert re.search(r"f\.parquet .*read [\d,]+ rows, [\d.]+ KiB; known keys skipped [\d,]+ rows, [\d.]+ KiB", text)


def test_a_directory_that_no_key_names_is_left_out(tmp_path):
    days = pa.table({"day": [d for d, _ in itertools.product(range(5), range(10))], "v": range(50)})
    vl.from_arrow(days).to_parquet(tmp_path / "days", partition_by=["day"])
    days_frame = vl.read_parquet(tmp_path / "days")
    wanted = vl.DataFrame({"day": [3], "name": ["thursday"]})
    with vl.Session() as session:
        joined = days_frame.merge(wanted, on="day")
        metrics = session.run(joined.plan).metrics
        assert sorted(joined.v.to_list()) == list(range(30, 40))
    scan = next(o for s in metrics.stages for name, o in s.operators.items() if "days" in name)
    assert (scan.stored_rows, scan.skipped_rows) == (10, 40)


def test_keys_that_do_not_fit_the_limit_are_not_kept(tmp_path):
    frames = tables(tmp_path, "far", nulls=False)
    query = "select count(*) as n from f join d on f.k = d.k"
    with vl.Session(memory_limit="40KiB") as session:
        result = session.run(vl.sql(query, **frames).plan)
    scan = next(o for s in result.metrics.stages for name, o in s.operators.items() if "f.parquet" in name)
    assert scan.skipped_rows == 0
