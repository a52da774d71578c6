"""The 22 queries of TPC-H over generated tables, each equal to DuckDB's answer."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import volley as vl
from tests.sql.oracle import rows_of, same_value
from volley.sql import query

TEXTS = sorted((Path(__file__).parent / "tpch").glob("q*.sql"))
TABLES = ("lineitem", "orders", "part", "partsupp", "supplier", "nation", "region", "customer")


@pytest.fixture(scope="session")
def tpch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate the tables at scale factor 0.01 (about 10 MB as text)."""
    folder = tmp_path_factory.mktemp("tpch")
    beside = Path(sys.executable).with_name("tpchgen-cli")
    program = str(beside) if beside.exists() else shutil.which("tpchgen-cli")
    assert program is not None, "tpchgen-cli is missing; install the [dev] extra"
    subprocess.run([program, "parquet", "-s", "0.01", f"--output-dir={folder}"], check=True, capture_output=True)
    return folder


def test_all_22_are_here() -> None:
    assert len(TEXTS) == 22


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.stem)
def test_tpch(text: Path, tpch: Path) -> None:
    sql = text.read_text()
    frames = {name: vl.read_parquet(str(tpch / f"{name}.parquet")) for name in TABLES}
    ours = query(sql, frames).to_arrow()
    connection = duckdb.connect()
    for name in TABLES:
        connection.execute(f"create view {name} as select * from '{tpch / name}.parquet'")
    theirs = connection.sql(sql).to_arrow_table()
    assert ours.schema.names == theirs.schema.names
    left, right = rows_of(ours), rows_of(theirs)
    assert len(left) == len(right)
    for mine, oracle in zip(left, right, strict=True):  # every text orders its rows, or gives one
        assert all(same_value(a, b) for a, b in zip(mine, oracle, strict=True)), (mine, oracle)
