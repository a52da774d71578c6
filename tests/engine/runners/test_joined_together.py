"""Several tables in memory pass a join at once: rows, their order and errors are those of one after another."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import volley as vl
from volley.engine.errors import ExecutionError
from volley.engine.frame import memory
from volley.engine.kernels.cpu import join
from volley.engine.kernels.cpu.native import joining

ROWS, BATCH, BUILD = 10_000, 700, 3_000


@pytest.fixture(autouse=True)
def together(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many tables have been probed at once each time."""
    counts: list[int] = []
    probe_each = join.CpuJoinTable.probe_each

    def counted(self: join.CpuJoinTable, tables: list[object]) -> object:
        counts.append(len(tables))
        return probe_each(self, tables)  # type: ignore[arg-type]

    monkeypatch.setattr(join.CpuJoinTable, "probe_each", counted)
    return counts


def left(rows: int = ROWS) -> pd.DataFrame:
    made = np.random.default_rng(1)
    keys = pd.Series(made.integers(0, 2 * BUILD, rows)).astype("Int64").mask(made.random(rows) < 0.05)
    return pd.DataFrame(
        {
            "k": keys,
            "n": np.arange(rows),
            "f": pd.Series(made.random(rows)).mask(made.random(rows) < 0.1),
            "s": pd.Series(made.integers(0, 50, rows).astype(str)),
            "b": made.random(rows) < 0.5,
        }
    )


def right(times: int) -> pd.DataFrame:
    keys = np.repeat(np.random.default_rng(2).permutation(BUILD), times)
    return pd.DataFrame({"k": pd.Series(keys).astype("Int64"), "m": np.arange(len(keys)), "t": keys.astype(str)})


def in_batches(rows: pd.DataFrame) -> vl.DataFrame:
    table = pa.Table.from_pandas(rows, preserve_index=False)
    return vl.from_arrow(pa.Table.from_batches(table.to_batches(max_chunksize=BATCH)))


def shown(rows: pa.Table) -> list[tuple[object, ...]]:
    return sorted(zip(*rows.to_pydict().values(), strict=True), key=repr)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("how", ["inner", "left"])
def test_rows_are_those_of_pandas(how: str, times: int, threads: int, together: list[int]) -> None:
    one, two = left(), right(times)
    with vl.Session(threads=threads):
        made = in_batches(one).merge(in_batches(two), on="k", how=how).to_arrow()
    known = one.dropna(subset=["k"]).merge(two, on="k", how="inner")
    assert shown(made.filter(made["m"].is_valid())) == shown(pa.Table.from_pandas(known, preserve_index=False))
    assert made.num_rows == len(known) + (how == "left") * (~one["k"].isin(known["k"])).sum()
    assert made["n"].to_pylist() == sorted(made["n"].to_pylist()), "the rows of the left side stay in order"
    assert max(together) > 1


@pytest.mark.parametrize("how", ["semi", "anti"])
def test_rows_with_and_without_partners(how: str, together: list[int]) -> None:
    one = left()
    made = in_batches(one).merge(in_batches(right(1)), on="k", how=how).to_arrow()
    partnered = one["k"].notna() & (one["k"] < BUILD).fillna(value=False)
    assert made["n"].to_pylist() == one["n"][partnered if how == "semi" else ~partnered].tolist()
    assert max(together) > 1


def test_too_many_pairs_of_one_table_are_made_in_pieces(monkeypatch: pytest.MonkeyPatch, together: list[int]) -> None:
    monkeypatch.setattr(joining, "MOST_PAIRS", 1_000)
    one, two = pd.DataFrame({"k": [0] * 2_000 + [1], "n": range(2_001)}), pd.DataFrame({"k": [0, 0, 1], "m": range(3)})
    made = in_batches(one).merge(in_batches(two), on="k").to_arrow()
    assert made["n"].to_pylist() == [n for n in range(2_000) for _ in range(2)] + [2_000]
    assert together[0] > 1
    assert together.count(1) > 1


def test_an_error_behind_the_join_names_the_table() -> None:
    one = left()
    one["d"] = one["n"] - 7_777
    one["k"] = one["k"].fillna(0) % BUILD
    text = "select l.n, r.m, l.k // l.d as q from l join r on l.k = r.k"
    with pytest.raises(ExecutionError, match="division by zero") as failed:
        vl.sql(text, l=in_batches(one), r=in_batches(right(1)), dialect="duckdb").to_arrow()
    assert failed.value.__notes__ == ["for k = 1628, d = 0", "in rows 7,700 to 8,399 of memory[0:10000]"]


def test_threads_take_few_large_tasks(monkeypatch: pytest.MonkeyPatch, together: list[int]) -> None:
    monkeypatch.setattr(memory, "TASK_ROWS", 4 * BATCH)
    monkeypatch.setattr(memory, "DIVIDED_ROWS", 2 * BATCH)
    with vl.Session(threads=2):
        made = in_batches(left()).merge(in_batches(right(1)), on="k").to_arrow()
    assert sorted(together) == [1, 1, 6, 7], "of 15 tables; as other operators have them they are up to four"
    assert made["n"].to_pylist() == sorted(made["n"].to_pylist())
