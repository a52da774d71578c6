"""Groups of rows that come in the order of their key: complete ones need no second phase, and none is counted twice."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from volley.engine import dtypes
from volley.engine.arrow import from_arrow_schema
from volley.engine.expr import Column, NamedExpr, literal
from volley.engine.expr.build import call
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.cpu.ordered import OrderedGroups
from volley.engine.kernels.protocol import Table
from volley.engine.kernels.specs import Accumulator, AccumulatorSpec, GroupSpec
from volley.engine.plan import HeldRows

DEVICE = CpuDevice()
ROWS = 24_000


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def rows_of(kind: str, rng: np.random.Generator) -> pa.Table:
    """Rows in the order of a key, of which each occurs about four times; values of which some are null."""
    keys = np.sort(rng.integers(0, ROWS // 4, ROWS))
    match kind:
        case "negative":
            column = pa.array(keys - ROWS // 8)
        case "int32":
            column = pa.array(keys.astype(np.int32))
        case "unsigned":
            column = pa.array(keys.astype(np.uint64) + np.uint64(2**63 - ROWS // 8))
        case "dates":
            column = pa.array(keys.astype(np.int32)).cast(pa.date32())
        case "decimals":
            column = pa.array(keys.astype(np.int32)).cast(pa.decimal128(12, 0))
        case "unique":
            column = pa.array(np.arange(ROWS) * 3)
        case _:
            column = pa.array(keys)
    return pa.table(
        {
            "k": column,
            "v": pa.array(rng.integers(-99, 99, ROWS), mask=rng.random(ROWS) < 0.1),
            "f": pa.array(rng.integers(0, 1_000, ROWS) / 8),
        }
    )


def spec_of(data: pa.Table) -> GroupSpec:
    schema = from_arrow_schema(data.schema)
    key, value, number = (Column(name=name, dtype=schema[name].dtype) for name in "kvf")
    positive = call("greater", value, literal(0))
    kinds = [
        ("n", Accumulator.COUNT_ROWS, dtypes.int64, None, None),
        ("some", Accumulator.COUNT_ROWS, dtypes.int64, None, positive),
        ("known", Accumulator.COUNT, dtypes.int64, value, None),
        ("sum", Accumulator.SUM, dtypes.int64, value, None),
        ("most", Accumulator.MAX, dtypes.int64, value, None),
        ("f", Accumulator.SUM, dtypes.float64, number, None),
    ]
    made = tuple(AccumulatorSpec(name=n, kind=k, dtype=d, argument=a, filter=w) for n, k, d, a, w in kinds)
    return GroupSpec(keys=(NamedExpr(name="k", expr=key),), accumulators=made)


def expected(data: pa.Table) -> list[list[object]]:
    frame = data.to_pandas().assign(k=pd.Series(data["k"].to_pylist(), dtype=object))
    positive = frame["v"] > 0
    grouped = frame.assign(some=positive).groupby("k", dropna=False)
    made = pd.DataFrame(
        {
            "n": grouped.size(),
            "some": grouped["some"].sum(),
            "known": grouped["v"].count(),
            "sum": grouped["v"].sum(min_count=1),
            "most": grouped["v"].max(),
            "f": grouped["f"].sum(),
        }
    ).reset_index()
    return sorted(map(list, made.astype(object).where(made.notna(), None).to_numpy().tolist()), key=repr)


def upload(data: pa.Table) -> Table:
    return DEVICE.from_arrow(data, from_arrow_schema(data.schema))


def found(parts: Sequence[Sequence[Table]], spec: GroupSpec) -> list[list[object]]:
    merged = [DEVICE.to_arrow(DEVICE.merge_groups(part, spec)).to_pylist() for part in parts if part]
    return sorted([list(row.values()) for part in merged for row in part], key=repr)


def states(data: pa.Table, cuts: Sequence[int], threads: int = 1) -> list[OrderedGroups]:
    """Return states of threads that have taken the rows between the cuts in turn."""
    first = DEVICE.group_by(spec_of(data))
    assert isinstance(first, OrderedGroups)
    made = [first, *(first.beside() for _ in range(threads - 1))]
    places = [0, *cuts, data.num_rows]
    for number, (start, stop) in enumerate(pairwise(places)):
        made[number % threads].update(upload(data.slice(start, stop - start)))
    return made


KINDS = ["plain", "negative", "int32", "dates", "decimals", "unique"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cuts", [[], [8_000, 8_001, 16_003], [8_000, 8_000, 16_000, 16_002, 16_003]])
def test_groups_that_are_apart_are_whole(rng: np.random.Generator, kind: str, cuts: list[int]) -> None:
    data = rows_of(kind, rng)
    (state,) = states(data, cuts)
    assert state.nbytes > 0
    parts = state.apart(4)
    assert parts is not None
    assert found(parts, spec_of(data)) == expected(data)


def test_rows_may_come_as_they_lie_in_memory(rng: np.random.Generator) -> None:
    data = rows_of("plain", rng)
    held, schema = HeldRows(pa.concat_tables([data.slice(0, 8_000), data.slice(8_000)])), from_arrow_schema(data.schema)
    state, whole = DEVICE.group_by(spec_of(data)), DEVICE.chunked(held, 0, ROWS, schema, 1)
    assert isinstance(state, OrderedGroups)
    assert whole is not None
    state.update(whole)
    parts = state.apart(4)
    assert parts is not None
    assert found(parts, spec_of(data)) == expected(data)


@pytest.mark.parametrize("kind", [*KINDS, "unsigned"])
@pytest.mark.parametrize("partitions", [1, 4])
def test_parts_by_hash_have_the_same_groups(rng: np.random.Generator, kind: str, partitions: int) -> None:
    data = rows_of(kind, rng)
    (state,) = states(data, [8_000, 16_001])
    parts = state.partials(partitions)
    assert found(parts, spec_of(data)) == expected(data)
    assert not any(state.partials(partitions))
    keys = [{row["k"] for table in part for row in DEVICE.to_arrow(table).to_pylist()} for part in parts]
    assert sum(map(len, keys)) == len(set().union(*keys))


def test_threads_take_over_each_others_groups(rng: np.random.Generator) -> None:
    data = rows_of("plain", rng)
    one, other = states(data, [6_000, 12_000, 12_001, 18_000], threads=2)
    assert one.absorb(other, few=False)
    parts = one.apart(2)
    assert parts is not None
    assert found(parts, spec_of(data)) == expected(data)


def test_ranges_that_overlap_are_merged(rng: np.random.Generator) -> None:
    data = rows_of("plain", rng)
    twice = pa.concat_tables([data, data])
    one, other = states(twice, [data.num_rows], threads=2)
    assert one.absorb(other, few=False)
    assert one.apart(4) is None
    shared = [state.partials(4) for state in one.shared(2)]
    assert len(shared) == 2
    parts = [[table for own in shared for table in own[number]] for number in range(4)]
    assert found(parts, spec_of(data)) == expected(twice)


@pytest.mark.parametrize("late", ["shuffled", "nulls", "small"])
@pytest.mark.parametrize("both", [False, True])
def test_rows_that_are_not_in_order_are_looked_up(rng: np.random.Generator, late: str, both: bool) -> None:
    data = rows_of("plain", rng)
    tail = data.slice(12_000)
    match late:
        case "shuffled":
            tail = tail.take(rng.permutation(tail.num_rows))
            cuts = [12_000, 18_000]
        case "nulls":
            keys = pa.array(tail["k"].to_pylist(), mask=np.arange(tail.num_rows) % 1_000 == 7)
            tail = tail.set_column(0, "k", keys)
            cuts = [12_000, 18_000]
        case _:
            cuts = [*range(12_000, 24_000, 50)]
    data = pa.concat_tables([data.slice(0, 12_000), tail])
    one, other = states(data, [cuts[0] // 2, *cuts] if both else cuts, threads=2)
    if not one.absorb(other, few=False):
        drained = [state.partials(4) for each in (one, other) for state in each.shared(2)]
        parts = [[table for own in drained for table in own[number]] for number in range(4)]
    else:
        assert one.apart(4) is None
        drained = [state.partials(4) for state in one.shared(2)]
        parts = [[table for own in drained for table in own[number]] for number in range(4)]
    assert found(parts, spec_of(data)) == expected(data)


@pytest.mark.parametrize("kind", ["few", "shuffled"])
def test_rows_in_no_order_or_of_few_groups_are_grouped_as_ever(rng: np.random.Generator, kind: str) -> None:
    data = rows_of("plain", rng)
    keys = np.sort(rng.integers(0, 50, ROWS)) if kind == "few" else rng.permutation(ROWS) // 4
    data = data.set_column(0, "k", pa.array(keys))
    (state,) = states(data, [12_000])
    assert state.apart(1) is None
    assert found(state.partials(1), spec_of(data)) == expected(data)


def test_other_keys_are_looked_up_from_the_beginning(rng: np.random.Generator) -> None:
    data = rows_of("plain", rng)
    texts = data.set_column(0, "k", data["k"].cast(pa.string()))
    floats = data.set_column(0, "k", data["k"].cast(pa.float64()))
    assert not any(isinstance(DEVICE.group_by(spec_of(each)), OrderedGroups) for each in (texts, floats))
