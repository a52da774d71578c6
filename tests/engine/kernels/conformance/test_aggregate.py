"""Grouped and whole-table aggregation, in one and in two phases, against DuckDB."""

from __future__ import annotations

import math
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given

from volley.engine import dtypes
from volley.engine.dtypes import DataType
from volley.engine.errors import ArithmeticOverflow
from volley.engine.expr import Expr, NamedExpr, literal
from volley.engine.expr.build import call, cast
from volley.engine.kernels.protocol import Device, Table
from volley.engine.kernels.specs import Accumulator, AccumulatorSpec, GroupSpec

from .cases import (
    ENCODINGS,
    canonical,
    col,
    download,
    duck,
    random_table,
    rows,
    schema_of,
    tables,
    unordered,
    upload,
)

EVERY = "ijkufgdwsrbtmz"


def spec_of(
    name: str, kind: Accumulator, dtype: DataType, argument: Expr | None = None, where: Expr | None = None
) -> AccumulatorSpec:
    return AccumulatorSpec(name=name, kind=kind, dtype=dtype, argument=argument, filter=where)


def accumulators(data: pa.Table, names: str) -> tuple[list[AccumulatorSpec], list[str]]:
    """Every accumulator over every column of a table, with the SQL that means the same."""
    specs = [spec_of("n", Accumulator.COUNT_ROWS, dtypes.int64)]
    sql = ["count(*)"]
    schema = schema_of(data)
    for name in names:
        dtype, argument = schema[name].dtype, col(data, name)
        specs.append(spec_of(f"count_{name}", Accumulator.COUNT, dtypes.int64, argument))
        sql.append(f"count({name})")
        for kind, function in [(Accumulator.MIN, "min"), (Accumulator.MAX, "max")]:
            specs.append(spec_of(f"{function}_{name}", kind, dtype, argument))
            sql.append(f"{function}({name})")
        if dtype.is_decimal:
            specs.append(spec_of(f"sum_{name}", Accumulator.SUM, dtypes.decimal(38, dtype.scale), argument))
            sql.append(f"sum({name})")
        elif dtype.is_float:
            specs.append(spec_of(f"sum_{name}", Accumulator.SUM, dtypes.float64, cast(argument, dtypes.float64)))
            sql.append(f"sum({name}::double)")
        elif dtype.is_integer and dtype.is_signed:
            specs.append(spec_of(f"sum_{name}", Accumulator.SUM, dtypes.int64, cast(argument, dtypes.int64)))
            sql.append(f"sum({name})")
    return specs, sql


def two_phases(device: Device, tables_: list[list[Table]], spec: GroupSpec, partitions: int) -> list[pa.Table]:
    """Run one group-by per list of tables, then merge each partition."""
    merged: list[list[Table]] = [[] for _ in range(partitions)]
    for mine in tables_:
        groups = device.group_by(spec)
        for table in mine:
            groups.update(table)
        assert groups.nbytes > 0 or (device.name != "cpu" and not any(table.num_rows for table in mine))
        for partition, partial in zip(merged, groups.partials(partitions), strict=True):
            partition.extend(partial)
        assert sum(len(part) for part in groups.partials(partitions)) == 0, "partials must drain the state"
    return [download(device, device.merge_groups(partial, spec)) for partial in merged]


def grouped(device: Device, data: pa.Table, spec: GroupSpec, *, partitions: int = 4) -> list[tuple[object, ...]]:
    third = data.num_rows // 3
    pieces = [data.slice(0, third), data.slice(third, third), data.slice(2 * third)]
    first, second, last = (upload(device, encode(p)) for encode, p in zip(ENCODINGS, pieces, strict=False))
    results = two_phases(device, [[first, second], [last]], spec, partitions)
    keys = [tuple(map(canonical, row[: len(spec.keys)])) for result in results for row in rows(result)]
    assert len(set(map(repr, keys))) == len(keys), "a key came out of two partitions, or twice"
    return [row for result in results for row in rows(result)]


