"""Tables of distinct keys: rows of columns of any type become rows of words, and those become numbers.

A null is a word of its own: one below the least of its type where the type has fewer than 64 bits, else a bit in one
more word.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...dtypes import DataType, Kind, int64
from ..constants import scalar_of
from .buffers import (
    INT64_DIGITS,
    array_from,
    bits_of,
    bools_from,
    empty,
    has_words,
    physical_type,
    present,
    scratch,
    validity,
    values_of,
)
from .codes import NULL, ObjectCodes, TextCodes
from .gather import encoded, plain
from .native import (
    NO_BITS,
    Calls,
    KeyPacking,
    RowGroups,
    RunGroups,
    WordGroups,
    null_words,
    signed_extent,
    zero_nulls,
)
from .native.arrays import Bits, Longs, Rows, Words, varied
from .native.grouping import MINIMUM_CAPACITY
from .native.packing import Source
from .words import halves_words, is_bytes, is_one_word, validity_bits, words_of

_FEW_KEYS = 16
"""Of so few keys no more are made while kernels run in turn: their states may be in parts, whose number is fixed."""
_MOST_ROOM = 1 << 16
"""Different texts of a join's key for which there is room at first, if there may be so many."""
_NULL_WORD = np.int64(NULL).view(np.uint64)
_NULL_BELOW = {
    Kind.BOOL: -1,
    Kind.INT8: -(2**7) - 1,
    Kind.INT16: -(2**15) - 1,
    Kind.INT32: -(2**31) - 1,
    Kind.UINT8: -1,
    Kind.UINT16: -1,
    Kind.UINT32: -1,
    Kind.DATE: -(2**31) - 1,
}


