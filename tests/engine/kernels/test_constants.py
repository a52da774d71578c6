"""Constants made without pyarrow's conversions, and the reason for them: a query must not import pandas."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from volley.engine.kernels.constants import array_of, scalar_of

CASES: list[tuple[list[Any], pa.DataType]] = [
    ([1, None, -5], pa.int64()),
    ([1, 255], pa.uint8()),
    ([2**64 - 1], pa.uint64()),
    ([True, None, False] * 5, pa.bool_()),
    (["a", "é", None, ""], pa.string()),
    ([b"x", None], pa.binary()),
    ([1.5, None, float("inf")], pa.float64()),
    ([1.5, 2], pa.float32()),
    ([Decimal("1.25"), None, Decimal(-3)], pa.decimal64(9, 2)),
    ([Decimal("1.25"), Decimal("1E+3")], pa.decimal128(30, 4)),
    ([dt.date(1960, 1, 1), None], pa.date32()),
    ([dt.datetime.fromisoformat("1960-01-01T00:00:00.000005"), None], pa.timestamp("us")),
    ([dt.datetime.fromisoformat("2020-01-01")], pa.timestamp("s")),
    ([dt.datetime.fromisoformat("2020-01-01")], pa.timestamp("ns")),
    ([dt.datetime(2020, 1, 1, tzinfo=ZoneInfo("Europe/Berlin"))], pa.timestamp("ms", "Europe/Berlin")),
    ([dt.timedelta(days=-1, microseconds=3)], pa.duration("us")),
    ([dt.time(1, 2)], pa.time64("us")),
    ([[1, 2], None], pa.list_(pa.int64())),
    ([None], pa.string()),
    ([], pa.int8()),
]


@pytest.mark.parametrize(("values", "kind"), CASES, ids=[str(kind) for _, kind in CASES])
def test_arrays_are_what_pyarrow_makes(values: list[Any], kind: pa.DataType) -> None:
    made = array_of(values, kind)
    made.validate(full=True)
    assert made.type == kind
    assert made.to_pylist() == pa.array(values, kind).to_pylist()
    for value in values:
        assert scalar_of(value, kind).as_py() == pa.scalar(value, kind).as_py()


@pytest.mark.parametrize(
    ("value", "kind"),
    [(300, pa.int8()), (-1, pa.uint8()), (Decimal("1.234"), pa.decimal64(5, 2)), (Decimal(10**6), pa.decimal64(5, 2))],
)
def test_what_does_not_fit_is_refused(value: Any, kind: pa.DataType) -> None:
    with pytest.raises((pa.ArrowInvalid, OverflowError)):
        scalar_of(value, kind)


QUERY = """
import sys
import pyarrow as pa
import pyarrow.parquet as pq
from volley.engine import dtypes
from volley.engine.arrow import from_arrow_schema
from volley.engine.expr import Column, NamedExpr, SortKey, literal
from volley.engine.expr.build import call, case, cast, in_list
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.specs import Accumulator, AccumulatorSpec, GroupSpec, JoinSide, JoinSpec

kinds = {"i": pa.int64(), "s": pa.string(), "d": pa.decimal128(9, 2), "t": pa.date32(), "f": pa.float64()}
data = pa.Table.from_arrays([pa.nulls(5, kind) for kind in kinds.values()], names=list(kinds))
schema = from_arrow_schema(data.schema)
device = CpuDevice()
table = device.from_arrow(data, schema)
i, s, d, t, f = (Column(name=name, dtype=schema[name].dtype) for name in kinds)
part = device.filter(table, call("or", call("is_null", i), call("like", s, pattern="a%b", escape=None, fold=False)))
exprs = [
    call("add", i, literal(1)), call("multiply", d, call("subtract", literal(1), d)),
    call("less", t, literal("2024-01-01")),
    in_list(s, ["a", "b"]), case([(call("greater", f, literal(0.5)), literal("x"))], s), cast(d, dtypes.float64),
    call("year", t), call("concat", s, literal("!")), call("round", f, literal(2)), call("floor_divide", i, literal(2)),
]
made = device.project(part, [NamedExpr(name=f"e{n}", expr=expr) for n, expr in enumerate(exprs)])
spec = GroupSpec(
    keys=(NamedExpr(name="s", expr=s), NamedExpr(name="i", expr=i)),
    accumulators=(AccumulatorSpec(name="n", kind=Accumulator.SUM, dtype=dtypes.decimal(38, 2), argument=d),),
)
groups = device.group_by(spec)
groups.update(part)
result = [device.merge_groups(parts, spec) for parts in groups.partials(2)]
device.sort(result, [SortKey(expr=s), SortKey(expr=i, descending=True)], spec.schema)
join = JoinSpec(
    side=JoinSide.INNER, probe_keys=(i,), build_keys=(i,), probe_schema=schema, build_schema=schema, output=schema
)
device.to_arrow(device.build_join([part], join).probe(table))
assert made.num_rows == 5
print("pandas" in sys.modules)
"""


def test_a_query_does_not_import_pandas() -> None:
    answer = subprocess.run([sys.executable, "-c", QUERY], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


WRITE = """
import sys
import volley as vl
vl.sql("select 1 as a, 'x' as b union all values (2, null)").to_parquet(sys.argv[1])
print("pandas" in sys.modules)
"""


def test_a_written_file_does_not_import_pandas(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITE, str(tmp_path / "a.parquet")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "False"


READ = """
import sys
import volley as vl
vl.sql(f"select t, count(*) as n from '{sys.argv[1]}' where t <> 'x' group by t").to_arrow()
print("pandas" in sys.modules)
"""


def test_texts_of_a_file_do_not_import_pandas(tmp_path: Path) -> None:
    texts = [f"{number // 20_000}{number % 3}" for number in range(100_000)]  # a dictionary for each row group
    pq.write_table(pa.table({"t": texts}), tmp_path / "t.parquet", row_group_size=20_000)
    command = [sys.executable, "-c", READ, str(tmp_path / "t.parquet")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "False"
