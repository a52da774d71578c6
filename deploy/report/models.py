"""Sections about the models: metrics, ROC, calibration, SHAP summary."""

from __future__ import annotations

from collections.abc import Sequence

from .charts import calibration, effects, roc
from .contents import Explanation, ModelResult
from .figures import METRIC_NAMES, SMALLER_IS_BETTER, count, duration, metric
from .markup import Child, Markup, join, tag
from .tables import Column, table

_ROC_NOTE = "The further above the diagonal, the better positives are told from negatives."
_CALIBRATION_NOTE = "On the diagonal, a score of 0.7 is right seven times in ten; dots grow with rows."


def comparison(models: Sequence[ModelResult]) -> Markup:
    """Return the metrics of every model on the test part, and the curves of the classifiers."""
    names = list(dict.fromkeys(name for model in models for name in model.metrics))
    columns = [
        Column("Model"),
        *(Column(METRIC_NAMES.get(name, name), "figure") for name in names),
        Column("Training", "figure"),
    ]
    best = {name: _best(models, name) for name in names} if len(models) > 1 else {}
    rows = [_metric_row(model, names, best) for model in models]
    said = "Measured on the test part, which no model has seen."
    if best:
        said += " The better figure of each column is marked."
    parts = [tag("p", said, class_="note"), table(columns, rows, kind="metrics")]
    figures = []
    if any(model.roc for model in models):
        figures.append(_figure("Ranking: receiver operating characteristic", _ROC_NOTE, roc(models)))
    if any(model.calibration for model in models):
        figures.append(_figure("Calibration: are scores probabilities?", _CALIBRATION_NOTE, calibration(models)))
    if figures:
        parts.append(tag("div", figures, class_="pair"))
    return join(parts)


def _figure(title: str, note: str, drawing: Markup) -> Markup:
    caption = tag("figcaption", tag("strong", title), tag("span", note))
    return tag("figure", caption, drawing)


def _best(models: Sequence[ModelResult], name: str) -> float:
    values = [model.metrics[name] for model in models if name in model.metrics]
    return min(values) if name in SMALLER_IS_BETTER else max(values)


def _metric_row(model: ModelResult, names: Sequence[str], best: dict[str, float]) -> list[Child]:
    head = join(
        tag("strong", model.name),
        tag("span", "primary", class_="role") if model.primary else None,
        tag("small", join(model.type.replace("_", " "), f" · {model.parameters}" if model.parameters else "")),
    )
    cells: list[Child] = [head]
    for name in names:
        value = model.metrics.get(name)
        shown = "–" if value is None else metric(value)
        cells.append(tag("b", shown, class_="best") if value is not None and best.get(name) == value else shown)
    cells.append(duration(model.seconds))
    return cells


def explanation(explained: Explanation) -> Markup:
    """Return what moved the predictions: one row per feature."""
    note = tag(
        "p",
        "SHAP values of ",
        tag("strong", explained.model),
        f" ({explained.method}) on {count(explained.rows)} test rows; base value {metric(explained.base_value)} "
        f"{explained.unit}. Each dot is one row: right raises the prediction, left lowers it.",
        class_="note",
    )
    shades = [tag("i", class_=f"v{shade}") for shade in range(1, 8)]
    key = tag(
        "p",
        "low value",
        tag("span", shades, class_="ramp"),
        "high value",
        tag("span", tag("i", class_="vnone"), class_="ramp"),
        "category",
        class_="key",
    )
    drawing = tag("div", effects(explained.effects, explained.unit), class_="scroll")
    return join(note, tag("figure", key, drawing, class_="wide"))
