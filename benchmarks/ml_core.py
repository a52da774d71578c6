"""Time of the ML numerics on synthetic rows beside scikit-learn's and fairlearn's, taking turns.

Run ``python -m benchmarks.ml_core [ROWS]``. Prints the best and the median of five turns, in seconds.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score

from volley.ml import metrics
from volley.ml.blocks import Blocks, split_rows
from volley.ml.fairness import Attribute, SliceOptions, audit_arrays
from volley.ml.linear.logistic import fit_logistic
from volley.ml.linear.ridge import fit_ridge
from volley.ml.parallelism import one_blas_thread

COLUMNS, TURNS, THREADS = 16, 5, 2


def cases(rows: int) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Pairs of (ours, theirs) over the same rows."""
    rng = np.random.default_rng(0)
    X = np.asfortranarray(rng.normal(size=(rows, COLUMNS)))
    margin = X @ rng.normal(size=COLUMNS) * 0.5
    y = (rng.random(rows) < 1 / (1 + np.exp(-margin))).astype(np.float64)
    score = rng.beta(2, 2, rows)
    positive = rng.random(rows) < score
    sex = rng.integers(0, 2, rows).astype(np.int32)
    race = rng.choice(9, rows, p=[0.7, 0.1, 0.05, 0.05, 0.05, 0.03, 0.01, 0.005, 0.005]).astype(np.int32)
    attributes = [
        (Attribute(name="sex", values=pa.array([1, 2])), sex),
        (Attribute(name="race", values=pa.array(list(range(9)))), race),
    ]
    groups = pd.DataFrame({"sex": sex, "race": race})
    rates = {"fpr": false_positive_rate, "tpr": true_positive_rate, "selected": selection_rate}
    blocks = Blocks.here(split_rows(X, y), threads=THREADS)

    def slices(options: SliceOptions) -> Callable[[], object]:
        return lambda: audit_arrays(attributes, score, positive, options, threads=THREADS)

    def by_fairlearn() -> object:
        return MetricFrame(metrics=rates, y_true=positive, y_pred=score >= 0.5, sensitive_features=groups).by_group

    point = SliceOptions(ci=None, intersections=2)
    return {
        "logistic, to 1e-8": (
            quiet(lambda: fit_logistic(blocks, C=1.0)),
            lambda: LogisticRegression(solver="newton-cholesky", tol=1e-8).fit(X, y),
        ),
        "ridge": (quiet(lambda: fit_ridge(blocks, alpha=1.0)), lambda: Ridge().fit(X, y)),
        "auc": (lambda: metrics.auc(positive, score), lambda: roc_auc_score(positive, score)),
        "slices (ours: 30 with AUC, fairlearn: 18, 3 rates)": (slices(point), by_fairlearn),
        "slices with 1000 bootstrap replicates (fairlearn: none)": (
            slices(SliceOptions(intersections=2)),
            by_fairlearn,
        ),
    }


def quiet(call: Callable[[], object]) -> Callable[[], object]:
    """Our fits run on our own threads only, as `Pipeline.fit` arranges."""

    def run() -> object:
        with one_blas_thread:
            return call()

    return run


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print(f"{rows:,} rows x {COLUMNS} columns; seconds, best / median of {TURNS}")
    for name, (ours, theirs) in cases(rows).items():
        turns = [(seconds(ours), seconds(theirs)) for _ in range(TURNS)]
        mine, rival = ([turn[side] for turn in turns] for side in (0, 1))
        print(
            f"{name:58}ours {min(mine):7.3f} / {statistics.median(mine):7.3f}"
            f"   theirs {min(rival):7.3f} / {statistics.median(rival):7.3f}"
        )


if __name__ == "__main__":
    main()
