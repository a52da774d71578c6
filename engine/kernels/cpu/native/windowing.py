"""Windows over rows that lie partition by partition in order: spans of equal rows, and aggregates over frames.

A frame is a half-open run ``[lows[i], highs[i])`` of sorted positions, empty where the low is not below the high. What
is computed over frames accumulates into its output, so that a frame of several runs takes one call for each. Sums of
integers are differences of prefix sums; floats and extremes, where a difference is wrong or does not exist, use a
segment tree (an implicit one of ``2 n`` nodes, leaves last), or one pass where all frames of a partition start alike.
"""

from __future__ import annotations

import numpy as np

from .arrays import Bits, Doubles, Longs, Number, Rows, Words
from .compile import device, instruction, kernel

count_lesser = instruction("count_lesser")
prefetch_read = instruction("prefetch_read")
prefetch_write = instruction("prefetch_write")

_LOW_HALF = 0xFFFFFFFF
_SHORT = 16
# Rows of a group up to which their places are counted.
_COUNTED = 192
_LANES = 8
SPARE_KEYS, SCRATCH_WORDS = _LANES, _LANES + _COUNTED
# Rows that values are asked for ahead.
_AHEAD = 32


@kernel("void(const u64[], const i32[], u8[])")
def mark_changes(words: Words, rows: Rows, changed: Bits) -> None:
    """Set the flag of each sorted position whose word differs from that of the position before."""
    if len(rows) == 0:
        return
    before = words[np.uint64(rows[0])]
    for i in range(1, len(rows)):
        word = words[np.uint64(rows[i])]
        if word != before:
            changed[i] = np.uint8(1)
        before = word


@kernel("void(const i32[], const u64[], i64[], i32[], u64[])")
def spread_groups(ids: Rows, words: Words, places: Longs, rows: Rows, keys: Words) -> None:
    """Write each row and its word to the next place of its group."""
    for i in range(len(ids)):
        place = places[np.uint32(ids[i])]
        rows[place] = np.int32(i)
        keys[place] = words[i]
        places[np.uint32(ids[i])] = place + 1


@device
def insert_in_order(keys: Words, rows: Rows, start: Number, stop: Number) -> None:
    """Sort a short run by keys, stably, by insertion."""
    for i in range(start + 1, stop):
        key, row, hole = keys[i], rows[i], i
        while hole > start and keys[hole - 1] > key:
            keys[hole], rows[hole] = keys[hole - 1], rows[hole - 1]
            hole -= 1
        keys[hole], rows[hole] = key, row


@device
def merge_runs(
    keys: Words, rows: Rows, start: Number, middle: Number, stop: Number, new_keys: Words, new_rows: Rows
) -> None:
    """Merge two neighbouring sorted runs into the same positions of other arrays, stably."""
    left, right = start, middle
    for position in range(start, stop):
        if right >= stop or (left < middle and keys[left] <= keys[right]):
            new_keys[position], new_rows[position] = keys[left], rows[left]
            left += 1
        else:
            new_keys[position], new_rows[position] = keys[right], rows[right]
            right += 1


@device
def sort_long(keys: Words, rows: Rows, start: Number, stop: Number, spare_keys: Words, spare_rows: Rows) -> None:
    """Sort the rows of a group by their keys, stably: short runs by insertion, then merged twice a turn."""
    for run in range(start, stop, _SHORT):
        insert_in_order(keys, rows, run, min(run + _SHORT, stop))
    width = np.int64(_SHORT)
    while width < stop - start:
        for run in range(start, stop, 2 * width):
            middle, end = min(run + width, stop), min(run + 2 * width, stop)
            merge_runs(keys, rows, run, middle, end, spare_keys, spare_rows)
        width *= 2
        for run in range(start, stop, 2 * width):
            middle, end = min(run + width, stop), min(run + 2 * width, stop)
            merge_runs(spare_keys, spare_rows, run, middle, end, keys, rows)
        width *= 2


