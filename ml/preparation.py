"""From Arrow columns to the matrix a model reads: fitted imputers, scalers and encoders in one layout.

The matrix has the numeric features first, then the columns of each categorical feature in turn. Numbers are written
where they will be read and transformed in place; encoders write their columns directly. Nothing is copied twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from ..engine.errors import ConfigError, suggestion
from .blocks import BLOCK_ROWS
from .errors import FitError
from .features import Features
from .handoff import FeatureMatrix, FloatName, Ledger
from .preprocessing.categories import Categories, UnknownPolicy, count_categories, write_one_hot, write_ordinal
from .preprocessing.impute import NumericFill, numeric_fill
from .preprocessing.moments import ColumnMoments, column_moments, merge_columns
from .preprocessing.scale import Scaling, min_max_scaling, standard_scaling
from .transformers import Encoder, FeatureKind, MinMaxScaler, Scaler, SimpleImputer, StandardScaler, Transformer

NumericStep: TypeAlias = Scaling | NumericFill


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedEncoder:
    """Categories of one feature and how they are written: one column per category, or one of numbers."""

    categories: Categories
    one_hot: bool
    unknown: UnknownPolicy

    @property
    def width(self) -> int:
        """Columns written."""
        return len(self.categories) if self.one_hot else 1

    @property
    def names(self) -> list[str]:
        """Names of the columns written."""
        name = self.categories.name
        return [f"{name}={label}" for label in self.categories.labels] if self.one_hot else [name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """Everything learned about the features; immutable, and small enough to send to every worker.

    Parameters
    ----------
    features
        The columns read.
    steps
        Applied in order to all numeric columns.
    encoders
        One per categorical feature, in order.
    dtype
        Type of the matrix.
    """

    features: Features
    steps: tuple[NumericStep, ...]
    encoders: tuple[FittedEncoder, ...]
    dtype: FloatName

    @property
    def columns(self) -> list[str]:
        """Names of the matrix's columns."""
        return [*self.features.numeric, *(name for encoder in self.encoders for name in encoder.names)]

    @property
    def owners(self) -> list[int]:
        """The number of the source feature of each column of the matrix."""
        numeric = len(self.features.numeric)
        encoded = [numeric + i for i, encoder in enumerate(self.encoders) for _ in range(encoder.width)]
        return [*range(numeric), *encoded]

    def apply(self, table: pa.Table, ledger: Ledger | None = None) -> FeatureMatrix:
        """Bring the features of a table into a matrix: where they lie if they can be read there, else a new one."""
        if not self.steps:
            shared = _shared(table, self.features, self.dtype, ledger)
            if shared is not None:
                return shared
        matrix = FeatureMatrix.allocate(table.num_rows, self.columns, self.dtype, ledger)
        numbers = _write_numbers(matrix, table, self.features)
        for step in self.steps:
            step.apply(numbers)
        self.write_categories(matrix, table)
        return matrix

    def write_categories(self, matrix: FeatureMatrix, table: pa.Table) -> None:
        """Encode the categorical features into their columns."""
        first = len(self.features.numeric)
        for encoder in self.encoders:
            target = matrix.columns(first, first + encoder.width)
            row = 0
            for chunk in table[encoder.categories.name].chunks:
                codes = encoder.categories.encode(chunk, unknown=encoder.unknown)
                rows = target[row : row + len(chunk)]
                if encoder.one_hot:
                    write_one_hot(codes, rows)
                else:
                    write_ordinal(codes, rows[:, 0])
                row += len(chunk)
            matrix.ledger.add_copied("encode", target.nbytes)
            first += encoder.width


