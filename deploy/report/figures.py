"""How numbers are written for people, and where the ticks of an axis stand."""

from __future__ import annotations

import math

METRIC_NAMES = {
    "auc": "AUC",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "fpr": "False positive rate",
    "fnr": "False negative rate",
    "tpr": "True positive rate",
    "tnr": "True negative rate",
    "selection_rate": "Selection rate",
}
EMPTY = "(empty)"
"""A text without characters, as people see it."""
SMALLER_IS_BETTER = frozenset({"log_loss", "brier", "rmse", "mae"})


def count(value: int | None) -> str:
    """Return ``276,677``, or a dash for None."""
    return "–" if value is None else f"{value:,}"


def byte_size(value: int | None) -> str:
    """Return a size in decimal units with three figures at most: ``4.8 MB``."""
    if value is None:
        return "–"
    size = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def duration(seconds: float) -> str:
    """Return ``0.42 s``, ``12.3 s`` or ``3 min 05 s``."""
    if seconds < 0.0005:
        return "0 s"
    if seconds < 10:
        return f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def metric(value: float) -> str:
    """Return a metric with three decimals, or a dash where it is not defined."""
    return "–" if not math.isfinite(value) else f"{value:.3f}".replace("-", "−")


def share(part: int, whole: int) -> str:
    """Return a percentage; never a rounded 0% or 100% that is not exact."""
    if whole == 0:
        return "–"
    if part == 0:
        return "0%"
    percent = 100 * part / whole
    if percent < 0.1:
        return "<0.1%"
    if part < whole and percent > 99.9:
        return ">99.9%"
    return f"{percent:.1f}%" if percent < 10 else f"{percent:.0f}%"


def ticks(low: float, high: float, target: int) -> list[float]:
    """Return round values within [low, high], about ``target`` of them, steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    if span <= 0 or not math.isfinite(span):
        return [low]
    raw = span / max(target, 1)
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def tick_label(value: float) -> str:
    """Return an axis number without trailing zeros."""
    return f"{value:g}".replace("-", "−")
