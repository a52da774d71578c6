"""The harness itself: data made once, engines in processes of their own, verdicts, records."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import __main__ as command
from benchmarks import data, record
from benchmarks.answers import as_table, difference
from benchmarks.case import Bench, Call
from benchmarks.cases import CASES
from benchmarks.engines import ENGINES, OURS
from benchmarks.measure import Failure, Options, Outcome, Worker, compare, measure
from benchmarks.worker import Assignment, bench_for, serve

QUICK = Options(scale=0.001, threads=1, repeat=2, timeout=60)


@pytest.fixture
def small_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the generated tables into a folder of the test."""
    monkeypatch.setattr(data.memory, "__defaults__", (tmp_path,))
    return tmp_path


def test_every_case_names_known_engines_and_tables() -> None:
    for case in CASES.values():
        assert OURS in case.engines
        assert set(case.engines) <= set(ENGINES)
        assert set(case.memory) <= set(data.TABLES)


@pytest.mark.usefixtures("small_data")
def test_tables_are_made_once_and_the_same() -> None:
    path = data.memory("wide", 0.001)
    made = path.stat().st_mtime_ns
    first = data.load(path)
    assert data.memory("wide", 0.001).stat().st_mtime_ns == made
    path.unlink()
    assert data.load(data.memory("wide", 0.001)).equals(first)
    assert first.num_rows == 6_000
    assert len(first["key"].unique()) == 1_500
    assert np.ptp(first["key"].to_numpy()) > 2**62 or np.ptp(first["key"].to_numpy()) < 0  # all over the 64 bits


@pytest.mark.usefixtures("small_data")
def test_items_are_the_keys_of_wide() -> None:
    wide, items = (data.load(data.memory(name, 0.001)) for name in ("wide", "items"))
    assert set(items["key"].to_pylist()) == set(wide["key"].to_pylist())
    assert len(items["key"].unique()) == items.num_rows


def test_engines_take_turns_and_agree() -> None:
    outcomes = measure(CASES["group-dense"], ["volley", "duckdb", "polars"], QUICK)
    assert [(o.engine, o.verdict) for o in outcomes] == [
        ("volley", "agrees"),
        ("duckdb", "reference"),
        ("polars", "agrees"),
    ]
    for outcome in outcomes:
        assert len(outcome.seconds) == len(outcome.cpu) == QUICK.repeat
        assert 0 < outcome.best <= outcome.median
        assert outcome.peak > 2**20


