"""The steps that learn: split, train, evaluate, predict, explain, audit. Each stores what it made, and says facts."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...engine.errors import ConfigError, suggestion
from ...engine.expr import aggregate, call
from ...engine.frame import DataFrame
from ..report.figures import METRIC_NAMES
from ..report.figures import metric as shown
from .checks import CheckOutcome, between
from .context import MODEL_FOLDER, JobContext
from .load import Job
from .runner import StepOutcome
from .spec import MetricBound
from .tables import TABLE_FILE, read

if TYPE_CHECKING:
    from ... import ml

_ESTIMATORS = {
    "ridge": "Ridge",
    "logistic_regression": "LogisticRegression",
    "gradient_boosting": "GradientBoosting",
    "simple_imputer": "SimpleImputer",
    "standard_scaler": "StandardScaler",
    "one_hot_encoder": "OneHotEncoder",
    "ordinal_encoder": "OrdinalEncoder",
}
_GAP_METRICS = ("selection_rate", "fpr", "fnr")
_DRAWN_ROWS = 400


# ------------------------------------------------------------------------------------- split and train


def add_split(context: JobContext) -> None:
    """Add the tables ``train`` and ``test``; nothing is copied: a row's part follows from its hash."""
    from ... import ml

    split = context.job.spec.split
    assert split is not None
    parts: list[DataFrame] = []

    def part(index: int) -> DataFrame:
        if not parts:
            parts.extend(
                ml.train_test_split(
                    context.tables[split.table],
                    test_size=split.test_size,
                    stratify=split.stratify,
                    key=split.key,
                    seed=context.seed(split.seed),
                )
            )
        return parts[index]

    context.tables.add("train", lambda: part(0))
    context.tables.add("test", lambda: part(1))


def count_split(context: JobContext, _: Path) -> StepOutcome:
    """Count the rows of both parts."""
    train, test = len(context.tables["train"]), len(context.tables["test"])
    return StepOutcome(rows=train + test, facts={"train": train, "test": test})


def build_pipeline(job: Job, name: str) -> ml.Pipeline:
    """Return the unfitted pipeline of a model.

    Raises
    ------
    JobSpecError
        For a parameter that the estimator does not have, or a value that it does not take.
    """
    from ... import ml

    assert job.spec.train is not None
    model = job.spec.train.models[name]
    place = ("train", "models", name)
    steps = [
        _estimator(job, (*place, "preprocessing", index), step.type, step.params)
        for index, step in enumerate(model.preprocessing)
    ]
    params = dict(model.params)
    if model.type == "gradient_boosting":
        params.setdefault("seed", job.spec.seed)
    return ml.Pipeline([*steps, _estimator(job, (*place, "params"), model.type, params)])


def _estimator(job: Job, place: tuple[str | int, ...], kind: str, params: Mapping[str, object]) -> Any:
    from ... import ml

    maker = getattr(ml, _ESTIMATORS[kind])
    allowed = [field.name for field in dataclasses.fields(maker)]
    for name in params:
        if name not in allowed:
            message = f"{kind} has no parameter {name!r}{suggestion(name, allowed)}"
            raise job.error((*place, name), message)
    try:
        return maker(**params)
    except (TypeError, ValueError, ConfigError) as error:
        raise job.error(place, f"{kind}: {error}") from None


def features_of(job: Job) -> ml.Features:
    """Return the features as the ML room knows them."""
    from ... import ml

    assert job.spec.train is not None
    spec = job.spec.train.features
    return ml.Features(
        numeric=spec.numeric,
        categorical=spec.categorical,
        label=spec.label,
        weight=spec.weight,
        positive=spec.positive,
    )


def train(context: JobContext, name: str, folder: Path) -> StepOutcome:
    """Fit one model on the training part and store it."""
    pipeline = build_pipeline(context.job, name)
    fitted = pipeline.fit(context.tables["train"], features_of(context.job))
    fitted.save(folder / MODEL_FOLDER)
    return StepOutcome(facts={"handoff": fitted.ledger.as_dict()})


# --------------------------------------------------------------------------------------------- evaluate


def evaluate(context: JobContext, _: Path) -> StepOutcome:
    """Measure every model on the test part and judge the bounds."""
    spec = context.job.spec
    assert spec.train is not None
    results = {name: _measure(context, name) for name in spec.train.models}
    bounds = [
        outcome
        for bound in (spec.evaluate.require if spec.evaluate else ())
        for outcome in _judge_bound(bound, results)
    ]
    return StepOutcome(
        rows=int(str(context.facts("split")["test"])),
        facts={"models": results, "checks": [dataclasses.asdict(outcome) for outcome in bounds]},
    )


def _measure(context: JobContext, name: str) -> dict[str, Any]:
    from ... import ml

    found = ml.evaluate(context.model(name), context.tables["test"], bins=10)
    spec = context.job.spec.evaluate
    asked = spec.metrics if spec is not None and spec.metrics is not None else tuple(found.metrics)
    measured: dict[str, Any] = {
        "metrics": {metric: found.metrics[metric] for metric in asked if metric in found.metrics},
        "all": found.metrics,
        "roc": [],
        "calibration": [],
    }
    if found.roc is not None and found.calibration is not None:
        bins = found.calibration
        measured["roc"] = np.column_stack([found.roc.fpr, found.roc.tpr]).round(5).tolist()
        measured["calibration"] = np.column_stack([bins.predicted, bins.observed, bins.weight]).tolist()
    return measured