class _Column:
    """How one key column becomes words and comes back."""

    def __init__(self, dtype: DataType, capacity: int = MINIMUM_CAPACITY) -> None:
        self.dtype = dtype
        self.width = 2 if dtype.is_decimal and dtype.precision > INT64_DIGITS else 1
        self.coder: TextCodes | ObjectCodes | None = None
        if is_bytes(dtype):
            self.coder = TextCodes(dtype, capacity)
        elif not is_one_word(dtype) and not dtype.is_decimal:
            self.coder = ObjectCodes(dtype)
        self.null = NULL if self.coder is not None else _NULL_BELOW.get(dtype.kind)
        self._codes = scratch(0, np.int32)  # of the rows of one table at a time: calls are made in turn

    def copied(self) -> _Column:
        """Return another one that gives the texts so far the same words."""
        coder = None if self.coder is None else self.coder.copied()
        return varied(self, coder=coder, _codes=scratch(0, np.int32))

    def words(self, column: pa.Array, *, insert: bool) -> list[Words]:
        """Return the words of a column; where nulls have no word of their own, theirs are 0."""
        words = self.raw_words(column, insert=insert)
        if self.coder is not None or not column.null_count:
            return words
        if self.null is None:
            return [zero_nulls(word, *bits_of(column)) for word in words]
        integers = array_from(words[0], pa.int64(), validity(column))
        return [words_of(pc.fill_null(integers, scalar_of(self.null, pa.int64())), int64)]

    def raw_words(self, column: pa.Array, *, insert: bool) -> list[Words]:
        """Return the words of a column, those of nulls being anything."""
        if self.coder is not None:
            return [self.coder.words(column, insert=insert)]
        return halves_words(column) if self.width == 2 else [words_of(column, self.dtype)]

    def is_new(self, column: pa.Array) -> bool:
        """Return whether a column has a dictionary that must be given codes first."""
        coder = self.coder
        return (
            isinstance(coder, TextCodes)
            and isinstance(column, pa.DictionaryArray)
            and not coder.knows(column.dictionary)
        )

    def is_read_in_place(self, column: pa.Array) -> bool:
        """Return whether kernels read the values of a column where they lie, and nothing else of it."""
        if self.coder is not None:
            return isinstance(self.coder, TextCodes) and not isinstance(column, pa.DictionaryArray)
        return has_words(column.type) and not self.dtype.is_float

    def source(self, column: pa.Array, calls: Calls) -> Source:
        """Return the column as what single words are read from when the calls are made, which end at a new text."""
        if isinstance(self.coder, TextCodes) and not isinstance(column, pa.DictionaryArray):
            if len(self._codes) < len(column):
                self._codes = scratch(len(column), np.int32)
            codes = self._codes[: len(column)]
            self.coder.codes_later(column, codes, calls)
            return Source(codes, NO_BITS, 0, NULL)
        if isinstance(self.coder, TextCodes) and (indices := self.coder.indices(column)) is not None:
            calls.keep(column)
            return Source(indices, NO_BITS, 0, NULL)
        calls.keep(column)
        if not column.null_count and (pa.types.is_int32(column.type) or pa.types.is_date32(column.type)):
            return Source(values_of(column), NO_BITS, 0, self.null)
        words = self.raw_words(column, insert=True)[0]
        bits, offset = (NO_BITS, 0) if self.coder is not None else bits_of(column)
        return Source(words, bits, offset, self.null)

    def sought(self, column: pa.Array, calls: Calls) -> list[Source]:
        """Return the column as what words are read from when the calls are made; texts never met are beyond all."""
        if isinstance(self.coder, TextCodes) and not isinstance(column, pa.DictionaryArray):
            codes = scratch(len(column), np.int32)
            self.coder.find_later(column, codes, calls)
            return [Source(codes, NO_BITS, 0, NULL)]
        bits, offset = (NO_BITS, 0) if self.coder is not None else bits_of(column)
        calls.keep(column)
        return [Source(words, bits, offset, NULL) for words in self.raw_words(column, insert=False)]

    def values(self, words: Sequence[Words], known: NDArray[np.bool_] | None = None) -> pa.Array:
        """Return the keys that word columns came from; ``known`` says which are no nulls where their words do not."""
        if known is None and self.null is not None:
            known = words[0] != np.int64(self.null).view(np.uint64)
        bitmap = None if known is None or known.all() else pa.py_buffer(np.packbits(known, bitorder="little"))
        arrow = physical_type(self.dtype)
        first = words[0]
        if self.coder is not None:
            codes = array_from(first.astype(np.int32), pa.int32(), bitmap)
            values = self.coder.values()
            if self.dtype.is_text and len(values) * 2 <= len(codes):
                return encoded(codes, values)
            return values.take(codes)
        if self.width == 2:
            pairs = pa.py_buffer(np.column_stack(words))
            return pa.Array.from_buffers(arrow, len(first), [bitmap, pairs])
        if self.dtype.kind is Kind.BOOL:
            return bools_from(first == 1, bitmap)
        if self.dtype.is_float:
            return array_from(first.view(np.float64).astype(arrow.to_pandas_dtype()), arrow, bitmap)
        return array_from(first.view(np.int64).astype(f"i{arrow.bit_width // 8}", copy=False), arrow, bitmap)


