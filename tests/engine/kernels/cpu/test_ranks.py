"""Ranks of texts, of which few are ranked in another way than many."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from volley.engine import dtypes
from volley.engine.kernels.cpu.sort import ranks


@pytest.mark.parametrize("n", [0, 1, 5, 64, 65, 300])
@pytest.mark.parametrize("binary", [False, True])
def test_few_texts_rank_as_many_do(n: int, *, binary: bool) -> None:
    rng = np.random.default_rng(n)
    choices = ["", "a", "a\0", "aa", "é", "z", "\U0001f600", "common prefix, then b", "common prefix, then a"]
    texts = [None if rng.random() < 0.2 else choices[i] for i in rng.integers(0, len(choices), n)]
    column = pa.array(["left out", *texts], pa.string())[1:]  # an offset, as slices have
    found = ranks(column.cast(pa.binary()) if binary else column, dtypes.binary if binary else dtypes.string)
    assert found.dtype == np.int32
    known = [(text.encode(), rank) for text, rank in zip(texts, found.tolist(), strict=True) if text is not None]
    order = sorted({text for text, _ in known})
    assert len(set(known)) == len(order), "equal texts have one rank"
    by_rank = [text for text, _ in sorted(set(known), key=lambda each: each[1])]
    assert by_rank == order