def test_turns_go_on_for_some_time(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = itertools.chain([0.0, 1.0, 2.9], itertools.repeat(3.0))
    monkeypatch.setattr("benchmarks.measure.monotonic", lambda: next(moments))
    [outcome] = measure(CASES["group-dense"], ["volley"], replace(QUICK, seconds=3.0))
    assert len(outcome.seconds) == 4
    assert record.turns({"group-dense": [outcome]}) == "4"
    monkeypatch.setattr("benchmarks.measure.monotonic", lambda: 0.0)
    assert len(measure(CASES["group-dense"], ["volley"], replace(QUICK, seconds=3.0))[0].seconds) == 10 * QUICK.repeat
    assert record.turns({"a": [outcome], "b": [Outcome(engine="volley", seconds=[1.0])]}) == "1 to 4"


def a_worker(engine: str, folder: Path, timeout: float = 60.0) -> Worker:
    answer = folder / f"{engine}.arrow"
    return Worker(Assignment(case="group-dense", engine=engine, scale=0.001, threads=1, answer=answer), timeout)


def test_an_engine_that_raises_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unlucky(bench: Bench) -> Call:
        raise RuntimeError(f"{bench.threads} thread\nout of luck")

    monkeypatch.setitem(CASES, "group-dense", replace(CASES["group-dense"], engines={"duckdb": unlucky}))
    monkeypatch.setattr("benchmarks.worker.confine", lambda threads, first: None)
    ours, theirs = multiprocessing.Pipe()
    assignment = Assignment(case="group-dense", engine="duckdb", scale=0.001, threads=1, answer=tmp_path / "a")
    serve(theirs, assignment)
    assert ours.recv().error == "RuntimeError: 1 thread out of luck"


def test_a_process_that_dies_and_one_that_hangs_are_failures(tmp_path: Path) -> None:
    dying, slow = a_worker("duckdb", tmp_path), a_worker("polars", tmp_path, timeout=0.001)
    try:
        with pytest.raises(Failure, match=r"no answer within 0\.001 s"):  # it has just been started
            slow.ready()
        dying.ready()
        dying.kill()
        with pytest.raises(Failure, match="ended with exit code -9"):
            dying.turn()
    finally:
        dying.stop()
        slow.stop()


def test_a_wrong_answer_is_found(tmp_path: Path) -> None:
    for engine, total in (("duckdb", 1.0), ("polars", 1.0), ("volley", 2.0)):
        rows = pa.table({"key": [0], "total": [total]})
        with pa.OSFile(str(tmp_path / f"{engine}.arrow"), "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
            writer.write_table(rows)
    outcomes = {engine: Outcome(engine=engine) for engine in ("volley", "duckdb", "polars")}
    compare(CASES["group-dense"], {tmp_path / f"{engine}.arrow": outcome for engine, outcome in outcomes.items()})
    assert [outcome.verdict for outcome in outcomes.values()] == ["differs", "reference", "agrees"]
    assert outcomes["volley"].reason == "total differs in 1 of 1 rows, first in row 0: 2.0 instead of 1.0"
    assert not outcomes["volley"].good


def test_engines_of_a_gpu_alone_are_compared(tmp_path: Path) -> None:
    rows = pa.table({"key": [0], "total": [1.0]})
    outcomes = {tmp_path / f"{engine}.arrow": Outcome(engine=engine) for engine in ("volley-gpu", "cudf-polars")}
    for file in outcomes:
        with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
            writer.write_table(rows)
    compare(CASES["group-dense"], outcomes)
    assert [outcome.verdict for outcome in outcomes.values()] == ["agrees", "reference"]


def test_a_failed_engine_is_not_compared(tmp_path: Path) -> None:
    failed = Outcome(engine="duckdb", verdict="failed", reason="broken")
    alone = Outcome(engine="volley")
    compare(CASES["group-dense"], {tmp_path / "none": failed, tmp_path / "neither": alone})
    assert (failed.verdict, alone.verdict) == ("failed", "alone")


RESULTS = {
    "sort": [
        Outcome(engine="volley", seconds=[0.2, 0.1], cpu=[0.2, 0.1], peak=2**20, verdict="agrees"),
        Outcome(engine="volley-1", seconds=[0.3, 0.4], cpu=[0.3, 0.4], peak=2**20, verdict="agrees"),
        Outcome(engine="duckdb", seconds=[0.4, 0.2], cpu=[0.4, 0.2], peak=2**21, verdict="reference"),
        Outcome(engine="polars", verdict="failed", reason="out of luck"),
        Outcome(engine="datafusion", seconds=[0.05, 0.06], cpu=[0.05, 0.06], peak=2**21, verdict="agrees"),
    ]
}


def test_a_record_holds_everything_and_its_page_shows_it(tmp_path: Path) -> None:
    kept = record.describe(CASES, RESULTS, QUICK)
    page = record.write("test", kept, RESULTS, tmp_path).read_text()
    assert "| sort | 0.100 | 0.300 | 0.200 | failed | 0.050 | **2.00** | **0.50** | **3.00** |" in page
    assert "- sort, polars: failed: out of luck" in page
    stored = json.loads((tmp_path / "test.json").read_text())
    assert stored["cases"][0]["outcomes"][0]["seconds"] == [0.2, 0.1]
    assert stored["cases"][0]["outcomes"][3]["best"] is None
    assert stored["machine"]["cores"] >= 1
    assert stored["engines"]["duckdb"]["versions"]["duckdb"]


def test_a_suite_has_a_sum_and_a_mean_of_engines_that_answered_all_of_it() -> None:
    def outcomes(ours: float, theirs: float, *, third: str) -> list[Outcome]:
        return [
            Outcome(engine="volley", seconds=[ours], verdict="agrees"),
            Outcome(engine="duckdb", seconds=[theirs], verdict="reference"),
            Outcome(engine="datafusion", seconds=[0.01], verdict=third),
        ]

    suite = {"tpch22-q01": outcomes(0.1, 0.2, third="agrees"), "tpch22-q02": outcomes(0.4, 0.8, third="differs")}
    other = {f"tpcds-q{number:02d}": outcomes(0.3, 0.1, third="agrees") for number in (1, 2)}
    *_, total, mean, second, _ = record.table({**suite, **other, "sort": outcomes(9.0, 9.0, third="agrees")})
    assert total == "| tpch22-*: sum | 0.500 | 1.000 |  | **0.50** | **0.50** |  |"
    assert mean == "| tpch22-*: geometric mean | 0.200 | 0.400 |  | **0.50** | **0.50** |  |"
    assert second == "| tpcds-*: sum | 0.600 | 0.200 | 0.020 | **30.00** | **3.00** |  |"
    assert not any("sum" in line for line in record.table({"sort": RESULTS["sort"]}))


def test_a_suite_runs_where_it_is_named() -> None:
    assert not any(name.startswith("tpch22-") for name in command.chosen_cases(None))
    assert len(command.chosen_cases(["tpch22-*"])) == 22
    assert not any(name.startswith("tpcds-") for name in command.chosen_cases(None))
    assert len(command.chosen_cases(["tpcds-*"])) == 99


def test_a_suite_reads_tables_of_its_own(tmp_path: Path) -> None:
    ours = {case.suite: set(case.files) for case in (CASES["tpch22-q22"], CASES["tpcds-q96"])}
    assert ours["tpcds"] == {"store_sales", "household_demographics", "time_dim", "store"}
    assert "customer" in ours["tpch"]
    paths = {suite: data.files(["customer"], 0.001, tmp_path, suite=suite)["customer"] for suite in ours}
    names = {suite: set(pq.read_schema(path).names) for suite, path in paths.items()}
    assert ("c_custkey" in names["tpch"], "c_custkey" in names["tpcds"]) == (True, False)
    assert {name for case in CASES.values() if case.suite == "tpcds" for name in case.files} == set(data.TPCDS)


def test_no_ratio_without_a_rival() -> None:
    assert record.ratio_to_best_rival(RESULTS["sort"][:2]) is None
    assert record.ratio_to_best_rival(RESULTS["sort"][1:]) is None
    assert record.gain_of_threads(RESULTS["sort"][1:]) is None


def test_one_thread_runs_our_functions_only_where_others_have_more() -> None:
    alone, in_memory, on_file = ENGINES["volley-1"], CASES["sort"], CASES["scan"]
    assert command.takes_part(alone, in_memory, threads=2)
    assert not command.takes_part(alone, in_memory, threads=1)
    assert not command.takes_part(alone, on_file, threads=2)
    assert command.takes_part(ENGINES["volley"], on_file, threads=1)
    outcomes = measure(in_memory, ["volley", "volley-1"], replace(QUICK, threads=2))
    assert [outcome.verdict for outcome in outcomes] == ["reference", "agrees"]


def test_what_the_machine_allows_is_shown_where_it_was_measured(tmp_path: Path) -> None:
    alone = replace(RESULTS["sort"][1], processes=2, at_once=[0.5, 0.4])
    assert record.ceiling_of_threads([RESULTS["sort"][0], alone]) == 2 * 0.3 / 0.4
    assert record.ceiling_of_threads(RESULTS["sort"]) is None
    with_it = {"sort": [RESULTS["sort"][0], alone], "top": RESULTS["sort"]}
    page = record.write("test", record.describe(CASES, with_it, QUICK), with_it, tmp_path).read_text()
    assert "| threads | ceiling |" in page
    assert "**3.00** | **1.50** |" in page
    assert "ceiling" not in record.table({"sort": RESULTS["sort"]})[0]


@pytest.mark.usefixtures("small_data")
def test_processes_of_one_thread_work_at_once() -> None:
    options = replace(QUICK, threads=min(2, len(os.sched_getaffinity(0))), ceiling=True)
    ours, alone = measure(CASES["sort"], ["volley", "volley-1"], options)
    assert (ours.at_once, ours.processes) == ([], 1)
    assert (len(alone.at_once), alone.processes) == ((2, 2) if options.threads == 2 else (0, 1))
    assert [ours.verdict, alone.verdict] == ["reference", "agrees"]


@pytest.mark.usefixtures("small_data")
def test_answers_need_not_be_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.measure.compare", None)
    outcomes = measure(CASES["sort"], ["volley", "duckdb"], replace(QUICK, compare=False))
    assert [(outcome.verdict, outcome.good, len(outcome.seconds)) for outcome in outcomes] == [("unseen", True, 2)] * 2


IN_MEMORY = [name for name, case in CASES.items() if case.memory]


@pytest.mark.usefixtures("small_data")
@pytest.mark.parametrize("name", IN_MEMORY)
def test_engines_agree_on_rows_in_memory(name: str) -> None:
    case = CASES[name]
    bench = bench_for(case, scale=0.001, threads=1)
    expected = as_table(case.engines["duckdb"](bench)())
    assert case.engines.keys() >= {"volley", "polars"}
    for engine in ("volley", "polars", "datafusion"):
        if engine in case.engines:  # DataFusion tries all pairs of joins by inequalities
            assert difference(expected, as_table(case.engines[engine](bench)()), case) is None, engine


def test_command_line_chooses_by_name_and_pattern(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(command.chosen_cases(["group-d*", "sort"])) == ["group-dense", "sort"]
    assert command.main(["--list"]) == 0
    assert "group-wide" in capsys.readouterr().out
    for wrong in (["--case", "srot"], ["--engine", "duck"], ["--scale", "0"], ["--repeat", "0"]):
        with pytest.raises(SystemExit) as stop:
            command.main(wrong)
        assert stop.value.code == 2


def test_a_wrong_answer_ends_with_exit_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    monkeypatch.setattr(command, "measure", lambda case, engines, options: RESULTS["sort"])
    assert command.main(["--case", "sort", "--record", "test"]) == 1
