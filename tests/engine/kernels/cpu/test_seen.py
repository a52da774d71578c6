"""Which groups have met a value is known over batches with nulls, rows that are left out, and groups that come in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from volley.engine.kernels.cpu.batch import Batch, Seen

INTEGERS = pa.array([None, 1, None, 2, 3, None, 4, None], pa.int64())


def after(*batches: tuple[list[int], pa.Array]) -> list[bool]:
    """Return which groups have met a value after batches of groups and values."""
    seen, groups = Seen(), 0
    for ids, values in batches:
        groups = max(groups, max(ids) + 1)
        seen.update(Batch(ids=np.array(ids, dtype=np.int32), groups=groups), values)
    bitmap = seen.bitmap(groups)
    if bitmap is None:
        return [True] * groups
    return np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")[:groups].astype(bool).tolist()


@pytest.mark.parametrize("values", [INTEGERS, INTEGERS.cast(pa.string()).dictionary_encode()])
def test_groups_are_known_once_they_have_met_a_value(values: pa.Array) -> None:
    assert after(([0, 0, 1], values[0:3])) == [True, False]
    assert after(([0, 0, 1], values[0:3]), ([1, 1], values[2:4])) == [True, True]
    assert after(([0], values[1:2]), ([0, 1], values[4:6])) == [True, False]
    assert after(([0, 1], values[3:5]), ([0, 0], values[5:7])) == [True, True]
    assert after(([0, -1], values[0:2])) == [False]
    assert after(([0, 1], values[3:5]), ([-1, 2], values[6:8])) == [True, True, False]
    assert after(([0, 1], values[3:5]), ([-1, 2], values[7:8].take(pa.array([0, 0])))) == [True, True, False]


def test_values_that_are_all_null_are_none() -> None:
    assert after(([0, 1], pa.nulls(2)), ([0, 1], pa.nulls(2))) == [False, False]
