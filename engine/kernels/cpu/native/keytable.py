"""From 64-bit keys to the rows that have them: the table of a join's build side, made once, by several threads.

Keys in a dense range are found by their distance from the least of them. Others go into a hash table of cache lines
(``lines``). Rows are first spread over parts of it that fit the cache, which threads then fill one by one
(``entering``). Parts are made of regions, inside which a search wraps around, so that threads do not meet.

A *match* is what a probe gets: the build row itself where no key has two of them, else the number of its key, under
which `RowLists` has the build rows in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arrays import NO_BITS, Bits, Longs, Rows, Words, missing, rows_out
from .calls import Calls
from .compile import instruction, kernel
from .direct import AHEAD, begin_lists, count_direct, end_lists, fill_direct, join_direct, list_direct, match_direct
from .entering import CROWDED, REPEATED, enter_unique, list_rows, number_keys, spread_keys
from .grouping import LARGE
from .lines import ENTRY_SHIFT, FIRST_ENTRY, KEY_SHIFT, LINE_WORDS, key_in, line_of, place_of
from .packing import signed_extent
from .parallel import Threads, each, mapped, spans_of
from .reuse import borrow, borrow_words
from .valuelines import enter_values, join_values

prefetch_read = instruction("prefetch_read")

# An array over the keys' range may have so many entries whatever the number of rows, or so many for each row.
_DIRECT_SIZE = 1 << 18
_DIRECT_PER_ROW = 8
_FIRST_ROWS = 1 << 12
_NO_ROWS = np.zeros(0, dtype=np.int32)
# Rows for two lines, on average. Fuller lines have more keys in the line after theirs, emptier ones are more lines.
_ROWS_PER_TWO_LINES, _VALUES_PER_TWO_LINES = 5, 4
# Lines of a region: 512 KiB.
_REGION_BITS = 13
_ONE_REGION_BITS = 31
# A region in which so many lines before a key's are full is crowded.
_MOST_LINES = 64
# Build rows from which threads pay off, and that are spread at once.
_SHARED_ROWS = 1 << 16
_SPREAD_ROWS = 1 << 17
# Parts at most: to spread rows over more takes longer.
_MOST_PARTS = 256
_TASKS_PER_THREAD = 4


@kernel("void(const u64[], const u8[], i64, const u64[], const i32[], u64, u64, i32[])")
def _match_hashed(
    words: Words, bits: Bits, bit_offset: int, table: Words, entries: Rows, lines: int, region: int, out: Rows
) -> None:
    last = len(words) - AHEAD if len(table) > LARGE else 0
    for i in range(len(words)):
        if i < last:
            prefetch_read(table, np.int64(place_of(words[i + AHEAD], lines) << KEY_SHIFT))
        line = line_of(table, entries, lines, region, np.int64(lines), words[i])
        entry = (line << ENTRY_SHIFT) + FIRST_ENTRY + key_in(table, line, words[i])
        out[i] = np.int32(-1) if missing(bits, bit_offset + i) else entries[entry] - np.int32(1)


@kernel("i64(const u64[], const u8[], i64, const u64[], const i32[], u64, u64, i32[], i32[])")
def _join_hashed(
    words: Words,
    bits: Bits,
    bit_offset: int,
    table: Words,
    entries: Rows,
    lines: int,
    region: int,
    probe: Rows,
    build: Rows,
) -> int:
    """List the rows that have a match, and their matches; return how many there are."""
    k = 0
    last = len(words) - AHEAD if len(table) > LARGE else 0
    for i in range(len(words)):
        if i < last:
            prefetch_read(table, np.int64(place_of(words[i + AHEAD], lines) << KEY_SHIFT))
        line = line_of(table, entries, lines, region, np.int64(lines), words[i])
        entry = entries[(line << ENTRY_SHIFT) + FIRST_ENTRY + key_in(table, line, words[i])]
        probe[k] = np.int32(i)
        build[k] = entry - np.int32(1)
        k += entry != 0 and not missing(bits, bit_offset + i)
    return k


class ProbeKeys(NamedTuple):
    """Keys of rows, which of them are valid, and from which bit on that is said."""

    words: Words
    bits: Bits = NO_BITS
    bit_offset: int = 0


class RowLists(NamedTuple):
    """Build rows, or their values, by match: those of match ``m`` are ``rows[offsets[m]:offsets[m + 1]]``."""

    offsets: Rows
    rows: NDArray[Any]


class _Hashed(NamedTuple):
    """A hash table: its memory as words and as 32-bit numbers, how many lines it has, and the mask of a region's."""

    table: Words
    entries: Rows
    lines: int
    region: int


