"""Kernels beside a bare copy: how many bytes a second each moves of those that it must read and write once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from volley.engine import dtypes
from volley.engine.arrow import from_arrow_schema
from volley.engine.expr import Column, NamedExpr, SortKey, literal
from volley.engine.expr.build import call
from volley.engine.kernels.protocol import Device, Table
from volley.engine.kernels.specs import Accumulator, AccumulatorSpec, GroupSpec, JoinSide, JoinSpec
from volley.engine.schema import Schema

from .measure import least_seconds

Case = tuple[Callable[[], Any], int]
"""A call, and the bytes that it must read and write."""


def measured(device: Device, rows: int, repeat: int) -> Iterator[dict[str, Any]]:
    """Yield seconds, bytes a second and the share of the floor's for each kernel; the floor comes first."""
    random = np.random.default_rng(0)
    data = pa.table(
        {
            "k": random.integers(0, 1000, rows),
            "x": random.random(rows),
            "i": random.permutation(rows),
            "s": pa.array([f"text {n}" for n in range(1000)]).take(pa.array(random.integers(0, 1000, rows))),
        }
    )
    schema = from_arrow_schema(data.schema)
    table = device.from_arrow(data, schema)
    floor = 0.0
    for name, (run, size) in cases(device, table, data).items():
        seconds = least_seconds(run, repeat)
        floor = floor or size / seconds
        yield {
            "kernel": name,
            "rows": rows,
            "seconds": seconds,
            "bytes_per_second": size / seconds,
            "of_floor": size / seconds / floor,
            "device": device.name,
        }


def cases(device: Device, table: Table, data: pa.Table) -> Mapping[str, Case]:
    """Return the kernels by name; ``copy`` is the floor: reading and writing a column of the device, and no more."""
    rows, schema, word = data.num_rows, table.schema, 8
    k, x, i, s = (Column(name=f.name, dtype=f.dtype) for f in schema)
    few = schema.select(["k", "x", "i"])
    numbers = device.project(table, [NamedExpr(name=f.name, expr=Column(name=f.name, dtype=f.dtype)) for f in few])
    dimension = device.slice(device.project(numbers, [NamedExpr(name="key", expr=i)]), 0, max(1, rows // 100))
    total = AccumulatorSpec(name="s", kind=Accumulator.SUM, dtype=x.dtype, argument=x)

    def grouped(key: Column) -> Callable[[], Any]:
        spec = GroupSpec(keys=(NamedExpr(name="key", expr=key),), accumulators=(total,))

        def run() -> Any:
            state = device.group_by(spec)
            state.update(table)
            return device.merge_groups(state.partials(1)[0], spec)

        return run

    join = JoinSpec(
        side=JoinSide.INNER,
        probe_keys=(i,),
        build_keys=(Column(name="key", dtype=i.dtype),),
        probe_schema=few,
        build_schema=dimension.schema,
        output=Schema((*few, *dimension.schema)),
    )
    built = device.build_join([dimension], join)
    text = data.column("s").nbytes

    def projected(expr: Any) -> Callable[[], Any]:
        return lambda: device.project(table, [NamedExpr(name="y", expr=expr)])

    return {
        "copy": (lambda: device.matrix([table], ["x"], dtypes.float64), 2 * word * rows),
        "negate": (projected(call("negate", x)), 2 * word * rows),
        "fused": (projected(call("multiply", call("add", x, x), literal(2.0))), 2 * word * rows),
        "filter half": (lambda: device.filter(numbers, call("less", x, literal(0.5))), 3 * word * rows * 3 // 2),
        "text equal": (projected(call("equal", s, literal("text 7"))), text + rows),
        "group 1000": (grouped(k), 2 * word * rows),
        "group text": (grouped(s), text + word * rows),
        "probe 1 %": (lambda: built.probe(numbers), 3 * word * rows),
        "sort": (lambda: device.sort([numbers], [SortKey(expr=i)], few), 2 * 3 * word * rows),
        "hash partition": (lambda: device.hash_partition(numbers, [i], 16), 2 * 3 * word * rows),
        "upload": (lambda: device.from_arrow(data.select(["k", "x", "i"]), few), 3 * word * rows),
        "download": (lambda: device.to_arrow(numbers), 3 * word * rows),
    }
