"""Groups of rows that stand in runs: equal rows, and only they, have one number."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from volley.engine.kernels.cpu import native
from volley.engine.kernels.cpu.native import rungroups


def in_runs(
    columns: list[NDArray[np.uint64]], pieces: int, bits: int, valid: NDArray[np.bool_] | None = None
) -> tuple[list[list[NDArray[np.uint64]]], NDArray[np.int64], NDArray[np.bool_]]:
    """Cut rows into pieces, each in the order of partitions of their keys; nulls are partitioned as 0 is."""
    keys = columns[0] if valid is None else np.where(valid, columns[0], np.uint64(0))
    for column in columns[1:]:
        keys = native.combine_hashes(keys, column)
    made, runs, known = [], [], []
    for part in np.array_split(np.arange(len(keys)), pieces):
        order, offsets = native.partition_order(np.ascontiguousarray(keys[part]), bits)
        made.append([np.ascontiguousarray(column[part][order]) for column in columns])
        runs.append(offsets)
        known.append(np.ones(len(part), np.bool_) if valid is None else valid[part][order])
    return made, np.stack(runs), np.concatenate(known)


def check(pieces: list[list[NDArray[np.uint64]]], groups: native.RunGroups, valid: NDArray[np.bool_]) -> None:
    rows = list(zip(*(np.concatenate(column).tolist() for column in zip(*pieces, strict=True)), strict=True))
    wanted = [row if known else None for row, known in zip(rows, valid.tolist(), strict=True)]
    number: dict[object, int] = {}
    assert [
        number.setdefault(row, identifier) for row, identifier in zip(wanted, groups.ids.tolist(), strict=True)
    ] == (groups.ids.tolist())
    assert sorted(number.values()) == list(range(len(groups)))
    assert groups.null_group == number.get(None, -1)
    keys = np.column_stack(groups.keys()).tolist()
    assert all(tuple(keys[identifier]) == row for row, identifier in number.items() if row is not None)
    assert groups.nbytes > 0 or not len(groups)


@pytest.mark.parametrize("first_slots", [8, 1 << 14])
@pytest.mark.parametrize(("pieces", "bits"), [(1, 1), (3, 4), (2, 7)])
@pytest.mark.parametrize("distinct", [1, 50, 4000])
@pytest.mark.parametrize("nulls", [0.0, 0.2, 1.0])
def test_single_words(
    monkeypatch: pytest.MonkeyPatch,
    rng: np.random.Generator,
    nulls: float,
    distinct: int,
    pieces: int,
    bits: int,
    first_slots: int,
) -> None:
    monkeypatch.setattr(rungroups, "_FIRST_SLOTS", first_slots)
    words = (rng.integers(0, distinct, 5000) * 7919 - 5).astype(np.int64).view(np.uint64)
    valid = rng.random(len(words)) >= nulls if nulls else None
    made, runs, known = in_runs([words], pieces, bits, valid)
    validity = native.NO_BITS if valid is None else np.packbits(known, bitorder="little")
    check(made, native.RunGroups(made, runs, bits=validity), known)


@pytest.mark.parametrize("first_slots", [8, 1 << 14])
@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize("distinct", [3, 60])
def test_rows_of_words(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, distinct: int, width: int, first_slots: int
) -> None:
    monkeypatch.setattr(rungroups, "_FIRST_SLOTS", first_slots)
    words = [rng.integers(0, distinct, 4000).astype(np.uint64) << np.uint64(55) for _ in range(width)]
    made, runs, known = in_runs(words, 3, 5)
    check(made, native.RunGroups(made, runs), known)


def test_no_rows() -> None:
    made, runs, known = in_runs([np.zeros(0, np.uint64)], 2, 3)
    check(made, native.RunGroups(made, runs), known)


@pytest.mark.parametrize("nulls", [0.0, 0.2])
@pytest.mark.parametrize("width", [1, 3])
def test_groups_whose_rows_nobody_asks_for(rng: np.random.Generator, width: int, nulls: float) -> None:
    words = [rng.integers(0, 40, 5000).astype(np.uint64) for _ in range(width)]
    valid = rng.random(5000) >= nulls if nulls and width == 1 else None
    made, runs, known = in_runs(words, 2, 3, valid)
    validity = native.NO_BITS if valid is None else np.packbits(known, bitorder="little")
    numbered = native.RunGroups(made, runs, bits=validity)
    groups = native.RunGroups(made, runs, bits=validity, numbered=False)
    assert len(groups.ids) == 0
    assert groups.null_group == numbered.null_group
    np.testing.assert_array_equal(groups.keys(), numbered.keys())
