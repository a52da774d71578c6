"""The tables of TPC-H and TPC-DS, generated, and their rows in Volley and in DuckDB."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import duckdb
import pyarrow as pa

import volley as vl
from tests.sql.oracle import rows_of, same_value
from volley.sql import query

SQL = Path(__file__).parents[1] / "sql"


def texts(benchmark: str) -> list[Path]:
    """Return the files of the query texts of ``tpch`` or ``tpcds``, in their order."""
    return sorted((SQL / benchmark).glob("q*.sql"))


def generate(folder: Path, scale: str, benchmark: str = "tpch") -> Path:
    """Write the tables as Parquet into a folder; scale 1 is about 1 GB as text."""
    beside = Path(sys.executable).with_name("tpcgen-cli")
    program = str(beside) if beside.exists() else shutil.which("tpcgen-cli")
    assert program is not None, "tpcgen-cli is missing; install the [dev] extra"
    command = [program, benchmark, "parquet", "-s", scale, f"--output-dir={folder}"]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def frames(folder: Path) -> dict[str, vl.DataFrame]:
    """Return the tables as frames."""
    return {file.stem: vl.read_parquet(str(file)) for file in sorted(folder.glob("*.parquet"))}


def answer(sql: str, folder: Path) -> pa.Table:
    """Return DuckDB's rows of a query over the tables."""
    connection = duckdb.connect(config={"threads": 2, "memory_limit": "4GB"})
    for file in sorted(folder.glob("*.parquet")):
        connection.execute(f"create view {file.stem} as select * from '{file}'")
    return connection.sql(sql).to_arrow_table()


def assert_same_rows(ours: pa.Table, theirs: pa.Table) -> None:
    """Compare names and rows in order: every query of both benchmarks orders its rows, or gives one."""
    assert ours.schema.names == theirs.schema.names
    left, right = rows_of(ours), rows_of(theirs)
    assert len(left) == len(right)
    for mine, oracle in zip(left, right, strict=True):
        assert all(same_value(a, b) for a, b in zip(mine, oracle, strict=True)), (mine, oracle)


def assert_as_duckdb(text: Path, folder: Path, session: vl.Session | None = None) -> None:
    """Compare both answers to the text in a file."""
    sql = text.read_text()
    with session or nullcontext():
        ours = query(sql, frames(folder)).to_arrow()
    assert_same_rows(ours, answer(sql, folder))
