"""Functions of numbers on columns give what numpy gives."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest

import volley as vl

VALUES = [0.5, 1.0, 8.0, math.inf, math.nan, None]


def test_log2() -> None:
    found = vl.DataFrame({"x": VALUES}).x.log2().to_list()
    assert found[-1] is None
    np.testing.assert_array_equal(found[:-1], np.log2(VALUES[:-1]))


def test_is_finite() -> None:
    assert vl.DataFrame({"x": VALUES}).x.is_finite().to_list() == [True, True, True, False, False, None]


@pytest.mark.parametrize("number", ["1.50", "12345678901234567890.50"])
def test_what_division_leaves_of_decimals_is_exact_and_that_by_zero_raises(number: str) -> None:
    frame = vl.DataFrame({"x": [Decimal(number), Decimal("-99.99"), None], "y": [Decimal(2), Decimal(0), Decimal(0)]})
    assert (frame.x % 2).to_list() == [Decimal(number) % 2, Decimal("0.01"), None]
    with pytest.raises(vl.VolleyError, match=r"division by zero in \(x % "):
        (frame.x % frame.y).to_list()
    assert (frame[frame.y != 0].x % frame.y).to_list() == [Decimal(number) % 2]


def test_a_sum_of_two_decimals_keeps_eighteen_digits_unless_one_has_more() -> None:
    large = vl.DataFrame({"x": [Decimal(10**18 - 1)]}).assign(x=lambda frame: frame.x.astype("decimal(18,0)"))
    with pytest.raises(vl.VolleyError, match=r"does not fit decimal\(18,0\); cast an operand to a wider decimal"):
        (large.x + large.x).to_list()
    assert (large.x.astype("decimal(19,0)") + large.x).to_list() == [Decimal(2 * 10**18 - 2)]
