"""Whole queries: DuckDB's answers on the GPU, also where its memory is short."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import volley as vl
from tests.support.duckdb_oracle import Oracle, sorted_rows
from tests.support.random_plans import random_plans
from tests.support.real_gpu import DEVICES
from tests.support.tpc import assert_as_duckdb, texts
from volley.engine.explain import explain_plan
from volley.engine.kernels.protocol import Device
from volley.engine.plan import Plan


def queries(benchmark: str, few: tuple[str, ...]) -> list[Any]:
    """Return every text for a real GPU, and a few for the simulator, on which other suites run all of them."""
    return [
        pytest.param(*device.values, text, id=f"{text.stem}-{device.id}", marks=device.marks)
        for device in DEVICES
        for text in texts(benchmark)
        if device.id == "gpu" or text.stem in few
    ]


def session_on(opened: Callable[[], Device]) -> vl.Session:
    return vl.Session(device=opened(), threads=2, cpu_fallback=False)


@pytest.mark.parametrize(("opened", "text"), queries("tpch", ("q03", "q18")))
def test_tpch(tpch: Path, opened: Callable[[], Device], text: Path) -> None:
    assert_as_duckdb(text, tpch, session_on(opened))


@pytest.mark.parametrize(("opened", "text"), queries("tpcds", ("q03",)))
def test_tpcds(tpcds: Path, opened: Callable[[], Device], text: Path) -> None:
    assert_as_duckdb(text, tpcds, session_on(opened))


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return Oracle()


@pytest.mark.parametrize("opened", DEVICES)
def test_random_plans(oracle: Oracle, opened: Callable[[], Device]) -> None:
    device = opened()
    session = vl.Session(device=device, threads=2)

    @settings(max_examples=300 if device.name == "gpu" else 5)
    @given(plan=random_plans())
    def same_rows(plan: Plan) -> None:
        assert sorted_rows(session.collect(plan)) == oracle.rows(plan), explain_plan(session.optimized(plan))

    same_rows()


def test_the_inputs_cross_once(session: vl.Session, tpch: Path) -> None:
    frame = vl.DataFrame.from_plan(vl.read_parquet(str(tpch / "lineitem.parquet")).plan, session)
    made = frame.groupby("l_returnflag").agg(n=("l_quantity", "sum"))
    metrics = session.run(made.plan).metrics
    moved = metrics.bus.moved
    assert moved is not None
    assert 0 < moved.to_device < (tpch / "lineitem.parquet").stat().st_size
    assert moved.to_host < 64 * 1024
    assert moved.spilled == 0
