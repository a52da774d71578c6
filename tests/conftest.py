"""What every test may use: the shipped data's folders, and settings that make a run repeatable."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parents[1]

# The processes that tests start, some hundreds, would each compile all that they import, for a second of a processor,
# where the environment wants nothing compiled beside the sources: it lies elsewhere then.
if sys.dont_write_bytecode:
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(ROOT / ".pytest_cache" / "compiled")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix

# Before anything imports matplotlib: no test may ask for a display.
os.environ["MPLBACKEND"] = "Agg"
# Threads of OpenMP that wait by spinning take the cores from the other processes that run tests.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# The same examples on every run, and no deadline: a kernel's first call may compile.
settings.register_profile(
    "volley",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("volley")

# Any suite on a GPU or its simulator, one device for another: `make simulated-gpu`.
if os.environ.get("VOLLEY_TEST_DEVICE") in {"gpu", "gpu-simulated"}:
    from tests.support.simulated_gpu import use_for_all_sessions

    use_for_all_sessions()

PROCESS_BYTES = 3 << 30
"""Memory for one of several processes that run tests, and for the workers that it starts."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """For ``pytest -m gpu`` leave out the files that would load the simulator into the process of a real GPU."""
    if config.option.markexpr != "gpu" or collection_path.suffix != ".py" or not collection_path.is_relative_to(ROOT):
        return None
    from tests.support.real_gpu import SUITES

    return not any(collection_path.is_relative_to(ROOT / suite) for suite in SUITES) or None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """For ``-n auto`` return one process for each core that this container has and each 3 GiB, 8 at most."""
    from volley.engine.machine import available_cores, available_memory

    return max(1, min(available_cores(), available_memory() // PROCESS_BYTES, 8))


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def census_data() -> Path:
    """Return the folder of the census example's tables."""
    return ROOT / "examples" / "census" / "data"


@pytest.fixture(scope="session")
def flights_data() -> Path:
    """Return the folder of the flights example's tables."""
    return ROOT / "examples" / "flights" / "data"


@pytest.fixture(scope="session")
def tpch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of TPC-H's tables as Parquet, generated at scale 0.01 (about 10 MB as text)."""
    from tests.support.tpc import generate

    return generate(tmp_path_factory.mktemp("tpch"), "0.01")


@pytest.fixture(scope="session")
def tpcds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of TPC-DS's tables as Parquet, generated at scale 0.01."""
    from tests.support.tpc import generate

    return generate(tmp_path_factory.mktemp("tpcds"), "0.01", "tpcds")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """Return a session over worker processes, one cluster for all tests that only need one to be there."""
    from tests.support.clusters import started

    with started() as session:
        yield session
