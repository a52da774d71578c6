"""Words whose unsigned order is the wanted order of values, for ``sorting``.

Several sort keys are several word columns, most significant first. Nulls are a column of their own (`order_nulls`), put
before the column they belong to, so that they may come first or last whatever the direction; in the value's own column
all nulls are 0 and so tie. Floats leave both ends of the order to nulls, and need no such column where those are used.
Text becomes words through ``textsort.text_ranks`` and `order_integers`.
"""

from __future__ import annotations

import numpy as np

from .arrays import NO_BITS, Bits, Doubles, Longs, Number, Rows, Words, missing, read_ahead, rows_out, void_missing
from .calls import Calls
from .compile import device, instruction, kernel

array_at = instruction("array_at")

_BLOCK = 64
_SIGN_INT = 1 << 63
_ALL_INT = 0xFFFFFFFFFFFFFFFF
_SIGN = np.uint64(_SIGN_INT)
_ALL = np.uint64(_ALL_INT)
_NAN = np.uint64(_ALL_INT - 1)
_INFINITY = np.uint64(0x7FF0000000000000)


# What each value becomes is computed first, by vector instructions, and nulls are written over it.


@kernel("void(const i64[], const u8[], i64, u64, u64[])")
def _order_integers(values: Longs, bits: Bits, bit_offset: int, flip: int, out: Words) -> None:
    for i in range(len(values)):
        out[i] = np.uint64(values[i]) ^ flip
    void_missing(bits, bit_offset, np.uint64(0), out)


@kernel("void(const f64[], const u8[], i64, u64, u64, u64[])")
def _order_floats(values: Doubles, bits: Bits, bit_offset: int, flip: int, null: int, out: Words) -> None:
    words = values.view(np.uint64)
    for i in range(len(values)):
        word = words[i]
        size = word & ~_SIGN
        ordered = word ^ (_ALL if word >= _SIGN else _SIGN)
        ordered = _SIGN if size == np.uint64(0) else ordered
        out[i] = (_NAN if size > _INFINITY else ordered) ^ flip
    void_missing(bits, bit_offset, null, out)


@kernel("void(const u8[], i64, u64, u64[])")
def _order_nulls(bits: Bits, bit_offset: int, flip: int, out: Words) -> None:
    for i in range(len(out)):
        out[i] = np.uint64(missing(bits, bit_offset + i)) ^ flip


@kernel("i64(const u64[], u64, const u8[], i64, i64, i32[])")
def _rows_within(words: Words, limit: int, bits: Bits, bit_offset: int, nulls: int, out: Rows) -> int:
    k = 0
    if len(bits) == 0:
        for i in range(len(words)):
            out[k] = np.int32(i)
            k += words[i] <= limit
    else:
        for i in range(len(words)):
            out[k] = np.int32(i)
            if missing(bits, bit_offset + i):
                k += nulls
            else:
                k += words[i] <= limit
    return k


@device
def is_within(value: Number, limit: Number, greatest: Number) -> Number:
    """Return whether a value is at most, or at least, a limit; NaN is greater than any other."""
    return not value < limit if greatest else value <= limit


@device
def find_within(values: Doubles | Longs, limit: Number, greatest: Number, out: Rows, k: Number) -> Number:
    """Write rows from ``k`` on, in blocks, most of which have none: a block is compared as a whole first."""
    for start in range(0, len(values), _BLOCK):
        stop = min(start + _BLOCK, len(values))
        if stop - start == _BLOCK:
            some = False
            for j in range(0, _BLOCK, 8):
                read_ahead(values, start + j)
            for j in range(_BLOCK):
                some |= is_within(values[start + j], limit, greatest)
            if not some:
                continue
        for i in range(start, stop):
            out[k] = np.int32(i)
            k += is_within(values[i], limit, greatest)
    return k


