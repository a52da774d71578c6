"""Joins of every side and kind of key, against DuckDB."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from enum import Enum

import pyarrow as pa
import pytest
from hypothesis import given, settings

from volley.engine.expr import Expr, literal
from volley.engine.expr.build import call
from volley.engine.kernels.cpu import join
from volley.engine.kernels.protocol import Device
from volley.engine.kernels.specs import BuildRows, JoinSide, JoinSpec
from volley.engine.schema import Schema

from .cases import (
    ENCODINGS,
    canonical_rows,
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

KEYS = ["i", "j", "k", "u", "f", "g", "d", "w", "s", "r", "b", "t", "m", "z", "ij", "sr", "sj", "fd", "wz", "bcs"]


class Kind(Enum):
    """What probing gives, and which build rows come after it."""

    INNER = (JoinSide.INNER, BuildRows.NONE)
    LEFT = (JoinSide.LEFT, BuildRows.NONE)
    SEMI = (JoinSide.SEMI, BuildRows.NONE)
    ANTI = (JoinSide.ANTI, BuildRows.NONE)
    RIGHT = (JoinSide.INNER, BuildRows.UNMATCHED)
    FULL = (JoinSide.LEFT, BuildRows.UNMATCHED)
    RIGHT_SEMI = (JoinSide.NONE, BuildRows.MATCHED)
    RIGHT_ANTI = (JoinSide.NONE, BuildRows.UNMATCHED)


def renamed(data: pa.Table) -> pa.Table:
    """The build side's columns have names of their own."""
    return data.rename_columns([f"{name}2" for name in data.column_names])


def spec_for(
    left: pa.Table,
    right: pa.Table,
    side: Kind,
    keys: str,
    *,
    residual: Expr | None = None,
    nulls_equal: bool = False,
    output: Schema | None = None,
) -> JoinSpec:
    gives, rest = side.value
    whole = schema_of(left).extend(schema_of(right))
    if gives in (JoinSide.SEMI, JoinSide.ANTI):
        whole = schema_of(left)
    elif gives is JoinSide.NONE:
        whole = schema_of(right)
    return JoinSpec(
        side=gives,
        rest=rest,
        probe_keys=tuple(col(left, k) for k in keys),
        build_keys=tuple(col(right, f"{k}2") for k in keys),
        probe_schema=schema_of(left),
        build_schema=schema_of(right),
        output=whole if output is None else output,
        nulls_equal=nulls_equal,
        residual=residual,
    )


def sql_for(side: Kind, condition: str) -> str:
    match side:
        case Kind.INNER:
            return f"select * from l join r on {condition}"
        case Kind.LEFT:
            return f"select * from l left join r on {condition}"
        case Kind.SEMI:
            return f"select * from l where exists (select 1 from r where {condition})"
        case Kind.ANTI:
            return f"select * from l where not exists (select 1 from r where {condition})"
        case Kind.RIGHT:
            return f"select * from l right join r on {condition}"
        case Kind.FULL:
            return f"select * from l full join r on {condition}"
        case Kind.RIGHT_SEMI:
            return f"select * from r where exists (select 1 from l where {condition})"
        case Kind.RIGHT_ANTI:
            return f"select * from r where not exists (select 1 from l where {condition})"


def joined(device: Device, left: pa.Table, right: pa.Table, spec: JoinSpec) -> pa.Table:
    """Build from two tables, probe with two, of different encodings."""
    middle = right.num_rows // 2
    build = [upload(device, ENCODINGS[1](right.slice(0, middle))), upload(device, right.slice(middle))]
    table = device.build_join(build, spec)
    assert table.nbytes >= 0
    middle = left.num_rows // 2
    probes = [upload(device, left.slice(0, middle)), upload(device, ENCODINGS[3](left.slice(middle)))]
    results = [table.probe(probe) for probe in probes]
    if spec.rest is not BuildRows.NONE:
        results.append(table.remaining())
    return pa.concat_tables([download(device, result) for result in results])


@pytest.mark.parametrize("side", list(Kind))
@pytest.mark.parametrize("keys", KEYS)
def test_matches_duckdb(device: Device, side: Kind, keys: str) -> None:
    left = random_table("".join(dict.fromkeys(keys + "sd")), 90, seed=1)
    right = renamed(random_table("".join(dict.fromkeys(keys + "sf")), 70, seed=2))
    for nulls_equal, symbol in [(False, "="), (True, "is not distinct from")]:
        spec = spec_for(left, right, side, keys, nulls_equal=nulls_equal)
        condition = " and ".join(f"l.{k} {symbol} r.{k}2" for k in keys)
        expected = duck(sql_for(side, condition), l=left, r=right)
        assert unordered(rows(joined(device, left, right, spec))) == unordered(expected)


