"""Queries that write more than they may hold: by files under a limit of memory, and without a limit.

``python -m benchmarks.spill [--scale 1] [--limit 256MiB] [--turns 2] [--record NAME]`` lets Volley and DuckDB read
TPC-H and write Parquet with the same codec, each run in a process of its own, in turns. The clock starts when that
process has run the query on a table a thousandth of TPC-H's. Resident memory is the greatest of that process, libraries
included; what a limit counts is each engine's own affair. The rows written are compared.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

import volley as vl

from . import record
from .data import tpch

QUERIES = {
    "sort": "select * from lineitem order by l_comment, l_orderkey, l_linenumber",
    "group": """
        select l_orderkey, l_partkey, count(*) n, sum(l_quantity) quantity, max(l_comment) comment
        from lineitem group by l_orderkey, l_partkey
    """,
    "join": """
        select a.l_orderkey, a.l_comment, b.l_linenumber, b.l_comment other
        from lineitem a join lineitem b on a.l_orderkey = b.l_orderkey and a.l_linenumber < b.l_linenumber
    """,
}
TABLE = "lineitem"
"""What they all read."""
FIRST_SCALE = 0.001
THREADS, CODEC = 2, "zstd"


def by_volley(text: str, file: str, limit: str, target: str, folder: str) -> None:
    """Write what a query gives."""
    with vl.Session(device="cpu", threads=THREADS, memory_limit=limit or None, spill_dir=folder):
        vl.sql(text, lineitem=vl.read_parquet(file)).to_parquet(target, compression=CODEC)


def by_duckdb(text: str, file: str, limit: str, target: str, folder: str) -> None:
    """Write what a query gives, in any order: that is how DuckDB writes with the least memory."""
    settings = {"memory_limit": limit} if limit else {}
    settings |= {"threads": str(THREADS), "temp_directory": folder, "preserve_insertion_order": "false"}
    with duckdb.connect(config=settings) as connection:
        connection.execute(f"create view {TABLE} as select * from '{file}'")
        connection.execute(f"copy ({text}) to '{target}' (format parquet, compression {CODEC})")


ENGINES = {"volley": by_volley, "duckdb": by_duckdb}


def alone(engine: str, case: str, file: str, limit: str, folder: str) -> None:
    """Run one query in this process, and print its figures."""
    target = Path(folder) / f"{engine}-{case}.parquet"
    small = tpch((TABLE,), FIRST_SCALE)[TABLE]
    ENGINES[engine](QUERIES[case], str(small), limit, str(target), folder)
    before, start = _used(), time.perf_counter()
    ENGINES[engine](QUERIES[case], file, limit, str(target), folder)
    seconds, used = time.perf_counter() - start, _used()
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    figures = {"seconds": seconds, "cpu": cpu, "peak": used.ru_maxrss * 1024}
    print(json.dumps(figures | {"bytes": target.stat().st_size}))


def _used() -> resource.struct_rusage:
    return resource.getrusage(resource.RUSAGE_SELF)


def run(engine: str, case: str, file: Path, limit: str, folder: str) -> dict[str, Any]:
    """Run one query in a process of its own and return its figures, or why there are none."""
    call = [sys.executable, "-m", "benchmarks.spill", "--alone", engine, case, str(file), limit, folder]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return {"failed": next((line for line in reversed(lines) if "Error" in line), lines[-1])}
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def rows_written(engine: str, case: str, folder: str) -> tuple[Any, ...]:
    """Return how many rows there are, and what their texts add up to."""
    file = Path(folder) / f"{engine}-{case}.parquet"
    with duckdb.connect() as connection:
        names = [name for name, *_ in connection.execute(f"describe select * from '{file}'").fetchall()]
        sums = ", ".join(f'sum(hash("{name}"::varchar)::hugeint)' for name in names)
        return connection.execute(f"select count(*), {sums} from '{file}'").fetchall()[0]


def page(name: str, kept: Mapping[str, Any]) -> str:
    """Return the record as a Markdown page."""
    versions = ", ".join(f"{engine} {number}" for engine, number in kept["versions"].items())
    lines = [
        f"## Record {name}: runs under a limit of memory",
        "",
        (
            f"{kept['made']}, commit {kept['commit']}; {kept['machine']['cpu']}, {kept['machine']['cores']} cores, "
            f"load {kept['machine']['load']:.1f} over 15 minutes; {versions}. TPC-H at scale {kept['scale']:g} "
            f"from Parquet to Parquet ({CODEC}), {THREADS} threads, best of {kept['turns']} turns; limit "
            f"{kept['limit']}."
        ),
        "",
        "| query | engine | limit | seconds | processor seconds | resident MiB | file MB |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    for case, engine, limit, figures in kept["runs"]:
        if "failed" in figures:
            lines.append(f"| {case} | {engine} | {limit or 'none'} | {figures['failed']} | | | |")
            continue
        sizes = f"{figures['peak'] / 2**20:.0f} | {figures['bytes'] / 1e6:.0f}"
        told = f"{figures['seconds']:.1f} | {figures['cpu']:.1f} | {sizes}"
        lines.append(f"| {case} | {engine} | {limit or 'none'} | {told} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all queries and write the record."""
    command = argparse.ArgumentParser(prog="python -m benchmarks.spill", description=__doc__.splitlines()[0])
    command.add_argument("--scale", type=float, default=1.0, help="scale factor of TPC-H (default: %(default)s)")
    command.add_argument("--limit", default="256MiB", help="most memory (default: %(default)s)")
    command.add_argument("--turns", type=int, default=2, help="runs of each, of which the best counts")
    command.add_argument("--record", default="latest-spill", metavar="NAME", help="name of the record to write")
    command.add_argument("--alone", nargs=5, help=argparse.SUPPRESS)
    asked = command.parse_args(arguments)
    if asked.alone:
        alone(*asked.alone)
        return 0
    file, _ = (tpch((TABLE,), scale)[TABLE] for scale in (asked.scale, FIRST_SCALE))
    runs: list[tuple[str, str, str, dict[str, Any]]] = []
    differ = []
    for case in QUERIES:
        with tempfile.TemporaryDirectory(prefix="volley-spill-") as folder:
            made: dict[tuple[str, str], list[dict[str, Any]]] = {}
            found = set()
            for _ in range(asked.turns):
                for limit in ("", asked.limit):
                    for engine in ENGINES:
                        figures = run(engine, case, file, limit, folder)
                        made.setdefault((engine, limit), []).append(figures)
                        if "failed" not in figures:
                            found.add(rows_written(engine, case, folder))
        runs += [(case, *who, min(each, key=lambda one: one.get("seconds", 0.0))) for who, each in made.items()]
        differ += [case] if len(found) > 1 else []
    kept = {
        "versions": {"volley": vl.__version__, "duckdb": version("duckdb")},
        "scale": asked.scale,
        "limit": asked.limit,
        "turns": asked.turns,
        "runs": runs,
    }
    record.keep(asked.record, kept, page)
    if differ:
        print(f"rows differ: {', '.join(differ)}", file=sys.stderr)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
