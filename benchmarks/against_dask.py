"""TPC-H by Volley and by Dask DataFrame: the same workers, the same files, taking turns.

``python -m benchmarks.against_dask [--scale 1] [--queries q01,q06] [--turns 2] [--record NAME]`` starts two worker
processes of one thread each. Both engines get their queries as a user writes them: SQL here, frames there
(``benchmarks/dask_frames.py``). Processor seconds are those of the workers and of this process, in which the client and
the scheduler are; on a machine that does other work as well they say more than seconds. Answers are compared first.
Needs ``dask[dataframe]``, whose module comes with ``dask``.
"""

from __future__ import annotations

import argparse
import inspect
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import volley as vl
from tests.support.tpc import texts
from volley.engine.frame import DataFrame
from volley.engine.runners.dask import ClusterSettings, start_cluster
from volley.sql import query

from .dask_frames import QUERIES, read
from .data import TPCH, tpch
from .record import FOLDER, commit, machine

_PATIENCE = 900
"""Seconds after which a query of Dask DataFrame counts as one that it cannot run."""


def rows_of(found: Any) -> list[tuple[Any, ...]]:
    """Return the rows of an answer in an order of their own; numbers as floats, times as days."""
    frame = found if isinstance(found, pd.DataFrame) else pd.DataFrame({"value": [found]})
    columns = [[_plain(value) for value in frame[name].astype(object)] for name in frame.columns]
    return sorted(zip(*columns, strict=True), key=lambda row: [f"{v:.4g}" if isinstance(v, float) else v for v in row])


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if hasattr(value, "isoformat"):
        return value.isoformat()[:10]
    return float(value)


def differs(ours: Any, theirs: Any) -> str:
    """Return how two answers differ, or nothing."""
    left, right = rows_of(ours), rows_of(theirs)
    if len(left) != len(right):
        return f"{len(right)} rows, Volley has {len(left)}"
    for one, other in zip(left, right, strict=True):
        if len(one) != len(other) or not all(map(_alike, one, other)):
            return f"{other} is not {one}"
    return ""


def _alike(one: Any, other: Any) -> bool:
    both = isinstance(one, float) and isinstance(other, float)
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6) if both else bool(one == other)


def plain(paths: Mapping[str, Path]) -> dict[str, Path]:
    """Return files of the same rows and row groups whose texts are strings: pandas cannot take rows of string views."""
    made = {}
    for name, path in paths.items():
        home = path.parent.with_name(f"{path.parent.name}-plain")
        made[name] = home / path.name
        if made[name].exists():
            continue
        home.mkdir(exist_ok=True)
        stored = pq.ParquetFile(path)
        types = [pa.string() if f.type == pa.string_view() else f.type for f in stored.schema_arrow]
        schema = pa.schema(list(zip(stored.schema_arrow.names, types, strict=True)))
        part = made[name].with_suffix(".part")
        with pq.ParquetWriter(part, schema) as writer:
            for group in range(stored.num_row_groups):
                writer.write_table(stored.read_row_group(group).cast(schema))
        part.replace(made[name])
    return made


