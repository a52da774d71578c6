"""Grouped aggregates: add one batch of values to per-group state arrays.

Every kernel takes ``ids`` (group of each row; rows with -1 are left out), values, a validity bitmap with its bit offset
(`NO_BITS` where nothing is null), and state arrays that the caller owns, initialises and enlarges. Merging two partial
states is the same operation with the mapping of one side's groups as ``ids``; where it is not, there is a merge kernel.

Initial states: counts, sums, moments 0; `min_i64` the greatest int64, `max_i64` the least, `extreme_i128` likewise;
`min_f64` NaN, `max_f64` -inf. A group without valid values is known by its count, not by its state.
"""

from __future__ import annotations

import numpy as np

from .arrays import Bits, Doubles, Longs, Number, Rows, bit, missing, read_ahead
from .compile import device, instruction, kernel

prefetch_write = instruction("prefetch_write")

_S63 = np.int64(63)

# States beyond the second-level cache (in elements) are prefetched for the row this far ahead.
_LARGE = 1 << 16
_AHEAD = 24

SUM_LANES = 32
"""Sums at a time of rows that are all of one group."""


@device
def reach(ids: Rows, i: Number, last: Number, state: Longs | Doubles, width: Number) -> None:
    """Prefetch the state, of so many elements per group, of a row to come; ``last`` is 0 for small states."""
    if i < last:
        prefetch_write(state, np.int64(max(ids[i + _AHEAD], np.int32(0))) * width)


@kernel("void(const i32[], i32[])")
def split_lanes(ids: Rows, out: Rows) -> None:
    """Split each group in four, which rows go to in turn: group g is 4 * g to 4 * g + 3. What is -1 stays negative."""
    for i in range(len(ids)):
        out[i] = ids[i] * np.int32(4) + np.int32(i & 3)


@kernel("void(const i32[], const u8[], i64, i64[])")
def count_valid(ids: Rows, bits: Bits, bit_offset: int, counts: Longs) -> None:
    """Count the non-null rows of each group; all rows where there is no bitmap."""
    last = len(ids) - _AHEAD if counts.size > _LARGE else 0
    if len(bits) == 0:
        for i in range(len(ids)):
            reach(ids, i, last, counts, 1)
            if ids[i] >= 0:
                counts[np.uint32(ids[i])] += 1
    else:
        for i in range(len(ids)):
            reach(ids, i, last, counts, 1)
            if ids[i] >= 0 and bit(bits, bit_offset + i):
                counts[np.uint32(ids[i])] += 1


@kernel("void(i64[])")
def zero_counts(counts: Longs) -> None:
    """Begin anew."""
    for i in range(len(counts)):
        counts[i] = 0


@kernel("void(const i32[], const u8[], i64, u8[])")
def mark_groups(ids: Rows, bits: Bits, bit_offset: int, flags: Bits) -> None:
    """Set the flag of each group that has a non-null row; any row where there is no bitmap."""
    if len(bits) == 0:
        for i in range(len(ids)):
            if ids[i] >= 0:
                flags[np.uint32(ids[i])] = 1
    else:
        for i in range(len(ids)):
            if ids[i] >= 0 and bit(bits, bit_offset + i):
                flags[np.uint32(ids[i])] = 1


@kernel("bool(const i32[], const i64[], const u8[], i64, i64[])")
def sum_i64(ids: Rows, values: Longs, bits: Bits, bit_offset: int, sums: Longs) -> bool:
    """Add integers to 64-bit sums; return whether any partial sum overflowed (the sums are then worthless)."""
    overflow = np.int64(0)
    last = len(ids) - _AHEAD if sums.size > _LARGE else 0
    if len(bits) == 0:
        for i in range(len(ids)):
            reach(ids, i, last, sums, 1)
            read_ahead(values, i)
            if ids[i] >= 0:
                group = np.uint32(ids[i])
                before = sums[group]
                after = before + values[i]
                overflow |= (before ^ after) & (values[i] ^ after)
                sums[group] = after
    else:
        for i in range(len(ids)):
            reach(ids, i, last, sums, 1)
            read_ahead(values, i)
            if ids[i] >= 0 and bit(bits, bit_offset + i):
                group = np.uint32(ids[i])
                before = sums[group]
                after = before + values[i]
                overflow |= (before ^ after) & (values[i] ^ after)
                sums[group] = after
    return bool(overflow < 0)


