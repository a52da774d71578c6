"""A table of the CPU device: contiguous Arrow arrays, one per column, of equal length.

A text column may be held as dictionary codes (``DictionaryArray`` with int32 indices and plain string values) whatever
the schema says, and decimals of at most 18 digits are ``decimal64``; every other column has exactly the Arrow type of
its field. Dictionaries may hold duplicates and values
that no row uses, never nulls. Knows nothing of expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from functools import partial
from itertools import accumulate, pairwise
from typing import overload

import numpy as np
import pyarrow as pa

from ...errors import ExecutionError
from ...records import dataclass
from ...schema import Schema
from ..protocol import Table
from .buffers import (
    array_from,
    empty,
    is_small,
    physical_type,
    present,
    size_of,
    storage,
    text_of,
    values_of,
)
from .gather import Later, encoded, plain, take_column, take_column_later, take_columns
from .native import Calls
from .native.arrays import Rows
from .native.parallel import Threads, each

_MAX_BYTES = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuTable:
    """Rows on the CPU.

    Attributes
    ----------
    schema
        Names and logical types.
    columns
        One contiguous array of ``num_rows`` values per field.
    num_rows
        Number of rows; carried apart since a table may have no columns.
    """

    schema: Schema
    columns: Sequence[pa.Array]
    num_rows: int
    _nbytes: list[int] = field(default_factory=list, repr=False, compare=False)

    @property
    def nbytes(self) -> int:
        """Bytes referred to by the rows, dictionaries included."""
        if not self._nbytes:
            columns = self.columns
            held = columns.nbytes if isinstance(columns, PendingColumns) else sum(map(size_of, columns))
            self._nbytes.append(held)
        return self._nbytes[0]

    def column(self, name: str) -> pa.Array:
        """Return a column by name."""
        return self.columns[self.schema.position(name)]

    def with_columns(self, columns: Sequence[pa.Array], num_rows: int) -> CpuTable:
        """Return a table of the same schema over other arrays."""
        return CpuTable(schema=self.schema, columns=columns, num_rows=num_rows)


class PendingColumn:
    """A column that is made when it is first asked for: many a column only serves what made its table.

    Parameters
    ----------
    source
        Gives the column, or that whose rows it has.
    rows
        Which of them, where it has not all.
    outer
        Whether some of them may be -1, for null.
    """

    __slots__ = ("_made", "_outer", "_rows", "_source")

    def __init__(self, source: Callable[[], pa.Array], rows: Rows | None = None, *, outer: bool = False) -> None:
        self._source, self._rows, self._outer = source, rows, outer
        self._made: pa.Array | None = None

    def get(self) -> pa.Array:
        """Return the column."""
        if self._made is None:
            source = self._source()
            self._made = source if self._rows is None else take_column(source, self._rows, outer=self._outer)
        return self._made

    def get_later(self, calls: Calls) -> Later:
        """Return the column, whose values may be there only when calls are made, or what gives it then."""
        if self._made is None and self._rows is not None and not self._outer:
            later = take_column_later(self._source(), self._rows, calls)
            if later is not None:
                return later
        return self.get()


class PendingColumns(Sequence[pa.Array]):
    """Columns of which each is made when it is first asked for.

    Parameters
    ----------
    columns
        What makes them.
    nbytes
        Estimate of their bytes.
    """

    def __init__(self, columns: Sequence[PendingColumn], nbytes: int) -> None:
        self.pending = columns
        self.nbytes = nbytes

    def __len__(self) -> int:
        return len(self.pending)

    @overload
    def __getitem__(self, index: int) -> pa.Array: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[pa.Array, ...]: ...

    def __getitem__(self, index: int | slice) -> pa.Array | tuple[pa.Array, ...]:
        if isinstance(index, slice):
            return tuple(column.get() for column in self.pending[index])
        return self.pending[index].get()


def settle(tables: Sequence[CpuTable]) -> list[CpuTable]:
    """Return the tables with every column made; the interpreter's lock is released once for most of it."""
    calls = Calls()
    begun: list[list[Later] | None] = [
        [column.get_later(calls) for column in table.columns.pending]
        if isinstance(table.columns, PendingColumns)
        else None
        for table in tables
    ]
    if calls:
        calls.run()
    more = Calls()
    settled = [
        table if made is None else table.with_columns([_made(column, more) for column in made], table.num_rows)
        for table, made in zip(tables, begun, strict=True)
    ]
    if more:
        more.run()
    return settled


