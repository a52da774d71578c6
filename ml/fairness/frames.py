"""Fairness slices of a scored frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa

from ...engine.errors import ConfigError, TypeMismatch
from ...engine.frame import DataFrame
from ..errors import FitError
from ..preprocessing.categories import CodeArray, count_categories
from ..target import label_codes, order_classes
from .audit import SliceOptions, audit_arrays
from .rates import METRICS
from .table import Attribute, SlicesTable

_OWN_COLUMNS = {"slice", "n", "positives", "threshold", "note", *METRICS}


def slices(
    scored: DataFrame,
    *,
    label: str,
    score: str = "score",
    by: Sequence[str],
    intersections: int = 1,
    thresholds: Sequence[float] = (0.5,),
    ci: Literal["bootstrap"] | None = "bootstrap",
    n_boot: int = 1000,
    level: float = 0.95,
    min_count: int = 30,
    seed: int = 0,
    positive: object = None,
) -> SlicesTable:
    """Measure error rates, selection and AUC per slice of scored rows; runs the plan once.

    Parameters
    ----------
    scored
        Rows with the label, the score and the attributes; no other column is read.
    label
        Column of two values.
    score
        Column of scores, greater for more positive, such as `Model.predict` adds.
    by
        Attributes to slice by; null is a value like any other. Use few-valued ones: cut ages into bands first.
    intersections
        Attributes combined at most.
    thresholds
        Scores at or above a threshold count as selected.
    ci
        ``bootstrap`` for percentile intervals (each slice's rows resampled), or None.
    n_boot, level, seed
        Replicates, confidence level and seed of the bootstrap.
    min_count
        Slices of fewer rows are listed with their counts but without metrics.
    positive
        The label's positive value; by default the greater.

    Returns
    -------
    SlicesTable
        A small table; see there for its columns, gaps and plots.

    Raises
    ------
    ColumnNotFound, TypeMismatch, ConfigError
        When a column is missing or of the wrong type, or an option out of range.
    FitError
        When there are no rows, a label or score is missing, or the label has other than two values.
    """
    options = SliceOptions(
        thresholds=tuple(thresholds),
        intersections=intersections,
        ci=ci,
        n_boot=n_boot,
        level=level,
        seed=seed,
        min_count=min_count,
    )
    names = _attributes(scored, by, label, score)
    table: pa.Table = scored.select(*dict.fromkeys([label, score, *names])).collect()
    if table.num_rows == 0:
        raise FitError("there are no rows to audit")
    column = table[score]
    if column.null_count:
        raise FitError(f"score {score!r} is null in {column.null_count:,} rows; fill or drop them before the audit")
    kind = column.type if pa.types.is_floating(column.type) else pa.float64()
    return audit_arrays(
        [_encoded(table, name) for name in names],
        column.cast(kind).to_numpy(),
        _is_positive(table[label], label, positive),
        options,
        threads=scored.session.threads,
    )


def _attributes(scored: DataFrame, by: Sequence[str], label: str, score: str) -> list[str]:
    if isinstance(by, str):
        raise ConfigError(f'by must be a list of column names: ["{by}"] instead of "{by}"')
    names = list(dict.fromkeys(by))
    if not names:
        raise ConfigError("by names no column; name the attributes to slice by")
    for name in (label, *names):
        if scored.schema[name].dtype.is_nested:
            raise TypeMismatch(f"column {name!r} is {scored.schema[name].dtype}; it has no values to slice by")
    if not scored.schema[score].dtype.is_numeric:
        raise TypeMismatch(f"score {score!r} is {scored.schema[score].dtype}, not a number")
    taken = [name for name in names if name in _OWN_COLUMNS]
    if taken:
        raise ConfigError(f"attribute {taken[0]!r} has the name of a column of the result; rename it first")
    return names


def _encoded(table: pa.Table, name: str) -> tuple[Attribute, CodeArray]:
    column = table[name]
    categories = count_categories(column.chunks, column.type).categories(name)
    codes = [categories.encode(chunk, unknown="error") for chunk in column.chunks]
    values = categories.values
    if categories.has_null:
        values = pa.concat_arrays([values, pa.nulls(1, values.type)])
    return Attribute(name=name, values=values), np.concatenate(codes)


def _is_positive(column: pa.ChunkedArray, label: str, positive: object) -> np.ndarray:
    found = count_categories(column.chunks, column.type)
    if found.nulls:
        raise FitError(f"label {label!r} is null in {found.nulls:,} rows; drop them first: frame.dropna({label!r})")
    classes = order_classes(found.values, label, positive)
    if len(classes) != 2:
        raise FitError(f"label {label!r} has {len(classes)} distinct values; slices need a label of two")
    return np.asarray(label_codes(column, label, classes) == 1)
