"""Joins whose condition bounds the distance of two values, by every kind of join, against DuckDB."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import volley as vl
from tests.sql.oracle import assert_same
from volley.engine.kernels.cpu import join
from volley.engine.kernels.cpu.bounds import BoundedBuild

CONDITIONS = """
a.i - b.i < 5
5 > a.i - b.i and a.i - b.i > -3
abs(a.i - b.i) <= 5
abs(a.i - b.i) < 5.5
a.i - b.i between -3 and 3
-(b.i - a.i) between -3 and 2
abs(a.i - b.j) <= 2
abs(a.k - b.k) <= 1
a.j - b.j between 1.5 and 4.5
abs(a.i - b.i) <= 4 and a.j < b.j
abs(a.i - b.i) <= 4 and abs(a.j - b.j) <= 4
abs(a.i - b.i) <= 40 and a.j - b.j = 2
abs(a.d - b.d) <= 1.5
a.d - b.d < 0.125 and a.d - b.d > -0.37
abs(a.d - b.d) <= 3
a.d - b.e <= 0.25 and b.e - a.d <= 1
abs(a.t - b.t) <= 3
a.t - b.t between -2 and 5
a.t between b.t - interval 3 day and b.t + interval 1 day
a.m - b.m < interval 90 minute and b.m - a.m < interval 5 minute
a.m - b.m between interval '-1 day' and interval '25 hours'
a.m between b.m - interval 90 minute and b.m + interval 1 hour
a.z - b.z between interval '-1 hour' and interval '1 hour'
a.f - b.f < 0.5
abs(a.f - b.f) <= 0.1
abs(b.f - a.f) < 0.30000000000000004
a.f - b.f between -0.2 and 0.2
a.f - b.f > 0.5
b.f - a.f > 0.5
b.f - a.f >= 0.2 and b.f - a.f < 0.3
abs(a.g - b.g) <= 0.1
a.g - b.g >= 0.2 and a.g - b.g <= 0.3
a.g - b.f between -0.1 and 0.1
abs(a.i - b.f) < 0.6
abs(a.i - b.i) > 40
abs(a.i - b.i) <= b.w
abs(a.i - b.i) < a.w
a.i - b.i <= b.w
a.i - b.i > a.w and a.i - b.i <= 5
b.w >= a.i - b.i
abs(a.i - b.i) <= b.w and abs(a.j - b.j) <= a.v
abs(a.f - b.f) <= b.h
abs(a.f - b.f) < a.h
a.f - b.f < b.h
b.h > abs(a.f - b.f)
abs(a.g - b.g) <= b.g
abs(a.f - b.f) <= b.f
"""

JOINS, TURNED = ("join", "full join", "anti join"), ("join", "left join", "semi join")


def table(rows: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    floats = np.round(rng.random(rows) * 4, 1) + rng.choice([0.0, 1e-16, -1e-16], rows)
    floats[:9] = [math.nan, math.nan, math.inf, math.inf, -math.inf, -math.inf, 0.0, -0.0, 1e308]
    days = rng.integers(0, 90, rows)
    moments = [dt.datetime(1960, 1, 1) + dt.timedelta(minutes=int(n) * 37) for n in days]  # noqa: DTZ001 - of no zone
    columns: dict[str, Any] = {
        "i": pa.array(rng.integers(-50, 50, rows)),
        "j": pa.array(rng.integers(-9, 9, rows), pa.int32()),
        "k": pa.array(rng.integers(-60, 60, rows), pa.int8()),
        "c": pa.array(rng.integers(0, 2, rows)),
        "d": pa.array([Decimal(int(n)) / 100 for n in rng.integers(-900, 900, rows)], pa.decimal128(9, 2)),
        "e": pa.array([Decimal(int(n)) / 100 for n in rng.integers(-900, 900, rows)], pa.decimal128(12, 2)),
        "t": pa.array([dt.date(1960, 1, 1) + dt.timedelta(days=int(n)) for n in days]),
        "m": pa.array(moments, pa.timestamp("us")),
        "z": pa.array(moments, pa.timestamp("us", "UTC")),
        "f": pa.array(floats),
        "w": pa.array(rng.integers(-2, 9, rows)),
        "v": pa.array(rng.integers(-2, 9, rows), pa.int32()),
        "h": pa.array(np.where(rng.random(rows) < 0.1, math.nan, np.round(rng.random(rows), 1))),
        "g": pa.array(np.where(np.abs(floats) < 9, floats, 3e38 * np.sign(floats)).astype(np.float32)),
    }
    unknown = {name: pa.array(rng.random(rows) < 0.1) for name in columns}
    return pa.table({name: pa.compute.if_else(unknown[name], None, column) for name, column in columns.items()})


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[BoundedBuild]:
    """Return the build sides that were put into an order for the sake of bounds."""
    seen: list[BoundedBuild] = []

    class Seen(BoundedBuild):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            seen.append(self)

    monkeypatch.setattr(join, "BoundedBuild", Seen)
    return seen


@pytest.mark.parametrize("condition", CONDITIONS.strip().splitlines())
@pytest.mark.parametrize("key", ["", " and a.c = b.c"])
def test_distances_are_bounds(made: list[BoundedBuild], condition: str, key: str) -> None:
    given = {"a": table(150, 1), "b": table(230, 2)}
    for one, kinds, other in (("a", JOINS, "b"), ("b", TURNED, "a")):
        for kind in kinds:
            assert_same(f"select * from {one} {kind} {other} on {condition}{key}", given)
    assert len(made) >= len(JOINS) + len(TURNED) or condition in (
        "abs(a.i - b.i) > 40",
        "a.f - b.f > 0.5",
        "b.f - a.f > 0.5",
    )


ENDS = [-(2**63), -(2**63) + 1, -(2**62) - 3, -5, -1, 0, 1, 5, 2**62 + 2, 2**63 - 2, 2**63 - 1]


@pytest.mark.parametrize("limit", [0, 1, 4, 2**62, 2**63 - 1])
@pytest.mark.parametrize("form", ["a.x - b.x < {}", "a.x - b.x >= -{}", "abs(a.x - b.x) <= {}", "b.x - a.x >= {}"])
def test_a_sum_beyond_the_type_bounds_nothing_or_leaves_nothing(limit: int, form: str) -> None:
    condition = form.format(limit)
    test = condition.replace("a.x", "one").replace("b.x", "other")
    expected = sorted(
        (one, other) for one in ENDS for other in 2 * ENDS if eval(test, {"abs": abs, "one": one, "other": other})
    )
    given = {"a": pa.table({"x": ENDS}), "b": pa.table({"x": 2 * ENDS})}
    found = vl.sql(f"select a.x, b.x as y from a join b on {condition}", **given).to_arrow()
    assert sorted(zip(found["x"].to_pylist(), found["y"].to_pylist(), strict=True)) == expected


@pytest.mark.parametrize("form", ["a.x - b.x < {}", "a.x - b.x >= -{}", "abs(a.x - b.x) <= {}", "{} <= b.x - a.x"])
@pytest.mark.parametrize("side", ["a", "b"])
@pytest.mark.parametrize("limit", [0, 1, 4, 2**62, 2**63 - 1])
def test_a_limit_of_a_column_may_lead_beyond_the_type(limit: int, side: str, form: str) -> None:
    ends = [end for end in ENDS if abs(end) <= 2**62]  # else the distance itself is an error
    condition = form.format(f"{side}.w")
    test = form.format(limit).replace("a.x", "one").replace("b.x", "other")
    expected = sorted(
        (one, other) for one in ends for other in 2 * ends if eval(test, {"abs": abs, "one": one, "other": other})
    )
    given = {
        "a": pa.table({"x": ends, "w": [limit] * len(ends)}),
        "b": pa.table({"x": 2 * ends, "w": [limit] * 2 * len(ends)}),
    }
    found = vl.sql(f"select a.x, b.x as y from a join b on {condition}", **given).to_arrow()
    assert sorted(zip(found["x"].to_pylist(), found["y"].to_pylist(), strict=True)) == expected


def test_bands_need_not_try_all_pairs() -> None:
    """A hundred billion pairs are not tried, nor are they where the distance is one of times or floats."""
    rng = np.random.default_rng(3)
    rows = [rng.integers(0, 10**9, size) for size in (400_000, 250_000)]
    sides = [pa.table({"x": own, "f": own / 7, "m": pa.array(own, pa.timestamp("s"))}) for own in rows]
    counts = [
        vl.sql(f"select count(*) as n from a join b on {condition}", a=sides[0], b=sides[1]).to_arrow()["n"][0].as_py()
        for condition in (
            "abs(a.x - b.x) <= 700",
            "a.f - b.f between -100 and 100",
            "a.m - b.m <= interval 700 second and b.m - a.m <= interval 700 second",
        )
    ]
    ordered = np.sort(rows[1])
    expected = np.searchsorted(ordered, rows[0] + 700, side="right") - np.searchsorted(ordered, rows[0] - 700)
    assert counts == [expected.sum()] * 3
