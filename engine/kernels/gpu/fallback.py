"""Functions that libcudf has not: computed by the CPU device, with both transfers counted.

Only the arguments' values cross, and the result: what is below and above in the expression stays on the device.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from ...arrow import empty_batch, to_arrow_type
from ...expr import Call, Column, Expr, Literal, NamedExpr
from ...expr.lambdas import ListLambda
from ...schema import Field, Schema
from ..cpu import adopting as cpu
from ..cpu import project as cpu_project
from . import memory
from .columns import Value
from .library import plc
from .transfer import fetched, uploaded, whole


def on_cpu(expr: Expr, arguments: Sequence[tuple[Expr, Value]], rows: int) -> plc.Column:
    """Compute one expression node over the values of its arguments."""
    names: list[Expr] = []
    given: dict[str, Expr] = {}
    fields: list[Field] = []
    arrays: list[pa.Array] = []
    for place, (argument, value) in enumerate(arguments):
        if isinstance(value, plc.Scalar) and isinstance(argument, Literal):
            names.append(argument)
            continue
        name = argument.name if isinstance(argument, Column) else str(argument)  # which errors tell
        if given.setdefault(name, argument) != argument:
            name = f"{name} ({place})"
        names.append(Column(name=name, dtype=argument.dtype))
        if any(field.name == name for field in fields):
            continue
        fields.append(Field(name, argument.dtype))
        column = value if isinstance(value, plc.Column) else memory.run(plc.Column.from_scalar, value, rows)
        arrays.append(fetched(column, argument.dtype))
    node = expr if isinstance(expr, ListLambda) else expr.with_children(tuple(names))
    memory.ledger().fell_back(expr.function if isinstance(expr, Call) else type(expr).__name__.lower(), rows)
    return uploaded(_computed(node, Schema(tuple(fields)), arrays, rows), expr.dtype)


def _computed(node: Expr, schema: Schema, arrays: list[pa.Array], rows: int) -> pa.Array:
    data = pa.Table.from_arrays(arrays, list(schema.names)) if arrays else empty_batch(rows)
    table = cpu.from_arrow(data, schema)
    result = cpu.to_arrow(cpu_project.project(table, [NamedExpr(name="value", expr=node)]))
    array = whole(result.column(0))
    assert array.type == to_arrow_type(node.dtype)
    return array
