"""Take and select: rows of fixed-width values, bits and byte strings by position; positions from bitmaps.

Outputs are the caller's. A row of -1 gives zero bytes (a null whose validity the caller takes as well).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Bits, Bytes, Longs, Number, Rows, Words, byte_at, copy_bytes, rows_out
from .calls import Calls
from .compile import device, instruction, kernel
from .parallel import Threads, each, mapped, spans_of
from .reuse import borrow

bytes_at, load_row, load_word = instruction("bytes_at"), instruction("load_row"), instruction("load_word")
prefetch_read, prefetch_word = instruction("prefetch_read"), instruction("prefetch_word")
bits_of_bytes, take_word_bits = instruction("bits_of_bytes"), instruction("take_word_bits")

_PARTS = 8
_NARROW = 1 << 31
# Values beyond the second-level cache are prefetched for the row this far ahead.
_LARGE = 1 << 17
_AHEAD = 32


def _take_values(values: NDArray[Any], rows: Rows, out: NDArray[Any]) -> None:
    last = len(rows) - _AHEAD if len(values) > _LARGE else 0
    for i in range(len(rows)):
        if i < last:
            prefetch_read(values, np.int64(max(rows[i + _AHEAD], np.int32(0))))
        # Two assignments: a conditional expression of uint64 and int64 would pass through float64.
        if rows[i] >= 0:
            out[i] = values[np.uint32(rows[i])]
        else:
            out[i] = 0


_take8 = kernel("void(const u8[], const i32[], u8[])")(_take_values)
_take16 = kernel("void(const u16[], const i32[], u16[])")(_take_values)
_take32 = kernel("void(const u32[], const i32[], u32[])")(_take_values)
_take64 = kernel("void(const u64[], const i32[], u64[])")(_take_values)


def _put_values(values: NDArray[Any], rows: Rows, out: NDArray[Any]) -> None:
    for i in range(len(rows)):
        out[np.uint32(rows[i])] = values[i]


_put8 = kernel("void(const u8[], const i32[], u8[])")(_put_values)
_put32 = kernel("void(const u32[], const i32[], u32[])")(_put_values)
_put64 = kernel("void(const u64[], const i32[], u64[])")(_put_values)


@kernel("void(const u64[,], const i32[], u64[,])")
def _take128(values: NDArray[Any], rows: Rows, out: NDArray[Any]) -> None:
    for i in range(len(rows)):
        row = rows[i]
        if row >= 0:
            out[i, 0] = values[np.uint32(row), 0]
            out[i, 1] = values[np.uint32(row), 1]
        else:
            out[i, 0] = 0
            out[i, 1] = 0


@kernel("i64(const u8[], i64, const i32[], u8[])")
def take_bits(values: Bits, value_offset: int, rows: Rows, out: Bits) -> int:
    """Take bits into a bitmap (bit offset 0) of at least ``ceil(len(rows) / 8)`` bytes; return how many are set.

    Rows of -1 give 0; an empty bitmap counts as all ones, so validities need no special case.
    """
    total = np.int64(0)
    n = np.int64(len(rows))
    if 0 < len(values) <= 8:  # conditions on dictionaries of few values
        word = np.uint64(0)
        for k in range(len(values)):
            word |= np.uint64(values[k]) << np.uint64(8 * k)
        total += take_word_bits(word >> np.uint64(value_offset), rows, n >> 3, out)
    else:
        for start in range(0, n & ~7, 8):
            byte = _eight_bits(values, value_offset, rows, np.int64(start), np.int64(8))
            out[np.uint64(start >> 3)] = np.uint8(byte)
            total += _ones(byte)
    if n & 7:
        byte = _eight_bits(values, value_offset, rows, n & ~7, n & 7)
        out[np.uint64(n >> 3)] = np.uint8(byte)
        total += _ones(byte)
    return int(total)


@device
def _ones(byte: Number) -> Number:
    """Return how many bits of a byte are set."""
    pairs = byte - ((byte >> 1) & 0x55)
    fours = (pairs & 0x33) + ((pairs >> 2) & 0x33)
    return (fours + (fours >> 4)) & 0x0F


@device
def _eight_bits(values: Bits, value_offset: Number, rows: Rows, start: Number, count: Number) -> Number:
    """Return the bits of eight rows, or fewer, as one byte; by what is computed, for no branch can be foretold."""
    byte = np.int64(0)
    if len(values) == 0:
        for k in range(count):
            byte |= (np.int64(rows[np.uint64(start + k)] >= 0)) << k
        return byte
    for k in range(count):
        row = np.int64(rows[np.uint64(start + k)])
        known = ~(row >> 63)  # all ones, or none
        at = (value_offset + row) & known
        byte |= ((np.int64(values[np.uint64(at >> 3)]) >> (at & 7)) & known & 1) << k
    return byte


@kernel(
    "i64(const i32[], const i32[], i64[])",
    "i64(const i64[], const i32[], i64[])",
    "i64(const i32[], const i32[], i32[])",
    "i64(const i64[], const i32[], i32[])",
)
def _take_offsets(offsets: Longs | Rows, rows: Rows, out: Longs | Rows) -> int:
    total = np.int64(0)
    for i in range(len(rows)):
        out[i] = total
        row = rows[i]
        if row >= 0:
            total += np.int64(offsets[np.uint32(row) + 1]) - np.int64(offsets[np.uint32(row)])
    out[len(rows)] = total
    return int(total)


@kernel(
    "void(const i32[], const u8[], const i32[], const i64[], u8[])",
    "void(const i64[], const u8[], const i32[], const i64[], u8[])",
    "void(const i32[], const u8[], const i32[], const i32[], u8[])",
    "void(const i64[], const u8[], const i32[], const i32[], u8[])",
)
def _take_bytes(offsets: Longs | Rows, data: Bytes, rows: Rows, out_offsets: Longs | Rows, out: Bytes) -> None:
    for i in range(len(rows)):
        if rows[i] >= 0:
            begin, start = np.int64(offsets[np.uint32(rows[i])]), np.int64(out_offsets[i])
            copy_bytes(data, begin, out, start, np.int64(out_offsets[i + 1]) - start)


@kernel(
    "void(const i32[], const u8[], const i32[], const i64[], i64, i32[], u8[])",
    "void(const i64[], const u8[], const i32[], const i64[], i64, i32[], u8[])",
    "void(const i32[], const u8[], const i32[], const i64[], i64, i64[], u8[])",
    "void(const i64[], const u8[], const i32[], const i64[], i64, i64[], u8[])",
)
def _place_bytes(
    offsets: Longs | Rows, data: Bytes, rows: Rows, own: Longs, base: int, out_offsets: Longs | Rows, out: Bytes
) -> None:
    """Do what `_take_bytes` does for some rows, whose ``own`` offsets count from ``base``."""
    for i in range(len(rows)):
        out_offsets[i] = base + own[i]
        if rows[i] >= 0:
            begin = np.int64(offsets[np.uint32(rows[i])])
            copy_bytes(data, begin, out, base + own[i], own[i + 1] - own[i])


@kernel("i64(const u8[], i64, const u8[], i64, i64, i32[])")
def _select_bits(values: Bits, value_offset: int, bits: Bits, bit_offset: int, n: int, out: Rows) -> int:
    k = 0
    for start in range(0, n, 8):
        byte = byte_at(values, value_offset + start, n - start)
        if len(bits) > 0:
            byte &= byte_at(bits, bit_offset + start, n - start)
        if byte == 0:
            continue
        for b in range(8):
            out[k] = np.int32(start + b)
            k += (byte >> b) & 1
    return k


@kernel("i64(const u8[], i64, i64)")
def count_bits(bits: Bits, bit_offset: int, n: int) -> int:
    """Count the set bits among ``n``."""
    total = 0
    for start in range(0, n, 8):
        byte = byte_at(bits, bit_offset + start, n - start)
        byte = (byte & 0x55) + ((byte >> 1) & 0x55)
        byte = (byte & 0x33) + ((byte >> 2) & 0x33)
        total += (byte & 0xF) + (byte >> 4)
    return total


@kernel("void(const u8[], u8[], i64, i64)")
def pack_bits(flags: Bits, out: Bits, start: int, stop: int) -> None:
    """Pack one byte per row (0 or not) into the bytes from ``start`` to ``stop`` of a bitmap with bit offset 0."""
    n = np.int64(len(flags))
    whole = min(np.int64(stop), n >> 3)
    for i in range(start, whole):
        out[np.uint64(i)] = bits_of_bytes(flags, np.int64(8 * i))
    for i in range(max(whole, np.int64(start)), stop):
        byte = 0
        for k in range(n - 8 * i):
            byte |= int(flags[8 * i + k] != 0) << k
        out[i] = byte


@kernel("bool(const i64[,], i64[])")
def narrow_i128(values: Longs, out: Longs) -> bool:
    """Copy the low words of 128-bit integers, shape (n, 2); return whether every value fits 64 bits."""
    wrong = np.int64(0)
    for i in range(len(values)):
        out[i] = values[i, 0]
        wrong |= values[i, 1] ^ (values[i, 0] >> 63)
    return bool(wrong == 0)


_TAKES = {1: (_take8, np.uint8), 2: (_take16, np.uint16), 4: (_take32, np.uint32), 8: (_take64, np.uint64)}


def take(values: NDArray[Any], rows: Rows, out: NDArray[Any]) -> None:
    """Copy ``values[rows]`` to ``out``, of the same dtype of 1, 2, 4 or 8 bytes, or 16 as shape (n, 2) of 8 bytes."""
    if values.ndim == 2:
        _take128(values.view(np.uint64), rows, out.view(np.uint64))
        return
    run, dtype = _TAKES[values.dtype.itemsize]
    run(values.view(dtype), rows, out.view(dtype))


def take_bits_later(values: Bits, value_offset: int, rows: Rows, out: Bits, calls: Calls) -> None:
    """Have `take_bits` done by a call."""
    calls.add(take_bits, values, value_offset, rows, out, expected=None)


def take_later(values: NDArray[Any], rows: Rows, out: NDArray[Any], calls: Calls) -> None:
    """Have `take` done by a call, of values of 1 to 8 bytes."""
    run, dtype = _TAKES[values.dtype.itemsize]
    calls.add(run, values.view(dtype), rows, out.view(dtype), expected=None)


@kernel("void(const u64[], const i64[], const i32[], u64[])")
def _take_pieces(begins: Words, ends: Longs, rows: Rows, out: Words) -> None:
    first = 0
    for piece in range(len(begins)):
        for i in range(first, ends[piece]):
            if i + _AHEAD < ends[piece]:
                prefetch_word(begins[piece], np.int64(rows[i + _AHEAD]))
            out[i] = load_word(begins[piece], np.int64(rows[i]))
        first = ends[piece]


def take_pieces(begins: Words, ends: Longs, rows: Rows, out: NDArray[Any]) -> None:
    """Copy values of 8 bytes at rows of several arrays to ``out``; those of an array end at ``ends`` of ``rows``."""
    _take_pieces(begins, ends, rows, out.view(np.uint64))


@kernel("i64(const u64[], const i64[], const i32[], i64[])")
def _measure_pieces(begins: Words, ends: Longs, rows: Rows, out: Longs) -> int:
    total, first = np.int64(0), 0
    for piece in range(len(begins)):
        for i in range(first, ends[piece]):
            if i + _AHEAD < ends[piece]:
                prefetch_word(begins[piece], np.int64(rows[i + _AHEAD]) >> 1)
            out[i] = total
            row = np.int64(rows[i])
            total += np.int64(load_row(begins[piece], row + 1)) - np.int64(load_row(begins[piece], row))
        first = ends[piece]
    out[len(rows)] = total
    return int(total)


@kernel("void(const u64[], const u64[], const i64[], const i32[], const i64[], u8[])")
def _copy_pieces(begins: Words, places: Words, ends: Longs, rows: Rows, out_offsets: Longs, out: Bytes) -> None:
    first = 0
    for piece in range(len(begins)):
        for i in range(first, ends[piece]):
            if i + _AHEAD < ends[piece]:
                ahead = np.int64(load_row(begins[piece], np.int64(rows[i + _AHEAD])))
                prefetch_word(places[piece], ahead >> 3)
            begin = np.int64(load_row(begins[piece], np.int64(rows[i])))
            length = out_offsets[i + 1] - out_offsets[i]
            copy_bytes(bytes_at(places[piece], begin + length), begin, out, out_offsets[i], length)
        first = ends[piece]


def take_text_pieces(begins: Words, places: Words, ends: Longs, rows: Rows) -> tuple[Longs, Bytes]:
    """Do what `take_bytes` does with rows of several arrays, of which ``begins`` has the 32-bit offsets' addresses."""
    offsets = np.empty(len(rows) + 1, dtype=np.int64)
    data = borrow(_measure_pieces(begins, ends, rows, offsets), np.uint8)
    _copy_pieces(begins, places, ends, rows, offsets, data)
    return offsets, data


