"""Rows that pass the first phase as partial states of their own: each accumulator's state of one row."""

from __future__ import annotations

import pyarrow as pa
import pytest

import volley as vl
from tests.engine.kernels.conformance.cases import duck, random_table, unordered
from volley.engine.dtypes import int64
from volley.engine.expr import Column, NamedExpr
from volley.engine.frame import memory
from volley.engine.kernels.cpu import aggregate, judging
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.specs import Accumulator, AccumulatorSpec, GroupSpec
from volley.engine.runners.sinks import states
from volley.engine.schema import Field, Schema

QUERY = """
select i, median(t), arg_max(m, m) filter (j > 0), corr(j, i), product(j) filter (j <> 0), len(list(s)),
    len(list(s) filter (j > 0)), last(t) filter (false), mode(d), count(w) filter (j > 0), covar_pop(j, d)
from data group by i
"""


def test_states_of_single_rows_merge_like_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "_JUDGED_ROWS", 20)
    monkeypatch.setattr(judging, "_WORTHWHILE", -1.0)
    data = random_table("ijdwstm", 600, seed=9)
    modes = "mode(d order by d)"  # DuckDB takes the first of several, ours the least
    answer = vl.sql(QUERY, data=data).to_arrow()
    expected = duck(QUERY.replace("mode(d)", modes), data=pa.table(data))
    assert unordered(zip(*(column.to_pylist() for column in answer.columns), strict=True)) == unordered(expected)


KEEPING = """
select {keys}, median(t), arg_max(m, m) filter (j > 0), len(list(s)), len(list(s) filter (j > 0)), mode(d),
    last(t) filter (false), count(w) filter (j > 0), min(s), count(distinct t)
from data group by {keys}
"""


@pytest.mark.parametrize("partition_bytes", [1 << 20, 64])
@pytest.mark.parametrize("keys", ["i", "s", "i, t", "m", "d"])
def test_threads_that_begin_with_keys_of_others(
    monkeypatch: pytest.MonkeyPatch, keys: str, partition_bytes: int
) -> None:
    """Tables come in the order of their keys: each thread has groups, laid out for it, that none of its rows has."""
    for name, value in {"_JUDGED_ROWS": 20, "_WORTHWHILE": 2.0, "_SAMPLED_ROWS": 4}.items():
        monkeypatch.setattr(judging, name, value)
    monkeypatch.setattr(memory, "TASK_ROWS", 100)
    monkeypatch.setattr(states, "PARTITION_BYTES", partition_bytes)
    data = pa.table(random_table("ijdwstmb", 3000, seed=8))
    data = data.sort_by([(key, "ascending") for key in keys.split(", ")])
    for query in (KEEPING.format(keys=keys), ORDINARY.format(keys=keys)):
        expected = duck(query.replace("mode(d)", "mode(d order by d)"), data=data)
        for threads in (1, 2):
            with vl.Session(threads=threads):
                frame = vl.from_arrow(pa.Table.from_batches(data.to_batches(max_chunksize=50)))
                answer = vl.sql(query, data=frame).to_arrow()
            rows = zip(*(column.to_pylist() for column in answer.columns), strict=True)
            assert unordered(rows) == unordered(expected)


ORDINARY = """
select {keys}, count(*) as n, count(t) as nt, sum(j) as sj, sum(d) filter (j > 0) as sd, avg(d) as ad, min(t) as mt,
    max(m) as mm, bool_or(b) as bb, sum(w) as sw
from data group by {keys}
"""


@pytest.mark.parametrize("partition_bytes", [1 << 20, 64])
@pytest.mark.parametrize("keys", ["i", "s", "i, t", "d", "b, s"])
def test_rows_passed_on_are_grouped_by_the_second_phase(
    monkeypatch: pytest.MonkeyPatch, keys: str, partition_bytes: int
) -> None:
    monkeypatch.setattr(judging, "_JUDGED_ROWS", 20)
    monkeypatch.setattr(judging, "_WORTHWHILE", -1.0)
    monkeypatch.setattr(states, "PARTITION_BYTES", partition_bytes)
    monkeypatch.setattr(aggregate, "_RUN_BITS", 4)
    monkeypatch.setattr(aggregate, "_RUN_BYTES", 1 << 10)
    data = random_table("ijdwstmb", 3000, seed=4)
    expected = duck(ORDINARY.format(keys=keys), data=pa.table(data))
    for table in (pa.table(data), dictionaries(pa.table(data))):
        with vl.Session(threads=2):
            frame = vl.from_arrow(pa.Table.from_batches(table.to_batches(max_chunksize=500)))
            answer = vl.sql(ORDINARY.format(keys=keys), data=frame).to_arrow()
        assert unordered(zip(*(column.to_pylist() for column in answer.columns), strict=True)) == unordered(expected)


def dictionaries(table: pa.Table) -> pa.Table:
    """Return the table with its texts as codes, of a dictionary for each chunk."""
    for index, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            table = table.set_column(index, field.name, table.column(index).combine_chunks().dictionary_encode())
    return table


def test_rows_passed_on_leave_as_states_of_single_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "_JUDGED_ROWS", 1)
    monkeypatch.setattr(judging, "_WORTHWHILE", -1.0)
    device, schema = CpuDevice(), Schema((Field("k", int64), Field("v", int64)))
    key, value = (Column(name=name, dtype=int64) for name in ("k", "v"))
    accumulators = (
        AccumulatorSpec(name="n", kind=Accumulator.COUNT_ROWS, dtype=int64),
        AccumulatorSpec(name="s", kind=Accumulator.SUM, dtype=int64, argument=value),
    )
    groups = device.group_by(GroupSpec(keys=(NamedExpr(name="k", expr=key),), accumulators=accumulators))
    for _ in range(2):
        groups.update(device.from_arrow(pa.table({"k": [1, 1], "v": [5, None]}), schema))
    (tables,) = groups.partials(1)
    assert [device.to_arrow(table).to_pydict() for table in tables] == [{"k": [1, 1], "n": [1, 1], "s": [5, None]}] * 2


@pytest.mark.parametrize(("mebibytes", "runs"), [(1, 256), (64, 256), (256, 1024), (640, 2048), (100_000, 4096)])
def test_runs_are_as_many_as_keep_their_tables_in_the_cache(mebibytes: int, runs: int) -> None:
    made = 1 << aggregate._run_bits(mebibytes << 20)
    assert made == runs
    assert (mebibytes << 20) // made <= 1 << 19 or made == 4096