@device
def place_counted(
    keys: Words, rows: Rows, start: Number, stop: Number, counts: Words, taken: Words, out: Rows, begins: Bits
) -> None:
    """Write the rows of a short group to their places, stably: as many as keys that are less, and equal ones before.

    There are no decisions in this that the processor could guess wrong, as there are in a sort.
    """
    for k in range(stop - start):
        taken[k] = np.uint64(0)
    for block in range(start, stop, _LANES):
        count_lesser(keys, start, stop - start, block, counts)
        for i in range(block, min(block + _LANES, stop)):
            place = counts[np.uint64(i - block)]
            begins[np.uint64(start) + place] = np.uint8(1)
            out[np.uint64(start) + place + taken[place]] = rows[i]
            taken[place] += np.uint64(1)


@device
def sort_group(
    keys: Words,
    rows: Rows,
    start: Number,
    stop: Number,
    spare_keys: Words,
    out: Rows,
    begins: Bits,
    scratch: Words,
) -> None:
    """Do for one group what `sort_groups` does for all."""
    if stop - start <= _COUNTED:
        place_counted(keys, rows, start, stop, scratch[:_LANES], scratch[_LANES:], out, begins)
        return
    sort_long(keys, rows, start, stop, spare_keys, out)
    for i in range(start, stop):
        out[i] = rows[i]
        begins[i] |= np.uint8(i == start or keys[i] != keys[i - 1])


@kernel("void(const i64[], u64[], i32[], u64[], i32[], u8[], u64[])")
def sort_groups(
    offsets: Longs, keys: Words, rows: Rows, spare_keys: Words, out: Rows, begins: Bits, scratch: Words
) -> None:
    """Write the rows of each group in the stable order of their keys; set the flags of those whose key is a new one.

    Behind ``keys`` is memory for `SPARE_KEYS` more, and ``scratch`` has room for `SCRATCH_WORDS`. What becomes of
    ``keys``, ``rows`` and ``spare_keys`` means nothing.
    """
    for group in range(len(offsets) - 1):
        sort_group(keys, rows, offsets[group], offsets[group + 1], spare_keys, out, begins, scratch)


@kernel("void(const i32[], i64, u64[])")
def add_groups(ids: Rows, shift: int, out: Words) -> None:
    """Add the number of each row's group, shifted left, to packed words."""
    for i in range(len(ids)):
        out[i] += np.uint64(ids[i]) << np.uint64(shift)


@kernel("void(const i32[], const u8[], const u8[], i64, i64[])")
def write_ranks(rows: Rows, partitions: Bits, peers: Bits, by_rows: int, out: Longs) -> None:
    """Write to each row its rank in its partition, or its number (``by_rows``); flags say where partitions begin."""
    start, place = 0, 0
    last = len(rows) - _AHEAD
    for i in range(len(rows)):
        if i < last:
            prefetch_write(out, np.int64(rows[i + _AHEAD]))
        if partitions[i] != np.uint8(0):
            start = i
        if by_rows != 0 or peers[i] != np.uint8(0):
            place = i
        out[np.uint64(rows[i])] = place - start + 1


@kernel("void(const u8[], i32[], i32[])")
def spans(changed: Bits, starts: Rows, ends: Rows) -> None:
    """Write where each position's span starts and ends; flags say where one starts, and the first position does."""
    n = len(changed)
    start = 0
    for i in range(n):
        if i > 0 and changed[i] != np.uint8(0):
            for k in range(start, i):
                ends[k] = i
            start = i
        starts[i] = start
    for k in range(start, n):
        ends[k] = n


@kernel("void(const i32[], const i32[], i64, i32[])")
def rows_away(starts: Rows, ends: Rows, distance: int, found: Rows) -> None:
    """Write the position so many rows after each, kept within its span."""
    for i in range(len(starts)):
        found[i] = min(max(i + distance, starts[i]), ends[i])