@pytest.mark.parametrize("keys", [*EVERY, "ij", "sr", "fg", "sj", "bc", "dw", "zt", "srj", "fsw", "ub"])
def test_matches_duckdb_for_every_kind_of_key(device: Device, keys: str) -> None:
    names = "".join(dict.fromkeys(keys + "ijfdws"))
    data = random_table(names, 900, seed=len(keys))
    specs, sql = accumulators(data, "ijfdws")
    # Of equal keys any may be shown: -0.0 or 0.0.
    spec = GroupSpec(keys=tuple(NamedExpr(name=k, expr=col(data, k)) for k in keys), accumulators=tuple(specs))
    by = ", ".join(keys)
    expected = duck(f"select {by}, {', '.join(sql)} from data group by {by}", data=data)
    assert unordered(grouped(device, data, spec)) == unordered(expected)


@given(data=tables("ifdwsb"))
def test_matches_duckdb_on_random_tables(device: Device, data: pa.Table) -> None:
    specs, sql = accumulators(data, "ifdw")
    spec = GroupSpec(
        keys=(NamedExpr(name="s", expr=col(data, "s")), NamedExpr(name="b", expr=col(data, "b"))),
        accumulators=tuple(specs),
    )
    expected = duck(f"select s, b, {', '.join(sql)} from data group by s, b", data=data)
    assert unordered(grouped(device, data, spec, partitions=2)) == unordered(expected)


@pytest.mark.parametrize("encode", ENCODINGS)
def test_reduction_matches_duckdb(device: Device, encode: object) -> None:
    data = random_table(EVERY, 600)
    specs, sql = accumulators(data, EVERY)
    assert callable(encode)
    halves = [upload(device, encode(data.slice(0, 250))), upload(device, encode(data.slice(250)))]
    partials = [device.reduce(half, specs) for half in halves]
    assert all(partial.num_rows == 1 for partial in partials)
    whole = download(device, device.merge_reduced(partials, specs))
    expected = duck(f"select {', '.join(sql)} from data", data=data)
    assert unordered(rows(whole)) == unordered(expected)


def test_reduction_of_no_rows(device: Device) -> None:
    data = random_table(EVERY, 5).slice(0, 0)
    specs, _ = accumulators(data, EVERY)
    empty = device.reduce(upload(device, data), specs)
    (row,) = rows(download(device, device.merge_reduced([empty, empty], specs)))
    assert list(row) == [0 if "count" in spec.name or spec.name == "n" else None for spec in specs]


def test_groups_of_no_rows(device: Device) -> None:
    data = random_table("sj", 5).slice(0, 0)
    specs, _ = accumulators(data, "j")
    spec = GroupSpec(keys=(NamedExpr(name="s", expr=col(data, "s")),), accumulators=tuple(specs))
    results = two_phases(device, [[upload(device, data)]], spec, 4)
    assert [result.num_rows for result in results] == [0, 0, 0, 0]


def test_keys_may_be_expressions_and_there_may_be_no_accumulators(device: Device) -> None:
    data = random_table("ij", 500)
    parity = call("modulo", col(data, "i"), literal(3))
    spec = GroupSpec(keys=(NamedExpr(name="p", expr=parity),), accumulators=())
    assert sorted(grouped(device, data, spec), key=repr) == sorted([(0,), (1,), (2,), (None,)], key=repr)


def test_filters_of_aggregates(device: Device) -> None:
    data = random_table("rib", 500)
    where = col(data, "b")
    specs = (
        spec_of("n", Accumulator.COUNT_ROWS, dtypes.int64, where=where),
        spec_of("c", Accumulator.COUNT, dtypes.int64, col(data, "i"), where),
        spec_of("s", Accumulator.SUM, dtypes.int64, col(data, "i"), where),
        spec_of("m", Accumulator.MAX, dtypes.string, col(data, "r"), call("less", col(data, "i"), literal(-49))),
    )
    spec = GroupSpec(keys=(NamedExpr(name="r", expr=col(data, "r")),), accumulators=specs)
    expected = duck(
        "select r, count(*) filter (where b), count(i) filter (where b), sum(i) filter (where b),"
        " max(r) filter (where i < -49) from data group by r",
        data=data,
    )
    assert unordered(grouped(device, data, spec)) == unordered(expected)


