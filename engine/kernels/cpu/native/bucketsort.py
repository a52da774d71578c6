"""Sorting rows by one word each: a scatter into buckets, then each bucket by itself, in the cache.

One pass on the top bits makes buckets of some thousands of rows, which several threads may then sort: byte-wide passes
over as many top bits as tell a bucket's rows apart, then an insertion sort that usually finds little to do. Where it
finds much, the bucket is sorted by all its bits.

With each key travels a number: the row's, or its place after the scatter. By places, other columns follow their rows in
two steps that both run along memory: into their buckets, and then within the bucket (`BucketSort.follow`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Longs, Number, Rows, Words
from .compile import device, instruction, kernel
from .gathering import put, take
from .parallel import Threads, each, spans_of
from .reuse import borrow

prefetch_write = instruction("prefetch_write")

_BYTE = np.uint64(8)
_LINE = np.uint64(7)
_MASK = np.uint64(255)
_TINY = 40
_BUCKET_BITS = 9
_BUCKET_ROWS_BITS = 12
_PARTS, _SORTED_PARTS = 8, 16
"""Into how many parts threads share the rows; and while they are sorted, when those that are alike take longer."""
_NO_ROWS = np.empty(0, dtype=np.int32)


@kernel("void(const u64[], u64, u64, i64[])")
def _count_buckets(words: Words, least: int, shift: int, counts: Longs) -> None:
    for i in range(len(words)):
        counts[(words[i] - least) >> shift] += 1


@kernel("void(const u64[], u64, u64, i64, const i32[], u64, i64[], u64[], i32[], i32[])")
def _scatter_buckets(
    words: Words,
    least: int,
    number_bits: int,
    first_row: int,
    numbers: Rows,
    shift: int,
    positions: Longs,
    out: Words,
    out_numbers: Rows,
    places: Rows,
) -> None:
    """Move keys to their buckets, each with a number in so many low bits or beside it.

    That is its place, noted in ``places`` too where these are given, else its entry in ``numbers`` where there are any,
    else its row.
    """
    placed = len(places) > 0
    given = len(numbers) > 0
    beside = len(out_numbers) > 0
    for i in range(len(words)):
        key = words[i] - least
        position = np.uint64(positions[key >> shift])
        positions[key >> shift] += 1
        number = np.int32(first_row + i)
        if placed:
            number = np.int32(position)
            places[i] = number
        elif given:
            number = numbers[i]
        if beside:
            out[position] = key
            out_numbers[position] = number
        else:
            out[position] = (key << number_bits) | np.uint64(number)
        if position & _LINE == 0:
            prefetch_write(out, np.int64(position) + 8)


@device
def radix_pass(
    words: Words,
    numbers: Rows,
    start: Number,
    out: Words,
    out_numbers: Rows,
    out_start: Number,
    size: Number,
    shift: Number,
    counts: Longs,
) -> None:
    """Move so many words from ``start`` on stably into the order of one byte, to ``out`` from ``out_start`` on."""
    beside = len(numbers) > 0
    for b in range(256):
        counts[b] = 0
    for i in range(start, start + size):
        counts[(words[i] >> shift) & _MASK] += 1
    running = out_start
    for b in range(256):
        count = counts[b]
        counts[b] = running
        running += count
    for i in range(start, start + size):
        byte = (words[i] >> shift) & _MASK
        position = np.uint64(counts[byte])
        counts[byte] += 1
        out[position] = words[i]
        if beside:
            out_numbers[position] = numbers[i]


@device
def radix_passes(
    words: Words,
    numbers: Rows,
    spare: Words,
    spare_numbers: Rows,
    start: Number,
    size: Number,
    low: Number,
    high: Number,
    counts: Longs,
) -> None:
    """Sort so many words from ``start`` on by the bits from ``low`` to ``high``; the result is in place."""
    passes = (high - low + 7) // 8
    for p in range(0, passes - 1, 2):
        radix_pass(words, numbers, start, spare, spare_numbers, 0, size, np.uint64(low + 8 * p), counts)
        radix_pass(spare, spare_numbers, 0, words, numbers, start, size, np.uint64(low + 8 * p + 8), counts)
    if passes & 1:
        radix_pass(words, numbers, start, spare, spare_numbers, 0, size, np.uint64(low + 8 * passes - 8), counts)
        for i in range(size):
            words[start + i] = spare[i]
        if len(numbers) > 0:
            for i in range(size):
                numbers[start + i] = spare_numbers[i]


@device
def insertion_sort(words: Words, numbers: Rows, start: Number, stop: Number, patience: Number) -> Number:
    """Sort ``[start, stop)`` stably, giving up after so many moves; return whether it is sorted."""
    beside = len(numbers) > 0
    for i in range(start + 1, stop):
        word = words[i]
        if words[i - 1] <= word:
            continue
        number = numbers[i] if beside else np.int32(0)
        hole = i
        while hole > start and words[hole - 1] > word:
            words[hole] = words[hole - 1]
            if beside:
                numbers[hole] = numbers[hole - 1]
            hole -= 1
        words[hole] = word
        if beside:
            numbers[hole] = number
        patience -= i - hole
        if patience < 0:
            return False
    return True


@kernel("void(u64[], i32[], u64[], i32[], const i64[], i64, i64, i64, i64, i64[])")
def _sort_buckets(
    words: Words,
    numbers: Rows,
    spare: Words,
    spare_numbers: Rows,
    bounds: Longs,
    first: int,
    last: int,
    low: int,
    high: int,
    counts: Longs,
) -> None:
    """Sort each of the buckets ``[first, last)`` in place by the bits from ``low`` to ``high``.

    ``spare`` has room for the largest.
    """
    for b in range(first, last):
        start, stop = bounds[b], bounds[b + 1]
        size = stop - start
        if size < 2:
            continue
        if size <= _TINY:
            insertion_sort(words, numbers, start, stop, size * size)
            continue
        telling = 8
        while (size >> (telling - 2)) > 0:
            telling += 8
        from_bit = max(low, high - telling)
        radix_passes(words, numbers, spare, spare_numbers, start, size, from_bit, high, counts)
        if from_bit > low and not insertion_sort(words, numbers, start, stop, 8 * size):
            radix_passes(words, numbers, spare, spare_numbers, start, size, low, high, counts)


@kernel("void(const u64[], u64, i32[])")
def _extract_numbers(words: Words, mask: int, out: Rows) -> None:
    for i in range(len(words)):
        out[i] = np.int32(words[i] & mask)


@kernel("void(const u64[], u64, u64, u64, u64, i64[])")
def _extract_integers(words: Words, shift: int, mask: int, least: int, flip: int, out: Longs) -> None:
    for i in range(len(words)):
        out[i] = np.int64((((words[i] >> shift) & mask) + least) ^ flip)


class BucketSort:
    """Rows of several chunks in the stable order of one word each.

    Parameters
    ----------
    chunks
        The words of each chunk.
    least, width
        The words less ``least`` have so many bits, at least one.
    threads
        Threads to share the work with; the result is the same without.
    numbers
        What travels with the keys of each chunk, or None for row numbers.
    follow
        Whether columns are to `follow`; then places travel.

    Attributes
    ----------
    numbers
        What travelled with the keys, in their order.
    """

    def __init__(
        self,
        chunks: Sequence[Words],
        least: int,
        width: int,
        threads: Threads | None = None,
        *,
        numbers: Sequence[Rows] | None = None,
        follow: bool = False,
    ) -> None:
        self._threads = threads
        sizes = [len(chunk) for chunk in chunks]
        n = sum(sizes)
        number_bits = (n - 1).bit_length()
        self._number_bits = number_bits if width + number_bits <= 64 and numbers is None else 0
        self._parts = spans_of(n, 1 if threads is None else _PARTS)
        self._places = [borrow(size if follow else 0, np.int32) for size in sizes]
        beside = 0 if self._number_bits else n
        self._words, self._beside = borrow(n, np.uint64), borrow(beside, np.int32)
        bucket_bits = min(width, _BUCKET_BITS, max(n.bit_length() - _BUCKET_ROWS_BITS, 1))
        shift = width - bucket_bits
        bounds = self._scatter(chunks, least, shift, 1 << bucket_bits, numbers)
        if shift:
            self._sort(bounds, shift)
        self.numbers = self._beside
        if self._number_bits:
            self.numbers = borrow(n, np.int32)
            each(self._extract, len(self._parts), threads)

    def _scatter(
        self, chunks: Sequence[Words], least: int, shift: int, buckets: int, numbers: Sequence[Rows] | None
    ) -> Longs:
        counts = np.zeros((len(chunks), buckets), dtype=np.int64)
        each(lambda c: _count_buckets(chunks[c], least, shift, counts[c]), len(chunks), self._threads)
        starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts.T.reshape(-1))])
        positions = starts[:-1].reshape(buckets, len(chunks)).T.copy()
        first_rows = np.cumsum([0, *(len(chunk) for chunk in chunks)])
        given = [_NO_ROWS] * len(chunks) if numbers is None else numbers

        def scatter(c: int) -> None:
            _scatter_buckets(
                chunks[c], least, self._number_bits, first_rows[c], given[c], shift, positions[c],
                self._words, self._beside, self._places[c],
            )  # fmt: skip

        each(scatter, len(chunks), self._threads)
        return np.ascontiguousarray(starts[:: len(chunks)])

    def _sort(self, bounds: Longs, shift: int) -> None:
        """Sort the buckets by the bits below those that chose them."""
        parts = spans_of(len(self._words), 1 if self._threads is None else _SORTED_PARTS)
        splits = [0, *np.searchsorted(bounds, [start for start, _ in parts[1:]]).tolist(), len(bounds) - 1]
        low, largest = self._number_bits, int(np.diff(bounds).max(initial=0))
        beside = largest if len(self._beside) else 0

        def sort(part: int) -> None:
            counts = np.empty(256, dtype=np.int64)
            spare, spare_beside = borrow(largest, np.uint64), borrow(beside, np.int32)
            first, last = splits[part], splits[part + 1]
            _sort_buckets(self._words, self._beside, spare, spare_beside, bounds, first, last, low, low + shift, counts)

        each(sort, len(parts), self._threads)

    def _extract(self, part: int) -> None:
        start, stop = self._parts[part]
        _extract_numbers(self._words[start:stop], (1 << self._number_bits) - 1, self.numbers[start:stop])

    def integers(self, shift: int, width: int, least: int, flip: int, out: NDArray[Any]) -> None:
        """Write integers that are part of the keys, in order, to an array of a type that they fit.

        They have ``width`` bits from ``shift`` on, to which ``least`` is added, and then the bits of ``flip`` turned.
        """
        shift += self._number_bits

        def extract(part: int) -> None:
            start, stop = self._parts[part]
            wide = out.dtype == np.int64
            made = out[start:stop] if wide else np.empty(stop - start, dtype=np.int64)
            _extract_integers(self._words[start:stop], shift % 64, (1 << width) - 1, least, flip, made)
            if not wide:
                out[start:stop] = made

        each(extract, len(self._parts), self._threads)

    def follow(self, chunks: Sequence[NDArray[Any]], out: NDArray[Any]) -> None:
        """Write the values of the rows, of 1, 4 or 8 bytes and given by chunk, in order."""
        bucketed = borrow(len(out), out.dtype)
        each(lambda c: put(chunks[c], self._places[c], bucketed), len(chunks), self._threads)

        def gather(part: int) -> None:
            start, stop = self._parts[part]
            take(bucketed, self.numbers[start:stop], out[start:stop])

        each(gather, len(self._parts), self._threads)
