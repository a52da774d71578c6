"""Numbers of keys, whatever form their batches come in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from volley.engine.dtypes import float64, int64, string
from volley.engine.kernels.cpu.keys import KeyTable
from volley.engine.kernels.cpu.spelled import SpelledKeys

PLAIN = pa.array(["b", None, "a", "b", ""])
CODES = pa.DictionaryArray.from_arrays(pa.array([2, 0, None, 3], pa.int32()), ["c", "unused", "a", "a"])
MORE = pa.array(["unused", "d", None, "a"])


@pytest.mark.parametrize(
    "batches",
    [(PLAIN, MORE), (PLAIN, CODES, MORE), (CODES, PLAIN), (CODES, CODES), (PLAIN.slice(2), CODES.slice(1), PLAIN)],
)
def test_text_has_numbers_by_first_sight_in_any_encoding(batches: tuple[pa.Array, ...]) -> None:
    keys = KeyTable([string])
    ids = [number for batch in batches for number in keys.insert([batch]).tolist()]
    values = [value for batch in batches for value in batch.to_pylist()]
    expected, distinct = pd.factorize(pd.Series(values, dtype=object), use_na_sentinel=False)
    assert ids == expected.tolist()
    assert len(keys) == len(distinct)
    assert keys.columns()[0].to_pylist() == [None if pd.isna(value) else value for value in distinct]
    assert [number for batch in batches for number in keys.find([batch]).tolist()] == ids
    assert keys.find([pa.array(["absent"])]).tolist() == [-1]
    assert keys.find([pa.array(["absent"]).dictionary_encode()]).tolist() == [-1]


@pytest.mark.parametrize("more", [("x", 2**40, None), ("b", 3, None), ("b", None, 2.5)])
def test_keys_of_one_table_merge_into_another(more: tuple[str, int | None, float | None]) -> None:
    dtypes = [string, int64, float64]
    mine = [pa.array(["a", None, "b", "a"]), pa.array([1, 2, None, 1]), pa.array([0.5, None, float("nan"), 0.5])]
    added = [pa.array([value], field.type) for value, field in zip(more, mine, strict=True)]
    theirs = [pa.concat_arrays([last, each[::-1]]) for last, each in zip(added, mine, strict=True)]
    table, other = KeyTable(dtypes), KeyTable(dtypes)
    ids, numbers = table.insert(mine), other.insert(theirs)
    assert ids.tolist() == [0, 1, 2, 0]
    assert table.absorb(other)[numbers].tolist() == [3, 0, 2, 1, 0]
    expected = [pa.concat_arrays([each[:3], last]) for last, each in zip(added, mine, strict=True)]
    assert str([column.to_pylist() for column in table.columns()]) == str([each.to_pylist() for each in expected])


def test_texts_that_mostly_differ_are_written_out() -> None:
    """Rows of two such, a float with nulls and NaN, and a text that repeats; later batches have dictionaries."""
    rng = np.random.default_rng(4)
    dtypes = [string, float64, string, string]

    def batch(rows: int) -> list[pa.Array]:
        numbers = rng.integers(0, 900, rows)
        texts = [None if number % 50 == 7 else "" if number % 50 == 8 else f"name {number}" for number in numbers]
        longer = [None if number % 31 == 5 else f"{number}" * (number % 40) for number in numbers]
        floats = [None if number % 3 == 0 else float("nan") if number % 3 == 1 else number / 7 for number in numbers]
        return [pa.array(texts), pa.array(floats), pa.array(longer), pa.array([f"kind {n % 4}" for n in numbers])]

    first, second = batch(1_500), batch(9_000)
    encoded = [column.dictionary_encode() if pa.types.is_string(column.type) else column for column in second]
    table, other = KeyTable(dtypes), KeyTable(dtypes)
    ids = [*table.insert(first), *table.insert([column.slice(100) for column in encoded])]
    assert isinstance(table._words, SpelledKeys)
    rows = [
        str(row)
        for batch in (first, [column[100:] for column in second])
        for row in zip(*map(pa.Array.to_pylist, batch), strict=True)
    ]
    expected, distinct = pd.factorize(pd.Series(rows))
    assert ids == expected.tolist()
    assert [str(row) for row in zip(*map(pa.Array.to_pylist, table.columns()), strict=True)] == distinct.tolist()
    assert table.find(first).tolist() == ids[:1_500]
    absent = [pa.array(["absent", None]), pa.array([1.0, None]), pa.array(["", None]), pa.array(["kind 1", None])]
    assert table.find(absent).tolist() == [-1, -1]
    copied = table.copied()
    assert copied.insert(absent).tolist() == [len(distinct), len(distinct) + 1]
    assert len(table) == len(distinct)
    few = [column[:3] for column in second]  # too few to tell whether they differ
    other.insert(few)
    assert not isinstance(other._words, SpelledKeys)
    assert table.absorb(other).tolist() == table.find(few).tolist()
