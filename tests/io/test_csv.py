"""CSV in: types inferred, then enforced; bad rows reported by file, line, column and value."""

from __future__ import annotations

import bz2
import csv
import datetime as dt
import gzip
import io
import logging
import lzma
import math
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from volley.engine import dtypes
from volley.engine.errors import ConfigError, ReadError
from volley.engine.plan import ScanRequest
from volley.engine.typenames import named_type
from volley.io import text_blocks
from volley.io.csv_options import CsvOptions
from volley.io.delimited import CsvSource


@pytest.fixture
def put(tmp_path: Path) -> Any:
    def put(content: str | bytes, name: str = "t.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return put


# -------------------------------------------------------------------------------------- what is inferred
def test_types_are_inferred(put: Any, scan: Any) -> None:
    path = put(
        "i,f,b,d,t,z,s,nothing\n"
        "1,1.5,true,2024-01-31,2024-01-31 12:00:00,2024-01-31T12:00:00Z,x,\n"
        "NA,2,false,NA,,,NULL,\n"
    )
    source = CsvSource(path)
    kinds = ["int64", "float64", "bool", "date", "timestamp(us)", "timestamp(us, UTC)", "string", "string"]
    assert [str(f.dtype) for f in source.schema] == kinds
    first, second = scan(source).to_pylist()
    assert first["d"] == dt.date(2024, 1, 31)
    assert first["z"] == dt.datetime(2024, 1, 31, 12, tzinfo=dt.UTC)
    assert second == dict.fromkeys(source.schema.names) | {"f": 2.0, "b": False}


def test_given_types_win(put: Any, scan: Any) -> None:
    path = put("zip,price,at\n00501,1.50,2024-01-31\n")
    options = CsvOptions(dtypes={"zip": "string", "price": "decimal(9,2)", "at": dtypes.timestamp("ms")})
    assert scan(CsvSource(path, options)).to_pydict() == {
        "zip": ["00501"],
        "price": [Decimal("1.50")],
        "at": [dt.datetime.fromisoformat("2024-01-31")],
    }


def test_nanoseconds_are_kept_where_they_are_written(put: Any) -> None:
    path = put("a,b\n2024-01-31 12:00:00.123456789,2024-01-31 12:00:00.5\n")
    assert [str(f.dtype) for f in CsvSource(path).schema] == ["timestamp(ns)", "timestamp(us)"]


def test_whole_numbers_beyond_64_bits_keep_every_digit(put: Any, scan: Any) -> None:
    path = put(f"u,d,f\n{2**64 - 1},{10**30 + 1},1e30\n1,2,0.5\n")
    source = CsvSource(path)
    assert [str(f.dtype) for f in source.schema] == ["uint64", "decimal(38,0)", "float64"]
    assert scan(source).to_pydict() == {"u": [2**64 - 1, 1], "d": [10**30 + 1, 2], "f": [1e30, 0.5]}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found(put: Any, scan: Any, delimiter: str) -> None:
    path = put(f'a{delimiter}"b, c"\n1{delimiter}"x;y|z"\n')
    assert scan(CsvSource(path)).to_pydict() == {"a": [1], "b, c": ["x;y|z"]}


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("ragged", ["9\n", "9{d}9{d}9{d}9\n", "9,9,9{d}1{d}2{d}3\n"])
def test_delimiter_is_found_where_a_sampled_row_is_ragged(put: Any, scan: Any, delimiter: str, ragged: str) -> None:
    rows = "".join(f"{i}{delimiter}1,5{delimiter}x, y\n" for i in range(5))
    path = put(f"a{delimiter}b{delimiter}c\n{rows}{ragged.format(d=delimiter)}{rows}")
    with pytest.raises(ReadError, match=r"t.csv:7: the row has \d values? where there are 3 columns"):
        scan(CsvSource(path))
    source = CsvSource(path, CsvOptions(on_bad_rows="skip"))
    assert scan(source, ["a", "c"]).to_pydict() == {"a": [*range(5)] * 2, "c": ["x, y"] * 10}
    assert source.bad_rows == 1


def test_a_column_of_prose_has_no_delimiter(put: Any, scan: Any) -> None:
    assert scan(CsvSource(put("note\nshort; sharp\nplain\n"))).to_pydict() == {"note": ["short; sharp", "plain"]}
    decimals = put("id;price\n1;2,50\n2;3,75\n")
    assert scan(CsvSource(decimals)).to_pydict() == {"id": [1, 2], "price": ["2,50", "3,75"]}


def test_header_names_and_marks(put: Any, scan: Any) -> None:
    assert scan(CsvSource(put("1,x\n2,y\n"), CsvOptions(header=False))).to_pydict() == {
        "column_1": [1, 2],
        "column_2": ["x", "y"],
    }
    assert CsvSource(put("1,x\n"), CsvOptions(header=False, names=("n", "s"))).schema.names == ("n", "s")
    assert CsvSource(put("a,b\n1,x\n"), CsvOptions(names=("n", "s"))).schema.names == ("n", "s")
    assert scan(CsvSource(put("\ufeffa,,b\n1,2,3\n"))).to_pydict() == {"a": [1], "column_2": [2], "b": [3]}
    assert scan(CsvSource(put("\ufeff1\n2\n"), CsvOptions(header=False))).to_pydict() == {"column_1": [1, 2]}
    assert scan(CsvSource(put('"a\nb",c\r\n1,2\r\n'))).to_pydict() == {"a\nb": [1], "c": [2]}
    assert scan(CsvSource(put("a,b\n"))).schema == pa.schema({"a": pa.string(), "b": pa.string()})


def test_quoted_nulls_as_said(put: Any, scan: Any) -> None:
    path = put('n,s\n"","NA"\n3,""\n')
    assert scan(CsvSource(path)).to_pydict() == {"n": [None, 3], "s": [None, None]}
    exact = CsvOptions(quoted_nulls=False, dtypes={"n": "string"})
    assert scan(CsvSource(path, exact)).to_pydict() == {"n": ["", "3"], "s": ["NA", ""]}
    own = CsvOptions(null_values=("-",))
    assert scan(CsvSource(put("s\n-\nNA\n"), own)).to_pydict() == {"s": [None, "NA"]}


def test_quotes_may_be_ordinary(put: Any, scan: Any) -> None:
    assert scan(CsvSource(put('size,n\n5",1\n'), CsvOptions(quote=""))).to_pydict() == {"size": ['5"'], "n": [1]}


def test_several_files_agree_on_wider_types_and_missing_columns(put: Any, tmp_path: Path, scan: Any) -> None:
    put("a,b,c\n1,,x\n", "1.csv")
    put("c,a\n2024-01-01,2.5\n", "2.csv")
    put("a\n\n", "3.csv")
    assert scan(CsvSource(tmp_path)).to_pydict() == {
        "a": [1.0, 2.5, None],
        "b": [None, None, None],
        "c": ["x", "2024-01-01", None],
    }


def test_partition_directories(tmp_path: Path, scan: Any) -> None:
    for year in (2023, 2024):
        (tmp_path / f"year={year}").mkdir()
        (tmp_path / f"year={year}" / "a.csv").write_text(f"x\n{year}\n")
    assert scan(CsvSource(tmp_path)).to_pydict() == {"x": [2023, 2024], "year": [2023, 2024]}
    assert scan(CsvSource(tmp_path), ["year"]).column("year").to_pylist() == [2023, 2024]


def pack(content: bytes, suffix: str) -> bytes:
    """Compress with Python's own libraries where it has them."""
    own = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
    if suffix in own:
        return own[suffix](content)
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, {".zst": "zstd", ".lz4": "lz4"}[suffix]) as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".zst", ".xz", ".lz4"])
def test_compressed_files_in_several_parts_and_cut_short(put: Any, scan: Any, suffix: str) -> None:
    first, second = b"a,b\n1,x\n", b"".join(b"%d,y%d\n" % (i, i) for i in range(30_000))
    path = put(pack(first, suffix) + pack(second, suffix), "t.csv" + suffix)
    table = scan(CsvSource(path))
    assert table.column("a").to_pylist() == [1, *range(30_000)]
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ReadError, match=rf"cannot read '.*t.csv{suffix}': .*; the file is cut short or damaged"):
        scan(CsvSource(path, CsvOptions(sample_bytes=50)))
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(ReadError, match=rf"cannot read '.*t.csv{suffix}': .*; the file is cut short or damaged"):
        scan(CsvSource(path))


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".zst", ".xz", ".lz4"])
def test_compressed_files(put: Any, scan: Any, suffix: str) -> None:
    content = b"a,b\n" + b"".join(b"%d,x%d\n" % (i, i) for i in range(1000))
    packed = pack(content, suffix)
    table = scan(CsvSource(put(packed, "t.csv" + suffix)))
    assert table.column("a").to_pylist() == list(range(1000))
    assert table.column("b")[999].as_py() == "x999"


