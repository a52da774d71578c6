"""Keeping the rows for which a predicate is true."""

from __future__ import annotations

from ...expr import Expr, Literal
from ..cpu.project import shared
from .batch import GpuTable
from .library import plc
from .project import Evaluator, masked


def filter_rows(table: GpuTable, predicate: Expr) -> GpuTable:
    """Keep the rows where the predicate is true, in order."""
    if isinstance(predicate, Literal):
        return table if predicate.value else table.part(0, 0)
    mask = Evaluator(table).column(shared((predicate,))[0])
    assert isinstance(mask, plc.Column)
    return masked(table, mask)
