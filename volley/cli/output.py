"""Results as text or files: what ``volley sql`` prints and writes."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Protocol

import pyarrow as pa

from ..engine.errors import ConfigError, WriteError

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
_BINARY = {"parquet", "arrow"}
_LONGEST_CELL = 48


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
        For a suffix that names no format, or a binary format without a file.
    """
    if asked is None and path is not None:
        if path.suffix.lower() not in _SUFFIXES:
            known = ", ".join(_SUFFIXES)
            raise ConfigError(f"no format is known for the suffix of {path}; use one of {known}, or give --format")
        asked = _SUFFIXES[path.suffix.lower()]
    asked = asked or "table"
    if asked in _BINARY and path is None and sys.stdout.isatty():
        raise ConfigError(f"format {asked} is not for a terminal; give --output FILE or redirect the output")
    return asked


def table_text(result: Result, stream: IO[str], *, max_rows: int) -> str:
    """Return the first ``max_rows`` rows (0: all) in columns that fit ``stream``, and how many rows there are."""
    table = (result.limit(max_rows + 1) if max_rows > 0 else result).to_arrow()
    more = 0 < max_rows < table.num_rows
    shown = table.slice(0, max_rows) if more else table
    width = shutil.get_terminal_size().columns if stream.isatty() else None
    counted = f"({table.num_rows} row{'' if table.num_rows == 1 else 's'})"
    return _aligned(shown, width) + (f"(first {max_rows} rows; --rows 0 prints all)" if more else counted) + "\n"


def write(result: Result, chosen: str, path: Path | None) -> None:
    """Write the whole result to a file, all or nothing, or to standard output.

    Raises
    ------
    WriteError
        Where the file cannot be written; an older file of the name is kept.
    """
    if path is None:
        _WRITERS[chosen](result, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    try:
        with _whole_file(path) as stream:
            _WRITERS[chosen](result, stream)
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror or error}") from None


@contextmanager
def _whole_file(path: Path) -> Iterator[BinaryIO]:
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("wb") as stream:
            yield stream
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


# -------------------------------------------------------------------------------------------- writers


def _write_delimited(result: Result, stream: BinaryIO, delimiter: str) -> None:
    from pyarrow import csv

    options = csv.WriteOptions(delimiter=delimiter, quoting_style="needed")
    writer = None
    for batch in result.iter_batches():
        if writer is None:
            writer = csv.CSVWriter(stream, batch.schema, write_options=options)
        writer.write_batch(batch)
    if writer is None:
        writer = csv.CSVWriter(stream, result.to_arrow().schema, write_options=options)
    writer.close()


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
    """Return a value that JSON has: times and decimals as text, NaN and infinities as null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value if value is None or isinstance(value, bool | int | str) else _text(value)


def _write_parquet(result: Result, stream: BinaryIO) -> None:
    from pyarrow import parquet

    writer = None
    for batch in result.iter_batches():
        writer = writer or parquet.ParquetWriter(stream, batch.schema, compression="zstd")
        writer.write_batch(batch)
    if writer is None:
        parquet.write_table(result.to_arrow(), stream)
    else:
        writer.close()


def _write_arrow(result: Result, stream: BinaryIO) -> None:
    writer = None
    for batch in result.iter_batches():
        writer = writer or pa.ipc.new_file(stream, batch.schema)
        writer.write_batch(batch)
    writer = writer or pa.ipc.new_file(stream, result.to_arrow().schema)
    writer.close()


def _write_markdown(result: Result, stream: BinaryIO) -> None:
    table = result.to_arrow()
    rules = ["---:" if _is_number(field.type) else "---" for field in table.schema]
    rows = [[text.replace("|", "\\|") for text in row] for row in _rows(table)]
    stream.writelines(f"| {' | '.join(row)} |\n".encode() for row in (table.column_names, rules, *rows))


def _write_table(result: Result, stream: BinaryIO) -> None:
    stream.write(_aligned(result.to_arrow(), None).encode())


_WRITERS: dict[str, Callable[[Result, BinaryIO], None]] = {
    "table": _write_table,
    "csv": lambda result, stream: _write_delimited(result, stream, ","),
    "tsv": lambda result, stream: _write_delimited(result, stream, "\t"),
    "json": _write_json,
    "jsonl": _write_json_lines,
    "markdown": _write_markdown,
    "parquet": _write_parquet,
    "arrow": _write_arrow,
}


# ------------------------------------------------------------------------------------ aligned columns


def _aligned(table: pa.Table, width: int | None) -> str:
    """Return heading, rule and rows in columns; middle columns are left out where ``width`` is too small."""
    names = [_shortened(name) for name in table.column_names]
    rows = [[_shortened(text) for text in row] for row in _rows(table)]
    widths = [max(len(text) for text in column) for column in zip(names, *rows, strict=True)]
    numbers = [_is_number(field.type) for field in table.schema]
    kept = _fitting(widths, width)

    def line(cells: Sequence[str]) -> str:
        parts = [
            "…"
            if index is None
            else cells[index].rjust(widths[index])
            if numbers[index]
            else cells[index].ljust(widths[index])
            for index in kept
        ]
        return "  ".join(parts).rstrip() + "\n"

    return "".join(map(line, [names, ["─" * wide for wide in widths], *rows]))


def _fitting(widths: Sequence[int], width: int | None) -> list[int | None]:
    """Return the columns to show, None standing for those left out."""
    every: list[int | None] = list(range(len(widths)))
    if width is None or sum(widths) + 2 * (len(widths) - 1) <= width:
        return every
    left: list[int] = []
    right: list[int] = []
    room = width - 1
    order = [i // 2 if i % 2 == 0 else len(widths) - 1 - i // 2 for i in range(len(widths))]
    for index in order:
        room -= widths[index] + 2
        if room < 0 and left:
            break
        (left if index == len(left) else right).append(index)
    return [*left, None, *sorted(right)]


def _rows(table: pa.Table) -> Iterator[list[str]]:
    columns = [column.to_pylist() for column in table.columns]
    for row in zip(*columns, strict=True):
        yield [_text(value) for value in row]


def _text(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    return str(value).replace("\n", "\\n").replace("\t", "\\t")


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…"
