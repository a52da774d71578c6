"""Sorts by way of buckets, as of large tables, give the order of small ones: random types, keys, cuts and threads."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tests.engine.kernels.conformance.cases import TYPES, random_table
from volley.engine.arrow import from_arrow_schema
from volley.engine.expr import Column, SortKey
from volley.engine.kernels.cpu import sort
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.cpu.native import bucketsort, textsort, ties

NAMES = "ijufgdwsbtmz"
DEVICE = CpuDevice()


def test_order_is_that_of_small_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    for _ in range(60):
        data = random_table(NAMES, int(rng.integers(1, 900)), int(rng.integers(1 << 30)), float(rng.choice([0.0, 0.2])))
        if rng.random() < 0.5:
            column = data.column("s").combine_chunks().dictionary_encode()
            data = data.set_column(data.schema.get_field_index("s"), "s", column)
        schema = from_arrow_schema(data.schema)
        names = rng.choice(list(NAMES), int(rng.integers(1, 4)), replace=False)
        keys = [
            SortKey(
                expr=Column(name=name, dtype=schema[name].dtype),
                descending=bool(rng.random() < 0.5),
                nulls_first=bool(rng.random() < 0.5),
            )
            for name in names.tolist()
        ]
        edges = np.sort(rng.integers(0, data.num_rows + 1, 3)).tolist()
        cuts = zip([0, *edges], [*edges, data.num_rows], strict=True)
        tables = [DEVICE.from_arrow(data.slice(start, stop - start), schema) for start, stop in cuts]
        monkeypatch.undo()
        monkeypatch.setattr(sort, "_LARGE", 1 << 40)
        expected = DEVICE.to_arrow(DEVICE.sort(tables, keys, schema))
        monkeypatch.setattr(sort, "_LARGE", 1)
        monkeypatch.setattr(textsort, "_SAMPLE", int(rng.choice([8, 8192])))  # rows that tell whether texts repeat
        monkeypatch.setattr(textsort, "_TELLING", 0)
        answer = DEVICE.to_arrow(DEVICE.sort(tables, keys, schema, threads=int(rng.integers(1, 4))))
        assert answer.schema == expected.schema
        assert str(answer.to_pydict()) == str(expected.to_pydict()), [str(key) for key in keys]  # NaN is itself


@pytest.mark.parametrize("value", [0, 7])
def test_keys_that_are_all_equal_keep_the_rows_as_they_are(monkeypatch: pytest.MonkeyPatch, value: int) -> None:
    monkeypatch.setattr(sort, "_LARGE", 1)
    data = pa.table({"i": pa.array([value] * 5, TYPES["i"]), "s": ["e", "d", "c", "b", "a"]})
    schema = from_arrow_schema(data.schema)
    keys = [SortKey(expr=Column(name="i", dtype=schema["i"].dtype))]
    assert DEVICE.to_arrow(DEVICE.sort([DEVICE.from_arrow(data, schema)], keys, schema)).equals(data)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("different", [1, 2, 300, 100_000])
@pytest.mark.parametrize("long_run", [100, 1 << 18])
def test_keys_of_more_than_64_bits(
    monkeypatch: pytest.MonkeyPatch, long_run: int, different: int, threads: int
) -> None:
    """Rows that the first 64 bits leave tied are told apart by the others: none, some and all of them."""
    monkeypatch.setattr(sort, "_LARGE", 1 << 10)
    monkeypatch.setattr(bucketsort, "_SAMPLED_ROWS", 1 << 14)
    monkeypatch.setattr(ties, "_LONG_RUN", long_run)
    rng = np.random.default_rng(different)
    rows = 20_000
    few = rng.choice(rng.normal(0, 1e300, different), rows)
    wide = rng.integers(-(1 << 62), 1 << 62, rows) // rng.choice([1, 1 << 61], rows)
    pairs = pa.table({"f": few, "w": wide, "b": rng.integers(0, 2, rows).astype(np.bool_), "n": np.arange(rows)})
    floats = pa.array(few, mask=rng.random(rows) < 0.3)
    data = pairs.set_column(0, "f", floats)
    schema = from_arrow_schema(data.schema)
    keys = [
        SortKey(expr=Column(name="f", dtype=schema["f"].dtype), descending=True, nulls_first=True),
        SortKey(expr=Column(name="w", dtype=schema["w"].dtype)),
        SortKey(expr=Column(name="b", dtype=schema["b"].dtype), descending=True),
    ]
    tables = [DEVICE.from_arrow(data.slice(start, 3_000), schema) for start in range(0, rows, 3_000)]
    answer = DEVICE.to_arrow(DEVICE.sort(tables, keys, schema, threads=threads))
    order = np.lexsort([~pairs["b"].to_numpy(), wide, -few, floats.is_valid().to_numpy(zero_copy_only=False)])
    no_values = floats.is_null().to_numpy(zero_copy_only=False)[order]
    nulls = np.sort(order[no_values])
    nulls = nulls[np.lexsort([~pairs["b"].to_numpy()[nulls], wide[nulls]])]  # whose numbers mean nothing
    assert answer.equals(data.take(np.concatenate([nulls, order[~no_values]])))


@pytest.mark.parametrize("power", [1, 3, 40])
def test_many_numbers_below_zero(power: int) -> None:
    """Numbers are compared as they are; where they lie unevenly, buckets are chosen by some of them."""
    rows = sort._LARGE + 10
    rng = np.random.default_rng(power)
    numbers = (rng.uniform(-1, 1, rows) ** power * 2.0**62).astype(np.int64)
    data = pa.table({"i": numbers, "n": np.arange(rows)})
    schema = from_arrow_schema(data.schema)
    tables = [DEVICE.from_arrow(data.slice(start, 50_000), schema) for start in range(0, rows, 50_000)]
    answer = DEVICE.to_arrow(DEVICE.sort(tables, [SortKey(expr=Column(name="i", dtype=schema["i"].dtype))], schema))
    assert answer.equals(data.take(np.argsort(numbers, kind="stable")))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("least", [-50, 0, 50])
@pytest.mark.parametrize("kind", ["int16", "int32", "uint32", "int64"])
@pytest.mark.parametrize("first", ["float64", "int64"])
def test_a_second_key_beside_one_that_fills_a_word(
    monkeypatch: pytest.MonkeyPatch, first: str, kind: str, least: int, threads: int
) -> None:
    """Ties of the first key are told by the words of the second as they are, unless these may be below zero."""
    monkeypatch.setattr(sort, "_LARGE", 1 << 10)
    if kind == "uint32":
        least = abs(least) + (1 << 31)
    rng = np.random.default_rng(least + 50)
    rows = 6_000
    values = rng.integers(-(1 << 62), 1 << 62, 40)[rng.integers(0, 40, rows)]
    given = values.astype(np.float64) if first == "float64" else values
    data = pa.table({"f": given, "n": rng.integers(least, least + 100, rows).astype(kind), "row": np.arange(rows)})
    schema = from_arrow_schema(data.schema)
    keys = [SortKey(expr=Column(name=name, dtype=schema[name].dtype)) for name in ("f", "n")]
    tables = [DEVICE.from_arrow(data.slice(0, 2_500), schema), DEVICE.from_arrow(data.slice(2_500), schema)]
    order = np.lexsort([data["n"].to_numpy(), given])
    assert DEVICE.to_arrow(DEVICE.sort(tables, keys, schema, threads=threads)).equals(data.take(order))


@pytest.mark.parametrize("length", [1, 8, 9, 31])
def test_bitmaps_of_nulls_at_one_end(length: int) -> None:
    for nulls in range(length + 1):
        for valid in (slice(nulls, length), slice(length - nulls)):
            known = np.zeros(length, dtype=np.bool_)
            known[valid] = True
            assert sort._bitmap(length, valid).tolist() == np.packbits(known, bitorder="little").tolist()


@pytest.mark.parametrize("kind", ["int32", "uint32", "int16", "uint8"])
@pytest.mark.parametrize("descending", [False, True])
def test_keys_of_few_bits_are_read_back(monkeypatch: pytest.MonkeyPatch, kind: str, *, descending: bool) -> None:
    monkeypatch.setattr(sort, "_LARGE", 1 << 10)
    limits = np.iinfo(kind)
    rng = np.random.default_rng(1)
    values = rng.integers(limits.min, limits.max, 5_000, dtype=kind, endpoint=True)
    data = pa.table({"key": values})
    schema = from_arrow_schema(data.schema)
    keys = [SortKey(expr=Column(name="key", dtype=schema["key"].dtype), descending=descending)]
    answer = DEVICE.to_arrow(DEVICE.sort([DEVICE.from_arrow(data, schema)], keys, schema, threads=2))
    expected = np.sort(values)[::-1] if descending else np.sort(values)
    assert answer["key"].to_pylist() == expected.tolist()
