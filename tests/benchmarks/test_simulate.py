"""The scheduler's simulation: real plans and placement over a small cluster that is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks import simulate
from benchmarks.simulation.catalogue import TABLES, tables
from benchmarks.simulation.hardware import Hardware
from volley.engine.arrow import from_arrow_schema
from volley.engine.runners.dask.placement import TASK_BYTES

SMALL = Hardware(nodes=2, gpus=2)


@pytest.mark.parametrize("name", TABLES)
def test_tables_have_the_types_of_the_files(name: str, tpch: Path) -> None:
    stored = from_arrow_schema(pq.read_schema(tpch / f"{name}.parquet"))
    assert tables(1)[name].plan.schema == stored


def test_what_is_read_and_sent_follows_from_the_plan() -> None:
    found = simulate.simulate("q06", 100, SMALL)
    lineitem = TABLES["lineitem"][2]
    read = ("l_shipdate", "l_discount", "l_quantity", "l_extendedprice")
    assert found.sum("stored") == pytest.approx(600e6 * sum(lineitem[name].bytes for name in read), rel=1e-3)
    scan, last = found.stages
    assert (scan.name, scan.tasks) == ("reduce", int(found.sum("stored")) // TASK_BYTES)
    assert (last.name, last.tasks) == ("collect", 1)
    assert last.messages == 3  # one row from each of the other workers
    assert last.local > 0


@pytest.mark.parametrize("name", ["q03", "q18"])
def test_rows_that_are_shuffled_come_by_each_kind_of_link(name: str) -> None:
    found = simulate.simulate(name, 1_000, SMALL)
    moved = found.sum("local") + found.sum("nvlink") + found.sum("nic")
    assert found.sum("local") == pytest.approx(moved / 4, rel=0.1)
    assert found.sum("nvlink") == pytest.approx(moved / 4, rel=0.1)
    assert found.sum("nic") == pytest.approx(moved / 2, rel=0.1)
    assert found.longest <= found.seconds
    whole = simulate.simulate(name, 1_000, Hardware(nodes=2, gpus=2, message=1.0))
    assert whole.bound in ("work", "serving")


def test_the_command_line_prints_a_table_and_keeps_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(simulate, "FOLDER", tmp_path)
    simulate.main(["--scale", "10", "--nodes", "1", "--gpus", "2", "--queries", "q06,q14", "--record", "small"])
    assert re.search(r"^\| q14 \| \d+ \| \d+ \|", capsys.readouterr().out, re.MULTILINE)
    kept = json.loads((tmp_path / "small.json").read_text())
    assert kept["assumed"]["gpus"] == 2
    assert [query["name"] for query in kept["queries"]] == ["q06", "q14"]