class Spent:
    """Processor seconds of the workers and of this process."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def now(self) -> float:
        """Return them since the processes began."""
        return float(sum(self.client.run(time.process_time).values())) + time.process_time()

    def by(self, work: Callable[[], Any]) -> tuple[Any, float, float]:
        """Return what a call gives, the seconds and the processor seconds it took."""
        before, begun = self.now(), time.perf_counter()
        found = work()
        seconds = time.perf_counter() - begun
        return found, seconds, self.now() - before


def compare(
    names: Sequence[str], scale: float, turns: int, client: Any, session: vl.Session
) -> dict[str, dict[str, Any]]:
    """Return the least seconds of each query on either side, or why Dask DataFrame has no answer."""
    paths = plain(tpch(TPCH, scale))
    ours, theirs = {name: vl.read_parquet(path) for name, path in paths.items()}, read(paths)
    written = {path.stem: path.read_text() for path in texts("tpch")}
    spent, found = Spent(client), {}
    for name in names:
        plan = query(written[name], ours).plan
        tables = [theirs[table] for table in inspect.signature(QUERIES[name]).parameters]

        def volley(plan: Any = plan) -> Any:
            return DataFrame.from_plan(plan, session).to_arrow().to_pandas()

        def dask(name: str = name, tables: Any = tables) -> Any:
            return client.compute(QUERIES[name](*tables)).result(timeout=_PATIENCE)

        taken: dict[str, list[tuple[float, float]]] = {"volley": [], "dask": []}
        one: dict[str, Any] = {"refused": ""}
        for turn in range(turns + 1):
            answers = {}
            for engine, work in (("volley", volley), ("dask", dask)):
                if engine == "dask" and one["refused"]:
                    continue
                try:
                    answers[engine], seconds, processor = spent.by(work)
                except Exception as error:  # whatever it is, Dask DataFrame has no answer
                    if engine == "volley":
                        raise
                    one["refused"] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
                    continue
                if turn:
                    taken[engine].append((seconds, processor))
            if not turn and "dask" in answers:
                one["differs"] = differs(answers["volley"], answers["dask"])
        for engine, pairs in taken.items():
            if pairs:
                one[f"{engine} s"] = min(pair[0] for pair in pairs)
                one[f"{engine} cpu s"] = min(pair[1] for pair in pairs)
        found[name] = one
        print(name, json.dumps(one), flush=True)
    return found


def table(found: dict[str, dict[str, Any]]) -> str:
    """Return the figures as a table in Markdown."""
    head = "| | Volley | Dask DataFrame | times | Volley, processor | Dask DataFrame, processor | times |"
    lines = [head, "|---|" + "---:|" * 6]
    sums = [0.0] * 4
    for name, one in found.items():
        if "dask s" not in one:
            lines.append(f"| {name} | {one['volley s']:.2f} s | {one['refused']} | | {one['volley cpu s']:.2f} s | | |")
            continue
        four = [one[f"{engine} {what}"] for what in ("s", "cpu s") for engine in ("volley", "dask")]
        sums = [total + value for total, value in zip(sums, four, strict=True)]
        lines.append(_line(name, four))
    lines.append(_line("all that both run", sums))
    return "\n".join(lines)


def _line(name: str, four: Sequence[float]) -> str:
    ours, theirs, our_cpu, their_cpu = four
    return (
        f"| {name} | {ours:.2f} s | {theirs:.2f} s | {ours / theirs:.2f} | "
        f"{our_cpu:.2f} s | {their_cpu:.2f} s | {our_cpu / their_cpu:.2f} |"
    )


def main() -> None:
    """Measure, print, and keep the figures if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.against_dask", description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--queries", default="", help="such as q01,q06; all where absent")
    parser.add_argument("--turns", type=int, default=2, help="turns that count, after one that does not (2)")
    parser.add_argument("--record", metavar="NAME")
    asked = parser.parse_args()
    names = [name for name in asked.queries.split(",") if name] or list(QUERIES)
    settings = ClusterSettings(workers=2, memory_limit=4 << 30)
    with start_cluster(settings) as started, vl.Session(device="cpu", cluster=started.scheduler_address) as session:
        found = compare(names, asked.scale, asked.turns, session.cluster.client, session)
    text = table(found)
    print(text)
    if asked.record:
        versions = {name: version(name) for name in ("dask", "distributed", "pandas", "pyarrow")}
        content = {"commit": commit(), "machine": machine(), "scale": asked.scale, "versions": versions}
        content["queries"] = found
        (FOLDER / f"{asked.record}.json").write_text(json.dumps(content, indent=1) + "\n")
        head = f"## Record {asked.record}\n\nCommit {commit()}, scale {asked.scale:g}, two workers of one thread.\n\n"
        (FOLDER / f"{asked.record}.md").write_text(head + text + "\n")


if __name__ == "__main__":
    main()