_PUTS = {1: (_put8, np.uint8), 4: (_put32, np.uint32), 8: (_put64, np.uint64)}


def put(values: NDArray[Any], rows: Rows, out: NDArray[Any]) -> None:
    """Copy ``values`` to ``out[rows]``, of the same dtype of 1, 4 or 8 bytes; no row is -1."""
    run, dtype = _PUTS[values.dtype.itemsize]
    run(values.view(dtype), rows, out.view(dtype))


def put_later(values: NDArray[Any], rows: Rows, out: NDArray[Any], calls: Calls) -> None:
    """Have `put` done by a call."""
    run, dtype = _PUTS[values.dtype.itemsize]
    calls.add(run, values.view(dtype), rows, out.view(dtype))


def take_bytes(
    offsets: Longs | Rows, data: Bytes, rows: Rows, *, offsets_out: Longs | None = None, data_out: Bytes | None = None
) -> tuple[Longs, Bytes]:
    """Take byte strings; return (offsets of shape (n + 1,), data), in the given arrays where they are long enough."""
    n = len(rows)
    new_offsets = borrow(n + 1, np.int64) if offsets_out is None or len(offsets_out) <= n else offsets_out[: n + 1]
    total = _take_offsets(offsets, rows, new_offsets)
    new_data = borrow(total, np.uint8) if data_out is None or len(data_out) < total else data_out[:total]
    _take_bytes(offsets, data, rows, new_offsets, new_data)
    return new_offsets, new_data


