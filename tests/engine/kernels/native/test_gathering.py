"""Taking rows by position and positions from bitmaps, against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from volley.engine.kernels.cpu import native
from volley.engine.kernels.cpu.native.parallel import Threads

from .conftest import column, texts


def rows_with_gaps(rng: np.random.Generator, length: int, n: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return rng.integers(-1, length, n).astype(np.int32)


@pytest.mark.parametrize("dtype", ["i1", "u2", "f4", "i4", "f8", "u8", "M8[us]"])
def test_fixed_width_values(rng: np.random.Generator, dtype: str) -> None:
    values = np.frombuffer(rng.bytes(500 * np.dtype(dtype).itemsize), dtype)
    if dtype.startswith("f"):
        values = values[~np.isnan(values)]
    rows = rows_with_gaps(rng, len(values), 999)
    out = np.full(999, 77).astype(dtype)
    native.take(values, rows, out)
    expected = values[rows].copy()
    expected[rows < 0] = np.zeros(1, np.int64).astype(dtype)[0]
    assert (out == expected).all()


def test_many_values(rng: np.random.Generator) -> None:
    values = rng.integers(2**62, 2**63, 200_000)
    rows = rows_with_gaps(rng, 200_000, 1000)
    out = np.zeros(1000, np.int64)
    native.take(values, rows, out)
    assert (out == np.where(rows >= 0, values[rows], 0)).all()


def test_sixteen_byte_values(rng: np.random.Generator) -> None:
    values = rng.integers(-(2**63), 2**63 - 1, (300, 2))
    rows = rows_with_gaps(rng, 300, 700)
    out = np.full((700, 2), 7)
    native.take(values, rows, out)
    assert (out == np.where((rows >= 0)[:, None], values[rows], 0)).all()


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 1000])
def test_bits(rng: np.random.Generator, n: int) -> None:
    flags = rng.random(60) < 0.5
    bitmap = np.packbits(np.concatenate([[True, False], flags]), bitorder="little")
    rows = rows_with_gaps(rng, 60, n)
    expected = flags[rows] & (rows >= 0)
    out = np.full(n // 8 + 1, 255, np.uint8)
    assert native.take_bits(bitmap, 2, rows, out) == expected.sum()
    assert (np.unpackbits(out, bitorder="little")[:n] == expected).all()
    calls, later = native.Calls(), np.full_like(out, 255)
    native.take_bits_later(bitmap, 2, rows, later, calls)
    calls.run()
    assert calls.results == [expected.sum()]
    assert (later[: (n + 7) // 8] == out[: (n + 7) // 8]).all()
    assert native.take_bits(native.NO_BITS, 0, rows, out) == (rows >= 0).sum()
    assert (np.unpackbits(out, bitorder="little")[:n] == (rows >= 0)).all()


@pytest.mark.parametrize(("count", "offset"), [(1, 0), (7, 1), (60, 4), (64, 0), (1, 63), (57, 7), (65, 0), (500, 9)])
def test_bits_of_few_and_of_many_values(rng: np.random.Generator, count: int, offset: int) -> None:
    flags = rng.random(offset + count) < 0.5
    bitmap = np.packbits(flags, bitorder="little")
    rows = rows_with_gaps(rng, count, 1003)
    expected = flags[offset + rows] & (rows >= 0)
    out = np.full(126, 255, np.uint8)
    assert native.take_bits(bitmap, offset, rows, out) == expected.sum()
    assert (np.unpackbits(out, bitorder="little")[:1003] == expected).all()


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("outs", [False, True])
def test_byte_strings(rng: np.random.Generator, dtype: type, outs: bool) -> None:
    known = [bytes(rng.integers(0, 256, size).tolist()) for size in rng.integers(0, 40, 200)]
    offsets, data = texts(known, dtype)
    rows = rows_with_gaps(rng, 200, 1000)
    buffers = (np.zeros(1001, np.int64), np.zeros(40_000, np.uint8)) if outs else (None, None)
    new_offsets, new_data = native.take_bytes(offsets, data, rows, offsets_out=buffers[0], data_out=buffers[1])
    taken = [new_data[new_offsets[i] : new_offsets[i + 1]].tobytes() for i in range(1000)]
    assert taken == [known[row] if row >= 0 else b"" for row in rows]
    assert buffers[1] is None or np.shares_memory(new_data, buffers[1])
    with Threads(2) as threads:
        shared_offsets, shared_data = native.take_bytes_shared(offsets, data, rows, threads)
    assert (shared_offsets == new_offsets).all()
    assert (shared_data == new_data).all()
    calls, more = native.Calls(), native.Calls()
    later = np.full(1001, -1, np.int32)
    native.take_offsets_later(offsets, rows, later, calls)
    calls.run()
    assert (later == new_offsets).all()
    assert calls.results == [len(new_data)]
    later_data = np.empty(len(new_data), np.uint8)
    native.take_bytes_later(offsets, data, rows, later, later_data, more)
    more.run()
    assert (later_data == new_data).all()


@pytest.mark.parametrize("n", [0, 1, 5, 8, 63, 64, 65, 3001])
@pytest.mark.parametrize("offset", [0, 1, 7, 13])
def test_selected_and_counted_bits(rng: np.random.Generator, n: int, offset: int) -> None:
    kept = rng.random(n) < 0.3
    data = column(kept, rng.random(n) < 0.8)
    # Bits before and after the range are set, and must not be seen.
    bitmap = np.packbits(np.concatenate([np.ones(offset, np.bool_), kept, np.ones(9, np.bool_)]), bitorder="little")
    assert native.count_bits(bitmap, offset, n) == kept.sum()
    assert (native.select_bits(bitmap, offset, n, bits=native.NO_BITS) == np.flatnonzero(kept)).all()
    both = native.select_bits(bitmap, offset, n, bits=data.bits, bit_offset=data.bit_offset)
    assert (both == np.flatnonzero(kept & data.valid)).all()


@pytest.mark.parametrize("n", [0, 1, 8, 77])
def test_packed_bits(rng: np.random.Generator, n: int) -> None:
    flags = rng.integers(0, 3, n).astype(np.uint8)
    out = np.full(n // 8 + 1, 255, np.uint8)
    for start, stop in ((0, len(out) // 3), (len(out) // 3, len(out))):
        native.pack_bits(flags, out, start, stop)
    assert (np.unpackbits(out, bitorder="little")[:n] == (flags != 0)).all()


@pytest.mark.parametrize(("high", "fits"), [([0, -1], True), ([1, -1], False), ([0, 0], False), ([-1, -1], False)])
def test_narrowing_of_128_bits(high: list[int], fits: bool) -> None:
    values = np.array([[5, high[0]], [-5, high[1]]], np.int64)
    out = np.zeros(2, np.int64)
    assert bool(native.narrow_i128(values, out)) is fits
    assert out.tolist() == [5, -5]
