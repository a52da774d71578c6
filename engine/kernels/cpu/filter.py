"""Keeping the rows for which a predicate is true."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ...expr import Expr
from .project import Evaluator, shared
from .table import CpuTable, take_rows


def filter_rows(table: CpuTable, predicate: Expr) -> CpuTable:
    """Keep the rows where the predicate is true, in order."""
    mask = Evaluator(table).value(shared((predicate,))[0])
    if isinstance(mask, pa.Scalar):
        return table if mask.as_py() else table.with_columns([c.slice(0, 0) for c in table.columns], 0)
    return masked(table, mask)


def masked(table: CpuTable, mask: pa.Array) -> CpuTable:
    """Keep the rows where ``mask`` is true, not null; the same table where that is all of them."""
    kept = mask.true_count
    if kept == table.num_rows:
        return table
    if kept == 0:
        return table.with_columns([column.slice(0, 0) for column in table.columns], 0)
    return take_rows(table, pc.indices_nonzero(mask))
