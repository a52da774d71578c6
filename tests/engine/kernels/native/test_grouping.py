"""Group identifiers: pandas' factorize is the oracle, whatever the batches, ranges, collisions and nulls."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from volley.engine.errors import ExecutionError
from volley.engine.kernels.cpu import native
from volley.engine.kernels.cpu.native.arrays import rows_out
from volley.engine.kernels.cpu.native.grouping import larger
from volley.engine.kernels.cpu.native.rowgroups import HashedRowGroups

from .conftest import GREATEST, LEAST, Column, column, key_columns, texts

GOLDEN_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 2**64))


def batches(length: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, length)) for start in range(0, length, size))


def factorized(data: Column) -> NDArray[np.int64]:
    """Number keys by first sight; nulls are one more key."""
    keys = pd.Series(data.values, dtype=object).where(data.valid, None)
    return np.asarray(pd.factorize(keys, use_na_sentinel=False)[0])


def insert_all(groups: native.WordGroups, data: Column, size: int) -> NDArray[np.int32]:
    pieces = [
        groups.insert(data.words[part], bits=data.bits, bit_offset=data.bit_offset + part.start)
        for part in batches(len(data.values), size)
    ]
    return np.concatenate([np.zeros(0, np.int32), *pieces])


@pytest.mark.parametrize("size", [7, 700, 10_000])
@pytest.mark.parametrize("name", list(key_columns(np.random.default_rng(0))))
def test_words(rng: np.random.Generator, name: str, size: int) -> None:
    data = key_columns(rng)[name]
    groups = native.WordGroups()
    ids = insert_all(groups, data, size)
    assert (ids == factorized(data)).all()
    assert len(groups) == (ids.max() + 1 if len(ids) else 0)
    keys = groups.keys().view(np.int64)
    assert (keys[ids] == data.values)[data.valid].all()
    assert groups.null_group == (ids[~data.valid][0] if not data.valid.all() else -1)
    found = groups.find(data.words, bits=data.bits, bit_offset=data.bit_offset)
    assert (found == ids).all()


def test_words_never_inserted_are_not_found(rng: np.random.Generator) -> None:
    absent = np.array([LEAST, -1, 100_001, GREATEST]).view(np.uint64)
    for keys in (np.arange(100), np.arange(100) * 1_000_000_007, rng.integers(0, 100_000, 200_000)):
        groups = native.WordGroups()
        assert groups.find(absent).tolist() == [-1] * 4
        groups.insert(keys.view(np.uint64))
        assert groups.find(absent).tolist() == [-1] * 4
        nulls = column(np.zeros(3, np.int64), np.zeros(3, np.bool_))
        assert groups.find(nulls.words, bits=nulls.bits, bit_offset=nulls.bit_offset).tolist() == [-1] * 3


def test_a_dense_range_may_grow_either_way_and_then_burst(rng: np.random.Generator) -> None:
    steps = [np.arange(0, 50), np.arange(-400, 10), np.arange(1000, 300_000, 3), np.array([LEAST, GREATEST])]
    data = column(np.concatenate([*steps, *steps[::-1]]))
    groups = native.WordGroups()
    pieces = [groups.insert(step.view(np.uint64)) for step in [*steps, *steps[::-1]]]
    assert (np.concatenate(pieces) == factorized(data)).all()


def test_keys_that_share_a_slot_stay_apart() -> None:
    # (word ^ word >> 32) * golden with the same top bits: words whose hash differs in low bits only.
    products = (np.arange(3000, dtype=np.uint64) + np.uint64(0xABCDEF << 40)).astype(np.uint64)
    mixed = products * GOLDEN_INVERSE
    words = mixed ^ (mixed >> np.uint64(32))
    keys = np.concatenate([words, words[::-1]])
    groups = native.WordGroups()
    ids = groups.insert(keys)
    assert (ids == pd.factorize(keys)[0]).all()
    assert (groups.find(keys) == ids).all()


def test_caller_given_output_is_used(rng: np.random.Generator) -> None:
    out = np.full(10, 99, np.int32)
    ids = native.WordGroups().insert(np.arange(4, dtype=np.uint64), out=out)
    assert np.shares_memory(ids, out)
    assert out.tolist() == [0, 1, 2, 3, 99, 99, 99, 99, 99, 99]


ROW_KEYS: dict[str, list[tuple[int, int]]] = {
    "small": [(0, 3), (-2, 2), (0, 1)],
    "one column": [(LEAST, GREATEST)],
    "wide": [(LEAST, GREATEST), (0, 5)],
    "just 64 bits": [(0, 2**32 - 1), (-(2**31), 2**31 - 1)],
    "constant": [(7, 7), (-9, -9)],
}


@pytest.mark.parametrize("name", list(ROW_KEYS))
@pytest.mark.parametrize("size", [13, 5000])
def test_rows(rng: np.random.Generator, name: str, size: int) -> None:
    pool = [rng.integers(low, high, 200, endpoint=True) for low, high in ROW_KEYS[name]]
    columns = [values[rng.integers(0, len(values), 3000)] for values in pool]
    expected = pd.factorize(pd.MultiIndex.from_arrays(columns))[0]
    groups = native.RowGroups(len(columns))
    words = [each.view(np.uint64) for each in columns]
    ids = np.concatenate([groups.insert([each[part] for each in words]) for part in batches(3000, size)])
    assert (ids == expected).all()
    assert (np.column_stack(groups.keys())[ids] == np.column_stack(words)).all()
    assert (groups.find(words) == ids).all()


def test_rows_of_ever_wider_layouts_keep_their_groups(rng: np.random.Generator) -> None:
    groups, seen = native.RowGroups(2), []
    for magnitude in (3, 60, -5000, 10**6, -(10**12), 2**62):
        low, high = sorted((0, magnitude))
        seen.append(rng.integers(low, high, (2, 300), endpoint=True))
    everything = np.concatenate([*seen, *seen], axis=1)
    expected = pd.factorize(pd.MultiIndex.from_arrays(list(everything)))[0]
    ids = [groups.insert([np.ascontiguousarray(row).view(np.uint64) for row in part]) for part in [*seen, *seen]]
    assert (np.concatenate(ids) == expected).all()
    assert (np.stack(groups.keys()).view(np.int64)[:, np.concatenate(ids)] == everything).all()


def test_rows_never_inserted_are_not_found() -> None:
    groups = native.RowGroups(2)
    probe = [np.array([0, 5, 2**63, 1], np.uint64), np.array([0, 0, 0, 2**40], np.uint64)]
    assert groups.find(probe).tolist() == [-1] * 4
    groups.insert([np.array([0, 1], np.uint64), np.array([0, 1], np.uint64)])
    assert groups.find(probe).tolist() == [0, -1, -1, -1]
    assert groups.insert([np.zeros(0, np.uint64)] * 2).tolist() == []


@pytest.mark.parametrize("weak", [0, 2**64 - 1])
def test_hashed_rows_whose_hashes_all_collide_stay_apart(rng: np.random.Generator, weak: int) -> None:
    columns = [rng.integers(0, 20, 800).astype(np.uint64) for _ in range(3)]
    hashes = np.full(800, weak, np.uint64)
    groups = HashedRowGroups(3)
    ids = groups.insert(columns, hashes=hashes)
    assert (ids == pd.factorize(pd.MultiIndex.from_arrays(columns))[0]).all()
    assert (groups.find(columns, hashes=hashes) == ids).all()
    assert groups.find([each + np.uint64(50) for each in columns], hashes=hashes).max() == -1


def strings(rng: np.random.Generator, name: str) -> list[bytes]:
    return {
        "empty": [],
        "all empty": [b""] * 300,
        "codes": [b"%d" % i for i in rng.integers(-50, 50, 4000)],
        "lengths": [b"a" * int(i) for i in rng.integers(0, 40, 4000)],
        "zero bytes": [b"\0" * int(i) for i in rng.integers(0, 20, 2000)],
        "distinct": [b"%030d" % i for i in rng.permutation(6000)],
        "long": [bytes([65 + int(i)]) * 5000 for i in rng.integers(0, 9, 50)],
    }[name]


STRINGS = ["empty", "all empty", "codes", "lengths", "zero bytes", "distinct", "long"]


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("name", STRINGS)
def test_byte_strings(rng: np.random.Generator, name: str, dtype: type) -> None:
    known = strings(rng, name)
    offsets, data = texts(known, dtype)
    valid = rng.random(len(known)) < 0.8
    keys = column(np.array([*known, b"?"], dtype=object)[:-1], valid)
    groups = native.BytesGroups()
    pieces = [
        groups.insert(
            offsets[part.start : part.stop + 1], data, bits=keys.bits, bit_offset=keys.bit_offset + part.start
        )
        for part in batches(len(known), 1777)
    ]
    ids = np.concatenate([np.zeros(0, np.int32), *pieces])
    assert (ids == factorized(keys)).all()
    key_offsets, key_data = groups.keys()
    texts_of = [key_data[a:b].tobytes() for a, b in pairwise(key_offsets)]
    assert [texts_of[i] for i, ok in zip(ids, valid, strict=True) if ok] == [
        s for s, ok in zip(known, valid, strict=True) if ok
    ]
    found = groups.find(offsets, data, bits=keys.bits, bit_offset=keys.bit_offset)
    assert (found == ids).all()


def tagged(tag: int, count: int) -> list[bytes]:
    """Return different strings of 8 bytes that ``hashing.text_tag`` gives one tag: the function run backwards."""
    odd, lengths = 0xD6E8FEB86659FD93, 0x165667B19E3779F9
    factors = 0x9E3779B97F4A7C15 + odd + 0xC2B2AE3D27D4EB4F  # the first, middle and last 8 bytes are all of them
    made = []
    for low in range(count):
        h = (tag << 32 | low) * pow(odd, -1, 2**64) % 2**64
        h ^= h >> 29 ^ h >> 58
        made.append(((h - 8 * lengths) * pow(factors, -1, 2**64) % 2**64).to_bytes(8, "little"))
    return made


def test_byte_strings_whose_hashes_all_collide_stay_apart(rng: np.random.Generator) -> None:
    same = tagged(2**32 - 1, 400)
    known = [same[i] for i in rng.integers(0, 300, 4000)] + strings(rng, "codes")
    offsets, data = texts(known)
    groups = native.BytesGroups()
    ids = groups.insert(offsets, data)
    assert (ids == pd.factorize(np.array(known, dtype=object))[0]).all()
    other_offsets, other_data = texts([same[399], known[1], b"absent"])
    assert groups.find(other_offsets, other_data).tolist() == [-1, ids[1], -1]
    probes = native.BytesGroups()
    probes.insert(*texts(same))
    assert len(set((probes._table[::2] >> np.uint64(32)).tolist())) == 2  # one tag, and the empty places


def test_many_byte_strings_in_a_table_beyond_the_cache(rng: np.random.Generator) -> None:
    known = [b"customer %d" % i for i in rng.integers(0, 60_000, 200_000)]
    offsets, data = texts(known)
    groups = native.BytesGroups()
    ids = groups.insert(offsets, data)
    assert (ids == pd.factorize(np.array(known, dtype=object))[0]).all()
    assert (groups.find(offsets, data) == ids).all()


def test_nulls_may_be_left_out_of_the_groups() -> None:
    offsets, data = texts([b"a", b"b", b"a"])
    bits = np.array([0b110], np.uint8)
    groups = native.BytesGroups()
    assert groups.insert(offsets, data, bits=bits, group_nulls=False).tolist() == [-1, 0, 1]
    assert (len(groups), groups.null_group) == (2, -1)
    assert groups.insert(offsets, data, bits=bits).tolist() == [2, 0, 1]
    assert (len(groups), groups.null_group) == (3, 2)
    assert groups.insert(offsets, data, bits=bits, group_nulls=False).tolist() == [-1, 0, 1]
    probes = texts([b"c", b"b", b"c"])
    assert groups.find(*probes, bits=bits).tolist() == [2, 0, -1]
    assert groups.find(*probes, bits=bits, group_nulls=False).tolist() == [-1, 0, -2]


@pytest.mark.parametrize("length", [2**24 - 2, 2**24 - 1, 2**24 + 5])
def test_byte_strings_longer_than_a_table_notes_stay_apart(length: int) -> None:
    zeros = b"\0" * length
    offsets, data = texts([zeros, zeros + b"\0", zeros, zeros[:-1] + b"1", zeros + b"\0"])
    assert native.BytesGroups().insert(offsets, data).tolist() == [0, 1, 0, 2, 1]


def test_what_32_bits_cannot_number_is_refused() -> None:
    with pytest.raises(ExecutionError, match="more than 2,147,483,647 distinct keys"):
        larger(native.MAX_ROWS)
    with pytest.raises(ExecutionError, match="at most 2,147,483,647 rows at once"):
        rows_out(None, native.MAX_ROWS + 1)


def test_one_table_merges_into_another(rng: np.random.Generator) -> None:
    first, second = rng.integers(0, 3000, (2, 5000)).astype(np.uint64)
    mine, other = native.WordGroups(), native.WordGroups()
    my_ids, other_ids = mine.insert(first), other.insert(second)
    moved = mine.insert(other.keys())
    together = pd.factorize(np.concatenate([first, second]))[0]
    assert (my_ids == together[:5000]).all()
    assert (mine.keys()[moved[other_ids]] == second).all()


@pytest.mark.parametrize("name", list(ROW_KEYS))
def test_rows_of_one_table_merge_into_another(rng: np.random.Generator, name: str) -> None:
    """Within its layout, beyond it, into an empty one, and where one of them has whole rows."""
    pool = [rng.integers(low, high, 200, endpoint=True) for low, high in ROW_KEYS[name]]
    first, second = ([values[rng.integers(0, len(values), 900)].view(np.uint64) for values in pool] for _ in range(2))
    for mine, theirs in (
        (first, second),
        (second, [each[:5] for each in first]),
        ([each[:3] for each in first], second),
    ):
        for columns in (mine, [each[:0] for each in mine]):
            table, other = native.RowGroups(len(pool)), native.RowGroups(len(pool))
            ids, numbers = table.insert(columns), other.insert(theirs)
            moved = table.absorb(other, [None] * len(pool))
            together = [np.concatenate([*pair]) for pair in zip(columns, theirs, strict=True)]
            assert (np.concatenate([ids, moved[numbers]]) == pd.factorize(pd.MultiIndex.from_arrays(together))[0]).all()
            assert (np.column_stack(table.keys())[moved[numbers]] == np.column_stack(theirs)).all()


def test_numbers_in_rows_of_another_table_are_replaced() -> None:
    mine, other = native.RowGroups(2), native.RowGroups(2)
    null, words = np.uint64(2**64 - 1), np.array([30, 10, 2**64 - 1], np.uint64)
    mine.insert([np.array([null, 30, 10, 40], np.uint64), np.array([1, 1, 2, 3], np.uint64)])
    other.insert([np.array([0, 1, null, 1], np.uint64), np.array([1, 2, 1, 1], np.uint64)])
    assert mine.absorb(other, [words, None]).tolist() == [1, 2, 0, 4]
    assert np.stack(mine.keys()).tolist() == [[null, 30, 10, 40, 10], [1, 1, 2, 3, 1]]
