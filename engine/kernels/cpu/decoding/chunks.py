"""Column chunks as Arrow arrays: any run of a row group's rows, or some rows of such a run, over page boundaries.

Pages without a wanted row are not opened. Rows are numbered within the row group; those to take are sorted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....dtypes import DataType, Kind
from ....records import dataclass
from ...decoding import DamagedChunk
from ..buffers import array_from, empty, physical_type, scratch
from ..gather import encoded
from ..native import encodings, pack_bits, pages, take
from ..native.arrays import Bits, Rows
from .pages import Page, PageReader, Texts, Values, element_type

_MOST_BYTES = 2**31 - 1
_MOST_REMEMBERED, _MOST_REMEMBERED_BYTES = 256, 4096
_remembered: dict[tuple[DataType, str, bytes], pa.Array] = {}
_identity = np.arange(64 * 1024, dtype=np.int32)

Piece: TypeAlias = tuple[Page, Rows | slice]
"""A page and the positions in it of the wanted values, -1 for null; a slice where none of them can be null."""


@dataclass(frozen=True, slots=True)
class Coded:
    """Rows as positions in their chunk's dictionary; a null has position 0 and no flag.

    Attributes
    ----------
    codes
        One per row.
    flags
        One byte per row, 0 for null; None where no row is null.
    """

    codes: Rows
    flags: Bits | None

    def select(self, wanted: Bits) -> Rows:
        """Return the rows whose value is flagged in ``wanted``: a flag per entry of the dictionary, then null's."""
        codes = self.codes
        if self.flags is not None:
            codes = np.where(self.flags, codes, np.int32(len(wanted) - 1))
        rows: Rows = np.empty(len(codes) + 1, dtype=np.int32)
        return rows[: encodings.select_codes(codes, wanted, rows)]


