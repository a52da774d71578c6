"""Slices of a scored table: which rows share the values of some attributes, and how their scores are spread.

One pass counts rows per finest cell (all attributes at once), score bin and label; every slice is a sum of cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ..blocks import FloatArray, IntArray
from ..metrics.ranking import sorted_group_auc
from ..preprocessing.categories import CodeArray

AUC_BINS = 64
"""Score quantiles that stand for the scores when the AUC is resampled; its point value is exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slices:
    """All slices of a table.

    Parameters
    ----------
    members
        One tuple per slice: (attribute number, category code) pairs, empty for the whole table.
    counts
        Rows per slice, score bin and label, shape (slices, bins, 2).
    auc
        Exact area under the ROC curve, shape (slices,).
    cuts
        For each threshold the first bin whose scores reach it, shape (T,).
    """

    members: tuple[tuple[tuple[int, int], ...], ...]
    counts: IntArray
    auc: FloatArray
    cuts: IntArray


def count_slices(
    codes: Sequence[CodeArray],
    score: npt.NDArray[np.floating],
    positive: npt.NDArray[np.bool_],
    thresholds: Sequence[float],
    *,
    intersections: int,
) -> Slices:
    """Count every slice by up to ``intersections`` attributes together.

    Parameters
    ----------
    codes
        For each attribute the category number of every row, shape (n,), not negative.
    score, positive
        Scores and whether the row's label is positive, shape (n,).
    thresholds
        Scores at or above a threshold are selected.
    intersections
        Attributes used together at most; 0 gives the whole table alone.
    """
    edges = _edges(score, thresholds)
    bins = np.searchsorted(edges, score, side="right")
    cells, cell_of = _finest_cells(codes, len(score))
    width = len(edges) + 1
    flat = np.bincount((cell_of * width + bins) * 2 + positive, minlength=len(cells) * width * 2)
    cube = flat.reshape(len(cells), width, 2)
    order = np.argsort(score)
    sorted_cell, sorted_score, sorted_positive = cell_of[order], score[order], positive[order]
    members: list[tuple[tuple[int, int], ...]] = []
    counts: list[IntArray] = []
    areas: list[FloatArray] = []
    for size in range(min(intersections, len(codes)) + 1):
        for chosen in combinations(range(len(codes)), size):
            values, group_of = np.unique(cells[:, chosen], axis=0, return_inverse=True)
            members += [tuple(zip(chosen, map(int, row), strict=True)) for row in values]
            summed = np.zeros((len(values), width, 2), dtype=np.int64)
            np.add.at(summed, group_of.reshape(-1), cube)
            counts.append(summed)
            kind = np.dtype(np.uint16 if len(values) <= 1 << 16 else np.int64)
            group: npt.NDArray[np.integer] = group_of.reshape(-1).astype(kind)[sorted_cell]
            by_group = np.argsort(group, kind="stable")  # a radix sort on 16 bits
            areas.append(
                sorted_group_auc(group[by_group], sorted_score[by_group], sorted_positive[by_group], len(values))
            )
    return Slices(
        members=tuple(members),
        counts=np.concatenate(counts),
        auc=np.concatenate(areas),
        cuts=np.searchsorted(edges, np.asarray(thresholds)) + 1,
    )


def _edges(score: npt.NDArray[np.floating], thresholds: Sequence[float]) -> FloatArray:
    """Bin edges: the thresholds, so that rates are exact, and quantiles of the scores for the AUC."""
    if len(score) == 0:
        return np.unique(np.asarray(thresholds, dtype=np.float64))
    inner = np.linspace(0, 1, AUC_BINS + 1)[1:-1]
    quantiles = np.quantile(score, inner, method="higher").astype(np.float64)
    return np.union1d(quantiles, np.asarray(thresholds, dtype=np.float64))


def _finest_cells(codes: Sequence[CodeArray], rows: int) -> tuple[IntArray, IntArray]:
    """Distinct combinations of all attributes, shape (cells, attributes), and the cell of each row."""
    cells = np.zeros((1, 0), dtype=np.int64)
    cell_of = np.zeros(rows, dtype=np.int64)
    for code in codes:
        width = int(code.max(initial=0)) + 1
        joint = cell_of * width + code
        used = np.flatnonzero(np.bincount(joint, minlength=len(cells) * width))
        dense = np.zeros(len(cells) * width, dtype=np.int64)
        dense[used] = np.arange(len(used))
        cells = np.column_stack((cells[used // width], used % width))
        cell_of = dense[joint]
    return cells, cell_of
