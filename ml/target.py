"""The label and the weights of training rows as arrays, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..engine.errors import ConfigError, TypeMismatch
from .blocks import FloatArray
from .errors import FitError
from .features import Features
from .preprocessing.categories import count_categories

Task: TypeAlias = Literal["regression", "binary", "multiclass"]

MAX_CLASSES = 100
"""More distinct values than this in a label are taken for a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is to be predicted.

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


def read_target(
    table: pa.Table, features: Features, *, classify: bool = False, classes: pa.Array | None = None
) -> Target:
    """Take label and weights from rows.

    Parameters
    ----------
    table, features
        The rows, and the columns' roles.
    classify
        Whether the label's values are classes, to be found here.
    classes
        Classes that are already known, in order.

    Raises
    ------
    FitError
        When a label or weight is null, the label has one class or far too many, or no row has weight.
    ConfigError
        When ``features.positive`` is not one of two classes.
    TypeMismatch
        When numbers are needed and the label has none.
    """
    column = table[features.label]
    if column.null_count:
        raise FitError(
            f"label {features.label!r} is null in {column.null_count:,} of {len(column):,} rows; "
            f"drop them first: frame.dropna({features.label!r})"
        )
    w = _read_weights(table, features.weight)
    if classes is not None:
        return _with_classes(column, features, w, classes)
    if classify:
        return _with_classes(column, features, w, _find_classes(column, features))
    if not _is_number(column.type):
        raise TypeMismatch(f"label {features.label!r} is {column.type}; regression needs a number")
    return Target(task="regression", y=_numbers(column, f"label {features.label!r}"), w=w, classes=None)


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


def _with_classes(column: pa.ChunkedArray, features: Features, w: FloatArray | None, classes: pa.Array) -> Target:
    y = label_codes(column, features.label, classes).astype(np.float64)
    return Target(task="binary" if len(classes) == 2 else "multiclass", y=y, w=w, classes=classes)


def _find_classes(column: pa.ChunkedArray, features: Features) -> pa.Array:
    found = count_categories(column.chunks, column.type)
    values = found.values
    if found.nulls:
        raise FitError(f"label {features.label!r} is NaN in {found.nulls:,} rows; drop them first")
    if len(values) < 2:
        only = f" ({values[0].as_py()!r})" if len(values) else ""
        raise FitError(f"label {features.label!r} has one class only{only}; a classifier needs two")
    if len(values) > MAX_CLASSES:
        raise FitError(
            f"label {features.label!r} has {len(values):,} distinct values, more than {MAX_CLASSES} classes; "
            'for numbers use a regression: Ridge, or GradientBoosting(task="regression")'
        )
    return order_classes(values, features.label, features.positive)


def _read_weights(table: pa.Table, name: str | None) -> FloatArray | None:
    if name is None:
        return None
    column = table[name]
    if column.null_count:
        raise FitError(f"weight {name!r} is null in {column.null_count:,} rows; fill or drop them first")
    weights = _numbers(column, f"weight {name!r}")
    if weights.min(initial=0.0) < 0:
        raise FitError(f"weight {name!r} is negative in {int((weights < 0).sum()):,} rows; weights must not be")
    if not weights.any():
        raise FitError(f"weight {name!r} is zero in every row")
    return weights


def _numbers(column: pa.ChunkedArray, what: str) -> FloatArray:
    plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    values = np.asarray(plain.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    odd = ~np.isfinite(values)
    if odd.any():
        raise FitError(f"{what} is NaN or infinite in {int(odd.sum()):,} rows; drop them first")
    return values


def _is_number(kind: pa.DataType) -> bool:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_integer(plain)
        or pa.types.is_floating(plain)
        or pa.types.is_decimal(plain)
        or pa.types.is_boolean(plain)
    )