class KeyTable:
    """Numbers distinct rows of keys in the order they are first seen, across batches; nulls equal nulls.

    Parameters
    ----------
    dtypes
        Types of the key columns (at least one).
    capacity
        Number of distinct rows expected; more are fine.
    """

    def __init__(self, dtypes: Sequence[DataType], capacity: int = 0) -> None:
        capacity = max(capacity, MINIMUM_CAPACITY)
        self._columns = [_Column(dtype, capacity if len(dtypes) == 1 else MINIMUM_CAPACITY) for dtype in dtypes]
        flagged = sum(column.null is None for column in self._columns)
        widths = sum(column.width for column in self._columns)
        self._flags = flagged > 0 and (len(self._columns) > 1 or widths > 1)
        self._single = widths == 1
        self._zeros = np.zeros(0, dtype=np.uint64)
        self._words: WordGroups | RowGroups | RunGroups = (
            WordGroups(capacity) if self._single else RowGroups(widths + self._flags, capacity)
        )
        coder = self._columns[0].coder
        # The codes of a single column of text are the numbers, until a dictionary brings texts that no row may use.
        self._texts = coder if len(self._columns) == 1 and isinstance(coder, TextCodes) else None

    def __len__(self) -> int:
        return len(self._words if self._texts is None else self._texts)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        coders = sum(column.coder.nbytes for column in self._columns if column.coder is not None)
        return coders + self._words.nbytes

    def copied(self) -> KeyTable:
        """Return another table of the same keys, which they may be added to."""
        assert not isinstance(self._words, RunGroups)
        columns = [column.copied() for column in self._columns]
        texts = None if self._texts is None else columns[0].coder
        return varied(self, _columns=columns, _words=self._words.copied(), _texts=texts)

    def insert(self, columns: Sequence[pa.Array]) -> Rows:
        """Return the number of each row, giving new ones to new keys."""
        if self._texts is not None:
            if not isinstance(columns[0], pa.DictionaryArray):
                return self._texts.numbers(columns[0])
            self._number_codes(self._texts)
        assert not isinstance(self._words, RunGroups)
        if isinstance(self._words, RowGroups):
            return self._words.insert(self._row_words(columns, insert=True), extents=self._extents(columns))
        words, bits, offset = self._single_words(columns[0], insert=True)
        return self._words.insert(words, bits=bits, bit_offset=offset)

    def expect(self, rows: int) -> None:
        """Say, before any key is inserted, of how many rows they will be: more are worth more memory."""
        assert not isinstance(self._words, RunGroups)
        self._words.expect(rows)

    @property
    def room(self) -> int:
        """Number of keys that `insert_later` may number in all; few ones are only looked up."""
        known = len(self)
        if known <= _FEW_KEYS or isinstance(self._words, RunGroups):
            return known
        return self._words.room if self._texts is None else self._texts.room

    def make_room(self, keys: int = 0) -> bool:
        """Make room for so many keys, or for more if there is none left.

        Returns
        -------
        bool
            Whether `insert_later` has more room now.
        """
        if isinstance(self._words, RunGroups) or len(self) <= _FEW_KEYS or len(self) < self.room >= keys:
            return False
        return self._words.make_room(keys) if self._texts is None else self._texts.make_room(keys)

    def insert_later(self, columns: Sequence[pa.Array], ids: Rows, room: int, calls: Calls) -> bool:
        """Have kernels write the numbers of rows to ``ids`` when the calls are made.

        They end at a row for whose key there is no room.

        Returns
        -------
        bool
            False, where they cannot, and nothing is added to the calls then.
        """
        if calls and any(map(_Column.is_new, self._columns, columns)):
            return False  # its texts may ask for larger arrays than those that earlier calls were told of
        if self._texts is not None:
            if isinstance(columns[0], pa.DictionaryArray):
                return False
            self._texts.numbers_later(columns[0], ids, room, calls)
            return True
        if isinstance(self._words, RowGroups):
            if any(how.width > 1 for how in self._columns):
                return False
            sources = [how.source(column, calls) for column, how in zip(columns, self._columns, strict=True)]
            return self._words.insert_later(sources, self._flags, ids, room, calls)
        assert isinstance(self._words, WordGroups)
        self._words.insert_later(*self._single_words(columns[0], insert=True), ids, room, calls)
        return True

    def read_in_place(self, columns: Sequence[pa.Array]) -> bool:
        """Return whether what `insert_later` adds for these columns does for others of the same form."""
        if self._single and self._texts is None:
            return self._columns[0].coder is None and self._columns[0].is_read_in_place(columns[0])
        return all(how.is_read_in_place(column) for column, how in zip(columns, self._columns, strict=True))

    def absorb(self, other: KeyTable) -> Rows:
        """Return the number of each key of another table of the same types, giving new ones to new keys."""
        if not isinstance(self._words, RowGroups) or not isinstance(other._words, RowGroups):
            return self.insert(other.columns())
        tables: list[Words | None] = [None] * int(self._flags)
        for how, theirs in zip(self._columns, other._columns, strict=True):
            table = None
            if how.coder is not None and theirs.coder is not None:
                table = np.append(how.coder.words(theirs.coder.values(), insert=True), _NULL_WORD)
            tables += [table] * how.width
        return self._words.absorb(other._words, tables)

    def insert_runs(self, pieces: Sequence[Sequence[pa.Array]], runs: Longs, *, numbered: bool) -> Rows | None:
        """Give numbers, for good, to the keys of all rows at once, in pieces and runs as `RunGroups` takes them.

        Returns
        -------
        Rows or None
            The numbers, piece after piece, none if not ``numbered``; None, and nothing done, where keys are texts or of
            rare types.
        """
        if any(column.coder is not None for column in self._columns):
            return None
        flagged = [column for columns in pieces for column in self._flagged(columns)]
        nulls = any(column.null_count for column in flagged)
        self._flags = self._flags and nulls
        words = [self._row_words(columns, insert=True) for columns in pieces]
        bits = NO_BITS
        if self._single and nulls:
            bits = np.packbits(np.concatenate([present(column) for column in flagged]), bitorder="little")
        self._words = RunGroups(words, runs, bits=bits, numbered=numbered)
        return self._words.ids

    def find(self, columns: Sequence[pa.Array]) -> Rows:
        """Return the number of each row, -1 for keys never inserted."""
        if self._texts is not None:
            return self._texts.found(plain(columns[0]))
        assert not isinstance(self._words, RunGroups)
        if isinstance(self._words, RowGroups):
            return self._words.find(self._row_words(columns, insert=False))
        words, bits, offset = self._single_words(columns[0], insert=False)
        return self._words.find(words, bits=bits, bit_offset=offset)

    def columns(self) -> list[pa.Array]:
        """Return the keys, in the order of their numbers."""
        if self._texts is not None:
            return [self._texts.values()]
        made = self._words.keys()
        keys = made if isinstance(made, list) else [made]
        if not isinstance(self._words, RowGroups) and self._single:
            known = None
            if self._words.null_group >= 0:
                known = np.arange(len(keys[0])) != self._words.null_group
            return [self._columns[0].values(keys, known)]
        result, at, flag = [], int(self._flags), 0
        nullable = self._flags and bool(keys[0].any())
        for column in self._columns:
            known = None
            if column.null is None:
                if nullable:
                    known = (keys[0] >> np.uint64(flag)) & np.uint64(1) == 0
                flag += 1
            result.append(column.values(keys[at : at + column.width], known))
            at += column.width
        return result

    def _number_codes(self, texts: TextCodes) -> None:
        """Give the codes so far the numbers that they are themselves."""
        codes = np.arange(len(texts), dtype=np.int64)
        if texts.null_code >= 0:
            codes[texts.null_code] = NULL
        assert isinstance(self._words, WordGroups)
        self._words.insert(codes.view(np.uint64))
        self._texts = None

    def _single_words(self, column: pa.Array, *, insert: bool) -> tuple[Words, Bits, int]:
        """Return the words of the only column, with its validity where nulls have none of their own."""
        how = self._columns[0]
        if how.null is None:  # the words of nulls are not looked at, so they are read where they lie
            return how.raw_words(column, insert=insert)[0], *bits_of(column)
        return how.words(column, insert=insert)[0], NO_BITS, 0

    def _flagged(self, columns: Sequence[pa.Array]) -> list[pa.Array]:
        """Return the columns whose nulls have no word of their own."""
        return [column for column, how in zip(columns, self._columns, strict=True) if how.null is None]

    def _null_words(self, columns: Sequence[pa.Array]) -> Words:
        flagged, rows = self._flagged(columns), len(columns[0])
        if any(column.null_count for column in flagged):
            return null_words([bits_of(column) for column in flagged], rows)
        if len(self._zeros) < rows:
            self._zeros = np.zeros(rows, dtype=np.uint64)
        return self._zeros[:rows]

    def _extents(self, columns: Sequence[pa.Array]) -> list[tuple[int, int] | None]:
        """Return what is known of the least and greatest words of rows just inserted."""
        known: list[tuple[int, int] | None] = []
        if self._flags:
            known.append(None if any(column.null_count for column in self._flagged(columns)) else (0, 0))
        for how in self._columns:
            codes = (NULL, max(len(how.coder) - 1, NULL)) if isinstance(how.coder, TextCodes) else None
            known += [codes] * how.width
        return known

    def _row_words(self, columns: Sequence[pa.Array], *, insert: bool) -> list[Words]:
        words: list[Words] = []
        if self._flags:
            words.append(self._null_words(columns))
        for column, how in zip(columns, self._columns, strict=True):
            words += how.words(column, insert=insert)
        return words


