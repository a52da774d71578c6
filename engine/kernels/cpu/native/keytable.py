"""From 64-bit keys to the rows that have them: the table of a join's build side, made once, by several threads.

Keys in a dense range are found by their distance from the least of them. Others go into a hash table of (key, match
+ 1) pairs, which is cut into regions that fit a core's cache: the top of a key's hash names its region, and a search
wraps around inside it, so that threads fill regions without meeting, and a reader needs to know nothing of regions but
their size. The build side is first partitioned by region (Balkesen et al., "Main-memory hash joins on multi-core
CPUs", 2013).

A *match* is what a probe gets: the build row itself where no key has two of them, else the number of its key, under
which `RowLists` has the build rows in order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .arrays import Bits, Longs, Number, Rows, Words, missing, rows_out
from .compile import device, instruction, kernel
from .grouping import LARGE
from .packing import signed_extent
from .parallel import Threads, each, spans_of
from .reuse import borrow_words

prefetch_read = instruction("prefetch_read")

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_S32 = np.uint64(32)
_ONE = np.uint64(1)
_ZERO = np.uint64(0)
# An array over the keys' range may have so many entries whatever the number of rows, or so many for each row.
_DIRECT_SIZE = 1 << 18
_DIRECT_PER_ROW = 8
_FIRST_ROWS = 1 << 12
# Rows to come for which a table beyond the cache is prefetched: about as far as its latency reaches.
_AHEAD = 40
# Slots of a region: 512 KiB, a part of the second-level cache.
_REGION_BITS = 15
# Build rows from which threads pay off.
_SHARED_ROWS = 1 << 16


@device
def place_of(word: Number, places: Number) -> Number:
    """Return the place a word wants, of so many: 32 bits of a Fibonacci hash as a fraction of them (Lemire, 2019)."""
    return ((((word ^ (word >> _S32)) * _GOLDEN) >> _S32) * places) >> _S32


@device
def locate_in_region(table: Words, slots: Number, region: Number, word: Number) -> Number:
    """Return the position of the pair that holds ``word``, or of the empty one where it belongs."""
    slot = place_of(word, slots)
    while True:
        position = slot << _ONE
        if table[position + _ONE] == _ZERO or table[position] == word:
            return position
        slot = (slot & ~region) | ((slot + _ONE) & region)


@kernel("void(const u64[], const u8[], i64, i64, i64, u64, i64[])")
def _count_regions(
    words: Words, bits: Bits, bit_offset: int, start: int, stop: int, regions: int, counts: Longs
) -> None:
    for i in range(start, stop):
        if not missing(bits, bit_offset + i):
            counts[place_of(words[i], regions)] += 1


@kernel("void(const u64[], const u8[], i64, i64, i64, u64, i64[], u64[], i32[])")
def _scatter_regions(
    words: Words,
    bits: Bits,
    bit_offset: int,
    start: int,
    stop: int,
    regions: int,
    positions: Longs,
    out: Words,
    out_rows: Rows,
) -> None:
    for i in range(start, stop):
        if not missing(bits, bit_offset + i):
            region = place_of(words[i], regions)
            position = positions[region]
            positions[region] = position + 1
            out[np.uint64(position)] = words[i]
            out_rows[np.uint64(position)] = np.int32(i)


@kernel("i64(const u64[], const i32[], i64, i64, u64[], u64, u64, i64)")
def _fill_unique(
    words: Words, rows: Rows, start: int, stop: int, table: Words, slots: int, region: int, first: int
) -> int:
    """Enter the rows of a region; return 1 at the first key that is there already, unless only ``first`` rows count."""
    for i in range(start, stop):
        position = locate_in_region(table, slots, region, words[i])
        if table[position + _ONE] != _ZERO:
            if first:
                continue
            return 1
        table[position] = words[i]
        table[position + _ONE] = np.uint64(rows[i]) + _ONE
    return 0


@kernel("i64(const u64[], i64, i64, u64[], u64, u64, i32[])")
def _number_keys(words: Words, start: int, stop: int, table: Words, slots: int, region: int, numbers: Rows) -> int:
    """Give the keys of a region numbers from 0 on, in the order they are met; return how many there are."""
    count = 0
    for i in range(start, stop):
        position = locate_in_region(table, slots, region, words[i])
        found = table[position + _ONE]
        if found == _ZERO:
            count += 1
            found = np.uint64(count)
            table[position] = words[i]
            table[position + _ONE] = found
        numbers[i] = np.int32(found - _ONE)
    return count


@kernel("void(const i32[], const i32[], i64, i64, i64, i64, u64[], i64, i64, i32[], i32[])")
def _list_rows(
    numbers: Rows,
    rows: Rows,
    start: int,
    stop: int,
    base: int,
    count: int,
    table: Words,
    first: int,
    last: int,
    offsets: Rows,
    out: Rows,
) -> None:
    """Add ``base`` to a region's numbers in ``table[first:last]`` and list its rows by number, in order."""
    if base > 0:
        for position in range(first + 1, last, 2):
            if table[position] != _ZERO:
                table[position] += np.uint64(base)
    for i in range(start, stop):
        offsets[base + numbers[i]] += 1
    running = np.int32(start)
    for key in range(base, base + count):
        size = offsets[key]
        offsets[key] = running
        running += size
    for i in range(start, stop):
        key = base + numbers[i]
        out[offsets[key]] = rows[i]
        offsets[key] += 1
    for key in range(base + count - 1, base, -1):
        offsets[key] = offsets[key - 1]
    if count > 0:
        offsets[base] = start


