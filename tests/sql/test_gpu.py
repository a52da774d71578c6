"""The benchmarks' queries on the simulated GPU: DuckDB's answers, also where memory runs out, and what is moved."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.simulated_gpu import simulated_device, simulated_session
from tests.support.tpc import assert_as_duckdb, texts

simulated_device()  # before the kernels are imported, or they would look for a real GPU

from volley.engine.kernels import simulator  # noqa: E402
from volley.engine.kernels.gpu import memory  # noqa: E402

FALLBACKS: set[str] = set()
"""What the CPU computes of TPC-H: nothing."""


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
