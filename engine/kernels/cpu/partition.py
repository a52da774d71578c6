"""Splitting rows by the hash of their keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ...expr import Expr
from .hashes import partition_words
from .native import count_partitions, partition_order
from .native.arrays import MAX_ROWS, Longs, Words
from .native.radix import FINER_BITS
from .project import Evaluator
from .spread import spread_on_threads, spreadable, spreadable_type
from .table import CpuTable, slice_table, take_rows


def hash_partition(table: CpuTable, keys: Sequence[Expr], partitions: int) -> list[CpuTable]:
    """Split rows by the hash of their keys; ``partitions`` is a power of two."""
    if partitions == 1:
        return [table]
    columns = Evaluator(table).columns(keys)
    return split(table, partition_words(columns, [key.dtype for key in keys], table.num_rows), partitions)


class Marks(NamedTuple):
    """Rows' `partition_words`, and how many rows each stretch of the partitions has, in order."""

    words: Words
    counts: Longs


def hash_marks(table: CpuTable, keys: Sequence[Expr], partitions: int) -> Marks | None:
    """Return what tells the partition of each row; None where columns cannot be spread with those of other tables."""
    if partitions == 1 or not table.columns or not all(spreadable_type(column) for column in table.columns):
        return None
    words = partition_words(Evaluator(table).columns(keys), [key.dtype for key in keys], table.num_rows)
    return Marks(words, count_partitions(words, partitions.bit_length() - 1 + FINER_BITS))


def spread(
    tables: Sequence[CpuTable],
    marks: Sequence[Marks],
    partitions: int,
    parallel: Callable[[Sequence[Callable[[], Any]]], list[Any]],
) -> list[list[CpuTable]]:
    """Return the rows of tables by partition, in order: side by side, if dictionaries do not differ.

    Then they come by stretches of the partition, which have more bits of the hash in common, unless these are few.
    """
    columns = [*zip(*(table.columns for table in tables), strict=True)]
    if not all(map(spreadable, columns)) or sum(table.num_rows for table in tables) > MAX_ROWS:
        steps = [partial(split, table, mark.words, partitions) for table, mark in zip(tables, marks, strict=True)]
        return [[part for part in parts if part.num_rows] for parts in zip(*parallel(steps), strict=True)]
    counts = np.stack([mark.counts for mark in marks])
    if 2 * np.count_nonzero(counts.any(axis=0)) < counts.shape[1]:
        counts = counts.reshape(len(counts), partitions, -1).sum(axis=2)
    moved, offsets = spread_on_threads(columns, [mark.words for mark in marks], counts, parallel)
    offsets = offsets[:: counts.shape[1] // partitions]
    whole = tables[0].with_columns(moved, int(offsets[-1]))
    sizes = (offsets[1:] - offsets[:-1]).tolist()
    return [
        [slice_table(whole, start, size)] if size else [] for start, size in zip(offsets.tolist(), sizes, strict=False)
    ]


def split(table: CpuTable, words: Words, partitions: int) -> list[CpuTable]:
    """Split rows by their `partition_words`, keeping their order within a partition."""
    bits = partitions.bit_length() - 1
    if partitions != 1 << bits:
        raise ValueError(f"the number of partitions must be a power of two, not {partitions}")
    if bits == 0:
        return [table]
    order, offsets = partition_order(words, bits)
    gathered = take_rows(table, order)
    return [slice_table(gathered, int(offsets[p]), int(offsets[p + 1] - offsets[p])) for p in range(partitions)]
