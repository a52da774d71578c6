"""The label and the weights of training rows as arrays, checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..engine.errors import ConfigError, TypeMismatch
from .blocks import FloatArray
from .errors import FitError
from .features import Features
from .preprocessing.categories import CategoryCounts, count_categories, merge_counts

Task: TypeAlias = Literal["regression", "binary", "multiclass"]

MAX_CLASSES = 100
"""More distinct values than this in a label are taken for a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetKind:
    """What is to be predicted.

    Parameters
    ----------
    task
        What kind of label it is.
    classes
        The label's values in order of their numbers; for two, the positive one is last. None in regression.
    rows
        Training rows.
    """

    task: Task
    classes: pa.Array | None
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Labels and weights of some rows.

    Parameters
    ----------
    task
        What kind of label it is.
    y
        Numbers, or class numbers 0 … K-1, shape (n,).
    w
        Weights, shape (n,), or None.
    classes
        The label's values in order of their numbers; for two, the positive one is last. None in regression.
    """

    task: Task
    y: FloatArray
    w: FloatArray | None
    classes: pa.Array | None


def read_target(table: pa.Table, features: Features, *, classes: pa.Array | None) -> Target:
    """Take label and weights from rows; ``classes``, in order, are those of a model, None for a regression.

    Raises
    ------
    FitError
        When a label or weight is null or none of the classes, or no row has weight.
    TypeMismatch
        When numbers are needed and the label has none.
    """
    check_facts(facts_of(table, features, numeric=classes is None, classify=False), features)
    return target_of(table, features, classes)


def label_codes(column: pa.ChunkedArray, label: str, classes: pa.Array) -> npt.NDArray[np.int64]:
    """Class number of every row of a label column, shape (n,).

    Raises
    ------
    FitError
        When a label is null or none of the classes.
    """
    column = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    codes = pc.index_in(column.cast(classes.type), value_set=classes)
    if codes.null_count:
        value = column.filter(pc.is_null(codes))[0].as_py()
        known = ", ".join(repr(known) for known in classes.to_pylist()[:5])
        raise FitError(f"label {label!r} holds {value!r}, which is none of the model's classes ({known})")
    return np.asarray(codes.combine_chunks().to_numpy(zero_copy_only=False), dtype=np.int64)


def order_classes(values: pa.Array, label: str, positive: object) -> pa.Array:
    """Put the positive one of two classes last; by default the greater.

    Raises
    ------
    ConfigError
        When there are not two classes, or ``positive`` is neither.
    """
    if positive is None:
        return values
    known = values.to_pylist()
    if len(known) != 2 or positive not in known:
        shown = ", ".join(repr(value) for value in known[:5])
        raise ConfigError(f"positive={positive!r} is not one of two values of {label!r}; it holds {shown}")
    return values.take(pa.array([1 - known.index(positive), known.index(positive)]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What has to be known of labels and weights before they are used: numbers of rows, and the label's values."""

    rows: int
    null_labels: int
    odd_labels: int
    null_weights: int = 0
    odd_weights: int = 0
    negative: int = 0
    weighted: int = 1
    labels: CategoryCounts | None = None


def facts_of(table: pa.Table, features: Features, *, numeric: bool, classify: bool) -> Facts:
    """Return what has to be known of the rows of a table; its label must be ``numeric``, or is to be classified."""
    label = table[features.label]
    if numeric and not _is_number(label.type):
        raise TypeMismatch(f"label {features.label!r} is {label.type}; regression needs a number")
    facts = Facts(
        rows=len(label),
        null_labels=label.null_count,
        odd_labels=int((~np.isfinite(_floats(label))).sum()) if numeric else 0,
        labels=count_categories(label.chunks, label.type) if classify else None,
    )
    if features.weight is None:
        return facts
    column = table[features.weight]
    weights = _floats(column)
    return replace(
        facts,
        null_weights=column.null_count,
        odd_weights=int((~np.isfinite(weights)).sum()),
        negative=int((weights < 0).sum()),
        weighted=int((weights != 0).sum()),
    )


def merge_facts(a: Facts, b: Facts) -> Facts:
    """Return the facts of two disjoint sets of rows together."""
    labels = None if a.labels is None or b.labels is None else merge_counts(a.labels, b.labels)
    return Facts(
        rows=a.rows + b.rows,
        null_labels=a.null_labels + b.null_labels,
        odd_labels=a.odd_labels + b.odd_labels,
        null_weights=a.null_weights + b.null_weights,
        odd_weights=a.odd_weights + b.odd_weights,
        negative=a.negative + b.negative,
        weighted=a.weighted + b.weighted,
        labels=labels,
    )


def check_facts(facts: Facts, features: Features) -> None:
    """Raise `FitError` where labels or weights cannot be used."""
    label, weight = f"label {features.label!r}", f"weight {features.weight!r}"
    if facts.null_labels:
        raise FitError(
            f"{label} is null in {facts.null_labels:,} of {facts.rows:,} rows; "
            f"drop them first: frame.dropna({features.label!r})"
        )
    if facts.null_weights:
        raise FitError(f"{weight} is null in {facts.null_weights:,} rows; fill or drop them first")
    for what, odd in ((label, facts.odd_labels), (weight, facts.odd_weights)):
        if odd:
            raise FitError(f"{what} is NaN or infinite in {odd:,} rows; drop them first")
    if facts.negative:
        raise FitError(f"{weight} is negative in {facts.negative:,} rows; weights must not be")
    if not facts.weighted:
        raise FitError(f"{weight} is zero in every row")


def target_of(table: pa.Table, features: Features, classes: pa.Array | None) -> Target:
    """Return label and weights, which have been checked."""
    label = table[features.label]
    y = _floats(label) if classes is None else label_codes(label, features.label, classes).astype(np.float64)
    w = None if features.weight is None else _floats(table[features.weight])
    return Target(task=task_of(classes), y=y, w=w, classes=classes)


def task_of(classes: pa.Array | None) -> Task:
    """Return what kind of label it is whose classes these are."""
    if classes is None:
        return "regression"
    return "binary" if len(classes) == 2 else "multiclass"


def _floats(column: pa.ChunkedArray) -> FloatArray:
    plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    return np.asarray(plain.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)


def _is_number(kind: pa.DataType) -> bool:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_integer(plain)
        or pa.types.is_floating(plain)
        or pa.types.is_decimal(plain)
        or pa.types.is_boolean(plain)
    )
