"""Codes for values that are not words by themselves: text, and by way of bytes nested values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ...arrow import to_arrow_type
from ...dtypes import DataType, binary
from ...errors import ExecutionError
from .buffers import bits_of, empty, text_of, values_of
from .comparable import comparable
from .native import BytesGroups, Calls
from .native.arrays import Bytes, Longs, Rows, Words, varied
from .native.grouping import MINIMUM_CAPACITY
from .words import looked_up

NULL = -1
_MAX_BYTES = 2**31 - 1


def _widened(codes: Rows) -> Words:
    words = empty(len(codes), np.uint64)
    np.copyto(words.view(np.int64), codes)
    return words


def _identity(dictionary: pa.Array, *, insert: bool) -> tuple[int, int, int, bool]:
    data = dictionary.buffers()[2]
    return 0 if data is None else data.address, dictionary.offset, len(dictionary), insert


def text_array(dtype: DataType, offsets: Longs, data: Bytes, bitmap: pa.Buffer | None) -> pa.Array:
    """Return texts, or byte strings, as an array."""
    if len(data) > _MAX_BYTES:
        raise ExecutionError("grouping keys of more than 2 GiB of text cannot be held; use more partitions")
    buffers = [bitmap, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)]
    return pa.Array.from_buffers(to_arrow_type(dtype), len(offsets) - 1, buffers)


class TextCodes:
    """Codes of texts (or byte strings) in the order first seen, the same across batches and encodings.

    Looking codes up is safe from several threads once nothing is inserted any more.
    """

    def __init__(self, dtype: DataType, capacity: int) -> None:
        self._dtype = dtype
        self._groups = BytesGroups(capacity)
        # The dictionary last met and its codes: batches of one row group share theirs.
        self._recent: tuple[tuple[int, int, int, bool], pa.Array, Words] | None = None
        self._recent_is_same = False

    def copied(self) -> TextCodes:
        """Return codes of the same texts, which others may be added to."""
        return varied(self, _groups=self._groups.copied())

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._groups.nbytes

    def words(self, array: pa.Array, *, insert: bool) -> Words:
        """Return the code of each value as a word; nulls give `NULL`."""
        if isinstance(array, pa.DictionaryArray):
            return looked_up(self._dictionary_words(array.dictionary, insert=insert), array.indices)
        return _widened(self._codes(array, insert=insert))

    def indices(self, array: pa.DictionaryArray) -> Rows | None:
        """Return the positions of values in their dictionary if they are the values' codes; the dictionary is known."""
        self._dictionary_words(array.dictionary, insert=True)
        if not self._recent_is_same or array.indices.null_count or array.indices.type != pa.int32():
            return None
        found: Rows = values_of(array.indices)
        return found

    def numbers(self, array: pa.Array) -> Rows:
        """Return the code of each value of plain text, nulls having one of their own (`null_code`)."""
        offsets, data = text_of(array)
        bits, bit_offset = bits_of(array)
        return self._groups.insert(offsets, data, bits=bits, bit_offset=bit_offset, out=empty(len(array), np.int32))

    def codes(self, array: pa.Array) -> Rows:
        """Return the code of each value of plain text, `NULL` for nulls."""
        return self._codes(array, insert=True)

    @property
    def room(self) -> int:
        """Number of codes that `numbers_later` may make in all."""
        return self._groups.room

    def make_room(self, codes: int = 0) -> bool:
        """Make room for more codes than there may be now, for so many at least; return True."""
        self._groups.make_room(codes)
        return True

    def numbers_later(self, array: pa.Array, ids: Rows, room: int, calls: Calls) -> None:
        """Have a kernel do `numbers`, as long as there are no more codes than ``room``."""
        self._groups.insert_later(*text_of(array), *bits_of(array), ids, room, calls)

    def codes_later(self, array: pa.Array, codes: Rows, calls: Calls) -> None:
        """Have a kernel write the code of each value of plain text, `NULL` for nulls, as long as there is room."""
        groups = self._groups
        groups.insert_later(*text_of(array), *bits_of(array), codes, groups.room, calls, group_nulls=False)

    def find_later(self, array: pa.Array, codes: Rows, calls: Calls) -> None:
        """Have a kernel write the code of each value of plain text, `NULL` for nulls, less for what was never met."""
        self._groups.find_later(*text_of(array), *bits_of(array), codes, calls)

    def found(self, array: pa.Array) -> Rows:
        """Return the code of each value of plain text as `numbers` gave it, -1 for others."""
        offsets, data = text_of(array)
        bits, bit_offset = bits_of(array)
        return self._groups.find(offsets, data, bits=bits, bit_offset=bit_offset, out=empty(len(array), np.int32))

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def null_code(self) -> int:
        """The code that `numbers` gave to nulls; -1 where there were none."""
        return self._groups.null_group

    def values(self) -> pa.Array:
        """Return the text of each code; that of `null_code` is null."""
        bitmap = None
        if self.null_code >= 0:
            known = np.arange(len(self)) != self.null_code
            bitmap = pa.py_buffer(np.packbits(known, bitorder="little"))
        return text_array(self._dtype, *self._groups.keys(), bitmap)

    def knows(self, dictionary: pa.Array) -> bool:
        """Return whether this is the dictionary whose texts were given codes last."""
        return self._recent is not None and self._recent[0] == _identity(dictionary, insert=True)

    def _codes(self, array: pa.Array, *, insert: bool) -> Rows:
        offsets, data = text_of(array)
        bits, bit_offset = bits_of(array)
        rows = empty(len(array), np.int32)
        if insert:
            return self._groups.insert(offsets, data, bits=bits, bit_offset=bit_offset, group_nulls=False, out=rows)
        return self._groups.find(offsets, data, bits=bits, bit_offset=bit_offset, group_nulls=False, out=rows)

    def _dictionary_words(self, dictionary: pa.Array, *, insert: bool) -> Words:
        """Return the codes of a dictionary's texts, and `NULL` after them."""
        identity = _identity(dictionary, insert=insert)
        recent = self._recent
        if recent is not None and recent[0] == identity:
            return recent[2]
        words = np.empty(len(dictionary) + 1, dtype=np.int64)
        words[:-1] = self._codes(dictionary, insert=insert)
        words[-1] = NULL
        known: Words = words.view(np.uint64)
        self._recent = (identity, dictionary, known)
        self._recent_is_same = bool((words[:-1] == np.arange(len(dictionary))).all())
        return known


