"""Order, top-k and text order against Python's and numpy's stable sorts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from volley.engine.kernels.cpu import native
from volley.engine.kernels.cpu.native import parallel, textsort
from volley.engine.kernels.cpu.native.arrays import addresses
from volley.engine.kernels.cpu.native.parallel import Threads
from volley.engine.kernels.cpu.native.textsort import Texts, rank_repeated

from .conftest import GREATEST, LEAST, Column, column, key_columns, texts


def word_columns(rng: np.random.Generator, n: int) -> dict[str, NDArray[np.uint64]]:
    skewed = rng.integers(0, 2**64, n, dtype=np.uint64) >> rng.integers(0, 60, n).astype(np.uint64)
    return {
        "full": rng.integers(0, 2**64, n, dtype=np.uint64, endpoint=False),
        "few": rng.integers(0, 5, n).astype(np.uint64),
        "same": np.full(n, 2**63 + 5, np.uint64),
        "skewed": skewed,
        "low bits": rng.integers(0, 2, n).astype(np.uint64) * np.uint64(2**63)
        + rng.integers(0, 1 << 14, n).astype(np.uint64),
        "sorted": np.sort(skewed),
        "reversed": np.sort(skewed)[::-1].copy(),
    }


NAMES = list(word_columns(np.random.default_rng(0), 1))


@pytest.mark.parametrize("n", [0, 1, 2, 39, 500, 40_000])
@pytest.mark.parametrize("name", NAMES)
def test_one_column(rng: np.random.Generator, name: str, n: int) -> None:
    words = word_columns(rng, n)[name]
    before = words.copy()
    assert (native.argsort([words]) == np.argsort(words, kind="stable")).all()
    assert (words == before).all()


@pytest.mark.parametrize("n", [300, 40_000])
@pytest.mark.parametrize("names", [("few", "full"), ("full", "few"), ("skewed", "full", "few"), ("few", "same", "few")])
def test_several_columns(rng: np.random.Generator, names: tuple[str, ...], n: int) -> None:
    columns = [word_columns(rng, n)[name] for name in names]
    expected = np.lexsort(columns[::-1])
    out = np.empty(n, np.int32)
    assert np.shares_memory(native.argsort(columns, out=out), out)
    assert (out == expected).all()
    for k in (0, 1, 10, n // 3, n, n + 5):
        assert (native.smallest(columns, k) == expected[:k]).all()


@pytest.mark.parametrize("name", NAMES)
def test_threads_change_nothing(rng: np.random.Generator, name: str) -> None:
    words = word_columns(rng, 70_000)[name]
    with Threads(3) as executor:
        for columns in ([words], [words, word_columns(rng, 70_000)["full"]]):
            assert (native.argsort(columns, threads=executor) == np.lexsort(columns[::-1])).all()


@pytest.mark.parametrize("nulls_first", [False, True])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("name", ["all null", "few", "sparse", "extreme", "high bits"])
def test_integers_with_nulls(rng: np.random.Generator, name: str, descending: bool, nulls_first: bool) -> None:
    data = key_columns(rng)[name]
    value = native.order_integers(data.values, bits=data.bits, bit_offset=data.bit_offset, descending=descending)
    keys = [(int(v) if ok else None) for v, ok in zip(data.values, data.valid, strict=True)]
    check_order(data, value, keys, descending=descending, nulls_first=nulls_first)


@pytest.mark.parametrize("nulls_first", [False, True])
@pytest.mark.parametrize("descending", [False, True])
def test_floats_with_nulls(rng: np.random.Generator, descending: bool, nulls_first: bool) -> None:
    payload = np.array([0xFFF8000000000001], np.uint64).view(np.float64)[0]
    special = np.array([np.nan, payload, np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324, 1.5, -1.5])
    data = column(rng.choice(special, 900), rng.random(900) < 0.8)
    value = native.order_floats(data.values, bits=data.bits, bit_offset=data.bit_offset, descending=descending)
    keys = [
        None if not ok else (1, 0.0) if math.isnan(v) else (0, v)
        for v, ok in zip(data.values.tolist(), data.valid, strict=True)
    ]
    check_order(data, value, keys, descending=descending, nulls_first=nulls_first)
    alone = native.order_floats(
        data.values, bits=data.bits, bit_offset=data.bit_offset, descending=descending, nulls_last=not nulls_first
    )
    nulls = native.order_nulls(data.bits, data.bit_offset, len(keys), nulls_first=nulls_first)
    assert (native.argsort([alone]) == native.argsort([nulls, value])).all()  # both ends are left to nulls


def check_order(
    data: Column, value: NDArray[np.uint64], keys: list[Any], *, descending: bool, nulls_first: bool
) -> None:
    nulls = native.order_nulls(data.bits, data.bit_offset, len(keys), nulls_first=nulls_first)
    rows = native.argsort([nulls, value])
    some = [row for row in range(len(keys)) if keys[row] is not None]
    none = [row for row in range(len(keys)) if keys[row] is None]
    some.sort(key=lambda row: keys[row], reverse=descending)
    assert rows.tolist() == (none + some if nulls_first else some + none)


def strings(rng: np.random.Generator, name: str) -> list[bytes]:
    return {
        "empty": [],
        "one": [b"x"],
        "all empty": [b""] * 40,
        "prefixes": [b"same start, then " + b"a" * int(i) for i in rng.integers(0, 30, 900)],
        "zero bytes": [b"\0" * int(i) + b"\1" * int(j) for i, j in rng.integers(0, 12, (900, 2))],
        "high bytes": [bytes([int(i), 255, int(j)]) for i, j in rng.integers(0, 256, (900, 2))],
        "repeated": [b"customer#%04d" % i for i in rng.integers(0, 300, 20_000)],
        "repeated seldom": [b"customer#%05d" % i for i in rng.integers(0, 5_000, 40_000)],
        "distinct": [b"customer#%09d" % i for i in rng.permutation(20_000)],
        # By a few rows it looks repeated, and most are not: what begins to number them gives up.
        "some often": [
            b"again %d" % (i % 50) if i % 3 == 0 else b"%06d, and once only" % i for i in rng.permutation(80_000)
        ],
        "often with zeros": [
            b"again\0%d" % (i % 50) if i % 3 == 0 else b"word" + b"\0" * (i % 30) + b"%d" % (i // 30)
            for i in rng.permutation(80_000)
        ],
        "many repeated": [b"customer#%09d" % i for i in rng.integers(0, 1 << 62, 9_000).repeat(9)],
        "long ties": [b"z" * 100 + bytes([65 + int(i)]) + b"y" * int(j) for i, j in rng.integers(0, 3, (300, 2))],
    }[name]


TEXTS = [
    "empty",
    "one",
    "all empty",
    "prefixes",
    "zero bytes",
    "high bytes",
    "repeated",
    "repeated seldom",
    "distinct",
    "some often",
    "often with zeros",
    "many repeated",
    "long ties",
]


def test_repeated_texts_are_numbered_until_most_prove_different(rng: np.random.Generator) -> None:
    for name, repeats in (("many repeated", True), ("some often", False), ("distinct", False)):
        offsets, data = texts(strings(rng, name), np.int32)
        cuts = range(0, len(offsets) - 1, 10_000)
        pieces = [Texts(offsets[cut : cut + 10_001], data, native.NO_BITS, 0) for cut in cuts]
        out = [np.empty(len(piece.offsets) - 1, np.int32) for piece in pieces]
        done: list[str] = []
        with Threads(2) as threads:
            found = rank_repeated(pieces, out, threads, [lambda done=done, name=name: done.append(name)])
        assert (found is not None) is repeats
        assert done == ([name] if repeats else [])


def test_many_repeated_texts_are_ranked_by_all_threads(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(textsort, "_RANKED_BY_ALL", 1)
    monkeypatch.setattr(parallel, "SHARED_ROWS", 100)
    test_text(rng, "many repeated", np.int32)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("name", TEXTS)
def test_text(rng: np.random.Generator, name: str, dtype: type) -> None:
    known = strings(rng, name)
    offsets, data = texts(known, dtype)
    order = sorted(range(len(known)), key=known.__getitem__)
    assert native.text_argsort(offsets, data).tolist() == order
    valid = rng.random(len(known)) < 0.7
    nullable = column(np.zeros(len(known)), valid)
    ranks = native.text_ranks(offsets, data, bits=nullable.bits, bit_offset=nullable.bit_offset)
    kept = pd.Series([s for s, ok in zip(known, valid, strict=True) if ok], dtype=object)
    assert ranks[valid].tolist() == (kept.rank(method="dense").astype(int) - 1).tolist()
    assert (ranks[~valid] == 0).all()
    with Threads(3) as threads:
        shared = native.text_ranks(offsets, data, bits=nullable.bits, bit_offset=nullable.bit_offset, threads=threads)
    assert (shared == ranks).all()


def test_extremes_keep_their_order() -> None:
    values = np.array([GREATEST, LEAST, 0, -1])
    assert native.argsort([native.order_integers(values)]).tolist() == [1, 3, 2, 0]
    assert native.argsort([native.order_integers(values, descending=True)]).tolist() == [0, 2, 3, 1]


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 1000])
@pytest.mark.parametrize("greatest", [False, True])
def test_values_within_a_limit(rng: np.random.Generator, n: int, greatest: bool) -> None:
    whole = rng.integers(-100, 100, n)
    floats = np.where(rng.random(n) < 0.1, np.nan, np.where(rng.random(n) < 0.1, -0.0, whole.astype(float)))
    for limit in (-99, 0, 99):
        expected = np.flatnonzero(whole >= limit if greatest else whole <= limit)
        assert (within([whole], np.array([limit]), greatest)[0] == expected).all()
        expected = np.flatnonzero((floats >= limit) | np.isnan(floats) if greatest else floats <= limit)
        assert (within([floats], np.array([float(limit)]), greatest)[0] == expected).all()


def test_values_within_a_limit_of_arrays_that_do_not_all_fit_the_room(rng: np.random.Generator) -> None:
    arrays = [rng.integers(0, 10, n) for n in (0, 500, 1, 900, 64, 899, 128, 0)]
    found = within(arrays, np.array([8]), False)
    assert [rows.tolist() for rows in found] == [np.flatnonzero(array <= 8).tolist() for array in arrays]
    assert not any(map(len, within(arrays, np.array([-1]), False)))


def within(arrays: Sequence[Any], limit: Any, greatest: bool) -> list[Any]:
    """Return the rows of each array."""
    lengths = np.array(list(map(len, arrays)))
    found = dict(native.values_within(addresses(arrays), lengths, limit, greatest=greatest))
    assert all(map(len, found.values()))
    return [found.get(number, np.zeros(0, np.int32)) for number in range(len(arrays))]


@pytest.mark.parametrize("nulls", [False, True])
def test_rows_within_a_limit(rng: np.random.Generator, nulls: bool) -> None:
    words = rng.integers(0, 2**64, 500, dtype=np.uint64)
    nullable = column(words.view(np.int64), rng.random(500) < 0.8)
    limit = 2**62
    within = np.where(nullable.valid, words <= np.uint64(limit), nulls)
    found = native.rows_within(words, limit, bits=nullable.bits, bit_offset=nullable.bit_offset, nulls=nulls)
    assert found.tolist() == np.flatnonzero(within).tolist()
    assert native.rows_within(words, limit).tolist() == np.flatnonzero(words <= np.uint64(limit)).tolist()
