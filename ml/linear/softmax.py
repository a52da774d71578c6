"""Multinomial logistic regression: Newton while its Hessian is small, limited-memory BFGS beyond."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..blocks import Block, Blocks, FloatArray
from ..cuda import host, module_of
from ..errors import ConvergenceError, FitError
from .newton import Evaluation, merge_evaluations, minimise_newton
from .solution import LinearSolution

NEWTON_UNKNOWNS = 600
"""Unknowns (classes x features) up to which forming the Hessian costs less than BFGS's extra passes."""

RELATIVE_TOLERANCE = 1e-10
"""Newton decrement per unit of row weight."""


def fit_softmax(blocks: Blocks, *, classes: int, C: float, max_iter: int = 100) -> LinearSolution:
    """Minimise ``C sum(w cross-entropy) + |B|**2 / 2`` for class numbers 0 … K-1; intercepts are not penalised.

    Parameters
    ----------
    blocks
        Rows; ``y`` holds class numbers as float64.
    classes
        K, at least 3 (two classes have a cheaper fit of their own).
    C
        Inverse strength of the penalty, positive.
    max_iter
        Newton steps allowed (BFGS: ten times as many).

    Returns
    -------
    LinearSolution
        ``coef`` (K, p), ``intercept`` (K,) with sum zero.

    Raises
    ------
    FitError
        When some class has no row of positive weight.
    ConvergenceError
        When the minimum is not reached.
    """
    weight_of = _class_weights(blocks, classes)
    if not np.all(weight_of > 0.0):
        raise FitError("cannot fit LogisticRegression: a class has no row of positive weight")
    width = blocks.width
    start = np.zeros((classes, width + 1))
    start[:, -1] = np.log(weight_of)
    start[:, -1] -= start[:, -1].mean()
    tolerance = RELATIVE_TOLERANCE * float(weight_of.sum())
    if start.size <= NEWTON_UNKNOWNS:
        point, iterations = _by_newton(blocks, start, C, tolerance, max_iter)
    else:
        point, iterations = _by_bfgs(blocks, start, C, 10 * max_iter)
    point[:, -1] -= point[:, -1].mean()
    return LinearSolution(coef=point[:, :-1], intercept=point[:, -1], iterations=iterations)


def softmax(margin: FloatArray) -> FloatArray:
    """Probabilities of each row of (n, K) margins, without overflow."""
    shifted: FloatArray = np.exp(margin - margin.max(axis=1, keepdims=True))
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted


def softmax_evaluation(block: Block, point: FloatArray, *, hessian: bool) -> Evaluation:
    """Weighted cross-entropy of a block at (K, p + 1) coefficients, flattened class by class.

    Without ``hessian`` the second derivative is left as an empty (0, 0) array.
    """
    classes, size = point.shape
    loss, gradient = 0.0, np.zeros_like(point)
    second = np.zeros((classes, size, classes, size) if hessian else (0, 0, 0, 0))
    module = module_of(block.X)
    at = module.asarray(point)
    for tile in block.tiles():
        design = module.ones((len(tile), size), order="F")
        design[:, :-1] = tile.X
        margin = design @ at.T
        probability = softmax(margin)
        number = tile.y.astype(np.int64)
        rows = module.arange(len(tile))
        top = margin.max(axis=1)
        losses = np.log(np.exp(margin - top[:, None]).sum(axis=1)) + top - margin[rows, number]
        loss += float(losses @ tile.weights)
        residual = probability.copy()
        residual[rows, number] -= 1.0
        gradient += host((residual * tile.weights[:, None]).T @ design)
        if hessian:
            _add_curvature(second, design, probability, tile.weights)
    flat = point.size
    return Evaluation(loss=loss, gradient=gradient.ravel(), hessian=second.reshape((flat, flat) if hessian else (0, 0)))


def _add_curvature(second: FloatArray, design: FloatArray, probability: FloatArray, w: FloatArray) -> None:
    """Add ``design' diag(w p_a (1[a = b] - p_b)) design`` into block (a, b), using symmetry in a and b."""
    classes = probability.shape[1]
    for a in range(classes):
        for b in range(a + 1):
            curve = -probability[:, a] * probability[:, b] * w
            if a == b:
                curve += probability[:, a] * w
            product = host(design.T @ (design * curve[:, None]))
            second[a, :, b, :] += product
            if a != b:
                second[b, :, a, :] += product.T


def _by_newton(
    blocks: Blocks,
    start: FloatArray,
    C: float,
    tolerance: float,
    max_iter: int,
) -> tuple[FloatArray, int]:
    bend = np.full_like(start, 1.0 / C)
    bend[:, -1] = 0.0
    # Adding one number to every intercept changes no probability, so the Hessian is singular along that line.
    # The gradient has no component there; any curvature makes the step unique without moving the minimum.
    level = np.zeros_like(start)
    level[:, -1] = 1.0
    fix = np.outer(level.ravel(), level.ravel())

    def objective(flat: FloatArray) -> Evaluation:
        point = flat.reshape(start.shape)
        data = blocks.fold(partial(softmax_evaluation, point=point, hessian=True), merge_evaluations)
        slope = bend.ravel() * flat
        return Evaluation(
            loss=data.loss + float(slope @ flat) / 2,
            gradient=data.gradient + slope,
            hessian=data.hessian + np.diag(bend.ravel()) + fix,
        )

    flat, iterations = minimise_newton(
        objective, start.ravel(), tolerance=tolerance, max_iter=max_iter, name="LogisticRegression"
    )
    return flat.reshape(start.shape), iterations


def _by_bfgs(blocks: Blocks, start: FloatArray, C: float, max_iter: int) -> tuple[FloatArray, int]:
    from scipy import optimize

    total = float(_class_weights(blocks, start.shape[0]).sum())
    bend = np.full_like(start, 1.0 / C)
    bend[:, -1] = 0.0

    def objective(flat: FloatArray) -> tuple[float, FloatArray]:
        point = flat.reshape(start.shape)
        data = blocks.fold(partial(softmax_evaluation, point=point, hessian=False), merge_evaluations)
        slope = bend.ravel() * flat
        return (data.loss + float(slope @ flat) / 2) / total, (data.gradient + slope) / total

    found = optimize.minimize(
        objective,
        start.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": max_iter, "maxfun": 2 * max_iter, "maxcor": 30, "ftol": 1e-15, "gtol": 1e-8},
    )
    if not found.success:
        raise ConvergenceError(
            f"LogisticRegression did not converge in {max_iter} steps; raise max_iter or scale the features"
        )
    return np.asarray(found.x, dtype=np.float64).reshape(start.shape), int(found.nit)


def _class_weights(blocks: Blocks, classes: int) -> FloatArray:
    return blocks.fold(partial(_block_weights, classes=classes), np.add)


def _block_weights(block: Block, *, classes: int) -> FloatArray:
    counted = module_of(block.X).bincount(block.y.astype(np.int64), weights=block.w, minlength=classes)
    return np.asarray(host(counted), dtype=np.float64)
