"""Splitting rows by the hash of their keys."""

from __future__ import annotations

from collections.abc import Sequence

from ...expr import Expr
from .native import partition_order
from .native.arrays import Words
from .project import Evaluator
from .table import CpuTable, slice_table, take_rows
from .words import partition_words


def hash_partition(table: CpuTable, keys: Sequence[Expr], partitions: int) -> list[CpuTable]:
    """Split rows by the hash of their keys; ``partitions`` is a power of two."""
    if partitions == 1:
        return [table]
    columns = Evaluator(table).columns(keys)
    return split(table, partition_words(columns, [key.dtype for key in keys], table.num_rows), partitions)


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