@kernel(
    "void(const i64[], const i32[], i64[])",
    "void(const i32[], const i32[], i32[])",
    "void(const f64[], const i32[], f64[])",
)
def scatter(values: Longs, rows: Rows, out: Longs) -> None:
    """Write each value to its row."""
    for i in range(len(rows)):
        out[np.uint64(rows[i])] = values[i]


@kernel("void(const u64[], const u64[], const i32[], const i32[], i64, i32[])")
def search_sorted(keys: Words, limits: Words, starts: Rows, ends: Rows, after: int, found: Rows) -> None:
    """Write the first position of ``[starts[i], ends[i])`` whose key is not below (``after`` 1: is above) the limit.

    Keys ascend within each run. Limits mostly do, so that the search goes on from where the one before ended.
    """
    at = 0
    for i in range(len(limits)):
        start, end, limit = starts[i], ends[i], limits[i]
        at = min(max(at, start), end)
        while at > start and (keys[at - 1] > limit or (after == 0 and keys[at - 1] == limit)):
            at -= 1
        while at < end and (keys[at] < limit or (after != 0 and keys[at] == limit)):
            at += 1
        found[i] = at


@kernel("void(const i64[], i64[], i64[])")
def prefix_sums(values: Longs, low: Longs, high: Longs) -> None:
    """Sum the lower and the upper half of each value up to every position; ``low[0]`` and ``high[0]`` are 0.

    Kept apart, the halves cannot overflow.
    """
    low[0] = 0
    high[0] = 0
    for i in range(len(values)):
        low[i + 1] = low[i] + (values[i] & _LOW_HALF)
        high[i + 1] = high[i] + (values[i] >> 32)


@kernel("void(const i64[], const i32[], const i32[], i64[])")
def add_differences(prefix: Longs, lows: Rows, highs: Rows, total: Longs) -> None:
    """Add what a prefix sum gained over each frame."""
    for i in range(len(lows)):
        if lows[i] < highs[i]:
            total[i] += prefix[highs[i]] - prefix[lows[i]]


@kernel("i64(i64[], i64[])")
def join_halves(low: Longs, high: Longs) -> int:
    """Make ``(high, low)`` a 128-bit number of two words, ``low`` the lower; return how many do not fit 64 bits."""
    wide = 0
    for i in range(len(low)):
        upper = high[i] + (low[i] >> 32)
        value = (upper << 32) | (low[i] & _LOW_HALF)
        sign = upper >> 32
        if sign != (value >> 63):
            wide += 1
        low[i] = value
        high[i] = sign
    return wide


@kernel("void(const f64[], const i32[], const i32[], f64[])")
def running_sums(values: Doubles, lows: Rows, highs: Rows, total: Doubles) -> None:
    """Sum each frame, where frames of a partition start alike and hardly ever shrink; compensated (Neumaier 1974)."""
    begun, at, held, lost = np.int64(-1), np.int64(0), 0.0, 0.0
    for i in range(len(lows)):
        if lows[i] != begun or highs[i] < at:
            begun, at, held, lost = np.int64(lows[i]), np.int64(lows[i]), 0.0, 0.0
        while at < highs[i]:
            value = values[at]
            both = held + value
            lost += (held - both) + value if abs(held) >= abs(value) else (value - both) + held
            held = both
            at += 1
        total[i] += held + lost if np.isfinite(lost) else held


@device
def is_last_peer(peers: Bits, by_rows: Number, i: Number) -> Number:
    """Return whether the frame of a row ends with it, where frames end with the last of a row's peers or the row."""
    return by_rows != 0 or i + 1 == len(peers) or peers[i + 1] != np.uint8(0)


