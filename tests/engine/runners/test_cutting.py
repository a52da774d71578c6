"""A join without keys is several tasks, also of few rows; rows, their order and errors are those of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import volley as vl
from volley.engine.errors import ArithmeticOverflow
from volley.engine.runners import cutting, local

ROWS, OTHERS = 300, 40


@pytest.fixture(autouse=True)
def tasks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many tasks the stages have had."""
    monkeypatch.setattr(cutting, "PAIRS", 1_000)
    counts: list[int] = []
    init = local._StageWork.__init__

    def counted(self: local._StageWork, *given: Any) -> None:
        init(self, *given)
        counts.append(len(self.tasks))

    monkeypatch.setattr(local._StageWork, "__init__", counted)
    return counts


def left() -> pa.Table:
    rng = np.random.default_rng(1)
    rows = pa.table({"n": range(ROWS), "x": rng.integers(0, 50, ROWS), "f": rng.random(ROWS)})
    return pa.Table.from_batches(rows.to_batches(max_chunksize=70))


def right() -> pa.Table:
    rng = np.random.default_rng(2)
    return pa.table({"m": range(OTHERS), "y": rng.integers(0, 50, OTHERS), "g": rng.random(OTHERS)})


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("condition", "most"), [("true", 8), ("x <> y", 8), ("x + 1 < y", 1), ("abs(x - y) <= 2", 1)])
@pytest.mark.parametrize("kind", ["join", "left join", "full join", "semi join", "anti join"])
def test_rows_and_their_order_are_those_of_one_task(
    kind: str, condition: str, most: int, threads: int, tasks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"select * from l {kind} r on {condition}"
    with vl.Session(threads=threads):
        made = vl.sql(text, l=left(), r=right()).to_arrow()
        assert max(tasks) == most + (kind == "full join"), "and one for rows without a partner"
        monkeypatch.setattr(cutting, "PAIRS", 1 << 40)
        assert made.equals(vl.sql(text, l=left(), r=right()).to_arrow())


def test_sums_are_the_same_on_any_number_of_threads(tasks: list[int]) -> None:
    sums = set()
    for threads in (1, 2, 3):
        with vl.Session(threads=threads):
            text = "select sum(f * g) as s, avg(f - g) as a from l cross join r"
            sums.add(repr(vl.sql(text, l=left(), r=right()).to_arrow().to_pylist()))
    assert len(sums) == 1
    assert max(tasks) == 8


def test_rows_of_an_earlier_stage_are_cut(tasks: list[int]) -> None:
    text = "select n, m from (select n, max(x) as x from l group by n) cross join r order by n, m"
    made = vl.sql(text, l=left(), r=right()).to_arrow()
    assert made["n"].to_pylist() == [n for n in range(ROWS) for _ in range(OTHERS)]
    assert made["m"].to_pylist() == list(range(OTHERS)) * ROWS
    assert max(tasks) >= 8


def test_a_file_is_read_once(tmp_path: Path, tasks: list[int]) -> None:
    pq.write_table(left(), tmp_path / "l.parquet")
    with vl.Session(threads=2):
        frame = vl.sql("select n, m from l cross join r", l=vl.read_parquet(str(tmp_path / "l.parquet")), r=right())
        made = frame.to_arrow()
        assert made["n"].to_pylist() == [n for n in range(ROWS) for _ in range(OTHERS)]
        assert 8 in tasks
        assert f"read {ROWS} rows" in frame.explain("analyze")


def test_first_rows_are_enough(tasks: list[int]) -> None:
    made = vl.sql("select n, m from l cross join r limit 5", l=left(), r=right()).to_arrow()
    assert made.to_pylist() == [{"n": 0, "m": m} for m in range(5)]


def test_an_error_names_the_rows(tasks: list[int]) -> None:
    rows = left().set_column(1, "x", pa.array([2**63 - 1 if n == 211 else 0 for n in range(ROWS)]))
    with pytest.raises(ArithmeticOverflow) as caught:
        vl.sql("select x + m as s from l cross join r", l=rows, r=right()).to_arrow()
    assert "rows 187 to 224 of memory" in str(caught.value.__notes__)
    assert 8 in tasks
