"""How good a model is on the rows of a frame."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ..engine.frame import DataFrame
from . import metrics
from .counted import evaluate_held
from .errors import FitError
from .model import Model
from .results import Evaluation, of_two_classes
from .target import read_target


def evaluate(
    model: Model, frame: DataFrame, *, prediction: str = "prediction", score: str = "score", bins: int = 20
) -> Evaluation:
    """Compare a model's predictions with the label, weighted where the model has a weight column.

    Parameters
    ----------
    model
        A fitted model.
    frame
        Rows with the label, and with the features or already with the columns that ``model.predict`` adds.
    prediction, score
        Names of these columns.
    bins
        Bins of the calibration curve.

    Raises
    ------
    FitError
        When there are no rows, or a label is null or none of the model's classes.
    """
    needed = [prediction] if model.task == "regression" else model.score_columns(score)
    scored = frame
    if not all(name in frame.schema for name in needed):
        scored = model.predict(frame, prediction=prediction, score=score)
    if scored.session.device.account is not None and scored.session.cluster is None:
        there = evaluate_held(model, scored, needed, bins)
        if there is not None:
            return there
    features = model.features
    extra = [] if features.weight is None else [features.weight]
    table: pa.Table = scored.select(features.label, *extra, *needed).collect()
    if table.num_rows == 0:
        raise FitError("there are no rows to evaluate the model on")
    target = read_target(table, features, classes=model.classes)
    columns = [np.asarray(table[name].to_numpy(), dtype=np.float64) for name in needed]
    if any(np.isnan(column).any() for column in columns):
        raise FitError(f"a value of {needed[0]!r} is missing; the model can only be evaluated on scored rows")
    if model.task == "regression":
        return _regression(target.y, columns[0], target.w)
    if model.task == "binary":
        return _binary(target.y, columns[0], target.w, bins)
    probability = np.column_stack(columns)
    number = target.y.astype(np.int64)
    found = {
        "log_loss": metrics.multiclass_log_loss(number, probability, target.w),
        "accuracy": metrics.accuracy(number, probability.argmax(axis=1), target.w),
    }
    return Evaluation(task="multiclass", rows=len(number), metrics=found)


def _regression(y: np.ndarray, predicted: np.ndarray, w: np.ndarray | None) -> Evaluation:
    found = {
        "rmse": metrics.rmse(y, predicted, w),
        "mae": metrics.mae(y, predicted, w),
        "r2": metrics.r2(y, predicted, w),
    }
    return Evaluation(task="regression", rows=len(y), metrics=found)


def _binary(y: np.ndarray, score: np.ndarray, w: np.ndarray | None, bins: int) -> Evaluation:
    counts = metrics.confusion(y, score, threshold=0.5, weight=w)
    return of_two_classes(
        len(y),
        counts,
        auc=metrics.auc(y, score, w),
        log_loss=metrics.log_loss(y, score, w),
        brier=metrics.brier(y, score, w),
        roc=metrics.roc_curve(y, score, w),
        calibration=metrics.calibration_curve(y, score, w, bins=bins),
    )
