"""Partitioning keeps every row, in order, where its hash says."""

from __future__ import annotations

import numpy as np
import pytest

from volley.engine.kernels.cpu import native


@pytest.mark.parametrize("bits", [1, 4, 9])
@pytest.mark.parametrize("n", [0, 1, 5000])
def test_order_of_one_batch(rng: np.random.Generator, n: int, bits: int) -> None:
    hashes = native.hash_words(rng.integers(0, 300, n).astype(np.uint64))
    order, offsets = native.partition_order(hashes, bits)
    assert (order == np.argsort(hashes >> np.uint64(64 - bits), kind="stable")).all()
    assert offsets.tolist() == np.searchsorted((hashes >> np.uint64(64 - bits))[order], range(2**bits + 1)).tolist()


def test_batches_scatter_into_contiguous_partitions(rng: np.random.Generator) -> None:
    keys, values = rng.integers(0, 2**60, (2, 7000)).astype(np.uint64)
    hashes = native.hash_words(keys)
    parts = [slice(0, 3000), slice(3000, 3000), slice(3000, 7000)]
    counts = np.zeros((3, 16), np.int64)
    for part, out in zip(parts, counts, strict=True):
        native.count_partitions(hashes[part], 4, out=out)
    positions, offsets = native.start_positions(counts)
    outs = [np.zeros(7000, np.uint64) for _ in range(2)]
    for index in (2, 0, 1):
        part = parts[index]
        rows = native.partition_positions(hashes[part], 4, positions[index])
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
