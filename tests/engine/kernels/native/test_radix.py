"""Partitioning keeps every row, in order, where its hash says."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from volley.engine.kernels.cpu import native


def partitions(words: NDArray[np.uint64], bits: int) -> NDArray[np.uint64]:
    hashes = (words ^ (words >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return hashes >> np.uint64(64 - bits)


@pytest.mark.parametrize("bits", [1, 4, 9])
@pytest.mark.parametrize("n", [0, 1, 5000])
def test_order_of_one_batch(rng: np.random.Generator, n: int, bits: int) -> None:
    words = rng.integers(0, 300, n).astype(np.uint64)
    order, offsets = native.partition_order(words, bits)
    expected = partitions(words, bits)
    assert (order == np.argsort(expected, kind="stable")).all()
    assert offsets.tolist() == np.searchsorted(expected[order], range(2**bits + 1)).tolist()


@pytest.mark.parametrize("noted", [True, False])
@pytest.mark.parametrize("together", [True, False])
def test_batches_scatter_into_contiguous_partitions(rng: np.random.Generator, together: bool, noted: bool) -> None:
    keys, values = rng.integers(0, 2**60, (2, 7000)).astype(np.uint64)
    hashes = native.hash_words(keys)
    parts = [slice(0, 3000), slice(3000, 3000), slice(3000, 7000)]
    counts = np.zeros((3, 16), np.int64)
    calls = native.Calls()
    for part, count in zip(parts, counts, strict=True):
        native.count_partitions_later(hashes[part], 4, count, calls)
    calls.run()
    assert counts.tolist() == [native.count_partitions(hashes[part], 4).tolist() for part in parts]
    positions, offsets = native.start_positions(counts)
    outs = [np.zeros(7000, np.uint64) for _ in range(2)]
    for index in (2, 0, 1):
        part = parts[index]
        moved = positions[index].copy()
        rows = native.partition_positions(hashes[part], 4, positions[index])
        if together:
            found = np.full(len(rows) if noted else 0, -1, dtype=np.int32)
            calls = native.Calls()
            native.move_pairs(hashes[part], 4, moved, (keys[part], values[part]), (outs[0], outs[1]), found, calls)
            calls.run()
            assert found.tolist() == (rows.tolist() if noted else [])
            assert moved.tolist() == positions[index].tolist()
        else:
            native.put(keys[part], rows, outs[0])
            native.put(values[part], rows, outs[1])
    order, expected_offsets = native.partition_order(hashes, 4)
    assert offsets.tolist() == expected_offsets.tolist()
    assert (outs[0] == keys[order]).all()
    assert (outs[1] == values[order]).all()


@pytest.mark.parametrize("bits", [0, 17])
def test_the_number_of_bits_is_checked(bits: int) -> None:
    with pytest.raises(ValueError, match="bits must be 1 to 16"):
        native.partition_order(np.zeros(1, np.uint64), bits)