def test_other_encodings(put: Any, scan: Any) -> None:
    for encoding in ("latin-1", "utf-16"):
        path = put("name,n\nZoë,1\n".encode(encoding))
        assert scan(CsvSource(path, CsvOptions(encoding=encoding))).to_pydict() == {"name": ["Zoë"], "n": [1]}


def test_remote(scan: Any) -> None:
    fsspec.filesystem("memory").pipe_file("/csv_tests/a.csv", b"x\n1\n2\n")
    assert scan(CsvSource("memory://csv_tests/a.csv")).to_pydict() == {"x": [1, 2]}


# -------------------------------------------------------------------------------------- pieces and blocks
def rows_with_quoted_line_ends(count: int) -> bytes:
    return b"id,text\n" + b"".join(b'%d,"line ""%d""\n of, %s"\n' % (i, i, b"x" * (i % 50)) for i in range(count))


def test_large_file_is_cut_between_records(put: Any, scan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", 700)
    monkeypatch.setattr(text_blocks, "_PIECE_BYTES", 2000)
    path = put(rows_with_quoted_line_ends(2000))
    source = CsvSource(path)
    splits = source.scan(ScanRequest(columns=("id",))).splits
    assert len(splits) > 20
    assert len(source.scan(ScanRequest(columns=("id",), limit=5)).splits) > 20  # cuts already known are used
    assert len(CsvSource(path).scan(ScanRequest(columns=("id",), limit=5)).splits) == 1
    assert splits[1].label.startswith(f"{path}[bytes ")
    expected = pd.read_csv(path)
    table = scan(source)
    assert table.column("id").to_pylist() == expected["id"].to_list()
    assert table.column("text").to_pylist() == expected["text"].to_list()
    assert scan(source, []).num_rows == 2000
    copies = pickle.loads(pickle.dumps(splits))
    assert sum(batch.num_rows for split in copies for batch in split.read()) == 2000
    assert max(len(pickle.dumps(split)) for split in splits) < 3000


def test_types_come_from_a_last_line_without_its_end(put: Any) -> None:
    assert [str(f.dtype) for f in CsvSource(put("a,b\n1,2.5")).schema] == ["int64", "float64"]


def test_last_line_may_lack_its_end_and_blank_lines_are_no_rows(put: Any, scan: Any) -> None:
    assert scan(CsvSource(put("a,b\n\n1,2\n\n3,4"))).to_pydict() == {"a": [1, 3], "b": [2, 4]}


def test_real_file_as_duckdb_reads_it(scan: Any) -> None:
    path = Path(__file__).parents[2] / "examples" / "flights" / "data" / "weather.csv"
    ours = scan(CsvSource(path))
    theirs = duckdb.sql(f"select * from read_csv('{path}', nullstr='NA')").to_arrow_table()
    assert ours.num_rows == theirs.num_rows
    for name in ours.column_names:
        if name != "time_hour":
            assert (
                ours.column(name).cast(pa.string()).to_pylist()
                == theirs.column(name).cast(ours.schema.field(name).type).cast(pa.string()).to_pylist()
            )


CELLS: dict[str, st.SearchStrategy[Any]] = {
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float64": st.floats(allow_nan=False),
    "bool": st.booleans(),
    "string": st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8),
    "date": st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31)),
}


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_is_written_is_read_back(tmp_path: Path, scan: Any, write: Any, data: st.DataObject) -> None:
    from volley.engine.arrow import to_arrow_type
    from volley.io.sinks import CsvSink

    kinds = data.draw(st.lists(st.sampled_from(list(CELLS)), min_size=1, max_size=4))
    count = data.draw(st.integers(0, 12))
    table = pa.table(
        {
            f"c{i}": pa.array(
                data.draw(st.lists(st.none() | CELLS[kind], min_size=count, max_size=count)),
                to_arrow_type(named_type(kind)),
            )
            for i, kind in enumerate(kinds)
        }
    )
    path = tmp_path / "t.csv"
    write(CsvSink(path), table)
    types = {f"c{i}": kind for i, kind in enumerate(kinds)}
    back = scan(CsvSource(path, CsvOptions(quoted_nulls=False, dtypes=types)))
    assert back.to_pydict() == table.to_pydict()
    with path.open(newline="", encoding="utf-8") as stream:
        assert len(list(csv.reader(stream))) >= (count + 1 if len(kinds) > 1 else 1)


