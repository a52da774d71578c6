"""The first rows by one key, against a stable sort of everything looked at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from volley.engine.kernels.cpu import native
from volley.engine.kernels.cpu.native import leading
from volley.engine.kernels.cpu.native.arrays import addresses

from .conftest import GREATEST, LEAST

ALL = 2**64 - 1
LENGTHS = (0, 1, 63, 64, 65, 128, 0, 1_000, 1, 4_096)


def values_of(kind: str, rng: np.random.Generator, n: int) -> NDArray[Any]:
    match kind:
        case "different":
            return rng.permutation(n)
        case "ascending":
            return np.arange(n) - 50
        case "few":
            return rng.integers(0, 3, n)
        case "same":
            return np.full(n, 7)
        case "extremes":
            return rng.choice(np.array([GREATEST, LEAST, 0, -1]), n)
        case "floats":
            return rng.standard_normal(n)
        case "NaN":
            return np.full(n, np.nan)
        case "some NaN":
            return np.where(rng.random(n) < 0.1, np.nan, rng.integers(-5, 5, n) * 0.5)
        case "infinite":
            return rng.choice(np.array([np.inf, -np.inf]), n)
        case _:
            return rng.choice(np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324]), n)


KINDS = ["different", "ascending", "few", "same", "extremes", "floats", "NaN", "some NaN", "infinite", "all floats"]


def words_of(values: NDArray[Any], descending: bool) -> NDArray[np.uint64]:
    order = native.order_floats if values.dtype.kind == "f" else native.order_integers
    return order(values, descending=descending)


def pieces_of(values: NDArray[Any], lengths: Sequence[int]) -> tuple[list[NDArray[Any]], NDArray[np.int64]]:
    starts = np.cumsum([0, *lengths])
    return [values[start:stop].copy() for start, stop in pairwise(starts)], starts


def shared() -> NDArray[np.uint64]:
    return np.array([ALL], np.uint64)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 5, 100, 3_000, 10_000])
def test_the_first_rows_are_noted(rng: np.random.Generator, kind: str, k: int, descending: bool) -> None:
    values = values_of(kind, rng, sum(LENGTHS))
    pieces, starts = pieces_of(values, LENGTHS)
    words = words_of(values, descending)
    wanted = np.argsort(words, kind="stable")[:k]
    for decides in (True, False):
        found = native.LeadingRows(k, values.dtype, shared(), descending=descending, decides=decides)
        assert found.look(addresses(pieces[:4]), starts[:5])
        assert found.look(addresses(pieces[4:]), starts[4:])
        assert (np.diff(found.places) > 0).all()
        assert (found.words == words[found.places]).all()
        if decides:
            assert found.places[np.argsort(found.words, kind="stable")[:k]].tolist() == wanted.tolist()
        else:
            assert set(np.flatnonzero(words <= words[wanted[-1]])) <= set(found.places)


@pytest.mark.parametrize("kind", ["different", "few", "same", "some NaN"])
@pytest.mark.parametrize("descending", [False, True])
def test_what_one_thread_has_found_bounds_others_and_ties_stay_as_they_lie(
    rng: np.random.Generator, kind: str, descending: bool
) -> None:
    k, lengths = 40, [500] * 20
    values = values_of(kind, rng, sum(lengths))
    pieces, starts = pieces_of(values, lengths)
    least = shared()
    states = [native.LeadingRows(k, values.dtype, least, descending=descending, decides=True) for _ in range(2)]
    for number in [3, 4, 0, 1, 2, *range(5, 20)]:  # the second begins with rows that come before the first's
        state = states[number < 3 or (number > 4 and number % 3 == 0)]
        assert state.look(addresses(pieces[number : number + 1]), starts[number : number + 2])
    words, places = (np.concatenate([getattr(one, name) for one in states]) for name in ("words", "places"))
    expected = np.argsort(words_of(values, descending), kind="stable")[:k]
    assert places[np.lexsort([places, words])][:k].tolist() == expected.tolist()
    assert least[0] >= words_of(values, descending)[expected[-1]]
    assert least[0] < ALL


def test_a_search_goes_on_where_it_was_after_rows_that_tie_were_left_out(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leading, "_TIED_ROOM", 4_000)
    lengths, k = [3_000, 100, 20_000], 10
    values = rng.integers(0, 2, sum(lengths))
    pieces, starts = pieces_of(values, lengths)
    found = native.LeadingRows(k, values.dtype, shared(), descending=False, decides=False)
    turns = 0
    while not found.look(addresses(pieces), starts):
        turns += 1
        assert found.nbytes == 24 * len(found.places) > 24 * 2_000
        found.keep(np.arange(len(found.places) - k, len(found.places), dtype=np.int32))
    assert turns >= 2
    zeros = np.flatnonzero(values == 0)
    own = found.places[found.words == found.words.min()]
    assert own.tolist() == zeros[zeros >= own[0]].tolist()


@pytest.mark.parametrize("descending", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("first", ["same", "few", "extremes", "some NaN", "all floats", "NaN"])
@pytest.mark.parametrize("second", ["different", "few", "extremes", "floats", "some NaN", "all floats"])
def test_rows_that_tie_are_noted_where_their_second_key_is_not_behind(
    rng: np.random.Generator, first: str, second: str, descending: tuple[bool, bool]
) -> None:
    k = 50
    both = [values_of(kind, rng, sum(LENGTHS)) for kind in (first, second)]
    (pieces, starts), (others, _) = (pieces_of(values, LENGTHS) for values in both)
    words = [words_of(values, down) for values, down in zip(both, descending, strict=True)]
    order = np.lexsort(words[::-1])
    last = order[k]
    found = native.LeadingRows(k, both[0].dtype, shared(), descending=descending[0], decides=False)
    found.leave_out(
        (int(words[0][last]), int(words[1][last])), floats=both[1].dtype.kind == "f", descending=descending[1]
    )
    assert found.look(addresses(pieces), starts, addresses(others))
    assert np.isin(order[:k], found.places).all()
    tied = found.places[words[0][found.places] == words[0][last]]
    assert (words[1][tied] <= words[1][last]).all()
