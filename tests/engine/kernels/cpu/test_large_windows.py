"""Windows over partitions of every size, with ties, nulls, NaN and both zeros, against DuckDB."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

import volley as vl
from volley.engine.kernels.cpu import frames
from volley.engine.kernels.cpu.native.stretches import lay_out_stretches

ROWS = 20_000
WINDOWS = """
select n, rank() over w as r, row_number() over (partition by p order by v {order}, n) as i,
    sum(f) over w as s, sum(f) over (w rows unbounded preceding) as u, sum(x) over w as t
from t window w as (partition by p order by v {order}{then})
"""


@pytest.fixture(scope="module")
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def rows(rng: np.random.Generator, partitions: int, kind: str, *, nulls: float = 0.05) -> pa.Table:
    numbers = rng.integers(0, partitions, ROWS)
    keys = pa.array(numbers * np.int64(0x2545F4914F6CDD1D))
    if kind == "text":
        keys = pa.array([f"shop {number}" for number in numbers])
    small = rng.integers(-50, 50, ROWS)
    floats = np.where(rng.random(ROWS) < 0.1, np.nan, rng.choice([-0.0, 0.0, 1.5, -2.0, 1e9], ROWS))
    values = {
        "integer": pa.array(small, mask=rng.random(ROWS) < 2 * nulls),
        "float": pa.array(floats, from_pandas=False, mask=rng.random(ROWS) < 2 * nulls),
        "text": pa.array(rng.permutation(ROWS)),
    }[kind]
    return pa.table(
        {
            "p": pa.array(keys, mask=rng.random(ROWS) < nulls),
            "v": values,
            "n": rng.permutation(ROWS),
            "f": rng.integers(-1000, 1000, ROWS) / 8,  # whose sums are exact in any order
            "x": rng.integers(-(2**40), 2**40, ROWS),
        }
    )


@pytest.mark.parametrize("kind", ["integer", "float", "text"])
@pytest.mark.parametrize("order", ["", "desc"])
@pytest.mark.parametrize("partitions", [1, 3, 15, 100, 2_000, ROWS])
def test_windows(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, partitions: int, order: str, kind: str
) -> None:
    monkeypatch.setattr(frames, "_FEW_KEYS", 256)  # so that keys of these rows, too, are more than there is room for
    monkeypatch.setattr("volley.engine.runners.sinks.rows._UNDIVIDED_ROWS", ROWS)
    table = rows(rng, partitions, kind)
    compare(table, order)


@pytest.mark.parametrize("few", [0, 16])
@pytest.mark.parametrize("undivided", [0, ROWS])
@pytest.mark.parametrize("kind", ["integer", "float"])
@pytest.mark.parametrize("partitions", [1, 15, 100, 2_000, ROWS])
def test_windows_of_rows_that_lie_by_stretches(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, partitions: int, kind: str, undivided: int, few: int
) -> None:
    """Partitions that are short enough are laid out stretch by stretch, or all at once where their rows are few."""
    made: list[int] = []

    def lay_out(keys: Any, words: Any, bits: int, longest: int) -> Any:
        laid = lay_out_stretches(keys, words, bits, longest)
        if laid is not None:
            made.append(bits)
        return laid

    monkeypatch.setattr(frames, "lay_out_stretches", lay_out)
    monkeypatch.setattr(frames, "_FEW_GROUPS", few)
    monkeypatch.setattr(frames, "_UNDIVIDED_ROWS", undivided)
    monkeypatch.setattr("volley.engine.runners.sinks.rows._UNDIVIDED_ROWS", undivided)
    compare(rows(rng, partitions, kind, nulls=0.0), "")
    if partitions == 2_000 or (partitions == 100 and (undivided or not few)):
        assert set(made) == ({0} if undivided else {frames.STRETCH_BITS})
    elif partitions not in (15, ROWS):
        assert not made


def compare(table: pa.Table, order: str) -> None:
    """Compare the windows of a table with DuckDB's."""
    # Among peers the running sum by rows is that in the order of the rows, which DuckDB leaves open.
    for then in ("", ", n"):
        text = WINDOWS.format(order=f"{order} nulls last", then=then)
        wanted = "n, r, i, s, t" if not then else "n, r, i, s, u, t"
        with duckdb.connect() as connection:
            connection.register("t", table)
            expected = connection.sql(f"select {wanted} from ({text}) order by n").to_arrow_table()
        found = vl.sql(f"select {wanted} from ({text}) order by n", t=vl.from_arrow(table)).to_arrow()
        for name in found.column_names:
            assert found[name].to_pylist() == expected[name].to_pylist(), name