class KeyRows:
    """The build rows of each 64-bit key; null keys have none.

    Parameters
    ----------
    chunks
        The build side's keys, in order.
    threads
        Threads to share the work with, or None.
    first
        Whether the first row of each key is enough.
    values
        By chunk, values of 32 or 64 bits that the rows have. They are kept in a hash table, and rows are not: then
        `values_later` is what there is to ask for or, where a key has two rows, they are in the lists.

    Attributes
    ----------
    lists
        Build rows by match; None where no key has two rows, and a match is the row itself.
    has_values
        Whether values are kept in place of rows.
    """

    def __init__(
        self,
        chunks: Sequence[ProbeKeys],
        threads: Threads | None = None,
        *,
        first: bool = False,
        values: Sequence[NDArray[Any]] | None = None,
    ) -> None:
        self._first = first
        self.lists: RowLists | None = None
        self._low = 0
        self.has_values = False
        self._slots: Rows | None = None
        self._hashed = _Hashed(np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int32), 0, 0)
        rows = sum(len(chunk.words) for chunk in chunks)
        low, size = _extent(chunks, max(_DIRECT_SIZE, _DIRECT_PER_ROW * rows))
        if size is not None:
            self._low = low
            self._enter_direct(chunks, size)
        elif values is not None and (self._list_values if _repeats(chunks) else self._enter_values)(
            chunks, values, threads
        ):
            self.has_values = True
        elif not self._enter_hashed(chunks, threads, _REGION_BITS):
            # The hash or the keys are so uneven that a region cannot hold its own: make it one region.
            self._enter_hashed(chunks, None, _ONE_REGION_BITS)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        listed = 0 if self.lists is None else self.lists.offsets.nbytes + self.lists.rows.nbytes
        return listed + self._hashed.table.nbytes + (0 if self._slots is None else self._slots.nbytes)

    def match(self, words: Words, bits: Bits, bit_offset: int, out: Rows | None = None) -> Rows:
        """Return the match of each key, -1 where there is none."""
        matches = rows_out(out, len(words))
        if self._slots is not None:
            match_direct(words, bits, bit_offset, self._low, self._slots, matches)
        else:
            _match_hashed(words, bits, bit_offset, *self._hashed, matches)
        return matches

    def match_later(self, words: Words, bits: Bits, bit_offset: int, out: Rows, calls: Calls) -> None:
        """Have `match` done by a call."""
        if self._slots is not None:
            calls.add(match_direct, words, bits, bit_offset, self._low, self._slots, out)
        else:
            calls.add(_match_hashed, words, bits, bit_offset, *self._hashed, out)

    def join_later(self, words: Words, bits: Bits, bit_offset: int, probe: Rows, build: Rows, calls: Calls) -> None:
        """Have a call list the rows that have a match, and their matches; its result is how many there are.

        The arrays must be longer by one than there are rows.
        """
        if self._slots is not None:
            calls.add(join_direct, words, bits, bit_offset, self._low, self._slots, probe, build, expected=None)
        else:
            calls.add(_join_hashed, words, bits, bit_offset, *self._hashed, probe, build, expected=None)

    def values_later(
        self, words: Words, bits: Bits, bit_offset: int, probe: Rows, out: NDArray[Any], calls: Calls
    ) -> None:
        """Have a call list the rows that have a match, and the values of these; its result is how many there are."""
        table, _, lines, region = self._hashed
        calls.add(join_values, words, bits, bit_offset, table, lines, region, probe, out, expected=None)

    def _enter_direct(self, chunks: Sequence[ProbeKeys], size: int) -> None:
        self._slots = slots = np.full(size, -1, dtype=np.int32)
        firsts = [0, *accumulate(len(chunk.words) for chunk in chunks)]
        numbered = [(*chunk, start) for chunk, start in zip(chunks, firsts, strict=False)]
        if not any(fill_direct(*chunk, self._low, slots, self._first) for chunk in numbered):
            return
        offsets = np.zeros(size + 1, dtype=np.int32)
        rows = np.empty(sum(count_direct(*chunk, self._low, offsets) for chunk in chunks), dtype=np.int32)
        begin_lists(offsets, slots)
        for chunk in numbered:
            list_direct(*chunk, self._low, offsets, rows)
        end_lists(offsets)
        self.lists = RowLists(offsets, rows)

    def _enter_hashed(self, chunks: Sequence[ProbeKeys], threads: Threads | None, region_bits: int) -> bool:
        """Enter all rows; return False where a region is too crowded for that."""
        spread, tasks, most, threads = self._begin_hashed(chunks, None, _ROWS_PER_TWO_LINES, threads, region_bits)

        def enter(task: tuple[int, int]) -> int:
            start, stop = task
            return enter_unique(
                spread.words, spread.values, spread.starts, start, stop,
                *self._hashed, spread.part_lines, most, self._first,
            )  # fmt: skip

        entered = mapped(enter, tasks, threads)
        if CROWDED in entered:
            return False
        return REPEATED not in entered or self._list_hashed(spread, tasks, most, threads)

    def _enter_values(
        self, chunks: Sequence[ProbeKeys], values: Sequence[NDArray[Any]], threads: Threads | None
    ) -> bool:
        """Enter all keys with their values; return False where the table cannot hold them so."""
        spread, tasks, most, threads = self._begin_hashed(chunks, values, _VALUES_PER_TWO_LINES, threads, _REGION_BITS)
        table, _, lines, region = self._hashed

        def enter(task: tuple[int, int]) -> int:
            start, stop = task
            return enter_values(
                spread.words, spread.values, spread.starts, start, stop,
                table, lines, region, spread.part_lines, most,
            )  # fmt: skip

        return not any(mapped(enter, tasks, threads))

    def _list_values(
        self, chunks: Sequence[ProbeKeys], values: Sequence[NDArray[Any]], threads: Threads | None
    ) -> bool:
        """List the values of each key's rows; return False where a region is too crowded for that."""
        spread, tasks, most, threads = self._begin_hashed(chunks, values, _ROWS_PER_TWO_LINES, threads, _REGION_BITS)
        return self._list_hashed(spread, tasks, most, threads)

    def _begin_hashed(
        self,
        chunks: Sequence[ProbeKeys],
        values: Sequence[NDArray[Any]] | None,
        per_two_lines: int,
        threads: Threads | None,
        region_bits: int,
    ) -> tuple[_Spread, Sequence[tuple[int, int]], int, Threads | None]:
        """Make a table, and spread rows over its parts.

        Returns
        -------
        tuple
            The rows, which parts each task has, how many full lines a region may have before a key's, and the threads
            if they are worth it.
        """
        rows = sum(len(chunk.words) for chunk in chunks)
        wanted = rows * 2 // per_two_lines
        region_bits = min(wanted.bit_length(), region_bits)
        regions = max(1, -(-wanted >> region_bits))
        table = borrow_words(LINE_WORDS * regions << region_bits)
        self._hashed = _Hashed(table, table.view(np.int32), regions << region_bits, (1 << region_bits) - 1)
        if rows < _SHARED_ROWS:
            threads = None
        spread = _Spread(chunks, values, self._hashed.lines, region_bits, threads)
        most = self._hashed.lines if regions == 1 else _MOST_LINES
        count = 1 if threads is None else min(spread.parts, _TASKS_PER_THREAD * threads.count)
        return spread, spans_of(spread.parts, count), most, threads

    def _list_hashed(
        self, spread: _Spread, tasks: Sequence[tuple[int, int]], most: int, threads: Threads | None
    ) -> bool:
        """Give the keys numbers and list what was spread; return False where a region is too crowded for that."""
        numbers, counts = np.empty(len(spread.words), dtype=np.int32), np.zeros(spread.parts, dtype=np.int64)

        def number(task: tuple[int, int]) -> int:
            start, stop = task
            return number_keys(
                spread.words, spread.starts, start, stop, *self._hashed, spread.part_lines, most, numbers, counts
            )

        if CROWDED in mapped(number, tasks, threads):
            return False
        keys = np.array([0, *accumulate(counts.tolist())], dtype=np.int64)
        sizes = np.diff(spread.starts, axis=1).sum(axis=0)
        places = np.array([0, *accumulate(sizes.tolist())], dtype=np.int64)
        offsets = np.zeros(keys[-1] + 1, dtype=np.int32)
        offsets[-1] = places[-1]
        listed = np.empty(places[-1], dtype=spread.values.dtype)

        def place(task: int) -> None:
            list_rows(
                numbers, spread.values, spread.starts, *tasks[task],
                keys, places, self._hashed.entries, spread.part_lines, offsets, listed,
            )  # fmt: skip

        each(place, len(tasks), threads)
        self.lists = RowLists(offsets, listed)
        return True


