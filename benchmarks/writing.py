"""Parquet from Parquet: how fast a table is written, and how large the file is.

``python -m benchmarks.writing [--scale 1] [--turns 3] [--record NAME]`` lets Volley, DuckDB, Polars and pyarrow copy
TPC-H's lineitem with the same codec and as many rows per row group, each run in a process of its own, in turns. The
clock starts when that process has copied a table of 25 rows. All keep the order of the rows. The rows written are
compared.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from . import record
from .data import tpch

TABLE, SMALL, THREADS, GROUP_ROWS = "lineitem", "nation", 2, 256 * 1024
CODECS = ("zstd", "snappy")
Copy = Callable[[], Any]


def by_volley(source: str, target: str, codec: str) -> Copy:
    """Return what copies a file."""
    import volley as vl

    def copy() -> None:
        with vl.Session(device="cpu", threads=THREADS):
            vl.read_parquet(source).to_parquet(target, compression=codec, row_group_rows=GROUP_ROWS)

    return copy


def by_duckdb(source: str, target: str, codec: str) -> Copy:
    """Return what copies a file."""
    import duckdb

    options = f"format parquet, compression {codec}, row_group_size {GROUP_ROWS}"
    connection = duckdb.connect(config={"threads": THREADS})
    return lambda: connection.execute(f"copy (from '{source}') to '{target}' ({options})")


def by_polars(source: str, target: str, codec: str) -> Copy:
    """Return what copies a file."""
    os.environ["POLARS_MAX_THREADS"] = str(THREADS)
    import polars as pl

    compression: Any = codec
    return lambda: pl.scan_parquet(source).sink_parquet(target, compression=compression, row_group_size=GROUP_ROWS)


def by_pyarrow(source: str, target: str, codec: str) -> Copy:
    """Return what copies a file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_cpu_count(THREADS)
    return lambda: pq.write_table(pq.read_table(source), target, compression=codec, row_group_size=GROUP_ROWS)


ENGINES = {"volley": by_volley, "duckdb": by_duckdb, "polars": by_polars, "pyarrow": by_pyarrow}


def alone(engine: str, source: str, target: str, codec: str) -> None:
    """Copy a file in this process, and print what that takes."""
    ENGINES[engine](str(Path(source).with_name(f"{SMALL}.parquet")), target, codec)()
    copy = ENGINES[engine](source, target, codec)
    before, start = _processor_seconds(), time.perf_counter()
    copy()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    figures = {"seconds": seconds, "cpu": _processor_seconds() - before, "peak": peak}
    print(json.dumps(figures | {"bytes": Path(target).stat().st_size}))


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(engine: str, source: Path, target: Path, codec: str) -> dict[str, Any]:
    """Copy a file in a process of its own and return its figures."""
    call = [sys.executable, "-m", "benchmarks.writing", "--alone", engine, str(source), str(target), codec]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{engine}: {done.stderr.strip().splitlines()[-1]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def same_rows(source: Path, target: Path) -> bool:
    """Return whether a copy has the rows of its source."""
    import duckdb

    with duckdb.connect() as connection:
        names = [name for name, *_ in connection.execute(f"describe from '{source}'").fetchall()]
        sums = ", ".join(f'sum(hash("{name}"::varchar)::hugeint)' for name in names)
        one, other = (
            connection.execute(f"select count(*), {sums} from '{file}'").fetchall() for file in (source, target)
        )
    return one == other


def page(name: str, kept: Mapping[str, Any]) -> str:
    """Return the record as a Markdown page."""
    versions = ", ".join(f"{engine} {number}" for engine, number in kept["versions"].items())
    machine = kept["machine"]
    lines = [
        f"## Record {name}: writing Parquet",
        "",
        (
            f"{kept['made']}, commit {kept['commit']}; {machine['cpu']}, {machine['cores']} cores, load "
            f"{machine['load']:.1f} over 15 minutes; {versions}. TPC-H's {TABLE} at scale {kept['scale']:g} from "
            f"Parquet to Parquet, {GROUP_ROWS:,} rows per row group, {THREADS} threads, best of {kept['turns']} turns."
        ),
        "",
        "| codec | engine | seconds | processor seconds | resident MiB | file MB |",
        "|---|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {codec} | {engine} | {one['seconds']:.2f} | {one['cpu']:.2f} | {one['peak'] / 2**20:.0f} | "
        f"{one['bytes'] / 1e6:.0f} |"
        for codec, engine, one in kept["runs"]
    ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Copy the table with every engine and write the record."""
    command = argparse.ArgumentParser(prog="python -m benchmarks.writing", description=__doc__.splitlines()[0])
    command.add_argument("--scale", type=float, default=1.0, help="scale factor of TPC-H (default: %(default)s)")
    command.add_argument("--turns", type=int, default=3, help="runs of each, of which the best counts")
    command.add_argument("--record", default="latest-writing", metavar="NAME", help="name of the record to write")
    command.add_argument("--alone", nargs=4, help=argparse.SUPPRESS)
    asked = command.parse_args(arguments)
    if asked.alone:
        alone(*asked.alone)
        return 0
    source = tpch((TABLE, SMALL), asked.scale)[TABLE]
    made: dict[tuple[str, str], list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory(prefix="volley-writing-") as folder:
        for turn in range(asked.turns):
            for codec in CODECS:
                for engine in ENGINES:
                    target = Path(folder) / f"{engine}.parquet"
                    made.setdefault((codec, engine), []).append(run(engine, source, target, codec))
                    if turn == 0 and not same_rows(source, target):
                        raise SystemExit(f"{engine} wrote other rows")
    runs = [(*who, min(each, key=lambda one: one["seconds"])) for who, each in made.items()]
    kept = {
        "versions": {engine: version("volley-engine" if engine == "volley" else engine) for engine in ENGINES},
        "scale": asked.scale,
        "turns": asked.turns,
        "runs": runs,
    }
    record.keep(asked.record, kept, page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
