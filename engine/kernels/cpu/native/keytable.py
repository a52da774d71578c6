"""From 64-bit keys to the rows that have them: the table of a join's build side, made once, by several threads.

Keys in a dense range are found by their distance from the least of them. Others go into a hash table of cache lines,
each of up to five keys and, in the same order, their entries (match + 1): one comparison finds a key in its line, with
no branch to be guessed wrong, and few keys lie in a line that follows their own. Each thread fills a stretch of the
table with the rows whose keys belong there. Stretches are cut between regions, inside which a search wraps around, so
that threads do not meet.

A *match* is what a probe gets: the build row itself where no key has two of them, else the number of its key, under
which `RowLists` has the build rows in order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .arrays import Bits, Longs, Number, Rows, Words, ascending, missing, rows_out
from .calls import Calls
from .compile import device, instruction, kernel
from .direct import AHEAD, count_direct, fill_direct, join_direct, list_direct, match_direct
from .grouping import LARGE
from .packing import signed_extent
from .parallel import Threads, each, mapped, spans_of
from .reuse import borrow_words

equal_among_8 = instruction("equal_among_8")
lowest_bit = instruction("lowest_bit")
prefetch_read = instruction("prefetch_read")
prefetch_write = instruction("prefetch_write")

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_S32 = np.uint64(32)
_ONE = np.uint64(1)
# An array over the keys' range may have so many entries whatever the number of rows, or so many for each row.
_DIRECT_SIZE = 1 << 18
_DIRECT_PER_ROW = 8
_FIRST_ROWS = 1 << 12
# A line is eight words: five keys, then as 32-bit numbers their entries and a 0, which is what a key gets that is not
# there; entries of 0 are free.
_LINE_WORDS = 8
_KEY_SHIFT = np.uint64(3)
_ENTRY_SHIFT = np.uint64(4)
_FIRST_ENTRY = np.uint64(10)
_LAST_ENTRY = np.uint64(14)
_KEYS = np.uint64(5)
_KEY_BITS = np.uint64(0b011111)
_NO_KEY_BIT = np.uint64(0b100000)
# The lanes of a comparison of eight entries that stand before those of a line.
_BEFORE = np.uint64(2)
# Rows for two lines, on average. Fuller lines have more keys in the line after theirs, emptier ones are more lines.
_ROWS_PER_TWO_LINES = 5
# Lines of a region: 512 KiB.
_REGION_BITS = 13
_ONE_REGION_BITS = 31
# A region in which so many lines before a key's are full is crowded.
_MOST_LINES = 64
# Build rows from which threads pay off.
_SHARED_ROWS = 1 << 16
# Stretches at most: rows are listed in as many arrays by each of as many threads.
_MOST_STRETCHES = 16
_CROWDED = -1


@device
def place_of(word: Number, places: Number) -> Number:
    """Return the place a word wants, of so many: 32 bits of a Fibonacci hash as a fraction of them (Lemire, 2019)."""
    return ((((word ^ (word >> _S32)) * _GOLDEN) >> _S32) * places) >> _S32


@device
def key_in(table: Words, line: Number, word: Number) -> Number:
    """Return which key of a line equals ``word``, `_KEYS` if none does; one that is free counts as 0."""
    return lowest_bit((equal_among_8(table, np.int64(line << _KEY_SHIFT), word) & _KEY_BITS) | _NO_KEY_BIT)


@device
def room_in(entries: Rows, line: Number) -> Number:
    """Return where the next key of a line goes that is not full."""
    start = (line << _ENTRY_SHIFT) + _FIRST_ENTRY
    return lowest_bit(equal_among_8(entries, np.int64(start - _BEFORE), np.int32(0)) >> _BEFORE)


@device
def is_full(entries: Rows, line: Number) -> Number:
    """Return whether a line has all the keys it can have."""
    return entries[(line << _ENTRY_SHIFT) + _LAST_ENTRY] != 0


@device
def line_after(line: Number, region: Number) -> Number:
    """Return the line to go on with after a full one."""
    return (line & ~region) | ((line + _ONE) & region)


@device
def line_of(table: Words, entries: Rows, lines: Number, region: Number, most: Number, word: Number) -> Number:
    """Return the line that has ``word``, or else room for it; the last one looked at where ``most`` have neither."""
    line = place_of(word, lines)
    while most > 0 and key_in(table, line, word) == _KEYS and is_full(entries, line):
        line = line_after(line, region)
        most -= 1
    return line


@device
def fetch_line(table: Words, lines: int, word: Number) -> None:
    """Fetch the line that a word will want, to be written."""
    prefetch_write(table, np.int64(place_of(word, lines) << _KEY_SHIFT))


@kernel("void(const u64[], const u8[], i64, i64, u64, const u64[], i32[,], i64[])")
def _spread_rows(
    words: Words, bits: Bits, bit_offset: int, first: int, lines: int, ends: Words, out: Rows, counts: Longs
) -> None:
    """List rows, from number ``first`` on, that are valid, by the stretch of lines where their keys belong.

    A stretch ends where the next one begins, the last one without an end in ``ends``.
    """
    for i in range(len(words)):
        line = place_of(words[i], lines)
        stretch = 0
        for j in range(len(ends)):
            stretch += line >= ends[j]
        out[stretch, counts[stretch]] = np.int32(first + i)
        counts[stretch] += not missing(bits, bit_offset + i)


@kernel("i64(const u64[], const i32[], u64[], i32[], u64, u64, i64, i64)")
def _enter_unique(
    words: Words, rows: Rows, table: Words, entries: Rows, lines: int, region: int, most: int, first: int
) -> int:
    """Enter rows up to one whose key is there already, or past it if only ``first`` rows count; return how many."""
    last = len(rows) - AHEAD if len(table) > LARGE else 0
    for i in range(len(rows)):
        if i < last:
            fetch_line(table, lines, words[np.uint32(rows[i + AHEAD])])
        word = words[np.uint32(rows[i])]
        line = line_of(table, entries, lines, region, most, word)
        entry = (line << _ENTRY_SHIFT) + _FIRST_ENTRY
        if entries[entry + key_in(table, line, word)] != 0:
            if first:
                continue
            return i
        if is_full(entries, line):
            return _CROWDED
        room = room_in(entries, line)
        table[(line << _KEY_SHIFT) + room] = word
        entries[entry + room] = rows[i] + np.int32(1)
    return len(rows)


@kernel("i64(const u64[], const i32[], i64, u64[], i32[], u64, u64, i64, i32[])")
def _number_keys(
    words: Words,
    rows: Rows,
    entered: int,
    table: Words,
    entries: Rows,
    lines: int,
    region: int,
    most: int,
    numbers: Rows,
) -> int:
    """Give keys numbers from 0 on, in the order they are met; return how many there are.

    The first ``entered`` rows are in the table as those of different keys.
    """
    count = np.int32(0)
    last = len(rows) - AHEAD if len(table) > LARGE else 0
    for i in range(len(rows)):
        if i < last:
            fetch_line(table, lines, words[np.uint32(rows[i + AHEAD])])
        word = words[np.uint32(rows[i])]
        line = line_of(table, entries, lines, region, most, word)
        key = key_in(table, line, word)
        if key == _KEYS:
            if is_full(entries, line):
                return _CROWDED
            key = room_in(entries, line)
            table[(line << _KEY_SHIFT) + key] = word
        entry = (line << _ENTRY_SHIFT) + _FIRST_ENTRY + key
        if i < entered or entries[entry] == 0:
            count += np.int32(1)
            entries[entry] = count
        numbers[i] = entries[entry] - np.int32(1)
    return int(count)


@kernel("void(const i32[], const i32[], i64, i64, i64, i32[], i64, i64, i32[], i32[])")
def _list_rows(
    numbers: Rows,
    rows: Rows,
    start: int,
    base: int,
    count: int,
    entries: Rows,
    first: int,
    last: int,
    offsets: Rows,
    out: Rows,
) -> None:
    """List a stretch's rows by number, in order, from ``out[start]`` on; its keys' numbers begin at ``base``."""
    if base > 0:
        for line in range(first, last):
            for entry in range((line << 4) + 10, (line << 4) + 15):
                if entries[entry] != 0:
                    entries[entry] += np.int32(base)
    for i in range(len(rows)):
        offsets[base + numbers[i]] += 1
    running = np.int32(start)
    for key in range(base, base + count):
        size = offsets[key]
        offsets[key] = running
        running += size
    for i in range(len(rows)):
        key = base + numbers[i]
        out[offsets[key]] = rows[i]
        offsets[key] += 1
    for key in range(base + count - 1, base, -1):
        offsets[key] = offsets[key - 1]
    if count > 0:
        offsets[base] = start


@kernel("void(const u64[], const u8[], i64, const u64[], const i32[], u64, u64, i32[])")
def _match_hashed(
    words: Words, bits: Bits, bit_offset: int, table: Words, entries: Rows, lines: int, region: int, out: Rows
) -> None:
    last = len(words) - AHEAD if len(table) > LARGE else 0
    for i in range(len(words)):
        if i < last:
            prefetch_read(table, np.int64(place_of(words[i + AHEAD], lines) << _KEY_SHIFT))
        line = line_of(table, entries, lines, region, np.int64(lines), words[i])
        entry = (line << _ENTRY_SHIFT) + _FIRST_ENTRY + key_in(table, line, words[i])
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
            prefetch_read(table, np.int64(place_of(words[i + AHEAD], lines) << _KEY_SHIFT))
        line = line_of(table, entries, lines, region, np.int64(lines), words[i])
        entry = entries[(line << _ENTRY_SHIFT) + _FIRST_ENTRY + key_in(table, line, words[i])]
        probe[k] = np.int32(i)
        build[k] = entry - np.int32(1)
        k += entry != 0 and not missing(bits, bit_offset + i)
    return k


class RowLists(NamedTuple):
    """Build rows by match: those of match ``m`` are ``rows[offsets[m]:offsets[m + 1]]``."""

    offsets: Rows
    rows: Rows


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
    words, bits, bit_offset
        The build side's keys and their validity.
    threads
        Threads to share the work with, or None.
    first
        Whether the first row of each key is enough.

    Attributes
    ----------
    lists
        Build rows by match; None where no key has two rows, and a match is the row itself.
    """

    def __init__(
        self, words: Words, bits: Bits, bit_offset: int, threads: Threads | None = None, *, first: bool = False
    ) -> None:
        self._first = first
        self.lists: RowLists | None = None
        self._low = 0
        self._slots: Rows | None = None
        self._hashed = _Hashed(np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int32), 0, 0)
        most = max(_DIRECT_SIZE, _DIRECT_PER_ROW * len(words))
        extent, size = (0, -1), 0
        for end in (min(_FIRST_ROWS, len(words)), len(words)):  # the first rows mostly tell that keys lie far apart
            extent = signed_extent(words[:end], bits, bit_offset) or (0, -1)
            size = extent[1] - extent[0] + 1
            if size > most:
                break
        if size <= most:
            self._low = extent[0]
            self._enter_direct(words, bits, bit_offset, size)
        elif not self._enter_hashed(words, bits, bit_offset, threads, _REGION_BITS):
            # The hash or the keys are so uneven that a region cannot hold its own: make it one region.
            self._enter_hashed(words, bits, bit_offset, None, _ONE_REGION_BITS)

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

    def _enter_direct(self, words: Words, bits: Bits, bit_offset: int, size: int) -> None:
        self._slots = np.full(size, -1, dtype=np.int32)
        if not fill_direct(words, bits, bit_offset, self._low, self._slots, self._first):
            return
        offsets = np.zeros(size + 1, dtype=np.int32)
        rows = np.empty(count_direct(words, bits, bit_offset, self._low, offsets), dtype=np.int32)
        list_direct(words, bits, bit_offset, self._low, offsets, self._slots, rows)
        self.lists = RowLists(offsets, rows)

    def _enter_hashed(
        self, words: Words, bits: Bits, bit_offset: int, threads: Threads | None, region_bits: int
    ) -> bool:
        """Enter all rows; return False where a region is too crowded for that."""
        wanted = len(words) * 2 // _ROWS_PER_TWO_LINES
        region_bits = min(wanted.bit_length(), region_bits)
        regions = max(1, -(-wanted >> region_bits))
        table = borrow_words(_LINE_WORDS * regions << region_bits)
        self._hashed = _Hashed(table, table.view(np.int32), regions << region_bits, (1 << region_bits) - 1)
        most = self._hashed.lines if regions == 1 else _MOST_LINES
        shared = threads is not None and len(words) >= _SHARED_ROWS
        count = min(threads.count, regions, _MOST_STRETCHES) if shared and threads is not None else 1
        stretches = [(first << region_bits, last << region_bits) for first, last in spans_of(regions, count)]
        rows_of = self._spread(words, bits, bit_offset, stretches, threads)

        def enter(stretch: int) -> tuple[Rows, int]:
            rows = rows_of(stretch)
            return rows, _enter_unique(words, rows, *self._hashed, most, self._first)

        entered = mapped(enter, range(count), threads)
        if any(count == _CROWDED for _, count in entered):
            return False
        if any(count < len(rows) for rows, count in entered):
            return self._list_hashed(words, stretches, entered, most, threads)
        return True

    def _spread(
        self, words: Words, bits: Bits, bit_offset: int, stretches: list[tuple[int, int]], threads: Threads | None
    ) -> Callable[[int], Rows]:
        """Clear the table; return what gives the valid rows whose keys belong in a stretch, in order."""
        table, lines = self._hashed.table, self._hashed.lines
        ends = np.array([last for _, last in stretches[:-1]], dtype=np.uint64)
        spans = spans_of(len(words), len(stretches))

        def spread(part: int) -> list[Rows]:
            first, last = stretches[part]
            table[_LINE_WORDS * first : _LINE_WORDS * last].view(np.uint8).fill(0)
            start, stop = spans[part]
            if len(stretches) == 1 and not len(bits):
                return [ascending(len(words))]
            found = np.empty((len(stretches), stop - start + 1), dtype=np.int32)
            counts = np.zeros(len(stretches), dtype=np.int64)
            _spread_rows(words[start:stop], bits, bit_offset + start, start, lines, ends, found, counts)
            return [found[stretch, : counts[stretch]] for stretch in range(len(stretches))]

        parts = mapped(spread, range(len(stretches)), threads)
        return lambda stretch: parts[0][0] if len(parts) == 1 else np.concatenate([part[stretch] for part in parts])

    def _list_hashed(
        self,
        words: Words,
        stretches: list[tuple[int, int]],
        entered: list[tuple[Rows, int]],
        most: int,
        threads: Threads | None,
    ) -> bool:
        """Give the keys numbers and list their rows; return False where a region is too crowded for that."""

        def number(found: tuple[Rows, int]) -> tuple[Rows, int]:
            rows, count = found
            numbers = np.empty(len(rows), dtype=np.int32)
            return numbers, _number_keys(words, rows, count, *self._hashed, most, numbers)

        numbered = mapped(number, entered, threads)
        if any(count == _CROWDED for _, count in numbered):
            return False
        bases = np.cumsum([0, *(count for _, count in numbered)])
        starts = np.cumsum([0, *(len(rows) for rows, _ in entered)])
        offsets = np.zeros(bases[-1] + 1, dtype=np.int32)
        offsets[-1] = starts[-1]
        listed = np.empty(starts[-1], dtype=np.int32)

        def place(part: int) -> None:
            (numbers, count), (rows, _) = numbered[part], entered[part]
            _list_rows(
                numbers, rows, starts[part], bases[part], count, self._hashed.entries, *stretches[part], offsets, listed
            )

        each(place, len(stretches), threads)
        self.lists = RowLists(offsets, listed)
        return True
