"""Tables in memory as a source."""

from __future__ import annotations

import gc
import pickle
import weakref
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import volley as vl
from volley.engine.errors import ConfigError, TypeMismatch
from volley.engine.expr import Column, call, literal
from volley.engine.frame.memory import MemorySource
from volley.engine.plan import ScanRequest


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return pa.table(
        {
            "id": range(5000),
            "city": pa.array([["Oslo", "Bern", None][i % 3] for i in range(5000)]).dictionary_encode(),
            "note": pa.array([f"row {i}" for i in range(5000)], pa.large_string()),
        }
    )


def scan(source: MemorySource, columns: list[str] | None = None, **request: Any) -> pa.Table:
    """Read every split of a scan, in order."""
    names = tuple(source.schema.names if columns is None else columns)
    plan = source.scan(ScanRequest(columns=names, **request))
    batches = [batch for split in plan.splits for batch in split.read()]
    return pa.Table.from_batches(batches) if batches else source.table.select(list(names)).slice(0, 0)


@pytest.mark.parametrize("partitions", [0, 1, 2, 7])
def test_in_any_number_of_partitions(table: pa.Table, partitions: int) -> None:
    source = MemorySource(table, partitions=partitions)
    assert scan(source).equals(table)
    assert scan(source, ["note"], batch_rows=64).equals(table.select(["note"]))
    assert scan(source, []).num_rows == 5000
    assert len(source.scan(ScanRequest(columns=("id",))).splits) == (partitions or 1)
    assert source.statistics().rows == 5000


def test_counts_nulls_but_of_dictionaries() -> None:
    words = pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array(["a", None]))
    table = pa.table({"full": [1, 2], "holed": [None, 2.5], "nothing": pa.nulls(2), "word": words})
    known = MemorySource(pa.concat_tables([table, table.slice(1)])).statistics().columns
    assert {name: known[name].nulls for name in known} == {"full": 0, "holed": 1, "nothing": 3, "word": None}
    assert len(known) == 4
    assert known.get("other") is None


def test_rows_go_with_the_frame() -> None:
    values = np.arange(3000.0)
    held = weakref.ref(values)
    frame = vl.from_arrow(pa.table({"k": [1, 2, 1] * 1000, "v": pa.array(values)}))
    assert len(frame.merge(vl.DataFrame({"k": [1]}), on="k")) == 2000
    del frame, values
    gc.collect()
    assert held() is None  # nothing that planning remembers has them


def test_is_not_copied_and_dictionaries_stay(table: pa.Table) -> None:
    (split,) = MemorySource(table.combine_chunks()).scan(ScanRequest(columns=("city", "id"))).splits
    batch = next(iter(split.read()))
    assert pa.types.is_dictionary(batch.schema.field("city").type)
    whole = table.combine_chunks().column("id").chunk(0)
    again = MemorySource(pa.table({"id": whole})).scan(ScanRequest(columns=("id",))).splits[0]
    assert next(iter(again.read())).column(0).buffers()[1].address == whole.buffers()[1].address


def test_splits_pickle_their_own_rows_only(table: pa.Table) -> None:
    splits = MemorySource(table, partitions=100).scan(ScanRequest(columns=("id",))).splits
    content = pickle.dumps(splits[3])
    assert len(content) < 2000
    assert next(iter(pickle.loads(content).read())).column(0).to_pylist() == list(range(150, 200))
    bare = MemorySource(table, partitions=100).scan(ScanRequest(columns=())).splits[3]
    assert next(iter(pickle.loads(pickle.dumps(bare)).read())).num_rows == 50


def test_limit_applies_only_without_a_filter(table: pa.Table) -> None:
    source = MemorySource(table)
    assert scan(source, ["id"], limit=3).column("id").to_pylist() == [0, 1, 2]
    assert scan(source, ["id"], limit=0).num_rows == 0
    predicate = call("greater", Column(name="id", dtype=source.schema["id"].dtype), literal(10))
    plan = source.scan(ScanRequest(columns=("id",), predicate=predicate, limit=3))
    assert plan.residual == predicate
    assert sum(split.rows or 0 for split in plan.splits) == 5000


def test_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(ConfigError, match="partitions must be positive, not -1"):
        MemorySource(pa.table({"a": [1]}), partitions=-1)
    with pytest.raises(TypeMismatch, match=r"column 'a': .* is not supported"):
        MemorySource(
            pa.table(
                {"a": pa.UnionArray.from_dense(pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])])}
            )
        )
    assert MemorySource(pa.table({"a": pa.array([], pa.int64())})).scan(ScanRequest(columns=("a",))).splits == ()
