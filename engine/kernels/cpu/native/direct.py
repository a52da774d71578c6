"""Rows under keys of a dense range, found by their distance from the least: the simpler of a join's two tables."""

from __future__ import annotations

import numpy as np

from .arrays import Bits, Rows, Words, missing
from .compile import instruction, kernel
from .grouping import LARGE

prefetch_read = instruction("prefetch_read")

AHEAD = 64
"""Rows to come for which a table beyond the cache is prefetched: about as far as its latency reaches."""
_ONE = np.uint64(1)


@kernel("i64(const u64[], const u8[], i64, i64, u64, i32[], i64)")
def fill_direct(words: Words, bits: Bits, bit_offset: int, start: int, low: int, slots: Rows, first: int) -> int:
    """Enter rows, from number ``start`` on, into slots that are -1 at first.

    Return 1 at the first key that is there already, unless ``first`` rows count.
    """
    last = len(words) - AHEAD if len(slots) > LARGE else 0
    for i in range(len(words)):
        if i < last:
            prefetch_read(slots, np.int64(words[i + AHEAD] - low))
        if not missing(bits, bit_offset + i):
            slot = words[i] - low
            if slots[slot] < 0:
                slots[slot] = np.int32(start + i)
            elif not first:
                return 1
    return 0


@kernel("i64(const u64[], const u8[], i64, u64, i32[])")
def count_direct(words: Words, bits: Bits, bit_offset: int, low: int, offsets: Rows) -> int:
    """Count the rows of each slot, one place to the right; return how many rows there are."""
    total = 0
    for i in range(len(words)):
        if not missing(bits, bit_offset + i):
            offsets[words[i] - low + _ONE] += 1
            total += 1
    return total


@kernel("void(i32[], i32[])")
def begin_lists(offsets: Rows, slots: Rows) -> None:
    """Turn counts into where each slot's rows begin; a slot's entry is its own number, or -1 where it has no row."""
    for slot in range(len(slots)):
        slots[slot] = np.int32(slot) if offsets[slot + 1] > 0 else np.int32(-1)
        offsets[slot + 1] += offsets[slot]


@kernel("void(const u64[], const u8[], i64, i64, u64, i32[], i32[])")
def list_direct(words: Words, bits: Bits, bit_offset: int, start: int, low: int, offsets: Rows, out: Rows) -> None:
    """List rows, from number ``start`` on, by slot; ``offsets`` tell where the next of each slot goes."""
    for i in range(len(words)):
        if not missing(bits, bit_offset + i):
            slot = words[i] - low
            out[offsets[slot]] = np.int32(start + i)
            offsets[slot] += 1


@kernel("void(i32[])")
def end_lists(offsets: Rows) -> None:
    """Turn where the next row of each slot would go into where each slot's rows begin."""
    for slot in range(len(offsets) - 1, 0, -1):
        offsets[slot] = offsets[slot - 1]
    offsets[0] = 0


@kernel("void(const u64[], const u8[], i64, u64, const i32[], i32[])")
def match_direct(words: Words, bits: Bits, bit_offset: int, low: int, slots: Rows, out: Rows) -> None:
    """Return what the slot of each key holds, -1 for a key that is missing or outside of the range."""
    last = len(words) - AHEAD if len(slots) > LARGE else 0
    size = np.uint64(len(slots))
    for i in range(len(words)):
        if i < last and words[i + AHEAD] - low < size:
            prefetch_read(slots, np.int64(words[i + AHEAD] - low))
        slot = words[i] - low
        if slot >= size or missing(bits, bit_offset + i):
            out[i] = np.int32(-1)
        else:
            out[i] = slots[slot]


@kernel("i64(const u64[], const u8[], i64, u64, const i32[], i32[], i32[])")
def join_direct(words: Words, bits: Bits, bit_offset: int, low: int, slots: Rows, probe: Rows, build: Rows) -> int:
    """List the rows whose keys are there, and what their slots hold; return how many there are."""
    k = 0
    last = len(words) - AHEAD if len(slots) > LARGE else 0
    size = np.uint64(len(slots))
    for i in range(len(words)):
        if i < last and words[i + AHEAD] - low < size:
            prefetch_read(slots, np.int64(words[i + AHEAD] - low))
        slot = words[i] - low
        if slot < size and not missing(bits, bit_offset + i):
            probe[k] = np.int32(i)
            build[k] = slots[slot]
            k += slots[slot] >= 0
    return k
