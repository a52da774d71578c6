"""Functions of numbers on columns give what numpy gives."""

from __future__ import annotations

import math

import numpy as np

import volley as vl

VALUES = [0.5, 1.0, 8.0, math.inf, math.nan, None]


def test_log2() -> None:
    found = vl.DataFrame({"x": VALUES}).x.log2().to_list()
    assert found[-1] is None
    np.testing.assert_array_equal(found[:-1], np.log2(VALUES[:-1]))


def test_is_finite() -> None:
    assert vl.DataFrame({"x": VALUES}).x.is_finite().to_list() == [True, True, True, False, False, None]
