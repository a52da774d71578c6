"""The census demo's steps beside pandas + scikit-learn + XGBoost + fairlearn, taking turns on the same files.

Run ``python -m benchmarks.ml_demo``. Both sides read two Parquet files, join them, split, fit a logistic regression and
boosted trees, score the test rows and audit them by sex and race. Prints seconds per step (best of three turns) and the
test AUC of each model; every step starts from files or from what the step before it made.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import xgboost as xgb
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import volley as vl
from volley import ml

DATA = Path(__file__).parent.parent / "examples" / "census" / "data"
NUMERIC = ["AGEP", "SCHL"]
CATEGORICAL = [
    *["MAR", "SEX", "DIS", "ESP", "CIT", "MIG", "MIL"],
    *["ANC", "NATIVITY", "RELP", "DEAR", "DEYE", "DREM", "RAC1P"],
]
LABEL, TREES, DEPTH, TURNS = "EMPLOYED", 100, 6, 3


class Clock:
    """Seconds per step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def __call__(self, step: str, call: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = call()
        self.seconds[step] = time.perf_counter() - start
        return result


def ours(clock: Clock) -> dict[str, float]:
    people = vl.read_parquet(str(DATA / "features.parquet")).merge(
        vl.read_parquet(str(DATA / "target.parquet")), on="id"
    )
    features = ml.Features(numeric=NUMERIC, categorical=CATEGORICAL, label=LABEL)
    rows = clock("read and join", people.cache)
    train, test = clock(
        "split",
        lambda: tuple(
            side.cache() for side in ml.train_test_split(rows, test_size=0.25, stratify=LABEL, key=["id"], seed=0)
        ),
    )
    linear = ml.Pipeline([ml.StandardScaler(), ml.LogisticRegression()])
    models = {
        "logistic": clock("logistic", lambda: linear.fit(train, features)),
        "boosting": clock("boosting", lambda: ml.GradientBoosting(n_trees=TREES, max_depth=DEPTH).fit(train, features)),
    }
    scored = clock("score", lambda: {name: model.predict(test).cache() for name, model in models.items()})
    clock(
        "slices",
        lambda: ml.fairness.slices(scored["boosting"], label=LABEL, by=["SEX", "RAC1P"], intersections=2, ci=None),
    )
    return {name: ml.evaluate(model, scored[name]).metrics["auc"] for name, model in models.items()}


def theirs(clock: Clock) -> dict[str, float]:
    rows = clock(
        "read and join",
        lambda: pd.read_parquet(DATA / "features.parquet").merge(pd.read_parquet(DATA / "target.parquet"), on="id"),
    )
    train, test = clock("split", lambda: train_test_split(rows, test_size=0.25, stratify=rows[LABEL], random_state=0))
    prepare = make_column_transformer(
        (StandardScaler(), NUMERIC), (OneHotEncoder(handle_unknown="ignore"), CATEGORICAL)
    )
    linear = make_pipeline(prepare, LogisticRegression(max_iter=1000))
    columns = NUMERIC + CATEGORICAL
    trees = xgb.XGBClassifier(n_estimators=TREES, max_depth=DEPTH, learning_rate=0.1, tree_method="hist")
    models = {
        "logistic": clock("logistic", lambda: linear.fit(train[columns], train[LABEL])),
        "boosting": clock("boosting", lambda: trees.fit(train[columns], train[LABEL])),
    }
    scores = clock("score", lambda: {name: model.predict_proba(test[columns])[:, 1] for name, model in models.items()})
    clock(
        "slices",
        lambda: (
            MetricFrame(
                metrics={"fpr": false_positive_rate, "tpr": true_positive_rate, "selected": selection_rate},
                y_true=test[LABEL],
                y_pred=scores["boosting"] >= 0.5,
                sensitive_features=test[["SEX", "RAC1P"]],
            ).by_group
        ),
    )
    return {name: float(roc_auc_score(test[LABEL], score)) for name, score in scores.items()}


def main() -> None:
    turns: dict[str, list[dict[str, float]]] = {"ours": [], "theirs": []}
    aucs: dict[str, dict[str, float]] = {}
    for _ in range(TURNS):
        for side, run in (("ours", ours), ("theirs", theirs)):
            clock = Clock()
            aucs[side] = run(clock)
            turns[side].append(clock.seconds)
    print(f"{'step':16}{'ours':>9}{'theirs':>9}   seconds, best of {TURNS}")
    for step in turns["ours"][0]:
        best = {side: min(turn[step] for turn in turns[side]) for side in turns}
        print(f"{step:16}{best['ours']:9.3f}{best['theirs']:9.3f}")
    total = {side: min(sum(turn.values()) for turn in turns[side]) for side in turns}
    print(f"{'all':16}{total['ours']:9.3f}{total['theirs']:9.3f}")
    for name in aucs["ours"]:
        print(f"test AUC of {name}: ours {aucs['ours'][name]:.5f}, theirs {aucs['theirs'][name]:.5f} (another split)")


if __name__ == "__main__":
    main()