class _Spread:
    """Rows that are valid, spread over parts of a table.

    Attributes
    ----------
    words, values
        Their keys, and their values or else their numbers.
    starts
        Where those of each chunk and part begin.
    parts, part_lines
        How many parts there are, and the lines of each.
    """

    def __init__(
        self,
        chunks: Sequence[ProbeKeys],
        values: Sequence[NDArray[Any]] | None,
        lines: int,
        region_bits: int,
        threads: Threads | None,
    ) -> None:
        part_bits = region_bits
        while lines >> part_bits > _MOST_PARTS:
            part_bits += 1
        self.part_lines = 1 << part_bits
        self.parts = max(1, -(-lines >> part_bits))
        pieces = [piece for chunk in chunks for piece in _pieces(chunk)]
        firsts = [0, *accumulate(len(piece.words) for piece in pieces)]
        given = [_NO_ROWS] * len(pieces) if values is None else [part for own in values for part in _cut(own)]
        self.words = borrow(firsts[-1], np.uint64)
        self.values = borrow(firsts[-1], np.int32 if values is None else np.uint64)
        self.starts: Longs = np.zeros((len(pieces), self.parts + 1), dtype=np.int64)

        def spread(piece: int) -> None:
            positions = np.zeros(self.parts, dtype=np.int64)
            first, starts = firsts[piece], self.starts[piece]
            spread_keys(
                *pieces[piece], given[piece], first, lines, part_bits, starts, positions, self.words, self.values
            )

        each(spread, len(pieces), threads)


