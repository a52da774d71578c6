"""Sorting, top-k, hash partitioning and distinct rows."""

from __future__ import annotations

import itertools

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volley.engine.expr import SortKey, literal
from volley.engine.expr.build import call
from volley.engine.kernels.protocol import Device

from .cases import (
    ENCODINGS,
    canonical,
    canonical_rows,
    col,
    download,
    duck,
    random_table,
    rows,
    schema_of,
    tables,
    unordered,
    upload,
)

EVERY = "ijkufgdwsrbtmz"


def numbered(data: pa.Table) -> pa.Table:
    """With a column that tells equal rows apart, and so shows whether ties keep their order."""
    return data.append_column("n", pa.array(range(data.num_rows), pa.int64()))


def order_by(keys: list[tuple[str, bool, bool]]) -> str:
    parts = [f"{name} {'desc' if down else 'asc'} nulls {'first' if first else 'last'}" for name, down, first in keys]
    return ", ".join([*parts, "n"])


def sort_keys(data: pa.Table, keys: list[tuple[str, bool, bool]]) -> list[SortKey]:
    return [SortKey(expr=col(data, name), descending=down, nulls_first=first) for name, down, first in keys]


DIRECTIONS = list(itertools.product([False, True], repeat=2))


@pytest.mark.parametrize(("down", "first"), DIRECTIONS)
@pytest.mark.parametrize("name", EVERY)
def test_one_key_matches_duckdb(device: Device, name: str, down: bool, first: bool) -> None:
    data = numbered(random_table(name, 400))
    keys = [(name, down, first)]
    expected = canonical_rows(duck(f"select * from data order by {order_by(keys)}", data=data))
    for encode in ENCODINGS[:3]:
        pieces = [upload(device, encode(data.slice(0, 150))), upload(device, data.slice(150))]
        result = device.sort(pieces, sort_keys(data, keys), schema_of(data))
        assert canonical_rows(rows(download(device, result))) == expected


@given(
    data=tables("sfdjw", max_rows=25),
    keys=st.lists(st.tuples(st.sampled_from("sfdjw"), st.booleans(), st.booleans()), min_size=1, max_size=3),
    k=st.integers(0, 30),
)
def test_several_keys_and_top_k_match_duckdb(
    device: Device, data: pa.Table, keys: list[tuple[str, bool, bool]], k: int
) -> None:
    data = numbered(data)
    expected = canonical_rows(duck(f"select * from data order by {order_by(keys)}", data=data))
    whole = device.sort([upload(device, data)], sort_keys(data, keys), schema_of(data))
    assert canonical_rows(rows(download(device, whole))) == expected
    top = device.top_k(sort_keys(data, keys), k, schema_of(data))
    for start in range(0, data.num_rows, 7):
        top.update(upload(device, data.slice(start, 7)))
    assert canonical_rows(rows(download(device, top.result()))) == expected[:k]


