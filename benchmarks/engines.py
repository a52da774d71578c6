"""The engines: how to see whether one is installed, and how to hold it to a number of threads."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from importlib import metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One engine, or a set of libraries that do a job together.

    Parameters
    ----------
    name, about
        How it is chosen on the command line, and its settings in words.
    modules
        What must be importable.
    distributions
        What to state the versions of.
    plays
        The engine whose functions it runs; itself if empty.
    threads
        How many threads it gets whatever the others get; 0: as many.
    device
        What it computes on. One on ``gpu`` takes part only where it is named.
    """

    name: str
    about: str
    modules: tuple[str, ...]
    distributions: tuple[str, ...]
    plays: str = ""
    threads: int = 0
    device: str = "cpu"

    @property
    def role(self) -> str:
        """The name under which cases have its functions."""
        return self.plays or self.name

    def installed(self) -> bool:
        """Whether all of its modules can be found; Volley's simulator needs none of the GPU's."""
        if self.role == OURS and os.environ.get("VOLLEY_SIMULATE_GPU") == "1":
            return True
        return all(importlib.util.find_spec(module) is not None for module in self.modules)

    def versions(self) -> dict[str, str]:
        """Return the version of each of its distributions."""
        known = {distribution.name for distribution in metadata.distributions()}
        return {name: metadata.version(name) for name in self.distributions if name in known}


OURS = "volley"
ALONE = "volley-1"
"""Ourselves on one thread and one core, to see what the others bring."""
RIVALS = ("duckdb", "polars")
"""Whose faster one a kernel must beat."""

ENGINES = {
    engine.name: engine
    for engine in (
        Engine(
            name=OURS,
            about="Session(threads=N)",
            modules=("volley",),
            distributions=("volley-engine", "numba", "pyarrow"),
        ),
        Engine(
            name=ALONE,
            about="Session(threads=1), one core",
            modules=("volley",),
            distributions=("volley-engine", "numba", "pyarrow"),
            plays=OURS,
            threads=1,
        ),
        Engine(
            name="volley-gpu",
            about="Session(device='gpu', threads=N)",
            modules=("volley", "pylibcudf"),
            distributions=("volley-engine", "pylibcudf-cu13"),
            plays=OURS,
            device="gpu",
        ),
        Engine(
            name="cudf-polars",
            about="lazy, collected by GPUEngine(raise_on_fail=True)",
            modules=("polars", "cudf_polars"),
            distributions=("polars", "cudf-polars-cu13"),
            plays="polars",
            device="gpu",
        ),
        Engine(name="duckdb", about="SET threads = N", modules=("duckdb",), distributions=("duckdb",)),
        Engine(
            name="polars",
            about="POLARS_MAX_THREADS=N; lazy, collected by the streaming engine",
            modules=("polars",),
            distributions=("polars",),
        ),
        Engine(
            name="datafusion",
            about="N target partitions, TOKIO_WORKER_THREADS=N",
            modules=("datafusion",),
            distributions=("datafusion",),
        ),
        Engine(
            name="pandas",
            about="numpy-backed frames, decimals read as float64; one thread",
            modules=("pandas", "pyarrow"),
            distributions=("pandas", "pyarrow"),
        ),
        Engine(name="pyarrow", about="set_cpu_count(N)", modules=("pyarrow",), distributions=("pyarrow",)),
        Engine(
            name="pydata",
            about="pandas, scikit-learn, XGBoost (nthread=N), shap and fairlearn together",
            modules=("pandas", "sklearn", "xgboost", "shap", "fairlearn"),
            distributions=("pandas", "scikit-learn", "xgboost-cpu", "shap", "fairlearn"),
        ),
    )
}


def thread_settings(threads: int) -> dict[str, str]:
    """Return the environment under which no engine's pool has more than `threads` threads."""
    variables = (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "RAYON_NUM_THREADS",
        "POLARS_MAX_THREADS",
        "TOKIO_WORKER_THREADS",
        "ARROW_IO_THREADS",
    )
    return dict.fromkeys(variables, str(threads))


def confine(threads: int, first: int = 0) -> None:
    """Hold this process to as many cores as it may use threads, whatever an engine makes of its settings.

    They are those from the ``first`` on that it has now.
    """
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[first : first + threads])