def _pieces(chunk: ProbeKeys) -> list[ProbeKeys]:
    spans = _spread_spans(len(chunk.words))
    return [ProbeKeys(chunk.words[start:stop], chunk.bits, chunk.bit_offset + start) for start, stop in spans]


def _cut(values: NDArray[Any]) -> list[NDArray[Any]]:
    return [values[start:stop] for start, stop in _spread_spans(len(values))]


def _spread_spans(rows: int) -> list[tuple[int, int]]:
    """Return which rows of a chunk are spread at once."""
    return spans_of(rows, -(-rows // _SPREAD_ROWS))


def _repeats(chunks: Sequence[ProbeKeys]) -> bool:
    """Return whether some keys are met again among the first rows."""
    first = next((chunk for chunk in chunks if len(chunk.words)), ProbeKeys(np.zeros(0, dtype=np.uint64)))
    words = first.words[:_FIRST_ROWS]
    if len(first.bits):
        bits = first.bits[first.bit_offset >> 3 :][: (len(words) >> 3) + 2]
        words = words[np.unpackbits(bits, bitorder="little")[first.bit_offset & 7 :][: len(words)] > 0]
    words = np.sort(words)
    return bool((words[1:] == words[:-1]).any())


def _extent(chunks: Sequence[ProbeKeys], most: int) -> tuple[int, int | None]:
    """Return the least key as a signed integer and the size of the keys' range, None if that is more than ``most``."""
    low, high = 0, -1
    first = [ProbeKeys(chunk.words[:_FIRST_ROWS], *chunk[1:]) for chunk in chunks[:1]]
    for tried in (first, chunks):  # the first rows mostly tell that keys lie far apart
        known = [extent for chunk in tried if (extent := signed_extent(*chunk)) is not None]
        if known:
            low, high = min(least for least, _ in known), max(greatest for _, greatest in known)
        if high - low + 1 > most:
            return 0, None
    return low, high - low + 1
