"""What is learned about the features: statistics of the parts of the training rows, merged.

Every part writes its rows into its own matrix on the way, so that a step learns from what the steps before have made.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import pyarrow as pa

from ..engine.errors import ConfigError, suggestion
from ..engine.runners import Part, Parts
from .blocks import FloatArray, IntArray
from .errors import FitError
from .features import Features
from .handoff import FloatName
from .preparation import FittedEncoder, NumericStep, Preparation
from .preprocessing.categories import Categories, CategoryCounts, merge_counts
from .preprocessing.impute import (
    NumericFill,
    ValueCounts,
    merge_values,
    most_frequent,
    order_statistics,
)
from .preprocessing.moments import ColumnMoments, merge_columns
from .preprocessing.scale import Scaling, min_max_scaling, standard_scaling
from .rows import rows_of
from .transformers import Encoder, FeatureKind, MinMaxScaler, Scaler, SimpleImputer, StandardScaler, Transformer

_SORTED_COLUMNS = 8
"""Columns of which a part keeps a sorted copy at a time, while their medians are found."""


def fit_preparation(
    parts: Parts, features: Features, steps: Sequence[Transformer], *, default_encoder: Encoder, dtype: FloatName
) -> Preparation:
    """Learn from the training rows, and leave each part's matrix with it; see `TrainingRows`.

    Parameters
    ----------
    parts
        All training rows.
    features, steps
        The columns and the configured transformers, in order.
    default_encoder
        For categorical features that no step encodes.
    dtype
        Type of the matrix.

    Raises
    ------
    ConfigError
        When a step names a column that is no feature of its kind, or comes too late.
    FitError
        When a step finds nothing to learn from.
    """
    encoders = _fit_encoders(parts, features, steps, default_encoder)
    empty = Preparation(features=features, steps=(), encoders=encoders, dtype=dtype)
    parts.map(_begin_matrix, empty, not steps)
    fitted: list[NumericStep] = []
    for step in steps:
        chosen = _chosen(step, features, "numeric")
        if isinstance(step, SimpleImputer) and chosen:
            fitted.append(_fit_numeric_imputer(step, parts, features, chosen))
        elif isinstance(step, StandardScaler | MinMaxScaler) and chosen:
            fitted.append(_fit_scaler(step, reduce(merge_columns, parts.map(_moments)), features, chosen))
        else:
            continue
        parts.map(_apply_step, fitted[-1])
    preparation = Preparation(features=features, steps=tuple(fitted), encoders=encoders, dtype=dtype)
    parts.map(_finish_matrix, preparation)
    return preparation


# --- on each part


def _begin_matrix(part: Part, empty: Preparation, adopt: bool) -> None:  # noqa: FBT001 - called by position
    rows_of(part).begin(empty, adopt=adopt)


def _apply_step(part: Part, step: NumericStep) -> None:
    rows_of(part).apply(step)


def _finish_matrix(part: Part, preparation: Preparation) -> None:
    rows_of(part).finish(preparation)


def _moments(part: Part) -> ColumnMoments:
    return rows_of(part).moments()


def _count_values(part: Part, places: Sequence[int]) -> list[ValueCounts]:
    return rows_of(part).count_values(places)


def _sort_columns(part: Part, places: Sequence[int]) -> IntArray:
    return rows_of(part).sort_columns(places)


def _count_up_to(part: Part, bounds: FloatArray) -> IntArray:
    return rows_of(part).count_up_to(bounds)


def _count_each(part: Part, names: Sequence[str]) -> list[CategoryCounts]:
    return rows_of(part).count_each(names)


# --- for all parts


def _fit_scaler(step: Scaler, moments: ColumnMoments, features: Features, chosen: Sequence[str]) -> Scaling:
    scaling = standard_scaling(moments) if isinstance(step, StandardScaler) else min_max_scaling(moments)
    used = np.isin(np.asarray(features.numeric), np.asarray(chosen))
    return Scaling(shift=np.where(used, scaling.shift, 0.0), scale=np.where(used, scaling.scale, 1.0))


def _fit_numeric_imputer(step: SimpleImputer, parts: Parts, features: Features, chosen: Sequence[str]) -> NumericFill:
    places = [features.numeric.index(name) for name in chosen]
    values = np.full(len(features.numeric), np.nan)  # NaN for NaN leaves the other columns as they are
    match step.strategy:
        case "constant":
            values[places] = float(step.fill_value) if step.fill_value is not None else 0.0
        case "mean":
            moments = reduce(merge_columns, parts.map(_moments))
            values[places] = np.where(moments.count > 0, moments.mean, np.nan)[places]
        case "median":
            for first in range(0, len(places), _SORTED_COLUMNS):
                some = places[first : first + _SORTED_COLUMNS]
                values[some] = _medians(parts, some)
        case "most_frequent":
            counted = reduce(_merge_values, parts.map(_count_values, places))
            values[places] = list(map(most_frequent, counted))
    for name, place in zip(chosen, places, strict=True):
        if np.isnan(values[place]):
            raise FitError(
                f'cannot impute {name!r}: every value is missing; drop the column or use strategy="constant"'
            )
    return NumericFill(values=values)


def _medians(parts: Parts, places: Sequence[int]) -> FloatArray:
    """Return the middle value of columns, or the mean of the two in the middle; NaN for a column without values."""
    number = reduce(np.add, parts.map(_sort_columns, places))
    ranks = np.maximum(np.concatenate(((number - 1) // 2, number // 2)), 0)
    found = order_statistics(lambda bounds: reduce(np.add, parts.map(_count_up_to, bounds)), ranks)
    return np.where(number > 0, found.reshape(2, -1).mean(axis=0), np.nan)


def _merge_values(a: Sequence[ValueCounts], b: Sequence[ValueCounts]) -> list[ValueCounts]:
    return list(map(merge_values, a, b))


def _fit_encoders(
    parts: Parts, features: Features, steps: Sequence[Transformer], default: Encoder
) -> tuple[FittedEncoder, ...]:
    imputer_of: dict[str, SimpleImputer] = {}
    encoder_of: dict[str, Encoder] = {}
    for step in steps:
        for name in _chosen(step, features, "categorical"):
            if isinstance(step, SimpleImputer):
                if name in encoder_of:
                    raise ConfigError(f"SimpleImputer comes after the encoder of {name!r}; put it before")
                imputer_of.setdefault(name, step)
            elif isinstance(step, StandardScaler | MinMaxScaler):
                continue
            elif name not in encoder_of:
                encoder_of[name] = step
            elif step.columns is not None:
                raise ConfigError(f"feature {name!r} is encoded twice; name it in one encoder only")
    fitted = []
    counted = reduce(_merge_each, parts.map(_count_each, features.categorical))
    for name, counts in zip(features.categorical, counted, strict=True):
        encoder = encoder_of.get(name, default)
        categories = _fit_categories(counts, name, imputer_of.get(name))
        if len(categories) == 0:
            raise FitError(f"categorical feature {name!r} has no category to learn from")
        fitted.append(FittedEncoder(categories=categories, one_hot=encoder.one_hot, unknown=encoder.unknown))
    return tuple(fitted)


def _merge_each(a: Sequence[CategoryCounts], b: Sequence[CategoryCounts]) -> list[CategoryCounts]:
    return list(map(merge_counts, a, b))


def _fit_categories(counts: CategoryCounts, name: str, imputer: SimpleImputer | None) -> Categories:
    if imputer is None:
        return counts.categories(name)
    fill = counts.most_frequent
    if imputer.strategy == "constant":
        try:
            fill = pa.scalar(imputer.fill_value, counts.values.type)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            raise ConfigError(
                f"SimpleImputer: fill_value {imputer.fill_value!r} does not fit {name!r}, which is {counts.values.type}"
            ) from None
    if fill is None:
        raise FitError(f'cannot impute {name!r}: every value is missing; drop it or use strategy="constant"')
    return counts.filled_categories(name, fill)


def _chosen(step: Transformer, features: Features, kind: FeatureKind) -> tuple[str, ...]:
    """Features of one kind that a step works on.

    Raises
    ------
    ConfigError
        When the step names a column that it cannot work on.
    """
    kinds = _kinds(step)
    if step.columns is not None:
        able = [name for one in kinds for name in getattr(features, one)]
        for name in step.columns:
            if name not in able:
                raise ConfigError(
                    f"{type(step).__name__} names {name!r}, which is no {' or '.join(kinds)} feature"
                    f"{suggestion(name, able)}"
                )
    if kind not in kinds:
        return ()
    names: tuple[str, ...] = getattr(features, kind)
    return names if step.columns is None else tuple(name for name in names if name in step.columns)


def _kinds(step: Transformer) -> tuple[FeatureKind, ...]:
    if isinstance(step, StandardScaler | MinMaxScaler):
        return ("numeric",)
    if not isinstance(step, SimpleImputer):
        return ("categorical",)
    if step.strategy == "most_frequent":
        return ("numeric", "categorical")
    return ("categorical",) if isinstance(step.fill_value, str) else ("numeric",)
