"""JSON lines in, against Python's json and pandas."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import volley as vl
from volley.engine import dtypes
from volley.engine.errors import ConfigError, ReadError
from volley.engine.plan import ScanRequest
from volley.io import open_source, text_blocks
from volley.io.json_lines import JsonOptions, JsonSource


@pytest.fixture
def put(tmp_path: Path) -> Any:
    def put(content: str | bytes, name: str = "t.jsonl") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return put


def test_types_are_inferred_also_of_nested_values(put: Any, scan: Any) -> None:
    lines = [
        {"i": 1, "f": 1.5, "s": "Zoë", "b": True, "t": "2024-01-31T12:00:00", "l": [1, 2], "o": {"x": "y", "n": None}},
        {"i": None, "f": 2, "z": None, "l": [], "o": {"x": None}},
    ]
    source = JsonSource(put("\n\n".join(json.dumps(line, ensure_ascii=False) for line in lines)))
    assert [str(f) for f in source.schema] == [
        "i: int64",
        "f: float64",
        "s: string",
        "b: bool",
        "t: timestamp(us)",
        "l: list(int64)",
        "o: struct(x: string, n: string)",
        "z: string",
    ]
    first, second = scan(source).to_pylist()
    assert first == {**lines[0], "t": dt.datetime.fromisoformat("2024-01-31 12:00"), "z": None}
    assert second == {
        "i": None,
        "f": 2.0,
        "s": None,
        "b": None,
        "t": None,
        "l": [],
        "o": {"x": None, "n": None},
        "z": None,
    }


def test_given_types_win(put: Any, scan: Any) -> None:
    path = put('{"d": "2024-01-31", "p": 1.25, "n": 7}\n')
    options = JsonOptions(dtypes={"d": "date", "p": "decimal(9,2)", "n": "float64"})
    (row,) = scan(JsonSource(path, options)).to_pylist()
    assert row["d"] == dt.date(2024, 1, 31)
    assert str(row["p"]) == "1.25"
    assert type(row["n"]) is float
    with pytest.raises(ConfigError, match=r"dtypes names 'q', which .* does not have; available: d, p, n"):
        JsonSource(path, JsonOptions(dtypes={"q": "string"}))


def test_times_are_told_by_how_every_value_is_written(put: Any, scan: Any) -> None:
    rows = [
        {"d": "2024-01-31", "z": "2024-01-31T12:00:00Z", "u": "2024-01-31 12:00:00.5", "m": "2024-01-31T12:00:00Z"},
        {"d": None, "z": "2024-01-31T12:00:00+0200", "u": "2024-01-31", "m": "2024-01-31T12:00:00"},
        {"d": "2024-02-01", "z": None, "u": None, "m": "soon"},
    ]
    source = JsonSource(put("\n".join(map(json.dumps, rows))))
    assert [str(f.dtype) for f in source.schema] == ["date", "timestamp(us, UTC)", "timestamp(us)", "string"]
    table = scan(source)
    assert table.column("d").to_pylist() == [dt.date(2024, 1, 31), None, dt.date(2024, 2, 1)]
    assert table.column("z")[1].as_py() == dt.datetime(2024, 1, 31, 10, tzinfo=dt.UTC)
    assert [str(v) for v in table.column("u").to_pylist()[:2]] == ["2024-01-31 12:00:00.500000", "2024-01-31 00:00:00"]
    assert scan(JsonSource(put('{"d": "2024-02-31"}'))).to_pydict() == {"d": ["2024-02-31"]}


def test_projection_counting_and_pieces(put: Any, scan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", 600)
    monkeypatch.setattr(text_blocks, "_PIECE_BYTES", 2000)
    path = put("\n".join(json.dumps({"a": i, "b": f'say "{i}"'}) for i in range(1000)) + "\n\n")
    source = JsonSource(path)
    splits = source.scan(ScanRequest(columns=("b",))).splits
    assert len(splits) > 5
    expected = pd.read_json(path, lines=True)
    assert scan(source, ["b", "a"]).to_pandas().equals(expected[["b", "a"]].astype({"b": "str"}))
    assert scan(source, []).num_rows == 1000
    assert sum(b.num_rows for split in pickle.loads(pickle.dumps(splits)) for b in split.read()) == 1000


def test_several_files_and_partitions(tmp_path: Path, scan: Any) -> None:
    for year, line in ((2023, '{"a": 1}'), (2024, '{"a": 2.5, "b": "x"}')):
        (tmp_path / f"year={year}").mkdir()
        (tmp_path / f"year={year}" / "a.json.gz").write_bytes(gzip.compress(line.encode()))
    assert scan(open_source(tmp_path)).to_pydict() == {"a": [1.0, 2.5], "b": [None, "x"], "year": [2023, 2024]}
    assert scan(open_source(tmp_path), ["year"]).num_rows == 2


def test_files_without_rows(tmp_path: Path, scan: Any) -> None:
    empty, full = tmp_path / "0.jsonl.gz", tmp_path / "1.jsonl"
    empty.write_bytes(gzip.compress(b"\n"))
    options = JsonOptions(dtypes={"a": "date", "b": dtypes.list_(dtypes.int64)})
    none = scan(JsonSource(empty, options))
    assert none.schema == pa.schema({"a": pa.date32(), "b": pa.list_(pa.int64())})
    assert none.num_rows == scan(JsonSource(empty, options), []).num_rows == 0
    with pytest.raises(
        ReadError, match=r"0.jsonl.gz' is empty; .*: dtypes=\{'column': 'type', …\} reads it as a table"
    ):
        JsonSource(empty)
    full.write_text('{"a": 1}\n{"a": null}\n')
    assert scan(JsonSource([empty, full, empty])).to_pydict() == {"a": [1, None]}
    with pytest.raises(ConfigError, match=r"dtypes names 'b', which .* does not have"):
        JsonSource([empty, full], options)


def test_a_frame_without_rows_is_written_and_read_back(tmp_path: Path) -> None:
    frame = vl.DataFrame({"n": [1], "text": ["a"]}).head(0)
    for path in (tmp_path / "a.jsonl", tmp_path / "folder"):
        frame.to_json(path)
        back = vl.read_json(path, dtypes={"n": "int64", "text": "string"})
        assert back.to_arrow().equals(frame.to_arrow())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", r"t.jsonl' is empty; JSON lines need one object per line"),
        ('[{"a": 1},\n {"a": "x"}]', r"t.jsonl', element 1: Column\(/a\) .*: {\"a\": \"x\"}; each element must be one"),
        ("[1, 2]", r"t.jsonl', element 0: .*: 1; each element must be one JSON object"),
        ('[{"a": 1}, {"a"', r"t.jsonl' ends within a value; the file is cut short, or a bracket is not closed"),
        ('{\n"a": 1}\n{\n"a": "x"\n}\n', r"t.jsonl:3: Column\(/a\) changed from number to string: {"),
        ("[]", r"t.jsonl' is empty"),
        ('{"a": 1}\n{"a": 2\n', r"t.jsonl:2: Missing a comma or '}' after an object member: {\"a\": 2; each line"),
        ('{"a": 1}\nnope\n', r"t.jsonl:2: Invalid value: nope; each line must be one JSON object"),
        ('{"a": 1}\n\n[1]\n', r"t.jsonl:3: "),
        (
            '{"a": 1}\n{"a": 2}\n{"a": "x"}\n{"a": 4}\n',
            r't.jsonl:3: Column\(/a\) changed from number to string: {"a": "x"}; ',
        ),
        (b'{"a": 1}\n{"a": "\xff"}\n', r"t.jsonl:2: not UTF-8: "),
    ],
)
def test_broken_files_are_explained(put: Any, content: str | bytes, said: str) -> None:
    with pytest.raises(ReadError, match=said):
        JsonSource(put(content))


def test_a_later_value_that_does_not_fit_is_found(put: Any, scan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", 600)
    lines = [json.dumps({"a": i, "b": 1}) for i in range(2000)]
    lines[1499] = '{"a": "oops", "b": 1}'
    source = JsonSource(put("\n".join(lines)), JsonOptions(sample_bytes=500))
    with pytest.raises(ReadError, match=r"t.jsonl:1500: Column\(/a\) changed from number to string: .*dtypes=\{…\}"):
        scan(source)
    assert scan(source, ["b"]).num_rows == 2000


def test_wrong_sample_size() -> None:
    with pytest.raises(ConfigError, match="sample_bytes must be positive"):
        JsonOptions(sample_bytes=0)


def test_an_array_and_objects_over_several_lines_are_read(put: Any, scan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", 37)
    odd = ["[", '"],', "\\", '\\"', "a\nb", "", "}{"]
    rows = [{"i": i, "s": odd[i % len(odd)], "o": {"l": [i, i + 1], "t": None}} for i in range(60)]
    for indent in (None, 1):
        whole = json.dumps(rows, indent=indent, ensure_ascii=False)
        objects = "\n".join(json.dumps(row, indent=1) for row in rows)
        for content in (whole, "\ufeff \r\n" + whole.replace("\n", "\r\n"), objects):
            table = scan(
                JsonSource(
                    put(content, "t.json"),
                    JsonOptions(dtypes={"o": dtypes.struct([("l", dtypes.list_(dtypes.int64)), ("t", dtypes.string)])}),
                )
            )
            assert table.to_pylist() == rows
            assert scan(JsonSource(put(content, "t.json")), ["i"]).num_rows == 60
    path = put(gzip.compress(json.dumps(rows).encode()), "t.json.gz")
    assert scan(JsonSource(path)).column("i").to_pylist() == list(range(60))


def test_sampled_bytes_may_be_more_than_any_file(put: Any) -> None:
    assert JsonSource(put('{"a": 1}'), JsonOptions(sample_bytes=1 << 60)).schema.names == ("a",)
