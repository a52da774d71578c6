"""``python -m benchmarks.gpu``: what one GPU does, ready for the day that there is one.

Nothing is fetched: TPC-H's tables are generated with ``tpcgen-cli`` from the development tools. With
``VOLLEY_SIMULATE_GPU=1`` every command shows that it runs, and nothing about speed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import volley as vl
from benchmarks.__main__ import main as compare

from . import kernels, tpch, training

EXAMPLES = """\
examples:
  python -m benchmarks.gpu kernels                 each kernel beside a bare copy of its bytes on the device
  python -m benchmarks.gpu tpch                    all 22 queries, on GPU and CPU, at the scale that fits the device
  python -m benchmarks.gpu tpch --scale 100 --queries 1,6,9
  python -m benchmarks.gpu training --rows 10000000   models fitted, applied and explained on GPU and CPU
  python -m benchmarks.gpu rivals --scale 10       Volley on the GPU and the CPU, cudf-polars and Polars in turns
"""
RIVALS = ("volley-gpu", "volley", "cudf-polars", "polars")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    command = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description="Measure one GPU.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = command.add_subparsers(dest="what", required=True)
    one = commands.add_parser("kernels", help="kernels against the memory's bandwidth")
    one.add_argument("--rows", type=int, default=100_000_000, help="rows of the columns (100 million)")
    two = commands.add_parser("tpch", help="TPC-H on the GPU and on the CPU, with what crossed the bus")
    two.add_argument("--data", type=Path, default=Path("benchmarks/data/gpu"), help="folder of generated tables")
    two.add_argument("--queries", default="", help="numbers such as 1,6,9 (default all)")
    two.add_argument("--no-cpu", action="store_true", help="leave the CPU device out")
    three = commands.add_parser("rivals", help="beside cudf-polars and Polars, in processes that take turns")
    three.add_argument("--engine", action="append", choices=RIVALS, help="only this engine; repeatable")
    three.add_argument("--case", default="tpch-*", help="cases of python -m benchmarks (all of TPC-H)")
    four = commands.add_parser("training", help="models on the GPU and on the CPU, with what crossed the bus")
    four.add_argument("--rows", default="1000000,10000000", help="training rows, one number or more (1 and 10 million)")
    four.add_argument("--explain-rows", type=int, default=100_000, help="rows that are explained (100,000)")
    four.add_argument("--model", action="append", choices=training.MODELS, help="only this one; repeatable")
    four.add_argument("--trees", type=int, default=100, help="rounds of boosting (100)")
    for part in (two, three):
        part.add_argument("--scale", help="TPC-H's scale factor (100 where the device has 40 GiB or more, else 10)")
    for part in (one, two, three, four):
        part.add_argument("--repeat", type=int, default=3, help="timed runs of each (3)")
    asked = command.parse_args(arguments)
    session = vl.Session(device="gpu")
    if asked.what == "rivals":
        return _rivals(session, asked)
    for line in _lines(session, asked):
        sys.stdout.write(json.dumps(line) + "\n")
    return 0


def _lines(session: vl.Session, asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    if asked.what == "kernels":
        yield from kernels.measured(session.device, asked.rows, asked.repeat)
        return
    if asked.what == "training":
        for rows in map(int, asked.rows.split(",")):
            for model in asked.model or training.MODELS:
                explained = min(rows, asked.explain_rows)
                yield from training.measured(session, model, rows, explained, asked.trees, asked.repeat)
        return
    wanted = {int(number) for number in asked.queries.split(",") if number} or set(range(1, 23))
    yield from tpch.measured(
        session, asked.data, asked.scale or tpch.scale_for(session), wanted, asked.repeat, cpu=not asked.no_cpu
    )


def _rivals(session: vl.Session, asked: argparse.Namespace) -> int:
    """Run the harness of the CPU's benchmarks, which compares the answers, with the engines of the GPU among them."""
    engines = [text for name in asked.engine or RIVALS for text in ("--engine", name)]
    scale = asked.scale or tpch.scale_for(session)
    record = "gpu" if session.device.name == "gpu" else "latest"  # which git ignores
    options = ["--case", asked.case, "--scale", scale, "--repeat", str(asked.repeat), "--record", record]
    return compare([*engines, *options])


if __name__ == "__main__":
    sys.exit(main())
