"""Hashes: equal where keys are, spread over all bits, the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from volley.engine.kernels.cpu import native

from .conftest import column, texts

PINNED_WORDS = ["0000000000000000", "4179b061e0c0e0d0", "448e29ced4103459"]
PINNED_TEXTS = ["0000000000000000", "1d083e1e900a1252", "e0e7698e51a4acdd", "d8fb43bfa8dca67d"]


def test_values_are_pinned_so_that_processes_and_releases_agree() -> None:
    words = np.array([0, 1, 2**64 - 1], np.uint64)
    assert [f"{h:016x}" for h in native.hash_words(words).tolist()] == PINNED_WORDS
    offsets, data = texts([b"", b"a", b"abcdefgh", b"a longer string than that"])
    assert [f"{h:016x}" for h in native.hash_bytes(offsets, data).tolist()] == PINNED_TEXTS


@pytest.mark.parametrize("bit", range(64))
def test_each_bit_reaches_every_bit(rng: np.random.Generator, bit: int) -> None:
    words = rng.integers(0, 2**64, 4000, dtype=np.uint64)
    flipped = native.hash_words(words) ^ native.hash_words(words ^ np.uint64(1 << bit))
    shares = np.unpackbits(flipped.view(np.uint8)).reshape(-1, 64).mean(axis=0)
    assert shares.min() > 0.4
    assert shares.max() < 0.6


@pytest.mark.parametrize("step", [1, 8, 1 << 20, 1 << 40, 1 << 52])
def test_patterned_keys_spread_over_partitions(step: int) -> None:
    keys = (np.arange(1 << 12, dtype=np.uint64) * np.uint64(step)).astype(np.uint64)
    counts = native.count_partitions(native.hash_words(keys), 6)
    assert counts.sum() == 1 << 12
    assert counts.max() < 2 * (1 << 6)


def test_nulls_have_one_hash_whatever_their_words(rng: np.random.Generator) -> None:
    data = column(rng.integers(0, 9, 1000), rng.random(1000) < 0.5)
    hashes = native.hash_words(data.words, bits=data.bits, bit_offset=data.bit_offset)
    plain = native.hash_words(data.words)
    assert (hashes[data.valid] == plain[data.valid]).all()
    assert set(hashes[~data.valid].tolist()) == {int(native.NULL_HASH)}
    assert int(native.NULL_HASH) not in plain.tolist()


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_byte_strings_hash_by_content_alone(rng: np.random.Generator, dtype: type) -> None:
    strings = [bytes(rng.integers(0, 3, size).tolist()) for size in rng.integers(0, 40, 3000)]
    offsets, data = texts(strings, dtype)
    hashes = native.hash_bytes(offsets, data)
    by_string = dict(zip(strings, hashes.tolist(), strict=True))
    assert [by_string[s] for s in strings] == hashes.tolist()
    assert len(set(by_string.values())) == len(by_string)
    shuffled = rng.permutation(len(strings))
    other_offsets, other_data = texts([strings[i] for i in shuffled])
    assert (native.hash_bytes(other_offsets, other_data) == hashes[shuffled]).all()


def test_rows_hash_by_all_columns_in_order(rng: np.random.Generator) -> None:
    first, second = rng.integers(0, 50, (2, 2000)).astype(np.uint64)
    hashes = native.hash_rows([first, second])
    assert len(np.unique(hashes)) == len({*zip(first.tolist(), second.tolist(), strict=True)})
    assert (native.hash_rows([second, first]) != hashes)[first != second].all()
    combined = native.combine_hashes(native.hash_words(first), native.hash_words(second))
    assert len(np.unique(combined)) == len(np.unique(hashes))


def test_float_words_are_equal_where_values_are() -> None:
    payload = np.array([0x7FF8000000000001, 0xFFF8000000000000], np.uint64).view(np.float64)
    values = np.array([0.0, -0.0, np.nan, *payload, 1.5, -np.inf])
    words = native.float_words(values)
    assert words[0] == words[1] == 0
    assert len(set(words[2:5].tolist())) == 1
    assert words[5:].view(np.float64).tolist() == [1.5, -np.inf]


def test_null_words_and_zeroed_nulls(rng: np.random.Generator) -> None:
    data = column(rng.integers(1, 9, 100), rng.random(100) < 0.5)
    validities = [(native.NO_BITS, 0), (data.bits, data.bit_offset)]
    assert (native.null_words(validities, 100) == np.where(data.valid, 0, 2)).all()
    zeroed = native.zero_nulls(data.words, data.bits, data.bit_offset)
    assert (zeroed == np.where(data.valid, data.values, 0).view(np.uint64)).all()


@pytest.mark.parametrize("n", [0, 1, 511, 1300])
def test_hashes_of_columns_by_one_call(rng: np.random.Generator, n: int) -> None:
    words, small = rng.integers(0, 2**63, n).astype(np.uint64), rng.integers(-5, 5, n).astype(np.int32)
    flags = rng.random(n + 3) < 0.7
    bits = np.packbits(flags, bitorder="little")
    done = native.hash_words(words[::-1].copy())
    wide = small.astype(np.int64).view(np.uint64)
    first = native.hash_words(words, bits=bits, bit_offset=3)
    expected = native.combine_hashes(native.combine_hashes(first, done), native.hash_words(wide))
    out, calls = np.zeros(n, np.uint64), native.Calls()
    columns = [native.Hashed(words, bits, 3), native.Hashed(done, done=True), native.Hashed(small)]
    native.hash_columns_later(columns, out, calls)
    calls.run()
    assert out.tolist() == expected.tolist()


def test_different_words_are_counted_over_several_calls(rng: np.random.Generator) -> None:
    words = rng.integers(0, 700, (3, 1000)).astype(np.uint64)
    table, calls = np.zeros(4097, np.uint64), native.Calls()
    for batch in words:
        native.count_distinct_later(batch, table, calls)
    calls.run()
    assert calls.results == [len(np.unique(words[: count + 1])) for count in range(3)]
