"""Centred first and second moments of features and target: all that a least-squares fit needs to see."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np

from ..blocks import Block, FloatArray
from ..cuda import host, module_of


@dataclass(frozen=True, slots=True, kw_only=True)
class JointMoments:
    """Weighted moments of the columns (features, then target) of some rows.

    Parameters
    ----------
    weight
        Sum of the row weights.
    mean
        Weighted means, shape (p + 1,); the target is last.
    scatter
        Weighted sum of products of deviations from ``mean``, shape (p + 1, p + 1).
    """

    weight: float
    mean: FloatArray
    scatter: FloatArray


def joint_moments(block: Block) -> JointMoments:
    """Moments of one block, tile by tile so that the centred copy stays in cache."""
    return reduce(merge_moments, map(_tile_moments, block.tiles()))


def merge_moments(a: JointMoments, b: JointMoments) -> JointMoments:
    """Moments of two disjoint sets of rows together (Chan, Golub and LeVeque, 1983)."""
    if a.weight == 0.0 or b.weight == 0.0:
        return a if b.weight == 0.0 else b
    weight = a.weight + b.weight
    gap = b.mean - a.mean
    scatter = a.scatter + b.scatter + np.outer(gap, gap) * (a.weight * b.weight / weight)
    return JointMoments(weight=weight, mean=a.mean + gap * (b.weight / weight), scatter=scatter)


def _tile_moments(tile: Block) -> JointMoments:
    columns = module_of(tile.X).column_stack((tile.X, tile.y))
    if tile.w is None:
        weight = float(len(tile))
        mean = columns.mean(axis=0)
        columns -= mean
        return JointMoments(weight=weight, mean=host(mean), scatter=host(columns.T @ columns))
    weight = float(tile.w.sum())
    if weight == 0.0:
        width = columns.shape[1]
        return JointMoments(weight=0.0, mean=np.zeros(width), scatter=np.zeros((width, width)))
    mean = tile.w @ columns / weight
    columns -= mean
    columns *= np.sqrt(tile.w)[:, None]
    return JointMoments(weight=weight, mean=host(mean), scatter=host(columns.T @ columns))
