"""A table of 2,000 columns, in memory and in a Parquet file, through every kind of operator, against Arrow's own."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import volley as vl
from volley.engine.frame.memory import MemorySource

COLUMNS, ROWS = 2_000, 60


@pytest.fixture(scope="module")
def data() -> pa.Table:
    """Integers, a tenth of them null, in columns c1 on; a key that repeats in c0."""
    random = np.random.default_rng(5)
    columns = {"c0": pa.array(np.arange(ROWS) % 7)}
    for number in range(1, COLUMNS):
        values = random.integers(-50, 50, ROWS)
        columns[f"c{number}"] = pa.array(values, mask=random.random(ROWS) < 0.1)
    return pa.table(columns)


@pytest.fixture(scope="module", params=["memory", "parquet"])
def frame(data: pa.Table, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> vl.DataFrame:
    if request.param == "memory":
        return vl.from_arrow(data)
    path = tmp_path_factory.mktemp("wide") / "wide.parquet"
    pq.write_table(data, path, row_group_size=ROWS // 3)
    return vl.read_parquet(path)


def test_nulls_of_every_column(frame: vl.DataFrame, data: pa.Table) -> None:
    nulls = frame.isna().sum()
    assert nulls.to_list() == [data[name].null_count for name in data.column_names]
    assert frame.fillna(0).to_arrow()["c7"].to_pylist() == pc.fill_null(data["c7"], 0).to_pylist()


def test_a_table_in_memory_counts_its_bytes_once(data: pa.Table) -> None:
    source = MemorySource(data)
    assert source.statistics() is source.statistics()
    assert source.statistics().bytes == data.nbytes


def test_a_sum_of_every_column(frame: vl.DataFrame, data: pa.Table) -> None:
    total = frame.c0
    for number in range(1, COLUMNS):
        total = total + frame[f"c{number}"].fillna(0).abs()
    expected = np.sum([np.abs(data[f"c{i}"].to_pandas().fillna(0)) for i in range(1, COLUMNS)], axis=0)
    assert frame.select(t=total).t.to_list() == (expected + data["c0"].to_numpy()).tolist()


def test_scan_and_filter(frame: vl.DataFrame, data: pa.Table) -> None:
    found = frame[frame.c1000 > 10].to_arrow()
    assert found.equals(data.filter(pc.field("c1000") > 10))


def test_projection_of_every_column(frame: vl.DataFrame, data: pa.Table) -> None:
    found = frame.select(**{f"d{i}": frame[f"c{i}"] + i for i in range(COLUMNS)}).to_arrow()
    assert found.num_columns == COLUMNS
    assert found["d1999"].to_pylist() == pc.add(data["c1999"], 1999).to_pylist()


def test_aggregates_of_every_column(frame: vl.DataFrame, data: pa.Table) -> None:
    sums = {f"s{i}": (f"c{i}", "sum") for i in range(1, COLUMNS)}
    found = frame.groupby("c0").agg(**sums).to_arrow()
    expected = data.group_by("c0").aggregate([(f"c{i}", "sum") for i in range(1, COLUMNS)]).sort_by("c0")
    assert found["c0"].to_pylist() == expected["c0"].to_pylist()
    for i in (1, 2, 777, 1999):
        assert found[f"s{i}"].to_pylist() == expected[f"c{i}_sum"].to_pylist()
    whole = vl.sql("select " + ", ".join(f"max(c{i})" for i in range(COLUMNS)) + " from frame", frame=frame).to_arrow()
    assert whole.to_pylist() == [{f"max(c{i})": pc.max(data[f"c{i}"]).as_py() for i in range(COLUMNS)}]


def test_a_join_of_two(frame: vl.DataFrame, data: pa.Table) -> None:
    other = frame.rename({f"c{i}": f"d{i}" for i in range(1, COLUMNS)}).drop_duplicates("c0")
    found = frame.merge(other, on="c0", how="left").to_arrow()
    assert found.num_columns == 2 * COLUMNS - 1
    assert found.num_rows == ROWS
    first = {key: row for row, key in reversed(list(enumerate(data["c0"].to_pylist())))}
    ours = sorted(zip(found["c0"].to_pylist(), found["d1500"].to_pylist(), strict=True), key=str)
    theirs = sorted(((key, data["c1500"][first[key]].as_py()) for key in data["c0"].to_pylist()), key=str)
    assert ours == theirs


def test_sort_and_top(frame: vl.DataFrame, data: pa.Table) -> None:
    keys = [f"c{i}" for i in range(40)]
    found = frame.sort_values(keys).to_arrow()
    assert found.equals(data.take(pc.sort_indices(data, [(key, "ascending") for key in keys])))
    assert frame.sort_values(keys).head(3).to_arrow().equals(found.slice(0, 3))


def test_distinct_window_and_union(frame: vl.DataFrame, data: pa.Table) -> None:
    assert len(frame[[f"c{i}" for i in range(200)]].drop_duplicates()) == ROWS
    ranked = frame.assign(place=frame.groupby("c0").cumcount()).to_arrow()
    assert pc.max(ranked["place"]).as_py() == -(-ROWS // 7) - 1
    assert vl.concat([frame, frame]).to_arrow().equals(pa.concat_tables([data, data]))
