"""The row at a place of each sorted list, against numpy's sort."""

from __future__ import annotations

import numpy as np
import pytest

from volley.engine.kernels.cpu import native


@pytest.mark.parametrize("reach", [1, 3, 300, 2**16, 2**64 - 1])
@pytest.mark.parametrize("longest", [1, 24, 25, 700])
def test_rows_at_places(rng: np.random.Generator, longest: int, reach: int) -> None:
    counts = rng.integers(0, longest + 1, 60)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    words = rng.integers(0, reach, offsets[-1], dtype=np.uint64, endpoint=True)
    places = (rng.random(len(counts)) * counts).astype(np.int64)
    before = words.copy()
    rows, following = np.full((2, len(counts)), 7, dtype=np.int32)
    native.rows_at(words, offsets, places, np.empty(longest, np.uint64), np.empty(256, np.int64), rows, following)
    assert (words == before).all()
    for j, count in enumerate(counts.tolist()):
        start, place = int(offsets[j]), int(places[j])
        ordered = np.sort(words[start : start + count])
        for found, at in ((rows[j], place), (following[j], place + 1)):
            if at >= count:
                assert found == -1
            else:
                assert start <= found < start + count
                assert words[found] == ordered[at]


def test_of_many_equal_words_each_is_found() -> None:
    words = np.array([5] * 40 + [3] * 40 + [9], dtype=np.uint64)
    offsets, rows, following = np.array([0, 81]), np.zeros(1, np.int32), np.zeros(1, np.int32)
    found = []
    for place in (0, 38, 39, 78, 79, 80):
        native.rows_at(
            words, offsets, np.array([place]), np.empty(81, np.uint64), np.empty(256, np.int64), rows, following
        )
        found.append((int(words[rows[0]]), int(words[following[0]]) if following[0] >= 0 else None))
    assert found == [(3, 3), (3, 3), (3, 5), (5, 5), (5, 9), (9, None)]
