"""The row of the least and greatest text of each group, against Python's order of bytes."""

from __future__ import annotations

import numpy as np
import pytest

from volley.engine.kernels.cpu import native

from .conftest import texts

ALIKE = [
    b"",
    b"\0",
    b"\0\0",
    b"a",
    b"a\0",
    b"a" * 8,
    b"a" * 8 + b"\0",
    b"a" * 9,
    b"a" * 16,
    b"a" * 16 + b"\xff",
    b"\xff" * 9,
]


@pytest.mark.parametrize("greatest", [False, True])
@pytest.mark.parametrize("pool", [ALIKE, [b"customer %07d" % n for n in range(300)]], ids=["alike", "numbered"])
def test_extreme_texts(rng: np.random.Generator, pool: list[bytes], greatest: bool) -> None:
    chosen = rng.integers(0, len(pool), 2000)
    known = [pool[i] for i in chosen]
    ids = rng.integers(-1, 200, 2000).astype(np.int32)
    valid = rng.random(2000) < 0.9
    bits = np.packbits(np.concatenate([[True] * 3, valid]), bitorder="little")
    expected: dict[int, bytes] = {}
    for group, text, there in zip(ids.tolist(), known, valid, strict=True):
        if there and group >= 0:
            expected[group] = (max if greatest else min)(expected.get(group, text), text)
    first = [
        next((i for i in range(2000) if ids[i] == g and valid[i] and known[i] == expected[g]), -1)
        if g in expected
        else -1
        for g in range(201)
    ]
    rows = np.full(201, -1, np.int32)
    native.extreme_texts(ids, *texts(known), bits, 3, greatest, np.empty(201, np.uint64), rows)
    assert rows.tolist() == first
    order = sorted(pool, reverse=greatest)
    places = np.array([order.index(text) for text in pool], np.int32)
    rows = np.full(201, -1, np.int32)
    native.extreme_codes(ids, chosen.astype(np.int32), bits, 3, places, np.empty_like(rows), rows)
    assert rows.tolist() == first
