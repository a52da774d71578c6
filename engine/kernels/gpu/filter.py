"""Keeping the rows for which a predicate is true."""

from __future__ import annotations

from ...expr import Expr, Literal
from .batch import GpuTable, concat_tables
from .memory import in_halves
from .project import Evaluator, masked


def filter_rows(table: GpuTable, predicate: Expr) -> GpuTable:
    """Keep the rows where the predicate is true, in order; half of them at a time where memory runs out."""
    return in_halves(table, lambda part: _filtered(part, predicate), lambda parts: concat_tables(parts, table.schema))


def _filtered(table: GpuTable, predicate: Expr) -> GpuTable:
    if isinstance(predicate, Literal):
        return table if predicate.value else table.part(0, 0)
    [mask] = Evaluator(table).columns([predicate])
    return masked(table, mask)
