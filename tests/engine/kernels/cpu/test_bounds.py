"""Bounds of a join's condition: how many pairs one call may give or test."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from volley.engine.arrow import from_arrow_schema
from volley.engine.errors import TooManyPairs
from volley.engine.expr import Column, all_of, literal
from volley.engine.expr.build import call
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.specs import JoinSide, JoinSpec

DEVICE = CpuDevice()


@pytest.mark.parametrize("further", [None, "not_equal"])
def test_more_pairs_than_fit_a_call(further: str | None) -> None:
    """The caller is told to give fewer rows, also where few pairs would be left: a run is stopped between calls."""
    left = pa.table({"a": np.arange(9_000)})
    right = pa.table({"b": np.arange(9_000), "c": np.arange(9_000) % 10})
    probe, build = from_arrow_schema(left.schema), from_arrow_schema(right.schema)
    a, b, c = (Column(name=field.name, dtype=field.dtype) for field in (*probe, *build))
    parts = [call("less", a, b)]
    if further is not None:
        parts.append(call(further, call("modulo", a, literal(10)), c))
    spec = JoinSpec(
        side=JoinSide.INNER,
        probe_keys=(),
        build_keys=(),
        residual=all_of(parts),
        probe_schema=probe,
        build_schema=build,
        output=probe.extend(build),
    )
    table = DEVICE.build_join([DEVICE.from_arrow(right, build)], spec)
    assert not table.meets_all
    with pytest.raises(TooManyPairs):
        table.probe(DEVICE.from_arrow(left, probe))
    pairs = sum(further is None or a % 10 != b % 10 for a in range(8_000, 8_010) for b in range(a + 1, 9_000))
    assert table.probe(DEVICE.from_arrow(left.slice(8_000, 10), probe)).num_rows == pairs