def fit_preparation(
    table: pa.Table,
    features: Features,
    steps: Sequence[Transformer],
    *,
    default_encoder: Encoder,
    dtype: FloatName,
    ledger: Ledger,
) -> tuple[Preparation, FeatureMatrix]:
    """Learn from the training rows, and write them into their matrix on the way.

    Parameters
    ----------
    table
        All training rows.
    features, steps
        The columns and the configured transformers, in order.
    default_encoder
        For categorical features that no step encodes.
    dtype, ledger
        Type of the matrix, and where its bytes are counted.

    Raises
    ------
    ConfigError
        When a step names a column that is no feature of its kind, or comes too late.
    FitError
        When a step finds nothing to learn from.
    """
    encoders = _fit_encoders(table, features, steps, default_encoder)
    empty = Preparation(features=features, steps=(), encoders=encoders, dtype=dtype)
    shared = None if steps else _shared(table, features, dtype, ledger)
    if shared is not None:
        return empty, shared
    matrix = FeatureMatrix.allocate(table.num_rows, empty.columns, dtype, ledger)
    numbers = _write_numbers(matrix, table, features)
    fitted: list[NumericStep] = []
    for step in steps:
        chosen = _chosen(step, features, "numeric")
        if isinstance(step, SimpleImputer) and chosen:
            fitted.append(_fit_numeric_imputer(step, numbers, features, chosen))
            fitted[-1].apply(numbers)
        elif isinstance(step, StandardScaler | MinMaxScaler) and chosen:
            fitted.append(_fit_scaler(step, _moments(numbers), features, chosen))
            fitted[-1].apply(numbers)
    preparation = Preparation(features=features, steps=tuple(fitted), encoders=encoders, dtype=dtype)
    preparation.write_categories(matrix, table)
    return preparation, matrix


def _write_numbers(matrix: FeatureMatrix, table: pa.Table, features: Features) -> np.ndarray:
    for number, name in enumerate(features.numeric):
        matrix.write(0, number, table[name])
    return matrix.columns(0, len(features.numeric))


def _shared(table: pa.Table, features: Features, dtype: FloatName, ledger: Ledger | None) -> FeatureMatrix | None:
    """View the features as a matrix without copying: all numeric, of the right type, side by side in one buffer."""
    if features.categorical or any(table[name].num_chunks != 1 for name in features.numeric):
        return None
    columns = [table[name].chunk(0) for name in features.numeric]
    if any(column.type != pa.from_numpy_dtype(np.dtype(dtype)) for column in columns):
        return None
    return FeatureMatrix.adopt(columns, features.numeric, ledger)


def _moments(numbers: np.ndarray) -> ColumnMoments:
    cuts = range(0, max(len(numbers), 1), BLOCK_ROWS)
    return reduce(merge_columns, (column_moments(numbers[start : start + BLOCK_ROWS]) for start in cuts))


def _fit_scaler(step: Scaler, moments: ColumnMoments, features: Features, chosen: Sequence[str]) -> Scaling:
    scaling = standard_scaling(moments) if isinstance(step, StandardScaler) else min_max_scaling(moments)
    used = np.isin(np.asarray(features.numeric), np.asarray(chosen))
    return Scaling(shift=np.where(used, scaling.shift, 0.0), scale=np.where(used, scaling.scale, 1.0))


def _fit_numeric_imputer(
    step: SimpleImputer, numbers: np.ndarray, features: Features, chosen: Sequence[str]
) -> NumericFill:
    places = [features.numeric.index(name) for name in chosen]
    constant = float(step.fill_value) if step.fill_value is not None else 0.0
    fill = numeric_fill(numbers[:, places], chosen, strategy=step.strategy, constant=constant)
    values = np.full(len(features.numeric), np.nan)  # NaN for NaN leaves the other columns as they are
    values[places] = fill.values
    return NumericFill(values=values)


def _fit_encoders(
    table: pa.Table, features: Features, steps: Sequence[Transformer], default: Encoder
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
    for name in features.categorical:
        encoder = encoder_of.get(name, default)
        categories = _fit_categories(table[name], name, imputer_of.get(name))
        if len(categories) == 0:
            raise FitError(f"categorical feature {name!r} has no category to learn from")
        fitted.append(FittedEncoder(categories=categories, one_hot=encoder.one_hot, unknown=encoder.unknown))
    return tuple(fitted)


def _fit_categories(column: pa.ChunkedArray, name: str, imputer: SimpleImputer | None) -> Categories:
    counts = count_categories(column.chunks, column.type)
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
