"""Rows laid out stretch by stretch are in the order of their keys' groups, where all that this asks for holds."""

from __future__ import annotations

import numpy as np
import pytest

from volley.engine.kernels.cpu import native
from volley.engine.kernels.cpu.native import stretches
from volley.engine.kernels.cpu.native.stretches import lay_out_stretches

BITS = 5


def keys_in_order(rng: np.random.Generator, rows: int, different: int) -> np.ndarray:
    """Return keys by the first bits of their hashes."""
    keys = rng.integers(0, 2**64, different, dtype=np.uint64)[rng.integers(0, different, rows)]
    return keys[native.partition_order(keys, BITS)[0]]


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize(("rows", "different"), [(0, 1), (1, 1), (3_000, 10), (20_000, 100), (20_000, 15_000)])
def test_rows_by_group_and_word(rows: int, different: int, *, ordered: bool) -> None:
    rng = np.random.default_rng(rows + different)
    keys = keys_in_order(rng, rows, different)
    words = rng.integers(0, 20, rows).astype(np.uint64) << np.uint64(60) if ordered else None
    made = lay_out_stretches(keys, words, BITS, rows)
    assert made is not None
    order, partitions, peers = made
    assert sorted(order.tolist()) == list(range(rows))
    kept, own = keys[order], np.zeros(rows, np.uint64) if words is None else words[order]
    begins = np.append(True, kept[1:] != kept[:-1])[:rows]
    assert (partitions == begins).all()
    assert begins.sum() == len(np.unique(keys))  # no group is apart
    assert (peers == (begins | np.append(True, own[1:] != own[:-1])[:rows] if ordered else begins)).all()
    same = ~begins[1:]
    assert (own[1:] >= own[:-1])[same].all()
    assert (order[1:] > order[:-1])[same & (own[1:] == own[:-1])].all()


def test_other_rows_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    keys = keys_in_order(rng, 5_000, 300)
    longest = int(np.unique(keys, return_counts=True)[1].max())
    assert lay_out_stretches(keys, None, BITS, longest) is not None
    assert lay_out_stretches(keys, None, BITS, longest - 1) is None
    assert lay_out_stretches(keys[::-1].copy(), None, BITS, longest) is None
    assert lay_out_stretches(rng.permutation(keys), None, BITS, longest) is None
    assert lay_out_stretches(rng.permutation(keys), None, 0, longest) is not None
    monkeypatch.setattr(stretches, "_MOST_GROUPS", 299)
    assert lay_out_stretches(keys, None, 0, longest) is None
