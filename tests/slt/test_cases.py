"""Our own logic tests: Volley gives the answers in the files, and so does DuckDB, from which they come.

Patterns of errors are in Volley's words.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import volley as vl
from tests.slt.engines import ENGINES, Engine, Volley
from tests.slt.runner import FAILED, UNSUPPORTED, Options, run_file
from tests.support.clusters import DEVICE, many_tasks
from tests.support.simulated_gpu import GPU

CASES = sorted((Path(__file__).parent / "cases").rglob("*.test"))
SAMPLE = ("untyped_nulls", "lateral")
"""Those that always run on a cluster, too."""


ON_GPU = {"nested_keys", "intervals", "joins", "null_order"}
"""Files that also run on the simulated GPU in every run of the tests; the others do so with ``-m slow``."""


@pytest.mark.parametrize("engine", ["volley", "duckdb"])
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_file(path: Path, engine: str, tmp_path: Path) -> None:
    check(path, engine, ENGINES[engine], tmp_path)


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.stem, marks=() if path.stem in ON_GPU else pytest.mark.slow) for path in CASES]
)
def test_file_on_the_simulated_gpu(path: Path, tmp_path: Path) -> None:
    check(path, "volley", partial(Volley, device=GPU, timeout=120), tmp_path)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=() if p.stem in SAMPLE else pytest.mark.cluster) for p in CASES],
    ids=lambda path: path.stem,
)
def test_file_on_a_cluster(path: Path, cluster: vl.Session, tmp_path: Path) -> None:
    make = partial(Volley, cluster=cluster.cluster.client, device=DEVICE, timeout=600.0)
    with many_tasks(shuffled=len(path.stem) % 2 == 0):  # half of the files
        check(path, "volley", make, tmp_path)


def check(path: Path, engine: str, make: Callable[[], Engine], folder: Path) -> None:
    places = {"__TEST_DIR__": str(folder)}
    options = Options(names=(engine,), style="duckdb", patterns=engine == "volley", variables=places)
    report = run_file(path, make, options)
    assert report.error is None
    wrong = [f"{path.name}:{o.line}: {o.reason}" for o in report.outcomes if o.verdict in (FAILED, UNSUPPORTED)]
    assert not wrong, "\n".join(wrong)