class ChunkReader:
    """The values of one column in one row group.

    Parameters
    ----------
    reader
        Opens the chunk's pages.

    Raises
    ------
    DamagedChunk, UnknownEncoding
        As `Decoder.decode` does.
    """

    def __init__(self, reader: PageReader) -> None:
        self.spec = reader.spec
        self.pages = reader
        self._first = int(reader.has_dictionary)
        self.coded = reader.coded
        self.nullable = reader.spec.optional
        self._held: tuple[int, Page] | None = None
        self._choices: pa.Array | None = None

    @cached_property
    def dictionary(self) -> Values | None:
        """The dictionary's values, where there is one."""
        return self.pages.dictionary(0) if self._first else None

    @cached_property
    def _starts(self) -> list[int]:
        """Where the rows of each page begin and where those of the last one end."""
        return [0, *accumulate(row[pages.VALUES] for row in self.pages.table[self._first :])]

    @property
    def choices(self) -> pa.Array:
        """The dictionary's values as an array; only where there is one."""
        if self._choices is None:
            self._choices = self._remembered_choices() if self.spec.as_codes else self._made_choices()
        return self._choices

    def _made_choices(self) -> pa.Array:
        assert self.dictionary is not None
        if isinstance(self.dictionary, np.ndarray):
            return fixed_array(self.dictionary, self.spec.dtype, None)
        return self._assembled([(self._as_page(), slice(0, len(self.dictionary)))], len(self.dictionary))

    def _remembered_choices(self) -> pa.Array:
        """Return the same array for the same stored bytes: row groups often repeat a small dictionary.

        What kernels find out about a dictionary they remember by its identity.
        """
        stored = self.pages.stored_dictionary(_MOST_REMEMBERED_BYTES)
        if stored is None:
            return self._made_choices()
        key = (self.spec.dtype, self.spec.codec, stored)
        known = _remembered.get(key)
        if known is None:
            if len(_remembered) >= _MOST_REMEMBERED:
                _remembered.clear()
            known = _remembered[key] = self._made_choices()
        return known

    @property
    def numbers(self) -> NDArray[Any]:
        """The dictionary's values, of fixed width."""
        assert isinstance(self.dictionary, np.ndarray)
        return self.dictionary

    def read_by_page(self, start: int, count: int, rows: Rows | None) -> pa.Array:
        """Return the values of ``count`` rows from ``start`` on, or of those of them at ``rows``."""
        pieces, length = self._pieces(start, count, rows), count if rows is None else len(rows)
        return self.looked_up(self._codes(pieces, length)) if self.coded else self._assembled(pieces, length)

    def codes_by_page(self, start: int, count: int, rows: Rows | None) -> Coded:
        """Return rows as `read_by_page` does, but coded; only where the whole chunk is."""
        return self._codes(self._pieces(start, count, rows), count if rows is None else len(rows))

    def room_for_codes(self, length: int) -> Rows:
        """Return memory for codes: given away where text stays codes, else only looked up."""
        return empty(length, np.int32) if self.spec.as_codes else scratch(length, np.int32)

    def looked_up(self, coded: Coded) -> pa.Array:
        """Return coded rows as an array: text as a dictionary where that is asked for."""
        if self.spec.as_codes:
            return encoded(array_from(coded.codes, pa.int32(), bitmap_of(coded.flags)), self.choices)
        codes = coded.codes
        if coded.flags is not None:
            codes = np.where(coded.flags, codes, np.int32(-1))
        return self._assembled([(self._as_page(), codes)], len(codes), nullable=coded.flags is not None)

    def _as_page(self) -> Page:
        """Return the dictionary as a page of values."""
        assert self.dictionary is not None
        return Page(len(self.dictionary), None, self.dictionary, None)

    def _pieces(self, start: int, count: int, rows: Rows | None) -> Iterator[Piece]:
        """Yield a piece of each page that has wanted rows; it is void once the next one is asked for."""
        number = bisect_right(self._starts, start) - 1
        done, at, stop = 0, start, start + count
        while at < stop:
            first = self._starts[number]
            end = min(stop, self._starts[number + 1])
            if rows is None:
                if end > at:
                    yield self._piece(number, slice(at - first, end - first))
            else:
                upto = done + int(np.searchsorted(rows[done:], end - start))
                if upto > done:
                    yield self._piece(number, rows[done:upto] + np.int32(start - first))
                done = upto
            at = end
            number += 1

    def _piece(self, number: int, wanted: Rows | slice) -> Piece:
        if self._held is None or self._held[0] != number:
            self._held = None
            self._held = (number, self.pages.open(self._first + number, self.dictionary))
        page = self._held[1]
        return page, (wanted if page.positions is None else page.positions[wanted])

    def _codes(self, pieces: Iterable[Piece], length: int) -> Coded:
        codes = self.room_for_codes(length)
        flags = _Flags(length)
        at = 0
        for page, where in pieces:
            assert page.codes is not None
            flags.add(page, where, at)
            at = _place(page.codes, where, codes, at)
        return Coded(codes, flags.values)

    def _assembled(self, pieces: Iterable[Piece], length: int, *, nullable: bool = False) -> pa.Array:
        """Return the values of pieces, one after the other; ``nullable`` where any piece may have nulls."""
        flags = _Flags(length, nullable=nullable)
        texts = _TextBuilder(length) if self.spec.physical == "BYTE_ARRAY" else None
        out = empty(0 if texts else length, element_type(self.spec) if texts is None else np.uint8)
        at = 0
        for page, where in pieces:
            flags.add(page, where, at)
            source = where if page.codes is None else _through(page, where)
            if isinstance(page.values, Texts):
                assert texts is not None
                at = texts.add(page.values, source, at)
            else:
                at = _place(page.values, source, out, at)
        bitmap = bitmap_of(flags.values)
        return fixed_array(out, self.spec.dtype, bitmap) if texts is None else texts.array(self.spec.dtype, bitmap)


