"""Splitting rows by the hash of their keys.

The hash is libcudf's Murmur3 with seed 0: the same on every GPU and in every process, but not that of the CPU
device. Rows that must meet are therefore partitioned by one kind of device.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa

from ...dtypes import int32, uint8
from ...expr import Expr
from .batch import GpuTable
from .columns import constant, repeated
from .keys import NullOrder, Order, gathered, normal, placed, positions
from .library import plc
from .memory import on_stream, run
from .project import Evaluator
from .transfer import uploaded


def hash_partition(table: GpuTable, keys: Sequence[Expr], partitions: int) -> list[GpuTable]:
    """Split rows by the hash of their keys, each part in the rows' order; ``partitions`` is a power of two.

    libcudf leaves no order within a part. What keeps the first row of equal ones needs it, and ties in windows do: the
    rows' numbers are partitioned, which tells each row's part, by which a stable sort of small integers orders them.
    """
    if partitions == 1 or not keys or not table.num_rows:
        return split(table, [], partitions)
    values = normal(Evaluator(table).columns(keys), keys)
    rows, offsets = _moved(plc.Table([positions(table.num_rows)]), values, partitions)
    part = uint8 if partitions <= 256 else int32
    zero = constant(0, part)
    numbers = run(plc.filling.sequence, partitions, zero, constant(1, part))
    sizes = uploaded(pa.array(np.diff(offsets), pa.int32()), int32)
    [parts] = run(plc.filling.repeat, plc.Table([numbers]), sizes).columns()
    parts = placed(parts, rows.columns()[0], repeated(zero, table.num_rows))
    order = run(plc.sorting.stable_sorted_order, plc.Table([parts]), [Order.ASCENDING], [NullOrder.BEFORE])
    return _cut(table, gathered(table.table, order), offsets)


def split(table: GpuTable, keys: Sequence[plc.Column], partitions: int, seed: int = 0) -> list[GpuTable]:
    """Split rows by the hash of key columns; ``seed`` chooses among hashes."""
    if partitions & (partitions - 1):
        raise ValueError(f"the number of partitions must be a power of two, not {partitions}")
    if partitions == 1:
        return [table]
    if not keys or not table.num_rows:
        return [table, *(table.part(0, 0) for _ in range(partitions - 1))]
    return _cut(table, *_moved(table.table, keys, partitions, seed))


def _moved(
    rows: plc.Table, keys: Sequence[plc.Column], partitions: int, seed: int = 0
) -> tuple[plc.Table, Sequence[int]]:
    """Return rows with those of a part together, and where the parts begin and end."""
    moved, offsets = run(plc.partitioning.hash_partition, rows, plc.Table(keys), partitions, seed=seed)
    return moved, offsets


def _cut(table: GpuTable, moved: plc.Table, offsets: Sequence[int]) -> list[GpuTable]:
    """Return the rows between offsets, which share the memory, each with its share of the bytes."""
    spans = [place for span in pairwise(offsets) for place in span]
    held = sum(int(column.device_buffer_size()) for column in moved.columns())
    return [
        GpuTable(table.schema, part.columns(), part.num_rows(), held * part.num_rows() // table.num_rows)
        for part in on_stream(plc.copying.slice, moved, spans)
    ]
