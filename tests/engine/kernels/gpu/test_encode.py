"""Files written on the device: read back by both devices as they were, encoded bytes across the bus, all or nothing."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.orc as paorc
import pyarrow.parquet as pq
import pytest

import volley as vl
from tests.io.written import entries
from tests.support.simulated_gpu import simulated_device, simulated_session
from volley.engine.errors import VolleyError, WriteError

simulated_device()  # before the kernels are imported, or they would look for a real GPU

from volley.engine.kernels import simulator  # noqa: E402
from volley.engine.kernels.gpu import memory  # noqa: E402

ROWS = 2000
DATA = pa.table(
    {
        "i": pa.array([None if n % 7 == 0 else n for n in range(ROWS)], pa.int32()),
        "n": pa.array([n % 3 for n in range(ROWS)], pa.int64()),
        "f": [None if n % 5 == 0 else n / 8 for n in range(ROWS)],
        "s": [None if n % 11 == 0 else f"text {n % 100}" for n in range(ROWS)],
        "d": pa.array([Decimal(n) / 100 for n in range(ROWS)], pa.decimal128(9, 2)),
        "t": [dt.date(2000, 1, 1) + dt.timedelta(days=n) for n in range(ROWS)],
        "b": [n % 3 == 0 for n in range(ROWS)],
    }
)
PARQUET_ONLY = {
    "u": pa.array(range(ROWS), pa.uint64()),
    "x": pa.array([b"\xff" * (n % 3) for n in range(ROWS)]),
    "z": pa.array([n * 10**6 for n in range(ROWS)], pa.timestamp("us", "UTC")),
}
WRITES = {
    "parquet": "pylibcudf.io.parquet.ChunkedParquetWriter.write",
    "orc": "pylibcudf.io.orc.OrcChunkedWriter.write",
}


def table(form: str) -> pa.Table:
    wide = DATA
    for name, column in PARQUET_ONLY.items() if form == "parquet" else ():
        wide = wide.append_column(name, column)
    return wide


def frame(data: pa.Table, **options: Any) -> vl.DataFrame:
    return vl.DataFrame(data, session=simulated_session(**{"threads": 2, **options}))


def read(path: Path) -> pa.Table:
    return getattr(vl, f"read_{path.suffix[1:] or 'parquet'}")(str(path)).to_arrow()


@pytest.mark.parametrize("form", WRITES)
def test_one_file_is_read_back_as_it_was(tmp_path: Path, form: str) -> None:
    data, path = table(form), tmp_path / f"t.{form}"
    before = simulator.calls[WRITES[form]]
    with memory.counted() as ledger:
        written = frame(data).write(path, form)
    assert simulator.calls[WRITES[form]] == before + 1
    size = path.stat().st_size
    assert written.to_pylist() == [{"path": str(path), "rows": ROWS, "bytes": size}]
    assert ledger.to_host == size
    assert read(path).equals(data)
    assert entries(tmp_path) == [path.name]
    with simulated_session(threads=1):
        assert read(path).equals(data)


@pytest.mark.parametrize("form", WRITES)
def test_partitions(tmp_path: Path, form: str) -> None:
    data = table(form)
    before = simulator.calls[WRITES[form]]
    frame(data).write(tmp_path / "out", form, partition_by=["n", "b"])
    assert simulator.calls[WRITES[form]] > before
    back = vl.read_parquet(str(tmp_path / "out")) if form == "parquet" else vl.read_orc(str(tmp_path / "out"))
    found = back.sort_values("t").to_arrow().select([name for name in data.column_names if name != "b"])
    assert found.equals(data.drop_columns("b"))
    files = [name for name in entries(tmp_path / "out") if "." in name]
    assert files == [f"n={n}/b={str(n == 0).lower()}/part-00000.{form}" for n in range(3)]


def test_row_groups_and_codecs_are_those_asked_for(tmp_path: Path) -> None:
    for codec in ("zstd", "snappy", "gzip", "lz4", "none"):
        path = tmp_path / "t.parquet"
        frame(DATA).to_parquet(path, compression=codec, row_group_rows=900)
        footer = pq.read_metadata(path)
        assert [footer.row_group(g).num_rows for g in range(footer.num_row_groups)] == [900, 900, 200]
        assert footer.row_group(0).column(0).compression.lower() == {"none": "uncompressed"}.get(codec, codec)
        frame(DATA).to_orc(tmp_path / "t.orc", compression="zlib" if codec == "gzip" else codec)
        assert paorc.ORCFile(str(tmp_path / "t.orc")).nrows == ROWS


def test_columns_said_to_have_no_nulls_stay_such(tmp_path: Path) -> None:
    fields = [pa.field("i", pa.int64(), nullable=False), pa.field("s", pa.string())]
    strict = pa.table({"i": [1, 2], "s": ["a", None]}, pa.schema(fields))
    frame(strict).to_parquet(tmp_path / "t.parquet")
    assert [field.nullable for field in vl.read_parquet(str(tmp_path / "t.parquet")).schema] == [False, True]


@pytest.mark.parametrize(
    ("name", "column", "reason"),
    [
        (
            "t.parquet",
            pa.array([0], pa.timestamp("us")),
            "column 'x': libcudf's chunked writer knows times in UTC only",
        ),
        ("t.parquet", pa.array([[1]]), "column 'x': libcudf writes no list(int64) that is read back as one"),
        ("t.orc", pa.array([0], pa.timestamp("ns")), "column 'x': libcudf writes no timestamp(ns) that is read back"),
        ("t.csv", pa.array([1.5]), "libcudf writes csv that is not read back as it was"),
        ("t.jsonl", pa.array([1.5]), "libcudf writes json that is not read back as it was"),
    ],
    ids=str,
)
def test_what_the_host_writes_is_told(tmp_path: Path, name: str, column: pa.Array, reason: str) -> None:
    from volley.engine.plan import Write
    from volley.io import sink_for

    data = pa.table({"x": column})
    own = frame(data)
    plan = Write(input=own.plan, sink=sink_for(tmp_path / name))
    assert f"written by the host: {reason}" in vl.DataFrame.from_plan(plan, own.session).explain("physical")
    before = [simulator.calls[name] for name in WRITES.values()]
    own.write(tmp_path / name)
    assert [simulator.calls[name] for name in WRITES.values()] == before
    kind = {".jsonl": "json"}.get(Path(name).suffix, Path(name).suffix[1:])
    assert getattr(vl, f"read_{kind}")(str(tmp_path / name)).to_arrow().to_pylist() == data.to_pylist()


def test_empty_tables_hold_their_columns(tmp_path: Path) -> None:
    for form in WRITES:
        frame(DATA.slice(0, 0)).write(tmp_path / f"t.{form}", form)
        assert read(tmp_path / f"t.{form}").equals(DATA.slice(0, 0))


@pytest.mark.parametrize("form", WRITES)
def test_while_allocations_fail(tmp_path: Path, form: str) -> None:
    own = frame(DATA, threads=1)
    plan = simulator.FaultPlan(rate=0.2, seed=3)
    with memory.counted() as ledger, simulator.machine().failing(plan):
        own.write(tmp_path / f"t.{form}", form)
    assert ledger.retries >= plan.failures > 0
    assert read(tmp_path / f"t.{form}").equals(DATA)


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    frame(DATA).to_parquet(path)
    broken = frame(DATA).assign(q=lambda f: f.i // (f.n - f.n))
    with pytest.raises(VolleyError):
        broken.to_parquet(path)
    assert read(path).equals(DATA)
    assert entries(tmp_path) == ["t.parquet"]


def test_what_libcudf_cannot_write_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from volley.engine.kernels.simulator.io import parquet

    def full(*_: Any, **__: Any) -> None:
        raise RuntimeError("CUDF failure: No space left on device")

    monkeypatch.setattr(parquet.ChunkedParquetWriter, "write", full)
    with pytest.raises(WriteError, match=r"cannot write .*t\.parquet.*No space left on device"):
        frame(DATA).to_parquet(tmp_path / "t.parquet")
    assert entries(tmp_path) == []
