"""Rows of many tables spread by hash at once lie where splitting the tables one by one puts them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.engine.kernels.conformance.cases import random_table
from volley.engine.arrow import from_arrow_schema
from volley.engine.expr import Column
from volley.engine.kernels.cpu import partition
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.protocol import SpreadsTogether

DEVICE = CpuDevice()


def on_threads(thunks: Sequence[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(3) as threads:
        return [*threads.map(lambda thunk: thunk(), thunks)]


@pytest.mark.parametrize("names", ["i", "iu", "ifu", "fgtm"])
@pytest.mark.parametrize("nulls", [0.0, 0.3])
def test_rows_are_where_splitting_puts_them(names: str, nulls: float) -> None:
    assert isinstance(DEVICE, SpreadsTogether)
    data = random_table(names, 900, 7, nulls)
    schema = from_arrow_schema(data.schema)
    keys = [Column(name=names[0], dtype=schema[names[0]].dtype)]
    tables = [DEVICE.from_arrow(data.slice(start, size), schema) for start, size in [(3, 200), (203, 0), (203, 697)]]
    marks = [DEVICE.hash_marks(table, keys, 8) for table in tables]
    by_table = [DEVICE.hash_partition(table, keys, 8) for table in tables]
    spread = DEVICE.spread(tables, marks, 8, on_threads)
    assert max(map(len, spread)) == 1
    for parts, expected in zip(spread, zip(*by_table, strict=True), strict=True):
        assert str(pylist(parts)) == str(pylist(expected))  # NaN is itself


@pytest.mark.parametrize("most", [2**31 - 1, 10])
def test_codes_go_with_their_dictionary_and_tables_are_split_alone_where_these_differ(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(partition, "MAX_ROWS", most)
    numbers = np.arange(40)
    texts = pa.array([None if n % 7 == 0 else f"text {n % 5}" for n in numbers.tolist()]).dictionary_encode()
    same = pa.table({"n": numbers, "t": texts})
    other = pa.table({"n": numbers + 40, "t": pa.array(["else", "text 3"] * 20).dictionary_encode()})
    schema = from_arrow_schema(same.schema)
    keys = [Column(name="n", dtype=schema["n"].dtype)]
    for given, together in (([same, same], most > 10), ([same, other], False)):
        tables = [DEVICE.from_arrow(data, schema) for data in given]
        spread = DEVICE.spread(tables, [DEVICE.hash_marks(table, keys, 4) for table in tables], 4, on_threads)
        by_table = [DEVICE.hash_partition(table, keys, 4) for table in tables]
        assert max(map(len, spread)) == (1 if together else 2)
        assert [pylist(parts) for parts in spread] == [pylist(parts) for parts in zip(*by_table, strict=True)]


@pytest.mark.parametrize("name", ["s", "b", "w"])
def test_tables_of_columns_that_have_no_place_of_fixed_width_are_split_alone(name: str) -> None:
    data = random_table(f"i{name}", 50, 7, 0.0)
    schema = from_arrow_schema(data.schema)
    assert DEVICE.hash_marks(DEVICE.from_arrow(data, schema), [Column(name="i", dtype=schema["i"].dtype)], 8) is None


def pylist(tables: Sequence[Any]) -> list[dict[str, Any]]:
    return [row for table in tables for row in DEVICE.to_arrow(table).to_pylist()]