@kernel(
    "i64(const u64[], const i64[], i64, const f64[], i64, i32[], i64[])",
    "i64(const u64[], const i64[], i64, const i64[], i64, i32[], i64[])",
)
def _values_within(
    begins: Words, lengths: Longs, first: int, limit: Doubles | Longs, greatest: int, out: Rows, ends: Longs
) -> int:
    """Find rows of arrays from the first on, up to one for which there may be no room, and return its number."""
    k = 0
    for i in range(first, len(begins)):
        if k + lengths[i] >= len(out):
            return i
        k = find_within(array_at(begins[i], lengths[i], limit), limit[0], greatest, out, k)
        ends[i] = k
    return len(begins)


def values_within(
    begins: Words, lengths: Longs, limit: Doubles | Longs, *, greatest: bool = False
) -> list[tuple[int, Rows]]:
    """Return the numbers of arrays, and their rows whose value is at most, or at least, that of an array of one.

    NaN is greatest, and no limit.

    Parameters
    ----------
    begins, lengths
        Addresses and lengths of the arrays, which have the type of ``limit``.
    """
    ends = np.empty(len(begins), dtype=np.int64)
    room = rows_out(None, 2 * int(lengths.max(initial=0)) + 1)
    found, first = list[tuple[int, Rows]](), 0
    while first < len(begins):
        done = _values_within(begins, lengths, first, limit, int(greatest), room, ends)
        start = 0
        for number, stop in enumerate(ends[first:done].tolist(), first):
            if stop > start:
                found.append((number, room[start:stop].copy()))  # which must not keep the room for all
            start = stop
        first = done
    return found


def rows_within(
    words: Words, limit: int, *, bits: Bits = NO_BITS, bit_offset: int = 0, nulls: bool = False, out: Rows | None = None
) -> Rows:
    """Return the rows whose word is at most ``limit``, and those of nulls or not."""
    found = rows_out(out, len(words) + 1)
    return found[: _rows_within(words, limit, bits, bit_offset, int(nulls), found)]


def order_integers(
    values: Longs, *, bits: Bits = NO_BITS, bit_offset: int = 0, descending: bool = False, out: Words | None = None
) -> Words:
    """Turn integers into words of the same (or reversed) order; nulls give 0."""
    out = np.empty(len(values), dtype=np.uint64) if out is None else out
    _order_integers(values, bits, bit_offset, _SIGN_INT ^ (_ALL_INT if descending else 0), out)
    return out


def order_integers_later(
    values: Longs, bits: Bits, bit_offset: int, out: Words, calls: Calls, *, descending: bool
) -> None:
    """Have `order_integers` done by a call."""
    calls.add(_order_integers, values, bits, bit_offset, _SIGN_INT ^ (_ALL_INT if descending else 0), out)


def order_floats(
    values: Doubles,
    *,
    bits: Bits = NO_BITS,
    bit_offset: int = 0,
    descending: bool = False,
    nulls_last: bool = False,
    out: Words | None = None,
) -> Words:
    """Turn floats into words of the same (or reversed) order, NaN greatest and -0.0 equal to 0.0.

    Nulls give 0, which comes before all values, or the greatest word, which comes after them.
    """
    out = np.empty(len(values), dtype=np.uint64) if out is None else out
    _order_floats(values, bits, bit_offset, _ALL_INT if descending else 0, _ALL_INT if nulls_last else 0, out)
    return out


def order_floats_later(
    values: Doubles, bits: Bits, bit_offset: int, out: Words, calls: Calls, *, descending: bool, nulls_last: bool
) -> None:
    """Have `order_floats` done by a call."""
    flip, null = _ALL_INT if descending else 0, _ALL_INT if nulls_last else 0
    calls.add(_order_floats, values, bits, bit_offset, flip, null, out)


def order_nulls(
    bits: Bits, bit_offset: int, length: int, *, nulls_first: bool = False, out: Words | None = None
) -> Words:
    """Return the word column that puts nulls last, or first; it goes before the column it belongs to."""
    out = np.empty(length, dtype=np.uint64) if out is None else out
    _order_nulls(bits, bit_offset, int(nulls_first), out)
    return out


def order_nulls_later(bits: Bits, bit_offset: int, out: Words, calls: Calls, *, nulls_first: bool) -> None:
    """Have `order_nulls` done by a call."""
    calls.add(_order_nulls, bits, bit_offset, int(nulls_first), out)
