"""Runs users' functions on numba's CUDA simulator; a test starts it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from volley.engine.dtypes import Kind
from volley.engine.kernels.gpu import udf
from volley.engine.kernels.gpu.udf import group_function, require, row_function

spec = importlib.util.spec_from_file_location("test_udf", Path(__file__).with_name("test_udf.py"))
assert spec is not None
assert spec.loader is not None
tests = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tests)


def rows() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=600), rng.normal(size=600)
    valid = (rng.random(600) < 0.9).astype(np.uint8)
    out = np.full(600, -7.0)
    require(row_function(tests.distance, (Kind.FLOAT64, Kind.FLOAT64)), "distance")(out, valid, x, y)
    wanted = [tests.distance(a, b) if one else -7.0 for a, b, one in zip(x, y, valid, strict=True)]
    np.testing.assert_allclose(out, wanted, rtol=1e-14)


def booleans() -> None:
    a, b = np.array([True, True, False]), np.array([True, False, False])
    out = np.zeros(3, dtype=np.bool_)
    require(row_function(tests.both, (Kind.BOOL, Kind.BOOL)), "both")(out, np.ones(3, dtype=np.uint8), a, b)
    assert out.tolist() == [False, True, False]


def groups() -> None:
    values = np.arange(10.0)
    offsets = np.array([0, 3, 3, 10], dtype=np.int32)
    out = np.zeros(3)
    require(group_function(tests.energy, (Kind.FLOAT64,)), "energy")(out, offsets, values)
    assert out.tolist() == [5.0, 0.0, 280.0]


def once() -> None:
    """What is compiled for the device is kept: every batch of rows launches it again."""
    made = require(group_function(tests.energy, (Kind.FLOAT64,)), "energy")
    assert udf._launcher(made.kernel) is udf._launcher(made.kernel)


for check in (rows, booleans, groups, once):
    check()
    print(check.__name__)  # noqa: T201  # what the test reads
