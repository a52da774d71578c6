"""Fitting: run the frame's plan for the columns needed, prepare them into one matrix, and learn from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ..engine.dtypes import Kind
from ..engine.frame import DataFrame
from ..engine.schema import Schema
from .blocks import Block, FloatArray, split_rows
from .cores import BoostedCore, Core, LinearCore, check_finite
from .errors import FitError
from .estimators import Estimator, GradientBoosting, LogisticRegression, Pipeline, Ridge
from .features import Features
from .handoff import FeatureMatrix, Ledger
from .linear.logistic import fit_logistic
from .linear.ridge import fit_ridge
from .linear.softmax import fit_softmax
from .linear.solution import LinearSolution
from .model import Model
from .parallelism import load_xgboost, one_blas_thread
from .preparation import fit_preparation
from .target import Target, read_target


def fit_pipeline(pipeline: Pipeline, frame: DataFrame, features: Features) -> Model:
    """Fit a pipeline to a frame; see `Pipeline.fit`."""
    features.check_training(frame.schema)
    estimator = pipeline.estimator
    classify = _classifies(estimator, frame.schema, features)
    table: pa.Table = frame.select(*features.training_columns).collect()
    if table.num_rows == 0:
        raise FitError(f"there are no rows to fit {type(estimator).__name__} to")
    target = read_target(table, features, classify=classify)
    ledger = Ledger()
    core_type = BoostedCore if isinstance(estimator, GradientBoosting) else LinearCore
    preparation, matrix = fit_preparation(
        table,
        features,
        pipeline.transformers,
        default_encoder=estimator.default_encoder,
        dtype=core_type.dtype,
        ledger=ledger,
    )
    rows = table.num_rows
    del table  # the matrix is all that training reads; the engine's batches can go
    return Model(
        pipeline=pipeline,
        preparation=preparation,
        core=_fit_core(estimator, matrix, target, frame.session.threads),
        task=target.task,
        classes=target.classes,
        rows=rows,
        ledger=ledger,
    )


def _classifies(estimator: Estimator, schema: Schema, features: Features) -> bool:
    if isinstance(estimator, GradientBoosting):
        kind = schema[features.label].dtype
        fractional = kind.is_float or kind.kind is Kind.DECIMAL
        return estimator.task == "classification" if estimator.task else not fractional
    return isinstance(estimator, LogisticRegression)


def _fit_core(estimator: Estimator, matrix: FeatureMatrix, target: Target, threads: int) -> Core:
    match estimator:
        case GradientBoosting():
            return _fit_trees(estimator, matrix, target, threads)
        case Ridge() | LogisticRegression():
            return _fit_linear(estimator, matrix, target, threads)


def _fit_linear(
    estimator: Ridge | LogisticRegression, matrix: FeatureMatrix, target: Target, threads: int
) -> LinearCore:
    check_finite(matrix, FitError)
    X: FloatArray = matrix.numpy()
    with one_blas_thread:
        solution = _solve(estimator, split_rows(X, target.y, target.w), target, threads)
    mean = np.average(X, axis=0, weights=target.w) if target.w is not None else X.mean(axis=0)
    return LinearCore(task=target.task, solution=solution, mean=mean)


def _solve(
    estimator: Ridge | LogisticRegression, blocks: Sequence[Block], target: Target, threads: int
) -> LinearSolution:
    if isinstance(estimator, Ridge):
        return fit_ridge(blocks, alpha=estimator.alpha, threads=threads)
    if target.task == "binary":
        return fit_logistic(blocks, C=estimator.C, max_iter=estimator.max_iter, threads=threads)
    assert target.classes is not None
    classes = len(target.classes)
    return fit_softmax(blocks, classes=classes, C=estimator.C, max_iter=estimator.max_iter, threads=threads)


def _fit_trees(estimator: GradientBoosting, matrix: FeatureMatrix, target: Target, threads: int) -> BoostedCore:
    xgboost = load_xgboost()
    data = xgboost.QuantileDMatrix(
        matrix.numpy(), label=target.y, weight=target.w, max_bin=estimator.max_bin, nthread=threads
    )
    objectives = {"regression": "reg:squarederror", "binary": "binary:logistic", "multiclass": "multi:softprob"}
    parameters: dict[str, object] = {
        "objective": objectives[target.task],
        "tree_method": "hist",
        "max_depth": estimator.max_depth,
        "learning_rate": estimator.learning_rate,
        "min_child_weight": estimator.min_child_weight,
        "reg_lambda": estimator.reg_lambda,
        "subsample": estimator.subsample,
        "colsample_bytree": estimator.colsample,
        "max_bin": estimator.max_bin,
        "seed": estimator.seed,
        "nthread": threads,
        "verbosity": 0,
    }
    if target.task == "multiclass":
        assert target.classes is not None
        parameters["num_class"] = len(target.classes)
    booster = xgboost.train(parameters, data, num_boost_round=estimator.n_trees)
    return BoostedCore(task=target.task, raw=bytes(booster.save_raw("ubj")))
