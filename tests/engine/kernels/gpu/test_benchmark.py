"""The GPU's benchmark runs from end to end; on the simulator its figures mean nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import gpu as benchmark
from volley.engine.kernels.protocol import Device


def test_it_runs(
    gpu: Device, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOLLEY_SIMULATE_GPU", "1")
    arguments = [
        "--scale",
        "0.01",
        "--data",
        str(tmp_path),
        "--rows",
        "2000",
        "--queries",
        "6",
        "--repeat",
        "1",
        "--cpu",
    ]
    assert benchmark.main(arguments) == 0
    *kernels, query = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["kernel"] for line in kernels} >= {"floor", "sort", "group 1000"}
    assert query["query"] == 6
    assert query["to_device"] > query["to_host"] > 0
    assert query["seconds"] > 0 < query["cpu_seconds"]