@device
def add_wide(sums: Longs, group: Number, low: Number, high: Number) -> Number:
    """Add the 128-bit integer (low word, high word) to ``sums[group]``; return whether it overflowed."""
    before_low = np.uint64(sums[group, 0])
    after_low = before_low + np.uint64(low)
    carry = np.int64(after_low < before_low)
    before = sums[group, 1]
    after = before + high + carry
    sums[group, 0] = np.int64(after_low)
    sums[group, 1] = after
    return ((before ^ after) & (high ^ after)) < 0


@kernel("void(const i32[], const i64[], const u8[], i64, i64[,])")
def sum_i64_wide(ids: Rows, values: Longs, bits: Bits, bit_offset: int, sums: Longs) -> None:
    """Add integers to 128-bit sums, shape (groups, 2), low word first: exact for any 2^63 rows."""
    last = len(ids) - _AHEAD if sums.size > _LARGE else 0
    for i in range(len(ids)):
        reach(ids, i, last, sums, 2)
        read_ahead(values, i)
        if ids[i] >= 0 and not missing(bits, bit_offset + i):
            add_wide(sums, np.uint32(ids[i]), values[i], values[i] >> _S63)


@kernel("bool(const i32[], const i64[,], const u8[], i64, i64[,])")
def sum_i128(ids: Rows, values: Longs, bits: Bits, bit_offset: int, sums: Longs) -> bool:
    """Add 128-bit integers, shape (n, 2), low word first, to 128-bit sums; return whether any sum overflowed."""
    overflow = False
    last = len(ids) - _AHEAD if sums.size > _LARGE else 0
    for i in range(len(ids)):
        reach(ids, i, last, sums, 2)
        read_ahead(values, 2 * i)
        if ids[i] >= 0 and not missing(bits, bit_offset + i):
            overflow |= add_wide(sums, np.uint32(ids[i]), values[i, 0], values[i, 1])
    return overflow


@kernel("void(const i64[], i64[,])")
def total_i64(values: Longs, out: Longs) -> None:
    """Write the 128-bit sum of at most 2**31 integers to ``out``, shape (1, 2), low word first."""
    low = np.int64(0)
    high = np.int64(0)
    for i in range(len(values)):
        low += values[i] & 0xFFFFFFFF
        high += values[i] >> 32
    shifted = np.uint64(high) << np.uint64(32)
    word = shifted + np.uint64(low)
    out[0, 0] = np.int64(word)
    out[0, 1] = (high >> 32) + np.int64(word < shifted)


@device
def add_compensated(sums: Doubles, group: Number, value: Number) -> None:
    """Add to a sum and keep what rounding lost (Knuth's TwoSum)."""
    before = sums[group, 0]
    after = before + value
    part = after - before
    sums[group, 0] = after
    sums[group, 1] += (before - (after - part)) + (value - part)


@kernel("void(const i32[], const f64[], const u8[], i64, f64[,])")
def sum_f64(ids: Rows, values: Doubles, bits: Bits, bit_offset: int, sums: Doubles) -> None:
    """Add floats to compensated sums, shape (groups, 2): running sum and the error it has lost.

    Compensation (Knuth, TAOCP 2, 4.2.2, theorem B) makes sums independent of batch and partition borders to about one
    unit in the last place. `total_f64` gives the value.
    """
    last = len(ids) - _AHEAD if sums.size > _LARGE else 0
    if len(bits) == 0:
        for i in range(len(ids)):
            reach(ids, i, last, sums, 2)
            read_ahead(values, i)
            if ids[i] >= 0:
                add_compensated(sums, np.uint32(ids[i]), values[i])
    else:
        for i in range(len(ids)):
            reach(ids, i, last, sums, 2)
            read_ahead(values, i)
            if ids[i] >= 0 and bit(bits, bit_offset + i):
                add_compensated(sums, np.uint32(ids[i]), values[i])


@kernel("void(const i32[], const f64[], f64[,], i64[])")
def count_and_sum_f64(ids: Rows, values: Doubles, sums: Doubles, counts: Longs) -> None:
    """Do `count_valid` and `sum_f64` of values without nulls in one pass."""
    last = len(ids) - _AHEAD if sums.size > _LARGE else 0
    for i in range(len(ids)):
        if i < last:
            group = np.int64(max(ids[i + _AHEAD], np.int32(0)))
            prefetch_write(sums, group << 1)
            prefetch_write(counts, group)
        read_ahead(values, i)
        if ids[i] >= 0:
            add_compensated(sums, np.uint32(ids[i]), values[i])
            counts[np.uint32(ids[i])] += 1


