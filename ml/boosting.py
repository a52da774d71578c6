"""Boosted trees by XGBoost: the parts of the rows train together, and end with the same trees."""

from __future__ import annotations

from typing import Any

from ..engine.errors import Cancelled
from ..engine.runners import Part, Parts
from .cores import BoostedCore
from .estimators import GradientBoosting
from .meeting import Meeting
from .parallelism import load_xgboost
from .resident import ResidentRows
from .rows import host_rows_of, rows_of
from .target import TargetKind

_OBJECTIVES = {"regression": "reg:squarederror", "binary": "binary:logistic", "multiclass": "multi:softprob"}
_ANSWER_SECONDS = 300
"""How long a part waits for the others before it gives up: they all begin at once."""


def fit_trees(estimator: GradientBoosting, parts: Parts, kind: TargetKind) -> BoostedCore:
    """Train on all parts at the same time.

    Each part bins its own rows by quantiles of all rows, and in every round the parts add up their histograms of
    gradients, so that all grow the same trees (Chen and Guestrin, 2016).
    """
    parameters: dict[str, object] = {
        "objective": _OBJECTIVES[kind.task],
        "tree_method": "hist",
        "max_depth": estimator.max_depth,
        "learning_rate": estimator.learning_rate,
        "min_child_weight": estimator.min_child_weight,
        "reg_lambda": estimator.reg_lambda,
        "subsample": estimator.subsample,
        "colsample_bytree": estimator.colsample,
        "max_bin": estimator.max_bin,
        "seed": estimator.seed,
        "verbosity": 0,
    }
    if kind.classes is not None and kind.task == "multiclass":
        parameters["num_class"] = len(kind.classes)
    meeting = parts.first(_open_meeting) if parts.count > 1 else {}
    raw = parts.map(_train, parameters, estimator.n_trees, meeting)[0]
    return BoostedCore(task=kind.task, raw=raw)


def _open_meeting(part: Part) -> dict[str, Any]:
    """Start what tells the parts of each other, and return where it is."""
    meeting = part.kept["meeting"] = Meeting(part.count, part.host)  # ends when the part is let go
    return {**meeting.place, "dmlc_timeout": _ANSWER_SECONDS}


def _train(part: Part, parameters: dict[str, object], rounds: int, meeting: dict[str, Any]) -> bytes:
    xgboost = load_xgboost()
    if not meeting:
        return _trained(part, parameters, rounds)
    together = xgboost.collective.CommunicatorContext(**meeting, DMLC_TASK_ID=f"{part.number:06d}")
    with xgboost.config_context(verbosity=0), together:
        raw = _trained(part, parameters, rounds)
    return raw if part.number == 0 else b""


def _trained(part: Part, parameters: dict[str, object], rounds: int) -> bytes:
    xgboost = load_xgboost()

    class Stopping(xgboost.callback.TrainingCallback):  # type: ignore[misc,name-defined]  # known once it is loaded
        """Ends the training that nobody waits for."""

        def after_iteration(self, *_: object) -> bool:
            if part.stopped():
                raise Cancelled("the fit was cancelled")
            return False

    X, label, weight, place = _training_arrays(part)
    data = xgboost.QuantileDMatrix(X, label=label, weight=weight, max_bin=parameters["max_bin"], nthread=part.threads)
    del X, label, weight  # it has bins of them
    booster = xgboost.train(
        {**parameters, "nthread": part.threads, "device": place}, data, num_boost_round=rounds, callbacks=[Stopping()]
    )
    return bytes(booster.save_raw("ubj"))


def _training_arrays(part: Part) -> tuple[Any, Any, Any, str]:
    """Return features, label and weights where they are, and what XGBoost calls that place."""
    rows = rows_of(part)
    if isinstance(rows, ResidentRows):
        arrays = rows.take_arrays()
        return arrays.X, arrays.y, arrays.weight, "cuda"
    host = host_rows_of(part)
    return host.matrix.numpy(), host.target.y, host.target.w, "cpu"
