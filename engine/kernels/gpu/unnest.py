"""Unnesting: how often each row is repeated, then gathers from the lists' values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from ... import dtypes
from ...schema import Schema
from . import memory
from .batch import GpuTable
from .columns import Op, binary, cast, chosen, constant, greatest, is_valid, truth
from .keys import gathered, positions, taken
from .library import plc
from .memory import TooManyRows, on_stream, run
from .types import INT32, INT64

_MOST_ROWS = 2**31 - 1


def unnest(
    table: GpuTable, columns: Sequence[str], schema: Schema, *, keeps_empty: bool, ordinality: str | None
) -> GpuTable:
    """Return one row per value of the lists; see ``volley.engine.plan.Unnest``."""
    lists = {name: _Lists(table.column(name)) for name in columns}
    most = reduce(greatest, (one.lengths for one in lists.values()))
    repeats = greatest(most, constant(1, dtypes.int32)) if keeps_empty else most
    total = _total(repeats)
    if total > _MOST_ROWS:
        raise TooManyRows(f"unnesting {table.num_rows:,} rows gives {total:,}; read smaller batches of them")
    rows = run(plc.filling.repeat, plc.Table([positions(table.num_rows)]), repeats).columns()[0]
    first = run(plc.reduce.scan, repeats, plc.aggregation.sum(), plc.reduce.ScanType.EXCLUSIVE)
    places = binary(positions(total), taken(first, rows), Op.SUB, INT32)
    others = [f.name for f in schema if f.name not in lists and f.name != ordinality]
    made = dict(zip(others, gathered(table.select(others), rows).columns(), strict=True)) if others else {}
    for name, one in lists.items():
        made[name] = one.values(rows, places)
    if ordinality is not None:
        numbers = binary(cast(places, INT64), constant(1, dtypes.int64), Op.ADD, INT64)
        present = truth(places, taken(most, rows), Op.LESS)
        made[ordinality] = chosen(present, numbers, constant(None, dtypes.int64))
    return GpuTable(schema, [made[f.name] for f in schema], total)


class _Lists:
    """Where the values of each list lie; a null one has none, whatever its offsets say."""

    def __init__(self, column: plc.Column) -> None:
        if column.offset() or column.child(0).size() != column.size() + 1:
            column = run(column.copy)  # what is inside is not sliced with it
        view = column.list_view()
        self._inside = view.child()
        rows = column.size()
        if not rows:
            self._starts = self.lengths = positions(0)
            return
        self._starts, ends = on_stream(plc.copying.slice, view.offsets(), [0, rows, 1, rows + 1])
        lengths = binary(ends, self._starts, Op.SUB, INT32)
        zero = constant(0, dtypes.int32)
        self.lengths = chosen(is_valid(column), lengths, zero) if column.null_count() else lengths

    def values(self, rows: plc.Column, places: plc.Column) -> plc.Column:
        """Return the value at a place of the list of each row, null where the list is shorter."""
        inside = truth(places, taken(self.lengths, rows), Op.LESS)
        at = binary(taken(self._starts, rows), places, Op.ADD, INT32)
        outside = constant(self._inside.size(), dtypes.int32)
        return taken(self._inside, chosen(inside, at, outside), outer=True)


def _total(counts: plc.Column) -> int:
    if not counts.size():
        return 0
    total = run(plc.reduce.reduce, cast(counts, INT64), plc.aggregation.sum(), INT64)
    memory.ledger().add(to_host=8)
    return int(on_stream(total.to_arrow).as_py())
