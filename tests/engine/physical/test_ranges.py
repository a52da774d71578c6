"""Rows cut into ranges of an order are those rows in that order, whatever the keys are."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volley.engine.arrow import from_arrow_schema
from volley.engine.expr import Column, SortKey, build
from volley.engine.kernels.devices import open_device
from volley.engine.physical.ranges import SAMPLES, choose_bounds, cut_at, key_exprs, sampled

DEVICE = open_device("cpu")
VALUES = {
    "int64": st.one_of(st.none(), st.integers(-5, 5)),
    "float64": st.one_of(st.none(), st.sampled_from([-math.inf, -1.5, -0.0, 0.0, 2.5, math.nan])),
    "string": st.one_of(st.none(), st.sampled_from(["", "a", "aa", "b", "ß", "z"])),
}


@given(data=st.data(), ranges=st.integers(1, 9), flags=st.lists(st.booleans(), min_size=4, max_size=4))
@pytest.mark.parametrize("kinds", [("int64", "string"), ("string", "float64"), ("float64", "int64")])
def test_ranges_together_are_the_sorted_rows(
    kinds: tuple[str, str], data: st.DataObject, ranges: int, flags: list[bool]
) -> None:
    rows = data.draw(st.lists(st.tuples(*(VALUES[kind] for kind in kinds)), max_size=60))
    columns: dict[str, Any] = {
        name: pa.array([row[place] for row in rows], pa.type_for_alias(kind))
        for place, (name, kind) in enumerate(zip("kl", kinds, strict=True))
    }
    table = pa.table(columns | {"number": pa.array(range(len(rows)), pa.int64())})
    schema = from_arrow_schema(table.schema)
    keys = [
        SortKey(expr=Column(name=name, dtype=schema[name].dtype), descending=descending, nulls_first=first)
        for name, descending, first in (("k", flags[0], flags[1]), ("l", flags[2], flags[3]))
    ]
    halves = [DEVICE.from_arrow(part, schema) for part in (table.slice(0, len(rows) // 2), table.slice(len(rows) // 2))]
    samples = [DEVICE.project(half, key_exprs(keys)) for half in halves]
    bounds = choose_bounds(DEVICE, samples, keys, ranges)
    cut = [cut_at(DEVICE, [half], keys, bounds) for half in halves]
    assert {len(parts) for parts in cut} == {bounds.num_rows + 1}
    merged = [DEVICE.sort([t for parts in cut for t in parts[r]], keys, schema) for r in range(bounds.num_rows + 1)]
    found = [n for part in merged for n in DEVICE.to_arrow(part).column(2).to_pylist()]
    assert found == DEVICE.to_arrow(DEVICE.sort(halves, keys, schema)).column(2).to_pylist()


def test_keys_may_be_computed_and_other_columns_nested() -> None:
    table = pa.table({"a": [3, -1, 2, None], "b": [[1], None, [], [2, 3]], "c": [{"x": 1}] * 4})
    schema = from_arrow_schema(table.schema)
    expr = build.call("abs", Column(name="a", dtype=schema["a"].dtype))
    keys = [SortKey(expr=expr)]
    rows = DEVICE.from_arrow(table, schema)
    bounds = choose_bounds(DEVICE, [DEVICE.project(rows, key_exprs(keys))], keys, 3)
    cut = cut_at(DEVICE, [rows], keys, bounds)
    assert [row["b"] for parts in cut for part in parts for row in DEVICE.to_arrow(part).to_pylist()] == [
        None,
        [],
        [1],
        [2, 3],
    ]
    assert sum(map(bool, cut)) > 1


@pytest.mark.parametrize(
    ("rows", "wanted"), [(0, 0), (100, 100), (2 * SAMPLES - 1, 2 * SAMPLES - 1), (100 * SAMPLES, SAMPLES)]
)
def test_samples_are_spread_evenly_and_bounds_cut_them_into_like_parts(rows: int, wanted: int) -> None:
    table = pa.table({"a": pa.array(range(rows), pa.int64())})
    schema = from_arrow_schema(table.schema)
    keys = [SortKey(expr=Column(name="a", dtype=schema["a"].dtype))]
    parts = [DEVICE.from_arrow(table.slice(0, rows // 3), schema), DEVICE.from_arrow(table.slice(rows // 3), schema)]
    samples = sampled(DEVICE, parts, keys)
    found = [value for one in samples for value in DEVICE.to_arrow(one)["a"].to_pylist()]
    assert found == [*range(0, rows, max(1, rows // max(1, wanted)))]
    bounds = DEVICE.to_arrow(choose_bounds(DEVICE, samples, keys, 4))["a"].to_pylist()
    assert bounds == [found[len(found) * part // 4] for part in (1, 2, 3) if found]
