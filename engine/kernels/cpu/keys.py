"""Keys as 64-bit words: what grouping, joining, partitioning and sorting make of columns of any type.

Equal keys have equal words: NaN is one word, -0.0 is 0.0, a text is the code that a `TextCodes` gave it. Words of nulls
are anything; validity travels beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ...arrow import to_arrow_type
from ...dtypes import DataType, Kind
from .buffers import (
    INT64_DIGITS,
    array_from,
    bits_of,
    bools_from,
    flags_of,
    halves_of,
    physical_type,
    text_of,
    values_of,
)
from .gather import encoded
from .native import (
    NO_BITS,
    BytesGroups,
    RowGroups,
    WordGroups,
    combine_hashes,
    float_words,
    hash_bytes,
    hash_words,
    null_words,
    zero_nulls,
)
from .native.arrays import Bits, Rows, Words
from .table import is_dictionary


def integers_of(array: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the values of a column whose order is that of integers of at most 64 bits, as contiguous int64.

    Integers (uint64 reinterpreted), booleans, dates, times, timestamps, durations, decimals of at most 18 digits.
    """
    if pa.types.is_boolean(array.type):
        bits, offset = flags_of(array)
        return np.unpackbits(bits, bitorder="little")[offset : offset + len(array)].astype(np.int64)
    values = values_of(array)
    return values.view(np.int64) if values.dtype.itemsize == 8 else values.astype(np.int64)