def test_variance_matches_duckdb(device: Device) -> None:
    data = random_table("rd", 800)
    number = cast(col(data, "d"), dtypes.float64)
    specs = (
        spec_of("c", Accumulator.COUNT, dtypes.int64, number),
        spec_of("m", Accumulator.MEAN, dtypes.float64, number),
        spec_of("v", Accumulator.M2, dtypes.float64, number),
        spec_of("after", Accumulator.COUNT_ROWS, dtypes.int64),
    )
    sql = "count(d), avg(d::double), var_pop(d::double) * count(d), count(*)"
    spec = GroupSpec(keys=(NamedExpr(name="r", expr=col(data, "r")),), accumulators=specs)
    expected = duck(f"select r, {sql} from data group by r", data=data)
    assert unordered(_rounded(grouped(device, data, spec))) == unordered(_rounded(expected))
    parts = [device.reduce(upload(device, data.slice(a, 400)), specs) for a in (0, 400, 800)]
    whole = rows(download(device, device.merge_reduced(parts, specs)))
    assert unordered(_rounded(whole)) == unordered(_rounded(duck(f"select {sql} from data", data=data)))


def _rounded(given: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return [tuple(float(f"{x:.9g}") if isinstance(x, float) else x for x in row) for row in given]


def test_first_is_the_first_in_input_order_that_is_not_null(device: Device) -> None:
    data = random_table("jsdf", 700)
    specs = tuple(spec_of(name, Accumulator.FIRST, schema_of(data)[name].dtype, col(data, name)) for name in "sdf")
    spec = GroupSpec(keys=(NamedExpr(name="j", expr=col(data, "j")),), accumulators=specs)
    groups = device.group_by(spec)
    for start in range(0, 700, 100):
        groups.update(upload(device, ENCODINGS[(start // 100) % len(ENCODINGS)](data.slice(start, 100))))
    result = [row for part in groups.partials(2) for row in rows(download(device, device.merge_groups(part, spec)))]
    first: dict[object, list[object]] = {}
    for key, *values in rows(data):
        state = first.setdefault(key, [None, None, None])
        first[key] = [old if old is not None else new for old, new in zip(state, values, strict=True)]
    assert unordered(result) == unordered([(key, *values) for key, values in first.items()])


def test_sums_are_exact_or_raise(device: Device) -> None:
    big = pa.table({"i": pa.array([2**62, 2**62, -(2**62), 5], pa.int64()), "k": ["a", "a", "b", "b"]})
    total = spec_of("s", Accumulator.SUM, dtypes.int64, col(big, "i"))
    with pytest.raises(ArithmeticOverflow, match=r"sum\(i\)"):
        device.reduce(upload(device, big.slice(0, 2)), [total])
    halves = [device.reduce(upload(device, big.slice(0, 1)), [total])] * 2
    with pytest.raises(ArithmeticOverflow, match=r"sum\(i\)"):
        device.merge_reduced(halves, [total])
    wide = pa.table({"w": pa.array([Decimal(6 * 10**37)] * 2, pa.decimal128(38, 0))})
    with pytest.raises(ArithmeticOverflow, match=r"sum\(w\)"):
        device.reduce(upload(device, wide), [spec_of("s", Accumulator.SUM, dtypes.decimal(38, 0), col(wide, "w"))])


def test_float_sums_lose_nothing_to_cancellation(device: Device) -> None:
    """Of the CPU alone: a GPU adds without compensation, in any order (see docs/semantics.md)."""
    if device.name != "cpu":
        return
    data = pa.table({"f": [1e16, 1.0, -1e16, 1.0]})
    total = spec_of("s", Accumulator.SUM, dtypes.float64, col(data, "f"))
    assert rows(download(device, device.reduce(upload(device, data), [total]))) == [(2.0,)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([math.inf, 1.0], math.inf), ([math.inf, -math.inf], math.nan), ([math.nan, 1.0], math.nan), ([-0.0], 0.0)],
)
def test_float_sums_of_special_values(device: Device, values: list[float], expected: float) -> None:
    data = pa.table({"f": values})
    total = spec_of("s", Accumulator.SUM, dtypes.float64, col(data, "f"))
    assert canonical(rows(download(device, device.reduce(upload(device, data), [total])))[0][0]) == canonical(expected)


@pytest.mark.parametrize("keys", ["b", "r"])
def test_few_groups_of_many_rows(device: Device, keys: str) -> None:
    """Sums over few groups are kept in several parts; special values and left-out rows must survive that."""
    data = random_table("brfdwig", 12_000)
    specs, sql = accumulators(data, "fdwi")
    where = call("less", col(data, "i"), literal(0))
    number = cast(col(data, "d"), dtypes.float64)
    specs += [
        spec_of("fd", Accumulator.SUM, dtypes.decimal(38, 2), col(data, "d"), where),
        spec_of("ff", Accumulator.SUM, dtypes.float64, number, where),
        spec_of("fn", Accumulator.COUNT_ROWS, dtypes.int64, where=where),
    ]
    sql += ["sum(d) filter (where i < 0)", "sum(d::double) filter (where i < 0)", "count(*) filter (where i < 0)"]
    spec = GroupSpec(keys=tuple(NamedExpr(name=k, expr=col(data, k)) for k in keys), accumulators=tuple(specs))
    expected = duck(f"select {keys}, {', '.join(sql)} from data group by {keys}", data=data)
    assert unordered(_rounded(grouped(device, data, spec))) == unordered(_rounded(expected))
    whole = device.merge_reduced([device.reduce(upload(device, data), specs)], specs)
    expected = duck(f"select {', '.join(sql)} from data", data=data)
    assert unordered(_rounded(rows(download(device, whole)))) == unordered(_rounded(expected))


def test_nested_values_can_be_keys_and_first_values(device: Device) -> None:
    data = pa.table({"x": [{"a": 1}, {"a": 1}, None, {"a": 2}], "y": [[1, 2], [1, 2], [3], None]})
    keys = tuple(NamedExpr(name=name, expr=col(data, name)) for name in "xy")
    first = spec_of("z", Accumulator.FIRST, schema_of(data)["y"].dtype, col(data, "y"))
    spec = GroupSpec(keys=keys, accumulators=(first, spec_of("n", Accumulator.COUNT_ROWS, dtypes.int64)))
    assert unordered(grouped(device, data, spec)) == unordered(
        [({"a": 1}, [1, 2], [1, 2], 2), (None, [3], [3], 1), ({"a": 2}, None, None, 1)]
    )


def test_many_groups(device: Device) -> None:
    """Enough distinct keys for tables to grow and for pre-aggregation to stop paying."""
    rows_ = 300_000
    keys = pa.array([(i * 7919) % 200_003 for i in range(rows_)])
    data = pa.table({"k": keys, "t": pa.compute.cast(keys, pa.string()), "v": pa.array(range(rows_))})
    for names in ("k", "t", "kt"):
        specs, _ = accumulators(data, "v")
        spec = GroupSpec(keys=tuple(NamedExpr(name=k, expr=col(data, k)) for k in names), accumulators=tuple(specs))
        groups = device.group_by(spec)
        for start in range(0, rows_, 50_000):
            groups.update(upload(device, data.slice(start, 50_000)))
        parts = [device.merge_groups(part, spec) for part in groups.partials(8)]
        result = pa.concat_tables([download(device, part) for part in parts])
        by = ", ".join(names)
        ours = duck(f"select count(*), sum(hash({by}, n, sum_v)) from result", result=result)
        theirs = duck(
            f"select count(*), sum(hash({by}, n, s))"
            f" from (select {by}, count(*) n, sum(v)::bigint s from data group by {by})",
            data=data,
        )
        assert ours == theirs


@pytest.mark.parametrize("count", [0, 3])
def test_no_aggregates_of_a_table_are_one_row(device: Device, count: int) -> None:
    state = device.reduce(upload(device, random_table("i", count)), [])
    assert (state.num_rows, len(state.schema)) == (1, 0)
    assert device.merge_reduced([state, state], []).num_rows == 1


def test_states_that_came_as_one_table_are_merged(device: Device) -> None:
    """As those of several tasks do from another process."""
    data = random_table("i", 60)
    total = AccumulatorSpec(name="m", kind=Accumulator.MIN, dtype=dtypes.int32, argument=col(data, "i"))
    states = [device.reduce(upload(device, data.slice(start, 20)), [total]) for start in (0, 20, 40)]
    together = device.concat(states, states[0].schema)
    known = [value for value in data["i"].to_pylist() if value is not None]
    assert rows(download(device, device.merge_reduced([together], [total]))) == [(min(known),)]
    empty = device.reduce(upload(device, data), [])
    assert device.merge_reduced([device.concat([empty, empty], empty.schema)], []).num_rows == 1