@kernel("void(const f64[], const i32[], const u8[], const u8[], i64, f64[])")
def running_totals(values: Doubles, rows: Rows, partitions: Bits, peers: Bits, by_rows: int, out: Doubles) -> None:
    """Write to each row the sum from its partition's start on to its last peer, or to itself (``by_rows``).

    Values are given row by row, flags in order. Compensated (Neumaier 1974).
    """
    held, lost, first = 0.0, 0.0, 0
    last = len(rows) - _AHEAD
    for i in range(len(rows)):
        if i < last:
            prefetch_read(values, np.int64(rows[i + _AHEAD]))
            prefetch_write(out, np.int64(rows[i + _AHEAD]))
        if partitions[i] != np.uint8(0):
            held, lost = 0.0, 0.0
        value = values[np.uint64(rows[i])]
        both = held + value
        lost += (held - both) + value if abs(held) >= abs(value) else (value - both) + held
        held = both
        if is_last_peer(peers, by_rows, i):
            total = 0.0 + (held + lost if np.isfinite(lost) else held)
            while first <= i:
                out[np.uint64(rows[first])] = total
                first += 1


@kernel("void(const i64[], const i32[], const u8[], const u8[], i64, i64[], i64[])")
def running_halves(
    values: Longs, rows: Rows, partitions: Bits, peers: Bits, by_rows: int, low: Longs, high: Longs
) -> None:
    """Do as `running_totals` does with integers: sum their lower and upper halves, which do not overflow."""
    lower, upper, first = np.int64(0), np.int64(0), 0
    for i in range(len(rows)):
        if partitions[i] != np.uint8(0):
            lower, upper = np.int64(0), np.int64(0)
        value = values[np.uint64(rows[i])]
        lower += value & _LOW_HALF
        upper += value >> 32
        if is_last_peer(peers, by_rows, i):
            while first <= i:
                low[np.uint64(rows[first])] = lower
                high[np.uint64(rows[first])] = upper
                first += 1


@kernel("void(const f64[], f64[])")
def build_sums(values: Doubles, tree: Doubles) -> None:
    """Fill a segment tree of sums."""
    n = len(values)
    for i in range(n):
        tree[n + i] = values[i]
    for i in range(n - 1, 0, -1):
        tree[i] = tree[2 * i] + tree[2 * i + 1]


@kernel("void(const f64[], const i32[], const i32[], f64[])")
def add_sums(tree: Doubles, lows: Rows, highs: Rows, total: Doubles) -> None:
    """Add the sum over each frame."""
    n = len(tree) >> 1
    for i in range(len(lows)):
        held = 0.0
        if highs[i] - lows[i] <= _SHORT:
            for k in range(lows[i], highs[i]):
                held += tree[n + k]
        else:
            left, right = n + lows[i], n + highs[i]
            while left < right:
                if left & 1:
                    held += tree[left]
                    left += 1
                if right & 1:
                    right -= 1
                    held += tree[right]
                left >>= 1
                right >>= 1
        total[i] += held


@device
def _better(words: Words, first: Number, second: Number) -> Number:
    """Return the position with the lesser word, the earlier of equal ones; -1 stands for none."""
    if first < 0:
        return second
    if second < 0:
        return first
    a, b = words[np.uint64(first)], words[np.uint64(second)]
    if a < b or (a == b and first < second):
        return first
    return second


@kernel("void(const u64[], const u8[], const i32[], const i32[], i32[])")
def running_least(words: Words, valid: Bits, lows: Rows, highs: Rows, best: Rows) -> None:
    """Find the position of the least valid word, where frames of a partition start alike and hardly ever shrink."""
    begun, at, held = np.int64(-1), np.int64(0), np.int64(-1)
    for i in range(len(lows)):
        if lows[i] != begun or highs[i] < at:
            begun, at, held = np.int64(lows[i]), np.int64(lows[i]), np.int64(-1)
        while at < highs[i]:
            if valid[at] != np.uint8(0):
                held = _better(words, held, at)
            at += 1
        best[i] = held


@kernel("void(const u64[], const u8[], i32[])")
def build_least(words: Words, valid: Bits, tree: Rows) -> None:
    """Fill a segment tree of positions of least valid words."""
    n = len(words)
    for i in range(n):
        tree[n + i] = i if valid[i] != np.uint8(0) else -1
    for i in range(n - 1, 0, -1):
        tree[i] = _better(words, np.int64(tree[2 * i]), np.int64(tree[2 * i + 1]))


