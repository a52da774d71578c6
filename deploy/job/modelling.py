"""The steps that learn: split, train, evaluate, predict, explain, audit. Each stores what it made, and says facts."""

from __future__ import annotations

import dataclasses
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
_CLASSIFIER_METRICS = ("auc", "log_loss", "brier", "accuracy", "f1")
_REGRESSION_METRICS = ("rmse", "mae", "r2")
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


def features_of(context: JobContext) -> ml.Features:
    """Return the features as the ML room knows them."""
    from ... import ml

    spec = context.features
    return ml.Features(
        numeric=list(spec.numeric),
        categorical=list(spec.categorical),
        label=spec.label,
        weight=spec.weight,
        positive=spec.positive,
    )


def train(context: JobContext, name: str, folder: Path) -> StepOutcome:
    """Fit one model on the training part and store it."""
    pipeline = build_pipeline(context.job, name)
    fitted = pipeline.fit(context.tables["train"], features_of(context))
    fitted.save(folder / MODEL_FOLDER)
    return StepOutcome(facts={"handoff": fitted.ledger.as_dict()})


# --------------------------------------------------------------------------------------------- evaluate


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    """What metrics need of the scored test part; arrays of shape (rows,)."""

    label: npt.NDArray[Any]
    prediction: npt.NDArray[Any]
    score: npt.NDArray[np.float64] | None
    weight: npt.NDArray[np.float64] | None


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


def _measure(context: JobContext, name: str) -> dict[str, object]:
    from ...ml import metrics

    scored = _score(context, name)
    spec = context.job.spec.evaluate
    asked = spec.metrics if spec is not None else None
    threshold = spec.threshold if spec is not None else 0.5
    if scored.score is None:
        values = {
            metric: getattr(metrics, metric)(scored.label, scored.prediction, scored.weight)
            for metric in asked or _REGRESSION_METRICS
        }
        return {"metrics": values, "roc": [], "calibration": []}
    table = metrics.confusion(scored.label, scored.score, threshold=threshold, weight=scored.weight)
    values = {}
    for metric in asked or _CLASSIFIER_METRICS:
        if metric in ("accuracy", "precision", "recall", "f1"):
            values[metric] = getattr(table, metric)
        else:
            values[metric] = getattr(metrics, metric)(scored.label, scored.score, scored.weight)
    roc = metrics.roc_curve(scored.label, scored.score, scored.weight, points=200)
    bins = metrics.calibration_curve(scored.label, scored.score, scored.weight, bins=10)
    return {
        "metrics": {key: float(value) for key, value in values.items()},
        "roc": [[round(float(x), 5), round(float(y), 5)] for x, y in zip(roc.fpr, roc.tpr, strict=True)],
        "calibration": [
            [float(p), float(o), float(w)] for p, o, w in zip(bins.predicted, bins.observed, bins.weight, strict=True)
        ],
    }


def _score(context: JobContext, name: str) -> _Scored:
    """Score the test part and bring labels, predictions and scores together."""
    features = context.features
    frame = context.model(name).predict(context.tables["test"])
    wanted = [features.label, "prediction", *(["score"] if "score" in frame else [])]
    if features.weight is not None:
        wanted.append(features.weight)
    rows = frame.select(*wanted).collect()
    label = rows.column(features.label).to_numpy()
    if "score" in frame:
        label = label == (np.max(label) if features.positive is None else features.positive)
    return _Scored(
        label=label,
        prediction=rows.column("prediction").to_numpy(),
        score=rows.column("score").to_numpy() if "score" in frame else None,
        weight=None if features.weight is None else rows.column(features.weight).to_numpy(),
    )


def _judge_bound(bound: MetricBound, results: Mapping[str, Mapping[str, object]]) -> list[CheckOutcome]:
    outcomes = []
    for name, result in results.items():
        values = result["metrics"]
        assert isinstance(values, dict)
        if (bound.model or name) != name or bound.metric not in values:
            continue
        value = values[bound.metric]
        outcomes.append(
            CheckOutcome(
                subject=name,
                rule=f"{METRIC_NAMES[bound.metric]} {between(bound.min, bound.max)}",
                severity=bound.severity,
                passed=(bound.min is None or value >= bound.min) and (bound.max is None or value <= bound.max),
                detail=shown(value),
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
        by=list(spec.by),
        intersections=spec.intersections,
        thresholds=list(spec.thresholds),
        ci=None if spec.ci == "none" else spec.ci,
        n_boot=spec.n_boot,
        min_count=spec.min_count,
        seed=context.seed(),
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