def take_offsets_later(offsets: Longs | Rows, rows: Rows, out: Rows, calls: Calls) -> None:
    """Have a call write the offsets of byte strings that are taken; its result is how many bytes these have.

    Offsets that need more than 32 bits come out as anything.
    """
    calls.add(_take_offsets, offsets, rows, out, expected=None)


def take_bytes_later(
    offsets: Longs | Rows, data: Bytes, rows: Rows, out_offsets: Rows, out: Bytes, calls: Calls
) -> None:
    """Have a call take byte strings to where offsets, which are known, say."""
    calls.add(_take_bytes, offsets, data, rows, out_offsets, out)


def take_bytes_shared(
    offsets: Longs | Rows, data: Bytes, rows: Rows, threads: Threads | None
) -> tuple[Longs | Rows, Bytes]:
    """Do what `take_bytes` does on several threads; offsets have 32 bits where that is enough."""
    spans = spans_of(len(rows), _PARTS)

    def measure(span: tuple[int, int]) -> Longs:
        own = np.empty(span[1] - span[0] + 1, dtype=np.int64)
        _take_offsets(offsets, rows[span[0] : span[1]], own)
        return own

    measured = mapped(measure, spans, threads)
    bases = np.cumsum([0, *(own[-1] for own in measured)])
    total = int(bases[-1])
    new_offsets, new_data = borrow(len(rows) + 1, np.int32 if total < _NARROW else np.int64), borrow(total, np.uint8)
    new_offsets[-1] = total

    def copy(part: int) -> None:
        start, stop = spans[part]
        _place_bytes(offsets, data, rows[start:stop], measured[part], bases[part], new_offsets[start:stop], new_data)

    each(copy, len(spans), threads)
    return new_offsets, new_data


def select_bits(
    values: Bits, value_offset: int, length: int, *, bits: Bits, bit_offset: int = 0, out: Rows | None = None
) -> Rows:
    """Return the rows whose bit is set and valid: the rows a filter keeps."""
    found = rows_out(out, length + 8)
    return found[: _select_bits(values, value_offset, bits, bit_offset, length, found)]
