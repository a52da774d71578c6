"""``python -m tests.sql.fuzz``: random queries, each compared with DuckDB's answer. One seed is one query."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa

from tests.sql.oracle import rows_of, same_value
from tests.sql.random_queries import QueryMaker, random_tables
from tests.sql.random_values import ValueMaker, random_values
from tests.support.simulated_gpu import SESSIONS
from volley.engine.errors import UnsupportedOperation, VolleyError
from volley.sql import query

PER_TABLES = 100
"""Queries in a row over the same tables."""


def verdict(text: str, tables: Mapping[str, pa.Table], connection: duckdb.DuckDBPyConnection) -> str | None:
    """Return what is wrong with Volley's answer; None where nothing is.

    Where DuckDB refuses the query or fails, such as for an overflow, Volley may answer or end with an error of its own.
    """
    try:
        theirs = connection.sql(text).to_arrow_table()
    except duckdb.Error:
        theirs = None
    try:
        ours = query(text, tables).to_arrow()
    except UnsupportedOperation as error:
        return f"not supported: {error}"
    except VolleyError as error:
        return None if theirs is None else f"{type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001 - that there are none is what is tested
        return f"not an error of Volley's: {type(error).__name__}: {error}"
    if theirs is None:
        return None
    left, right = sorted(rows_of(ours), key=repr), sorted(rows_of(theirs), key=repr)
    if len(left) != len(right):
        return f"{len(left)} rows, DuckDB has {len(right)}"
    for mine, oracle in zip(left, right, strict=True):
        if not all(same_value(a, b) for a, b in zip(mine, oracle, strict=True)):
            return f"{mine} is not {oracle}"
    return None


def connected(tables: Mapping[str, pa.Table]) -> duckdb.DuckDBPyConnection:
    """Return DuckDB with tables."""
    connection = duckdb.connect(config={"threads": 1})
    for name, table in tables.items():
        connection.register(name, table)
    connection.execute("set timezone = 'UTC'")
    return connection


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: exit code 1 if any query went wrong."""
    command = argparse.ArgumentParser(prog="python -m tests.sql.fuzz", description=__doc__)
    command.add_argument("-n", type=int, default=1000, metavar="N", help="number of queries (default 1000)")
    command.add_argument("--seed", type=int, default=0, metavar="SEED", help="seed of the first query (default 0)")
    command.add_argument("--device", choices=SESSIONS, default="cpu", help="what runs them (default cpu)")
    command.add_argument("--values", action="store_true", help="queries of typed values, not of integers in any shape")
    command.add_argument("--show", action="store_true", help="print every query before it runs")
    asked = command.parse_args(arguments)
    wrong, began = 0, time.monotonic()
    session = SESSIONS[asked.device]()
    for seed in range(asked.seed, asked.seed + asked.n):
        if seed == asked.seed or seed % PER_TABLES == 0:
            tables = random_values(seed // PER_TABLES) if asked.values else random_tables(seed // PER_TABLES)
            connection = connected(tables)
            print(f"{seed - asked.seed} queries, {wrong} wrong", file=sys.stderr, flush=True)
        text = ValueMaker(seed).query() if asked.values else QueryMaker(seed).query()
        if asked.show:
            print(f"{seed}: {text}", flush=True)
        with session:
            found = verdict(text, tables, connection)
        if found is not None:
            wrong += 1
            print(f"seed {seed}: {found}\n  {text}", flush=True)
    print(f"{asked.n} queries from seed {asked.seed}: {wrong} wrong, {time.monotonic() - began:.0f} s")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
