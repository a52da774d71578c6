"""From Arrow columns to the matrix a model reads: fitted imputers, scalers and encoders in one layout.

The matrix has the numeric features first, then the columns of each categorical feature in turn. Numbers are written
where they will be read and transformed in place; encoders write their columns directly. Nothing is copied twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from .features import Features
from .handoff import FeatureMatrix, FloatName, Ledger
from .preprocessing.categories import Categories, UnknownPolicy, write_one_hot, write_ordinal
from .preprocessing.impute import NumericFill
from .preprocessing.scale import Scaling

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
            shared = shared_matrix(table, self.features, self.dtype, ledger)
            if shared is not None:
                return shared
        matrix = FeatureMatrix.allocate(table.num_rows, self.columns, self.dtype, ledger)
        numbers = write_numbers(matrix, table, self.features)
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


def write_numbers(matrix: FeatureMatrix, table: pa.Table, features: Features) -> np.ndarray:
    """Write the numeric features into the first columns of a matrix, and return these."""
    for number, name in enumerate(features.numeric):
        matrix.write(0, number, table[name])
    return matrix.columns(0, len(features.numeric))


def shared_matrix(table: pa.Table, features: Features, dtype: FloatName, ledger: Ledger | None) -> FeatureMatrix | None:
    """View the features as a matrix without copying: all numeric, of the right type, side by side in one buffer."""
    if features.categorical or any(table[name].num_chunks != 1 for name in features.numeric):
        return None
    columns = [table[name].chunk(0) for name in features.numeric]
    if any(column.type != pa.from_numpy_dtype(np.dtype(dtype)) for column in columns):
        return None
    return FeatureMatrix.adopt(columns, features.numeric, ledger)
