"""The GPU's benchmarks run from end to end; on the simulator their figures mean nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as harness
from benchmarks.gpu import tpch
from benchmarks.gpu.__main__ import main
from tests.support import cuda_libraries
from tests.support.simulated_gpu import SWITCH, simulated_device


@pytest.fixture(autouse=True)
def simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated_device()
    monkeypatch.setenv(SWITCH, "1")


def lines(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert main(arguments) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_kernels_stand_beside_a_bare_copy(capsys: pytest.CaptureFixture[str]) -> None:
    found = lines(capsys, "kernels", "--rows", "2000", "--repeat", "1")
    assert found[0]["kernel"] == "copy"
    assert found[0]["of_floor"] == 1.0
    assert {line["kernel"] for line in found} >= {"sort", "group 1000", "group text", "probe 1 %", "hash partition"}
    assert all(line["bytes_per_second"] > 0 and line["device"] == "gpu (simulated)" for line in found)


def test_tpch_stands_beside_the_cpu(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [query] = lines(capsys, "tpch", "--scale", "0.01", "--data", str(tmp_path), "--queries", "6", "--repeat", "1")
    assert query["query"] == 6
    assert query["same_rows"] is True
    assert query["to_device"] > query["to_host"] > 0
    assert query["seconds"] > 0 < query["cpu_seconds"]


def test_training_stands_beside_the_cpu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    cuda_libraries.install(monkeypatch)
    few = ("--rows", "2000", "--explain-rows", "100", "--trees", "3", "--repeat", "1")
    *trees, linear_fit, _, _, linear_auc = lines(capsys, "training", *few)
    assert (linear_fit["model"], linear_fit["trained_on"]) == ("linear", "gpu (simulated)")
    assert linear_auc["gpu"] == pytest.approx(linear_auc["cpu"], abs=1e-6)
    fit, predict, explain, auc = trees
    assert [line["what"] for line in (fit, predict, explain, auc)] == ["fit", "predict", "explain", "auc"]
    assert fit["trained_on"] == "gpu (simulated)"
    assert fit["hand_off"]["to_host"] < 1024
    assert 0 < predict["to_host"] < 1024 < predict["to_device"]
    assert explain["rows"] == 100
    assert all(line["seconds"] > 0 < line["cpu_seconds"] for line in (fit, predict, explain))
    assert auc["gpu"] == pytest.approx(auc["cpu"], abs=1e-6)


def test_the_scale_fits_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    from volley.engine.kernels.simulator import machine

    session = tpch.vl.Session(device="gpu")
    for memory, scale in ((80 << 30, "100"), (16 << 30, "10")):
        monkeypatch.setattr(machine(), "memory", memory)
        assert tpch.scale_for(session) == scale


def test_rivals_take_turns_in_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness is tested elsewhere, with engines; here is what it is asked."""
    asked: list[list[str]] = []
    monkeypatch.setattr("benchmarks.gpu.__main__.compare", lambda arguments: asked.append(arguments) or 0)
    assert main(["rivals", "--scale", "10"]) == 0
    options = harness.parser().parse_args(asked[0])
    assert options.engine == ["volley-gpu", "volley", "cudf-polars", "polars"]
    assert (options.case, options.scale) == (["tpch-*"], 10.0)


def test_engines_of_the_gpu_answer_as_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.cases import CASES
    from benchmarks.engines import ENGINES
    from benchmarks.worker import bench_for

    assert ENGINES["volley-gpu"].installed()
    assert "volley-gpu" not in harness.chosen_engines(None), "only where it is named"
    case = CASES["group-text"]
    ours = case.engines["volley"](bench_for(case, 0.001, 1, "gpu"))()
    theirs = case.engines["volley"](bench_for(case, 0.001, 1))()
    key = case.keys[0]
    assert ours.sort_by(key).num_rows == theirs.sort_by(key).num_rows > 0
    assert ours.sort_by(key)[key].equals(theirs.sort_by(key)[key])


def test_polars_has_an_engine_that_does_not_fall_back() -> None:
    polars = pytest.importorskip("polars")
    assert polars.GPUEngine(raise_on_fail=True).config == {"raise_on_fail": True}
