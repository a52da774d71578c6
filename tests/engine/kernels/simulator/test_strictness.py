"""What must not run on a GPU does not run on the simulator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from volley.engine.kernels import simulator as plc
from volley.engine.kernels.simulator import machine, rmm

INT64 = plc.DataType(plc.TypeId.INT64)
BOOL8 = plc.DataType(plc.TypeId.BOOL8)
Op = plc.binaryop.BinaryOperator


class Given:
    """A stream and a resource, passed to each call."""

    def __init__(self) -> None:
        self.stream, self.mr = rmm.Stream(), rmm.CudaAsyncMemoryResource()

    def column(self, values: Any, arrow: pa.DataType | None = None) -> plc.Column:
        return plc.Column.from_arrow(pa.array(values, arrow), stream=self.stream, mr=self.mr)

    def scalar(self, value: Any, arrow: pa.DataType) -> plc.Scalar:
        return plc.Scalar.from_arrow(pa.scalar(value, arrow), stream=self.stream)

    def run(self, function: Any, *args: Any) -> Any:
        return function(*args, stream=self.stream, mr=self.mr)

    def binary(self, left: Any, right: Any, op: Any, out: plc.DataType) -> list[Any]:
        result = self.run(plc.binaryop.binary_operation, left, right, op, out)
        values: list[Any] = result.to_arrow(stream=self.stream).to_pylist()
        return values


@pytest.fixture
def on() -> Given:
    return Given()


def test_calls_are_bound_to_the_real_signature(on: Given) -> None:
    column = on.column([1])
    with pytest.raises(TypeError, match="missing a required argument"):
        on.run(plc.unary.cast, column)
    with pytest.raises(TypeError, match="unexpected keyword"):
        on.run(plc.unary.is_null, column).to_arrow(precision=3, stream=on.stream)
    before = plc.calls["pylibcudf.unary.is_null"]
    on.run(plc.unary.is_null, column)
    assert plc.calls["pylibcudf.unary.is_null"] == before + 1


@pytest.mark.parametrize("given", [{}, {"stream": 1}, {"mr": 1}, {"stream": None, "mr": None}])
def test_a_forgotten_stream_or_resource_raises(on: Given, given: dict[str, Any]) -> None:
    column = on.column([1])
    known = {"stream": on.stream, "mr": on.mr}
    with pytest.raises(plc.MissingStream):
        plc.unary.is_null(column, **{name: value and known[name] for name, value in given.items()})
    with pytest.raises(plc.MissingStream):
        plc.unary.is_null(column, on.stream, on.mr)


def test_the_host_cannot_look_into_a_column(on: Given) -> None:
    column = on.column([1, 2])
    assert (column.size(), column.null_count(), column.type()) == (2, 0, INT64)
    for look in (len, list, np.asarray, pa.array, pc.sum, memoryview):
        with pytest.raises((plc.HostAccess, TypeError, pa.ArrowException)):
            look(column)
    with pytest.raises(plc.HostAccess):
        column._opened()
    scalar = on.scalar(True, pa.bool_())
    with pytest.raises(plc.SimulatorError):
        bool(scalar)


def test_what_leaves_is_counted(on: Given) -> None:
    traffic = machine().traffic
    before = traffic.to_device, traffic.to_host
    column = on.column([1, 2, 3])
    assert traffic.to_device - before[0] == 24
    column.to_arrow(stream=on.stream)
    assert traffic.to_host - before[1] == 24


def test_another_stream_must_wait(on: Given) -> None:
    column, other = on.column([1]), Given()
    with pytest.raises(plc.StreamRace):
        other.run(plc.unary.is_null, column)
    on.stream.synchronize()
    other.run(plc.unary.is_null, column)


def test_released_tables_are_gone(on: Given) -> None:
    table = on.run(plc.Table.from_arrow, pa.table({"a": [1]}))
    [column] = table.release()
    with pytest.raises(plc.UseAfterFree):
        table.columns()
    assert column.size() == 1


def test_memory_is_accounted_and_limited(on: Given) -> None:
    before = on.mr.bytes_out
    column = on.column(list(range(1000)))
    assert on.mr.bytes_out - before == 8000
    view = plc.copying.slice(column, [10, 20], stream=on.stream)[0]
    assert on.mr.bytes_out - before == 8000
    del column
    assert on.mr.bytes_out - before == 8000  # the view holds it
    del view
    assert on.mr.bytes_out == before
    with machine().limited(memory=machine().used + 7999), pytest.raises(MemoryError):
        on.column(list(range(1000)))


def test_faults_are_planned(on: Given) -> None:
    with machine().failing(plc.FaultPlan(numbers={2})) as plan:
        on.column([1])
        with pytest.raises(MemoryError):
            on.column([1])
        on.column([1])
    assert (plan.allocations, plan.failures) == (3, 1)
    with machine().failing(plc.FaultPlan(rate=0.5, seed=1)) as plan:
        for _ in range(200):
            try:
                on.column([1])
            except MemoryError:
                continue
    assert 70 < plan.failures < 130


def test_columns_have_fewer_than_2_31_rows(on: Given) -> None:
    half = on.column([1] * 6)
    with machine().limited(row_limit=10), pytest.raises(OverflowError):
        on.run(plc.concatenate.concatenate, [half, half])


def test_floats_compare_as_ieee_says(on: Given) -> None:
    nan = on.column([float("nan"), 1.0, None])
    assert on.binary(nan, nan, Op.EQUAL, BOOL8) == [False, True, None]
    assert on.binary(nan, nan, Op.NULL_EQUALS, BOOL8) == [False, True, True]


def test_integers_wrap_and_undefined_divisions_raise(on: Given) -> None:
    most, zero = on.column([2**63 - 1]), on.column([0])
    assert on.binary(most, on.column([1]), Op.ADD, INT64) == [-(2**63)]
    assert on.binary(on.column([-7, 7]), on.column([2, -2]), Op.DIV, INT64) == [-3, -3]
    assert on.binary(on.column([-7, 7]), on.column([2, -2]), Op.MOD, INT64) == [-1, 1]
    assert on.binary(on.column([1]), on.column([None], pa.int64()), Op.DIV, INT64) == [None]
    with pytest.raises(plc.SimulatorError, match="by zero"):
        on.binary(most, zero, Op.DIV, INT64)
    with pytest.raises(plc.SimulatorError, match="least integer"):
        on.binary(on.column([-(2**63)]), on.column([-1]), Op.DIV, INT64)


def test_decimals_need_libcudfs_scales(on: Given) -> None:
    cents, mills = on.column([1], pa.decimal128(5, 2)), on.column([1], pa.decimal128(5, 3))
    decimal = [plc.DataType(plc.TypeId.DECIMAL128, -scale) for scale in range(7)]
    assert [str(x) for x in on.binary(cents, mills, Op.ADD, decimal[3])] == ["2.000"]
    assert [str(x) for x in on.binary(cents, mills, Op.MUL, decimal[5])] == ["1.00000"]
    for op, out in ((Op.ADD, decimal[2]), (Op.MUL, decimal[3]), (Op.EQUAL, BOOL8)):
        with pytest.raises(TypeError):
            on.binary(cents, mills, op, out)


def test_decimals_wrap_at_128_bits(on: Given) -> None:
    most = on.column([10**37], pa.decimal128(38, 0))
    [wrapped] = on.binary(most, most, Op.MUL, plc.DataType(plc.TypeId.DECIMAL128, 0))
    assert int(wrapped) != 10**74


def test_gathering_follows_the_policy(on: Given) -> None:
    policy = plc.copying.OutOfBoundsPolicy
    table = on.run(plc.Table.from_arrow, pa.table({"a": [10, 20, 30]}))
    places = on.column([2, -1, 7, -(2**31)], pa.int32())
    taken = on.run(plc.copying.gather, table, places, policy.NULLIFY)
    assert taken.columns()[0].to_arrow(stream=on.stream).to_pylist() == [30, 30, None, None]
    with pytest.raises(plc.SimulatorError, match="outside"):
        on.run(plc.copying.gather, table, places, policy.DONT_CHECK)


@pytest.mark.parametrize("arrow", [pa.null(), pa.time64("us"), pa.binary(), pa.month_day_nano_interval()], ids=str)
def test_types_that_libcudf_has_not_are_refused(on: Given, arrow: pa.DataType) -> None:
    with pytest.raises(NotImplementedError):
        on.column([None], arrow)


def test_zones_and_precisions_are_lost_unless_told(on: Given) -> None:
    moment = on.column([0], pa.timestamp("us", "Europe/Berlin"))
    assert moment.to_arrow(stream=on.stream).type == pa.timestamp("us")
    told = plc.interop.ColumnMetadata(timezone="Europe/Berlin")
    assert moment.to_arrow(told, stream=on.stream).type == pa.timestamp("us", "Europe/Berlin")
    money = on.column([1], pa.decimal128(5, 2))
    assert money.to_arrow(stream=on.stream).type == pa.decimal128(38, 2)


def test_traps_of_strings(on: Given) -> None:
    text = on.column(["a b", None])
    empty = on.scalar("", pa.string())
    with pytest.raises(ValueError, match="must not be empty"):
        on.run(plc.strings.replace.replace, text, empty, empty)
    spaced = on.run(plc.strings.split.split.split_record, text, empty, -1)
    assert spaced.to_arrow(stream=on.stream).to_pylist() == [["a", "b"], None]
    cut = on.run(plc.strings.slice.slice_strings, text, on.scalar(1, pa.int32()))
    assert cut.to_arrow(stream=on.stream).to_pylist() == ["", None]  # a missing stop is 0
    with pytest.raises(TypeError, match="size_type"):
        on.run(plc.strings.slice.slice_strings, text, on.scalar(1, pa.int64()))
    joined = on.run(plc.strings.combine.concatenate, plc.Table([text, text]), empty)
    assert joined.to_arrow(stream=on.stream).to_pylist() == ["a ba b", ""]  # nulls are empty unless narep is null


def test_a_mask_that_is_null_chooses_the_right_side(on: Given) -> None:
    mask = on.column([True, None, False])
    left, right = on.column([1, 2, 3]), on.column([4, 5, 6])
    chosen = on.run(plc.copying.copy_if_else, left, right, mask)
    assert chosen.to_arrow(stream=on.stream).to_pylist() == [1, 5, 6]
    with pytest.raises(TypeError, match="same type"):
        on.run(plc.copying.copy_if_else, left, on.column([1.0] * 3), mask)


def test_nothing_but_the_loader_may_import_the_simulator() -> None:
    import subprocess
    import sys

    code = (
        "import sys, volley, volley.engine.kernels.devices as d; "
        "assert d.open_device('auto').name == 'cpu'; "
        "assert not [m for m in sys.modules if 'simulator' in m or 'pylibcudf' in m or m == 'rmm']"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"VOLLEY_SIMULATE_GPU": "1", "PATH": "/usr/bin"})


@pytest.mark.parametrize(
    ("pattern", "group", "found"), [(r"([(])(a)?", 1, "a"), (r"(?:\()(a)", 0, "a"), (r"([](]+)(a)", 0, "(")]
)
def test_groups_are_those_that_count(on: Given, pattern: str, group: int, found: str) -> None:
    program = plc.strings.regex_program.RegexProgram.create(pattern, plc.strings.regex_flags.RegexFlags.DEFAULT)
    result = on.run(plc.strings.extract.extract_single, on.column(["x(a)"]), program, group)
    assert result.to_arrow(stream=on.stream).to_pylist() == [found]
