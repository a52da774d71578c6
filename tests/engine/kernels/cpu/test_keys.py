"""Numbers of keys, whatever form their batches come in."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from volley.engine.dtypes import string
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
