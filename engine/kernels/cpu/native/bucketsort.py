"""Sorting rows by one word each: a scatter into buckets, then each bucket by itself, in the cache.

One pass on the top bits makes buckets of some thousands of rows, which several threads may then sort: byte-wide passes
over as many top bits as tell a bucket's rows apart, then an insertion sort that usually finds little to do. Where it
finds much, the bucket is sorted by all its bits.

With each key travels a number: the row's, or its place after the scatter. By places, other columns follow their rows in
two steps that both run along memory: into their buckets, and then within the bucket (`BucketSort.follow`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .arrays import Bits, Bytes, Longs, Number, Rows, Words, addresses
from .compile import device, instruction, kernel
from .parallel import Threads
from .phases import Phases, pieces_of
from .reuse import borrow

array_at, words_at = instruction("array_at"), instruction("words_at")
prefetch_read, prefetch_write = instruction("prefetch_read"), instruction("prefetch_write")
store_through = instruction("store_through")

Cells: TypeAlias = NDArray[np.uint16]
"""The bucket of each value of some bits."""

_BYTE = np.uint64(8)
_LINE = np.uint64(7)
_MASK = np.uint64(255)
_TINY = 40
_BUCKET_BITS = 9
_BUCKET_ROWS_BITS = 12
_MOVED = (64, 32, 8)
"""Bits of values that follow their rows."""
_MOST_BYTES, _COLUMNS_BUCKETED = 8, 2
AHEAD = 32
"""Rows whose values are asked for ahead."""
_NO_ROWS = np.empty(0, dtype=np.int32)
_NO_CELLS = np.empty(0, dtype=np.uint16)
_SAMPLED_ROWS, _SAMPLE = 1 << 15, 1 << 12
"""Rows of which some tell how keys are spread, and about how many."""
_UNEVEN = 6
"""A bucket with so many times its share of rows has the buckets be chosen by the rows that were looked at."""
_CELL_BITS = 16
_ONE = np.uint64(1)


@kernel("void(const u64[], const i64[], u64, u64, const u16[], i64[,], i64)")
def _count_buckets(
    begins: Words, firsts: Longs, least: int, shift: int, cells: Cells, counts: Longs, chunk: int
) -> None:
    """Count the keys of a chunk by their buckets; see `_scatter_buckets`."""
    words = words_at(begins[chunk], firsts[chunk + 1] - firsts[chunk])
    if len(cells) == 0:
        for i in range(len(words)):
            counts[chunk, (words[i] - least) >> shift] += 1
    else:
        for i in range(len(words)):
            counts[chunk, cells[(words[i] - least) >> shift]] += 1


@kernel("void(const u64[], const i64[], u64, u64, const i32[], u64, const u16[], i64[,], u64[], i32[], i32[], i64)")
def _scatter_buckets(
    begins: Words,
    firsts: Longs,
    least: int,
    number_bits: int,
    numbers: Rows,
    shift: int,
    cells: Cells,
    positions: Longs,
    out: Words,
    out_numbers: Rows,
    places: Rows,
    chunk: int,
) -> None:
    """Move the keys of a chunk to their buckets, each with a number in so many low bits or beside it.

    A key's bucket is what it is shifted, or the entry of that in ``cells`` where these are given.

    Its number is its place, noted in ``places`` too where these are given, else its entry in ``numbers`` where there
    are any, else its row.
    """
    placed = len(places) > 0
    given = len(numbers) > 0
    beside = len(out_numbers) > 0
    direct = len(cells) == 0
    first_row = firsts[chunk]
    words = words_at(begins[chunk], firsts[chunk + 1] - first_row)
    for i in range(len(words)):
        key = words[i] - least
        bucket = key >> shift
        if not direct:
            bucket = np.uint64(cells[bucket])
        position = np.uint64(positions[chunk, bucket])
        positions[chunk, bucket] += 1
        number = np.int32(first_row + i)
        if placed:
            number = np.int32(position)
            places[first_row + i] = number
        elif given:
            number = numbers[first_row + i]
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


@device
def varying_bits(words: Words, start: Number, stop: Number) -> Number:
    """Return the bits in which some of the words differ from the first."""
    varying = words[start] ^ words[start]
    for i in range(start, stop):
        varying |= words[i] ^ words[start]
    return varying


@kernel("void(u64[], i32[], u64[], i32[], i64[], const i64[], i64, i64, i64, i64)")
def _sort_buckets(
    words: Words,
    numbers: Rows,
    spare: Words,
    spare_numbers: Rows,
    counts: Longs,
    bounds: Longs,
    low: int,
    high: int,
    first: int,
    last: int,
) -> None:
    """Sort each of the buckets ``[first, last)`` in place by the bits from ``low`` to ``high``, or those that vary.

    The latter where ``high`` is 0. ``spare`` has room for the largest.
    """
    for b in range(first, last):
        start, stop = bounds[b], bounds[b + 1]
        size = stop - start
        if size < 2:
            continue
        if size <= _TINY:
            insertion_sort(words, numbers, start, stop, size * size)
            continue
        top = high
        if high == 0:
            varying = varying_bits(words, start, stop) >> np.uint64(low)
            top = low
            while varying > 0:
                varying >>= _ONE
                top += 1
            if top == low:
                continue
        telling = 8
        while (size >> (telling - 2)) > 0:
            telling += 8
        from_bit = max(low, top - telling)
        radix_passes(words, numbers, spare, spare_numbers, start, size, from_bit, top, counts)
        if from_bit > low and not insertion_sort(words, numbers, start, stop, 8 * size):
            radix_passes(words, numbers, spare, spare_numbers, start, size, low, top, counts)


@kernel("void(const u64[], u64, i32[], i64, i64)")
def _extract_numbers(words: Words, mask: int, out: Rows, start: int, stop: int) -> None:
    for i in range(start, stop):
        out[i] = np.int32(words[i] & mask)


@kernel(*[f"void(const u64[], u64, u64, u64, u64, u{bits}[], i64, i64)" for bits in (64, 32, 16, 8)])
def _extract_integers(
    words: Words, shift: int, mask: int, least: int, flip: int, out: NDArray[Any], start: int, stop: int
) -> None:
    for i in range(start, stop):
        store_through(out, np.int64(i), (((words[i] >> shift) & mask) + least) ^ flip)


def _put_chunk(begins: Words, firsts: Longs, places: Rows, out: NDArray[Any], chunk: int) -> None:
    """Write the values of a chunk to the places of their rows."""
    values = array_at(begins[chunk], firsts[chunk + 1] - firsts[chunk], out)
    first = firsts[chunk]
    for i in range(len(values)):
        out[np.uint32(places[first + i])] = values[i]


def _take_span(values: NDArray[Any], rows: Rows, out: NDArray[Any], start: int, stop: int) -> None:
    """Read the values at some rows."""
    last = stop - AHEAD
    for i in range(start, stop):
        if i < last:
            prefetch_read(values, np.int64(rows[i + AHEAD]))
        out[i] = values[np.uint32(rows[i])]


_PUT = {
    bits // 8: kernel(f"void(const u64[], const i64[], const i32[], u{bits}[], i64)")(_put_chunk) for bits in _MOVED
}
_TAKE = {bits // 8: kernel(f"void(const u{bits}[], const i32[], u{bits}[], i64, i64)")(_take_span) for bits in _MOVED}


@kernel("void(const u64[], u64, u8[])")
def _markaddresses(words: Words, shift: int, out: Bits) -> None:
    """Mark each word that differs from the one before from bit ``shift`` on, and the first."""
    for i in range(min(len(words), 1)):
        out[i] = np.uint8(1)
    for i in range(1, len(words)):
        out[i] = np.uint8((words[i] ^ words[i - 1]) >> shift != np.uint64(0))


def _even_cells(chunks: Sequence[Words], least: int, width: int, bucket_bits: int) -> tuple[int, Cells]:
    """Return buckets of about as many rows each as entries for words that are shifted, and by how much.

    No entries, if the first bits of words will do.
    """
    step = max(1, sum(map(len, chunks)) // _SAMPLE)
    sample = np.concatenate([chunk[::step] for chunk in chunks]) - np.uint64(least % 2**64)  # it may be signed
    found = np.bincount((sample >> np.uint64(width - bucket_bits)).astype(np.int64))
    if found.max() <= _UNEVEN * max(len(sample) >> bucket_bits, 1):
        return 0, _NO_CELLS
    shift = max(width - _CELL_BITS, 0)
    ordered = np.sort(sample >> np.uint64(shift))
    first = np.zeros(1 << width - shift, dtype=np.uint16)
    first[ordered[np.arange(1, 1 << bucket_bits) * len(ordered) >> bucket_bits]] = 1
    first[0] = 0
    return shift, np.cumsum(first, dtype=np.uint16)


def sort_within_later(words: Words, numbers: Rows, bounds: Longs, low: int, high: int, phases: Phases) -> None:
    """Have words, and numbers that travel with them, sorted between bounds each, by the bits from ``low`` to ``high``.

    By those that vary where ``high`` is 0.
    """
    starts = [start for start, _ in pieces_of(len(words))]
    splits = [0, *np.searchsorted(bounds, starts[1:]).tolist(), len(bounds) - 1]
    largest = int(np.diff(bounds).max(initial=0))
    beside = largest if len(numbers) else 0
    threads = range(phases.count)
    spare, spare_beside = ([borrow(n, kind) for _ in threads] for n, kind in ((largest, np.uint64), (beside, np.int32)))
    counts = [np.empty(256, dtype=np.int64) for _ in threads]
    shares = [split for split in pairwise(splits) if split[0] < split[1]]
    phases.add(_sort_buckets, words, numbers, spare, spare_beside, counts, bounds, low, high, numbers=shares)


def take_later(values: NDArray[Any], rows: Rows, out: NDArray[Any], phases: Phases) -> None:
    """Have values of 1, 4 or 8 bytes at rows written to ``out``."""
    size = out.dtype.itemsize
    stored = f"u{size}"
    phases.add(_TAKE[size], values.view(stored), rows, out.view(stored), numbers=pieces_of(len(out)))


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
        What travels with the keys of all chunks, or None for row numbers.
    follow
        Whether columns are to `follow`; then places travel.

    Attributes
    ----------
    numbers
        What travelled with the keys, in their order.
    words
        The keys less ``least`` in order, of which the lowest bits may be a number that travelled with them.
    """

    def __init__(
        self,
        chunks: Sequence[Words],
        least: int,
        width: int,
        threads: Threads | None = None,
        *,
        numbers: Rows | None = None,
        follow: bool = False,
    ) -> None:
        sizes = [len(chunk) for chunk in chunks]
        self._firsts: Longs = np.cumsum([0, *sizes])
        n = sum(sizes)
        number_bits = (n - 1).bit_length()
        self._number_bits = number_bits if width + number_bits <= 64 and numbers is None else 0
        self._places: Rows = borrow(n if follow else 0, np.int32)
        beside = 0 if self._number_bits else n
        self.words, self._beside = borrow(n, np.uint64), borrow(beside, np.int32)
        bucket_bits = min(width, _BUCKET_BITS, max(n.bit_length() - _BUCKET_ROWS_BITS, 1))
        shift, cells = _even_cells(chunks, least, width, bucket_bits) if n >= _SAMPLED_ROWS else (0, _NO_CELLS)
        even = not len(cells)
        if even:
            shift = width - bucket_bits
        self._bucketed = list[Bytes]()
        phases = Phases(threads)
        bounds = self._scatter(chunks, least, shift, cells, 1 << bucket_bits, numbers, phases)
        if shift or not even:
            high = self._number_bits + shift if even else 0
            sort_within_later(self.words, self._beside, bounds, self._number_bits, high, phases)
        self.numbers = self._beside
        if self._number_bits:
            self.numbers = borrow(n, np.int32)
            mask = (1 << self._number_bits) - 1
            phases.add(_extract_numbers, self.words, mask, self.numbers, numbers=pieces_of(n))
        phases.run()

    def _scatter(
        self,
        chunks: Sequence[Words],
        least: int,
        shift: int,
        cells: Cells,
        buckets: int,
        numbers: Rows | None,
        phases: Phases,
    ) -> Longs:
        """Have keys moved to their buckets; return where these begin."""
        begins, every = addresses(chunks), range(len(chunks))
        counts = np.zeros((len(chunks), buckets), dtype=np.int64)
        phases.add(_count_buckets, begins, self._firsts, least, shift, cells, counts, numbers=every)
        phases.run()
        starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts.T.reshape(-1))])
        positions = starts[:-1].reshape(buckets, len(chunks)).T.copy()
        phases.add(
            _scatter_buckets, begins, self._firsts, least, self._number_bits, _NO_ROWS if numbers is None else numbers,
            shift, cells, positions, self.words, self._beside, self._places, numbers=every,
        )  # fmt: skip
        return np.ascontiguousarray(starts[:: len(chunks)])

    def integers_later(self, shift: int, width: int, least: int, flip: int, out: NDArray[Any], phases: Phases) -> None:
        """Have integers that are part of the keys written, in order, to an array of a type that they fit.

        They have ``width`` bits from ``shift`` on, to which ``least`` is added, and then the bits of ``flip`` turned.
        """
        place, stored = (shift + self._number_bits) % 64, out.view(f"u{out.dtype.itemsize}")
        pieces = pieces_of(len(out))
        phases.add(
            _extract_integers, self.words, place, (1 << width) - 1, least, flip, stored, numbers=pieces, beside=True
        )

    def begins(self, shift: int) -> Bits:
        """Return which keys, in order, differ from the one before in bits from ``shift`` on, and the first."""
        out = borrow(len(self.words), np.uint8)
        _markaddresses(self.words, shift + self._number_bits, out)
        return out

    def put_later(self, chunks: Sequence[NDArray[Any]], out: NDArray[Any], phases: Phases) -> None:
        """Have values of the rows, of 1, 4 or 8 bytes and given by chunk, written to their places."""
        put, stored = _PUT[out.dtype.itemsize], out.view(f"u{out.dtype.itemsize}")
        phases.keep(chunks)
        phases.add(put, addresses(chunks), self._firsts, self._places, stored, numbers=range(len(chunks)), beside=True)

    def follow_later(self, chunks: Sequence[NDArray[Any]], out: NDArray[Any], phases: Phases) -> None:
        """Have the values of the rows, of 1, 4 or 8 bytes and given by chunk, written in order."""
        # The values of the column before are read in the phase in which these are put, those of the one before not.
        if len(self._bucketed) < _COLUMNS_BUCKETED:
            self._bucketed.append(borrow(_MOST_BYTES * len(out), np.uint8))
        else:
            self._bucketed.append(self._bucketed.pop(0))
        bucketed = self._bucketed[-1][: out.nbytes].view(out.dtype)
        self.put_later(chunks, bucketed, phases)
        take_later(bucketed, self.numbers, out, phases)