@kernel("void(const u64[], const u8[], i64, const u64[], u64, u64, i32[])")
def _match_hashed(words: Words, bits: Bits, bit_offset: int, table: Words, slots: int, region: int, out: Rows) -> None:
    last = len(words) - _AHEAD if len(table) > LARGE else 0
    for i in range(len(words)):
        if i < last:
            prefetch_read(table, np.int64(place_of(words[i + _AHEAD], slots) << _ONE))
        if missing(bits, bit_offset + i):
            out[i] = np.int32(-1)
        else:
            position = locate_in_region(table, slots, region, words[i])
            out[i] = np.int32(table[position + _ONE]) - np.int32(1)


@kernel("i64(const u64[], const u8[], i64, u64, i32[], i64)")
def _fill_direct(words: Words, bits: Bits, bit_offset: int, low: int, slots: Rows, first: int) -> int:
    """Enter all rows into slots of -1; return 1 at the first key that is there already, unless ``first`` rows count."""
    last = len(words) - _AHEAD if len(slots) > LARGE else 0
    for i in range(len(words)):
        if i < last:
            prefetch_read(slots, np.int64(words[i + _AHEAD] - low))
        if not missing(bits, bit_offset + i):
            slot = words[i] - low
            if slots[slot] < 0:
                slots[slot] = np.int32(i)
            elif not first:
                return 1
    return 0


@kernel("i64(const u64[], const u8[], i64, u64, i32[])")
def _count_direct(words: Words, bits: Bits, bit_offset: int, low: int, offsets: Rows) -> int:
    """Count the rows of each slot, one place to the right; return how many rows there are."""
    total = 0
    for i in range(len(words)):
        if not missing(bits, bit_offset + i):
            offsets[words[i] - low + _ONE] += 1
            total += 1
    return total


@kernel("void(const u64[], const u8[], i64, u64, i32[], i32[], i32[])")
def _list_direct(words: Words, bits: Bits, bit_offset: int, low: int, offsets: Rows, slots: Rows, out: Rows) -> None:
    """List rows by slot, in order, from counts; a slot's entry is its own number, or -1 where it has no row."""
    for slot in range(len(slots)):
        slots[slot] = np.int32(slot) if offsets[slot + 1] > 0 else np.int32(-1)
        offsets[slot + 1] += offsets[slot]
    for i in range(len(words)):
        if not missing(bits, bit_offset + i):
            slot = words[i] - low
            out[offsets[slot]] = np.int32(i)
            offsets[slot] += 1
    for slot in range(len(slots), 0, -1):
        offsets[slot] = offsets[slot - 1]
    offsets[0] = 0


@kernel("void(const u64[], const u8[], i64, u64, const i32[], i32[])")
def _match_direct(words: Words, bits: Bits, bit_offset: int, low: int, slots: Rows, out: Rows) -> None:
    last = len(words) - _AHEAD if len(slots) > LARGE else 0
    size = np.uint64(len(slots))
    for i in range(len(words)):
        if i < last and words[i + _AHEAD] - low < size:
            prefetch_read(slots, np.int64(words[i + _AHEAD] - low))
        slot = words[i] - low
        if slot >= size or missing(bits, bit_offset + i):
            out[i] = np.int32(-1)
        else:
            out[i] = slots[slot]


