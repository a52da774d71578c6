"""Lists and lambdas: the body is evaluated once over the values of all lists, beside the rows that they stand in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ....arrow import to_arrow_type
from ....errors import ExecutionError
from ....expr import Column, Expr, columns_of
from ....expr.lambdas import ListLambda, ListMethod, Variable
from ....schema import Field, Schema
from ....traversal import transform_up
from ..gather import plain, take_column
from ..table import CpuTable
from .compare import known_true
from .lists import built, rows_of
from .nested import inner, outer

Evaluate = Callable[[CpuTable, Expr], pa.Array]


def evaluated(expr: ListLambda, table: CpuTable, evaluate: Evaluate) -> pa.Array:
    """Return the value of a list function with a lambda for each row of a table."""
    lists = plain(evaluate(table, expr.arg))
    if expr.method is ListMethod.REDUCE:
        return _reduced(expr, table, lists, evaluate)
    owners, places = rows_of(lists)
    values = take_column(lists.values, places.astype(np.int32))
    arguments = [outer(values, expr.variables[0].dtype)]
    if len(expr.variables) > 1:
        starts = np.flatnonzero(np.concatenate([[True], owners[1:] != owners[:-1]])) if len(owners) else owners
        lengths = np.diff(np.append(starts, len(owners)))
        arguments.append(pa.array(np.arange(len(owners)) - np.repeat(starts, lengths) + 1))
    made = evaluate(*_bound(expr, table, owners, arguments))
    arrow = to_arrow_type(expr.dtype)
    if expr.method is ListMethod.TRANSFORM:
        return built(owners, inner(made), len(lists), lists.is_valid(), arrow)
    kept = known_true(made)
    owners = owners[kept.to_numpy(zero_copy_only=False)]
    return built(owners, values.filter(kept), len(lists), lists.is_valid(), arrow)


def _bound(
    expr: ListLambda, table: CpuTable, owners: NDArray[np.int64], arguments: Sequence[pa.Array]
) -> tuple[CpuTable, Expr]:
    """Return one row for each value, with the columns that the body reads, and the body over it."""
    names = {variable: f"lambda {variable.name}" for variable in expr.variables}

    def as_column(node: Expr) -> Expr:
        name = names.get(node) if isinstance(node, Variable) else None
        return node if name is None else Column(name=name, dtype=node.dtype)

    body = transform_up(expr.body, as_column)
    read = sorted(columns_of(expr.body))
    rows = owners.astype(np.int32)
    columns = [take_column(plain(table.column(name)), rows) for name in read]
    fields = [table.schema[name] for name in read]
    fields += [Field(names[variable], variable.dtype) for variable in expr.variables]
    whole = CpuTable(schema=Schema(tuple(fields)), columns=(*columns, *arguments), num_rows=len(owners))
    return whole, body


def _reduced(expr: ListLambda, table: CpuTable, lists: pa.ListArray, evaluate: Evaluate) -> pa.Array:
    """Reduce all lists at once: first by their first values, then by their second ones, and so on."""
    owners, places = rows_of(lists)
    lengths = np.bincount(owners, minlength=len(lists))
    starts = np.cumsum(lengths) - lengths
    value = expr.variables[1].dtype
    values = take_column(lists.values, places.astype(np.int32))
    begun = 0
    if expr.initial is not None:
        state = plain(evaluate(table, expr.initial))
    else:
        valid = lists.is_valid().to_numpy(zero_copy_only=False)
        if (valid & (lengths == 0)).any():
            raise ExecutionError("list_reduce of an empty list needs a value to begin with, as its third argument")
        first = np.where(lengths > 0, starts, -1).astype(np.int32)
        state, begun = plain(outer(take_column(values, first, outer=True), value)), 1
        state = state.cast(to_arrow_type(expr.dtype)) if state.type != to_arrow_type(expr.dtype) else state
    for step in range(begun, int(lengths.max(initial=0))):
        active = np.flatnonzero(lengths > step)
        current = outer(take_column(values, (starts[active] + step).astype(np.int32)), value)
        arguments = [take_column(state, active.astype(np.int32)), current, pa.array(np.full(len(active), step + 1))]
        made = plain(evaluate(*_bound(expr, table, active, arguments[: len(expr.variables)])))
        back = np.arange(len(state), dtype=np.int32)
        back[active] = len(state) + np.arange(len(active), dtype=np.int32)
        state = take_column(pa.concat_arrays([state, made]), back)
    return pc.if_else(lists.is_valid(), state, None) if lists.null_count else state
