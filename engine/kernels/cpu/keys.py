"""Tables of distinct keys: rows of columns of any type become rows of words, and those become numbers.

Where several texts of a row mostly differ the row becomes one byte string instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ...dtypes import DataType
from .buffers import bits_of, empty, present
from .codes import NULL, TextCodes
from .gather import plain
from .key_columns import KeyColumn
from .native import NO_BITS, Calls, KeyPacking, RowGroups, RunGroups, WordGroups, null_words, signed_extent
from .native.arrays import Bits, Longs, Rows, Words, varied
from .native.grouping import MINIMUM_CAPACITY
from .spelled import SpelledKeys, mostly_differ
from .words import validity_bits

_FEW_KEYS = 16
"""Of so few keys no more are made while kernels run in turn: their states may be in parts, whose number is fixed."""
_MOST_ROOM = 1 << 16
"""Different texts of a join's key for which there is room at first, if there may be so many."""
_NULL_WORD = np.int64(NULL).view(np.uint64)


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
        self._columns = [KeyColumn(dtype, capacity if len(dtypes) == 1 else MINIMUM_CAPACITY) for dtype in dtypes]
        flagged = sum(column.null is None for column in self._columns)
        widths = sum(column.width for column in self._columns)
        self._flags = flagged > 0 and (len(self._columns) > 1 or widths > 1)
        self._single = widths == 1
        self._zeros = np.zeros(0, dtype=np.uint64)
        self._words: WordGroups | RowGroups | RunGroups | SpelledKeys = (
            WordGroups(capacity) if self._single else RowGroups(widths + self._flags, capacity)
        )
        coder = self._columns[0].coder
        # Whether it is still to be found out if several texts mostly differ, so that rows are written out.
        self._open = sum(isinstance(column.coder, TextCodes) for column in self._columns) > 1
        self._capacity = capacity
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
        self._decide(columns)
        if isinstance(self._words, SpelledKeys):
            return self._words.numbers(*self._parts(columns, insert=True), insert=True)
        if isinstance(self._words, RowGroups):
            return self._words.insert(self._row_words(columns, insert=True), extents=self._extents(columns))
        words, bits, offset = self._single_words(columns[0], insert=True)
        return self._words.insert(words, bits=bits, bit_offset=offset)

    def _decide(self, columns: Sequence[pa.Array]) -> None:
        """Find out, when the first keys come, whether there are texts to be written out instead of having codes."""
        if not self._open or not len(columns[0]):
            return
        self._open = False
        pairs = zip(columns, self._columns, strict=True)
        differing = [how for column, how in pairs if isinstance(how.coder, TextCodes) and mostly_differ(column)]
        if len(differing) > 1:
            for how in differing:
                how.is_spelled = True
            words = sum(how.width for how in self._columns if not how.is_spelled) + self._flags
            self._words = SpelledKeys(words, [how.dtype for how in differing], self._capacity)

    def _parts(self, columns: Sequence[pa.Array], *, insert: bool) -> tuple[list[Words], list[pa.Array]]:
        """Return the words of the columns, and the texts of those that are written out."""
        words = self._row_words(columns, insert=insert)
        return words, [plain(column) for column, how in zip(columns, self._columns, strict=True) if how.is_spelled]

    def expect(self, rows: int) -> None:
        """Say, before any key is inserted, of how many rows they will be: more are worth more memory."""
        assert isinstance(self._words, WordGroups | RowGroups)
        self._words.expect(rows)

    @property
    def room(self) -> int:
        """Number of keys that `insert_later` may number in all; few ones are only looked up."""
        known = len(self)
        if known <= _FEW_KEYS or isinstance(self._words, RunGroups | SpelledKeys):
            return known
        return self._words.room if self._texts is None else self._texts.room

    def make_room(self, keys: int = 0) -> bool:
        """Make room for so many keys, or for more if there is none left.

        Returns
        -------
        bool
            Whether `insert_later` has more room now.
        """
        if isinstance(self._words, RunGroups | SpelledKeys):
            return False
        if len(self) <= _FEW_KEYS or len(self) < self.room >= keys:
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
        if isinstance(self._words, SpelledKeys):
            return False
        if calls and any(map(KeyColumn.is_new, self._columns, columns)):
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
        if isinstance(self._words, SpelledKeys):
            return self._words.numbers(*self._parts(columns, insert=False), insert=False)
        if isinstance(self._words, RowGroups):
            return self._words.find(self._row_words(columns, insert=False))
        words, bits, offset = self._single_words(columns[0], insert=False)
        return self._words.find(words, bits=bits, bit_offset=offset)

    def columns(self) -> list[pa.Array]:
        """Return the keys, in the order of their numbers."""
        if self._texts is not None:
            return [self._texts.values()]
        made, texts = self._words.columns() if isinstance(self._words, SpelledKeys) else (self._words.keys(), [])
        keys = made if isinstance(made, list) else [made]
        if isinstance(self._words, WordGroups | RunGroups) and self._single:
            known = None
            if self._words.null_group >= 0:
                known = np.arange(len(keys[0])) != self._words.null_group
            return [self._columns[0].values(keys, known)]
        result, at, flag = [], int(self._flags), 0
        nullable = self._flags and bool(keys[0].any())
        for column in self._columns:
            if column.is_spelled:
                result.append(texts.pop(0))
                continue
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
            if not how.is_spelled:
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
        self._columns = [KeyColumn(dtype, room if len(dtypes) == 1 else MINIMUM_CAPACITY) for dtype in dtypes]
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
