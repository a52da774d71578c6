"""Numbers of keys, whatever form their batches come in."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from volley.engine.dtypes import float64, int64, string
from volley.engine.kernels.cpu.keys import KeyTable

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
