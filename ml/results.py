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
