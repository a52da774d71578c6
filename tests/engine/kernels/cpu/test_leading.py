"""The first rows of rows that are held, by several keys: those of a stable sort, whatever their chunks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from volley.engine.arrow import from_arrow_schema
from volley.engine.expr import Column, SortKey
from volley.engine.kernels.cpu import leading
from volley.engine.kernels.cpu.chunked import chunked
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.cpu.topk import CpuTopK
from volley.engine.plan import HeldRows

DEVICE = CpuDevice()
ROWS = 2_400
TEXTS = ["", "a", "a\0", "customer", "customer 0000001", "customer 0000002", "customer 00000020", "ß", "zz" * 40]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leading, "_FEW_ROWS", 10)


def cut(values: list[pa.Array], lengths: list[int]) -> pa.ChunkedArray:
    """Return the values in chunks of other lengths, some of them slices, some empty."""
    whole = pa.chunked_array(values).combine_chunks()
    made, start = [], 0
    for length in [*lengths, ROWS - sum(lengths)]:
        made += [whole.slice(start, length), whole.slice(0, 0)]
        start += length
    return pa.chunked_array(made, whole.type)


def table(rng: np.random.Generator) -> pa.Table:
    values = np.where(rng.random(ROWS) < 0.1, np.nan, np.where(rng.random(ROWS) < 0.5, -0.0, rng.integers(0, 3, ROWS)))
    texts = pa.array(rng.choice(TEXTS, ROWS).tolist())
    holes = pa.array(rng.random(ROWS) < 0.3)
    return pa.table(
        {
            "level": cut([pa.array(rng.integers(0, 4, ROWS))], [1_000, 1, 599]),
            "value": cut([pa.array(values)], [64, 64, 1_000]),
            "text": cut([texts], [800, 800]),
            "holed": cut([pa.compute.if_else(holes, None, texts)], [300]),
            "number": cut([pa.compute.if_else(holes, None, pa.array(rng.integers(0, 9, ROWS)))], []),
            "flag": cut([pa.array(rng.random(ROWS) < 0.5)], [1_300, 11]),
            "row": cut([pa.array(np.arange(ROWS))], [2_399]),
        }
    )


def rank(value: Any, key: SortKey) -> tuple[Any, ...]:
    """Return what has a value's place in the order; texts of one length compare by their bytes."""
    if value is None:
        return (-1 if key.nulls_first else 1, 0)
    if isinstance(value, str):
        own: Any = [*value.encode(), -1]
        return (0, [-byte for byte in own] if key.descending else own)
    nan = isinstance(value, float) and np.isnan(value)
    number = np.inf if nan else float(value)
    return (0, -number if key.descending else number)


def first_rows(rows: pa.Table, keys: list[SortKey], k: int) -> list[int]:
    columns = [rows[key.expr.name].to_pylist() for key in keys]
    order = sorted(range(ROWS), key=lambda i: [rank(column[i], key) for column, key in zip(columns, keys, strict=True)])
    return order[:k]


KEYS = [
    ["value"],
    ["level"],
    ["level", "text"],
    ["value", "text", "number"],
    ["level", "holed"],
    ["value", "number", "text"],
    ["level", "flag", "value"],
    ["level", "level"],
    ["holed", "level"],
]


@pytest.mark.parametrize("names", KEYS, ids="-".join)
@pytest.mark.parametrize("down", [0, 1, 2], ids=["up", "down", "in turn"])
@pytest.mark.parametrize(("k", "threads"), [(1, 1), (20, 2), (600, 3), (2 * ROWS, 2), (0, 1)])
def test_first_rows_are_those_of_a_stable_sort(names: list[str], down: int, k: int, threads: int) -> None:
    rng = np.random.default_rng(len(names) + k)
    rows = table(rng)
    schema = from_arrow_schema(rows.schema)
    keys = [
        SortKey(
            expr=Column(name=name, dtype=schema[name].dtype),
            descending=bool(down == 1 or (down == 2 and place % 2)),
            nulls_first=bool(down == 1 and place),
        )
        for place, name in enumerate(names)
    ]
    held = HeldRows(rows)
    first = DEVICE.top_k(keys, k, schema)
    states = [first, *(first.beside() for _ in range(threads - 1))]
    edges = [0, 250, 251, 900, 1_333, ROWS]
    for number, (start, stop) in enumerate(pairwise(edges)):
        given = chunked(held, start, stop - start, schema, most_rows=300, nbytes=1)
        assert given is not None
        states[number % threads].update(given)
    best, *others = states
    if threads == 3:
        for state in states:
            state.settle()
    for other in others:
        best.absorb(other)
    found = DEVICE.to_arrow(best.result())
    expected = first_rows(rows, keys, k)
    assert found["row"].to_pylist() == expected if names[0] != "holed" else len(found) == len(expected)
    taken = rows.take(found["row"])
    assert all(repr(found[name].to_pylist()) == repr(taken[name].to_pylist()) for name in rows.column_names)


