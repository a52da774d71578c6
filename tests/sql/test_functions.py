# ruff: noqa: E501  # one case is one line
"""Functions of the catalogue through SQL, compared with DuckDB over tables with nulls, NaN and odd texts."""

from __future__ import annotations

import pytest

from tests.sql.oracle import rows_of, run_both, same_value, small_tables

NUMBERS = """
sin(x), sin(id), cos(k), tan(k), atan(x), asin(k), acos(x / 10), atan2(x, id), sin('inf'::double)
degrees(x), radians(id), cbrt(x), cbrt(-8), sinh(k), cosh(k), tanh(x), pi(), 2 * pi()
trunc(x), trunc(m), trunc(-m), trunc(id), trunc(-1.5), isinf(x), isinf('-inf'::double)
gcd(id, k), lcm(id, k), gcd(-4, 6), lcm(0, 5), gcd(k, 0)
id & k, id | 3, xor(id, k), ~id, bit_count(k), bit_count(id - 5)
"""


def assert_same_values(query: str) -> None:
    ours, theirs = (sorted(rows_of(table), key=repr) for table in run_both(query, small_tables()))
    assert len(ours) == len(theirs)
    for mine, oracle in zip(ours, theirs, strict=True):
        assert all(same_value(a, b) for a, b in zip(mine, oracle, strict=True)), f"{mine} is not {oracle}"


@pytest.mark.parametrize("expressions", NUMBERS.strip().splitlines())
def test_functions_of_numbers(expressions: str) -> None:
    assert_same_values(f"select {expressions} from t")
