"""Finding the value that made a block of CSV fail: file, line, column, value and what to do about it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from ..engine.arrow import from_arrow_type
from ..engine.errors import ReadError
from .csv_options import Dialect, not_utf8
from .filesystem import reason
from .text_blocks import TextFile, record_at

_LOG = logging.getLogger("volley.io")


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value that is not of its column's type; ``row`` counts the block's well-shaped records from 0."""

    row: int
    column: str
    value: bytes
    type: pa.DataType


class RaggedRows:
    """Collects the records of one block that have too many or too few values, as the parser meets them."""

    def __init__(self, *, skip: bool) -> None:
        self._answer = "skip" if skip else "error"
        self.found: list[Any] = []

    def __call__(self, row: Any) -> str:
        """Keep a record and answer what to do with it."""
        self.found.append(row)
        return self._answer


class BadRows:
    """Counts rows left out, over all threads of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0

    def add(self, rows: int, first: ReadError) -> None:
        """Count rows of one block, and log the first of them."""
        with self._lock:
            self.count += rows
        _LOG.warning("skipped %d bad row%s; the first: %s", rows, "s" if rows > 1 else "", first)

    def __reduce__(self) -> tuple[type[BadRows], tuple[()]]:
        return (BadRows, ())


def explain(
    text: TextFile,
    dialect: Dialect,
    block: bytes,
    offset: int,
    types: Mapping[str, pa.DataType],
    error: Exception,
    ragged: Sequence[Any],
) -> ReadError:
    """Return the error for a block that does not parse; ``offset`` is where the block begins."""
    if ragged:
        return ragged_error(text, dialect, block, offset, ragged[0])
    texts = _texts(dialect, block, types, RaggedRows(skip=True))
    first = min(_misfits(dialect, texts, types), key=lambda m: m.row, default=None)
    if first is None:
        return ReadError(f"cannot read {text.url!r}: {reason(error)}")
    return misfit_error(text, dialect, block, offset, first, first.row)


def ragged_error(text: TextFile, dialect: Dialect, block: bytes, offset: int, row: Any) -> ReadError:
    """Return the error for a record with the wrong number of values."""
    line = _line(text, dialect, block, offset, row.number - 1)
    has = f"{row.actual_columns} value{'s' if row.actual_columns != 1 else ''}"
    if row.expected_columns == 1:
        return ReadError(
            f"{text.url}:{line}: the row has {has} where there is 1 column; where the table begins on a later line, "
            f"pass skip_rows=…; else quote values that contain {dialect.delimiter!r}, or pass on_bad_rows='skip'"
        )
    return ReadError(
        f"{text.url}:{line}: the row has {has} where there are {row.expected_columns} columns; "
        f"quote values that contain {dialect.delimiter!r}, or pass on_bad_rows='skip' to leave such rows out"
    )


def misfit_error(text: TextFile, dialect: Dialect, block: bytes, offset: int, misfit: Misfit, record: int) -> ReadError:
    """Return the error for a value that does not fit its column's type, in the block's 0-based ``record``."""
    line = _line(text, dialect, block, offset, record)
    if pa.types.is_string(misfit.type):
        return not_utf8(text, line)
    shown = misfit.value.decode(errors="replace")
    return ReadError(
        f"{text.url}:{line}: column {misfit.column!r}: {shown!r} is not {from_arrow_type(misfit.type)}; pass "
        f"dtypes={{{misfit.column!r}: 'string'}} or the right type, a larger sample_bytes, or on_bad_rows='skip'"
    )


def salvage(
    text: TextFile, dialect: Dialect, block: bytes, offset: int, types: Mapping[str, pa.DataType], bad: BadRows
) -> pa.Table:
    """Return the rows of a block that are well shaped and whose values fit, counting the others."""
    ragged = RaggedRows(skip=True)
    texts = _texts(dialect, block, types, ragged)
    misfits = sorted(_misfits(dialect, texts, types), key=lambda m: m.row)
    rows = sorted({m.row for m in misfits})
    keep = np.ones(texts.num_rows, dtype=bool)
    keep[rows] = False
    good = texts.filter(pa.array(keep))
    columns = {name: _convert(dialect, good.column(name).to_pylist(), kind) for name, kind in types.items()}
    if misfits:
        record = _record_number(misfits[0].row, [row.number - 1 for row in ragged.found])
        bad.add(len(rows), misfit_error(text, dialect, block, offset, misfits[0], record))
    if ragged.found:
        bad.add(len(ragged.found), ragged_error(text, dialect, block, offset, ragged.found[0]))
    return pa.table(columns)


def padded(dialect: Dialect, block: bytes) -> bytes:
    """Return a block whose records with too few values end in as many empty ones as they lack."""
    ragged = RaggedRows(skip=True)
    first = dialect.names[0]
    dialect.parse(block, {first: pa.binary()}, [first], ragged)
    short = {
        row.number - 1: row.expected_columns - row.actual_columns
        for row in ragged.found
        if row.actual_columns < row.expected_columns
    }
    if not short:
        return block
    lines = block.split(b"\n")
    quote, seen, at = dialect.quote.encode(), 0, 0
    while at < len(lines):
        text = lines[at]
        while quote and text.count(quote) % 2 and at + 1 < len(lines):
            at += 1
            text += b"\n" + lines[at]
        at += 1
        if not text.strip(b"\r") and not dialect.blank_counts:
            continue
        if seen in short:
            last = lines[at - 1]
            end = b"\r" if last.endswith(b"\r") else b""
            lines[at - 1] = last.removesuffix(b"\r") + dialect.delimiter.encode() * short[seen] + end
        seen += 1
    return b"\n".join(lines)


def _record_number(row: int, ragged: Sequence[int]) -> int:
    """Return the record number of the ``row``-th well-shaped record, given the numbers of the others in order."""
    for number in ragged:
        if number <= row:
            row += 1
    return row


def _line(text: TextFile, dialect: Dialect, block: bytes, offset: int, record: int) -> int:
    begin, _ = record_at(block, record, dialect.quote, blank_counts=dialect.blank_counts)
    return text.lines_before(offset) + begin + 1


def _texts(dialect: Dialect, block: bytes, types: Mapping[str, pa.DataType], on_invalid: RaggedRows) -> pa.Table:
    """Return the values as they stand in the file."""
    raw = replace(dialect, null_values=())
    return raw.parse(block, {name: pa.binary() for name in types}, list(types), on_invalid)


def _misfits(dialect: Dialect, texts: pa.Table, types: Mapping[str, pa.DataType]) -> Iterator[Misfit]:
    for name, kind in types.items():
        values = texts.column(name).to_pylist()
        for row in _unconvertible(dialect, values, kind, 0):
            yield Misfit(row, name, values[row], kind)


def _unconvertible(dialect: Dialect, values: list[bytes], kind: pa.DataType, start: int) -> Iterator[int]:
    """Yield positions of values that do not convert, by halving."""
    try:
        _convert(dialect, values, kind)
    except pa.ArrowInvalid:
        if len(values) == 1:
            yield start
            return
        half = len(values) // 2
        yield from _unconvertible(dialect, values[:half], kind, start)
        yield from _unconvertible(dialect, values[half:], kind, start + half)


def _convert(dialect: Dialect, values: list[bytes], kind: pa.DataType) -> pa.Array:
    """Convert texts as the file's own parser would."""
    if not values:
        return pa.array([], kind)
    nulls = {value.encode() for value in dialect.null_values}
    lines = [value if value in nulls else b'"' + value.replace(b'"', b'""') + b'"' for value in values]
    column = replace(dialect, delimiter=";" if dialect.decimal == "," else ",", quote='"', names=("value",))
    return column.parse(b"\n".join(lines) + b"\n", {"value": kind}, ["value"]).column(0).combine_chunks()
