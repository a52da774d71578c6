"""Stable argsort and top-k over word columns (see ``ordering``), most significant column first.

The columns' varying bits are packed into as few words as possible, and the words sorted one after the other, the last
first (``bucketsort``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .arrays import Rows, Words, rows_out
from .bucketsort import BucketSort
from .compile import kernel
from .packing import add_key, set_key, unsigned_extent
from .parallel import Threads, each, mapped, parts_of
from .reuse import borrow

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
# Rows that numpy sorts before the kernels' dozen of calls have begun.
_FEW_ROWS = 1 << 10
_NO_ROWS = np.empty(0, dtype=np.int32)


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


def argsort(columns: Sequence[Words], *, out: Rows | None = None, threads: Threads | None = None) -> Rows:
    """Return the stable order of rows by one or more word columns, most significant first.

    Parameters
    ----------
    columns
        Words of equal length.
    out
        Where to write the rows.
    threads
        Threads to share the work with; the result is the same without.
    """
    n = len(columns[0])
    if n <= _FEW_ROWS:
        rows = rows_out(out, n)
        rows[:] = np.lexsort(columns[::-1])
        return rows
    chunks = _chunks(mapped(_measured, columns, threads) if n else [])
    order = _NO_ROWS if any(chunks) else np.arange(n, dtype=np.int32)
    if not any(chunks):
        chunks = []
    for position, chunk in enumerate(reversed(chunks)):
        packed = _packed(chunk)
        spans = parts_of(n, threads)
        words = packed.words if not position else _taken(packed.words, order, spans, threads)
        pieces = [words[start:stop] for start, stop in spans]
        numbers = order if position else None
        order = BucketSort(pieces, packed.least, packed.width, threads, numbers=numbers).numbers
    if out is None:
        return order
    rows = rows_out(out, n)
    rows[:] = order
    return rows


def _taken(words: Words, order: Rows, spans: Sequence[tuple[int, int]], threads: Threads | None) -> Words:
    """Return words in an order, which is cut into parts for the threads."""
    taken = borrow(len(order), np.uint64)

    def take_part(part: int) -> None:
        start, stop = spans[part]
        _take_words(words, order[start:stop], taken[start:stop])

    each(take_part, len(spans), threads)
    return taken


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
    words = borrow(len(columns[0].words), np.uint64)
    width = 0
    for column in reversed(columns):
        put = add_key if width else set_key
        put(column.words, column.least, width, words)
        width += column.width
    return _Column(words=words, least=0, width=width)