@settings(max_examples=100, deadline=None)
@given(
    data=st.binary(max_size=80).map(lambda b: bytes(b'ab,"\n'[x % 5] for x in b)),
    size=st.integers(1, 40),
)
def test_blocks_end_only_where_records_end(data: bytes, size: int) -> None:
    end = text_blocks.last_record_end(data, '"')
    assert data[:end].count(b'"') % 2 == 0
    assert end == 0 or data[end - 1 : end] == b"\n"
    later = [i + 1 for i, byte in enumerate(data) if byte == 10 and data[: i + 1].count(b'"') % 2 == 0]
    assert end == (later[-1] if later else 0)


# -------------------------------------------------------------------------------------- what is wrong
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", r"t.csv' is empty; a CSV file needs a header or rows"),
        ("\n\n", r"t.csv' is empty"),
        (
            "a,b\n1,2\n3,4,5\n",
            r"t.csv:3: the row has 3 values where there are 2 columns; quote values that contain ','",
        ),
        ('a,b\n"x\ny",2\n\n3\n', r"t.csv:5: the row has 1 value where there are 2 columns"),
        ('a,b\n1,2\n3,"x\n4,5\n', r't.csv:3: a quote \("\) is opened but never closed'),
        ("a\rb\rc\r", r"bare carriage returns"),
        (b"PAR1\0\0\0", r"is not UTF-8 text; name its format"),
        ("a,b\n1,2\n".encode("utf-16"), r"is not UTF-8 text; give its encoding: encoding='utf-16'"),
        ("a,b\n1,x\n2,Zoë\n".encode("latin-1"), r"t.csv:3: the line is not UTF-8; .*encoding='latin-1'"),
        ("é,b\n".encode("latin-1"), r"t.csv:1: the line is not UTF-8"),
    ],
)
def test_broken_files_are_explained(put: Any, scan: Any, content: str | bytes, said: str) -> None:
    with pytest.raises(ReadError, match=said):
        scan(CsvSource(put(content)))