def _made(column: Later, calls: Calls) -> pa.Array:
    """Return a column, whose values may be there only when calls are made."""
    return column(calls) if callable(column) else column


def own(table: Table) -> CpuTable:
    """Return a table of the protocol as this device's own.

    Raises
    ------
    TypeError
        If the table belongs to another device.
    """
    if not isinstance(table, CpuTable):
        raise TypeError(f"the cpu device was given a {type(table).__name__}; move it with to_arrow and from_arrow")
    return table


def empty_table(schema: Schema) -> CpuTable:
    """Return a table without rows."""
    columns = tuple(pa.nulls(0, physical_type(f.dtype)) for f in schema)
    return CpuTable(schema=schema, columns=columns, num_rows=0)


def is_dictionary(array: pa.Array) -> bool:
    """Return whether an array is dictionary-encoded."""
    return isinstance(array, pa.DictionaryArray)


def concat_columns(arrays: Sequence[pa.Array]) -> pa.Array:
    """Join at least one array of one logical type; dictionaries are unified where that keeps them small."""
    if len(arrays) == 1:
        return arrays[0]
    if not all(isinstance(array, pa.DictionaryArray) for array in arrays):
        return joined([plain(array) for array in arrays])
    first = arrays[0].dictionary
    if all(array.dictionary is first or array.dictionary.equals(first) for array in arrays[1:]):
        indices = pa.concat_arrays([array.indices for array in arrays])
        return encoded(indices, first)
    rows = sum(len(array) for array in arrays)
    if sum(len(array.dictionary) for array in arrays) > max(1024, rows):
        return joined([plain(array) for array in arrays])
    unified = pa.chunked_array(arrays).unify_dictionaries()
    indices = pa.concat_arrays([chunk.indices for chunk in unified.chunks])
    return encoded(indices, unified.chunk(0).dictionary)


def concat_tables(tables: Sequence[CpuTable], schema: Schema, threads: Threads | None = None) -> CpuTable:
    """Join tables of one schema, on the threads where there are any; empty ones are left out."""
    filled = [table for table in tables if table.num_rows]
    if not filled:
        return empty_table(schema)
    if len(filled) == 1:
        return filled[0]
    columns: list[pa.Array | None] = [None] * len(schema)
    steps: list[Callable[[], None]] = []
    for position in range(len(schema)):
        pieces = [table.columns[position] for table in filled]
        copied = _in_steps(pieces)
        if copied is None:
            steps.append(partial(_concat_into, columns, position, pieces))
        else:
            columns[position], copies = copied
            steps += copies
    each(lambda number: steps[number](), len(steps), threads)
    return CpuTable(schema=schema, columns=tuple(columns), num_rows=sum(table.num_rows for table in filled))


def concat_column(pieces: Sequence[pa.Array], threads: Threads | None) -> pa.Array:
    """Join arrays as `concat_columns` does, on the threads where there are any and values are simple."""
    copied = _in_steps(pieces) if len(pieces) > 1 else None
    if copied is None:
        return concat_columns(pieces)
    column, copies = copied
    each(lambda number: copies[number](), len(copies), threads)
    return column


def _in_steps(pieces: Sequence[pa.Array]) -> tuple[pa.Array, list[Callable[[], None]]] | None:
    """Return one array and the steps that fill it; None for what must be joined at once."""
    if all(map(is_plain, pieces)) and _begin_in_bytes(pieces):
        return _copied(pieces)
    if all(map(_is_plain_text, pieces)) and sum(map(size_of, pieces)) < _MAX_BYTES:
        return _copied_text(pieces)
    return None


def _concat_into(columns: list[pa.Array | None], position: int, pieces: Sequence[pa.Array]) -> None:
    columns[position] = concat_columns(pieces)


def _begin_in_bytes(pieces: Sequence[pa.Array]) -> bool:
    """Return whether nothing is null, or the flags of each piece begin with a byte of those of all."""
    if not any(piece.null_count for piece in pieces):
        return True
    return all(len(piece) % 8 == 0 for piece in pieces[:-1])


