"""Relational kernels of the GPU where it differs from the CPU: limits, memory, what the CPU is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from tests.engine.kernels.conformance.cases import col, download, random_table, rows, schema_of, unordered, upload
from tests.support.simulated_gpu import simulated_device
from volley.engine import dtypes
from volley.engine.errors import TooManyPairs
from volley.engine.expr import NamedExpr
from volley.engine.expr.catalogue import WINDOW_FUNCTIONS
from volley.engine.kernels.protocol import Device
from volley.engine.kernels.specs import Accumulator, AccumulatorSpec, GroupSpec, JoinSide, JoinSpec
from volley.engine.plan import Bound, Edge, Exclusion, Frame, FrameUnit, WindowCall, window_call
from volley.engine.schema import Schema

DEVICE: Device = simulated_device()

from volley.engine.kernels.gpu import aggregate, window  # noqa: E402
from volley.engine.kernels.gpu import memory as gpu_memory  # noqa: E402
from volley.engine.kernels.simulator import calls, machine  # noqa: E402


def spec_of(kind: Accumulator, dtype: dtypes.DataType, argument: Any = None) -> AccumulatorSpec:
    return AccumulatorSpec(name="a", kind=kind, dtype=dtype, argument=argument)


def sum_of(values: Sequence[Decimal]) -> Any:
    data = pa.table({"d": pa.array(values, pa.decimal128(38, 0))})
    total = spec_of(Accumulator.SUM, dtypes.decimal(38, 0), col(data, "d"))
    return rows(download(DEVICE, DEVICE.reduce(upload(DEVICE, data), [total])))[0][0]


def test_sums_of_large_decimals_are_made_of_two_halves() -> None:
    large = Decimal(10**38 - 1)
    values = [large, large.copy_negate(), Decimal(7), large, large.copy_negate(), Decimal(-3 * 10**37)]
    assert sum_of(values) == Decimal(7 - 3 * 10**37)
    assert sum_of([large]) == large


def test_what_has_more_pairs_than_a_column_has_rows_is_asked_for_in_pieces() -> None:
    left, right = (pa.table({name: [0] * 20}) for name in ("x", "y"))
    spec = JoinSpec(
        side=JoinSide.INNER,
        probe_keys=(col(left, "x"),),
        build_keys=(col(right, "y"),),
        probe_schema=schema_of(left),
        build_schema=schema_of(right),
        output=Schema((*schema_of(left), *schema_of(right))),
    )
    table = DEVICE.build_join([upload(DEVICE, right)], spec)
    probe = upload(DEVICE, left)
    with machine().limited(row_limit=250):
        with pytest.raises(TooManyPairs, match="a join of 20 rows gives more than the device holds"):
            table.probe(probe)
        halves = [table.probe(DEVICE.slice(probe, start, 10)) for start in (0, 10)]
    assert [half.num_rows for half in halves] == [200, 200]


def test_semi_joins_are_built_once() -> None:
    left, right = random_table("i", 50), random_table("i", 50).rename_columns(["j"])
    spec = JoinSpec(
        side=JoinSide.SEMI,
        probe_keys=(col(left, "i"),),
        build_keys=(col(right, "j"),),
        probe_schema=schema_of(left),
        build_schema=schema_of(right),
        output=schema_of(left),
    )
    table = DEVICE.build_join([upload(DEVICE, right)], spec)
    before = calls["pylibcudf.join.inner_join"]
    found = [row for _ in range(2) for row in rows(download(DEVICE, table.probe(upload(DEVICE, left))))]
    wanted = set(right["j"].to_pylist()) - {None}
    assert unordered(found) == unordered(2 * [(i,) for i in left["i"].to_pylist() if i in wanted])
    assert calls["pylibcudf.join.inner_join"] == before


def test_states_that_do_not_fit_are_merged_by_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    data = random_table("ij", 400)
    spec = GroupSpec(
        keys=(NamedExpr(name="j", expr=col(data, "j")),),
        accumulators=(spec_of(Accumulator.COUNT_ROWS, dtypes.int64),),
    )
    groups = [DEVICE.group_by(spec) for _ in range(2)]
    for one in groups:
        one.update(upload(DEVICE, data))
    partials = [table for one in groups for table in one.partials(1)[0]]
    expected = unordered(rows(download(DEVICE, DEVICE.merge_groups(partials, spec))))
    whole = aggregate.merged_states

    def small(table: Any, spec: GroupSpec) -> Any:
        if table.num_rows > 8:
            raise gpu_memory.OutOfDeviceMemory("too many rows for this test")
        return whole(table, spec)

    monkeypatch.setattr(aggregate, "merged_states", small)
    with gpu_memory.counted() as ledger:
        merged = DEVICE.merge_groups(partials, spec)
    assert ledger.splits > 1
    assert unordered(rows(download(DEVICE, merged))) == expected


def test_grouping_and_joining_move_nothing_to_the_host() -> None:
    data = random_table("js", 500)
    table = upload(DEVICE, data)
    spec = GroupSpec(
        keys=(NamedExpr(name="s", expr=col(data, "s")),),
        accumulators=(spec_of(Accumulator.FIRST, dtypes.int32, col(data, "j")),),
    )
    with gpu_memory.counted() as ledger:
        groups = DEVICE.group_by(spec)
        groups.update(table)
        DEVICE.merge_groups(groups.partials(1)[0], spec)
    assert ledger.to_host == 0
    assert not ledger.fallbacks


def test_sketches_are_made_by_the_cpu_and_counted() -> None:
    data = pa.table({"h": pa.array([1, 2, 2, None], pa.uint64()), "k": [1, 1, 2, 2]})
    spec = GroupSpec(
        keys=(NamedExpr(name="k", expr=col(data, "k")),),
        accumulators=(spec_of(Accumulator.SKETCH, dtypes.list_(dtypes.uint32), col(data, "h")),),
    )
    with gpu_memory.counted() as ledger:
        groups = DEVICE.group_by(spec)
        groups.update(upload(DEVICE, data))
        merged = DEVICE.merge_groups([table for part in groups.partials(2) for table in part], spec)
    assert ledger.fallbacks == {"sketch": 6}
    assert {row[0]: len(row[1]) for row in rows(download(DEVICE, merged))} == {1: 2, 2: 1}


_ROWS = FrameUnit.ROWS
_START, _HERE, _END = (Bound(edge) for edge in (Edge.UNBOUNDED_PRECEDING, Edge.CURRENT_ROW, Edge.UNBOUNDED_FOLLOWING))
_FRAMES = {
    "default": Frame(),
    "whole": Frame(unit=_ROWS, start=_START, end=_END),
    "bounded": Frame(unit=_ROWS, start=Bound(Edge.PRECEDING, 2), end=_HERE),
    "bounded, excluding": Frame(unit=_ROWS, start=Bound(Edge.PRECEDING, 2), end=_HERE, exclusion=Exclusion.CURRENT_ROW),
    "to the end": Frame(unit=_ROWS, start=_HERE, end=_END),
}


def test_which_windows_the_cpu_computes_is_known_before() -> None:
    """The table of docs/gpu.md."""
    data = random_table("ifs", 1)
    left: dict[str, list[str]] = {}
    for name, argument in (("sum", "i"), ("sum", "f"), ("min", "s"), ("product", "f"), ("m2", "f"), ("count", "s")):
        column = col(data, argument)
        for title, frame in _FRAMES.items():
            call = window_call("sum", col(data, "f"), frame=frame)
            dtype = dtypes.int64 if (name, argument) == ("sum", "i") else column.dtype
            made = type(call)(function=name, args=(column,), dtype=dtype, frame=frame)
            if window.refusal(made) is not None:
                left.setdefault(f"{name}({argument})", []).append(title)
    assert left == {
        "sum(f)": ["to the end"],
        "min(s)": ["to the end"],
        "product(f)": ["bounded", "bounded, excluding", "to the end"],
        "m2(f)": ["default", "bounded, excluding", "to the end"],
    }


def test_every_accumulator_over_frames_has_a_kernel_or_a_reason() -> None:
    data = random_table("f", 3)
    for name in (*(kind.value for kind in Accumulator), *WINDOW_FUNCTIONS):
        made = WindowCall(function=name, args=(col(data, "f"),), dtype=dtypes.float64)
        known = name in window._KNOWN
        assert (window.refusal(made) is None) == known or name == "m2", name
    assert set(WINDOW_FUNCTIONS) - window._KNOWN == {"ewm_mean"}
