"""Stable argsort and top-k over word columns (see ``ordering``), most significant column first.

The columns' varying bits are packed into as few words as possible, with the row number below them where that fits, and
the words are radix sorted: one pass on the top bits makes cache-sized buckets, which several threads may sort; inside
a bucket, byte-wide passes over as many top bits as tell its rows apart, then an insertion sort that usually finds
little to do. Where it finds much, the bucket is sorted by all its bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from .arrays import Longs, Number, Rows, Words, rows_out
from .compile import device, kernel
from .packing import add_key, unsigned_extent
from .parallel import each

_BYTE = np.uint64(8)
_MASK = np.uint64(255)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_TINY = 40
_BUCKET_BITS = 9
_BUCKET_ROWS_BITS = 12
_SHARED_ROWS = 1 << 16
_NO_ROWS = np.empty(0, dtype=np.int32)


@kernel("void(const u64[], u64, i64, i64, u64, i64[])")
def _count_buckets(words: Words, least: int, start: int, stop: int, shift: int, counts: Longs) -> None:
    for i in range(start, stop):
        counts[(words[i] - least) >> shift] += 1


@kernel("void(const u64[], u64, u64, const i32[], i64, i64, u64, i64[], u64[], i32[])")
def _scatter_buckets(
    words: Words,
    least: int,
    row_bits: int,
    rows: Rows,
    start: int,
    stop: int,
    shift: int,
    positions: Longs,
    out: Words,
    out_rows: Rows,
) -> None:
    """Move keys to their buckets: with the row in so many low bits, or beside (row numbers unless given)."""
    beside = len(out_rows) > 0
    numbered = len(rows) == 0
    for i in range(start, stop):
        key = words[i] - least
        position = np.uint64(positions[key >> shift])
        positions[key >> shift] += 1
        if beside:
            out[position] = key
            out_rows[position] = np.int32(i) if numbered else rows[i]
        else:
            out[position] = (key << row_bits) | np.uint64(i)


@device
def radix_pass(
    words: Words, rows: Rows, out: Words, out_rows: Rows, start: Number, stop: Number, shift: Number, counts: Longs
) -> None:
    """Move ``[start, stop)`` stably into the order of one byte."""
    with_rows = len(rows) > 0
    for b in range(256):
        counts[b] = 0
    for i in range(start, stop):
        counts[(words[i] >> shift) & _MASK] += 1
    running = start
    for b in range(256):
        size = counts[b]
        counts[b] = running
        running += size
    for i in range(start, stop):
        byte = (words[i] >> shift) & _MASK
        position = np.uint64(counts[byte])
        counts[byte] += 1
        out[position] = words[i]
        if with_rows:
            out_rows[position] = rows[i]


@device
def radix_passes(
    words: Words,
    rows: Rows,
    spare: Words,
    spare_rows: Rows,
    start: Number,
    stop: Number,
    low: Number,
    high: Number,
    counts: Longs,
) -> None:
    """Sort ``[start, stop)`` by the bits from ``low`` to ``high``; the result is in place."""
    passes = (high - low + 7) // 8
    for p in range(0, passes - 1, 2):
        radix_pass(words, rows, spare, spare_rows, start, stop, np.uint64(low + 8 * p), counts)
        radix_pass(spare, spare_rows, words, rows, start, stop, np.uint64(low + 8 * p + 8), counts)
    if passes & 1:
        radix_pass(words, rows, spare, spare_rows, start, stop, np.uint64(low + 8 * passes - 8), counts)
        for i in range(start, stop):
            words[i] = spare[i]
        if len(rows) > 0:
            for i in range(start, stop):
                rows[i] = spare_rows[i]


@device
def insertion_sort(words: Words, rows: Rows, start: Number, stop: Number, patience: Number) -> Number:
    """Sort ``[start, stop)`` stably, giving up after so many moves; return whether it is sorted."""
    with_rows = len(rows) > 0
    for i in range(start + 1, stop):
        word = words[i]
        if words[i - 1] <= word:
            continue
        row = rows[i] if with_rows else np.int32(0)
        hole = i
        while hole > start and words[hole - 1] > word:
            words[hole] = words[hole - 1]
            if with_rows:
                rows[hole] = rows[hole - 1]
            hole -= 1
        words[hole] = word
        if with_rows:
            rows[hole] = row
        patience -= i - hole
        if patience < 0:
            return False
    return True


@kernel("void(u64[], i32[], u64[], i32[], const i64[], i64, i64, i64, i64, i64[])")
def _sort_buckets(
    words: Words,
    rows: Rows,
    spare: Words,
    spare_rows: Rows,
    bounds: Longs,
    first: int,
    last: int,
    low: int,
    high: int,
    counts: Longs,
) -> None:
    """Sort each of the buckets ``[first, last)`` in place by the bits from ``low`` to ``high``."""
    for b in range(first, last):
        start, stop = bounds[b], bounds[b + 1]
        size = stop - start
        if size < 2:
            continue
        if size <= _TINY:
            insertion_sort(words, rows, start, stop, size * size)
            continue
        telling = 12
        while (size >> (telling - 4)) > 0:
            telling += 1
        telling = (telling + 7) // 8 * 8
        from_bit = max(low, high - telling)
        radix_passes(words, rows, spare, spare_rows, start, stop, from_bit, high, counts)
        if from_bit > low and not insertion_sort(words, rows, start, stop, 8 * size):
            radix_passes(words, rows, spare, spare_rows, start, stop, low, high, counts)


@kernel("void(const u64[], u64, i32[])")
def _extract_rows(words: Words, mask: int, out: Rows) -> None:
    for i in range(len(words)):
        out[i] = np.int32(words[i] & mask)


@kernel("void(const u64[], const i32[], u64[])")
def _take_words(words: Words, rows: Rows, out: Words) -> None:
    for i in range(len(rows)):
        out[i] = words[np.uint32(rows[i])]


@kernel("i64(const u64[], u64, i32[])")
def _at_most(words: Words, limit: int, out: Rows) -> int:
    k = 0
    for i in range(len(words)):
        out[k] = np.int32(i)
        k += words[i] <= limit
    return k


@kernel("void(const u64[], u64[])")
def _keep_least(words: Words, heap: Words) -> None:
    """Keep the least words in a max-heap, initially all ones."""
    size = len(heap)
    for i in range(len(words)):
        word = words[i]
        if word >= heap[0]:
            continue
        hole = 0
        while True:
            child = 2 * hole + 1
            if child >= size:
                break
            if child + 1 < size and heap[child + 1] > heap[child]:
                child += 1
            if heap[child] <= word:
                break
            heap[hole] = heap[child]
            hole = child
        heap[hole] = word


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """A sort key with its least word and how many bits tell its words apart."""

    words: Words
    least: int
    width: int


def argsort(columns: Sequence[Words], *, out: Rows | None = None, executor: Executor | None = None) -> Rows:
    """Return the stable order of rows by one or more word columns, most significant first.

    Parameters
    ----------
    columns
        Words of equal length.
    out
        Where to write the rows.
    executor
        Threads to share the work with; the result is the same without.
    """
    n = len(columns[0])
    rows = rows_out(out, n)
    chunks = _chunks([_measured(column) for column in columns] if n else [])
    if not any(chunks):
        rows[:] = np.arange(n, dtype=np.int32)
        return rows
    row_bits = (n - 1).bit_length()
    order = _NO_ROWS
    for position, chunk in enumerate(reversed(chunks)):
        packed = _packed(chunk)
        if position:
            words = np.empty(n, dtype=np.uint64)
            _take_words(packed.words, order, words)
            packed = _Column(words=words, least=packed.least, width=packed.width)
        if len(chunks) == 1 and packed.width + row_bits <= 64:
            words, _ = _sort_column(packed, row_bits, order, executor)
            _extract_rows(words, (1 << row_bits) - 1, rows)
            return rows
        order = _sort_column(packed, 0, order, executor)[1]
    rows[:] = order
    return rows


def smallest(columns: Sequence[Words], k: int) -> Rows:
    """Return the first ``k`` rows of the stable order by the columns; fewer if there are fewer rows.

    A heap over the leading bits finds a bound, and only rows within it are sorted.
    """
    n = len(columns[0])
    k = min(k, n)
    if 4 * k >= n:
        return argsort(columns)[:k]
    if k == 0:
        return np.empty(0, dtype=np.int32)
    leading = columns[0] if len(columns) == 1 else _leading_bits(columns)
    heap = np.full(k, _ALL, dtype=np.uint64)
    _keep_least(leading, heap)
    found = np.empty(n + 1, dtype=np.int32)
    found = found[: _at_most(leading, int(heap[0]), found)]
    candidates = [np.empty(len(found), dtype=np.uint64) for _ in columns]
    for column, candidate in zip(columns, candidates, strict=True):
        _take_words(column, found, candidate)
    return found[argsort(candidates)[:k]]


def _leading_bits(columns: Sequence[Words]) -> Words:
    """Return one word per row whose order is that of the columns as far as 64 bits tell."""
    leading = np.zeros(len(columns[0]), dtype=np.uint64)
    room = 64
    for column in map(_measured, columns):
        add_key(column.words, column.least, room - column.width, leading)
        room -= column.width
        if room <= 0:
            break
    return leading


def _measured(words: Words) -> _Column:
    least, greatest = unsigned_extent(words)
    return _Column(words=words, least=least, width=(greatest - least).bit_length())


def _chunks(columns: list[_Column]) -> list[list[_Column]]:
    """Split the columns that vary into runs of at most 64 bits, from the right."""
    chunks: list[list[_Column]] = [[]]
    room = 64
    for column in reversed([column for column in columns if column.width]):
        if column.width > room:
            chunks.insert(0, [])
            room = 64
        chunks[0].insert(0, column)
        room -= column.width
    return chunks


def _packed(columns: list[_Column]) -> _Column:
    """Return one column with the order of several, which have at most 64 bits together."""
    if len(columns) == 1:
        return columns[0]
    words = np.zeros(len(columns[0].words), dtype=np.uint64)
    width = 0
    for column in reversed(columns):
        add_key(column.words, column.least, width, words)
        width += column.width
    return _Column(words=words, least=0, width=width)


def _sort_column(column: _Column, row_bits: int, rows: Rows, executor: Executor | None) -> tuple[Words, Rows]:
    """Sort a column, and rows with it.

    The rows are ``rows`` (if empty, the row numbers). They come back in the low ``row_bits`` of the words, or beside
    the words if ``row_bits`` is 0.
    """
    words, n = column.words, len(column.words)
    bucket_bits = min(column.width, _BUCKET_BITS, max(n.bit_length() - _BUCKET_ROWS_BITS, 1))
    shift, buckets = column.width - bucket_bits, 1 << bucket_bits
    parts = 1 if executor is None or n < _SHARED_ROWS else 8
    cuts = [n * part // parts for part in range(parts + 1)]
    sizes = np.zeros((parts, buckets), dtype=np.int64)

    def count(part: int) -> None:
        _count_buckets(words, column.least, cuts[part], cuts[part + 1], shift, sizes[part])

    each(count, parts, executor)
    ends = np.cumsum(sizes.T.reshape(-1)).reshape(buckets, parts)
    positions = np.ascontiguousarray((ends - sizes.T).T)
    bounds = np.concatenate([np.zeros(1, dtype=np.int64), ends[:, -1]])
    beside = 0 if row_bits else n
    sorted_words, sorted_rows = np.empty(n, dtype=np.uint64), np.empty(beside, dtype=np.int32)

    def scatter(part: int) -> None:
        _scatter_buckets(
            words,
            column.least,
            row_bits,
            rows,
            cuts[part],
            cuts[part + 1],
            shift,
            positions[part],
            sorted_words,
            sorted_rows,
        )

    each(scatter, parts, executor)
    if shift == 0:
        return sorted_words, sorted_rows
    splits = [0, *np.searchsorted(bounds, cuts[1:-1]).tolist(), buckets]
    spare, spare_rows = np.empty(n, dtype=np.uint64), np.empty(beside, dtype=np.int32)

    def sort(part: int) -> None:
        counts = np.empty(256, dtype=np.int64)
        first, last = splits[part], splits[part + 1]
        low, high = row_bits, row_bits + shift
        _sort_buckets(sorted_words, sorted_rows, spare, spare_rows, bounds, first, last, low, high, counts)

    each(sort, parts, executor)
    return sorted_words, sorted_rows
