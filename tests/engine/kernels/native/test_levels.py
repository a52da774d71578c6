"""Definition levels in runs of every length and kind: which rows have a value, and which one."""

from __future__ import annotations

import numpy as np
import pytest

from tests.engine.kernels.native.test_pages import packed, repeated
from volley.engine.kernels.cpu.native import levels, pages
from volley.engine.kernels.cpu.native.arrays import Rows


def found(stored: bytes, count: int, *, room: int | None = None) -> tuple[int, Rows]:
    """Return how many of the rows have a value, and which one each has, as the kernel finds them."""
    data = np.frombuffer(b"?" + stored + b"??", np.uint8)
    known = np.full(levels.words_for(count) if room is None else room, 2**64 - 1, np.uint64)
    out = np.full(count, -7, np.int32)
    return levels.value_rows(data, 1, 1 + len(stored), count, known, out), out


def places(bits: list[int]) -> list[int]:
    before = np.cumsum(bits) - bits
    return [int(place) if bit else -1 for place, bit in zip(before, bits, strict=True)]


def test_levels_give_the_place_of_each_value(rng: np.random.Generator) -> None:
    for longest in (3, 20, 70, 300):
        for _ in range(20):
            stored, expected = b"", []
            for _ in range(int(rng.integers(1, 12))):
                length = int(rng.integers(1, longest))
                if rng.integers(2):
                    bit = int(rng.integers(2))
                    stored += repeated(bit, length, 1)
                    expected += [bit] * length
                else:
                    bits = (rng.random(8 * length) < rng.choice([0.1, 0.5, 0.96])).astype(int).tolist()
                    stored += packed(bits, 1)
                    expected += bits
            cut = max(1, len(expected) - int(rng.integers(8)))
            for count in (len(expected), cut):
                values, out = found(stored, count)
                assert values == sum(expected[:count])
                if values < count:
                    assert out.tolist() == places(expected[:count])
            assert found(stored, len(expected) + 1)[0] == pages.DAMAGED


@pytest.mark.parametrize("count", [1, 8, 63, 64, 65, 128, 20_000])
def test_one_run_is_all_that_a_page_has(count: int) -> None:
    assert found(repeated(1, count, 1), count)[0] == count
    values, out = found(repeated(0, count, 1), count)
    assert (values, set(out.tolist())) == (0, {-1})
    values, out = found(packed([1] * (-(-count // 8) * 8), 1), count)
    assert values == count


def test_damaged_levels() -> None:
    assert found(repeated(2, 9, 1), 9)[0] == pages.DAMAGED
    assert found(b"", 9)[0] == pages.DAMAGED
    assert found(packed([1] * 8, 1)[:1], 8)[0] == pages.DAMAGED
    assert found(repeated(0, 64, 1), 64, room=levels.words_for(64) - 1)[0] == pages.DAMAGED
