"""The training rows of one part, where they are: what fits ask of them.

Rows in the host's memory become a `FeatureMatrix` of numpy's; those of a GPU stay in its memory (``resident``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Protocol

import numpy as np
import pyarrow as pa

from ..engine.runners import Part
from .blocks import BLOCK_ROWS, FloatArray, IntArray
from .features import Features
from .handoff import FeatureMatrix, Ledger, table_of
from .preparation import NumericStep, Preparation, shared_matrix, write_numbers
from .preprocessing.categories import CategoryCounts, count_categories
from .preprocessing.impute import ValueCounts, count_values
from .preprocessing.moments import ColumnMoments, column_moments, merge_columns
from .target import Facts, Target, facts_of, target_of


class TrainingRows(Protocol):
    """Rows that are asked, one question after the other, until their matrix is finished.

    Numeric features are numbered in their order; what is learned of them is learned after all steps until then.
    """

    @property
    def ledger(self) -> Ledger:
        """Bytes copied to make the matrix."""
        ...

    def facts(self, features: Features, *, classify: bool) -> Facts:
        """Return what has to be known of labels and weights, the label's values among it where they are classes."""
        ...

    def keep_target(self, features: Features, classes: pa.Array | None) -> None:
        """Remember what label and weights are."""
        ...

    def count_each(self, names: Sequence[str]) -> list[CategoryCounts]:
        """Return the values of columns with the rows of each."""
        ...

    def begin(self, empty: Preparation, *, adopt: bool) -> None:
        """Begin the matrix of a preparation without steps; numbers may be viewed where they lie if ``adopt``-ed."""
        ...

    def moments(self) -> ColumnMoments:
        """Return the moments of all numbers."""
        ...

    def count_values(self, places: Sequence[int]) -> list[ValueCounts]:
        """Return the values of some numbers with the rows of each."""
        ...

    def sort_columns(self, places: Sequence[int]) -> IntArray:
        """Prepare some numbers for `count_up_to`, and return how many values each has."""
        ...

    def count_up_to(self, bounds: FloatArray) -> IntArray:
        """Return how many values of the prepared numbers, of which there are fewer than bounds, reach each bound."""
        ...

    def apply(self, step: NumericStep) -> None:
        """Apply a step to the numbers."""
        ...

    def finish(self, preparation: Preparation) -> None:
        """Write the categories: the matrix is ready."""
        ...

    def forget(self) -> None:
        """Let the engine's tables go: the matrix is all that training reads."""
        ...


class HostRows:
    """Rows in this process's memory.

    Attributes
    ----------
    matrix
        The features, once it has begun.
    target
        Label and weights.
    """

    matrix: FeatureMatrix
    target: Target

    def __init__(self, part: Part) -> None:
        self._part = part

    @property
    def ledger(self) -> Ledger:
        """Bytes copied to make the matrix."""
        return self.matrix.ledger

    def facts(self, features: Features, *, classify: bool) -> Facts:
        """Return what has to be known of labels and weights."""
        return facts_of(table_of(self._part), features, numeric=not classify, classify=classify)

    def keep_target(self, features: Features, classes: pa.Array | None) -> None:
        """Take label and weights."""
        self.target = target_of(table_of(self._part), features, classes)

    def count_each(self, names: Sequence[str]) -> list[CategoryCounts]:
        """Return the values of columns with the rows of each."""
        columns = [table_of(self._part)[name] for name in names]
        return [count_categories(column.chunks, column.type) for column in columns]

    def begin(self, empty: Preparation, *, adopt: bool) -> None:
        """Make the matrix and write the numbers into it; view them where they lie if they may be ``adopt``-ed."""
        table = table_of(self._part)
        matrix = shared_matrix(table, empty.features, empty.dtype, None) if adopt else None
        if matrix is None:
            matrix = FeatureMatrix.allocate(table.num_rows, empty.columns, empty.dtype)
            write_numbers(matrix, table, empty.features)
        self.matrix, self._numbers = matrix, matrix.columns(0, len(empty.features.numeric))

    def moments(self) -> ColumnMoments:
        """Return the moments of all numbers."""
        cuts = range(0, len(self._numbers), BLOCK_ROWS)
        return reduce(merge_columns, (column_moments(self._numbers[start : start + BLOCK_ROWS]) for start in cuts))

    def count_values(self, places: Sequence[int]) -> list[ValueCounts]:
        """Return the values of some numbers with the rows of each."""
        return [count_values(self._numbers[:, place]) for place in places]

    def sort_columns(self, places: Sequence[int]) -> IntArray:
        """Keep sorted copies of columns, and return the numbers of their values."""
        columns = (self._numbers[:, place] for place in places)
        self._sorted = [np.sort(column[~np.isnan(column)]) for column in columns]
        return np.array([len(column) for column in self._sorted])

    def count_up_to(self, bounds: FloatArray) -> IntArray:
        """Return how many values of the sorted columns reach up to each bound."""
        columns = self._sorted
        found = (np.searchsorted(columns[i % len(columns)], bound, side="right") for i, bound in enumerate(bounds))
        return np.array(list(found))

    def apply(self, step: NumericStep) -> None:
        """Apply a step to the numbers in place."""
        step.apply(self._numbers)

    def finish(self, preparation: Preparation) -> None:
        """Write the categories."""
        preparation.write_categories(self.matrix, table_of(self._part))

    def forget(self) -> None:
        """Let the engine's tables go."""
        self._part.tables.clear()


def rows_of(part: Part) -> TrainingRows:
    """Return the rows of a part where they are."""
    if "rows" not in part.kept:
        from .resident import ResidentRows  # which stands on expressions of the engine

        part.kept["rows"] = HostRows(part) if part.device is None else ResidentRows(part)
    rows: TrainingRows = part.kept["rows"]
    return rows


def host_rows_of(part: Part) -> HostRows:
    """Return the rows of a part that are in this process's memory."""
    rows = rows_of(part)
    assert isinstance(rows, HostRows)
    return rows
