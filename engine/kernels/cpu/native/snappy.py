"""Snappy, the codec of most Parquet files. Source of the format: google/snappy, ``format_description.txt``.

Of a column of integers Snappy makes two short operations a value: some literal bytes, and a copy of those that the
value has in common with an earlier one. So what counts is how few steps, and how few branches that cannot be foretold,
there are from one operation to the next.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from .arrays import Bytes, Number, copy_bytes
from .compile import device, instruction, kernel
from .pages import DAMAGED, varint

copy8 = instruction("copy8")
copy16 = instruction("copy16")
load_unaligned = instruction("load_unaligned")
store_unaligned = instruction("store_unaligned")

SLACK: Final = 32
"""Bytes beyond its end that the target of `unsnap` must have for wide copies."""
_SHORT: Final = 16
"""Bytes of a literal that is one wide copy."""
_AHEAD: Final = 32
"""More bytes than a short literal and a copy take of the source, wide loads of them included."""
_BEHIND: Final = 128
"""More bytes than they take of the target, wide stores included."""
_DENSE: Final = np.uint64(0x080D0000)
_DENSE_MASK: Final = np.uint64(0xFFFF00FF)
"""A literal byte and a copy of the last seven of the eight bytes before: an integer that differs in its lowest byte."""


@device
def unsnapped(source: Bytes, start: Number, end: Number, target: Bytes, size: Number) -> Number:
    """Do the work of `unsnap`."""
    at = _begun(source, start, end, target, size)
    return _finished(source, at, np.int64(end), target, np.int64(0), np.int64(size))


@device
def unsnapped_two(
    source: Bytes,
    start: Number,
    end: Number,
    target: Bytes,
    size: Number,
    other_source: Bytes,
    other_start: Number,
    other_end: Number,
    other_target: Bytes,
    other_size: Number,
) -> Number:
    """Do the work of `unsnap` for two at once, a step of each in turn; return what it returns for either.

    Where an operation begins is only known when the one before has been looked at, and a processor waits for that most
    of the time: meanwhile it works on the other one's.
    """
    at = _begun(source, start, end, target, size)
    other = _begun(other_source, other_start, other_end, other_target, other_size)
    out = np.int64(0)
    other_out = np.int64(0)
    while 0 <= at < end and 0 <= other < other_end:
        at, out = _step(source, at, np.int64(end), target, out, np.int64(size))
        other, other_out = _step(
            other_source, other, np.int64(other_end), other_target, other_out, np.int64(other_size)
        )
    first = _finished(source, at, np.int64(end), target, out, np.int64(size))
    second = _finished(other_source, other, np.int64(other_end), other_target, other_out, np.int64(other_size))
    return first, second


@device
def _begun(source: Bytes, start: Number, end: Number, target: Bytes, size: Number) -> Number:
    """Return where the first operation begins, -1 where sizes contradict each other."""
    if end > len(source) or size + SLACK > len(target):
        return np.int64(-1)
    stated, at = varint(source, np.int64(start), np.int64(end))
    return at if stated == size else np.int64(-1)


@device
def _finished(source: Bytes, at: Number, end: Number, target: Bytes, out: Number, size: Number) -> Number:
    """Do all operations that are left; return 0, or `DAMAGED`."""
    while 0 <= at < end:
        at, out = _step(source, at, end, target, out, size)
    return np.int64(0) if at >= 0 and out == size else np.int64(DAMAGED)


@device
def _step(source: Bytes, at: Number, end: Number, target: Bytes, out: Number, size: Number) -> Number:
    """Do an operation, or some that belong together; return the places after them, -1 where one is damaged."""
    if at <= end - _AHEAD and out <= size - _BEHIND:
        word = load_unaligned(source, at)
        tag = np.int64(word) & 0xFF
        if tag & 3 == 0 and tag < _SHORT << 2:
            if word & _DENSE_MASK == _DENSE and out >= 8:
                return _dense(source, at, end, target, out, size)
            length = (tag >> 2) + 1
            if length <= 4:
                # The copy that follows is in the word already: to load it would wait for the length.
                copy8(source, at + 1, target, out)
                word >>= np.uint64(8 + 8 * length)
            else:
                copy16(source, at + 1, target, out)
                word = load_unaligned(source, at + 1 + length)
            at += length + 1
            out += length
            tag = np.int64(word) & 0xFF
            if tag & 3 == 0:
                return at, out
        if tag & 3 != 0 and tag & 3 != 3:
            return _copied(word, at, target, out)
    return _unsnapped_one(source, at, end, target, out, size)


@device
def _dense(source: Bytes, at: Number, end: Number, target: Bytes, out: Number, size: Number) -> Number:
    """Write integers as long as each is `_DENSE`; return the places after them."""
    before = load_unaligned(target, out - 8) & np.uint64(0xFFFFFFFFFFFFFF00)
    last, full = end - _AHEAD, size - _BEHIND
    while at <= last and out <= full:
        word = load_unaligned(source, at)
        if word & _DENSE_MASK != _DENSE:
            break
        store_unaligned(target, out, before | ((word >> np.uint64(8)) & np.uint64(0xFF)))
        at += 4
        out += 8
    return at, out


@device
def _copied(word: Number, at: Number, target: Bytes, out: Number) -> Number:
    """Make the copy that ``word`` begins with, its offset of one byte or two; return the places after it, or -1.

    Which of the two it is, is told by arithmetic: integers have both in no order that a processor could learn.
    """
    tag = np.int64(word) & 0xFF
    one = -(tag & 1)
    length = ((tag >> 2) & (63 ^ (one & 56))) + 1 + (one & 3)
    offset = (np.int64(word >> np.uint64(8)) & (0xFFFF ^ (one & 0xFF00))) | ((tag << 3) & 0x700 & one)
    if offset == 0 or offset > out:
        return np.int64(-1), out
    _repeat(target, out, offset, length)
    return at + 3 + one, out + length


@device
def _repeat(target: Bytes, out: Number, offset: Number, length: Number) -> None:
    """Repeat ``length`` bytes of what stands ``offset`` before ``out``; `SLACK` bytes more may be written."""
    if offset >= 16:
        copy16(target, out - offset, target, out)
        for k in range(16, length, 16):
            copy16(target, out - offset + k, target, out + k)
    elif offset >= 8:
        copy8(target, out - offset, target, out)
        copy8(target, out - offset + 8, target, out + 8)
        for k in range(16, length, 8):
            copy8(target, out - offset + k, target, out + k)
    else:
        for k in range(length):
            target[np.uint64(out + k)] = target[np.uint64(out - offset + k)]


@device
def _unsnapped_one(source: Bytes, at: Number, end: Number, target: Bytes, out: Number, size: Number) -> Number:
    """Do one operation of any kind; return the places after it, -1 where it is damaged."""
    tag = np.int64(source[np.uint64(at)])
    at += 1
    kind = tag & 3
    length = (tag >> 2) + 1
    if kind == 0:
        if length > 60:
            extra = length - 60
            if extra > end - at:
                return np.int64(-1), out
            length = _number_at(source, at, extra) + 1
            at += extra
        if length > end - at or length > size - out:
            return np.int64(-1), out
        copy_bytes(source, at, target, out, length)
        return at + length, out + length
    extra = kind if kind < 3 else np.int64(4)
    if extra > end - at:
        return np.int64(-1), out
    offset = _number_at(source, at, extra)
    if kind == 1:
        offset |= (tag >> 5) << 8
        length = ((tag >> 2) & 7) + 4
    if offset == 0 or offset > out or length > size - out:
        return np.int64(-1), out
    _repeat(target, out, offset, length)
    return at + extra, out + length


@device
def _number_at(source: Bytes, at: Number, count: Number) -> Number:
    number = np.int64(0)
    for k in range(count):
        number |= np.int64(source[np.uint64(at + k)]) << (8 * k)
    return number


@kernel("i64(const u8[], i64, i64, u8[], i64)")
def unsnap(source: Bytes, start: int, end: int, target: Bytes, size: int) -> int:
    """Decompress ``source[start:end]`` by Snappy into the first ``size`` bytes of ``target``.

    ``target`` must be `SLACK` bytes longer.

    Returns
    -------
    int
        0, or `DAMAGED`.
    """
    return int(unsnapped(source, np.int64(start), np.int64(end), target, np.int64(size)))
