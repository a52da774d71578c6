"""ORC files as sources and sinks, against pyarrow's own reader."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.orc as paorc
import pytest

import volley as vl
from tests.io.written import all_kinds, entries, plain
from volley.engine.arrow import from_arrow_schema
from volley.engine.errors import ConfigError, ReadError, WriteError
from volley.engine.plan import ScanRequest
from volley.io import open_source, orc, sink_for
from volley.io.orc import OrcSource
from volley.io.sinks import OrcSink

ROWS = 60_000
TABLE = pa.table(
    {
        "id": range(ROWS),
        "note": [None if n % 5 == 0 else f"row {n}" for n in range(ROWS)],
        "tags": [[n, None] for n in range(ROWS)],
        "pair": [{"a": n, "b": "x"} for n in range(ROWS)],
    }
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file of several stripes."""
    path = tmp_path / "t.orc"
    with paorc.ORCWriter(str(path), stripe_size=65_536, compression="snappy") as writer:
        for start in range(0, ROWS, 5000):
            writer.write(TABLE.slice(start, 5000))
    assert paorc.ORCFile(str(path)).nstripes > 3
    return path


@pytest.mark.parametrize("columns", [TABLE.column_names, ["note"], ["tags", "id"], []])
def test_columns_are_chosen(path: Path, scan: Any, columns: list[str]) -> None:
    read = scan(OrcSource(path), columns=columns)
    assert read.num_rows == ROWS
    assert not columns or read.equals(TABLE.select(columns))


def test_stripes_are_splits_that_travel(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orc, "_SPLIT_BYTES", 1 << 15)
    source = OrcSource(path)
    splits = source.scan(ScanRequest(columns=("id",))).splits
    assert len(splits) > 2
    assert sum(split.bytes or 0 for split in splits) == pytest.approx(path.stat().st_size, abs=len(splits))
    assert "t.orc[stripes 0-" in splits[0].label
    copies = pickle.loads(pickle.dumps(splits))
    assert [v for one in copies for batch in one.read() for v in batch.column(0).to_pylist()] == list(range(ROWS))
    assert source.statistics().rows == ROWS


def test_written_files_are_read_back(tmp_path: Path, scan: Any, write: Any) -> None:
    table = all_kinds()
    write(sink_for(tmp_path / "t.orc"), table)
    wanted = plain(table)
    at = wanted.schema.get_field_index("at")
    wanted = wanted.set_column(at, "at", wanted["at"].cast(pa.timestamp("ns")))
    assert scan(open_source(tmp_path / "t.orc")).equals(wanted)
    assert paorc.ORCFile(str(tmp_path / "t.orc")).compression == "ZSTD"


@pytest.mark.parametrize("codec", ["zstd", "snappy", "zlib", "lz4", "none"])
def test_compression(tmp_path: Path, write: Any, codec: str) -> None:
    write(OrcSink(tmp_path / "t.orc", compression=codec), all_kinds())
    assert paorc.ORCFile(str(tmp_path / "t.orc")).compression == {"none": "UNCOMPRESSED"}.get(codec, codec.upper())
    with pytest.raises(ConfigError, match="compression must be one of zstd, snappy"):
        OrcSink(tmp_path / "t.orc", compression="brotli")


def test_partitions_and_empty_tables(tmp_path: Path, scan: Any, write: Any) -> None:
    table = pa.table({"g": [1, 2, 1], "x": ["a", "b", None]})
    write(OrcSink(tmp_path / "out", partition_by=["g"]), table)
    assert entries(tmp_path / "out") == ["g=1", "g=1/part-00000.orc", "g=2", "g=2/part-00000.orc"]
    assert scan(open_source(tmp_path / "out")).sort_by("x").to_pydict() == {"x": ["a", "b", None], "g": [1, 2, 1]}
    write(OrcSink(tmp_path / "none.orc"), table.slice(0, 0))
    empty = OrcSource(tmp_path / "none.orc")
    assert empty.schema.names == ("g", "x")
    assert scan(empty).num_rows == 0


@pytest.mark.parametrize("dtype", [pa.uint8(), pa.time64("us"), pa.duration("s"), pa.list_(pa.uint64())], ids=str)
def test_types_that_orc_has_not_are_refused(tmp_path: Path, dtype: pa.DataType) -> None:
    with pytest.raises(WriteError, match="orc cannot hold column 'x' of type"):
        OrcSink(tmp_path / "t.orc").open(from_arrow_schema(pa.schema([("x", dtype)])))
    assert entries(tmp_path) == []


def test_times_beyond_nanoseconds(tmp_path: Path, scan: Any, write: Any) -> None:
    far = pa.table({"t": pa.array([32_503_680_000], pa.timestamp("s"))})
    with pytest.raises(WriteError, match="out of bounds"):
        write(OrcSink(tmp_path / "own.orc"), far)
    paorc.write_table(far, str(tmp_path / "other.orc"))
    with pytest.raises(ReadError, match="holds a time that nanoseconds in 64 bits do not reach"):
        scan(OrcSource(tmp_path / "other.orc"))


def test_names_with_dots_are_no_fields(tmp_path: Path, scan: Any) -> None:
    table = pa.table({"a.b": [1, 2], "a": [{"b": 3}, {"b": 4}]})
    paorc.write_table(table, str(tmp_path / "t.orc"))
    assert scan(OrcSource(tmp_path / "t.orc"), columns=["a.b"]).to_pydict() == {"a.b": [1, 2]}


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b"PAR1" * 30, "is not an ORC file, or is cut short"), (None, "is not an ORC file, or is cut")],
    ids=["empty", "foreign", "cut short"],
)
def test_what_is_no_orc_file_is_named(path: Path, content: bytes | None, message: str) -> None:
    path.write_bytes(path.read_bytes()[:-30] if content is None else content)
    with pytest.raises(ReadError, match=rf"t\.orc' {message}"):
        OrcSource(path)


def test_damage_and_replacement_are_noticed(path: Path, scan: Any) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:1000] + b"\xff" * 4000 + content[5000:])
    with pytest.raises(ReadError, match=r"t\.orc' is damaged"):
        scan(OrcSource(path))
    source = OrcSource(path)
    paorc.write_table(TABLE.slice(0, 3), str(path))
    with pytest.raises(ReadError, match="changed"):
        scan(source)


def test_frames_sql_and_urls(path: Path) -> None:
    frame = vl.read_orc(str(path))
    assert frame.explain("logical").startswith("Scan orc ")
    assert frame[frame.id > ROWS - 3].to_dict()["note"] == [f"row {ROWS - 2}", f"row {ROWS - 1}"]
    assert vl.sql(f"select max(id) as m from '{path}'").to_dict() == {"m": [ROWS - 1]}
    assert vl.sql(f"select count(note) as n from read_orc('{path}')").to_dict() == {"n": [ROWS * 4 // 5]}
    fsspec.filesystem("memory").pipe_file("/orc/t.orc", path.read_bytes())
    assert len(vl.read_orc("memory://orc/t.orc")) == ROWS
    frame.head(2).to_orc(str(path.with_name("two.orc")))
    assert vl.read_orc(str(path.with_name("two.orc"))).to_dict()["id"] == [0, 1]
    vl.sql(f"copy (select 7 as x) to '{path.with_name('seven.orc')}' (format orc)").to_arrow()
    assert vl.read_orc(str(path.with_name("seven.orc"))).to_dict() == {"x": [7]}