class JoinKeys:
    """One 64-bit word per row for the keys of a join: the build side decides how, the probing side follows.

    Rows without a match have a word that no build row has, or are said to be null.

    Parameters
    ----------
    dtypes
        Types of the key columns (at least one).
    nulls_equal
        Whether a null key equals another.
    capacity
        Rows of the build side; more are fine.
    """

    def __init__(self, dtypes: Sequence[DataType], *, nulls_equal: bool, capacity: int = 0) -> None:
        room = max(min(capacity, _MOST_ROOM), MINIMUM_CAPACITY)
        self._columns = [_Column(dtype, room if len(dtypes) == 1 else MINIMUM_CAPACITY) for dtype in dtypes]
        self._nulls_equal = nulls_equal
        self._packing: KeyPacking | None = None
        self._numbers: KeyTable | None = None

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        coders = sum(column.coder.nbytes for column in self._columns if column.coder is not None)
        return coders + (0 if self._numbers is None else self._numbers.nbytes)

    def build(self, tables: Sequence[Sequence[pa.Array]]) -> list[tuple[Words, Bits, int]]:
        """Return words of each of all tables of the build side, their validity and its bit offset."""
        if self._nulls_equal and any(column.null_count for columns in tables for column in columns):
            return self._numbered(tables)
        words = [self._words(columns, insert=True) for columns in tables]
        valid = [validity_bits(columns) for columns in tables]
        if tables and (len(words[0]) > 1 or isinstance(self._columns[0].coder, TextCodes)):
            extents = [
                _united([signed_extent(word, *bits) for word, bits in zip(own, valid, strict=True)])
                for own in zip(*words, strict=True)
            ]
            packing = KeyPacking(extents)
            if not packing.fits:
                return self._numbered(tables)
            self._packing = packing
            words = [[packing.pack(own)] for own in words]
        return [(own[0], *bits) for own, bits in zip(words, valid, strict=True)]

    def probe(self, columns: Sequence[pa.Array]) -> tuple[Words, Bits, int]:
        """Return words of probing rows, their validity and its bit offset."""
        bits, offset = validity_bits(columns)
        if self._numbers is not None:
            found = self._numbers.find(columns)
            return found.astype(np.int64).view(np.uint64), *((NO_BITS, 0) if self._nulls_equal else (bits, offset))
        words = self._words(columns, insert=False)
        return (words[0] if self._packing is None else self._packing.pack(words)), bits, offset

    def probe_each(self, tables: Sequence[Sequence[pa.Array]]) -> list[tuple[Words, Bits, int]]:
        """Return what `probe` gives for each of several tables, nulls having a word that no build row has."""
        if self._packing is None:
            return [self.probe(columns) for columns in tables]
        calls = Calls()
        made = [empty(len(columns[0]), np.uint64) for columns in tables]
        for columns, words in zip(tables, made, strict=True):
            pairs = zip(columns, self._columns, strict=True)
            sources = [source for column, how in pairs for source in how.sought(column, calls)]
            self._packing.pack_later(sources, words, calls)
        calls.run()
        return [(words, NO_BITS, 0) for words in made]

    def _words(self, columns: Sequence[pa.Array], *, insert: bool) -> list[Words]:
        pairs = zip(columns, self._columns, strict=True)
        return [word for column, how in pairs for word in how.raw_words(column, insert=insert)]

    def _numbered(self, tables: Sequence[Sequence[pa.Array]]) -> list[tuple[Words, Bits, int]]:
        self._numbers = numbers = KeyTable([column.dtype for column in self._columns])
        made = [numbers.insert(columns).astype(np.int64).view(np.uint64) for columns in tables]
        valid = [(NO_BITS, 0) if self._nulls_equal else validity_bits(columns) for columns in tables]
        return [(words, *bits) for words, bits in zip(made, valid, strict=True)]


def _united(extents: Sequence[tuple[int, int] | None]) -> tuple[int, int] | None:
    """Return the extent of several, None being that of nothing."""
    known = [extent for extent in extents if extent is not None]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else None
