"""Running one operator on one table, and turning a stage's output into the next stage's input, on any device.

Both are written against the kernel protocol only, so that every runner and every device shares them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..errors import TooManyPairs, UserFunctionError, VolleyError
from ..expr import Column, NamedExpr
from ..kernels.protocol import ArrowData, Device, JoinTable, Table
from ..plan.functions import MatrixFunction
from ..schema import Schema
from .nodes import FilterExec, MapBatchesExec, ProjectExec, UnnestExec
from .stages import (
    DistinctInput,
    MergeGroupsInput,
    MergeReducedInput,
    Operator,
    OutputInput,
    Probe,
    SortInput,
    StageInput,
    WindowInput,
)

MOST_PAIRS = 1 << 20
"""Pairs of a join without keys that are made at once: they stay in the cache, and take some hundredths of a second."""
_TIMES_ON_A_GPU = 16


def pieces(device: Device, operator: Operator, table: Table, joins: Mapping[int, JoinTable]) -> Iterator[Table]:
    """Yield a table in pieces whose product with the build side of a join that tries all pairs is not too large.

    Between two pieces a run may be stopped, and only the pairs of one piece are held.
    """
    rows = table.num_rows
    if isinstance(operator, Probe) and joins[operator.stage].meets_all:
        most = MOST_PAIRS if device.account is None else MOST_PAIRS * _TIMES_ON_A_GPU
        rows = min(rows, most // max(1, joins[operator.stage].num_rows))
    rows = max(1, rows)
    if rows >= table.num_rows:
        yield table
        return
    for start in range(0, table.num_rows, rows):
        yield device.slice(table, start, min(rows, table.num_rows - start))


def apply_in_pieces(
    device: Device, operator: Operator, table: Table, joins: Mapping[int, JoinTable]
) -> Iterator[Table]:
    """Yield in order what a streaming operator makes of a table, in pieces where a join gives too many pairs."""
    for piece in pieces(device, operator, table, joins):
        try:
            made = apply_operator(device, operator, piece, joins)
        except TooManyPairs:
            half = piece.num_rows // 2
            for start, rows in ((0, half), (half, piece.num_rows - half)):
                yield from apply_in_pieces(device, operator, device.slice(piece, start, rows), joins)
        else:
            yield made


def apply_operator(device: Device, operator: Operator, table: Table, joins: Mapping[int, JoinTable]) -> Table:
    """Return what a streaming operator makes of a table; ``joins`` has the hash tables built by earlier stages."""
    match operator:
        case FilterExec():
            return device.filter(table, operator.predicate)
        case ProjectExec():
            return device.project(table, operator.exprs)
        case UnnestExec(columns=columns, schema=schema, keeps_empty=keeps_empty, ordinality=ordinality):
            return device.unnest(table, columns, schema, keeps_empty=keeps_empty, ordinality=ordinality)
        case Probe():
            return joins[operator.stage].probe(table)
        case MapBatchesExec():
            return _map_batches(device, operator, table)


def _map_batches(device: Device, node: MapBatchesExec, table: Table) -> Table:
    result = _computed(device, node, table)
    if not node.keeps:
        return result
    if result.num_rows != table.num_rows:
        raise UserFunctionError(
            f"{node.label} returned {result.num_rows} rows for {table.num_rows}; it must return one row for each"
        )
    return device.zip(table, result)


def _computed(device: Device, node: MapBatchesExec, table: Table) -> Table:
    """Return what the function makes, called as near to the rows as the device can."""
    matrix = node.matrix
    if isinstance(matrix, MatrixFunction):
        made = device.compute(table, matrix)
        if made is not None:
            return made
    schema = table.schema
    reads = [NamedExpr(name=name, expr=Column(name=name, dtype=schema[name].dtype)) for name in node.reads]
    read = device.project(table, reads)
    values = node.values
    result = None if values is None else device.call(read, values)
    return device.from_arrow(_called(node, device.to_arrow(read)), Schema(node.adds)) if result is None else result


def _called(node: MapBatchesExec, rows: ArrowData) -> ArrowData:
    try:
        return node.function(rows)
    except VolleyError:
        raise
    except Exception as error:
        raise UserFunctionError(f"{node.label} raised {type(error).__name__}: {error}") from error


def merge_input(
    device: Device,
    source: OutputInput,
    partition: Sequence[Table],
    *,
    threads: int,
) -> Sequence[Table]:
    """Return the tables that one partition of an earlier stage's output gives to the stage that reads it.

    ``threads`` is how many threads one partition may use where it cannot be divided further.
    """
    match source:
        case StageInput():
            return partition
        case MergeGroupsInput():
            return [device.merge_groups(partition, source.spec)]
        case MergeReducedInput():
            return [device.merge_reduced(partition, source.accumulators)]
        case SortInput():
            return [device.sort(partition, source.keys, source.schema, threads=threads)]
        case DistinctInput():
            return [device.distinct_first(partition, source.on, source.schema)]
        case WindowInput():
            return [device.window(partition, source.spec, source.schema)]
