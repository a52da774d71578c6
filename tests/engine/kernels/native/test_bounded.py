"""Rows between bounds against a plain loop."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from volley.engine.kernels.cpu.native import bounded
from volley.engine.kernels.cpu.native.arrays import Rows
from volley.engine.kernels.cpu.native.bounded import BoundedRows


def groups_of(rng: np.random.Generator, rows: int, groups: int) -> tuple[Rows, Rows]:
    """Return where the rows of each group begin, and the rows, shuffled."""
    cuts = np.sort(rng.integers(0, rows + 1, groups - 1))
    return np.array([0, *cuts, rows], dtype=np.int32), rng.permutation(rows).astype(np.int32)


@pytest.mark.parametrize("spread", [3, 1000, 2**64 - 1])
@pytest.mark.parametrize(("rows", "groups"), [(0, 1), (1, 1), (7, 1), (500, 1), (500, 4), (9, 30)])
@pytest.mark.parametrize("beyond", [False, True])
def test_pairs_are_those_of_a_plain_loop(
    rng: np.random.Generator, rows: int, groups: int, spread: int, beyond: bool
) -> None:
    starts, listed = groups_of(rng, rows, groups)
    values, others = (rng.integers(0, spread, rows, dtype=np.uint64, endpoint=True) for _ in range(2))
    asked = 80
    low, high, least = (rng.integers(0, spread, asked, dtype=np.uint64, endpoint=True) for _ in range(3))
    own = rng.integers(-1, groups, asked).astype(np.int32)
    made = BoundedRows(starts, listed, values, others)
    lows, highs = made.places(own, low, beyond=beyond), made.places(own, high, beyond=not beyond)
    wanted: list[tuple[int, int]] = []
    within: list[tuple[int, int]] = []
    for i in range(asked):
        for row in sorted(listed[starts[own[i]] : starts[own[i] + 1]] if own[i] >= 0 else [], key=lambda r: values[r]):
            above = values[row] > low[i] if beyond else values[row] >= low[i]
            below = values[row] < high[i] if beyond else values[row] <= high[i]
            if above and below:
                within.append((i, int(row)))
                if others[row] > least[i] if beyond else others[row] >= least[i]:
                    wanted.append((i, int(row)))
    assert sorted(_listed(made.pairs(lows, highs))) == sorted(within)
    assert sorted(_listed(made.pairs(lows, highs, least, beyond=beyond))) == sorted(wanted)
    begins = np.maximum(lows, made.reaching(own, least, beyond=beyond))
    assert sorted(_listed(made.pairs(begins, highs, least, beyond=beyond))) == sorted(wanted)
    first = _listed(made.pairs(lows, highs, least, beyond=beyond, first=True))
    assert [i for i, _ in first] == sorted({i for i, _ in wanted})
    assert {*first} <= {*wanted}
    assert {*made.covered(lows, highs).tolist()} == {row for _, row in within}


def test_pairs_come_in_pieces(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row's pairs may end one piece and begin the next."""
    monkeypatch.setattr(bounded, "_FEWEST", 3)
    monkeypatch.setattr(bounded, "_MOST", 5)
    starts, rows = groups_of(rng, 20, 1)
    values = np.arange(20, dtype=np.uint64)
    made = BoundedRows(starts, rows, values, values)
    lows, highs = np.array([3, 0, 5], dtype=np.int32), np.array([11, 0, 20], dtype=np.int32)
    expected = [(0, n) for n in range(3, 11)] + [(2, n) for n in range(5, 20)]
    for least in (None, np.zeros(3, dtype=np.uint64)):
        pieces = list(made.pairs(lows, highs, least))
        assert len(pieces) > 3
        assert _listed(iter(pieces)) == expected


def _listed(pieces: Iterable[tuple[Rows, Rows]]) -> list[tuple[int, int]]:
    return [pair for probe, build in pieces for pair in zip(probe.tolist(), build.tolist(), strict=True)]
