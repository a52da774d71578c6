"""Joins with the nearest row, of every type that has places, with and without keys, against DuckDB."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volley.engine.expr.build import call
from volley.engine.kernels.protocol import Device
from volley.engine.kernels.specs import JoinSpec
from volley.engine.records import replace

from .cases import col, duck, random_table, rows, tables, unordered
from .test_join import Kind, joined, renamed, spec_for

FUNCTIONS = {">=": "greater_equal", ">": "greater", "<=": "less_equal", "<": "less"}


def sides(names: str, left: pa.Table, right: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return tables of some columns, the right one's with its rows' numbers."""
    right = renamed(right.select(list(names)))
    return left.select(list(names)), right.append_column("n2", pa.array(range(right.num_rows), pa.int64()))


def nearest(left: pa.Table, right: pa.Table, side: Kind, keys: str, place: str, sign: str) -> JoinSpec:
    condition = call(FUNCTIONS[sign], col(left, place), col(right, f"{place}2"))
    return replace(spec_for(left, right, side, keys, residual=condition), nearest=True)


def sql_for(side: Kind, keys: str, place: str, sign: str, *, equal: str = "=") -> str:
    """Return what gives the last of equal rows that lie before, the first of those that lie after."""
    direction = "desc" if sign.startswith(">") else "asc"
    condition = " and ".join([*(f"l.{k} {equal} r.{k}2" for k in keys), f"l.{place} {sign} r.{place}2"])
    ranked = f"row_number() over (partition by own order by r.{place}2 {direction}, r.n2 {direction})"
    pairs = f"select own, r.* from numbered l join r on {condition} qualify {ranked} = 1"
    kind = "left join" if side is Kind.LEFT else "join"
    return (
        "with numbered as (select row_number() over () as own, * from l) "
        f"select * exclude (own) from numbered l {kind} ({pairs}) r using (own)"
    )


@pytest.mark.parametrize("side", [Kind.INNER, Kind.LEFT])
@pytest.mark.parametrize("place", list("ijkufgdbtmz"))
@pytest.mark.parametrize("keys", ["", "c", "sr"])
@pytest.mark.parametrize("sign", FUNCTIONS)
def test_matches_duckdb(device: Device, side: Kind, place: str, keys: str, sign: str) -> None:
    names = keys + place
    left, right = sides(names, random_table(names, 130, seed=5), random_table(names, 310, seed=6))
    expected = duck(sql_for(side, keys, place, sign), l=left, r=right)
    assert unordered(rows(joined(device, left, right, nearest(left, right, side, keys, place, sign)))) == unordered(
        expected
    )


@settings(max_examples=30)
@given(
    left=tables("ijcr", max_rows=30),
    right=tables("ijcr", max_rows=60),
    sign=st.sampled_from(list(FUNCTIONS)),
    keys=st.sampled_from(["", "c", "r", "cr"]),
    place=st.sampled_from(["i", "j"]),
    side=st.sampled_from([Kind.INNER, Kind.LEFT]),
    nulls_equal=st.booleans(),
)
def test_matches_duckdb_on_random_tables(
    device: Device, left: pa.Table, right: pa.Table, sign: str, keys: str, place: str, side: Kind, *, nulls_equal: bool
) -> None:
    left, right = sides(keys + place, left, right)
    spec = replace(nearest(left, right, side, keys, place, sign), nulls_equal=nulls_equal and bool(keys))
    equal = "is not distinct from" if spec.nulls_equal else "="
    expected = duck(sql_for(side, keys, place, sign, equal=equal), l=left, r=right)
    assert unordered(rows(joined(device, left, right, spec))) == unordered(expected)


@pytest.mark.parametrize("keys", ["", "j"])
@pytest.mark.parametrize("sign", FUNCTIONS)
def test_many_rows_find_theirs(device: Device, keys: str, sign: str) -> None:
    left = pa.table({"i": [n * 7919 % 60_000 - 100 for n in range(3_000)], "j": [n % 7 for n in range(3_000)]})
    right = pa.table({"i": [n * 104_729 % 50_000 for n in range(5_000)], "j": [n % 5 for n in range(5_000)]})
    left, right = sides(keys + "i", left, right)
    spec = nearest(left, right, Kind.LEFT, keys, "i", sign)
    expected = duck(sql_for(Kind.LEFT, keys, "i", sign), l=left, r=right)
    table = device.build_join([], spec)
    assert table.num_rows == 0
    assert unordered(rows(joined(device, left, right, spec))) == unordered(expected)