def test_a_later_value_that_does_not_fit_is_found(put: Any, scan: Any) -> None:
    lines = ["id,price"] + [f"{i},{i}.5" for i in range(3000)]
    lines[2001] = "2000,oops"
    source = CsvSource(put("\n".join(lines)), CsvOptions(sample_bytes=1000))
    said = (
        r"t.csv:2002: column 'price': 'oops' is not float64; pass dtypes=\{'price': 'string'\} .* larger sample_bytes"
    )
    with pytest.raises(ReadError, match=said):
        scan(source)
    assert scan(source, ["id"]).num_rows == 3000  # a column that is not read is not judged


def test_the_line_is_right_in_a_later_piece_and_behind_quoted_line_ends(
    put: Any, scan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", 700)
    monkeypatch.setattr(text_blocks, "_PIECE_BYTES", 2000)
    content = rows_with_quoted_line_ends(1000) + b'x7,"bad\nid"\n' + rows_with_quoted_line_ends(5).split(b"\n", 1)[1]
    path = put(content)
    with pytest.raises(ReadError, match=r"t.csv:2002: column 'id': 'x7' is not int64"):
        scan(CsvSource(path, CsvOptions(sample_bytes=500)))


def test_line_in_a_compressed_file(put: Any, scan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", 100)
    path = put(gzip.compress(b"a\n" + b"1\n" * 500 + b"x\n"), "t.csv.gz")
    with pytest.raises(ReadError, match=r"t.csv.gz:502: column 'a': 'x' is not int64"):
        scan(CsvSource(path, CsvOptions(sample_bytes=50)))


def test_cut_short_compressed_file(put: Any, scan: Any) -> None:
    content = gzip.compress(b"a\n" + b"123\n" * 5000)
    with pytest.raises(ReadError, match=r"cannot read '.*t.csv.gz': .*cut short or damaged"):
        scan(CsvSource(put(content[:-20], "t.csv.gz"), CsvOptions(sample_bytes=50)))


def test_bytes_that_are_no_utf8_are_found_wherever_they_are(put: Any, scan: Any) -> None:
    lines = [b"a,b"] + [b"%d,x" % i for i in range(3000)]
    lines[1500] = "1499,Zoë".encode("latin-1")
    path = put(b"\n".join(lines))
    said = r"t.csv:1501: the line is not UTF-8; give the file's encoding, e.g. encoding='latin-1'"
    with pytest.raises(ReadError, match=said):
        CsvSource(path)
    source = CsvSource(path, CsvOptions(sample_bytes=1000))
    with pytest.raises(ReadError, match=said):
        scan(source)
    with pytest.raises(ReadError, match=r"t.csv' is not cp1252: .* give its encoding"):
        CsvSource(put(b"a\n\x81\n"), CsvOptions(encoding="cp1252"))


def test_a_record_without_end_is_not_read_into_memory(put: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_blocks, "_LONGEST_RECORD", 1000)
    with pytest.raises(ReadError, match=r"has a record of more than .* MiB; is it a text file"):
        CsvSource(put(b"x" * 5000), CsvOptions(sample_bytes=100))
    with pytest.raises(ReadError, match=r"t.csv:2: a quote \(\"\) is opened but never closed"):
        CsvSource(put(b'a\n"' + b"x\n" * 5000), CsvOptions(sample_bytes=100))


def test_unpaired_quotes_are_reported_rather_than_cut_at(put: Any, scan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", 500)
    monkeypatch.setattr(text_blocks, "_PIECE_BYTES", 1000)
    path = put(b"a,b\n" + b'1,"x"\n' * 1000 + b'2,"y\n' + b'3,"z"\n' * 100)
    source = CsvSource(path, CsvOptions(sample_bytes=200))
    assert len(source.scan(ScanRequest(columns=("a",))).splits) == 1
    with pytest.raises(ReadError, match=r"t.csv:\d+: a quote .* is opened but never closed"):
        scan(source)
    free = CsvSource(path, CsvOptions(sample_bytes=200, quote=""))
    assert len(free.scan(ScanRequest(columns=("a",))).splits) > 5
    assert scan(free).num_rows == 1101


def test_number_of_names_must_match(put: Any) -> None:
    with pytest.raises(ReadError, match=r"has 2 columns but 3 names were given"):
        CsvSource(put("a,b\n1,2\n"), CsvOptions(names=("x", "y", "z")))


def test_tab_separated_by_name(put: Any, scan: Any) -> None:
    assert scan(CsvSource(put("a,b\n1,2\n", "t.tsv"))).to_pydict() == {"a,b": ["1,2"]}


def test_bad_rows_can_be_left_out_and_are_counted(put: Any, scan: Any, caplog: pytest.LogCaptureFixture) -> None:
    path = put("a,b\n1,x\n2\n3,y,z\nfour,u\n5,v\nsix,w\n")
    options = CsvOptions(on_bad_rows="skip", dtypes={"a": "int64"})
    source = CsvSource(path, options)
    with caplog.at_level(logging.WARNING, logger="volley.io"):
        assert scan(source).to_pydict() == {"a": [1, 5], "b": ["x", "v"]}
    assert source.bad_rows == 4
    assert "skipped 2 bad rows; the first: " in caplog.text
    assert "t.csv:5: column 'a': 'four' is not int64" in caplog.text
    assert "t.csv:3: the row has 1 value where there are 2 columns" in caplog.text
    assert scan(source, []).num_rows == 4  # no value is judged where none is read


def test_ragged_rows_left_out_without_any_bad_value(put: Any, scan: Any) -> None:
    source = CsvSource(put("a,b\n1,x\n2\n"), CsvOptions(on_bad_rows="skip"))
    assert scan(source).to_pydict() == {"a": [1], "b": ["x"]}
    assert source.bad_rows == 1


def test_floats_follow_python(put: Any, scan: Any) -> None:
    values = [0.1, 1e300, 5e-324, -0.0, 123456789.123456789]
    table = scan(CsvSource(put("x\n" + "\n".join(map(repr, values)) + "\nNaN\n")))
    read = table.column("x").to_pylist()
    assert read[:-1] == values
    assert math.isnan(read[-1])


def test_two_sources_of_truth_for_dirty_text(put: Any, scan: Any) -> None:
    text = 'a,b\n" padded ","he said ""no"""\n"multi\nline",plain\n'
    expected = list(csv.DictReader(io.StringIO(text)))
    assert scan(CsvSource(put(text))).to_pylist() == expected


def test_lines_above_the_header_are_left_out(put: Any, scan: Any) -> None:
    content = '"Report, ""2024\nby hand\nn,s\n1,x\n'
    options = CsvOptions(skip_rows=2, quote="")
    assert scan(CsvSource(put(content), options)).to_pydict() == {"n": [1], "s": ["x"]}
    assert scan(CsvSource(put("t\n" + content[3:].replace('"', "")), CsvOptions(skip_rows=3))).num_rows == 1
    bare = CsvOptions(skip_rows=1, header=False)
    assert scan(CsvSource(put("title\n1,x\n"), bare)).to_pydict() == {"column_1": [1], "column_2": ["x"]}
    with pytest.raises(ReadError, match=r"t.csv' has no record behind the 9 lines that skip_rows=9 leaves out"):
        CsvSource(put(content), CsvOptions(skip_rows=9, quote=""))
    with pytest.raises(ReadError, match=r"t.csv:2: the row has 2 values where there is 1 column; .* pass skip_rows="):
        scan(CsvSource(put("title\nn,s\n1,x\n")))
    with pytest.raises(ReadError, match=r"t.csv:5003: column 'n': 'x' is not int64"):
        scan(CsvSource(put("title\nn\n" + "1\n" * 5000 + "x\n"), CsvOptions(skip_rows=1, sample_bytes=1)))
    with pytest.raises(ConfigError, match="skip_rows must be 0 or more"):
        CsvOptions(skip_rows=-1)


def test_numbers_may_be_written_with_a_comma(put: Any, scan: Any) -> None:
    path = put('n;m;s\n1,5;2;a\n-0,25;"3,5";b,c\n')
    assert scan(CsvSource(path, CsvOptions(decimal=","))).to_pydict() == {
        "n": [1.5, -0.25],
        "m": [2.0, 3.5],
        "s": ["a", "b,c"],
    }
    exact = CsvOptions(decimal=",", dtypes={"n": "decimal(6,2)"}, on_bad_rows="skip", sample_bytes=1)
    assert str(scan(CsvSource(put("n\n1,5\nx\n2,25\n"), exact)).column("n").to_pylist()) == (
        "[Decimal('1.50'), Decimal('2.25')]"
    )
    with pytest.raises(ConfigError, match="decimal must be one ASCII character"):
        CsvOptions(decimal="")


def test_without_inference_columns_are_text(put: Any, scan: Any) -> None:
    options = CsvOptions(infer=False, dtypes={"n": "int64"})
    assert scan(CsvSource(put("zip,n\n01234,1\n,2\n"), options)).to_pydict() == {"zip": ["01234", None], "n": [1, 2]}


def test_columns_of_one_name_are_numbered(put: Any, scan: Any) -> None:
    assert CsvSource(put("a,a,b,a,a_1,,\n1,2,3,4,5,6,7\n")).schema.names == (
        "a", "a_2", "b", "a_3", "a_1", "column_6", "column_7",
    )  # fmt: skip
    with pytest.raises(ConfigError, match="names has 'a' twice"):
        CsvSource(put("x,y\n1,2\n"), CsvOptions(names=("a", "a")))