@pytest.mark.parametrize("side", list(Kind))
@pytest.mark.parametrize("keys", ["j", "s", "sj", ""])
def test_residual_conditions(device: Device, side: Kind, keys: str) -> None:
    left, right = random_table("jsi", 80, seed=3), renamed(random_table("jsi", 60, seed=4))
    residual = call("less", col(left, "i"), col(right, "i2"))
    spec = spec_for(left, right, side, keys, residual=residual)
    condition = " and ".join([*(f"l.{k} = r.{k}2" for k in keys), "i < i2"])
    result = joined(device, left, right, spec)
    assert unordered(rows(result)) == unordered(duck(sql_for(side, condition), l=left, r=right))


@pytest.mark.parametrize("side", list(Kind))
@pytest.mark.parametrize("keys", ["j", "s", ""])
def test_pairs_are_tested_piece_by_piece(
    device: Device, side: Kind, keys: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(join, "_MAX_PAIRS", 40)
    left, right = random_table("jsi", 80, seed=5), renamed(random_table("jsi", 60, seed=6))
    spec = spec_for(left, right, side, keys, residual=call("not_equal", col(left, "i"), col(right, "i2")))
    condition = " and ".join([*(f"l.{k} = r.{k}2" for k in keys), "i <> i2"])
    result = joined(device, left, right, spec)
    assert unordered(rows(result)) == unordered(duck(sql_for(side, condition), l=left, r=right))


@pytest.mark.parametrize("side", list(Kind))
def test_without_keys_every_row_meets_every_row(device: Device, side: Kind) -> None:
    left, right = random_table("js", 13), renamed(random_table("di", 7))
    result = joined(device, left, right, spec_for(left, right, side, ""))
    assert unordered(rows(result)) == unordered(duck(sql_for(side, "true"), l=left, r=right))


@pytest.mark.parametrize("side", list(Kind))
@pytest.mark.parametrize("keys", ["j", "s", ""])
@pytest.mark.parametrize("with_residual", [False, True])
def test_an_empty_side(device: Device, side: Kind, keys: str, with_residual: bool) -> None:
    left, right = random_table("jsi", 9), renamed(random_table("jsi", 9))
    residual = call("less", col(left, "i"), col(right, "i2")) if with_residual else None
    condition = " and ".join([*(f"l.{k} = r.{k}2" for k in keys), *(["i < i2"] if with_residual else ["true"])])
    for mine, theirs in [(left, right.slice(0, 0)), (left.slice(0, 0), right), (left.slice(0, 0), right.slice(0, 0))]:
        spec = spec_for(mine, theirs, side, keys, residual=residual)
        assert unordered(rows(joined(device, mine, theirs, spec))) == unordered(
            duck(sql_for(side, condition), l=mine, r=theirs)
        )


def test_a_build_side_of_no_tables(device: Device) -> None:
    left, right = random_table("j", 5), renamed(random_table("j", 1))
    table = device.build_join([], spec_for(left, right, Kind.LEFT, "j"))
    result = rows(download(device, table.probe(upload(device, left))))
    assert result == [(j, None) for (j,) in rows(left)]


@settings(max_examples=15)
@given(left=tables("sfj", max_rows=15), right=tables("sfj", max_rows=15))
def test_matches_duckdb_on_random_tables(device: Device, left: pa.Table, right: pa.Table) -> None:
    right = renamed(right)
    for side in Kind:
        for keys in ("s", "fj"):
            spec = spec_for(left, right, side, keys)
            condition = " and ".join(f"l.{k} = r.{k}2" for k in keys)
            result = rows(joined(device, left, right, spec))
            assert unordered(result) == unordered(duck(sql_for(side, condition), l=left, r=right))


def test_rows_come_in_probe_order(device: Device) -> None:
    left, right = random_table("ji", 200), renamed(random_table("jd", 100))
    numbered = left.append_column("n", pa.array(range(200)))
    for residual in (None, call("less", col(left, "i"), literal(20))):
        for side in (Kind.INNER, Kind.LEFT):
            table = device.build_join([upload(device, right)], spec_for(numbered, right, side, "j", residual=residual))
            order = download(device, table.probe(upload(device, numbered))).column("n").to_pylist()
            assert device.name != "cpu" or order == sorted(order)  # the protocol promises no order


def test_only_the_asked_for_columns_come_out(device: Device) -> None:
    left, right = random_table("jsi", 50), renamed(random_table("jd", 20))
    output = Schema((schema_of(left)["s"], schema_of(right)["d2"]))
    result = joined(device, left, right, spec_for(left, right, Kind.INNER, "j", output=output))
    expected = duck("select s, d2 from l join r on j = j2", l=left, r=right)
    assert unordered(rows(result)) == unordered(expected)
    nothing = device.build_join([upload(device, right)], spec_for(left, right, Kind.INNER, "j", output=Schema(())))
    assert nothing.probe(upload(device, left)).num_rows == len(expected)


def test_threads_share_a_built_table(device: Device) -> None:
    left, right = random_table("sji", 3000), renamed(random_table("sj", 200))
    table = device.build_join([upload(device, right)], spec_for(left, right, Kind.SEMI, "sj"))
    pieces = [upload(device, ENCODINGS[n % 5](left.slice(n * 300, 300))) for n in range(10)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(table.probe, pieces))
    found = [row for result in results for row in canonical_rows(rows(download(device, result)))]
    expected = duck(sql_for(Kind.SEMI, "l.s = r.s2 and l.j = r.j2"), l=left, r=right)
    assert unordered(found) == unordered(expected)


def test_threads_remember_together_which_build_rows_met(device: Device) -> None:
    left, right = random_table("sji", 3000), renamed(random_table("sj", 200))
    table = device.build_join([upload(device, right)], spec_for(left, right, Kind.RIGHT_ANTI, "sj"))
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(table.probe, [upload(device, left.slice(n * 300, 300)) for n in range(10)]))
    assert all(result.num_rows == 0 for result in given)
    expected = duck(sql_for(Kind.RIGHT_ANTI, "l.s = r.s2 and l.j = r.j2"), l=left, r=right)
    assert unordered(rows(download(device, table.remaining()))) == unordered(expected)


