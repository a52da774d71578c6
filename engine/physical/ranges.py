"""Cutting rows into ranges of an order, on any device: bounds are sorted together with the rows, and found again there.

So the device's own order decides, whatever nulls, directions and types it has, and a range never parts equal keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from .. import dtypes
from ..expr import Column, Expr, Literal, NamedExpr, SortKey
from ..kernels.protocol import Device, Table
from ..records import replace
from ..schema import Schema

SAMPLES = 256
"""Rows of each task whose keys are looked at before bounds are chosen."""
_BOUND = "#bound"


def key_exprs(keys: Sequence[SortKey]) -> list[NamedExpr]:
    """Return what computes the columns of an order: those of the rows by their names, others by number."""
    named: dict[str, NamedExpr] = {}
    for number, key in enumerate(keys):
        name = key.expr.name if isinstance(key.expr, Column) else f"#key {number}"
        named[name] = NamedExpr(name=name, expr=key.expr)
    return list(named.values())


def over(keys: Sequence[SortKey]) -> list[SortKey]:
    """Return the order over the columns that `key_exprs` computes."""
    return [
        key if isinstance(key.expr, Column) else replace(key, expr=Column(name=f"#key {number}", dtype=key.expr.dtype))
        for number, key in enumerate(keys)
    ]


def key_schema(keys: Sequence[SortKey]) -> Schema:
    """Return the schema of the columns that `key_exprs` computes."""
    return Schema(tuple(named.field for named in key_exprs(keys)))


def sampled(device: Device, tables: Sequence[Table], keys: Sequence[SortKey]) -> list[Table]:
    """Return the keys of all rows, or of some, evenly spread over the tables: `SAMPLES`, or up to twice as many."""
    step = max(1, sum(table.num_rows for table in tables) // SAMPLES)
    found: list[Table] = []
    passed = 0
    for table in tables:
        found += [device.slice(table, place, 1) for place in range(-passed % step, table.num_rows, step)]
        passed += table.num_rows
    if not found:
        return []
    return [device.project(device.concat(found, found[0].schema), key_exprs(keys))]


def choose_bounds(device: Device, samples: Sequence[Table], keys: Sequence[SortKey], ranges: int) -> Table:
    """Return up to ``ranges - 1`` keys that cut sampled ones, columns of `key_exprs`, into as many like parts."""
    schema = key_schema(keys)
    ordered = device.sort(samples, over(keys), schema)
    places = sorted({ordered.num_rows * part // ranges for part in range(1, ranges)}) if ordered.num_rows else []
    return device.concat([device.slice(ordered, place, 1) for place in places], schema)


def cut_at(
    device: Device, tables: Sequence[Table], keys: Sequence[SortKey], bounds: Table, openings: Table | None = None
) -> list[list[Table]]:
    """Return the rows, in order, in one range more than there are bounds and openings.

    Rows equal to a bound stand before it, those equal to an opening behind it: a key that is both has its own range.
    """
    filled = [table for table in tables if table.num_rows]
    if not filled:
        return [[] for _ in range(bounds.num_rows + (0 if openings is None else openings.num_rows) + 1)]
    schema = filled[0].schema
    carried = [NamedExpr(name=f.name, expr=Column(name=f.name, dtype=f.dtype)) for f in schema]
    computed = [named for named in key_exprs(keys) if named.name not in schema]
    given = set(bounds.schema.names)
    missing: list[tuple[str, Expr]] = [
        (f.name, Column(name=f.name, dtype=f.dtype) if f.name in given else Literal(value=None, dtype=f.dtype))
        for f in schema
    ]
    found = [NamedExpr(name=n.name, expr=Column(name=n.name, dtype=n.expr.dtype)) for n in computed]
    rows = [device.project(table, [*carried, *computed, _marked(is_bound=False)]) for table in filled]
    marking = [*(NamedExpr(name=name, expr=expr) for name, expr in missing), *found, _marked(is_bound=True)]
    before, after = ([] if marks is None else [device.project(marks, marking)] for marks in (openings, bounds))
    ordered = device.sort([*before, *rows, *after], over(keys), rows[0].schema)
    flag = NamedExpr(name=_BOUND, expr=Column(name=_BOUND, dtype=dtypes.bool_))
    places = device.to_arrow(device.project(ordered, [flag])).column(0).to_numpy().nonzero()[0].tolist()
    alone = device.project(ordered, carried)
    parts: list[list[Table]] = []
    start = 0
    for place in [*places, ordered.num_rows]:
        parts.append([device.slice(alone, start, place - start)] if place > start else [])
        start = place + 1
    return parts


def repeated(device: Device, bounds: Table) -> Table:
    """Return bounds in order without the last one of equal ones: keys of which there are more than a range's share."""
    values = device.to_arrow(bounds).to_pylist()
    places = [at for at, (one, other) in enumerate(pairwise(values)) if repr(one) == repr(other)]
    return device.concat([device.slice(bounds, at, 1) for at in places], bounds.schema)


def _marked(*, is_bound: bool) -> NamedExpr:
    return NamedExpr(name=_BOUND, expr=Literal(value=is_bound, dtype=dtypes.bool_))
