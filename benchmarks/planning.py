"""How long planning takes: the 99 texts of TPC-DS, and texts that are large in one way.

``python -m benchmarks.planning [--repeat 3] [--record NAME]`` prints processor milliseconds of parsing and binding, of
optimising and of both, each the least of several rounds; ``--record`` keeps them in benchmarks/records. DuckDB's
figure is that of EXPLAIN, which parses, binds and optimises too; its tables are empty ones of the same columns.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import tokenizer_core

import volley as vl
from tests.support.tpc import texts
from volley.sql import query

from .data import TPCDS, tpcds
from .record import FOLDER as RECORDS
from .record import commit, machine

SCALE = 0.01


def large_texts() -> dict[str, str]:
    """Return texts large in one way, over a table ``t`` with columns a, b and c0 to c499, and ``s`` with a and b."""
    joins = " ".join(f"join s s{i} on s{i - 1}.a = s{i}.a" for i in range(1, 51))
    return {
        "500 columns": f"select {', '.join(f'c{i} + 1 as d{i}' for i in range(500))} from t where c0 > 1",
        "50 joins": f"select count(*) from s s0 {joins}",
        "2,000 ORs": f"select count(*) from t where {' or '.join(f'(a = {i} and b = {i + 1})' for i in range(2000))}",
        "10,000 IN items": f"select count(*) from t where a in ({', '.join(str(i) for i in range(10_000))})",
    }


def planned(texts: Sequence[str], frames: Mapping[str, vl.DataFrame]) -> tuple[float, float]:
    """Return the processor seconds of parsing and binding, and of optimising, all texts."""
    binding = optimising = 0.0
    for text in texts:
        began = time.process_time()
        frame = query(text, frames)
        bound = time.process_time()
        frame.session.optimized(frame.plan)
        binding += bound - began
        optimising += time.process_time() - bound
    return binding, optimising


def explained(texts: Sequence[str], connection: duckdb.DuckDBPyConnection) -> float:
    """Return the processor seconds of DuckDB's EXPLAIN of all texts."""
    began = time.process_time()
    for text in texts:
        connection.execute("explain " + text).fetchall()
    return time.process_time() - began


def connected(frames: Mapping[str, vl.DataFrame]) -> duckdb.DuckDBPyConnection:
    """Return DuckDB with empty tables of the frames' columns."""
    connection = duckdb.connect(config={"threads": 1})
    for name, frame in frames.items():
        connection.register("given", frame.head(0).to_arrow())
        connection.execute(f"create table {name} as select * from given")
        connection.unregister("given")
    return connection


def measured(repeat: int) -> dict[str, dict[str, float]]:
    """Return milliseconds by case and figure."""
    files = {name: vl.read_parquet(str(path)) for name, path in tpcds(TPCDS, SCALE).items()}
    queries = [path.read_text() for path in texts("tpcds")]
    columns = {"a": pa.array([1, 2, 3]), "b": pa.array([1, 2, 3]), **{f"c{i}": pa.array([1, 2, 3]) for i in range(500)}}
    wide = {"t": vl.DataFrame(pa.table(columns)), "s": vl.DataFrame(pa.table({k: columns[k] for k in ("a", "b")}))}
    cases = {f"TPC-DS, {len(queries)} texts": (queries, files)}
    cases |= {name: ([text], wide) for name, text in large_texts().items()}
    result = {}
    for name, (asked, frames) in cases.items():
        rival = connected(frames)
        rounds = [(*planned(asked, frames), explained(asked, rival)) for _ in range(repeat)]
        binding, optimising, theirs = (min(values) * 1000 for values in zip(*rounds, strict=True))
        figures = {"bind": binding, "optimise": optimising, "both": binding + optimising, "duckdb": theirs}
        result[name] = {key: round(value, 1) for key, value in figures.items()}
    return result


def page(name: str, facts: Mapping[str, Any]) -> str:
    """Return the record as Markdown."""
    where = facts["machine"]
    lines = [
        f"## Planning time {name}",
        "",
        (
            f"Commit {facts['commit']}; {where['cpu']}, load {where['load']:.1f} over 15 minutes, "
            f"Python {facts['python']}, sqlglot {facts['sqlglot']}, DuckDB {facts['duckdb']}. "
            f"Processor milliseconds, least of {facts['repeat']} rounds."
        ),
        "",
        "| case | parse and bind | optimise | both | DuckDB's EXPLAIN |",
        "|---|---:|---:|---:|---:|",
    ]
    for case, row in facts["cases"].items():
        lines.append(f"| {case} | {row['bind']} | {row['optimise']} | {row['both']} | {row['duckdb']} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    command = argparse.ArgumentParser(prog="python -m benchmarks.planning", description="Measure planning time.")
    command.add_argument("--repeat", type=int, default=3, metavar="N", help="rounds (default 3)")
    command.add_argument("--record", metavar="NAME", help="keep the figures as benchmarks/records/NAME.json and .md")
    asked = command.parse_args(arguments)
    parser = "pure Python" if str(tokenizer_core.__file__).endswith(".py") else "compiled"
    facts = {
        "commit": commit(),
        "machine": machine(),
        "python": sys.version.split()[0],
        "sqlglot": f"{sqlglot.__version__} ({parser})",
        "duckdb": duckdb.__version__,
        "repeat": asked.repeat,
        "cases": measured(asked.repeat),
    }
    text = page(asked.record or "now", facts)
    if asked.record:
        (RECORDS / f"{asked.record}.json").write_text(json.dumps(facts, indent=1) + "\n")
        (RECORDS / f"{asked.record}.md").write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
