"""Scores of predictions against labels, on numpy arrays; every function takes optional row weights."""

from .classification import Confusion, accuracy, brier, confusion, log_loss, multiclass_log_loss
from .curves import CalibrationCurve, RocCurve, calibration_curve, roc_curve
from .ranking import auc
from .regression import mae, r2, rmse

__all__ = [
    "CalibrationCurve",
    "Confusion",
    "RocCurve",
    "accuracy",
    "auc",
    "brier",
    "calibration_curve",
    "confusion",
    "log_loss",
    "mae",
    "multiclass_log_loss",
    "r2",
    "rmse",
    "roc_curve",
]
