"""Splitting rows by the hash of their keys.

The hash is libcudf's Murmur3 with seed 0: the same on every GPU and in every process, but not that of the CPU
device. Rows that must meet are therefore partitioned by one kind of device.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ...expr import Expr
from .batch import GpuTable
from .keys import normal
from .library import plc
from .memory import on_stream, run
from .project import Evaluator


def hash_partition(table: GpuTable, keys: Sequence[Expr], partitions: int) -> list[GpuTable]:
    """Split rows by the hash of their keys; ``partitions`` is a power of two."""
    if partitions == 1:
        return [table]
    return split(table, normal(Evaluator(table).columns(keys), keys), partitions)


def split(table: GpuTable, keys: Sequence[plc.Column], partitions: int, seed: int = 0) -> list[GpuTable]:
    """Split rows by the hash of key columns; ``seed`` chooses among hashes."""
    if partitions & (partitions - 1):
        raise ValueError(f"the number of partitions must be a power of two, not {partitions}")
    if partitions == 1:
        return [table]
    if not keys or not table.num_rows:
        return [table, *(table.part(0, 0) for _ in range(partitions - 1))]
    moved, offsets = run(plc.partitioning.hash_partition, table.table, plc.Table(keys), partitions, seed=seed)
    spans = [place for span in pairwise(offsets) for place in span]
    return [table.like(part) for part in on_stream(plc.copying.slice, moved, spans)]