class _Flags:
    """Which rows are not null, one byte each; none until a null may have been met."""

    def __init__(self, length: int, *, nullable: bool = False) -> None:
        self._length, self._nullable = length, nullable
        self.values: Bits | None = None

    def add(self, page: Page, where: Rows | slice, at: int) -> None:
        """Add the rows of a piece, which begin at ``at``."""
        if isinstance(where, slice) or not (page.positions is not None or self._nullable):
            return
        if self.values is None:
            self.values = np.ones(self._length, dtype=np.uint8)
        self.values[at : at + len(where)] = where >= 0


class _TextBuilder:
    """Texts of several pages one after the other."""

    def __init__(self, length: int) -> None:
        self._offsets = empty(length + 1, np.int32)
        self._offsets[0] = 0
        self._data = np.zeros(0, dtype=np.uint8)
        self._size = 0

    def add(self, texts: Texts, where: Rows | slice, at: int) -> int:
        """Add texts by their positions as the rows from ``at`` on; return the row after them."""
        rows = _identity_of(where) if isinstance(where, slice) else where
        offsets = self._offsets[at : at + len(rows) + 1]
        size = encodings.place_texts(texts.lengths, rows, self._size, offsets)
        if size > _MOST_BYTES:
            raise DamagedChunk("a batch of one column has more than 2 GiB of text")
        if size > len(self._data):
            grown = empty(self._likely(size, at + len(rows)), np.uint8)
            grown[: self._size] = self._data[: self._size]
            self._data = grown
        encodings.copy_texts(texts.data, texts.starts, texts.lengths, rows, offsets, self._data)
        self._size = size
        return at + len(rows)

    def _likely(self, size: int, rows: int) -> int:
        """Return the bytes to make room for, where the first rows have so many: a page tells what others are like."""
        whole = len(self._offsets) - 1
        if rows == whole:
            return size
        return max(size, min(size * whole // max(rows, 1) * 17 // 16, 8 * size, _MOST_BYTES))

    def array(self, dtype: DataType, bitmap: pa.Buffer | None) -> pa.Array:
        """Return the texts."""
        data = self._data[: self._size]
        if 4 * self._size < 3 * len(self._data):
            data = data.copy()
        buffers = [bitmap, pa.py_buffer(self._offsets), pa.py_buffer(data)]
        return pa.Array.from_buffers(physical_type(dtype), len(self._offsets) - 1, buffers)


def _place(values: NDArray[Any], where: Rows | slice, out: NDArray[Any], at: int) -> int:
    """Copy values by their positions to ``out`` from ``at`` on; return the place after them."""
    if isinstance(where, slice):
        end: int = at + where.stop - where.start
        out[at:end] = values[where]
        return end
    take(values, where, out[at : at + len(where)])
    return at + len(where)


def _through(page: Page, where: Rows | slice) -> Rows | slice:
    """Return the positions in the dictionary of a piece of a page of codes."""
    assert page.codes is not None
    if isinstance(where, slice):
        return page.codes[where]
    codes: Rows = scratch(len(where), np.int32)
    take(page.codes, where, codes)
    if page.positions is not None:
        codes[where < 0] = -1
    return codes


def _identity_of(where: slice) -> Rows:
    """Return the positions that a slice stands for."""
    if where.stop <= len(_identity):
        return _identity[where]
    return np.arange(where.start, where.stop, dtype=np.int32)


def bitmap_of(flags: Bits | None) -> pa.Buffer | None:
    """Return flags of a byte each as a bitmap."""
    if flags is None:
        return None
    packed = empty((len(flags) + 7) // 8, np.uint8)
    pack_bits(flags, packed, 0, len(packed))
    return pa.py_buffer(packed)


def fixed_array(values: NDArray[Any], dtype: DataType, bitmap: pa.Buffer | None) -> pa.Array:
    """Return values in the memory of `element_type` as an array."""
    if dtype.kind is Kind.BOOL:
        data = bitmap_of(values)
        return pa.Array.from_buffers(pa.bool_(), len(values), [bitmap, data])
    return array_from(values, physical_type(dtype), bitmap)
