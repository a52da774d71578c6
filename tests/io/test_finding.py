"""Paths, lists, globs, directories and URLs become sorted files, or an error that says what is there instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec
import pytest

from volley.engine.errors import ConfigError, ReadError, TypeMismatch
from volley.io import format_of, open_source
from volley.io.finding import resolve

CSV = (".csv",)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.csv", "a.csv", "notes.txt", "_temporary.csv", ".hidden.csv", "year=2024/c.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x\n1\n")
    return tmp_path


def names(paths: Any) -> list[str]:
    return [file.relative for file in resolve(paths, suffixes=CSV).files]


def test_directory_gives_data_files_in_order_and_not_hidden_ones(folder: Path) -> None:
    assert names(folder) == ["a.csv", "b.csv", "year=2024/c.csv"]


def test_glob_list_file_and_url(folder: Path) -> None:
    assert names(str(folder / "*.csv")) == ["a.csv", "b.csv"]
    assert names(str(folder / "**" / "*.csv")) == ["a.csv", "b.csv", "year=2024/c.csv"]
    assert names(str(folder / "year=*")) == ["year=2024/c.csv"]
    assert names([folder / "b.csv", folder / "a.csv"]) == ["b.csv", "a.csv"]
    assert names(f"file://{folder}/a.csv") == ["a.csv"]
    assert names(folder / "notes.txt") == ["notes.txt"]


def test_partition_directories_above_what_was_named_are_seen(folder: Path) -> None:
    below = folder / "year=2024" / "month=1"
    below.mkdir()
    (below / "d.csv").write_text("x\n1\n")
    for path in (below, below / "d.csv", below / "*.csv", f"file://{below}/d.csv", [below / "d.csv"]):
        assert names(str(path) if isinstance(path, Path) else path) == ["year=2024/month=1/d.csv"]
    assert names([folder / "year=2024" / "c.csv", folder / "a.csv"]) == ["year=2024/c.csv", "a.csv"]
    assert open_source([below / "d.csv", folder / "a.csv"]).schema.names == ("x", "year", "month")
    (folder / "plain").mkdir()
    (folder / "year=2024" / "plain").mkdir()
    (folder / "year=2024" / "plain" / "e.csv").write_text("x\n1\n")
    assert names(folder / "year=2024" / "plain") == ["e.csv"]


def test_a_file_may_be_named_like_a_glob(tmp_path: Path) -> None:
    (tmp_path / "a[1].csv").write_text("x\n")
    assert names(tmp_path / "a[1].csv") == ["a[1].csv"]


def test_home_is_expanded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert names("~/a.csv") == ["a.csv"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("aa.csv", r"aa.csv' does not exist; did you mean '.*/a.csv'"),
        ("year=2042/c.csv", r"does not exist; did you mean '.*/year=2024'"),
        ("zzzz.parquet", r"does not exist; .* holds .*a.csv"),
        ("*.parquet", r"no file matches '.*\*.parquet'; .* holds "),
        ("nowhere/*.csv", r"no file matches"),
    ],
)
def test_missing_path_names_the_nearest(folder: Path, path: str, said: str) -> None:
    with pytest.raises(ReadError, match=said):
        resolve(folder / path, suffixes=CSV)


def test_directory_without_data(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match=r"has no .csv files; it is empty"):
        resolve(tmp_path / "empty", suffixes=CSV)
    with pytest.raises(ReadError, match=r"has no .parquet files; it holds a.csv, b.csv, notes.txt"):
        resolve(folder, suffixes=(".parquet",))


def test_no_path_and_mixed_file_systems(folder: Path) -> None:
    with pytest.raises(ReadError, match="no path was given"):
        resolve([], suffixes=CSV)
    with pytest.raises(ReadError, match=r"different file systems \(file, memory\)"):
        resolve([folder / "a.csv", "memory://a.csv"], suffixes=CSV)


def test_permission_denied_says_what_to_check(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, **_: Any) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(ReadError, match=r"permission denied; check the file's owner and mode"):
        resolve(folder / "a.csv", suffixes=CSV)


def test_a_file_that_changes_or_goes_after_planning_is_noticed(folder: Path) -> None:
    from volley.engine.plan import ScanRequest

    source = open_source(folder / "a.csv")
    (split,) = source.scan(ScanRequest(columns=("x",))).splits
    (folder / "a.csv").write_text("x\n1\n2\n")
    with pytest.raises(ReadError, match="has changed since it was opened"):
        list(split.read())
    (folder / "a.csv").unlink()
    with pytest.raises(ReadError, match="has gone"):
        list(split.read())


def test_remote_files_directories_globs_and_errors() -> None:
    store = fsspec.filesystem("memory")
    for name in ("b.csv", "a.csv", "_x.csv", "k=1/c.csv"):
        store.pipe_file(f"/remote_tests/{name}", b"x\n1\n")
    assert names("memory://remote_tests") == ["a.csv", "b.csv", "k=1/c.csv"]
    assert names("memory://remote_tests/a.csv") == ["a.csv"]
    assert names("memory://remote_tests/*.csv") == ["a.csv", "b.csv"]
    with pytest.raises(ReadError, match=r"memory://remote_tests/aa.csv' does not exist; did you mean 'a.csv'"):
        resolve("memory://remote_tests/aa.csv", suffixes=CSV)
    with pytest.raises(ReadError, match=r"no file matches 'memory://remote_tests/\*.txt'"):
        resolve("memory://remote_tests/*.txt", suffixes=CSV)
    with pytest.raises(ReadError, match=r"has no .parquet files"):
        resolve("memory://remote_tests", suffixes=(".parquet",))
    store.rm("/remote_tests", recursive=True)


def test_damaged_manifest_and_refusing_store(monkeypatch: pytest.MonkeyPatch) -> None:
    store = fsspec.filesystem("memory")
    store.pipe_file("/remote_tests/out/part-00000.csv", b"x\n1\n")
    store.pipe_file("/remote_tests/out/_manifest.json", b"{}")
    with pytest.raises(ReadError, match=r"memory://remote_tests/out/_manifest.json is damaged"):
        resolve("memory://remote_tests/out", suffixes=CSV)

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError("forbidden")

    monkeypatch.setattr(type(store), "info", refuse)
    with pytest.raises(ReadError, match=r"cannot read 'memory://remote_tests/out': permission denied; check the cred"):
        resolve("memory://remote_tests/out", suffixes=CSV)
    monkeypatch.undo()
    store.rm("/remote_tests", recursive=True)


def test_a_downloaded_data_set_is_read_by_its_manifest(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "stale.csv").write_text("x\n1\n")
    (tmp_path / "_manifest.json").write_text('{"files": [{"path": "a.csv"}]}')
    assert names(tmp_path) == ["a.csv"]


def test_unknown_protocol() -> None:
    with pytest.raises(ConfigError, match="cannot use nosuch:// paths"):
        resolve("nosuch://a.csv", suffixes=CSV)
    with pytest.raises(ConfigError, match=r"chained URL 'zip::memory://a.zip' is not supported"):
        resolve("zip::memory://a.zip", suffixes=CSV)


def test_formats_by_ending_and_by_directory(folder: Path) -> None:
    assert [format_of(n) for n in ("a.parquet", "a.CSV.gz", "a.jsonl", "a.feather", "a.txt", "a")] == [
        "parquet",
        "csv",
        "json",
        "ipc",
        None,
        None,
    ]
    assert open_source(folder).schema.names == ("x", "year")
    assert open_source(folder / "notes.txt", "csv").schema.names == ("x",)


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (("notes.txt",), {}, "names no format; say which with format=…: parquet, csv, json, ipc"),
        (("a.csv", "cvs"), {}, "unknown format 'cvs'; did you mean 'csv'"),
        (("a.csv",), {"delimeter": ";"}, "csv has no option 'delimeter'; did you mean 'delimiter'"),
        (("a.csv",), {"delimiter": ";;"}, "delimiter must be one ASCII character, not ';;'"),
        (("a.csv",), {"on_bad_rows": "ignore"}, "on_bad_rows must be 'raise', 'skip' or 'pad'"),
        (("a.csv",), {"dtypes": {"x": "strng"}}, "'strng' is not a type; did you mean 'string'"),
        (("a.csv",), {"dtypes": {"y": "string"}}, "dtypes names 'y', which .*a.csv' does not have; available: x"),
        (("a.csv",), {"encoding": "utf-9"}, "unknown encoding 'utf-9'"),
        (("a.csv",), {"sample_bytes": 0}, "sample_bytes must be positive"),
    ],
)
def test_wrong_options_are_refused(
    folder: Path, arguments: tuple[str, ...], options: dict[str, Any], said: str
) -> None:
    with pytest.raises((ConfigError, TypeMismatch), match=said):
        open_source(folder / arguments[0], *arguments[1:], **options)


@pytest.mark.parametrize("paths", [None, 3, ["a.csv", None], [b"a.csv"]])
def test_what_is_no_path_is_refused(paths: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"a path is a text or a pathlib.Path, or a list of such, not (None|3|b'a.csv')"
    ):
        open_source(paths)