class RowLists(NamedTuple):
    """Build rows by match: those of match ``m`` are ``rows[offsets[m]:offsets[m + 1]]``."""

    offsets: Rows
    rows: Rows


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
        self._table, self._capacity, self._region = np.zeros(0, dtype=np.uint64), 0, 0
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
        else:
            self._enter_hashed(words, bits, bit_offset, threads)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        listed = 0 if self.lists is None else self.lists.offsets.nbytes + self.lists.rows.nbytes
        return listed + self._table.nbytes + (0 if self._slots is None else self._slots.nbytes)

    def match(self, words: Words, bits: Bits, bit_offset: int, out: Rows | None = None) -> Rows:
        """Return the match of each key, -1 where there is none."""
        matches = rows_out(out, len(words))
        if self._slots is not None:
            _match_direct(words, bits, bit_offset, self._low, self._slots, matches)
        else:
            _match_hashed(words, bits, bit_offset, self._table, self._capacity, self._region, matches)
        return matches

    def _enter_direct(self, words: Words, bits: Bits, bit_offset: int, size: int) -> None:
        self._slots = np.full(size, -1, dtype=np.int32)
        if not _fill_direct(words, bits, bit_offset, self._low, self._slots, self._first):
            return
        offsets = np.zeros(size + 1, dtype=np.int32)
        rows = np.empty(_count_direct(words, bits, bit_offset, self._low, offsets), dtype=np.int32)
        _list_direct(words, bits, bit_offset, self._low, offsets, self._slots, rows)
        self.lists = RowLists(offsets, rows)

    def _enter_hashed(self, words: Words, bits: Bits, bit_offset: int, threads: Threads | None) -> None:
        regions, self._region = _layout(len(words))
        keys, rows, bounds = _by_region(words, bits, bit_offset, regions, threads)
        if regions > 1 and np.diff(bounds).max() > (self._region + 1) // 4 * 3:
            # The hash or the keys are so uneven that a region might not hold its own: make it one region.
            regions, self._region = 1, (1 << (2 * len(words)).bit_length()) - 1
            keys, rows, bounds = _by_region(words, bits, bit_offset, regions, threads)
        self._capacity = regions * (self._region + 1)
        self._table = borrow_words(2 * self._capacity)
        repeated = np.zeros(regions, dtype=np.bool_)

        def fill(region: int) -> None:
            start, stop = bounds[region], bounds[region + 1]
            self._clear(region)
            repeated[region] = _fill_unique(
                keys, rows, start, stop, self._table, self._capacity, self._region, self._first
            )

        fill(0)  # keys that are repeated mostly show in any region, before the others are filled for nothing
        if not repeated[0]:
            each(lambda region: fill(region + 1), regions - 1, threads)
        if repeated.any():
            self._list_hashed(keys, rows, bounds, threads)

    def _clear(self, region: int) -> None:
        size = 2 * (self._region + 1)
        self._table[region * size : (region + 1) * size] = 0

    def _list_hashed(self, keys: Words, rows: Rows, bounds: Longs, threads: Threads | None) -> None:
        regions = len(bounds) - 1
        numbers = np.empty(len(keys), dtype=np.int32)
        counts = np.zeros(regions, dtype=np.int64)

        def number(region: int) -> None:
            start, stop = bounds[region], bounds[region + 1]
            self._clear(region)
            counts[region] = _number_keys(keys, start, stop, self._table, self._capacity, self._region, numbers)

        each(number, regions, threads)
        bases = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])
        offsets = np.zeros(bases[-1] + 1, dtype=np.int32)
        offsets[-1] = len(keys)
        listed = np.empty(len(keys), dtype=np.int32)
        size = 2 * (self._region + 1)

        def place(region: int) -> None:
            start, stop = bounds[region], bounds[region + 1]
            first = region * size
            _list_rows(
                numbers, rows, start, stop, bases[region], counts[region],
                self._table, first, first + size, offsets, listed,
            )  # fmt: skip

        each(place, regions, threads)
        self.lists = RowLists(offsets, listed)


def _layout(rows: int) -> tuple[int, int]:
    """Return how many regions hold so many rows, three eighths full, and the mask of a slot's place in its region.

    The less a table is filled, the rarer are the second looks, whose branches are guessed wrong; that weighs more than
    its size does.
    """
    wanted = max(rows * 8 // 3, 1)
    bits = min(wanted.bit_length(), _REGION_BITS)
    return -(-wanted >> bits), (1 << bits) - 1


def _by_region(
    words: Words, bits: Bits, bit_offset: int, regions: int, threads: Threads | None
) -> tuple[Words, Rows, Longs]:
    """Return the valid keys and their rows, region by region and in row order within each, and the regions' bounds."""
    cuts = spans_of(len(words), 8 if threads is not None and len(words) >= _SHARED_ROWS else 1)
    counts = np.zeros((len(cuts), regions), dtype=np.int64)

    def count(part: int) -> None:
        _count_regions(words, bits, bit_offset, *cuts[part], regions, counts[part])

    each(count, len(cuts), threads)
    starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts.T.reshape(-1))])
    positions = starts[:-1].reshape(regions, len(cuts)).T.copy()
    keys, rows = np.empty(starts[-1], dtype=np.uint64), np.empty(starts[-1], dtype=np.int32)

    def scatter(part: int) -> None:
        _scatter_regions(words, bits, bit_offset, *cuts[part], regions, positions[part], keys, rows)

    each(scatter, len(cuts), threads)
    return keys, rows, np.ascontiguousarray(starts[:: len(cuts)])
