"""Stable radix argsort and top-k over words whose unsigned order is the wanted order.

Values become such words through `order_integers`, `order_floats` and `order_bits`; text through ``textsort.text_ranks``.
Several sort keys are several word columns, most significant first. Nulls are a column of their own (`order_nulls`), put
before the column they belong to, so that they may come first or last whatever the direction.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .arrays import NO_BITS, Bits, Doubles, Longs, Rows, Words, bit, missing, rows_out
from .compile import kernel

_SIGN_INT = 1 << 63
_ALL_INT = 0xFFFFFFFFFFFFFFFF
_SIGN = np.uint64(_SIGN_INT)
_ALL = np.uint64(_ALL_INT)
_DIGIT_BITS = 11
_RADIX = 1 << _DIGIT_BITS
_DIGITS = (64 + _DIGIT_BITS - 1) // _DIGIT_BITS
_DIGIT_MASK = np.uint64(_RADIX - 1)


@kernel("void(const i64[], const u8[], i64, u64, u64[])")
def _order_integers(values: Longs, bits: Bits, bit_offset: int, flip: np.uint64, out: Words) -> None:
    for i in range(len(values)):
        out[i] = np.uint64(0) if missing(bits, bit_offset + i) else np.uint64(values[i]) ^ flip


@kernel("void(const f64[], const u8[], i64, u64, u64[])")
def _order_floats(values: Doubles, bits: Bits, bit_offset: int, flip: np.uint64, out: Words) -> None:
    words = values.view(np.uint64)
    for i in range(len(values)):
        if missing(bits, bit_offset + i):
            out[i] = np.uint64(0)
        elif values[i] != values[i]:  # noqa: PLR0124 - NaN
            out[i] = _ALL ^ flip
        elif values[i] == 0.0:
            out[i] = _SIGN ^ flip
        else:
            word = words[i]
            out[i] = (word ^ (_ALL if word >= _SIGN else _SIGN)) ^ flip


@kernel("void(const u8[], i64, const u8[], i64, u64, u64[])")
def _order_bits(
    values: Bits, value_offset: int, bits: Bits, bit_offset: int, flip: np.uint64, out: Words
) -> None:
    for i in range(len(out)):
        value = np.uint64(bit(values, value_offset + i)) ^ flip
        out[i] = np.uint64(0) if missing(bits, bit_offset + i) else value


@kernel("void(const u8[], i64, u64, u64[])")
def _order_nulls(bits: Bits, bit_offset: int, flip: np.uint64, out: Words) -> None:
    for i in range(len(out)):
        out[i] = np.uint64(missing(bits, bit_offset + i)) ^ flip


@kernel("void(const u64[], const i32[], u64[])")
def _take_words(words: Words, rows: Rows, out: Words) -> None:
    for i in range(len(rows)):
        out[i] = words[np.uint32(rows[i])]


@kernel("i64(u64[], i32[], u64[], i32[], i32[,])")
def _radix_sort(words: Words, rows: Rows, other_words: Words, other_rows: Rows, counts: Rows) -> int:
    """Sort pairs by word; return 0 if the result is in the first two arrays, 1 if in the others."""
    n = len(words)
    digits = len(counts)
    for i in range(n):
        word = words[i]
        for d in range(digits):
            counts[d, (word >> np.uint64(d * _DIGIT_BITS)) & _DIGIT_MASK] += 1
    side = 0
    for d in range(digits):
        shift = np.uint64(d * _DIGIT_BITS)
        count = counts[d]
        if count[(words[0] >> shift) & _DIGIT_MASK] == n:
            continue
        running = np.int32(0)
        for b in range(_RADIX):
            size = count[b]
            count[b] = running
            running += size
        for i in range(n):
            word = words[i]
            digit = (word >> shift) & _DIGIT_MASK
            position = np.uint32(count[digit])
            count[digit] += 1
            other_words[position] = word
            other_rows[position] = rows[i]
        words, other_words = other_words, words
        rows, other_rows = other_rows, rows
        side = 1 - side
    return side


@kernel("i64(const u64[], i64, u64[], i32[])")
def _smallest(words: Words, k: int, heap: Words, rows: Rows) -> int:
    """Keep the k least (word, row) pairs in a max-heap; return how many there are."""
    size = 0
    for i in range(len(words)):
        word = words[i]
        if size < k:
            child = size
            size += 1
            while child > 0:
                parent = (child - 1) >> 1
                if heap[parent] >= word:
                    if heap[parent] > word or rows[parent] > i:
                        break
                heap[child] = heap[parent]
                rows[child] = rows[parent]
                child = parent
            heap[child] = word
            rows[child] = np.int32(i)
        elif word < heap[0]:
            hole = 0
            while True:
                child = 2 * hole + 1
                if child >= k:
                    break
                right = child + 1
                if right < k and (
                    heap[right] > heap[child] or (heap[right] == heap[child] and rows[right] > rows[child])
                ):
                    child = right
                if heap[child] <= word:
                    if heap[child] < word or rows[child] < i:
                        break
                heap[hole] = heap[child]
                rows[hole] = rows[child]
                hole = child
            heap[hole] = word
            rows[hole] = np.int32(i)
    return size


def order_integers(
    values: Longs, *, bits: Bits = NO_BITS, bit_offset: int = 0, descending: bool = False, out: Words | None = None
) -> Words:
    """Turn integers into words of the same (or reversed) order; nulls give 0."""
    out = np.empty(len(values), dtype=np.uint64) if out is None else out
    _order_integers(values, bits, bit_offset, _SIGN_INT ^ (_ALL_INT if descending else 0), out)
    return out


def order_floats(
    values: Doubles, *, bits: Bits = NO_BITS, bit_offset: int = 0, descending: bool = False, out: Words | None = None
) -> Words:
    """Turn floats into words of the same (or reversed) order, NaN greatest and -0.0 equal to 0.0; nulls give 0."""
    out = np.empty(len(values), dtype=np.uint64) if out is None else out
    _order_floats(values, bits, bit_offset, _ALL_INT if descending else 0, out)
    return out


def order_bits(
    values: Bits,
    value_offset: int,
    length: int,
    *,
    bits: Bits = NO_BITS,
    bit_offset: int = 0,
    descending: bool = False,
    out: Words | None = None,
) -> Words:
    """Turn a bitmap of booleans into words of the same (or reversed) order; nulls give 0."""
    out = np.empty(length, dtype=np.uint64) if out is None else out
    _order_bits(values, value_offset, bits, bit_offset, int(descending), out)
    return out


def order_nulls(
    bits: Bits, bit_offset: int, length: int, *, nulls_first: bool = False, out: Words | None = None
) -> Words:
    """Return the word column that puts nulls last, or first; it goes before the column it belongs to."""
    out = np.empty(length, dtype=np.uint64) if out is None else out
    _order_nulls(bits, bit_offset, int(nulls_first), out)
    return out


def argsort(columns: Sequence[Words], *, out: Rows | None = None) -> Rows:
    """Return the stable order of rows by one or more word columns, most significant first."""
    n = len(columns[0])
    rows = rows_out(out, n)
    rows[:] = np.arange(n, dtype=np.int32)
    if n < 2:
        return rows
    words, other_words, other_rows = np.empty(n, np.uint64), np.empty(n, np.uint64), np.empty(n, np.int32)
    current = rows
    for column in reversed(columns):
        _take_words(column, current, words)
        counts = np.zeros((_DIGITS, _RADIX), dtype=np.int32)
        if _radix_sort(words, current, other_words, other_rows, counts):
            current, other_rows = other_rows, current
    if current is not rows:
        rows[:] = current
    return rows


def smallest(words: Words, k: int) -> Rows:
    """Return the rows of the ``k`` least words in order, ties by row; fewer if there are fewer rows.

    A heap: right for small ``k`` (thousands); beyond that, `argsort` and cut.
    """
    k = min(k, len(words))
    heap, rows = np.empty(k, np.uint64), np.empty(k, np.int32)
    if k:
        _smallest(words, k, heap, rows)
    return rows[np.lexsort((rows, heap))]
