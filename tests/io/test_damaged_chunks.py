"""Column chunks with changed bytes: decoding gives rows or an error, and touches no memory that is not its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from volley.engine.errors import ReadError
from volley.engine.plan import ScanRequest
from volley.io.parquet import ParquetSource


def run(mutations: int, seed: int) -> None:
    program = Path(__file__).with_name("damage.py")
    done = subprocess.run(
        [sys.executable, str(program), str(mutations), str(seed)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr[-2000:]}"
    assert "'damaged':" in done.stdout


def test_thousands_of_damaged_chunks() -> None:
    run(2500, 20261126)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_very_many_damaged_chunks(seed: int) -> None:
    run(50_000, seed)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("volley.io.parquet._WORTH_COMPILING", 0)
    monkeypatch.setattr("volley.io.parquet._SMALL_GROUP", 0)
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"n": range(5000), "t": [str(i % 7) for i in range(5000)]}), path, use_dictionary=["t"])
    return path


def read(path: Path) -> int:
    splits = ParquetSource(path).scan(ScanRequest(columns=("n", "t"))).splits
    return sum(batch.num_rows for split in splits for batch in split.read())


@pytest.mark.parametrize("column", [0, 1])
def test_a_damaged_page_is_one_line(path: Path, column: int) -> None:
    assert read(path) == 5000
    chunk = pq.read_metadata(path).row_group(0).column(column)
    content = bytearray(path.read_bytes())
    content[chunk.dictionary_page_offset or chunk.data_page_offset] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ReadError, match=r"^'.*x\.parquet' is damaged: .*; copy or write it again$") as caught:
        read(path)
    assert "\n" not in str(caught.value)
