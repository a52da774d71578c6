"""``python -m benchmarks.gpu``: kernels against the memory's bandwidth, and TPC-H beside the CPU device, on one GPU.

One process, one warm-up run of everything, then the least of some runs. Nothing is fetched: TPC-H's tables are
generated with ``tpcgen-cli`` from the development tools, into ``--data``. With ``VOLLEY_SIMULATE_GPU=1`` it only shows
that it runs, and nothing about speed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import volley as vl
from tests.support.tpc import frames, generate, texts
from volley.engine.arrow import from_arrow_schema
from volley.engine.expr import Column, NamedExpr, SortKey, literal
from volley.engine.expr.build import call
from volley.engine.kernels.protocol import Accumulator, AccumulatorSpec, Device, GroupSpec
from volley.sql import query


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; print one JSON object per line."""
    command = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    command.add_argument("--scale", default="10", help="TPC-H's scale factor (default 10; 100 needs about 80 GB)")
    command.add_argument("--data", type=Path, default=Path("benchmarks/data/gpu"), help="folder of generated tables")
    command.add_argument("--rows", type=int, default=100_000_000, help="rows of the kernels' columns")
    command.add_argument("--queries", default="", help="numbers such as 1,6,9 (default all)")
    command.add_argument("--repeat", type=int, default=3)
    command.add_argument("--cpu", action="store_true", help="run TPC-H on the CPU device as well")
    asked = command.parse_args(arguments)
    session = vl.Session(device="gpu")
    for line in (*kernels(session.device, asked.rows, asked.repeat), *tpch(session, asked)):
        sys.stdout.write(json.dumps(line) + "\n")
    return 0


def _least(run: Callable[[], Any], repeat: int) -> float:
    run()
    seconds = []
    for _ in range(repeat):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def kernels(device: Device, rows: int, repeat: int) -> Iterator[dict[str, Any]]:
    """Yield seconds and bytes per second of kernels; ``floor`` is what reading and writing a column takes."""
    random = np.random.default_rng(0)
    data = pa.table(
        {"k": random.integers(0, 1000, rows), "x": random.random(rows), "i": random.integers(0, rows, rows)}
    )
    schema = from_arrow_schema(data.schema)
    table = device.from_arrow(data, schema)
    k, x, i = (Column(name=f.name, dtype=f.dtype) for f in schema)
    total = AccumulatorSpec(name="s", kind=Accumulator.SUM, dtype=x.dtype, argument=x)
    grouped = GroupSpec(keys=(NamedExpr(name="k", expr=k),), accumulators=(total,))

    def group() -> None:
        state = device.group_by(grouped)
        state.update(table)
        device.merge_groups(state.partials(1)[0], grouped)

    cases: dict[str, tuple[Callable[[], Any], int]] = {
        "upload": (lambda: device.from_arrow(data, schema), data.nbytes),
        "download": (lambda: device.to_arrow(table), data.nbytes),
        "floor": (lambda: device.project(table, [NamedExpr(name="y", expr=call("negate", x))]), 16 * rows),
        "fused": (
            lambda: device.project(
                table, [NamedExpr(name="y", expr=call("multiply", call("add", x, x), literal(2.0)))]
            ),
            16 * rows,
        ),
        "filter half": (lambda: device.filter(table, call("less", x, literal(0.5))), data.nbytes * 3 // 2),
        "group 1000": (group, 16 * rows),
        "sort": (lambda: device.sort([table], [SortKey(expr=i)], schema), 2 * data.nbytes),
    }
    for name, (run, size) in cases.items():
        seconds = _least(run, repeat)
        yield {
            "kernel": name,
            "rows": rows,
            "seconds": seconds,
            "bytes_per_second": size / seconds,
            "device": device.name,
        }


def tpch(session: vl.Session, asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield seconds of each query, and the bytes that crossed the bus in one run."""
    from volley.engine.kernels.gpu import memory

    folder = asked.data / asked.scale
    if not folder.is_dir():
        folder.mkdir(parents=True)
        generate(folder, asked.scale)
    wanted = {int(number) for number in asked.queries.split(",") if number} or set(range(1, 23))
    for text in texts("tpch"):
        number = int(text.stem[1:])
        if number not in wanted:
            continue
        line: dict[str, Any] = {"query": number, "scale": asked.scale, "device": session.device.name}
        line["seconds"] = _least(lambda text=text: _answer(session, text, folder), asked.repeat)
        with memory.counted() as ledger:
            _answer(session, text, folder)
        line |= {"to_device": ledger.to_device, "to_host": ledger.to_host, "spilled": ledger.spilled}
        if asked.cpu:
            line["cpu_seconds"] = _least(lambda text=text: _answer(vl.Session(), text, folder), asked.repeat)
        yield line


def _answer(session: vl.Session, text: Path, folder: Path) -> pa.Table:
    with session:
        return query(text.read_text(), frames(folder)).to_arrow()


if __name__ == "__main__":
    sys.exit(main())
