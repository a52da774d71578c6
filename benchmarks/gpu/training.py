"""Models on the GPU and on the CPU of this machine: fitted, applied and explained, and what crossed the bus."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

import volley as vl
from volley import ml
from volley.engine.kernels.sharing import Account

from .measure import least_seconds

FEATURES = 20


def rows_of(rows: int) -> pa.Table:
    """Return numbers, one in ten of some missing, a category, and a label that follows from them."""
    random = np.random.default_rng(0)
    numbers = {f"x{place}": random.random(rows, np.float32) for place in range(FEATURES)}
    category = random.integers(0, 12, rows)
    signal = numbers["x0"] + numbers["x1"] * numbers["x2"] + (category > 6) + random.random(rows, np.float32)
    columns: dict[str, Any] = {
        name: pa.array(values, mask=random.random(rows) < 0.1) if place % 4 == 3 else pa.array(values)
        for place, (name, values) in enumerate(numbers.items())
    }
    named = pa.array([f"category {n}" for n in range(12)])
    return pa.table({**columns, "c": named.take(pa.array(category)), "y": signal > np.median(signal)})


MODELS = ("trees", "linear")


def measured(
    session: vl.Session, model: str, rows: int, explained: int, trees: int, repeat: int
) -> Iterator[dict[str, Any]]:
    """Yield seconds on both devices, and the GPU's bytes across the bus in one run; each begins with the host's rows.

    Predictions and SHAP values are summed up where they are made, so that only sums leave.
    """
    data = rows_of(rows)
    features = ml.Features(numeric=[f"x{place}" for place in range(FEATURES)], categorical=["c"], label="y")
    estimator = ml.GradientBoosting(n_trees=trees) if model == "trees" else ml.LogisticRegression()
    steps = () if model == "trees" else (ml.SimpleImputer(), ml.StandardScaler())
    pipeline = ml.Pipeline([*steps, estimator])
    on = {"gpu": session, "cpu": vl.Session(device="cpu")}
    fitted: dict[str, ml.Model] = {}
    for what in ("fit", "predict", "explain"):
        line: dict[str, Any] = {"what": what, "model": model, "rows": explained if what == "explain" else rows}
        for name, own in on.items():
            frame = vl.DataFrame(data.slice(0, line["rows"]), session=own)

            def run(name: str = name, frame: vl.DataFrame = frame, what: str = what) -> Any:
                if what == "fit":
                    fitted[name] = pipeline.fit(frame, features)
                    return None
                known = fitted[name]
                made = known.predict(frame) if what == "predict" else ml.explain(known, frame)
                return float(made["score" if what == "predict" else "phi_x0"].sum())

            line["seconds" if name == "gpu" else "cpu_seconds"] = _seconds(run, repeat)
            if name == "gpu":
                line |= _moved(own, run) | {"device": own.device.name}
        if what == "fit":
            line |= {"trained_on": fitted["gpu"].trained_on, "hand_off": fitted["gpu"].ledger.as_dict()}
        yield line
    scored = {name: vl.DataFrame(data, session=own) for name, own in on.items()}
    areas = {name: ml.evaluate(fitted[name], frame).metrics["auc"] for name, frame in scored.items()}
    yield {"what": "auc", "model": model, "rows": rows, **areas}


def _seconds(run: Callable[[], Any], repeat: int) -> float:
    if repeat > 1:
        return least_seconds(run, repeat - 1)
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def _moved(session: vl.Session, run: Callable[[], Any]) -> dict[str, int]:
    before = session.device.account
    run()
    after = session.device.account
    assert isinstance(before, Account)
    assert isinstance(after, Account)
    moved = after.since(before)
    return {"to_device": moved.to_device, "to_host": moved.to_host, "spilled": moved.spilled}