def test_rows_of_two_tables_and_of_tables_that_are_not_held_are_put_together() -> None:
    rng = np.random.default_rng(3)
    parts = [pa.table({"key": pa.chunked_array([rng.integers(0, 999, 500)] * 3)}) for _ in range(4)]
    schema = from_arrow_schema(parts[0].schema)
    state = DEVICE.top_k([SortKey(expr=Column(name="key", dtype=schema["key"].dtype))], 30, schema)
    beside = state.beside()
    assert isinstance(state, CpuTopK)
    for part, own in zip(parts, (state, beside, state, beside), strict=True):
        given = DEVICE.chunked(HeldRows(part), 0, part.num_rows, schema, 1)
        assert given is not None
        own.update(given)
    more = pa.table({"key": rng.integers(0, 999, 500)})
    beside.update(DEVICE.from_arrow(more, schema))
    state.absorb(beside)
    keys = np.sort(np.concatenate([part["key"].to_numpy() for part in [*parts, more]]))
    assert DEVICE.to_arrow(state.result())["key"].to_pylist() == keys[:30].tolist()


def test_rows_that_all_tie_are_left_out_before_they_are_many() -> None:
    count = 40_000
    rows = pa.table({"key": pa.chunked_array([np.zeros(count, np.int64)] * 9), "row": np.arange(9 * count)[::-1]})
    schema = from_arrow_schema(rows.schema)
    keys = [SortKey(expr=Column(name=name, dtype=schema[name].dtype)) for name in ("key", "row")]
    state, whole = DEVICE.top_k(keys, 5, schema), DEVICE.chunked(HeldRows(rows), 0, 9 * count, schema, 1)
    assert whole is not None
    state.update(whole)
    assert 0 < state.nbytes < 24 * 2**16
    state.settle()
    assert state.nbytes == 24 * 5
    assert DEVICE.to_arrow(state.result())["row"].to_pylist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("kind", ["number", "float", "time", "text", "short", "binary", "nulls", "whole"])
@pytest.mark.parametrize("down", [False, True], ids=["up", "down"])
@pytest.mark.parametrize("k", [3, 40])
def test_rows_that_tie_are_compared_by_their_second_key_where_it_lies(
    monkeypatch: pytest.MonkeyPatch, kind: str, down: bool, k: int
) -> None:
    """The first rows tell which of many that tie are wanted; of the rest only the second key is read."""
    rng = np.random.default_rng(k)
    count = 300_000
    numbers = rng.integers(-(2**40), 2**40, count) // 2**30
    floats = np.where(rng.random(count) < 0.01, np.nan, np.where(numbers == 0, -0.0, numbers / 4))
    second = {
        "number": pa.array(numbers),
        "float": pa.array(floats),
        "time": pa.array(numbers).cast(pa.timestamp("us")),
        "text": pa.array([f"one of many numbers: {number}" for number in numbers.tolist()]),
        "short": pa.array([str(number)[1:5] for number in numbers.tolist()]),
        "binary": pa.array([b"\xff\0" + bytes([number & 255]) for number in numbers.tolist()]),
        "nulls": pa.array(numbers, mask=numbers % 5 == 0),
        "whole": pa.array(numbers.astype(np.uint64)),
    }[kind]
    key = np.where(np.arange(count) < 5_000, 7, rng.choice([6, 7, 7, 7], count))
    parts = [key[:100_000], key[100_000:100_007], key[100_007:]]
    rows = pa.table(
        {
            "key": pa.chunked_array(parts),
            "second": pa.chunked_array([second.slice(0, 150_001), second.slice(150_001)]),
            "row": np.arange(count),
        }
    )
    schema = from_arrow_schema(rows.schema)
    keys = [SortKey(expr=Column(name=name, dtype=schema[name].dtype), descending=down) for name in ("key", "second")]
    settled: list[int] = []
    settle = leading.Leaders.settle
    monkeypatch.setattr(leading.Leaders, "settle", lambda own: settled.append(1) or settle(own))
    state, held = DEVICE.top_k(keys, k, schema), HeldRows(rows)
    for start, stop in pairwise([0, 99_990, 200_000, count]):
        given = DEVICE.chunked(held, start, stop - start, schema, 1)
        assert given is not None
        state.update(given)
    frame = rows.to_pandas()
    if kind == "float":  # NaN is the greatest
        frame["second"] = frame["second"].fillna(np.inf)
    order = frame.sort_values(["key", "second"], ascending=not down, kind="stable", na_position="last")
    assert DEVICE.to_arrow(state.result())["row"].to_pylist() == order["row"].tolist()[:k]
    assert len(settled) <= 2 or kind in {"nulls", "whole"}