@pytest.mark.parametrize(("down", "first"), DIRECTIONS)
@pytest.mark.parametrize("name", EVERY)
def test_top_k_keeps_to_its_bound_whatever_the_first_key(device: Device, name: str, down: bool, first: bool) -> None:
    data = numbered(random_table(name, 3000))
    keys = [(name, down, first)]
    for k in (7, 700, 2900):
        top = device.top_k(sort_keys(data, keys), k, schema_of(data))
        for start in range(0, 3000, 200):
            top.update(upload(device, ENCODINGS[start // 200 % 3](data.slice(start, 200))))
        expected = duck(f"select * from data order by {order_by(keys)} limit {k}", data=data)
        assert canonical_rows(rows(download(device, top.result()))) == canonical_rows(expected)


@pytest.mark.parametrize("k", [1, 3, 40])
@pytest.mark.parametrize("order", ["is", "si", "s"])
def test_top_k_without_nulls_is_led_by_its_first_key(device: Device, order: str, k: int) -> None:
    texts = [f"customer {i * 7 % 50:02d}" if i % 3 else f"{i % 11}" for i in range(900)]
    data = numbered(pa.table({"i": pa.array([i * 31 % 17 for i in range(900)]), "s": texts}))
    keys = [(name, name == "i", False) for name in order]
    top = device.top_k(sort_keys(data, keys), k, schema_of(data))
    for start in range(0, 900, 300):
        top.update(upload(device, ENCODINGS[start // 300 % 3](data.slice(start, 300))))
    expected = duck(f"select * from data order by {order_by(keys)} limit {k}", data=data)
    assert canonical_rows(rows(download(device, top.result()))) == canonical_rows(expected)


@pytest.mark.parametrize("down", [False, True])
def test_top_k_of_texts_that_begin_alike(device: Device, down: bool) -> None:
    texts = [None, "", "a", "customer", "customer ", "customer 1", "customer\0", "\xff" * 9, "\xff" * 8]
    data = numbered(pa.table({"s": pa.array([texts[i * 7 % 9] for i in range(400)])}))
    keys = [("s", down, False)]
    top = device.top_k(sort_keys(data, keys), 60, schema_of(data))
    for start in range(0, 400, 80):
        top.update(upload(device, data.slice(start, 80)))
    expected = duck(f"select * from data order by {order_by(keys)} limit 60", data=data)
    assert canonical_rows(rows(download(device, top.result()))) == canonical_rows(expected)


@pytest.mark.parametrize("keys", ["i", "s", "fs"])
@pytest.mark.parametrize("k", [1, 10, 3000, 100_000])
def test_top_k_of_many_tables(device: Device, keys: str, k: int) -> None:
    data = numbered(random_table("isf", 20_000))
    wanted = [(name, name == "f", False) for name in keys]
    top = device.top_k(sort_keys(data, wanted), k, schema_of(data))
    for start in range(0, 20_000, 2500):
        top.update(upload(device, ENCODINGS[start // 2500 % 5](data.slice(start, 2500))))
    expected = duck(f"select * from data order by {order_by(wanted)} limit {k}", data=data)
    assert canonical_rows(rows(download(device, top.result()))) == canonical_rows(expected)


def test_top_k_of_nothing(device: Device) -> None:
    data = random_table("i", 3)
    top = device.top_k(sort_keys(data, [("i", False, False)]), 5, schema_of(data))
    assert top.result().num_rows == 0
    assert device.sort([], sort_keys(data, [("i", False, False)]), schema_of(data)).num_rows == 0


def test_threads_do_not_change_a_sort(device: Device) -> None:
    data = numbered(random_table("sij", 150_000))
    keys = sort_keys(data, [("i", True, False), ("s", False, True)])
    one, three = (device.sort([upload(device, data)], keys, schema_of(data), threads=n) for n in (1, 3))
    assert download(device, three).equals(download(device, one))


def test_sorting_by_an_expression(device: Device) -> None:
    data = numbered(random_table("ij", 200, null_share=0.0))
    key = SortKey(expr=call("modulo", col(data, "i"), literal(5)))
    result = rows(download(device, device.sort([upload(device, data)], [key], schema_of(data))))
    assert result == sorted(rows(data), key=lambda row: row[0] % 5)


@pytest.mark.parametrize("keys", [*EVERY, "sj", "fg", "wds", ""])
def test_equal_keys_meet_in_one_partition(device: Device, keys: str) -> None:
    data = random_table("".join(dict.fromkeys(keys + "i")), 800)
    exprs = [col(data, name) for name in keys]
    parts = device.hash_partition(upload(device, data), exprs, 8)
    assert len(parts) == 8
    received = [rows(download(device, part)) for part in parts]
    assert unordered(row for part in received for row in part) == unordered(rows(data))
    where = [{tuple(map(canonical, row[: len(keys)])) for row in part} for part in received]
    assert all(not (a & b) for a, b in itertools.combinations(where, 2))
    for encode in ENCODINGS:
        again = device.hash_partition(upload(device, encode(data)), exprs, 8)
        assert [canonical_rows(rows(download(device, part))) for part in again] == [*map(canonical_rows, received)]


def test_partitions_keep_the_order_of_the_rows(device: Device) -> None:
    data = numbered(random_table("s", 800))
    place = data.column_names.index("n")
    parts = device.hash_partition(upload(device, data), [col(data, "s")], 8)
    found = [[row[place] for row in rows(download(device, part))] for part in parts]
    assert all(numbers == sorted(numbers) for numbers in found)
    assert sorted(number for numbers in found for number in numbers) == list(range(800))


def test_each_partition_counts_its_own_bytes(device: Device) -> None:
    """What becomes a task of its own, and what is sent everywhere, is decided by them."""
    data = pa.table({"k": [7 if n % 2 else n for n in range(4_000)], "t": [f"text {n}" for n in range(4_000)]})
    parts = device.hash_partition(upload(device, data), [col(data, "k")], 8)
    whole = sum(part.nbytes for part in parts)
    assert data.nbytes / 2 < whole < data.nbytes * 2
    assert max(part.nbytes for part in parts) > whole / 2


def test_partitions_are_the_same_in_every_process(device: Device) -> None:
    """The numbers are part of the contract between machines: a change here breaks a mixed cluster.

    The hash of a GPU is libcudf's, which no machine without one can compute; there it must be the same on every call.
    """
    data = pa.table({"i": pa.array(range(8)), "s": list("abcdefgh"), "f": [x / 2 for x in range(8)]})
    table = upload(device, data)
    sizes = {name: [part.num_rows for part in device.hash_partition(table, [col(data, name)], 4)] for name in "isf"}
    if device.name == "cpu":
        assert sizes == {"i": [3, 1, 2, 2], "s": [3, 0, 2, 3], "f": [2, 1, 2, 3]}
    pieces = [upload(device, data.slice(start, 4)) for start in (0, 4)]
    for name, counts in sizes.items():
        split = [device.hash_partition(piece, [col(data, name)], 4) for piece in pieces]
        assert counts == [sum(part.num_rows for part in parts) for parts in zip(*split, strict=True)]


@pytest.mark.parametrize("on", [*EVERY, "sj", "fg", ""])
def test_distinct_keeps_the_first_row(device: Device, on: str) -> None:
    data = numbered(random_table("".join(dict.fromkeys(on + "s")), 600))
    pieces = [upload(device, ENCODINGS[1](data.slice(0, 200))), upload(device, data.slice(200))]
    result = rows(download(device, device.distinct_first(pieces, list(on), schema_of(data))))
    seen: set[object] = set()
    expected = []
    for row in rows(data):
        key = tuple(map(canonical, (row[data.column_names.index(name)] for name in on)))
        if key not in seen:
            seen.add(key)
            expected.append(row)
    assert canonical_rows(result) == canonical_rows(expected)
