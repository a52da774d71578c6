"""Results in files and streams: every format that ``volley sql`` writes."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, Protocol

import pyarrow as pa

from ..engine.errors import ConfigError, WriteError
from .cells import is_number, rows_of, value_text
from .table import Layout, aligned, in_lines

_EXACT_DIGITS = 15
"""A float holds every decimal of as many digits."""

_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".md": "markdown",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".txt": "table",
}
BINARY = frozenset(("parquet", "arrow"))
"""Formats that hold one table and are not for reading."""


class Result(Protocol):
    """What is needed of a frame."""

    def iter_batches(self) -> Iterator[pa.RecordBatch]:
        """Run the plan and give its batches in order."""
        ...

    def limit(self, count: int) -> Result:
        """Return the first rows."""
        ...

    def to_arrow(self) -> pa.Table:
        """Run the plan."""
        ...


def choose_format(asked: str | None, path: Path | None) -> str:
    """Return the format that was asked for, else that of the file's suffix, else table.

    Raises
    ------
    ConfigError
        For a suffix that names no format.
    """
    if asked is None and path is not None:
        if path.suffix.lower() not in _SUFFIXES:
            known = ", ".join(_SUFFIXES)
            raise ConfigError(f"no format is known for the suffix of {path}; use one of {known}, or give --format")
        asked = _SUFFIXES[path.suffix.lower()]
    return asked or "table"


def write(result: Result, chosen: str, path: Path | None) -> None:
    """Write the whole result to a file, all or nothing, or to standard output.

    Raises
    ------
    WriteError
        Where the file cannot be written; an older file of the name is kept.
    """
    if path is None:
        with written_to("standard output"):
            _WRITERS[chosen](result, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        return
    file = OutputFile(path)
    try:
        file.add(result, chosen)
        file.publish()
    finally:
        file.discard()


@contextmanager
def written_to(where: object) -> Iterator[None]:
    """Say where it was that something could not be written; a reader who went away is no such error."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        from ..io.staging import hindrance

        raise WriteError(f"{where} cannot be written: {hindrance(error)}") from None


class OutputFile:
    """A file that takes one result after the other and appears whole: with `publish`, or not at all.

    Parameters
    ----------
    path
        Of the file; an older one stays until `publish`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unfinished = path.with_name(f".{path.name}.unfinished")
        self._results = 0
        self._pending = False
        self._published = False

    def add(self, result: Result, chosen: str) -> None:
        """Write a result behind the earlier ones; nothing of it stays where that fails.

        Raises
        ------
        ConfigError
            For a second result in a format that holds one.
        WriteError
            Where the file cannot be written.
        """
        if self._results and chosen in BINARY:
            raise ConfigError(f"{self.path} holds one result already, and {chosen} can hold no more")
        with written_to(self.path), self._unfinished.open("ab" if self._pending else "wb") as stream:
            begin = stream.tell()
            try:
                _WRITERS[chosen](result, stream)
            except BaseException:
                with suppress(OSError):
                    stream.flush()
                stream.truncate(begin)
                raise
        self._results += 1
        self._pending = True

    def publish(self) -> None:
        """Let the results so far appear under the file's name."""
        if not self._pending:
            return
        with written_to(self.path):
            if self._published:
                with self._unfinished.open("rb") as more, self.path.open("ab") as stream:
                    shutil.copyfileobj(more, stream)
                self._unfinished.unlink()
            else:
                self._unfinished.replace(self.path)
        self._published, self._pending = True, False

    def discard(self) -> None:
        """Remove what was not published."""
        with suppress(OSError):  # in a folder that is closed to us there is nothing of ours
            self._unfinished.unlink()


# -------------------------------------------------------------------------------------------- writers


def _write_delimited(result: Result, stream: BinaryIO, delimiter: str) -> None:
    from pyarrow import csv

    options = csv.WriteOptions(delimiter=delimiter, quoting_style="needed")
    writer = None
    for batch in _batches(result):
        flat = pa.RecordBatch.from_arrays([_flat(column) for column in batch.columns], names=batch.schema.names)
        writer = writer or csv.CSVWriter(stream, flat.schema, write_options=options)
        writer.write_batch(flat)
    if writer is not None:
        writer.close()


def _flat(column: pa.Array) -> pa.Array:
    """Return a column that CSV can hold: lists and structs as JSON, intervals as text."""
    if pa.types.is_nested(column.type):
        texts = [None if v is None else json.dumps(_plain(v), ensure_ascii=False) for v in column.to_pylist()]
        return pa.array(texts, pa.string())
    if column.type == pa.month_day_nano_interval():
        return pa.array([None if value is None else value_text(value) for value in column.to_pylist()], pa.string())
    return column


def _batches(result: Result) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a result; where it has no rows one without any, which says the columns."""
    empty = True
    for batch in result.iter_batches():
        empty = False
        yield batch
    if empty:
        yield pa.RecordBatch.from_pylist([], result.to_arrow().schema)


def _write_json(result: Result, stream: BinaryIO) -> None:
    separator = b"["
    for line in _json_lines(result):
        stream.write(separator + line.encode())
        separator = b",\n "
    stream.write(b"]\n" if separator != b"[" else b"[]\n")


def _write_json_lines(result: Result, stream: BinaryIO) -> None:
    stream.writelines(line.encode() + b"\n" for line in _json_lines(result))


def _json_lines(result: Result) -> Iterator[str]:
    for batch in result.iter_batches():
        for row in batch.to_pylist():
            yield json.dumps({name: _plain(value) for name, value in row.items()}, ensure_ascii=False)


def _plain(value: object) -> object:
    """Return a value that JSON has: times, and decimals that a float would change, as text; NaN and infinities null."""
    if isinstance(value, Decimal):
        return float(value) if len(value.as_tuple().digits) <= _EXACT_DIGITS else value_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value if value is None or isinstance(value, bool | int | str) else value_text(value)


def _write_parquet(result: Result, stream: BinaryIO) -> None:
    from pyarrow import parquet

    writer = None
    for batch in _batches(result):
        writer = writer or parquet.ParquetWriter(stream, batch.schema, compression="zstd")
        writer.write_batch(batch)
    if writer is not None:
        writer.close()


def _write_arrow(result: Result, stream: BinaryIO) -> None:
    writer = None
    for batch in _batches(result):
        writer = writer or pa.ipc.new_file(stream, batch.schema)
        writer.write_batch(batch)
    if writer is not None:
        writer.close()


def _write_markdown(result: Result, stream: BinaryIO) -> None:
    table = result.to_arrow()
    rules = ["---:" if is_number(field.type) else "---" for field in table.schema]
    rows = [[text.replace("|", "\\|") for text in row] for row in rows_of(table)]
    stream.writelines(f"| {' | '.join(row)} |\n".encode() for row in (table.column_names, rules, *rows))


def _write_table(result: Result, stream: BinaryIO) -> None:
    stream.write(aligned(result.to_arrow(), Layout())[0].encode())


def _write_lines(result: Result, stream: BinaryIO) -> None:
    stream.write(in_lines(result.to_arrow(), Layout(cell=0)).encode())


_WRITERS: dict[str, Callable[[Result, BinaryIO], None]] = {
    "table": _write_table,
    "line": _write_lines,
    "csv": lambda result, stream: _write_delimited(result, stream, ","),
    "tsv": lambda result, stream: _write_delimited(result, stream, "\t"),
    "json": _write_json,
    "jsonl": _write_json_lines,
    "markdown": _write_markdown,
    "parquet": _write_parquet,
    "arrow": _write_arrow,
}