def test_unique_and_sparse_keys(device: Device) -> None:
    """A large build side with unique keys, dense and far apart."""
    for step in (1, 10**12):
        right = renamed(pa.table({"i": pa.array([n * step for n in range(5000)]), "v": pa.array(range(5000))}))
        left = pa.table({"i": pa.array([(n * 37 % 7000 - 500) * step for n in range(7000)])})
        result = joined(device, left, right, spec_for(left, right, Kind.LEFT, "i"))
        assert unordered(rows(result)) == unordered(duck(sql_for(Kind.LEFT, "l.i = r.i2"), l=left, r=right))


@pytest.mark.parametrize("value", list("jiufgdwsrbt"))
@pytest.mark.parametrize("share", [0.1, 0.8, 1.0])
def test_one_column_of_a_build_side_with_unique_and_sparse_keys(device: Device, value: str, share: float) -> None:
    """Keys of every kind far apart, of which the probing rows meet few, most or all; the build side's come out, too."""
    count = 3000
    keys = [n * 10**12 - 10**15 for n in range(count)]
    values = random_table(value, count).column(value).drop_null()
    values = pa.chunked_array([*values.chunks, *values.chunks, *values.chunks]).slice(0, count).combine_chunks()
    right = renamed(
        pa.table({"k": pa.array(keys), value: values.take(pa.array([n * 7 % count for n in range(count)]))})
    )
    met = [keys[n * 37 % count] if n % 100 < 100 * share else n for n in range(2000)]
    left = pa.table({"k": pa.array(met), "n": pa.array(range(len(met)))})
    result = joined(device, left, right, spec_for(left, right, Kind.INNER, "k"))
    expected = duck(sql_for(Kind.INNER, "l.k = r.k2"), l=left, r=right)
    assert unordered(rows(result)) == unordered(expected)


@pytest.mark.parametrize("value", list("ifs"))
@pytest.mark.parametrize("share", [0.1, 1.0])
def test_one_column_of_a_build_side_with_keys_far_apart_that_repeat(device: Device, value: str, share: float) -> None:
    count = 3000
    values = random_table(value, count).column(value).drop_null()
    values = pa.chunked_array([*values.chunks, *values.chunks]).slice(0, count).combine_chunks()
    keys = pa.array([n % 700 * 10**12 if n % 31 else None for n in range(count)])
    right = renamed(pa.table({"k": keys, value: values}))
    met = [n % 900 * 10**12 if n % 100 < 100 * share else n for n in range(2000)]
    left = pa.table({"k": pa.array(met), "n": pa.array(range(len(met)))})
    for output in (None, Schema((schema_of(left)["n"], schema_of(right)[f"{value}2"]))):
        spec = spec_for(left, right, Kind.INNER, "k", output=output)
        asked = "*" if output is None else f"n, {value}2"
        expected = duck(f"select {asked} from l join r on l.k = r.k2", l=left, r=right)
        assert unordered(rows(joined(device, left, right, spec))) == unordered(expected)
