"""Parquet's encodings of values: run lengths and packed bits, deltas, texts, big-endian decimals.

Source: the encodings page of parquet-format. Each kernel decodes the values of one page from ``data[start:end]`` and
checks every length in it; it returns something negative (`DAMAGED`) where they do not add up.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .arrays import Bytes, Longs, Number, Rows, copy_bytes
from .compile import device, instruction, kernel
from .pages import DAMAGED, varint, word_at, zigzag

FIBONACCI: Final = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio: Fibonacci hashing (Knuth, The Art of Computer Programming 3, section 6.4)."""

fill_eight = instruction("fill_eight")
unpack_groups = instruction("unpack_groups")


@device
def code_at(data: Bytes, at: Number, width: Number, number: Number) -> Number:
    """Return one of the codes of ``width`` bits that are packed from ``at`` on; what lies beyond the array is 0."""
    bit = number * width
    word = word_at(data, at + (bit >> 3)) >> np.uint64(bit & 7)
    return word & ((np.uint64(1) << np.uint64(width)) - np.uint64(1))


@device
def next_run(data: Bytes, at: Number, end: Number, width: Number, n: Number) -> Number:
    """Read the head of a run of codes of which at most ``n`` are wanted.

    Returns
    -------
    tuple
        How many there are, negative where they are damaged; the code that repeats, -1 where they are packed; where
        packed ones start; where the next run starts.
    """
    header, at = varint(data, at, end)
    if at < 0 or header < 0:
        return np.int64(DAMAGED), np.int64(0), end, end
    run = header >> 1
    if header & 1:
        if run < 2**32 and run * width <= end - at:
            return min(n, run * 8) if run > 0 else np.int64(DAMAGED), np.int64(-1), at, at + run * width
        # The last group may be cut to the bytes that hold values.
        count = min(n, ((end - at) * 8) // width)
        return count if count > 0 else np.int64(DAMAGED), np.int64(-1), at, end
    wide = (width + 7) >> 3
    if wide > end - at:
        return np.int64(DAMAGED), np.int64(0), end, end
    code = np.int64(word_at(data, at) & ((np.uint64(1) << np.uint64(8 * wide)) - np.uint64(1)))
    return min(n, run), code, at, at + wide


@device
def repeat(code: Number, out: NDArray[Any], place: Number, upto: Number) -> None:
    """Write one number to ``out[place:upto]``, and maybe to up to fifteen elements more."""
    fast = min(upto, len(out) - 15)
    while place < fast:
        fill_eight(code, out, place)
        fill_eight(code, out, place + 8)
        place += 16
    while place < upto:
        out[np.uint64(place)] = code
        place += 1


@device
def unpacked(data: Bytes, start: Number, end: Number, width: Number, n: Number, out: Rows, first: Number) -> Number:
    """Do the work of `unpack_codes`, writing from ``out[first]`` on."""
    if width < 0 or width > 32 or end > len(data) or n > len(out) - first:
        return np.int64(DAMAGED)
    after = np.int64(start)
    done = np.int64(0)
    top = np.uint64(0)
    while done < n and width > 0:
        count, code, at, after = next_run(data, after, np.int64(end), width, n - done)
        if count < 0:
            return np.int64(DAMAGED)
        if code < 0:
            groups = max(np.int64(0), min(count >> 3, (len(data) - 8 - at) // width))
            top = max(top, unpack_groups(data, at, width, groups, out, first + done))
            for k in range(8 * groups, count):
                code_here = code_at(data, at, width, k)
                top = max(top, code_here)
                out[np.uint64(first + done + k)] = np.int32(code_here)
        else:
            if count > 0:
                top = max(top, np.uint64(code))
            repeat(np.int32(code), out, first + done, first + done + count)
        done += count
    for k in range(done, n):  # codes of no bits
        out[np.uint64(first + k)] = 0
    return np.int64(top)


@kernel("i64(const u8[], i64, i64, i64, i64, i32[])")
def unpack_codes(data: Bytes, start: int, end: int, width: int, n: int, out: Rows) -> int:
    """Decode ``n`` codes of ``width`` bits from runs of equal codes and of packed ones; return the greatest."""
    return int(unpacked(data, np.int64(start), np.int64(end), np.int64(width), np.int64(n), out, np.int64(0)))


@kernel("i64(const u8[], i64, i64, i64, i64[])")
def unpack_deltas(data: Bytes, start: int, end: int, n: int, out: Longs) -> int:  # noqa: C901 - one state machine
    """Decode ``n`` integers of DELTA_BINARY_PACKED, modulo 2**64; return the position after them."""
    if end > len(data) or n > len(out):
        return DAMAGED
    stop = np.int64(end)
    block, at = varint(data, np.int64(start), stop)
    if at < 0:
        return DAMAGED
    parts, at = varint(data, at, stop)
    if at < 0:
        return DAMAGED
    total, at = varint(data, at, stop)
    if at < 0:
        return DAMAGED
    value, at = varint(data, at, stop)
    if at < 0 or total < n or parts <= 0 or block <= 0 or block > 2**24 or block % parts or (block // parts) % 8:
        return DAMAGED
    each = block // parts
    current = np.uint64(zigzag(value))
    if n > 0:
        out[0] = np.int64(current)
    done = np.int64(1)
    while done < total:
        value, at = varint(data, at, stop)
        if at < 0 or parts > stop - at:
            return DAMAGED
        least = np.uint64(zigzag(value))
        widths = at
        at += parts
        for part in range(parts):
            if done >= total:
                break
            width = np.int64(data[np.uint64(widths + part)])
            size = (each * width) >> 3
            if width > 64 or size > stop - at:
                return DAMAGED
            mask = np.uint64(0xFFFFFFFFFFFFFFFF) if width == 64 else (np.uint64(1) << np.uint64(width)) - np.uint64(1)
            for k in range(min(each, total - done)):
                bit = k * width
                place = at + (bit >> 3)
                shift = np.uint64(bit & 7)
                word = word_at(data, place) >> shift
                if width + (bit & 7) > 64:
                    word |= np.uint64(data[np.uint64(place + 8)]) << (np.uint64(64) - shift)
                current += least + (word & mask)
                if done + k < n:
                    out[np.uint64(done + k)] = np.int64(current)
            done += min(each, total - done)
            at += size
    return int(at)


@device
def found_texts(data: Bytes, start: Number, end: Number, n: Number, starts: Rows, lengths: Rows) -> Number:
    """Do the work of `find_texts`."""
    if end > len(data) or n > len(starts) or n > len(lengths):
        return np.int64(DAMAGED)
    at = np.int64(start)
    total = np.int64(0)
    for i in range(n):
        if end - at < 4:
            return np.int64(DAMAGED)
        length = np.int64(word_at(data, at) & np.uint64(0xFFFFFFFF))
        at += 4
        if length > end - at:
            return np.int64(DAMAGED)
        starts[np.uint64(i)] = np.int32(at)
        lengths[np.uint64(i)] = np.int32(length)
        at += length
        total += length
    return total


@kernel("i64(const u8[], i64, i64, i64, i32[], i32[])")
def find_texts(data: Bytes, start: int, end: int, n: int, starts: Rows, lengths: Rows) -> int:
    """Find ``n`` texts, each after its length in 4 bytes; return the bytes that they have together."""
    return int(found_texts(data, np.int64(start), np.int64(end), np.int64(n), starts, lengths))


@kernel("i64(const i32[], const i32[], i64, i32[])")
def place_texts(lengths: Rows, rows: Rows, first: int, offsets: Rows) -> int:
    """Give the texts of ``rows`` (-1: an empty one) places one after the other; return where the last one ends."""
    total = np.int64(first)
    for i in range(len(rows)):
        offsets[i] = np.int32(total)
        if rows[i] >= 0:
            total += np.int64(lengths[np.uint32(rows[i])])
    offsets[len(rows)] = np.int32(total)
    return int(total)


@kernel("void(const u8[], const i32[], const i32[], const i32[], const i32[], u8[])")
def copy_texts(data: Bytes, starts: Rows, lengths: Rows, rows: Rows, offsets: Rows, out: Bytes) -> None:
    """Copy the texts of ``rows`` to the places that `place_texts` has given them."""
    for i in range(len(rows)):
        if rows[i] >= 0:
            row = np.uint32(rows[i])
            copy_bytes(data, np.int64(starts[row]), out, np.int64(offsets[i]), np.int64(lengths[row]))


@kernel("i64(const u8[], i64, i64, const i64[], const i64[], i32[], i32[], u8[])")
def join_texts(
    data: Bytes, start: int, end: int, shared: Longs, fresh: Longs, starts: Rows, lengths: Rows, out: Bytes
) -> int:
    """Rebuild texts that each share ``shared`` bytes with the one before and add ``fresh`` bytes of ``data``.

    Returns
    -------
    int
        Bytes written, or `DAMAGED`, also where ``out`` is too short.
    """
    at = np.int64(start)
    done = np.int64(0)
    before = np.int64(0)
    last = np.int64(0)
    for i in range(len(shared)):
        kept = shared[i]
        added = fresh[i]
        if kept < 0 or kept > last or added < 0 or added > end - at or kept + added > len(out) - done:
            return DAMAGED
        copy_bytes(out, before, out, done, kept)
        copy_bytes(data, at, out, done + kept, added)
        at += added
        before = done
        last = kept + added
        starts[i] = np.int32(done)
        lengths[i] = np.int32(last)
        done += last
    return int(done)


@kernel("bool(const u8[], i64, i64, i64, i64[])")
def big_endian(data: Bytes, start: int, width: int, n: int, out: Longs) -> bool:
    """Read ``n`` big-endian two's complement numbers of ``width`` bytes; return whether each fits 64 bits."""
    wrong = np.int64(0)
    for i in range(n):
        at = start + i * width
        value = np.int64(data[np.uint64(at)])
        if value >= 128:
            value -= 256
        for k in range(1, width):
            top = value >> 55
            wrong |= np.int64(top not in (0, -1))
            value = (value << 8) | np.int64(data[np.uint64(at + k)])
        out[i] = value
    return bool(wrong == 0)


@kernel("i64(const i32[], const u8[], i32[])")
def select_codes(codes: Rows, wanted: Bytes, out: Rows) -> int:
    """Write the rows whose code is flagged in ``wanted``, in order; return how many."""
    k = np.int64(0)
    for i in range(len(codes)):
        out[np.uint64(k)] = np.int32(i)
        k += np.int64(wanted[np.uint64(codes[i])])
    return int(k)


@device
def key_slot(away: Number, last: Number, exact: Number, shift: Number) -> Number:
    """Return the slot of a key by its distance from the least one: where that is not ``exact``, by a hash of it."""
    return min(away, last) if exact else (away * FIBONACCI) >> np.uint64(shift)


@device
def slot_flag(flags: Bytes, slot: Number) -> Number:
    """Return the bit of a slot, 0 or 1."""
    return (flags[np.uint64(slot >> np.uint64(3))] >> np.uint8(slot & np.uint64(7))) & np.uint8(1)


@kernel("void(const i64[], i64, i64, i64, u8[])")
def flag_keys(keys: Longs, low: int, slots: int, shift: int, flags: Bytes) -> None:
    """Set the bit of each key's slot, as `select_keys` looks for it; none is below ``low``."""
    last = np.uint64(slots - 1)
    exact = shift < 0
    for i in range(len(keys)):
        slot = key_slot(np.uint64(keys[i] - low), last, exact, np.int64(shift) & 63)
        flags[np.uint64(slot >> np.uint64(3))] |= np.uint8(1) << np.uint8(slot & np.uint64(7))


@kernel(
    "i64(const i64[], i64, i64, i64, const u8[], i32[])",
    "i64(const i32[], i64, i64, i64, const u8[], i32[])",
)
def select_keys(values: Longs | Rows, low: int, slots: int, shift: int, flags: Bytes, out: Rows) -> int:
    """Write the rows whose value has its bit set in ``flags``, in order, to ``out``, one longer; return how many.

    A value's slot is its distance from ``low``, the last one of ``slots`` where that is greater; or, where ``shift`` is
    not negative, the distance's hash, less so many bits.
    """
    k = np.int64(0)
    last = np.uint64(slots - 1)
    exact = shift < 0
    for i in range(len(values)):
        away = np.uint64(np.int64(values[i]) - np.int64(low))
        out[np.uint64(k)] = np.int32(i)
        k += np.int64(slot_flag(flags, key_slot(away, last, exact, np.int64(shift) & 63)))
    return int(k)
