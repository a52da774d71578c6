"""Ranks of texts, of which few are ranked in another way than many, and of decimals of two words."""

from __future__ import annotations

from decimal import Context, Decimal

import numpy as np
import pyarrow as pa
import pytest

from volley.engine import dtypes
from volley.engine.kernels.cpu.ranking import ranks

EXACT = Context(prec=60)


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


@pytest.mark.parametrize("nulls", [False, True])
def test_wide_decimals_rank_as_their_values(nulls: bool) -> None:
    rng = np.random.default_rng(4)
    numbers = [int(x) * 10 ** int(p) for x, p in zip(rng.integers(-9, 10, 500), rng.integers(0, 37, 500), strict=True)]
    values = [None if nulls and i % 7 == 0 else Decimal(x).scaleb(-2, EXACT) for i, x in enumerate(numbers)]
    column = pa.array(values, pa.decimal128(38, 2))
    found = ranks(column, dtypes.decimal(38, 2))
    present = [(value, rank) for value, rank in zip(values, found.tolist(), strict=True) if value is not None]
    by_rank = sorted(present, key=lambda pair: pair[1])
    assert [value for value, _ in by_rank] == sorted(value for value, _ in present)
    assert len(set(present)) == len({value for value, _ in present}) == len({rank for _, rank in present})
