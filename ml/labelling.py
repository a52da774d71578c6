"""What the label of the training rows is, found out over all parts."""

from __future__ import annotations

from functools import reduce

import pyarrow as pa

from ..engine.runners import Part, Parts
from .errors import FitError
from .features import Features
from .preprocessing.categories import CategoryCounts
from .rows import rows_of
from .target import MAX_CLASSES, Facts, TargetKind, check_facts, merge_facts, order_classes, task_of


def learn_target(parts: Parts, features: Features, *, classify: bool) -> TargetKind:
    """Find out what the label of the training rows is, and keep each part's `Target` with it as ``target``.

    Parameters
    ----------
    parts, features
        The rows, and the columns' roles.
    classify
        Whether the label's values are classes, to be found here.

    Raises
    ------
    FitError
        When a label or weight is null, the label has one class or far too many, or no row has weight.
    ConfigError
        When ``features.positive`` is not one of two classes.
    TypeMismatch
        When numbers are needed and the label has none.
    """
    facts = reduce(merge_facts, parts.map(_facts, features, classify))
    check_facts(facts, features)
    classes = None if facts.labels is None else _find_classes(facts.labels, features)
    parts.map(_keep_target, features, classes)
    return TargetKind(task=task_of(classes), classes=classes, rows=facts.rows)


def _facts(part: Part, features: Features, classify: bool) -> Facts:  # noqa: FBT001 - called by position
    return rows_of(part).facts(features, classify=classify)


def _keep_target(part: Part, features: Features, classes: pa.Array | None) -> None:
    rows_of(part).keep_target(features, classes)


def _find_classes(found: CategoryCounts, features: Features) -> pa.Array:
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
