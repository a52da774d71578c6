"""Binary logistic regression by Newton's method on per-block gradients and Hessians."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..blocks import Block, Blocks, FloatArray
from ..cuda import host, module_of
from ..errors import FitError
from .newton import Evaluation, merge_evaluations, minimise_newton
from .solution import LinearSolution

RELATIVE_TOLERANCE = 1e-10
"""Newton decrement per unit of row weight; leaves probabilities good to about 1e-9."""

WARM_START_ROWS = 1 << 15
"""Rows of the evenly spaced sample that gives the first point; full passes are what costs."""


def fit_logistic(blocks: Blocks, *, C: float, max_iter: int = 100) -> LinearSolution:
    """Minimise ``C sum(w log-loss) + |b|**2 / 2`` for targets 0 and 1; the intercept is not penalised.

    Parameters
    ----------
    blocks
        Rows; ``y`` holds 0.0 and 1.0.
    C
        Inverse strength of the penalty, positive; infinity fits without penalty.
    max_iter
        Newton steps allowed.

    Raises
    ------
    FitError
        When the targets with positive weight hold one class only.
    ConvergenceError
        When the minimum is not reached, as for separable classes without penalty.
    """
    weight, positive = _class_weights(blocks)
    if not 0.0 < positive < weight:
        raise FitError("cannot fit LogisticRegression: the label has one class only; it needs two")
    odds = positive / (weight - positive)
    start = np.zeros(blocks.width + 1)
    start[-1] = np.log(odds)
    if blocks.rows > 8 * WARM_START_ROWS:
        sample = blocks.every(blocks.rows // WARM_START_ROWS)
        seen, seen_positive = _class_weights(sample)
        if 0.0 < seen_positive < seen:
            start, _ = _minimise(sample, start, C * weight / seen, 1e-4, max_iter)
    point, iterations = _minimise(blocks, start, C, RELATIVE_TOLERANCE, max_iter)
    return LinearSolution(coef=point[:-1], intercept=np.asarray(point[-1]), iterations=iterations)


def logistic_evaluation(block: Block, point: FloatArray) -> Evaluation:
    """Weighted log-loss of a block with its gradient and Hessian at (coefficients, intercept)."""
    size = point.shape[0]
    loss, gradient, hessian = 0.0, np.zeros(size), np.zeros((size, size))
    at = module_of(block.X).asarray(point)
    for tile in block.tiles():
        margin = tile.X @ at[:-1]
        margin += at[-1]
        decay = np.exp(-np.abs(margin))
        upper = 1.0 / (1.0 + decay)
        probability = np.where(margin >= 0.0, upper, 1.0 - upper)
        residual = probability - tile.y
        curvature = decay * upper * upper
        losses = np.log1p(decay) + np.maximum(margin, 0.0) - tile.y * margin
        if tile.w is not None:
            residual *= tile.w
            curvature *= tile.w
            losses *= tile.w
        loss += float(losses.sum())
        gradient[:-1] += host(residual @ tile.X)
        gradient[-1] += float(residual.sum())
        hessian[-1, :-1] += host(curvature @ tile.X)
        scaled = tile.X * np.sqrt(curvature)[:, None]
        hessian[:-1, :-1] += host(scaled.T @ scaled)  # the product with itself costs BLAS half of another one
        hessian[-1, -1] += float(curvature.sum())
    hessian[:-1, -1] = hessian[-1, :-1]
    return Evaluation(loss=loss, gradient=gradient, hessian=hessian)


def expit(margin: FloatArray) -> FloatArray:
    """``1 / (1 + exp(-margin))`` without overflow, elementwise."""
    decay = np.exp(-np.abs(margin))
    upper = 1.0 / (1.0 + decay)
    return np.where(margin >= 0.0, upper, decay * upper)


def _minimise(
    blocks: Blocks,
    start: FloatArray,
    C: float,
    relative_tolerance: float,
    max_iter: int,
) -> tuple[FloatArray, int]:
    weight, _ = _class_weights(blocks)

    def objective(point: FloatArray) -> Evaluation:
        data = blocks.fold(partial(logistic_evaluation, point=point), merge_evaluations)
        slope = point / C
        slope[-1] = 0.0
        bend = np.full(point.shape[0], 1.0 / C)
        bend[-1] = 0.0
        return Evaluation(
            loss=data.loss + float(slope @ point) / 2,
            gradient=data.gradient + slope,
            hessian=data.hessian + np.diag(bend),
        )

    return minimise_newton(
        objective,
        start,
        tolerance=relative_tolerance * weight,
        max_iter=max_iter,
        name="LogisticRegression",
    )


def _class_weights(blocks: Blocks) -> tuple[float, float]:
    """Total row weight, and that of the rows of class 1."""
    total, positive = blocks.fold(_block_weights, np.add)
    return float(total), float(positive)


def _block_weights(block: Block) -> FloatArray:
    if block.w is None:
        return np.array([float(len(block)), float(block.y.sum())])
    return np.array([float(block.w.sum()), float(block.w @ block.y)])
