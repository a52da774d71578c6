"""Numbers of runs of equal words in ordered rows."""

from __future__ import annotations

import numpy as np
import pytest

from volley.engine.kernels.cpu import native


def numbered(words: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    ids, ends = np.full(len(words), -7, np.int32), np.full(len(words), -7, np.int32)
    runs = native.number_sorted_runs(words.astype(np.int64), ids, ends)
    return runs, ids, ends


@pytest.mark.parametrize("rows", [1, 2, 4095, 4096, 4097, 20_000])
@pytest.mark.parametrize("distinct", [1, 7, 3_000, 10**9])
def test_runs_are_numbered(rng: np.random.Generator, rows: int, distinct: int) -> None:
    words = np.sort(rng.integers(-distinct, distinct, rows))
    runs, ids, ends = numbered(words)
    values, inverse, counts = np.unique(words, return_inverse=True, return_counts=True)
    assert runs == len(values)
    assert ids.tolist() == inverse.tolist()
    assert ends[:runs].tolist() == np.cumsum(counts).tolist()


def test_the_least_and_the_greatest_are_words_like_others() -> None:
    info = np.iinfo(np.int64)
    runs, ids, _ = numbered(np.array([info.min, info.min, -1, info.max]))
    assert (runs, ids.tolist()) == (3, [0, 0, 1, 2])


@pytest.mark.parametrize("place", [1, 4095, 4096, 4097, 9_999])
def test_rows_out_of_order_are_noticed(place: int) -> None:
    words = np.arange(10_000)
    words[place] = words[place - 1] - 1
    assert numbered(words)[0] == -1


def test_no_rows_have_no_runs() -> None:
    assert numbered(np.zeros(0))[0] == 0