class ObjectCodes:
    """Codes of nested values and intervals, by the bytes that they compare by; each keeps the value met first."""

    def __init__(self, dtype: DataType) -> None:
        self._arrow = to_arrow_type(dtype)
        self._codes = TextCodes(binary, MINIMUM_CAPACITY)
        self._values: list[pa.Array] = []
        self._held = 0

    def copied(self) -> ObjectCodes:
        """Return codes of the same values, which others may be added to."""
        return varied(self, _codes=self._codes.copied(), _values=[*self._values])

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._codes.nbytes + self._held

    def words(self, array: pa.Array, *, insert: bool) -> Words:
        """Return the code of each value as a word; nulls give `NULL`."""
        if pa.types.is_null(array.type):
            return np.full(len(array), NULL, dtype=np.int64).view(np.uint64)
        known = len(self._codes)
        words = self._codes.words(comparable(array), insert=insert)
        if insert and len(self._codes) > known:
            codes, first = np.unique(words.view(np.int64), return_index=True)
            added = array.take(pa.array(first[codes >= known]))
            self._values.append(added)
            self._held += added.nbytes
        return words

    def values(self) -> pa.Array:
        """Return the value of each code."""
        return pa.concat_arrays(self._values) if self._values else pa.nulls(0, self._arrow)
