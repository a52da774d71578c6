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
    spread = DEVICE.spread(tables, marks, 8, on_threads)
    assert max(map(len, spread)) == 1
    for parts, expected in zip(spread, by_stretches(tables, keys, 8), strict=True):
        assert str(pylist(parts)) == str(pylist(expected))  # NaN is itself


@pytest.mark.parametrize("different", [1, 5, 40, 5_000])
def test_rows_lie_by_stretches_of_their_partition_unless_these_are_few(different: int) -> None:
    data = pa.table({"i": np.arange(900) * 7 % different, "n": np.arange(900)})
    schema = from_arrow_schema(data.schema)
    keys = [Column(name="i", dtype=schema["i"].dtype)]
    tables = [DEVICE.from_arrow(data.slice(start, 300), schema) for start in range(0, 900, 300)]
    spread = DEVICE.spread(tables, [DEVICE.hash_marks(table, keys, 8) for table in tables], 8, on_threads)
    rows = [pylist(parts) for parts in spread]
    assert rows == [pylist(parts) for parts in by_stretches(tables, keys, 8)]
    whole = [pylist([table[p] for table in (DEVICE.hash_partition(one, keys, 8) for one in tables)]) for p in range(8)]
    assert [sorted(part, key=lambda row: row["n"]) for part in rows] == whole
    assert (rows == whole) == (different < 40)
    for part in rows:  # rows of a key in the order in which they came
        assert all(sorted(own) == own for own in ([r["n"] for r in part if r["i"] == key] for key in range(different)))


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
        expected = by_stretches(tables, keys, 4) if together else zip(*by_table, strict=True)
        assert [pylist(parts) for parts in spread] == [pylist(parts) for parts in expected]


@pytest.mark.parametrize("name", ["s", "b", "w"])
def test_tables_of_columns_that_have_no_place_of_fixed_width_are_split_alone(name: str) -> None:
    data = random_table(f"i{name}", 50, 7, 0.0)
    schema = from_arrow_schema(data.schema)
    assert DEVICE.hash_marks(DEVICE.from_arrow(data, schema), [Column(name="i", dtype=schema["i"].dtype)], 8) is None


def by_stretches(tables: Sequence[Any], keys: Sequence[Column], partitions: int) -> list[list[Any]]:
    """Return by partition the pieces that splitting it further gives, one after the other; few are no pieces."""
    stretches = 8
    by_table = [DEVICE.hash_partition(table, keys, partitions * stretches) for table in tables]
    finer = [[table[s] for table in by_table] for s in range(partitions * stretches)]
    if 2 * sum(any(piece.num_rows for piece in pieces) for pieces in finer) < len(finer):
        whole = [DEVICE.hash_partition(table, keys, partitions) for table in tables]
        return [[table[p] for table in whole] for p in range(partitions)]
    return [[piece for s in range(p * stretches, (p + 1) * stretches) for piece in finer[s]] for p in range(partitions)]


def pylist(tables: Sequence[Any]) -> list[dict[str, Any]]:
    return [row for table in tables for row in DEVICE.to_arrow(table).to_pylist()]
