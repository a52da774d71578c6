"""Functions that other libraries compute of a matrix on the device: a model's predictions, and what explains them.

The libraries have streams of their own, in the same process and on the same device: the matrix is finished before they
see it, and what they give is finished before a kernel reads it.
"""

from __future__ import annotations

from ...plan.functions import MatrixFunction
from ...schema import Schema
from . import memory, sharing
from .batch import GpuTable, concat_tables
from .library import SIMULATED
from .memory import in_halves
from .project import project, refused

reachable = not SIMULATED
"""Whether other libraries can read this device's memory; tests put something that can in their place."""


def matrix_refusal(function: MatrixFunction) -> str | None:
    """Return why the host must compute a function; None where a library can on this device."""
    if not reachable:
        return "other libraries cannot look into a simulated GPU"
    parts = (*function.inputs, *function.outputs)
    return function.refusal() or next((why for part in parts if (why := refused(part.expr)) is not None), None)


def computed(table: GpuTable, function: MatrixFunction) -> GpuTable:
    """Return the columns that a library makes of a table; of half of the rows at a time where memory runs out."""
    schema = Schema(tuple(named.field for named in function.outputs))
    return in_halves(table, lambda part: _computed(part, function), lambda parts: concat_tables(parts, schema))


def _computed(table: GpuTable, function: MatrixFunction) -> GpuTable:
    inputs = project(table, function.inputs)
    matrix, _ = sharing.matrix([inputs], inputs.schema.names, function.dtype)
    memory.stream().synchronize()
    found = function.function(matrix)
    memory.ledger().add(to_device=found.to_device, to_host=found.to_host)
    return project(sharing.taken(found.arrays, Schema(function.made)), function.outputs)
