"""Random and awkward columns, and the numpy reference for validity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

LEAST, GREATEST = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Column:
    """Values with an optional validity bitmap that begins at an odd bit."""

    values: NDArray[Any]
    valid: NDArray[np.bool_]
    bits: NDArray[np.uint8]
    bit_offset: int

    @property
    def words(self) -> NDArray[np.uint64]:
        return self.values.view(np.uint64)


def column(values: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> Column:
    if valid is None:
        return Column(values, np.ones(len(values), np.bool_), np.zeros(0, np.uint8), 0)
    bits = np.packbits(np.concatenate([np.ones(5, np.bool_), valid]), bitorder="little")
    return Column(values, valid, bits, 5)


def texts(strings: list[bytes], dtype: type = np.int32) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Return offsets and data, with some bytes before the first string."""
    offsets = np.cumsum([3, *map(len, strings)]).astype(dtype)
    return offsets, np.frombuffer(b"xyz" + b"".join(strings), dtype=np.uint8)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261123)


def key_columns(rng: np.random.Generator) -> dict[str, Column]:
    n = 5000
    return {
        "empty": column(np.zeros(0, np.int64)),
        "one": column(np.array([GREATEST])),
        "one null": column(np.array([7]), np.zeros(1, np.bool_)),
        "all null": column(rng.integers(0, 9, n), np.zeros(n, np.bool_)),
        "same": column(np.full(n, -3)),
        "few": column(rng.integers(-2, 3, n), rng.random(n) < 0.7),
        "dense": column(rng.integers(-4000, 4000, n)),
        "sparse": column(rng.integers(LEAST, GREATEST, n), rng.random(n) < 0.9),
        "extreme": column(rng.choice(np.array([LEAST, LEAST + 1, -1, 0, 1, GREATEST - 1, GREATEST]), n)),
        "distinct": column(rng.permutation(n) * 1_000_003),
        "high bits": column(rng.integers(0, 200, n) << 55, rng.random(n) < 0.5),
    }
