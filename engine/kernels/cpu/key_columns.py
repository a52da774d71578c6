"""A column of keys as words: values as they are, texts and nested values by codes; nulls have a word of their own.

That is one below the least of their type where the type has fewer than 64 bits, else a bit in one more word.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...dtypes import INT64_DIGITS, DataType, Kind, int64
from ..constants import scalar_of
from .buffers import (
    array_from,
    bits_of,
    bools_from,
    has_words,
    physical_type,
    scratch,
    validity,
    values_of,
)
from .codes import NULL, ObjectCodes, TextCodes
from .gather import encoded
from .native import NO_BITS, Calls, zero_nulls
from .native.arrays import Words, varied
from .native.grouping import MINIMUM_CAPACITY
from .native.packing import Source
from .words import halves_words, is_bytes, is_one_word, words_of

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


class KeyColumn:
    """How one key column becomes words and comes back."""

    def __init__(self, dtype: DataType, capacity: int = MINIMUM_CAPACITY) -> None:
        self.dtype = dtype
        self.width = 2 if dtype.is_decimal and dtype.precision > INT64_DIGITS else 1
        self.coder: TextCodes | ObjectCodes | None = None
        if is_bytes(dtype):
            self.coder = TextCodes(dtype, capacity)
        elif not is_one_word(dtype) and not dtype.is_decimal:
            self.coder = ObjectCodes(dtype)
        self.is_spelled = False  # its texts are written out, and have no words
        self.null = NULL if self.coder is not None else _NULL_BELOW.get(dtype.kind)
        self._codes = scratch(0, np.int32)  # of the rows of one table at a time: calls are made in turn

    def copied(self) -> KeyColumn:
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