def floats_of(array: pa.Array) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the values of a float column as contiguous float64."""
    return values_of(array).astype(np.float64, copy=False)


def is_one_word(dtype: DataType) -> bool:
    """Whether values are integers of at most 64 bits or floats."""
    if dtype.is_decimal:
        return dtype.precision <= INT64_DIGITS
    return dtype.kind not in (Kind.STRING, Kind.BINARY, Kind.INTERVAL, Kind.LIST, Kind.STRUCT, Kind.NULL)


def is_bytes(dtype: DataType) -> bool:
    """Whether values are byte strings."""
    return dtype.kind in (Kind.STRING, Kind.BINARY)


def words_of(array: pa.Array, dtype: DataType) -> Words:
    """Return one-word values (`is_one_word`) as words that are equal where the values are."""
    return float_words(floats_of(array)) if dtype.is_float else integers_of(array).view(np.uint64)


def bytes_array(offsets: Any, data: Any, dtype: DataType) -> pa.Array:
    """Return byte strings as an Arrow array; offsets beyond 2 GiB cannot be held and raise."""
    arrow = to_arrow_type(dtype)
    starts = offsets.astype(np.int32) if len(data) < 2**31 else offsets
    large = pa.large_string() if dtype.is_text else pa.large_binary()
    kind = arrow if starts.dtype == np.int32 else large
    array = pa.Array.from_buffers(kind, len(offsets) - 1, [None, pa.py_buffer(starts), pa.py_buffer(data)])
    return array if kind == arrow else array.cast(arrow)


class TextCodes:
    """Codes of texts (or byte strings) in the order first seen, the same across batches and encodings."""

    def __init__(self, dtype: DataType) -> None:
        self._dtype = dtype
        self._groups = BytesGroups()

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._groups.nbytes

    def codes(self, array: pa.Array, *, insert: bool) -> Rows:
        """Return the code of each value, -1 for one never inserted; rows of nulls hold anything."""
        if is_dictionary(array):
            known = self.codes(array.dictionary, insert=insert)
            if not len(known):
                return np.zeros(len(array), dtype=np.int32)
            indices = values_of(array.indices)
            return known[np.where(indices < len(known), indices, 0) if array.null_count else indices]
        offsets, data = text_of(array)
        bits, bit_offset = bits_of(array)
        groups = self._groups
        return (groups.insert if insert else groups.find)(offsets, data, bits=bits, bit_offset=bit_offset)

    def values(self) -> pa.Array:
        """Return the text of each code."""
        offsets, data = self._groups.keys()
        return bytes_array(offsets, data, self._dtype)


class ObjectCodes:
    """Codes of values of nested and other rare types, through Python: correct, not fast."""

    def __init__(self, dtype: DataType) -> None:
        self._arrow = to_arrow_type(dtype)
        self._codes: dict[str, int] = {}
        self._values: list[Any] = []
        self.nbytes = 0

    def codes(self, array: pa.Array, *, insert: bool) -> Rows:
        """Return the code of each value, -1 for one never inserted."""
        result = np.empty(len(array), dtype=np.int32)
        for row, value in enumerate(array.to_pylist()):
            key = repr(value)
            code = self._codes.get(key, -1)
            if code < 0 and insert:
                code = self._codes[key] = len(self._values)
                self._values.append(value)
                self.nbytes += 64 + len(key)
            result[row] = code
        return result

    def values(self) -> pa.Array:
        """Return the value of each code."""
        return pa.array(self._values, self._arrow)


class KeyTable:
    """Numbers distinct rows of keys in the order they are first seen, across batches; nulls equal nulls.

    Parameters
    ----------
    dtypes
        Types of the key columns (at least one).
    """

    def __init__(self, dtypes: Sequence[DataType]) -> None:
        self._dtypes = tuple(dtypes)
        self._coders: tuple[TextCodes | ObjectCodes | None, ...] = tuple(map(_coder, self._dtypes))
        self._single = len(self._dtypes) == 1 and self._width(self._dtypes[0]) == 1
        widths = sum(self._width(dtype) for dtype in self._dtypes)
        self._words = WordGroups()
        self._rows = RowGroups(1 + widths)

    def __len__(self) -> int:
        return len(self._words) if self._single else len(self._rows)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        coders = sum(coder.nbytes for coder in self._coders if coder is not None)
        return coders + self._words.nbytes + self._rows.nbytes

    def insert(self, columns: Sequence[pa.Array]) -> Rows:
        """Return the number of each row, giving new ones to new keys."""
        if self._single:
            bits, offset = bits_of(columns[0])
            return self._words.insert(self._column_words(0, columns[0], insert=True)[0], bits=bits, bit_offset=offset)
        return self._rows.insert(self._row_words(columns, insert=True))

    def find(self, columns: Sequence[pa.Array]) -> Rows:
        """Return the number of each row, -1 for keys never inserted."""
        if self._single:
            bits, offset = bits_of(columns[0])
            return self._words.find(self._column_words(0, columns[0], insert=False)[0], bits=bits, bit_offset=offset)
        return self._rows.find(self._row_words(columns, insert=False))

    def columns(self) -> list[pa.Array]:
        """Return the keys, in the order of their numbers."""
        if self._single:
            null = self._words.null_group
            present = np.ones(len(self._words), dtype=np.bool_)
            if null >= 0:
                present[null] = False
            return [self._decoded(0, [self._words.keys()], present)]
        keys = self._rows.keys()
        columns, at = [], 1
        for position, dtype in enumerate(self._dtypes):
            width = self._width(dtype)
            present = (keys[:, 0] >> np.uint64(position)) & np.uint64(1) == 0
            words = [np.ascontiguousarray(keys[:, at + j]) for j in range(width)]
            columns.append(self._decoded(position, words, present))
            at += width
        return columns

    @staticmethod
    def _width(dtype: DataType) -> int:
        return 2 if dtype.is_decimal and dtype.precision > INT64_DIGITS else 1

    def _column_words(self, position: int, column: pa.Array, *, insert: bool) -> list[Words]:
        coder, dtype = self._coders[position], self._dtypes[position]
        if coder is not None:
            return [coder.codes(column, insert=insert).astype(np.int64).view(np.uint64)]
        if self._width(dtype) == 2:
            pairs = halves_of(column)
            return [np.ascontiguousarray(pairs[:, j]).view(np.uint64) for j in (0, 1)]
        return [words_of(column, dtype)]

    def _row_words(self, columns: Sequence[pa.Array], *, insert: bool) -> list[Words]:
        validities = [bits_of(column) for column in columns]
        words = [null_words(validities, len(columns[0]))]
        for position, column in enumerate(columns):
            bits, offset = validities[position]
            own = self._column_words(position, column, insert=insert)
            words += [zero_nulls(each, bits, offset) if len(bits) else each for each in own]
        return words

    def _decoded(self, position: int, words: list[Words], present: Any) -> pa.Array:
        coder, dtype = self._coders[position], self._dtypes[position]
        arrow = physical_type(dtype)
        bitmap = None if present.all() else pa.py_buffer(np.packbits(present, bitorder="little"))
        if coder is not None:
            codes = array_from(words[0].astype(np.int32), pa.int32(), bitmap)
            values = coder.values()
            if dtype.is_text and len(values) * 2 <= len(codes):
                return encoded(codes, values)
            return values.take(codes)
        if len(words) == 2:
            return pa.Array.from_buffers(arrow, len(words[0]), [bitmap, pa.py_buffer(np.column_stack(words))])
        return _from_words(words[0], dtype, arrow, bitmap)


def _coder(dtype: DataType) -> TextCodes | ObjectCodes | None:
    if is_bytes(dtype):
        return TextCodes(dtype)
    wide_decimal = dtype.is_decimal and dtype.precision > INT64_DIGITS
    return None if is_one_word(dtype) or wide_decimal else ObjectCodes(dtype)


def _from_words(words: Words, dtype: DataType, arrow: pa.DataType, bitmap: pa.Buffer | None) -> pa.Array:
    """Return one-word keys as the values they came from."""
    if dtype.kind is Kind.BOOL:
        return bools_from(words != 0, bitmap)
    if dtype.is_float:
        return array_from(words.view(np.float64).astype(arrow.to_pandas_dtype()), arrow, bitmap)
    return array_from(words.astype(f"i{arrow.bit_width // 8}"), arrow, bitmap)


def hash_columns(columns: Sequence[pa.Array], dtypes: Sequence[DataType], num_rows: int) -> Words:
    """Return one hash per row, equal for equal keys in every process; no columns hash alike."""
    hashes: Words | None = None
    for column, dtype in zip(columns, dtypes, strict=True):
        own = _hash_column(column, dtype)
        hashes = own if hashes is None else combine_hashes(hashes, own)
    return np.zeros(num_rows, dtype=np.uint64) if hashes is None else hashes


def _hash_column(column: pa.Array, dtype: DataType) -> Words:
    if is_dictionary(column):
        return _hash_dictionary(column)
    bits, offset = bits_of(column)
    if is_bytes(dtype):
        starts, data = text_of(column)
        return hash_bytes(starts, data, bits=bits, bit_offset=offset)
    if is_one_word(dtype):
        return hash_words(words_of(column, dtype), bits=bits, bit_offset=offset)
    if dtype.is_decimal:
        low, high = (np.ascontiguousarray(halves_of(column)[:, j]).view(np.uint64) for j in (0, 1))
        return combine_hashes(
            hash_words(low, bits=bits, bit_offset=offset), hash_words(high, bits=bits, bit_offset=offset)
        )
    shown = pa.array([None if value is None else repr(value) for value in column.to_pylist()], pa.string())
    starts, data = text_of(shown)
    return hash_bytes(starts, data, bits=bits_of(shown)[0])


def _hash_dictionary(column: pa.DictionaryArray) -> Words:
    """Hash each distinct text once; a last entry stands for null."""
    starts, data = text_of(column.dictionary)
    known = hash_bytes(starts, data)
    null = hash_words(np.zeros(1, np.uint64), bits=np.zeros(1, np.uint8))
    indices = values_of(column.indices)
    if column.null_count:
        valid = column.indices.is_valid().to_numpy(zero_copy_only=False)
        indices = np.where(valid, indices, len(known))
    hashes: Words = np.concatenate([known, null])[indices]
    return hashes


def validity_bits(columns: Sequence[pa.Array]) -> tuple[Bits, int]:
    """Return the bitmap of rows in which no column is null; `NO_BITS` where that is all of them."""
    nullable = [column for column in columns if column.null_count]
    if not nullable:
        return NO_BITS, 0
    if len(nullable) == 1 and not is_dictionary(nullable[0]):
        return bits_of(nullable[0])
    present = np.ones(len(nullable[0]), dtype=np.bool_)
    for column in nullable:
        present &= column.is_valid().to_numpy(zero_copy_only=False)
    return np.packbits(present, bitorder="little"), 0
