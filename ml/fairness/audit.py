"""Fairness slices of scored rows held as arrays: validate, count, measure, put bounds on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ...engine.errors import ConfigError
from ..errors import FitError
from ..preprocessing.categories import CodeArray
from .bootstrap import Bootstrap
from .counting import count_slices
from .rates import METRICS, all_metrics
from .table import Attribute, Audit, SlicesTable


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceOptions:
    """What to measure.

    Parameters
    ----------
    thresholds
        Scores at or above a threshold count as selected; at least one.
    intersections
        Attributes combined at most; 1 looks at each alone.
    ci
        ``bootstrap`` for percentile intervals, or None for none.
    n_boot, level, seed
        Replicates, confidence level and seed of the bootstrap.
    min_count
        Slices of fewer rows are listed without metrics.

    Raises
    ------
    ConfigError
        When a value is out of its range.
    """

    thresholds: tuple[float, ...] = (0.5,)
    intersections: int = 1
    ci: Literal["bootstrap"] | None = "bootstrap"
    n_boot: int = 1000
    level: float = 0.95
    seed: int = 0
    min_count: int = 30

    def __post_init__(self) -> None:
        if not self.thresholds or not np.isfinite(self.thresholds).all():
            raise ConfigError(f"thresholds must be one or more finite numbers, not {list(self.thresholds)}")
        if len(set(self.thresholds)) < len(self.thresholds):
            raise ConfigError(f"thresholds must differ from each other: {list(self.thresholds)}")
        if self.intersections < 1:
            raise ConfigError(f"intersections must be at least 1, not {self.intersections}")
        if self.ci not in ("bootstrap", None):
            raise ConfigError(f'ci must be "bootstrap" or None, not {self.ci!r}')
        if self.n_boot < 1:
            raise ConfigError(f"n_boot must be at least 1, not {self.n_boot}")
        if not 0 < self.level < 1:
            raise ConfigError(f"level must lie between 0 and 1, not {self.level}")
        if self.seed < 0:
            raise ConfigError(f"seed must not be negative, not {self.seed}")
        if self.min_count < 0:
            raise ConfigError(f"min_count must not be negative, not {self.min_count}")


def audit_arrays(
    attributes: Sequence[tuple[Attribute, CodeArray]],
    score: npt.NDArray[np.floating],
    positive: npt.NDArray[np.bool_],
    options: SliceOptions,
    *,
    threads: int = 1,
) -> SlicesTable:
    """Measure every slice of scored rows.

    Parameters
    ----------
    attributes
        What to slice by: name and categories, and each row's category number, shape (n,).
    score, positive
        Scores and whether the row's label is positive, shape (n,).
    options
        What to measure.
    threads
        Slices resampled at the same time; the result does not depend on it.

    Raises
    ------
    FitError
        When there are no rows, or a score is missing.
    """
    if len(score) == 0:
        raise FitError("there are no rows to audit")
    if np.isnan(score).any():
        raise FitError("a score is missing (null or NaN); fill or drop such rows before the audit")
    slices = count_slices(
        [codes for _, codes in attributes],
        score,
        positive,
        options.thresholds,
        intersections=options.intersections,
    )
    value = all_metrics(slices.counts, slices.cuts)
    value[..., METRICS.index("auc")] = slices.auc[:, None]
    enough = slices.counts.sum(axis=(1, 2)) >= max(options.min_count, 1)
    value[~enough] = np.nan
    low = high = bootstrap = None
    if options.ci == "bootstrap":
        bootstrap = Bootstrap(n_boot=options.n_boot, level=options.level, seed=options.seed)
        low, high = np.full_like(value, np.nan), np.full_like(value, np.nan)
        low[enough], high[enough] = bootstrap.intervals(
            slices, [int(i) for i in np.flatnonzero(enough)], threads=threads
        )
    return SlicesTable(
        Audit(
            attributes=tuple(attribute for attribute, _ in attributes),
            thresholds=options.thresholds,
            slices=slices,
            value=value,
            low=low,
            high=high,
            min_count=options.min_count,
            bootstrap=bootstrap,
        )
    )