def _judge_bound(bound: MetricBound, results: Mapping[str, Mapping[str, Any]]) -> list[CheckOutcome]:
    outcomes = []
    for name, result in results.items():
        if (bound.model or name) != name:
            continue
        value = result["all"].get(bound.metric, math.nan)
        low = -math.inf if bound.min is None else bound.min
        high = math.inf if bound.max is None else bound.max
        outcomes.append(
            CheckOutcome(
                subject=name,
                rule=f"{METRIC_NAMES[bound.metric]} {between(bound.min, bound.max)}",
                severity=bound.severity,
                passed=low <= value <= high,
                detail="not defined for this model" if math.isnan(value) else shown(value),
            )
        )
    return outcomes


# ------------------------------------------------------------------------------ predict, explain, audit


def predict(context: JobContext, folder: Path) -> StepOutcome:
    """Store the scored rows."""
    spec = context.job.spec.predict
    assert spec is not None
    name = context.job.primary(spec.model)
    scored = context.model(name).predict(context.tables[spec.table])
    return StepOutcome(rows=context.store(scored, folder), facts={"model": name})


def explain(context: JobContext, folder: Path) -> StepOutcome:
    """Store SHAP values of a sample of the test part, and say what the report draws of them."""
    from ... import ml

    spec = context.job.spec.explain
    assert spec is not None
    name = context.job.primary(spec.model)
    sample = _sample(context, context.tables["test"], spec.rows)
    explained = ml.explain(context.model(name), sample, method=spec.method)
    rows = context.store(explained, folder)
    stored = read(str(folder / TABLE_FILE), "parquet")
    return StepOutcome(rows=rows, facts={"model": name, "rows": rows, **_effects(context, stored)})


def _sample(context: JobContext, frame: DataFrame, rows: int | None) -> DataFrame:
    """Return about so many rows, chosen by their hash; all where ``rows`` is None or enough."""
    from ... import ml

    every = len(frame) if rows is not None else 0
    if rows is None or rows >= every:
        return frame
    return ml.train_test_split(frame, test_size=rows / every, seed=context.seed() + 1)[1]


def _effects(context: JobContext, explained: DataFrame) -> dict[str, object]:
    """Return base value, mean absolute SHAP value per feature, and the points to draw."""
    spec = context.features
    names = [*spec.numeric, *spec.categorical]
    calls = {name: aggregate("mean", call("abs", explained[f"phi_{name}"].expr)) for name in names}
    sizes = explained.reduce(volley_base=aggregate("mean", explained["base_value"].expr), **calls)
    base = sizes.pop("volley_base")
    drawn = _sample(context, explained, _DRAWN_ROWS).collect()
    effects = []
    for name in sorted(names, key=lambda name: -sizes[name]):
        phi = drawn.column(f"phi_{name}").to_numpy()
        ranks = _ranks(drawn.column(name).to_numpy()) if name in spec.numeric else None
        effects.append(
            {
                "name": name,
                "mean_size": sizes[name],
                "phi": [round(float(value), 5) for value in phi],
                "rank": None if ranks is None else [None if np.isnan(r) else round(float(r), 3) for r in ranks],
            }
        )
    return {"base_value": base, "effects": effects}


def _ranks(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return each value's rank from 0 to 1, the same for equal values; NaN where the value is missing."""
    numbers = values.astype(np.float64)
    known, inverse = np.unique(numbers[~np.isnan(numbers)], return_inverse=True)
    ranks = np.full(len(numbers), np.nan)
    ranks[~np.isnan(numbers)] = inverse / max(len(known) - 1, 1)
    return ranks


def audit(context: JobContext, folder: Path) -> StepOutcome:
    """Store metrics by slice of the test part, and judge the bounds on gaps."""
    from ... import ml

    spec = context.job.spec.fairness
    assert spec is not None
    name = context.job.primary(spec.model)
    scored = context.model(name).predict(context.tables["test"])
    found = ml.fairness.slices(
        scored,
        label=context.features.label,
        score="score",
        by=spec.by,
        intersections=spec.intersections,
        thresholds=spec.thresholds,
        ci=None if spec.ci == "none" else spec.ci,
        n_boot=spec.n_boot,
        min_count=spec.min_count,
        seed=context.seed(),
        positive=context.features.positive,
    )
    asked = list(dict.fromkeys([*(bound.metric for bound in spec.require), *_GAP_METRICS]))
    gaps = {metric: found.difference(metric).to_dict("records") for metric in asked}
    outcomes = [
        CheckOutcome(
            subject=str(gap["by"]),
            rule=f"{METRIC_NAMES[bound.metric]} gap at most {bound.max_difference:g} at threshold {gap['threshold']:g}",
            severity=bound.severity,
            passed=not gap["difference"] > bound.max_difference,
            detail=f"{shown(gap['difference'])} ({gap['smallest']} to {gap['largest']})",
        )
        for bound in spec.require
        for gap in gaps[bound.metric]
        if gap["by"] in spec.by
    ]
    rows = context.store(DataFrame(found.to_arrow()), folder)
    facts = {"model": name, "gaps": gaps, "checks": [dataclasses.asdict(outcome) for outcome in outcomes]}
    return StepOutcome(rows=rows, facts=facts)
