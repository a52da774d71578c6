"""The tables of TPC-H, generated, and their rows in Volley and in DuckDB: what the tests of both surfaces stand on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa

import volley as vl
from tests.sql.oracle import rows_of, same_value

TABLES = ("lineitem", "orders", "part", "partsupp", "supplier", "nation", "region", "customer")
TEXTS = Path(__file__).parents[1] / "sql" / "tpch"
"""The 22 query texts, which DuckDB answers."""


def generate(folder: Path, scale: str) -> Path:
    """Write the tables as Parquet into a folder; scale 1 is about 1 GB as text."""
    beside = Path(sys.executable).with_name("tpchgen-cli")
    program = str(beside) if beside.exists() else shutil.which("tpchgen-cli")
    assert program is not None, "tpchgen-cli is missing; install the [dev] extra"
    subprocess.run([program, "parquet", "-s", scale, f"--output-dir={folder}"], check=True, capture_output=True)
    return folder


def frames(folder: Path) -> dict[str, vl.DataFrame]:
    """Return the tables as frames."""
    return {name: vl.read_parquet(str(folder / f"{name}.parquet")) for name in TABLES}


def answer(sql: str, folder: Path) -> pa.Table:
    """Return DuckDB's rows of a query over the tables."""
    connection = duckdb.connect(config={"threads": 2, "memory_limit": "4GB"})
    for name in TABLES:
        connection.execute(f"create view {name} as select * from '{folder / name}.parquet'")
    return connection.sql(sql).to_arrow_table()


def assert_same_rows(ours: pa.Table, theirs: pa.Table) -> None:
    """Compare names and rows in order: every query orders its rows, or gives one."""
    assert ours.schema.names == theirs.schema.names
    left, right = rows_of(ours), rows_of(theirs)
    assert len(left) == len(right)
    for mine, oracle in zip(left, right, strict=True):
        assert all(same_value(a, b) for a, b in zip(mine, oracle, strict=True)), (mine, oracle)
