"""The benchmarks' queries on the simulated GPU: DuckDB's answers, also where memory runs out, and what is moved."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.simulated_gpu import simulated_device, simulated_session
from tests.support.tpc import assert_as_duckdb, frames, generate, texts
from volley.engine.physical.stages import ScanInput
from volley.sql import query

simulated_device()  # before the kernels are imported, or they would look for a real GPU

from volley.engine.kernels import simulator  # noqa: E402
from volley.engine.kernels.gpu import memory  # noqa: E402

FALLBACKS: set[str] = set()
"""What the CPU computes of TPC-H and TPC-DS: nothing."""


@pytest.fixture(scope="module", autouse=True)
def count() -> Iterator[None]:
    """Say at the end how many calls of pylibcudf were bound to its signatures."""
    before = simulator.calls.total()
    yield
    bound = simulator.calls.total() - before
    sys.stdout.write(f"\n{bound:,} calls of {len(simulator.calls)} functions bound to their signatures\n")


@pytest.mark.parametrize("text", texts("tpch"), ids=lambda path: path.stem)
def test_tpch(text: Path, tpch: Path) -> None:
    with memory.counted() as ledger:
        assert_as_duckdb(text, tpch, simulated_session(threads=2))
    assert set(ledger.fallbacks) == FALLBACKS
    assert ledger.spilled == ledger.retries == ledger.splits == 0


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("text", texts("tpch"), ids=lambda path: path.stem)
def test_tpch_while_allocations_fail(text: Path, tpch: Path, rate: float) -> None:
    plan = simulator.FaultPlan(rate=rate, seed=int(text.stem[1:]))
    with memory.counted() as ledger, simulator.machine().failing(plan):
        assert_as_duckdb(text, tpch, simulated_session(threads=2))
    assert ledger.retries + ledger.splits > 0 or plan.failures == 0


_ANSWERS = 4096
"""Bytes of constants, and of answers that a decision on the host waits for."""


@pytest.mark.parametrize("text", texts("tpch"), ids=lambda path: path.stem)
def test_inputs_cross_the_bus_once_and_results_once(text: Path, tpch: Path) -> None:
    with simulated_session(threads=1, dynamic_filters=False) as session:  # which would send keys to the host
        frame = query(text.read_text(), frames(tpch))
        inputs = [pipeline.input for stage in session.stages(frame.plan).stages for pipeline in stage.pipelines]
        scans = [each.node for each in inputs if isinstance(each, ScanInput)]
        stored = sum(split.bytes or 0 for scan in scans for split in scan.scan.splits)
        with memory.counted() as ledger:
            result = frame.to_arrow()
    assert 0 < ledger.to_device <= stored + _ANSWERS
    assert result.nbytes <= ledger.to_host <= result.nbytes + _ANSWERS


@pytest.fixture(scope="module")
def tpcds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("tpcds"), "0.01", "tpcds")


@pytest.mark.slow
@pytest.mark.parametrize("text", texts("tpcds"), ids=lambda path: path.stem)
def test_tpcds(text: Path, tpcds: Path) -> None:
    """All of TPC-DS, nothing of it on the CPU: ``pytest -m slow tests/sql/test_gpu.py``."""
    with memory.counted() as ledger:
        assert_as_duckdb(text, tpcds, simulated_session(threads=2))
    assert set(ledger.fallbacks) == FALLBACKS