@kernel("void(const u64[], const i32[], const i32[], const i32[], i32[])")
def find_least(words: Words, tree: Rows, lows: Rows, highs: Rows, best: Rows) -> None:
    """Find the position of the least valid word of each frame or of those before it; ``best`` starts as -1."""
    n = len(tree) >> 1
    for i in range(len(lows)):
        held = np.int64(best[i])
        left, right = np.int64(n + lows[i]), np.int64(n + highs[i])
        while left < right:
            if left & 1:
                held = _better(words, held, np.int64(tree[left]))
                left += 1
            if right & 1:
                right -= 1
                held = _better(words, held, np.int64(tree[right]))
            left >>= 1
            right >>= 1
        best[i] = held


@device
def _merge(
    counts: Doubles, means: Doubles, squares: Doubles, i: Number, count: Number, mean: Number, m2: Number
) -> None:
    """Merge count, mean and sum of squared deviations into entry ``i`` (Chan, Golub and LeVeque 1979)."""
    if count > 0.0:
        both = counts[i] + count
        delta = mean - means[i]
        if counts[i] == 0.0:
            means[i] = mean
            squares[i] = m2
        else:
            means[i] += delta * (count / both)
            squares[i] += m2 + delta * delta * (counts[i] * count / both)
        counts[i] = both


@kernel("void(const f64[], const u8[], f64[], f64[], f64[])")
def build_moments(values: Doubles, valid: Bits, counts: Doubles, means: Doubles, squares: Doubles) -> None:
    """Fill a segment tree of counts, means and sums of squared deviations, all 0 at first."""
    n = len(values)
    for i in range(n):
        if valid[i] != np.uint8(0):
            counts[n + i] = 1.0
            means[n + i] = values[i]
            squares[n + i] = values[i] - values[i]  # NaN of NaN and infinities
    for i in range(n - 1, 0, -1):
        for k in range(2 * i, 2 * i + 2):
            _merge(counts, means, squares, i, counts[k], means[k], squares[k])


@kernel("void(const f64[], const f64[], const f64[], const i32[], const i32[], f64[], f64[], f64[])")
def add_moments(
    counts: Doubles,
    means: Doubles,
    squares: Doubles,
    lows: Rows,
    highs: Rows,
    count: Doubles,
    mean: Doubles,
    square: Doubles,
) -> None:
    """Merge the moments of each frame into ``count``, ``mean`` and ``square``."""
    n = len(counts) >> 1
    for i in range(len(lows)):
        left, right = n + lows[i], n + highs[i]
        while left < right:
            if left & 1:
                _merge(count, mean, square, i, counts[left], means[left], squares[left])
                left += 1
            if right & 1:
                right -= 1
                _merge(count, mean, square, i, counts[right], means[right], squares[right])
            left >>= 1
            right >>= 1


@kernel("void(const f64[], const u8[], const u8[], const f64[], i64, i64, f64[])")
def weighted_means(
    values: Doubles, valid: Bits, starts: Bits, weights: Doubles, adds: int, passes_over: int, out: Doubles
) -> None:
    """Write the mean of the values of each position's partition so far, the older the lighter; 0 before the first.

    With each position the weight of what came before shrinks to the share ``weights[0]``, but not (``passes_over``)
    where there is no value. A value has the weight ``weights[1]``, which is added to the others' (``adds``) or not.
    """
    kept, fresh = weights[0], weights[1]
    some, mean, weight = False, 0.0, 1.0
    for i in range(len(values)):
        if starts[i] != np.uint8(0):
            some, mean, weight = False, 0.0, 1.0
        if valid[i] != np.uint8(0):
            if not some:
                some, mean = True, values[i]
            else:
                weight *= kept
                if mean != values[i]:
                    mean = (weight * mean + fresh * values[i]) / (weight + fresh)
                weight = weight + fresh if adds != 0 else 1.0
        elif some and passes_over == 0:
            weight *= kept
        out[i] = mean
