"""Joins whose condition bounds a value of one side by one of the other, with and without keys, against DuckDB."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volley.engine.expr import Expr, all_of
from volley.engine.expr.build import call
from volley.engine.kernels.protocol import Device

from .cases import col, duck, random_table, rows, tables, unordered
from .test_join import Kind, joined, renamed, spec_for, sql_for

FUNCTIONS = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal", "<>": "not_equal"}

CONDITIONS = {
    "one": "i < i2",
    "one, turned": "i2 >= i",
    "interval": "i >= i2 and i < j2",
    "interval, strict": "i > j2 and i < i2",
    "band": "i > i2 and j <= i2",
    "band and another": "i >= i2 and j <= i2 and k > k2",
    "both below": "i <= i2 and k <= k2",
    "three": "i < i2 and k > k2 and j <> j2",
    "unsigned": "u <= u2",
    "floats": "f < f2 and f > g2",
    "floats, equal": "f >= f2 and g <= f2",
    "decimals": "d >= d2 and w < w2",
    "times": "m > m2 and t <= t2",
    "bools": "b <= b2 and b > c2",
}


def condition_of(text: str, left: pa.Table, right: pa.Table) -> Expr:
    parts = []
    for comparison in text.split(" and "):
        one, sign, other = comparison.split()
        sides = [col(left if name in left.column_names else right, name) for name in (one, other)]
        parts.append(call(FUNCTIONS[sign], *sides))
    condition = all_of(parts)
    assert condition is not None
    return condition


@pytest.mark.parametrize("side", list(Kind))
@pytest.mark.parametrize("text", CONDITIONS.values(), ids=CONDITIONS)
@pytest.mark.parametrize("keys", ["", "c", "r"])
def test_matches_duckdb(device: Device, side: Kind, text: str, keys: str) -> None:
    names = "".join(dict.fromkeys(keys + "".join(c for c in text if c.isalpha()).replace("and", "")))
    left, right = random_table(names, 130, seed=5), renamed(random_table(names, 310, seed=6))
    condition = " and ".join([*(f"l.{k} = r.{k}2" for k in keys), text])
    spec = spec_for(left, right, side, keys, residual=condition_of(text, left, right))
    assert unordered(rows(joined(device, left, right, spec))) == unordered(
        duck(sql_for(side, condition), l=left, r=right)
    )


@settings(max_examples=30)
@given(
    left=tables("ijkc", max_rows=30),
    right=tables("ijkc", max_rows=100),
    name=st.sampled_from(["one", "interval", "interval, strict", "band", "band and another", "both below", "three"]),
    keys=st.sampled_from(["", "c"]),
    side=st.sampled_from(list(Kind)),
)
def test_matches_duckdb_on_random_tables(
    device: Device, left: pa.Table, right: pa.Table, name: str, keys: str, side: Kind
) -> None:
    right, text = renamed(right), CONDITIONS[name]
    condition = " and ".join([*(f"l.{k} = r.{k}2" for k in keys), text])
    spec = spec_for(left, right, side, keys, residual=condition_of(text, left, right))
    assert unordered(rows(joined(device, left, right, spec))) == unordered(
        duck(sql_for(side, condition), l=left, r=right)
    )


@pytest.mark.parametrize("side", [Kind.INNER, Kind.LEFT, Kind.SEMI, Kind.ANTI])
def test_events_find_the_intervals_that_they_lie_in(device: Device, side: Kind) -> None:
    """Of many intervals, of which one is as long as all, each event lies in few."""
    events = pa.table({"tick": pa.array([(n * 7919) % 60_000 - 100 for n in range(3_000)])})
    begins = [(n * 104_729) % 50_000 for n in range(5_000)]
    ends = [begin + n % 30 for n, begin in enumerate(begins)]
    ends[17] = 100_000
    intervals = pa.table({"start2": pa.array(begins), "stop2": pa.array(ends)})
    text = "tick >= start2 and tick < stop2"
    spec = spec_for(events, intervals, side, "", residual=condition_of(text, events, intervals))
    expected = duck(sql_for(side, text), l=events, r=intervals)
    assert unordered(rows(joined(device, events, intervals, spec))) == unordered(expected)
