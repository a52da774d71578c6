"""Error rates and AUC from counts of rows per score bin and label, for any number of such tables at once."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..blocks import FloatArray, IntArray

METRICS: Final = ("fpr", "fnr", "tpr", "tnr", "precision", "selection_rate", "accuracy", "auc")
"""Metrics of a slice, in the order of the last axis of `all_metrics`."""


def all_metrics(counts: IntArray, cuts: IntArray) -> FloatArray:
    """Every metric at every threshold.

    Parameters
    ----------
    counts
        Rows, shape (..., bins, 2): score bins ascending; negatives, then positives.
    cuts
        For each of T thresholds the first bin whose scores reach it, shape (T,).

    Returns
    -------
    ndarray
        Shape (..., T, len(METRICS)); NaN where a rate has nothing under its line. The AUC takes scores in one bin
        as tied.
    """
    above = np.cumsum(counts[..., ::-1, :], axis=-2)[..., ::-1, :]
    above = np.concatenate((above, np.zeros_like(above[..., :1, :])), axis=-2)
    negatives, positives = above[..., :1, 0], above[..., :1, 1]
    false_positive, true_positive = above[..., cuts, 0], above[..., cuts, 1]
    selected = false_positive + true_positive
    right = true_positive + negatives - false_positive
    area = binned_auc(counts)[..., None]
    columns = (
        _ratio(false_positive, negatives),
        _ratio(positives - true_positive, positives),
        _ratio(true_positive, positives),
        _ratio(negatives - false_positive, negatives),
        _ratio(true_positive, selected),
        _ratio(selected, negatives + positives),
        _ratio(right, negatives + positives),
        np.broadcast_to(area, selected.shape),
    )
    return np.stack(columns, axis=-1)


def binned_auc(counts: IntArray) -> FloatArray:
    """Area under the ROC curve with ties inside bins, of (..., bins, 2) counts: shape (...)."""
    negative, positive = counts[..., 0].astype(np.float64), counts[..., 1].astype(np.float64)
    below = np.cumsum(negative, axis=-1) - negative / 2
    pairs = np.einsum("...b,...b->...", positive, below)
    return _ratio(pairs, negative.sum(axis=-1) * positive.sum(axis=-1))


def _ratio(part: FloatArray | IntArray, whole: FloatArray | IntArray) -> FloatArray:
    unknown = np.full(np.broadcast_shapes(part.shape, whole.shape), np.nan)
    np.divide(part, whole, out=unknown, where=whole > 0)
    return unknown
