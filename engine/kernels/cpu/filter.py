"""Keeping the rows for which a predicate is true."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pyarrow as pa

from ...expr import Expr
from ..evaluation import shared
from .buffers import bits_of, flags_of
from .native import select_bits
from .project import Evaluator
from .table import CpuTable, PendingColumn, PendingColumns, slice_table, take_rows

_DENSE = 0.9
"""Beyond this share of kept rows, Arrow's filter, which copies runs, beats taking by position."""

_SPARSE = 0.25
"""Below this share, all columns are taken at once: a few rows should not keep many in memory."""


def filter_rows(table: CpuTable, predicate: Expr) -> CpuTable:
    """Keep the rows where the predicate is true, in order."""
    mask = Evaluator(table).value(shared((predicate,))[0])
    if isinstance(mask, pa.Scalar):
        return table if mask.as_py() else slice_table(table, 0, 0)
    return masked(table, mask)


def masked(table: CpuTable, mask: pa.Array) -> CpuTable:
    """Keep the rows where ``mask`` is true, not null; the same table where that is all of them."""
    kept = mask.true_count
    if kept == table.num_rows:
        return table
    if kept == 0:
        return slice_table(table, 0, 0)
    share = kept / table.num_rows
    if share > _DENSE:
        return _pending(table, [PendingColumn(partial(_filtered, table, p, mask)) for p in _positions(table)], kept)
    values, offset = flags_of(mask)
    bits, bit_offset = bits_of(mask)
    rows = select_bits(values, offset, table.num_rows, bits=bits, bit_offset=bit_offset)
    if share < _SPARSE:
        return take_rows(table, rows)
    return _pending(table, [PendingColumn(partial(_column, table, p), rows) for p in _positions(table)], kept)


def _positions(table: CpuTable) -> range:
    return range(len(table.columns))


def _column(table: CpuTable, position: int) -> pa.Array:
    return table.columns[position]


def _filtered(table: CpuTable, position: int, mask: pa.Array) -> pa.Array:
    return table.columns[position].filter(mask)


def _pending(table: CpuTable, columns: Sequence[PendingColumn], kept: int) -> CpuTable:
    return table.with_columns(PendingColumns(columns, table.nbytes * kept // table.num_rows), kept)
