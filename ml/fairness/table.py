"""The table that a fairness audit returns, and the gaps between its slices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ...engine.errors import ConfigError, suggestion
from ..blocks import FloatArray
from .bootstrap import Bootstrap
from .counting import Slices
from .rates import METRICS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """An attribute that slices are made by: its name and its categories' values (Arrow; null allowed)."""

    name: str
    values: pa.Array

    def text(self, code: int) -> str:
        """``name=value`` of a category; null is written ``null``."""
        value = self.values[code].as_py()
        return f"{self.name}={'null' if value is None else value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Everything measured: slices with their counts, and metrics (slices, T, len(METRICS)) with bounds.

    ``low`` and ``high`` are None without intervals. Rows of slices that are too small are NaN throughout.
    """

    attributes: tuple[Attribute, ...]
    thresholds: tuple[float, ...]
    slices: Slices
    value: FloatArray
    low: FloatArray | None
    high: FloatArray | None
    min_count: int
    bootstrap: Bootstrap | None


class SlicesTable:
    """Metrics per slice and threshold: a small table with pictures and gaps.

    Columns: ``slice`` (text; ``all`` for the whole table), one column per attribute (null where the slice does not use
    it, or where its value is null: the text tells them apart), ``n``, ``positives``, ``threshold``, then each metric
    of ``fpr, fnr, tpr, tnr, precision, selection_rate, accuracy, auc`` followed by its ``_low`` and ``_high`` (null
    without intervals), and ``note``.

    Every slice that occurs has a row. Metrics are null in slices of fewer than ``min_count`` rows, and a single metric
    is null where it has nothing under its line (no negatives for ``fpr``); ``note`` then says why.
    """

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._table = _build_table(audit)

    def to_arrow(self) -> pa.Table:
        """Return the table as Arrow."""
        return self._table

    def to_pandas(self) -> pd.DataFrame:
        """Return the table as pandas; null numbers become NaN."""
        frame: pd.DataFrame = self._table.to_pandas()
        return frame

    def difference(self, metric: str) -> pd.DataFrame:
        """Largest less smallest value of a metric between the slices of each attribute and combination.

        Returns
        -------
        pandas.DataFrame
            Columns ``by`` (such as ``SEX`` or ``SEX & RAC1P``), ``threshold``, ``difference``, ``low``, ``high``,
            ``largest`` and ``smallest`` (the slices). The interval is that of the difference of these two slices.

        Raises
        ------
        ConfigError
            When there is no such metric.
        """
        return self._gaps(metric, "difference", np.subtract)

    def ratio(self, metric: str) -> pd.DataFrame:
        """Smallest value of a metric over its largest; otherwise as `difference`, with column ``ratio``."""

        def smallest_over_largest(largest: FloatArray, smallest: FloatArray) -> FloatArray:
            with np.errstate(invalid="ignore", divide="ignore"):
                return np.asarray(smallest / largest)

        return self._gaps(metric, "ratio", smallest_over_largest)

    def plot(self, metric: str, *, threshold: float | None = None) -> Figure:
        """Draw a metric with its intervals, one line per slice.

        Parameters
        ----------
        metric
            One of the metrics.
        threshold
            One of the audit's thresholds; the first when left out.
        """
        from ..plots import ForestRow, forest_plot

        number = self._metric(metric)
        at = self._threshold(threshold)
        audit = self._audit
        rows = []
        for i, members in enumerate(audit.slices.members):
            value = float(audit.value[i, at, number])
            if np.isnan(value):
                continue
            low = float(audit.low[i, at, number]) if audit.low is not None else None
            high = float(audit.high[i, at, number]) if audit.high is not None else None
            rows.append(
                ForestRow(
                    label=slice_text(audit.attributes, members),
                    group=_by_text(audit.attributes, members),
                    count=int(audit.slices.counts[i].sum()),
                    value=value,
                    low=low,
                    high=high,
                )
            )
        title = metric if metric == "auc" else f"{metric} at threshold {audit.thresholds[at]:g}"
        return forest_plot(rows, metric=metric, title=title)

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __repr__(self) -> str:
        shown = ["slice", "n", "positives", "threshold", "fpr", "fnr", "selection_rate", "accuracy", "auc"]
        return str(self.to_pandas()[shown].to_string(float_format=lambda value: f"{value:.4g}"))

    def _repr_html_(self) -> str:
        return str(self.to_pandas().to_html())

    def _metric(self, metric: str) -> int:
        if metric not in METRICS:
            raise ConfigError(f"unknown metric {metric!r}{suggestion(metric, METRICS)}")
        return METRICS.index(metric)

    def _threshold(self, threshold: float | None) -> int:
        if threshold is None:
            return 0
        if threshold not in self._audit.thresholds:
            known = ", ".join(f"{t:g}" for t in self._audit.thresholds)
            raise ConfigError(f"the audit has no threshold {threshold:g}; it has {known}")
        return self._audit.thresholds.index(threshold)

    def _gaps(self, metric: str, name: str, combine: Callable[[FloatArray, FloatArray], FloatArray]) -> pd.DataFrame:
        import pandas as pd

        number = self._metric(metric)
        audit = self._audit
        rows = []
        for by, members in self._families():
            for at, threshold in enumerate(audit.thresholds):
                values = audit.value[members, at, number]
                row: dict[str, Any] = {"by": by, "threshold": threshold, name: np.nan}
                row |= {"low": np.nan, "high": np.nan, "largest": None, "smallest": None}
                if not np.isnan(values).all():
                    largest, smallest = members[np.nanargmax(values)], members[np.nanargmin(values)]
                    row[name] = float(combine(audit.value[largest, at, number], audit.value[smallest, at, number]))
                    row["largest"] = slice_text(audit.attributes, audit.slices.members[largest])
                    row["smallest"] = slice_text(audit.attributes, audit.slices.members[smallest])
                    if audit.bootstrap is not None and largest != smallest:
                        up = audit.bootstrap.replicates(audit.slices, largest)[:, at, number]
                        down = audit.bootstrap.replicates(audit.slices, smallest)[:, at, number]
                        low, high = audit.bootstrap.interval(combine(up, down))
                        row["low"], row["high"] = float(low), float(high)
                rows.append(row)
        return pd.DataFrame(rows, columns=["by", "threshold", name, "low", "high", "largest", "smallest"])

    def _families(self) -> Iterator[tuple[str, list[int]]]:
        """Yield slices by the same attributes, with the name of the attributes."""
        families: dict[tuple[int, ...], list[int]] = {}
        for number, members in enumerate(self._audit.slices.members):
            families.setdefault(tuple(attribute for attribute, _ in members), []).append(number)
        for attributes, numbers in families.items():
            if attributes:
                yield _by_text(self._audit.attributes, self._audit.slices.members[numbers[0]]), numbers


def slice_text(attributes: Sequence[Attribute], members: tuple[tuple[int, int], ...]) -> str:
    """Name of a slice: ``SEX=1 & RAC1P=2``, or ``all``."""
    return " & ".join(attributes[a].text(code) for a, code in members) or "all"


def _by_text(attributes: Sequence[Attribute], members: tuple[tuple[int, int], ...]) -> str:
    return " & ".join(attributes[a].name for a, _ in members) or "all"


def _build_table(audit: Audit) -> pa.Table:
    slices, repeat = audit.slices, len(audit.thresholds)
    totals = slices.counts.sum(axis=1)
    columns: dict[str, pa.Array] = {}
    columns["slice"] = pa.array(np.repeat([slice_text(audit.attributes, m) for m in slices.members], repeat))
    for a, attribute in enumerate(audit.attributes):
        codes = [dict(members).get(a) for members in slices.members for _ in range(repeat)]
        columns[attribute.name] = attribute.values.take(pa.array(codes, pa.int64()))
    columns["n"] = pa.array(np.repeat(totals.sum(axis=1), repeat))
    columns["positives"] = pa.array(np.repeat(totals[:, 1], repeat))
    columns["threshold"] = pa.array(np.tile(np.asarray(audit.thresholds, dtype=np.float64), len(totals)))
    rows = len(totals) * repeat
    for number, metric in enumerate(METRICS):
        columns[metric] = _nullable(audit.value[..., number])
        for suffix, bound in (("low", audit.low), ("high", audit.high)):
            column = pa.nulls(rows, pa.float64()) if bound is None else _nullable(bound[..., number])
            columns[f"{metric}_{suffix}"] = column
    notes = [_note(int(negative), int(positive), audit.min_count) for negative, positive in totals]
    columns["note"] = pa.array([note for note in notes for _ in range(repeat)], pa.string())
    return pa.table(columns)


def _nullable(values: FloatArray) -> pa.Array:
    flat = values.ravel()
    return pa.array(flat, mask=np.isnan(flat))


def _note(negatives: int, positives: int, min_count: int) -> str | None:
    if negatives + positives < min_count:
        return f"fewer than {min_count} rows"
    if positives == 0:
        return "no positive rows"
    return "no negative rows" if negatives == 0 else None
