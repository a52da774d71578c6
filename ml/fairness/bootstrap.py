"""Bootstrap intervals of slice metrics by resampling counts instead of rows.

Drawing n rows with replacement and counting them per (score bin, label) is one draw from a multinomial distribution,
so a replicate costs as many steps as there are bins, however many rows the slice has (Efron and Tibshirani, 1993,
section 5.4 on the multinomial view). Slices are resampled given their sizes, each from a random stream of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ..blocks import FloatArray, IntArray
from .counting import Slices
from .rates import METRICS, all_metrics

_AUC = METRICS.index("auc")
_REPLICATES_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """How to resample: replicates, confidence level in (0, 1), and seed."""

    n_boot: int = 1000
    level: float = 0.95
    seed: int = 0

    def replicates(self, slices: Slices, number: int) -> FloatArray:
        """Metrics of one slice in every replicate: shape (n_boot, T, len(METRICS)).

        The AUC of binned scores is moved by the difference of the slice's exact and binned AUC.
        """
        counts = slices.counts[number]
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, number]))
        used = counts.ravel() > 0
        share = counts.ravel()[used] / counts.sum()
        parts = []
        for start in range(0, self.n_boot, _REPLICATES_AT_ONCE):
            size = min(_REPLICATES_AT_ONCE, self.n_boot - start)
            drawn: IntArray = np.zeros((size, counts.size), dtype=np.int64)
            drawn[:, used] = rng.multinomial(counts.sum(), share, size=size)
            parts.append(all_metrics(drawn.reshape(size, *counts.shape), slices.cuts))
        values = np.concatenate(parts)
        binned = all_metrics(counts, slices.cuts)[0, _AUC]
        values[..., _AUC] += slices.auc[number] - binned
        return values

    def interval(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Percentile interval over the first axis; replicates that are NaN are left out."""
        ordered = np.sort(np.moveaxis(values, 0, -1), axis=-1)  # NaN last
        valid = (~np.isnan(ordered)).sum(axis=-1)
        tail = (1 - self.level) / 2
        return _quantile(ordered, valid, tail), _quantile(ordered, valid, 1 - tail)

    def intervals(self, slices: Slices, numbers: Sequence[int], *, threads: int = 1) -> tuple[FloatArray, FloatArray]:
        """Lower and upper bounds of the chosen slices: two arrays (len(numbers), T, len(METRICS))."""

        def bounds(number: int) -> tuple[FloatArray, FloatArray]:
            return self.interval(self.replicates(slices, number))

        with ThreadPoolExecutor(max(threads, 1)) as pool:
            found = list(pool.map(bounds, numbers))
        shape = (len(numbers), len(slices.cuts), len(METRICS))
        low = np.array([pair[0] for pair in found]).reshape(shape)
        high = np.array([pair[1] for pair in found]).reshape(shape)
        return low, high


def _quantile(ordered: FloatArray, valid: IntArray, q: float) -> FloatArray:
    """Linear quantile of the first ``valid`` entries along the last axis; NaN where there are none."""
    position = np.maximum(valid - 1, 0) * q
    floor = np.floor(position).astype(np.int64)
    ceiling = np.minimum(floor + 1, np.maximum(valid - 1, 0))
    at_floor = np.take_along_axis(ordered, floor[..., None], axis=-1)[..., 0]
    at_ceiling = np.take_along_axis(ordered, ceiling[..., None], axis=-1)[..., 0]
    result: FloatArray = at_floor + (at_ceiling - at_floor) * (position - floor)
    return result
