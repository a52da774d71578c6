"""Damped Newton's method on a convex objective whose value, gradient and Hessian come from one pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..blocks import FloatArray
from ..errors import ConvergenceError
from .solution import solve_semidefinite


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """An objective at one point: value, gradient (d,) and Hessian (d, d)."""

    loss: float
    gradient: FloatArray
    hessian: FloatArray


def merge_evaluations(a: Evaluation, b: Evaluation) -> Evaluation:
    """Sum of two objectives at the same point."""
    return Evaluation(loss=a.loss + b.loss, gradient=a.gradient + b.gradient, hessian=a.hessian + b.hessian)


def minimise_newton(
    objective: Callable[[FloatArray], Evaluation],
    start: FloatArray,
    *,
    tolerance: float,
    max_iter: int,
    name: str,
) -> tuple[FloatArray, int]:
    """Minimise a convex objective.

    Parameters
    ----------
    objective
        One pass over the data.
    start
        First point, shape (d,).
    tolerance
        Stop once half the squared Newton decrement, which estimates how far the value is above its minimum, is at
        most this. The last step is still taken, and as convergence is quadratic it leaves an error of its square.
    max_iter
        Newton steps allowed.
    name
        The estimator, for messages.

    Returns
    -------
    tuple
        The minimiser, shape (d,), and the number of steps.

    Raises
    ------
    ConvergenceError
        After ``max_iter`` steps, or when no step improves the objective.

    Notes
    -----
    Boyd and Vandenberghe, *Convex Optimization* (2004), algorithm 9.5 with backtracking.
    """
    point = start
    here = objective(point)
    for iteration in range(1, max_iter + 1):
        step = solve_semidefinite(here.hessian, here.gradient)
        decrement = float(here.gradient @ step)
        if decrement / 2 <= tolerance:
            return point - step, iteration
        size = 1.0
        while True:
            candidate = point - size * step
            there = objective(candidate)
            if np.isfinite(there.loss) and there.loss <= here.loss - 1e-4 * size * decrement:
                break
            size /= 2
            if size < 1e-8:
                raise ConvergenceError(
                    f"{name} found no descent after {iteration} steps; scale the features or lower C"
                )
        point, here = candidate, there
    raise ConvergenceError(
        f"{name} did not converge in {max_iter} steps; raise max_iter, scale the features or lower C"
    )
