"""Models of queries: what ``CREATE MODEL``, ``predict`` and ``explain`` in SQL mean, without knowing SQL."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ..engine.dtypes import Kind
from ..engine.errors import ConfigError, suggestion
from ..engine.frame import DataFrame
from .estimators import GradientBoosting, LogisticRegression, Pipeline, Ridge
from .explanation.frames import explain as explained
from .features import Features
from .model import Model
from .transformers import SimpleImputer, StandardScaler

_TYPES: dict[str, type[Any]] = {
    "linear_regression": Ridge,
    "ridge": Ridge,
    "logistic_regression": LogisticRegression,
    "gradient_boosting": GradientBoosting,
}
_OWN = ("type", "label", "numeric", "categorical", "weight", "positive", "standardize", "impute")


def is_model(value: object) -> bool:
    """Return whether this is a fitted model."""
    return isinstance(value, Model)


def predict(model: Model, frame: DataFrame) -> DataFrame:
    """Add predictions, lazily; see `Model.predict`."""
    return model.predict(frame)


def explain(model: Model, frame: DataFrame) -> DataFrame:
    """Add SHAP values, lazily; see ``volley.ml.explain``."""
    return explained(model, frame)


def train(frame: DataFrame, options: Mapping[str, Any]) -> Model:
    """Fit a model to a frame.

    Parameters
    ----------
    frame
        The training rows. All columns but the label and the weight are features: numbers and booleans by value, others
        as categories, unless ``numeric`` or ``categorical`` list them.
    options
        ``type`` (linear_regression, logistic_regression, gradient_boosting), ``label``, and perhaps ``numeric``,
        ``categorical``, ``weight``, ``positive``, ``standardize``, ``impute``; all others are the estimator's.

    Raises
    ------
    ConfigError
        If the type or the label is missing, or an option is unknown.
    """
    name = str(options.get("type", "")).lower()
    kind = _TYPES.get(name)
    if kind is None:
        said = f"unknown type {name!r} of a model{suggestion(name, _TYPES)}" if name else "a model needs a type"
        raise ConfigError(said if name else f"{said}, such as type = 'logistic_regression'")
    if not options.get("label"):
        raise ConfigError("a model needs the column to predict, as in label = 'price'")
    parameters = {field.name.lower(): field.name for field in dataclasses.fields(kind)}
    chosen: dict[str, Any] = {}
    for key, value in options.items():
        if key.lower() in _OWN:
            continue
        if key.lower() not in parameters:
            raise ConfigError(f"{name} has no option {key!r}{suggestion(key, (*_OWN, *parameters.values()))}")
        chosen[parameters[key.lower()]] = value
    before = [SimpleImputer()] if options.get("impute") else []
    scaled = [StandardScaler()] if options.get("standardize") else []
    return Pipeline([*before, *scaled, kind(**chosen)]).fit(frame, _features(frame, options))


def _features(frame: DataFrame, options: Mapping[str, Any]) -> Features:
    label, weight = str(options["label"]), options.get("weight")
    by_lower = {name.lower(): name for name in frame.columns}
    numeric, categorical = (_named(options.get(role), by_lower) for role in ("numeric", "categorical"))
    if numeric is None and categorical is None:
        used = {by_lower.get(str(name).lower()) for name in (label, weight)}
        others = [field for field in frame.schema if field.name not in used]
        by_value = [f.name for f in others if f.dtype.is_numeric or f.dtype.kind is Kind.BOOL]
        numeric, categorical = by_value, [f.name for f in others if f.name not in by_value]
    return Features(
        numeric=numeric or (),
        categorical=categorical or (),
        label=by_lower.get(label.lower(), label),
        weight=None if weight is None else by_lower.get(str(weight).lower(), str(weight)),
        positive=options.get("positive"),
    )


def _named(names: str | Sequence[str] | None, by_lower: Mapping[str, str]) -> list[str] | None:
    if names is None:
        return None
    listed = [names] if isinstance(names, str) else names
    return [by_lower.get(str(name).lower(), str(name)) for name in listed]
