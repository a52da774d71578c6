"""The area under the ROC curve, exact with ties, whole and per group."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..blocks import FloatArray


def auc(label: npt.ArrayLike, score: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> float:
    """Chance that a positive row scores above a negative one, ties counting half.

    Parameters
    ----------
    label
        0 or 1 (or False, True), shape (n,).
    score
        Any real score, shape (n,), greater for more positive.
    weight
        Row weights, shape (n,); a pair of rows weighs their product.

    Returns
    -------
    float
        NaN where only one class has weight.
    """
    positive = np.asarray(label, dtype=bool)
    values = np.asarray(score)
    order = np.argsort(values)
    weights = np.ones(len(values)) if weight is None else np.asarray(weight, dtype=np.float64)[order]
    one_group = np.zeros(len(values), dtype=np.int64)
    return float(sorted_group_auc(one_group, values[order], positive[order], 1, weights)[0])


def sorted_group_auc(
    group: npt.NDArray[np.integer],
    score: npt.NDArray[np.floating],
    positive: npt.NDArray[np.bool_],
    groups: int,
    weight: FloatArray | None = None,
) -> FloatArray:
    """AUC of every group in one sweep over rows that are sorted by group and, within a group, by score.

    Parameters
    ----------
    group
        Group numbers from 0 to ``groups`` - 1, shape (n,), ascending.
    score, positive, weight
        Scores, whether the row is positive, and row weights, shape (n,).
    groups
        How many groups there are; a group may have no rows.

    Returns
    -------
    ndarray
        Shape (groups,); NaN where a group has no row of one class.

    Notes
    -----
    Mann-Whitney's U: each run of equal scores adds positives x (negatives below + half the negatives in the run).
    """
    totals = np.full(groups, np.nan)
    if len(score) == 0:
        return totals
    starts = np.flatnonzero(np.concatenate(([True], (score[1:] != score[:-1]) | (group[1:] != group[:-1]))))
    weights = np.ones(len(score)) if weight is None else weight
    all_in_run = np.add.reduceat(weights, starts)
    positive_in_run = np.add.reduceat(weights * positive, starts)
    negative_in_run = all_in_run - positive_in_run
    owner = group[starts]
    positives = np.bincount(owner, weights=positive_in_run, minlength=groups)
    negatives = np.bincount(owner, weights=negative_in_run, minlength=groups)
    before_group = np.concatenate(([0.0], np.cumsum(negatives)[:-1]))
    below = np.cumsum(negative_in_run) - negative_in_run - before_group[owner]
    pairs = np.bincount(owner, weights=positive_in_run * (below + negative_in_run / 2), minlength=groups)
    np.divide(pairs, positives * negatives, out=totals, where=(positives > 0) & (negatives > 0))
    return totals
