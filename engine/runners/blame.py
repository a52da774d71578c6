"""Says at which row an operator has failed, and what it read there; nothing here runs while all goes well.

Vectorised kernels fail for a whole table. Which row it was is found by computing the expression again for halves of the
table. Functions of users are never called again: those of single values say themselves for which row they were called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from ..errors import ExecutionError, MemoryLimitExceeded, ReadError, TemporaryFailure, WriteError
from ..expr import Column, Expr, NamedExpr, columns_of
from ..kernels.protocol import Device, Table
from ..kernels.specs import AccumulatorSpec
from ..physical.execute import apply_operator
from ..physical.nodes import FilterExec, MapBatchesExec, ProjectExec
from ..physical.stages import BuildSink, GroupSink, Operator, PartitionSink, ReduceSink, StageSink, TopKSink

_ELSEWHERE = (MemoryLimitExceeded, ReadError, TemporaryFailure, WriteError)
_MOST_VALUES, _MOST_CHARACTERS = 8, 60

Suspect = tuple[Expr, Callable[[Table], object]]
"""An expression, and what computes it."""


def has_rows(error: ExecutionError) -> bool:
    """Whether rows may be to blame for an error, rather than memory, a file or a machine."""
    return not isinstance(error, _ELSEWHERE)


def blame(device: Device, operator: Operator, table: Table, error: ExecutionError) -> None:
    """Note on an error of an operator for which values it was raised, and remember the row."""
    match operator:
        case FilterExec(predicate=predicate):
            _accuse(device, [(predicate, partial(device.filter, predicate=predicate))], table, error)
        case ProjectExec(exprs=exprs):
            _accuse(device, [_computed(device, named.expr) for named in exprs], table, error)


def blame_sink(
    device: Device, operators: Sequence[Operator], sink: StageSink, table: Table, error: ExecutionError
) -> None:
    """Do the same for an error of a stage's sink, which has taken what the operators made of a table."""
    if not has_rows(error) or any(not isinstance(one, FilterExec | ProjectExec) for one in operators):
        return
    given = [table]
    try:
        for operator in operators:
            given.append(apply_operator(device, operator, given[-1], {}))
    except ExecutionError:  # it was one of the operators, whatever its rows
        return
    computed = [_computed(device, expr) for expr in _exprs(sink) if not isinstance(expr, Column)]
    _accuse(device, computed, given.pop(), error)
    for operator, before in zip(reversed(operators), reversed(given), strict=True):
        trace_back(device, operator, before, error)


def trace_back(device: Device, operator: Operator, table: Table, error: ExecutionError) -> None:
    """Turn the row of what an operator gave into the row of what it was given, or forget it where that is unknown."""
    row = error.row
    if row is None or isinstance(operator, ProjectExec) or (isinstance(operator, MapBatchesExec) and operator.keeps):
        return
    if not isinstance(operator, FilterExec):
        error.row = None
        return
    low, high = 0, table.num_rows  # the row is the last of the fewest rows of which more than `row` pass
    while low < high:
        middle = (low + high) // 2
        if device.filter(device.slice(table, 0, middle), operator.predicate).num_rows > row:
            high = middle
        else:
            low = middle + 1
    error.row = low - 1


def _computed(device: Device, expr: Expr) -> Suspect:
    return expr, partial(device.project, exprs=[NamedExpr(name="value", expr=expr)])


def _exprs(sink: StageSink) -> Iterator[Expr]:
    """Yield the expressions that a sink computes of each row."""
    match sink:
        case GroupSink(spec=spec):
            yield from (key.expr for key in spec.keys)
            yield from _arguments(spec.accumulators)
        case ReduceSink(accumulators=accumulators):
            yield from _arguments(accumulators)
        case PartitionSink(keys=keys):
            yield from keys
        case BuildSink(spec=join):
            yield from join.build_keys
        case TopKSink(keys=order):
            yield from (key.expr for key in order)


def _arguments(accumulators: Iterable[AccumulatorSpec]) -> Iterator[Expr]:
    for one in accumulators:
        yield from (expr for expr in (one.argument, one.filter) if expr is not None)


def _accuse(device: Device, suspects: Iterable[Suspect], table: Table, error: ExecutionError) -> None:
    """Find the expression and the first row of a table for which the same error is raised."""
    if not has_rows(error):
        return
    for expr, compute in suspects:
        wanted = columns_of(expr)  # one without any fails for all rows alike
        if not wanted or not _fails(compute, table, error):
            continue
        row = _first_failing(device, compute, table, error)
        if row is None:
            continue
        names = [name for name in table.schema.names if name in wanted]
        values = device.to_arrow(device.slice(table, row, 1)).select(names[:_MOST_VALUES]).to_pylist()[0]
        shown = ", ".join(f"{name} = {_short(value)}" for name, value in values.items())
        error.add_note(f"for {shown}{', …' if len(names) > _MOST_VALUES else ''}")
        error.row = row
        return


def _first_failing(
    device: Device, compute: Callable[[Table], object], table: Table, error: ExecutionError
) -> int | None:
    """Return the first row that fails by itself, or None where it takes several."""
    start, count = 0, table.num_rows
    while count > 1:
        half = count // 2
        if _fails(compute, device.slice(table, start, half), error):
            count = half
        else:
            start, count = start + half, count - half
    return start if _fails(compute, device.slice(table, start, count), error) else None


def _fails(compute: Callable[[Table], object], table: Table, error: ExecutionError) -> bool:
    try:
        compute(table)
    except ExecutionError as again:
        return type(again) is type(error) and str(again) == str(error)
    return False


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"
