"""What an evaluation of a model finds."""

from __future__ import annotations

from dataclasses import dataclass

from .metrics import CalibrationCurve, Confusion, RocCurve
from .target import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Metrics of a model, and the curves behind them.

    Parameters
    ----------
    task
        ``regression``, ``binary`` or ``multiclass``.
    rows
        Rows evaluated.
    metrics
        By name. Binary: ``auc, log_loss, brier, accuracy, precision, recall, f1`` at a threshold of 0.5; multiclass:
        ``log_loss, accuracy``; regression: ``rmse, mae, r2``.
    roc, calibration, confusion
        For two classes, else None.
    """

    task: Task
    rows: int
    metrics: dict[str, float]
    roc: RocCurve | None = None
    calibration: CalibrationCurve | None = None
    confusion: Confusion | None = None


def of_two_classes(
    rows: int,
    counts: Confusion,
    *,
    auc: float,
    log_loss: float,
    brier: float,
    roc: RocCurve,
    calibration: CalibrationCurve,
) -> Evaluation:
    """Return the evaluation of a model of two classes, whose confusion tells the rest of the metrics."""
    metrics = {
        "auc": auc,
        "log_loss": log_loss,
        "brier": brier,
        "accuracy": counts.accuracy,
        "precision": counts.precision,
        "recall": counts.recall,
        "f1": counts.f1,
    }
    return Evaluation(task="binary", rows=rows, metrics=metrics, roc=roc, calibration=calibration, confusion=counts)