@device
def add_to_lane(lanes: Doubles, lane: Number, value: Number) -> None:
    """Do what `add_compensated` does where all sums stand before all errors, which vectors of them need."""
    before = lanes[0, lane]
    after = before + value
    part = after - before
    lanes[0, lane] = after
    lanes[1, lane] += (before - (after - part)) + (value - part)


@device
def add_to_lanes(values: Doubles, lanes: Doubles) -> None:
    """Do what `sum_lanes_f64` does."""
    whole = len(values) - len(values) % SUM_LANES
    for i in range(0, whole, SUM_LANES):
        for lane in range(SUM_LANES):
            add_to_lane(lanes, lane, values[i + lane])
    for i in range(whole, len(values)):
        add_to_lane(lanes, i - whole, values[i])


@kernel("void(const f64[], f64[,])")
def sum_lanes_f64(values: Doubles, lanes: Doubles) -> None:
    """Add floats in turn to `SUM_LANES` compensated sums, shape (2, lanes), of which none waits for another."""
    add_to_lanes(values, lanes)


@kernel("void(const f64[], f64[,], f64[,], f64[])")
def whole_sum_f64(values: Doubles, lanes: Doubles, sums: Doubles, out: Doubles) -> None:
    """Return the sum of all floats: what `sum_lanes_f64`, `merge_sum_f64` and `total_f64` make, of sums that are 0."""
    add_to_lanes(values, lanes)
    for lane in range(SUM_LANES):
        add_compensated(sums, 0, lanes[0, lane])
        sums[0, 1] += lanes[1, lane]
    total = sums[0, 0]
    out[0] = total + sums[0, 1] if np.isfinite(total) else total


@kernel("void(const i32[], const f64[,], f64[,])")
def merge_sum_f64(ids: Rows, other: Doubles, sums: Doubles) -> None:
    """Add another table's compensated sums, whose group ``g`` is group ``ids[g]`` here."""
    for g in range(len(ids)):
        if ids[g] >= 0:
            add_compensated(sums, np.uint32(ids[g]), other[g, 0])
            sums[np.uint32(ids[g]), 1] += other[g, 1]


@kernel("void(const f64[,], f64[])")
def total_f64(sums: Doubles, out: Doubles) -> None:
    """Return the values of compensated sums; infinities and NaN as IEEE addition gives them."""
    for g in range(len(out)):
        total = sums[g, 0]
        out[g] = total + sums[g, 1] if np.isfinite(total) else total


@kernel("void(const i32[], const i64[], const u8[], i64, i64[])")
def min_i64(ids: Rows, values: Longs, bits: Bits, bit_offset: int, state: Longs) -> None:
    """Keep the least integer of each group."""
    last = len(ids) - _AHEAD if state.size > _LARGE else 0
    for i in range(len(ids)):
        reach(ids, i, last, state, 1)
        read_ahead(values, i)
        if ids[i] >= 0 and not missing(bits, bit_offset + i) and values[i] < state[np.uint32(ids[i])]:
            state[np.uint32(ids[i])] = values[i]


@kernel("void(const i32[], const i64[], const u8[], i64, i64[])")
def max_i64(ids: Rows, values: Longs, bits: Bits, bit_offset: int, state: Longs) -> None:
    """Keep the greatest integer of each group."""
    last = len(ids) - _AHEAD if state.size > _LARGE else 0
    for i in range(len(ids)):
        reach(ids, i, last, state, 1)
        read_ahead(values, i)
        if ids[i] >= 0 and not missing(bits, bit_offset + i) and values[i] > state[np.uint32(ids[i])]:
            state[np.uint32(ids[i])] = values[i]


@kernel("void(const i32[], const i64[,], const u8[], i64, bool, i64[,])")
def extreme_i128(
    ids: Rows,
    values: Longs,
    bits: Bits,
    bit_offset: int,
    greatest: bool,  # noqa: FBT001 - kernels take positions only
    state: Longs,
) -> None:
    """Keep the least or greatest 128-bit integer of each group, shape (groups, 2), low word first."""
    last = len(ids) - _AHEAD if state.size > _LARGE else 0
    for i in range(len(ids)):
        reach(ids, i, last, state, 2)
        read_ahead(values, 2 * i)
        if ids[i] >= 0 and not missing(bits, bit_offset + i):
            group = np.uint32(ids[i])
            low, high = np.uint64(values[i, 0]), values[i, 1]
            if high == state[group, 1]:
                known = np.uint64(state[group, 0])
                better = low > known if greatest else low < known
            else:
                better = (high > state[group, 1]) == greatest
            if better:
                state[group, 0], state[group, 1] = values[i, 0], high


