"""Parquet decoded by the device: the same rows as the host's decoder, and only stored bytes cross the bus."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.orc as paorc
import pyarrow.parquet as pq
import pytest

import volley as vl
from tests.support.simulated_gpu import simulated_session
from volley.engine.errors import ReadError

ROWS = 5000
DATA = pa.table(
    {
        "s": [None if n % 7 == 0 else f"text {n % 100}" for n in range(ROWS)],
        "i": pa.array([None if n % 11 == 0 else n for n in range(ROWS)], pa.int32()),
        "f": [n / 8 for n in range(ROWS)],
        "d": pa.array([Decimal(n) / 100 for n in range(ROWS)], pa.decimal128(9, 2)),
        "w": pa.array([Decimal(n) / 100 for n in range(ROWS)], pa.decimal128(30, 2)),
        "t": [dt.date(2000, 1, 1) + dt.timedelta(days=n) for n in range(ROWS)],
        "m": pa.array([n * 10**6 for n in range(ROWS)], pa.timestamp("us")),
        "z": pa.array([n * 10**6 for n in range(ROWS)], pa.timestamp("us", "Europe/Berlin")),
        "b": [n % 3 == 0 for n in range(ROWS)],
        "x": pa.array([b"\xff" * (n % 3) for n in range(ROWS)]),
        "l": [[n, n + 1] for n in range(ROWS)],
    }
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parquet") / "t.parquet"
    pq.write_table(DATA, path, row_group_size=1000)
    return path


@pytest.fixture
def ledger() -> Iterator[Any]:
    simulated_session()
    from volley.engine.kernels.gpu import memory

    with memory.counted() as ledger:
        yield ledger


def counted_calls(name: str) -> int:
    from volley.engine.kernels import simulator

    return simulator.calls[f"pylibcudf.io.{name}"]


def calls() -> int:
    return counted_calls("parquet.read_parquet")


def read(path: Path, session: vl.Session) -> vl.DataFrame:
    with session:
        return vl.read_parquet(path)


def test_flat_columns_are_decoded_on_the_device(path: Path, ledger: Any) -> None:
    session = simulated_session(threads=1)
    before = calls()
    names = [name for name in DATA.column_names if name not in ("l", "x")][::-1]
    assert read(path, session)[names].to_arrow().equals(DATA.select(names))
    assert calls() > before
    metadata = pq.ParquetFile(path).metadata
    chunks = [metadata.row_group(g).column(c) for g in range(metadata.num_row_groups) for c in range(9)]
    assert ledger.to_device == sum(chunk.total_compressed_size for chunk in chunks)


def test_conditions_are_tested_on_the_device_and_row_groups_skipped(path: Path, ledger: Any) -> None:
    session = simulated_session(threads=1)
    kept, expected = (
        frame[(frame.i >= 3500) & (frame.s == "text 7")][["f", "d"]]
        for frame in (read(path, session), read(path, vl.Session()))
    )
    assert "where" in kept.explain("physical")
    assert kept.to_arrow().equals(expected.to_arrow())
    assert expected.to_arrow().num_rows > 5
    metadata = pq.ParquetFile(path).metadata
    chunks = [metadata.row_group(g).column(c) for g in (3, 4) for c in range(4)]
    constants = 100
    read_bytes = sum(chunk.total_compressed_size for chunk in chunks)
    assert read_bytes <= ledger.to_device < read_bytes + constants


def test_what_needs_more_than_decoding_is_left_to_the_host(path: Path) -> None:
    session = simulated_session(threads=1)
    before = calls()
    assert read(path, session)[["l", "i"]].to_arrow().equals(DATA.select(["l", "i"]))
    assert read(path, session).head(3).to_arrow().equals(DATA.slice(0, 3))
    assert calls() == before


@pytest.fixture
def orc(tmp_path: Path) -> Path:
    path = tmp_path / "t.orc"
    with paorc.ORCWriter(str(path), stripe_size=65_536) as writer:
        for start in range(0, 40 * ROWS, ROWS):
            writer.write(DATA.drop_columns("x").slice(start % ROWS))
    return path


def test_orc_files_are_decoded_on_the_device(orc: Path, ledger: Any) -> None:
    session = simulated_session(threads=1)
    names = ["d", "s", "i", "f", "w", "t", "b"]
    before = counted_calls("orc.read_orc")
    with session:
        frame = vl.read_orc(str(orc))
    found = frame[frame.i > 4000][names].to_arrow()
    assert counted_calls("orc.read_orc") == before + 1
    assert paorc.ORCFile(str(orc)).nstripes > 1
    assert 0 < ledger.to_device <= orc.stat().st_size + 100
    assert found.equals(vl.read_orc(str(orc)).query("i > 4000")[names].to_arrow())
    assert found.num_rows > 20_000


@pytest.mark.parametrize("names", [["i", "l"], ["i", "m"]])
def test_orc_columns_that_are_left_to_the_host(orc: Path, names: list[str]) -> None:
    before = counted_calls("orc.read_orc")
    with simulated_session(threads=1):
        assert vl.read_orc(str(orc))[names].head(9).to_arrow().num_rows == 9
    assert counted_calls("orc.read_orc") == before


def test_orc_while_memory_runs_out(orc: Path, ledger: Any) -> None:
    from volley.engine.kernels.gpu import memory
    from volley.engine.kernels.simulator import FaultPlan, machine

    with simulated_session(threads=1):
        frame = vl.read_orc(str(orc))[["i", "f"]]
    with machine().failing(FaultPlan(numbers=set(range(1, memory.ATTEMPTS + 3)))):
        found = frame.to_arrow()
    assert found.equals(vl.read_orc(str(orc))[["i", "f"]].to_arrow())
    assert ledger.splits == 1


def test_a_damaged_orc_file_is_named(orc: Path) -> None:
    with simulated_session(threads=1):
        frame = vl.read_orc(str(orc))[["i", "s"]]
    content = orc.read_bytes()
    orc.write_bytes(content[:1000] + b"\xff" * 4000 + content[5000:])
    with pytest.raises(ReadError, match=r"t\.orc' (has )?changed|t\.orc' is damaged"):
        frame.to_arrow()


TEXTS = {"t.csv": "i,f\n1,0.1\n,2\n", "t.jsonl": '{"i": 1, "f": 0.1}\n{"f": 2}\n'}


@pytest.mark.parametrize(("name", "text"), TEXTS.items())
def test_text_is_read_by_the_host_which_explain_tells(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with simulated_session(threads=1, cpu_fallback=False):
        frame = vl.sql(f"select * from '{tmp_path / name}'")
        assert "read by the host: libcudf reads what does not fit as null" in frame.explain("physical")
        assert frame.to_dict() == {"i": [1, None], "f": [0.1, 2.0]}


def test_out_of_memory_while_reading_reads_less_at_once(path: Path, ledger: Any) -> None:
    from volley.engine.kernels.gpu import memory
    from volley.engine.kernels.simulator import FaultPlan, machine

    session = simulated_session(threads=1)
    frame = read(path, session)[["i", "f"]]
    with machine().failing(FaultPlan(numbers=set(range(1, memory.ATTEMPTS + 3)))):
        assert frame.to_arrow().equals(DATA.select(["i", "f"]))
    assert ledger.splits == 1
    assert ledger.retries == memory.ATTEMPTS + 1


def test_a_replaced_file_is_noticed(tmp_path: Path) -> None:
    session = simulated_session(threads=1)
    pq.write_table(DATA.select(["i"]), tmp_path / "t.parquet")
    frame = read(tmp_path / "t.parquet", session)
    stages = session.stages(frame.plan)
    pq.write_table(DATA.select(["i", "f"]), tmp_path / "t.parquet")
    with pytest.raises(ReadError, match="changed"):
        session._runner().execute(stages)


def test_small_row_groups_are_read_many_at_once(tmp_path: Path) -> None:
    """Each read parses the footer again, and one device is not shared as cores are."""
    rows = 2_000_000
    pq.write_table(pa.table({"i": pa.array(range(rows), pa.int64())}), tmp_path / "t.parquet", row_group_size=20_000)
    table = vl.read_parquet(str(tmp_path / "t.parquet"))
    with simulated_session() as session:
        assert len(list(session.stages(table.plan).splits)) == 1
    with vl.Session(device="cpu") as session:
        assert len(list(session.stages(table.plan).splits)) > 4
