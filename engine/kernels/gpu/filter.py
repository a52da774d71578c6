"""Keeping the rows for which a predicate is true."""

from __future__ import annotations

from ...expr import Expr, Literal
from .batch import GpuTable
from .project import Evaluator, masked


def filter_rows(table: GpuTable, predicate: Expr) -> GpuTable:
    """Keep the rows where the predicate is true, in order."""
    if isinstance(predicate, Literal):
        return table if predicate.value else table.part(0, 0)
    [mask] = Evaluator(table).columns([predicate])
    return masked(table, mask)