@kernel("void(const i32[], const f64[], const u8[], i64, f64[])")
def min_f64(ids: Rows, values: Doubles, bits: Bits, bit_offset: int, state: Doubles) -> None:
    """Keep the least float of each group; NaN is greater than every number."""
    last = len(ids) - _AHEAD if state.size > _LARGE else 0
    for i in range(len(ids)):
        reach(ids, i, last, state, 1)
        read_ahead(values, i)
        if ids[i] >= 0 and not missing(bits, bit_offset + i):
            least = state[np.uint32(ids[i])]
            if values[i] < least or np.isnan(least):
                state[np.uint32(ids[i])] = values[i]


@kernel("void(const i32[], const f64[], const u8[], i64, f64[])")
def max_f64(ids: Rows, values: Doubles, bits: Bits, bit_offset: int, state: Doubles) -> None:
    """Keep the greatest float of each group; NaN is greater than every number."""
    last = len(ids) - _AHEAD if state.size > _LARGE else 0
    for i in range(len(ids)):
        reach(ids, i, last, state, 1)
        read_ahead(values, i)
        if ids[i] >= 0 and not missing(bits, bit_offset + i):
            greatest = state[np.uint32(ids[i])]
            state[np.uint32(ids[i])] = values[i] if values[i] > greatest or np.isnan(values[i]) else greatest


@kernel("void(const i32[], const u8[], i64, i32[])")
def first_row(ids: Rows, bits: Bits, bit_offset: int, rows: Rows) -> None:
    """Keep the first valid row of this batch for each group, for values of any type; ``rows`` starts at -1."""
    for i in range(len(ids)):
        if ids[i] >= 0 and rows[np.uint32(ids[i])] < 0 and not missing(bits, bit_offset + i):
            rows[np.uint32(ids[i])] = np.int32(i)


@kernel("void(const i32[], const f64[], const u8[], i64, f64[,])")
def moments_f64(ids: Rows, values: Doubles, bits: Bits, bit_offset: int, state: Doubles) -> None:
    """Update count, mean and sum of squared deviations, shape (groups, 3) (Welford 1962)."""
    last = len(ids) - _AHEAD if state.size > _LARGE else 0
    for i in range(len(ids)):
        reach(ids, i, last, state, 3)
        read_ahead(values, i)
        if ids[i] >= 0 and not missing(bits, bit_offset + i):
            group = np.uint32(ids[i])
            count = state[group, 0] + 1.0
            delta = values[i] - state[group, 1]
            mean = state[group, 1] + delta / count
            state[group, 0] = count
            state[group, 1] = mean
            state[group, 2] += delta * (values[i] - mean)


@kernel("void(const i32[], const f64[], const f64[], const u8[], i64, f64[,])")
def comoments_f64(ids: Rows, first: Doubles, second: Doubles, bits: Bits, bit_offset: int, state: Doubles) -> None:
    """Update count, two means, two sums of squared deviations and that of their products, shape (groups, 6).

    As Welford (1962) does for one variable; of pairs by Bennett et al. (2009).
    """
    last = len(ids) - _AHEAD if state.size > _LARGE else 0
    for i in range(len(ids)):
        reach(ids, i, last, state, 6)
        if ids[i] >= 0 and not missing(bits, bit_offset + i):
            group = np.uint32(ids[i])
            count = state[group, 0] + 1.0
            near, far = first[i] - state[group, 1], second[i] - state[group, 2]
            mean, other = state[group, 1] + near / count, state[group, 2] + far / count
            state[group, 0] = count
            state[group, 1] = mean
            state[group, 2] = other
            state[group, 3] += near * (first[i] - mean)
            state[group, 4] += far * (second[i] - other)
            state[group, 5] += near * (second[i] - other)


@kernel("void(const i32[], const f64[,], f64[,])")
def merge_moments(ids: Rows, other: Doubles, state: Doubles) -> None:
    """Merge another table's moments, whose group ``g`` is group ``ids[g]`` here (Chan, Golub, LeVeque 1979)."""
    for g in range(len(ids)):
        if ids[g] >= 0 and other[g, 0] > 0.0:
            group = np.uint32(ids[g])
            count = state[group, 0] + other[g, 0]
            delta = other[g, 1] - state[group, 1]
            state[group, 2] += other[g, 2] + delta * delta * (state[group, 0] * other[g, 0] / count)
            state[group, 1] += delta * (other[g, 0] / count)
            state[group, 0] = count
