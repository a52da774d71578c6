"""How good a model is, by sums that a GPU makes where the scored rows are; only sums and corners of curves leave it.

The formulas are those of ``metrics``, over groups of equal scores in place of rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np

from ..engine.arrow import from_arrow_type
from ..engine.dtypes import Kind, bool_, float64, int64
from ..engine.expr import Column, Expr, Literal, NamedAggregate, NamedExpr, aggregate, call, case, cast, literal
from ..engine.frame import DataFrame, Series
from ..engine.plan import Aggregate, Project
from .blocks import FloatArray
from .expressions import class_numbers, rounded
from .metrics import CalibrationCurve, Confusion, RocCurve
from .model import Model
from .results import Evaluation, of_two_classes

ROC_POINTS = 500
MOST_CLASSES = 10
"""Classes up to which the likeliest is found by comparing all with each other."""
_EPSILON = float(np.finfo(np.float64).eps)
_Y, _W = "y", "w"


def evaluate_held(model: Model, scored: DataFrame, needed: Sequence[str], bins: int) -> Evaluation | None:
    """Evaluate scored rows on the device; None where the host should: what cannot be evaluated, and many classes.

    Parameters
    ----------
    model
        Whose label, weight and classes they have.
    scored
        The rows with their scores.
    needed
        The columns of the scores.
    bins
        Bins of the calibration curve.
    """
    session, features = scored.session, model.features
    label = Column(name=features.label, dtype=scored.schema[features.label].dtype)
    number: Expr
    if model.classes is None:
        if not (label.dtype.is_numeric or label.dtype.kind is Kind.BOOL):
            return None
        number = rounded(label, float64)
    else:
        if label.dtype != from_arrow_type(model.classes.type) or len(needed) > MOST_CLASSES:
            return None
        number = cast(class_numbers(label, model.classes), float64, strict=False)
    weight: Expr = literal(1.0)
    if features.weight is not None:
        weight = rounded(Column(name=features.weight, dtype=scored.schema[features.weight].dtype), float64)
    scores = [rounded(Column(name=name, dtype=scored.schema[name].dtype), float64) for name in needed]
    named = {_Y: number, _W: weight, **{_score(place): score for place, score in enumerate(scores)}}
    exprs = tuple(NamedExpr(name=name, expr=expr) for name, expr in named.items())
    rows = DataFrame.from_plan(session.held(Project(input=scored.plan, exprs=exprs)), session)
    sums = _Sums(rows)
    if not _are_usable(sums, len(needed)):
        return None  # the host says what is wrong, and where
    if model.task == "regression":
        return _regression(sums)
    if model.task == "binary":
        return _binary(sums, bins)
    return _multiclass(sums, len(needed))


class _Sums:
    """Totals of expressions over rows; one run gives as many as are asked for."""

    def __init__(self, rows: DataFrame) -> None:
        self.rows = rows

    def column(self, name: str) -> Expr:
        return Column(name=name, dtype=float64)

    def __call__(self, **wanted: Expr) -> dict[str, float]:
        aggregates = tuple(NamedAggregate(name=name, call=aggregate("sum", expr)) for name, expr in wanted.items())
        [found] = self.rows.session.collect(Aggregate(input=self.rows.plan, aggregates=aggregates)).to_pylist()
        return {name: float(value or 0.0) for name, value in found.items()}

    def weighted(self, **wanted: Expr) -> dict[str, float]:
        """Return totals of weighted expressions, and ``weight``, that of the weights."""
        weight = self.column(_W)
        return self(weight=weight, **{name: _times(weight, expr) for name, expr in wanted.items()})


def _are_usable(sums: _Sums, scores: int) -> bool:
    """Return whether there are rows, and labels, weights and scores are all that they should be."""
    no = Literal(value=False, dtype=bool_)
    parts = [sums.column(name) for name in (_Y, _W, *map(_score, range(scores)))]
    bad = [_one_if(call("not", call("coalesce", call("is_finite", part), no))) for part in parts]
    bad.append(_one_if(call("coalesce", call("less", sums.column(_W), literal(0.0)), no)))
    found = sums(rows=cast(literal(1), float64), bad=reduce(_plus, bad), weight=sums.column(_W))
    return found["rows"] > 0 and not found["bad"] and found["weight"] > 0


def _regression(sums: _Sums) -> Evaluation:
    y, predicted = sums.column(_Y), sums.column(_score(0))
    error = call("subtract", predicted, y)
    found = sums.weighted(y=y, squares=_times(error, error), distances=call("abs", error))
    weight, squares = found["weight"], found["squares"]
    away = call("subtract", y, literal(found["y"] / weight))
    variance = sums.weighted(spread=_times(away, away))["spread"]
    metrics = {
        "rmse": math.sqrt(squares / weight),
        "mae": found["distances"] / weight,
        "r2": 1.0 - squares / variance if variance > 0 else math.nan,
    }
    return Evaluation(task="regression", rows=_count(sums), metrics=metrics)


def _multiclass(sums: _Sums, classes: int) -> Evaluation:
    y = sums.column(_Y)
    scores = [sums.column(_score(place)) for place in range(classes)]
    own: list[tuple[Expr, Expr]] = []
    right: list[tuple[Expr, Expr]] = []
    for place, score in enumerate(scores):
        beats = [call("greater", score, other) for other in scores[:place]]  # the first of equals is the likeliest
        beats += [call("greater_equal", score, other) for other in scores[place + 1 :]]
        is_it = call("equal", y, literal(float(place)))
        own.append((is_it, score))
        right.append((call("and", is_it, reduce(lambda a, b: call("and", a, b), beats)), literal(1.0)))
    loss = call("negate", call("ln", _clipped(case(own))))
    found = sums.weighted(loss=loss, right=case(right, literal(0.0)))
    metrics = {"log_loss": found["loss"] / found["weight"], "accuracy": found["right"] / found["weight"]}
    return Evaluation(task="multiclass", rows=_count(sums), metrics=metrics)


def _binary(sums: _Sums, bins: int) -> Evaluation | None:
    y, score = sums.column(_Y), sums.column(_score(0))
    positive = call("equal", y, literal(1.0))
    selected = call("greater_equal", score, literal(0.5))
    error, chance = call("subtract", score, y), _clipped(score)
    found = sums.weighted(
        positives=y,
        selected=_one_if(selected),
        hits=_one_if(call("and", positive, selected)),
        brier=_times(error, error),
        loss=call("negate", call("ln", case([(positive, chance)], call("subtract", literal(1.0), chance)))),
    )
    weight, positives, hits = found["weight"], found["positives"], found["hits"]
    if not 0.0 < positives < weight:
        return None
    counts = Confusion(
        true_positives=hits,
        false_positives=found["selected"] - hits,
        false_negatives=positives - hits,
        true_negatives=weight - positives - found["selected"] + hits,
    )
    area, curve = _roc(sums.rows, positives, weight - positives)
    return of_two_classes(
        _count(sums),
        counts,
        auc=area,
        log_loss=found["loss"] / weight,
        brier=found["brier"] / weight,
        roc=curve,
        calibration=_calibration(sums, bins),
    )


def _roc(rows: DataFrame, positives: float, negatives: float) -> tuple[float, RocCurve]:
    """Return the area and the corners of the curve: groups of equal scores, from the highest."""
    session, score = rows.session, _score(0)
    split = rows.select(below=-rows[score], p=rows[_W] * rows[_Y], n=rows[_W] * (1.0 - rows[_Y]))
    groups = split.groupby("below").agg(p=("p", "sum"), n=("n", "sum"))  # sorted by its key
    selected = groups.assign(tp=groups.p.cumsum(), fp=groups.n.cumsum())
    corners = DataFrame.from_plan(session.held(selected.plan), session)
    pairs = float((corners.p * (negatives - corners.fp + corners.n / 2.0)).sum())
    along = corners.tp / positives + corners.fp / negatives
    thinned = corners
    if len(corners) + 1 > ROC_POINTS:
        step: Series = (along * ((ROC_POINTS - 1) / 2.0)).floor()
        marked = corners.assign(step=step, before=step.shift(1, fill_value=0.0))
        last = float(corners.below.max())
        thinned = marked[(marked.step > marked.before) | (marked.below >= last)]
    table = thinned.select("below", "tp", "fp").sort_values("below").to_arrow()
    below, tp, fp = (table[name].to_numpy() for name in ("below", "tp", "fp"))
    curve = RocCurve(
        fpr=np.concatenate(([0.0], fp / fp[-1])),
        tpr=np.concatenate(([0.0], tp / tp[-1])),
        thresholds=np.concatenate(([np.inf], -below)),
    )
    return pairs / (positives * negatives), curve


def _calibration(sums: _Sums, bins: int) -> CalibrationCurve:
    chance = sums.column(_score(0))
    inner = np.linspace(0.0, 1.0, bins + 1)[1:-1]
    zero: Expr = literal(0.0)
    number = reduce(_plus, [_one_if(call("greater", chance, literal(float(edge)))) for edge in inner], zero)
    weight = sums.column(_W)
    sum_of: Mapping[str, Expr] = {
        "mass": weight,
        "predicted": _times(weight, chance),
        "observed": _times(weight, sums.column(_Y)),
    }
    plan = Aggregate(
        input=sums.rows.plan,
        keys=(NamedExpr(name="bin", expr=cast(number, int64, strict=False)),),
        aggregates=tuple(NamedAggregate(name=name, call=aggregate("sum", expr)) for name, expr in sum_of.items()),
    )
    found = sums.rows.session.collect(plan).sort_by("bin")
    columns: list[FloatArray] = [found[name].to_numpy() for name in sum_of]
    mass, predicted, observed = (column[columns[0] > 0] for column in columns)
    return CalibrationCurve(predicted=predicted / mass, observed=observed / mass, weight=mass)


def _count(sums: _Sums) -> int:
    return len(sums.rows)


def _score(place: int) -> str:
    return f"score {place}"


def _clipped(chance: Expr) -> Expr:
    low, high = literal(_EPSILON), literal(1.0 - _EPSILON)
    return case([(call("less", chance, low), low), (call("greater", chance, high), high)], chance)


def _one_if(condition: Expr) -> Expr:
    return cast(condition, float64, strict=False)


def _times(a: Expr, b: Expr) -> Expr:
    return call("multiply", a, b)


def _plus(a: Expr, b: Expr) -> Expr:
    return call("add", a, b)
