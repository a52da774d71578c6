"""Groups, joins, sorting and windows on the simulator: what libcudf leaves open stays open, what it forbids raises."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

from volley.engine.kernels import simulator as plc
from volley.engine.kernels.simulator import SimulatorError, machine, rmm

INCLUDE, EXCLUDE = plc.types.NullPolicy.INCLUDE, plc.types.NullPolicy.EXCLUDE
UP, AFTER = [plc.types.Order.ASCENDING], [plc.types.NullOrder.AFTER]
EQUAL, UNEQUAL = plc.types.NullEquality.EQUAL, plc.types.NullEquality.UNEQUAL
agg = plc.aggregation


class Given:
    """A stream and a resource, passed to each call."""

    def __init__(self) -> None:
        self.stream, self.mr = rmm.Stream(), rmm.CudaAsyncMemoryResource()

    def column(self, values: Any, arrow: pa.DataType | None = None) -> plc.Column:
        return plc.Column.from_arrow(pa.array(values, arrow), stream=self.stream, mr=self.mr)

    def table(self, *columns: Any) -> plc.Table:
        return plc.Table([self.column(values) for values in columns])

    def run(self, function: Any, *args: Any) -> Any:
        return function(*args, stream=self.stream, mr=self.mr)

    def list(self, column: plc.Column) -> list[Any]:
        values: list[Any] = column.to_arrow(stream=self.stream).to_pylist()
        return values

    def grouped(self, keys: Any, values: plc.Column, *aggregations: Any) -> dict[Any, tuple[Any, ...]]:
        groups = plc.groupby.GroupBy(self.table(keys), null_handling=INCLUDE)
        request = plc.groupby.GroupByRequest(values, list(aggregations))
        found, [results] = self.run(groups.aggregate, [request])
        columns = [self.list(column) for column in (*found.columns(), *results.columns())]
        return {row[0]: row[1:] for row in zip(*columns, strict=True)}


@pytest.fixture
def on() -> Given:
    return Given()


def test_aggregates_have_libcudfs_types_and_nulls(on: Given) -> None:
    values = on.column([1, None, 3, None], pa.int16())
    found = on.grouped(["a", "a", "b", None], values, agg.sum(), agg.count(), agg.count(INCLUDE), agg.min())
    assert found == {"a": (1, 1, 2, 1), "b": (3, 1, 1, 3), None: (None, 0, 1, None)}
    groups = plc.groupby.GroupBy(on.table([1]), null_handling=INCLUDE)
    one = plc.groupby.GroupByRequest(on.column([1], pa.int16()), [agg.sum(), agg.count(), agg.max()])
    kinds = [column.type().id().name for column in on.run(groups.aggregate, [one])[1][0].columns()]
    assert kinds == ["INT64", "INT32", "INT16"]


def test_sums_of_integers_wrap(on: Given) -> None:
    assert on.grouped([0, 0], on.column([2**62, 2**62]), agg.sum()) == {0: (-(2**63),)}


def test_values_of_groups_keep_their_order(on: Given) -> None:
    values = on.column([5, None, 7, 6])
    wanted = (agg.collect_list(EXCLUDE), agg.nth_element(0, EXCLUDE), agg.nth_element(-1, INCLUDE))
    assert on.grouped([1, 1, 1, 2], values, *wanted) == {1: ([5, 7], 5, 7), 2: ([6], 6, 6)}


def test_the_least_of_nan_is_undefined(on: Given) -> None:
    with pytest.raises(SimulatorError, match="NaN"):
        on.grouped([0, 0], on.column([math.nan, 1.0]), agg.min())


def test_lists_that_are_merged_must_not_be_null(on: Given) -> None:
    assert on.grouped([0, 0], on.column([[1], [2, None]]), agg.merge_lists()) == {0: ([1, 2, None],)}
    with pytest.raises(TypeError, match="none of which is null"):
        on.grouped([0, 0], on.column([[1], None]), agg.merge_lists())


def test_groups_and_pairs_come_in_no_order(on: Given) -> None:
    assert list(on.grouped(list(range(50)), on.column(list(range(50))), agg.sum())) != list(range(50))
    left, right = on.run(plc.join.inner_join, on.table(list(range(50))), on.table(list(range(50))), EQUAL)
    assert on.list(left) != sorted(on.list(left))
    assert on.list(left) == on.list(right)


def test_joins_match_nan_and_zeros_and_null_where_asked(on: Given) -> None:
    left, right = on.table([math.nan, -0.0, None, 5.0]), on.table([None, 0.0, math.nan])
    pairs = on.run(plc.join.inner_join, left, right, UNEQUAL)
    assert sorted(zip(*map(on.list, pairs), strict=True)) == [(0, 2), (1, 1)]
    pairs = on.run(plc.join.inner_join, left, right, EQUAL)
    assert sorted(zip(*map(on.list, pairs), strict=True)) == [(0, 2), (1, 1), (2, 0)]
    rows, partners = map(on.list, on.run(plc.join.left_join, left, right, UNEQUAL))
    assert {row: not 0 <= partner < 3 for row, partner in zip(rows, partners, strict=True)} == {
        0: False,
        1: False,
        2: True,
        3: True,
    }


def test_keys_of_two_types_do_not_join(on: Given) -> None:
    with pytest.raises(TypeError, match="Mismatch in joining column data types"):
        on.run(plc.join.inner_join, on.table([1]), on.table([1.0]), EQUAL)


def test_a_filter_needs_a_stream_too(on: Given) -> None:
    with pytest.raises(TypeError, match="must be given stream"):
        plc.join.FilteredJoin(on.table([1]), EQUAL)
    found = plc.join.FilteredJoin(on.table([1, 3]), EQUAL, stream=on.stream)
    assert sorted(on.list(on.run(found.semi_join, on.table([1, 2, 3, 1])))) == [0, 2, 3]
    assert on.list(on.run(found.anti_join, on.table([1, 2, 3, 1]))) == [1]


def test_more_pairs_than_a_column_has_rows_raise(on: Given) -> None:
    table = on.table([0] * 10)
    with machine().limited(row_limit=99), pytest.raises(OverflowError):
        on.run(plc.join.inner_join, table, table, EQUAL)


def test_nulls_stand_where_the_ascending_order_has_them(on: Given) -> None:
    table = on.table([2.0, None, math.nan, 1.0])
    order = plc.types.Order
    for direction, nulls, expected in (
        (order.ASCENDING, plc.types.NullOrder.AFTER, [3, 0, 2, 1]),
        (order.ASCENDING, plc.types.NullOrder.BEFORE, [1, 3, 0, 2]),
        (order.DESCENDING, plc.types.NullOrder.AFTER, [1, 2, 0, 3]),
        (order.DESCENDING, plc.types.NullOrder.BEFORE, [2, 0, 3, 1]),
    ):
        assert on.list(on.run(plc.sorting.stable_sorted_order, table, [direction], [nulls])) == expected


def test_only_what_is_sorted_is_searched(on: Given) -> None:
    sorted_rows, needles = on.table([1, 2, 2, None]), on.table([2, None, 0])
    assert on.list(on.run(plc.search.lower_bound, sorted_rows, needles, UP, AFTER)) == [1, 3, 0]
    assert on.list(on.run(plc.search.upper_bound, sorted_rows, needles, UP, AFTER)) == [3, 4, 0]
    with pytest.raises(SimulatorError, match="not sorted"):
        on.run(plc.search.lower_bound, on.table([2, 1]), needles, UP, AFTER)


def test_windows_stay_inside(on: Given) -> None:
    values = on.column([1.0, 2.0, 4.0])
    windows = [on.column(sizes, pa.int32()) for sizes in ([1, 2, 2], [1, 0, 0])]
    assert on.list(on.run(plc.rolling.rolling_window, values, *windows, 1, agg.sum())) == [3.0, 3.0, 6.0]
    beyond = on.column([2, 2, 2], pa.int32())
    with pytest.raises(SimulatorError, match="reach out of the column"):
        on.run(plc.rolling.rolling_window, values, beyond, windows[1], 1, agg.sum())


def test_scans_of_groups_need_sorted_keys(on: Given) -> None:
    request = [plc.groupby.GroupByRequest(on.column([1, None, 3]), [agg.sum()])]
    groups = plc.groupby.GroupBy(on.table([0, 0, 1]), null_handling=INCLUDE, keys_are_sorted=plc.types.Sorted.YES)
    assert on.list(on.run(groups.scan, request)[1][0].columns()[0]) == [1, None, 3]
    broken = plc.groupby.GroupBy(on.table([0, 1, 0]), null_handling=INCLUDE, keys_are_sorted=plc.types.Sorted.YES)
    with pytest.raises(SimulatorError, match="not sorted"):
        on.run(broken.scan, request)


def test_equal_keys_share_a_partition_in_every_call(on: Given) -> None:
    values = [1.5, -0.0, 0.0, math.nan, None, 1.5]
    moved, offsets = on.run(plc.partitioning.hash_partition, on.table(values), on.table(values), 4)
    parts = [on.list(moved.columns()[0])[start:stop] for start, stop in pairwise(offsets)]
    assert len(offsets) == 5
    assert sum(map(len, parts)) == 6
    assert sum(1.5 in part for part in parts) == sum(0.0 in part for part in parts) == 1
    again = on.run(plc.partitioning.hash_partition, on.table(values), on.table(values), 4)[1]
    assert again == offsets


def test_packed_memory_is_released_once_and_closed_to_the_host(on: Given) -> None:
    packed = on.run(plc.contiguous_split.pack, on.table([1, 2], ["x", None]))
    metadata, data = packed.release()
    with pytest.raises(ValueError, match="empty PackedColumns"):
        packed.release()
    with pytest.raises(SimulatorError, match="read from the host"):
        bytes(data)
    back = plc.contiguous_split.unpack_from_memoryviews(metadata, data, stream=on.stream)
    assert [on.list(column) for column in back.columns()] == [[1, 2], ["x", None]]
