"""Joins against pandas: every pair once, in probe order then build order."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from volley.engine.kernels.cpu import native
from volley.engine.kernels.cpu.native import keytable, valuelines
from volley.engine.kernels.cpu.native.keytable import ProbeKeys
from volley.engine.kernels.cpu.native.parallel import Threads

from .conftest import Column, column, texts


def sides(rng: np.random.Generator, name: str) -> tuple[Column, Column]:
    """Return build and probe keys."""
    match name:
        case "unique dense":
            return column(rng.permutation(2000)), column(rng.integers(-50, 2500, 3000))
        case "unique sparse":
            return column(rng.permutation(2000) << 40), column(rng.integers(0, 2500, 3000) << 40)
        case "unique with nulls":
            build = column(rng.permutation(1000), rng.random(1000) < 0.5)
            return build, column(rng.integers(0, 1200, 3000), rng.random(3000) < 0.8)
        case "many to many":
            build = column(rng.integers(0, 80, 900), rng.random(900) < 0.9)
            return build, column(rng.integers(0, 100, 700), rng.random(700) < 0.9)
        case "many to many sparse":
            build = column(rng.integers(0, 80, 900) << 40, rng.random(900) < 0.9)
            return build, column(rng.integers(0, 100, 700) << 40, rng.random(700) < 0.9)
        case "one key":
            return column(np.full(50, 2**62)), column(np.full(60, 2**62))
        case "empty build":
            return column(np.zeros(0, np.int64)), column(np.arange(10))
        case "empty probe":
            return column(np.arange(10)), column(np.zeros(0, np.int64))
        case "all null":
            return column(np.zeros(20, np.int64), np.zeros(20, np.bool_)), column(np.zeros(9, np.int64))
    raise AssertionError(name)


NAMES = [
    "unique dense",
    "unique sparse",
    "unique with nulls",
    "many to many",
    "many to many sparse",
    "one key",
    "empty build",
    "empty probe",
    "all null",
]


def expected_pairs(build: Column, probe: Column, how: str) -> list[tuple[int, int]]:
    def frame(side: Column, name: str, null: str) -> pd.DataFrame:
        keys = [str(v) if ok else null for v, ok in zip(side.values, side.valid, strict=True)]
        return pd.DataFrame({"k": pd.Series(keys, dtype=object), name: np.arange(len(keys))})

    joined = frame(probe, "p", "null probe").merge(frame(build, "b", "null build"), on="k", how=how)
    joined["b"] = joined["b"].fillna(-1).astype(int)
    return sorted(zip(joined["p"].tolist(), joined["b"].tolist(), strict=True))


def pairs(result: tuple[NDArray[np.int32], NDArray[np.int32]]) -> list[tuple[int, int]]:
    return list(zip(*(side.tolist() for side in result), strict=True))


@pytest.mark.parametrize(("threads", "most_parts"), [(1, 256), (2, 256), (3, 16)])
@pytest.mark.parametrize("name", NAMES)
def test_joins(
    rng: np.random.Generator, name: str, threads: int, most_parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    build, probe = sides(rng, name)
    # Small regions and shared work even for few rows.
    monkeypatch.setattr(keytable, "_REGION_BITS", 2)
    monkeypatch.setattr(keytable, "_SHARED_ROWS", 1)
    monkeypatch.setattr(keytable, "_SPREAD_ROWS", 300)
    monkeypatch.setattr(keytable, "_MOST_PARTS", most_parts)
    ends = [0, *np.sort(rng.integers(0, len(build.words) + 1, 2)).tolist(), len(build.words)]
    cut = [ProbeKeys(build.words[start:stop], build.bits, build.bit_offset + start) for start, stop in pairwise(ends)]
    with Threads(threads) as executor:
        index = native.JoinIndex(cut, threads=executor if threads > 1 else None)
    matches = index.match(probe.words, bits=probe.bits, bit_offset=probe.bit_offset)
    inner = expected_pairs(build, probe, "inner")
    assert pairs(index.inner(matches)) == inner
    keys = ProbeKeys(probe.words, probe.bits, probe.bit_offset)
    assert [pairs(each) for each in index.inner_each([keys, keys])] == [inner, inner]
    assert [each.tolist() for each in index.match_each([keys] * 3)] == [matches.tolist()] * 3
    assert pairs(index.left(matches)) == expected_pairs(build, probe, "left")
    partnered = {row for row, _ in inner}
    assert index.semi(matches).tolist() == sorted(partnered)
    assert index.anti(matches).tolist() == [row for row in range(len(probe.values)) if row not in partnered]
    assert index.partners(matches).tolist() == [sum(p == row for p, _ in inner) for row in range(len(probe.values))]
    assert {*index.partners_of_any(matches).tolist()} == {row for _, row in inner}
    first = native.JoinIndex([ProbeKeys(build.words, build.bits, build.bit_offset)], first=True)
    met = first.match(probe.words, bits=probe.bits, bit_offset=probe.bit_offset)
    assert met.tolist() == [min((b for p, b in inner if p == row), default=-1) for row in range(len(probe.values))]
    build_keys = [row for _, row in inner]
    assert not index.unique or len({*build_keys}) == len({(build.values[b], build.valid[b]) for b in build_keys})


@pytest.mark.parametrize("dtype", [np.uint32, np.uint64])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_values_instead_of_rows(
    rng: np.random.Generator, name: str, threads: int, dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    build, probe = sides(rng, name)
    monkeypatch.setattr(keytable, "_REGION_BITS", 3)
    monkeypatch.setattr(keytable, "_SHARED_ROWS", 1)
    monkeypatch.setattr(keytable, "_SPREAD_ROWS", 300)
    values = rng.integers(0, 2**32, len(build.words)).astype(dtype)
    middle = len(build.words) // 3
    cut = [
        ProbeKeys(build.words[:middle], build.bits, build.bit_offset),
        ProbeKeys(build.words[middle:], build.bits, build.bit_offset + middle),
    ]
    with Threads(threads) as executor:
        index = native.JoinIndex(cut, threads=executor, values=[values[:middle], values[middle:]])
    assert index.has_values == name.endswith("sparse")  # else keys are dense
    if index.has_values:
        inner = expected_pairs(build, probe, "inner")
        half = (np.arange(len(probe.words)) % 3 > 0) & probe.valid
        keys = [
            ProbeKeys(probe.words, probe.bits, probe.bit_offset),
            ProbeKeys(probe.words, np.packbits(half, bitorder="little")),
        ]
        keys.append(ProbeKeys(probe.words[: len(probe.words) // 2], probe.bits, probe.bit_offset))
        known = [(row, int(values[partner])) for row, partner in inner]
        part = len(probe.words) // 2
        wanted = [known, [pair for pair in known if half[pair[0]]], [pair for pair in known if pair[0] < part]]
        found = index.values_each(keys, dtype)
        assert [list(zip(rows.tolist(), own.tolist(), strict=True)) for rows, own in found] == wanted
        everything = build.words[rng.permutation(len(build.words))]
        [(rows, own)] = index.values_each([ProbeKeys(everything)], dtype)
        assert {*zip(everything[rows].tolist(), own.tolist(), strict=True)} == {
            *zip(build.words[build.valid].tolist(), values[build.valid].tolist(), strict=True)
        }


def test_values_are_not_taken_where_the_table_cannot_hold_them(rng: np.random.Generator) -> None:
    words = np.concatenate([rng.integers(0, 2**63, 20_000).astype(np.uint64), [valuelines.FREE]])
    values = np.arange(len(words)).astype(np.uint64)
    without = native.JoinIndex([ProbeKeys(words[:-1])], values=[values[:-1]])
    assert without.has_values
    [(rows, found)] = without.values_each([ProbeKeys(words[::-1].copy())], np.uint64)
    assert rows.tolist() == list(range(1, len(words)))
    assert found.tolist() == values[-2::-1].tolist()
    with_it = native.JoinIndex([ProbeKeys(words)], values=[values])
    assert not with_it.has_values
    assert with_it.match(words[-2:]).tolist() == [len(words) - 2, len(words) - 1]
    late = native.JoinIndex([ProbeKeys(words[:-1]), ProbeKeys(words[:1])], values=[values[:-1], values[:1]])
    assert not late.has_values  # one key again, too late to be seen among the first
    assert not late.unique
    many = rng.integers(0, 2**63, 1_000_000).astype(np.uint64)
    crowd = np.unique(many[place_of(many, 8) == 3])
    crowded = native.JoinIndex([ProbeKeys(crowd)], values=[crowd])
    assert not crowded.has_values
    assert (crowd[crowded.match(crowd)] == crowd).all()


def place_of(words: NDArray[np.uint64], places: int) -> NDArray[np.uint64]:
    half = np.uint64(32)
    return ((((words ^ (words >> half)) * np.uint64(0x9E3779B97F4A7C15)) >> half) * np.uint64(places)) >> half


@pytest.mark.parametrize("times", [1, 3])
def test_keys_that_crowd_a_part_of_the_table(rng: np.random.Generator, times: int) -> None:
    many = rng.integers(0, 2**63, 1_000_000).astype(np.uint64)
    crowd = np.unique(many[place_of(many, 8) == 3])
    words = rng.permutation(np.tile(crowd, times))
    index = native.JoinIndex([ProbeKeys(words)])
    assert index.unique == (times == 1)
    probe = np.concatenate([crowd, many[place_of(many, 8) == 4]])
    matches = index.match(probe)
    assert (matches[len(crowd) :] == -1).all()
    rows, found = index.inner(matches)
    assert len(rows) == len(words)
    assert (words[found] == probe[rows]).all()
    assert len(np.unique(found)) == len(words)
    assert (np.diff(found)[np.diff(rows) == 0] > 0).all()


def test_zero_is_a_key_like_any_other() -> None:
    others = np.arange(1, 40, dtype=np.uint64) << np.uint64(40)
    without, with_it = (
        native.JoinIndex([ProbeKeys(others)]),
        native.JoinIndex([ProbeKeys(others), ProbeKeys(np.zeros(1, np.uint64))]),
    )
    zero = np.zeros(1, np.uint64)
    assert without.unique
    assert with_it.unique
    assert without.match(zero).tolist() == [-1]
    assert with_it.match(zero).tolist() == [39]
    assert native.JoinIndex([ProbeKeys(np.append(others, zero))], first=True).match(zero).tolist() == [39]


def test_unique_is_known(rng: np.random.Generator) -> None:
    for name in ("unique dense", "unique sparse", "unique with nulls", "empty build"):
        build, _ = sides(rng, name)
        assert native.JoinIndex([ProbeKeys(build.words, build.bits, build.bit_offset)]).unique
    assert not native.JoinIndex([ProbeKeys(np.array([1, 2, 1], np.uint64))]).unique


def test_keys_of_several_columns_join_through_their_groups(rng: np.random.Generator) -> None:
    names = [b"ab", b"a", b"", b"longer than eight", b"longer than eighs"]
    build_text, probe_text = rng.integers(0, 4, 300), rng.integers(0, 5, 400)
    build_number, probe_number = rng.integers(-3, 3, 300), rng.integers(-4, 3, 400)
    codes, groups = native.BytesGroups(), native.RowGroups(2)

    def columns(text: NDArray[np.int64], number: NDArray[np.int64], *, insert: bool) -> list[NDArray[np.uint64]]:
        code = (codes.insert if insert else codes.find)(*texts([names[t] for t in text]))
        return [code.astype(np.int64).view(np.uint64), number.view(np.uint64)]

    ids = groups.insert(columns(build_text, build_number, insert=True))
    index = native.JoinIndex([ProbeKeys(ids.astype(np.int64).view(np.uint64))])
    found = groups.find(columns(probe_text, probe_number, insert=False))
    matches = index.match(found.astype(np.int64).view(np.uint64))
    build = column(build_text * 100 + build_number)
    probe = column(probe_text * 100 + probe_number)
    assert pairs(index.inner(matches)) == expected_pairs(build, probe, "inner")
