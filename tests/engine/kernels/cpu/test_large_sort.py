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
from volley.engine.kernels.cpu.native import textsort

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
