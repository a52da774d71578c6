"""Unnesting against a loop over Python rows."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volley.engine import dtypes
from volley.engine.arrow import from_arrow_schema
from volley.engine.expr import NamedExpr
from volley.engine.expr.build import call, literal
from volley.engine.kernels.protocol import Device
from volley.engine.plan import Scan, Unnest

from .cases import col, download, rows, upload

KINDS = {
    "numbers": (pa.int64(), st.integers(-3, 3)),
    "texts": (pa.string(), st.sampled_from(["", "a", "ab"])),
    "flags": (pa.bool_(), st.booleans()),
    "decimals": (pa.decimal128(9, 2), st.decimals(-5, 5, places=2)),
    "structs": (pa.struct([("x", pa.int64())]), st.fixed_dictionaries({"x": st.integers(0, 2)})),
    "lists": (pa.list_(pa.int32()), st.lists(st.integers(0, 2), max_size=2)),
}


def lists_of(kind: str) -> st.SearchStrategy[Any]:
    return st.lists(st.none() | st.lists(st.none() | KINDS[kind][1], max_size=3), max_size=6)


def expected(data: list[dict[str, Any]], columns: tuple[str, ...], *, keeps_empty: bool, counted: bool) -> list[Any]:
    made = []
    for row in data:
        lists = {name: row[name] or [] for name in columns}
        longest = max(map(len, lists.values()))
        for place in range(max(longest, 1) if keeps_empty else longest):
            values = {name: one[place] if place < len(one) else None for name, one in lists.items()}
            made.append((*(row | values).values(), *([place + 1 if longest else None] if counted else [])))
    return made


def unnested(device: Device, data: pa.Table, columns: tuple[str, ...], **options: Any) -> list[tuple[Any, ...]]:
    class Source:
        schema = from_arrow_schema(data.schema)

    node = Unnest(input=Scan(source=Source()), columns=columns, **options)  # type: ignore[arg-type]  # only its schema is asked for
    made = device.unnest(
        upload(device, data), columns, node.schema, keeps_empty=node.keeps_empty, ordinality=node.ordinality
    )
    assert made.schema == node.schema
    return rows(download(device, made))


@pytest.mark.parametrize("keeps_empty", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@given(drawn=st.data())
def test_one_list_of_any_type(device: Device, kind: str, keeps_empty: bool, drawn: st.DataObject) -> None:
    values = drawn.draw(lists_of(kind))
    data = pa.table(
        {
            "id": pa.array([f"r{i}" for i in range(len(values))], pa.string()),
            "l": pa.array(values, pa.list_(KINDS[kind][0])),
        }
    ).slice(drawn.draw(st.integers(0, 2)))
    found = unnested(device, data, ("l",), keeps_empty=keeps_empty, ordinality="at")
    assert found == expected(data.to_pylist(), ("l",), keeps_empty=keeps_empty, counted=True)


@pytest.mark.parametrize("keeps_empty", [False, True])
@given(first=lists_of("numbers"), second=lists_of("texts"))
def test_several_lists_go_side_by_side(device: Device, keeps_empty: bool, first: Any, second: Any) -> None:
    size = min(len(first), len(second))
    data = pa.table(
        {
            "a": pa.array(first[:size], pa.list_(pa.int64())),
            "n": pa.array(range(size), pa.int64()),
            "b": pa.array(second[:size], pa.list_(pa.string())),
        }
    )
    found = unnested(device, data, ("a", "b"), keeps_empty=keeps_empty)
    assert found == expected(data.to_pylist(), ("a", "b"), keeps_empty=keeps_empty, counted=False)


def test_values_below_a_null_list_are_not_seen(device: Device) -> None:
    lists = pa.ListArray.from_arrays(pa.array([0, 2, 3], pa.int32()), pa.array([1, 2, 3]), mask=pa.array([True, False]))
    data = pa.table({"l": lists})
    assert unnested(device, data, ("l",)) == [(3,)]
    assert unnested(device, data, ("l",), keeps_empty=True) == [(None,), (3,)]


@given(values=st.lists(st.tuples(st.none() | st.integers(-2, 2), st.none() | st.integers(-2, 2)), max_size=5))
def test_lists_of_arguments(device: Device, values: Any) -> None:
    data = pa.table(
        {"i": pa.array([a for a, _ in values], pa.int64()), "k": pa.array([b for _, b in values], pa.int64())}
    )
    table = upload(device, data)
    made = call("list_value", col(data, "i"), literal(7), col(data, "k"))
    found = rows(download(device, device.project(table, [NamedExpr(name="x", expr=made)])))
    assert found == [([a, 7, b],) for a, b in values]


@pytest.mark.parametrize("inclusive", [False, True])
@given(bounds=st.lists(st.tuples(*[st.none() | st.integers(-4, 4)] * 2, st.none() | st.sampled_from([-2, -1, 1, 3]))))
def test_lists_of_a_series(device: Device, inclusive: bool, bounds: Any) -> None:
    names = ("a", "b", "c")
    data = pa.table({n: pa.array([row[i] for row in bounds], pa.int64()) for i, n in enumerate(names)})
    made = call("list_range", *(col(data, n) for n in names), inclusive=inclusive)
    assert made.dtype == dtypes.list_(dtypes.int64)
    found = rows(download(device, device.project(upload(device, data), [NamedExpr(name="x", expr=made)])))
    assert found == [(_series(*row, inclusive=inclusive),) for row in bounds]


def _series(start: int | None, stop: int | None, step: int | None, *, inclusive: bool) -> list[int] | None:
    if start is None or stop is None or step is None:
        return None
    return list(range(start, stop + (inclusive and (1 if step > 0 else -1)), step))
