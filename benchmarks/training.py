"""Training where the rows are: two worker processes of one thread beside one process of two threads.

``python -m benchmarks.training [--rows 1000000] [--repeat 3] [--record NAME]`` writes rows to Parquet files, fits each
estimator to them by both, reading included, and says how well the models predict.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import volley as vl
from volley import ml
from volley.engine.frame import DataFrame
from volley.engine.runners.dask import ClusterSettings, start_cluster

from .record import FOLDER as RECORDS
from .record import commit, machine

COLUMNS, FILES = 16, 8
FEATURES = [f"x{number}" for number in range(COLUMNS)]
MODELS: dict[str, tuple[str, Any]] = {
    "ridge": ("value", ml.Ridge()),
    "logistic": ("positive", ml.LogisticRegression()),
    "boosting, 10 trees": ("positive", ml.GradientBoosting(n_trees=10)),
}


def write(folder: Path, rows: int) -> None:
    """Write files of rows whose labels follow from their features and from chance."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=COLUMNS)
    for number in range(FILES):
        X = rng.normal(size=(rows // FILES, COLUMNS))
        margin = X @ weights * 0.5
        columns = dict(zip(FEATURES, X.T, strict=True))
        labels = {"value": margin + rng.normal(size=len(X)), "positive": rng.random(len(X)) < 1 / (1 + np.exp(-margin))}
        vl.from_arrow(pa.table({**columns, **labels})).to_parquet(folder / f"{number}.parquet")


def compared(folder: Path, session: vl.Session, repeat: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return seconds of each fit on the workers and on threads, the least of the turns, and R² or AUC of the models."""
    here = DataFrame.from_plan(
        vl.read_parquet(folder).plan, vl.Session(device="cpu", threads=session.cluster.slots().threads)
    )
    there = DataFrame.from_plan(here.plan, session)
    sample = vl.read_parquet(folder / "0.parquet")
    found = {}
    for name, (label, estimator) in MODELS.items():
        features = ml.Features(numeric=FEATURES, label=label)
        seconds: dict[str, float] = {}
        quality: dict[str, float] = {}
        for turn in range(repeat + 1):  # the first does not count: libraries are loaded in it
            for place, frame in (("workers", there), ("threads", here)):
                begun = time.perf_counter()
                model = estimator.fit(frame, features)
                taken = time.perf_counter() - begun
                seconds[place] = min(taken, seconds.get(place, taken)) if turn > 1 else taken
                if turn == repeat:
                    figure = "r2" if model.task == "regression" else "auc"
                    quality[place] = ml.evaluate(model, sample).metrics[figure]
        found[name] = {"seconds": seconds, "quality": quality}
        print(name, found[name], flush=True)
    return found


def page(name: str, content: Mapping[str, Any]) -> str:
    """Return the record as a Markdown page."""
    where = content["machine"]
    made = (
        f"Commit {content['commit']}; {where['cpu']}, load {where['load']:.1f} over 15 minutes; {content['rows']:,} "
        f"rows of {COLUMNS} features in {FILES} Parquet files, read anew by each fit. Seconds, the least of the turns."
    )
    lines = [
        f"## Record {name}",
        "",
        made,
        "",
        "| model | two workers | two threads | times | R² or AUC of workers | of threads |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for model, found in content["models"].items():
        workers, threads = found["seconds"]["workers"], found["seconds"]["threads"]
        qualities = " | ".join(f"{found['quality'][place]:.4f}" for place in ("workers", "threads"))
        lines.append(f"| {model} | {workers:.2f} | {threads:.2f} | {workers / threads:.2f} | {qualities} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and keep the figures if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--record", metavar="NAME")
    arguments = parser.parse_args()
    settings = ClusterSettings(workers=2, memory_limit=4 << 30)
    with (
        tempfile.TemporaryDirectory() as folder,
        start_cluster(settings) as started,
        vl.Session(device="cpu", cluster=started.scheduler_address) as session,
    ):
        write(Path(folder), arguments.rows)
        models = compared(Path(folder), session, arguments.repeat)
    if arguments.record:
        content = {"commit": commit(), "machine": machine(), "rows": arguments.rows, "models": models}
        (RECORDS / f"{arguments.record}.json").write_text(json.dumps(content, indent=1) + "\n")
        (RECORDS / f"{arguments.record}.md").write_text(page(arguments.record, content))


if __name__ == "__main__":
    main()