def is_plain(array: pa.Array) -> bool:
    """Return whether an array consists of values of 8 to 64 bits."""
    kind = array.type
    primitive = pa.types.is_primitive(kind) and not pa.types.is_boolean(kind) and not pa.types.is_interval(kind)
    return bool(primitive or is_small(kind))


def _copied(pieces: Sequence[pa.Array]) -> tuple[pa.Array, list[Callable[[], None]]]:
    """Return one array of plain values, and the steps that copy them into it."""
    ends = [0, *accumulate(map(len, pieces))]
    kind = pieces[0].type
    out = empty(ends[-1], storage(kind))
    copies: list[Callable[[], None]] = [
        partial(np.copyto, out[start:stop], values_of(piece))
        for piece, (start, stop) in zip(pieces, pairwise(ends), strict=True)
    ]
    nulls = sum(piece.null_count for piece in pieces)
    if not nulls:
        return array_from(out, kind), copies
    flags = empty((ends[-1] + 7) // 8, np.uint8)

    def flag(number: int) -> None:
        packed = np.packbits(present(pieces[number]), bitorder="little")
        np.copyto(flags[ends[number] // 8 :][: len(packed)], packed)

    flagging = [partial(flag, number) for number in range(len(pieces))]
    return array_from(out, kind, pa.py_buffer(flags), nulls), copies + flagging


def _is_plain_text(array: pa.Array) -> bool:
    kind = array.type
    return (pa.types.is_string(kind) or pa.types.is_binary(kind)) and not array.null_count


def _copied_text(pieces: Sequence[pa.Array]) -> tuple[pa.Array, list[Callable[[], None]]]:
    """Return one array of texts without nulls, and the steps that copy them into it."""
    given = [text_of(piece) for piece in pieces]
    ends = [0, *accumulate(map(len, pieces))]
    bases = [0, *accumulate(int(offsets[-1]) - int(offsets[0]) for offsets, _ in given)]
    starts, data = empty(ends[-1] + 1, np.int32), empty(bases[-1], np.uint8)
    starts[0], starts[-1] = 0, bases[-1]  # Arrow looks at both at once, before anything is copied

    def copy(number: int) -> None:
        offsets, texts = given[number]
        first, base = int(offsets[0]), bases[number]
        np.add(offsets[:-1], np.int32(base - first), out=starts[ends[number] : ends[number + 1]])
        np.copyto(data[base : bases[number + 1]], texts[first : int(offsets[-1])])

    buffers = [None, pa.py_buffer(starts), pa.py_buffer(data)]
    made = pa.Array.from_buffers(pieces[0].type, ends[-1], buffers, null_count=0)
    return made, [partial(copy, number) for number in range(len(pieces))]


def slice_table(table: CpuTable, offset: int, length: int) -> CpuTable:
    """Return a run of rows that shares the table's memory."""
    length = max(0, min(length, table.num_rows - offset))
    if length == table.num_rows:
        return table
    return table.with_columns([column.slice(offset, length) for column in table.columns], length)


def take_rows(table: CpuTable, rows: Rows) -> CpuTable:
    """Gather rows by 0-based position."""
    return table.with_columns([take_column(column, rows) for column in table.columns], len(rows))


def take_rows_of(tables: Sequence[CpuTable], rows: Sequence[Rows]) -> CpuTable:
    """Gather rows of several tables of one schema, by their positions in each."""
    if len(tables) == 1 and len(rows[0]) == tables[0].num_rows:
        return tables[0]
    chosen = [(table, own) for table, own in zip(tables, rows, strict=True) if len(own)]
    if not chosen:
        return empty_table(tables[0].schema)
    places = [own for _, own in chosen]
    pieces = zip(*(table.columns for table, _ in chosen), strict=True)
    columns = [concat_columns(take_columns(column, places)) for column in pieces]
    return tables[0].with_columns(columns, sum(map(len, places)))


def joined(arrays: Sequence[pa.Array]) -> pa.Array:
    """Join arrays of one type.

    Raises
    ------
    ExecutionError
        If they are texts of more than 2 GiB.
    """
    try:
        return pa.concat_arrays(arrays)
    except pa.ArrowInvalid as error:
        if "offset overflow" not in str(error):
            raise
        raise ExecutionError(
            "a text column of more than 2 GiB cannot be held in one piece; use more partitions"
        ) from error
