"""Fitting: run the frame's plan for the columns needed, and learn from its rows where they are.

In one process the rows are one part; on a cluster every worker that has rows is one, prepares them into its own matrix,
and only statistics travel.
"""

from __future__ import annotations

from contextlib import suppress
from functools import reduce

import numpy as np

from ..engine.dtypes import Kind
from ..engine.frame import DataFrame
from ..engine.runners import Part, Parts, PartsLost
from ..engine.schema import Schema
from .blocks import Block, Blocks, FloatArray, split_rows
from .boosting import fit_trees
from .cores import BoostedCore, Core, LinearCore, Refusal, count_on_device, count_unusable, refuse_unusable
from .cuda import host
from .errors import FitError
from .estimators import Estimator, GradientBoosting, LogisticRegression, Pipeline, Ridge
from .features import Features
from .handoff import Ledger, table_of
from .labelling import learn_target
from .learning import fit_preparation
from .linear.logistic import fit_logistic
from .linear.ridge import fit_ridge
from .linear.softmax import fit_softmax
from .linear.solution import LinearSolution
from .model import Model
from .parallelism import one_blas_thread
from .resident import ResidentRows, library_refusal
from .rows import host_rows_of, rows_of
from .target import TargetKind

MOST_ATTEMPTS = 5
"""How often a fit begins again because a worker was lost."""


def fit_pipeline(pipeline: Pipeline, frame: DataFrame, features: Features) -> Model:
    """Fit a pipeline to a frame; see `Pipeline.fit`."""
    features.check_training(frame.schema)
    plan = frame.select(*features.training_columns).plan
    classify = _classifies(pipeline.estimator, frame.schema, features)
    for _ in range(MOST_ATTEMPTS - 1):
        with suppress(PartsLost), frame.session.parts(plan) as parts:
            return _fit(pipeline, parts, features, classify=classify)
    with frame.session.parts(plan) as parts:
        return _fit(pipeline, parts, features, classify=classify)


def _fit(pipeline: Pipeline, parts: Parts, features: Features, *, classify: bool) -> Model:
    estimator = pipeline.estimator
    if parts.count == 0:
        raise FitError(f"there are no rows to fit {type(estimator).__name__} to")
    core_type = BoostedCore if isinstance(estimator, GradientBoosting) else LinearCore
    trained_on = _settle_place(parts, core_type.fit_refusal)
    kind = learn_target(parts, features, classify=classify)
    preparation = fit_preparation(
        parts, features, pipeline.transformers, default_encoder=estimator.default_encoder, dtype=core_type.dtype
    )
    parts.map(_forget_rows)
    core = _fit_core(estimator, parts, kind, width=len(preparation.columns))
    return Model(
        pipeline=pipeline,
        preparation=preparation,
        core=core,
        task=kind.task,
        classes=kind.classes,
        rows=kind.rows,
        ledger=reduce(Ledger.merged, parts.map(_ledger)),
        trained_on=trained_on,
    )


def _settle_place(parts: Parts, refusal: Refusal) -> str:
    """Bring rows to the host that a library cannot read where they are, and return where they are now."""
    places = parts.map(_place, refusal)
    refused = next((why for _, why in places if why is not None), None)
    if refused is None:
        return places[0][0]
    parts.map(_bring_to_host)
    return f"cpu ({refused})"


def _classifies(estimator: Estimator, schema: Schema, features: Features) -> bool:
    if isinstance(estimator, GradientBoosting):
        kind = schema[features.label].dtype
        fractional = kind.is_float or kind.kind is Kind.DECIMAL
        return estimator.task == "classification" if estimator.task else not fractional
    return isinstance(estimator, LogisticRegression)


def _fit_core(estimator: Estimator, parts: Parts, kind: TargetKind, *, width: int) -> Core:
    match estimator:
        case GradientBoosting():
            return fit_trees(estimator, parts, kind)
        case Ridge() | LogisticRegression():
            return _fit_linear(estimator, parts, kind, width)


def _fit_linear(estimator: Ridge | LogisticRegression, parts: Parts, kind: TargetKind, width: int) -> LinearCore:
    unusable = reduce(_added, parts.map(_unusable))
    refuse_unusable(unusable, FitError)
    parts.map(_keep_blocks)
    blocks = Blocks(parts=parts, width=width, rows=kind.rows)
    with one_blas_thread:
        solution = _solve(estimator, blocks, kind)
        sums = blocks.fold(_weighted_sums, np.add)
    return LinearCore(task=kind.task, solution=solution, mean=sums[:-1] / sums[-1])


def _solve(estimator: Ridge | LogisticRegression, blocks: Blocks, kind: TargetKind) -> LinearSolution:
    if isinstance(estimator, Ridge):
        return fit_ridge(blocks, alpha=estimator.alpha)
    if kind.task == "binary":
        return fit_logistic(blocks, C=estimator.C, max_iter=estimator.max_iter)
    assert kind.classes is not None
    return fit_softmax(blocks, classes=len(kind.classes), C=estimator.C, max_iter=estimator.max_iter)


# --- on each part


def _place(part: Part, refusal: Refusal) -> tuple[str, str | None]:
    """Return where a part's rows are, and why they cannot stay there; None where they can."""
    return ("cpu", None) if part.device is None else (part.device.name, library_refusal(part.device, refusal))


def _bring_to_host(part: Part) -> None:
    table_of(part)


def _forget_rows(part: Part) -> None:
    rows_of(part).forget()


def _ledger(part: Part) -> Ledger:
    return rows_of(part).ledger


def _unusable(part: Part) -> dict[str, int]:
    rows = rows_of(part)
    if isinstance(rows, ResidentRows):
        arrays = rows.cupy_arrays()
        return count_on_device(arrays.X, arrays.names)
    return count_unusable(host_rows_of(part).matrix)


def _added(a: dict[str, int], b: dict[str, int]) -> dict[str, int]:
    return {name: a[name] + b[name] for name in a}


def _keep_blocks(part: Part) -> None:
    rows = rows_of(part)
    if isinstance(rows, ResidentRows):
        arrays = rows.cupy_arrays()
        part.kept["blocks"] = split_rows(arrays.X, arrays.y, arrays.weight)
        return
    here = host_rows_of(part)
    part.kept["blocks"] = split_rows(here.matrix.numpy(), here.target.y, here.target.w)


def _weighted_sums(block: Block) -> FloatArray:
    """Return the weighted sums of the features and, last, of the weights."""
    if block.w is None:
        return np.append(host(block.X.sum(axis=0)), float(len(block)))
    return np.append(host(block.w @ block.X), float(block.w.sum()))
