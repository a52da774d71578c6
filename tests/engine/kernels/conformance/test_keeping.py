"""Aggregates that keep values, grouped in both phases, on random rows cut into many batches, against DuckDB."""

from __future__ import annotations

import pyarrow as pa
import pytest

from volley.engine import dtypes
from volley.engine.expr import AggregateCall, Expr, NamedAggregate, NamedExpr, aggregate, call, literal
from volley.engine.kernels.protocol import Device
from volley.engine.kernels.specs import GroupSpec
from volley.engine.physical.aggregates import decompose

from .cases import ENCODINGS, canonical_rows, col, download, duck, random_table, unordered, upload

DATA = random_table("ijfdwsbtm", 900, seed=5)


def c(name: str) -> Expr:
    return col(DATA, name)


POSITIVE = call("greater", c("i"), literal(0))
CASES: list[tuple[AggregateCall, str]] = [
    (aggregate("median", c("i")), "median(i)"),
    (aggregate("median", c("f")), "median(f)"),
    (aggregate("median", c("t")), "median(t)"),
    (aggregate("median", c("m")), "median(m)"),
    (aggregate("median", c("d")), "median(d::double)"),
    (aggregate("quantile", c("i"), q=0.9), "quantile_cont(i, 0.9)"),
    (aggregate("quantile", c("f"), q=0.25, filter=POSITIVE), "quantile_cont(f, 0.25) filter (i > 0)"),
    (aggregate("quantile_disc", c("s"), q=0.5), "quantile_disc(s, 0.5)"),
    (aggregate("quantile_disc", c("d"), q=0.1), "quantile_disc(d, 0.1)"),
    (aggregate("quantile_disc", c("w"), q=1.0), "quantile_disc(w, 1.0)"),
    (aggregate("mode", c("b"), filter=c("b")), "mode(b) filter (b)"),
    (aggregate("arg_min", c("m"), c("m")), "arg_min(m, m)"),
    (aggregate("arg_max", c("t"), c("m")), "max(t) filter (m = mm)"),
    (aggregate("corr", c("i"), c("d")), "corr(i, d)"),
    (aggregate("covar_samp", c("j"), c("i"), filter=POSITIVE), "covar_samp(j, i) filter (i > 0)"),
    (aggregate("covar_pop", c("d"), c("j")), "covar_pop(d, j)"),
    (aggregate("bit_and", c("i")), "bit_and(i)"),
    (aggregate("bit_or", c("j"), filter=POSITIVE), "bit_or(j) filter (i > 0)"),
    (aggregate("bit_xor", c("i")), "bit_xor(i)"),
    (aggregate("product", c("j"), filter=call("not_equal", c("j"), literal(0))), "product(j) filter (j <> 0)"),
]


def grouped(device: Device, data: pa.Table, aggregates: list[AggregateCall], cut: int) -> pa.Table:
    """Group by j in two phases, each cut by a phase of its own."""
    named = [NamedAggregate(name=f"a{n}", call=own) for n, own in enumerate(aggregates)]
    parts = decompose(named)
    spec = GroupSpec(keys=(NamedExpr(name="j", expr=c("j")),), accumulators=parts.accumulators)
    partials: list[list[object]] = [[], []]
    for start in range(0, data.num_rows, cut):
        groups = device.group_by(spec)
        piece = data.slice(start, cut)
        for half in (piece.slice(0, cut // 3), piece.slice(cut // 3)):
            groups.update(upload(device, half))
        for held, tables in zip(partials, groups.partials(2), strict=True):
            held.extend(tables)
    exprs = [NamedExpr(name="j", expr=c("j")), *parts.finish]
    merged = [device.merge_groups(tables, spec) for tables in partials]  # type: ignore[arg-type]  # opaque tables
    return pa.concat_tables([download(device, device.project(table, exprs)) for table in merged])


@pytest.mark.parametrize(("own", "sql"), CASES, ids=[sql for _, sql in CASES])
def test_groups_are_those_of_duckdb(device: Device, own: AggregateCall, sql: str) -> None:
    marked = "(select *, max(m) filter (t is not null) over (partition by j) as mm from data)"
    expected = unordered(duck(f"select j, {sql} from {marked} data group by j", data=DATA))
    for encoding in ENCODINGS:
        for cut in (97, 900):
            answer = grouped(device, encoding(DATA), [own], cut)
            assert unordered(zip(*(column.to_pylist() for column in answer.columns), strict=True)) == expected


def test_lists_keep_every_value_of_a_group(device: Device) -> None:
    calls = [aggregate("list", c("s")), aggregate("string_agg", c("s"), separator="|")]
    answer = grouped(device, DATA, calls, 100)
    ours = sorted(
        (str(j), sorted(map(str, texts)))
        for j, texts, _ in canonical_rows(zip(*answer.to_pydict().values(), strict=True))
    )
    theirs = sorted(
        (str(j), sorted(map(str, texts))) for j, texts in duck("select j, list(s) from data group by j", data=DATA)
    )
    assert ours == theirs
    lengths = dict(duck("select j, length(string_agg(s, '|')) from data group by j", data=DATA))
    assert {j: len(text) for j, text in zip(answer["j"].to_pylist(), answer["a1"].to_pylist(), strict=True)} == lengths


def test_an_empty_table_has_null_for_each(device: Device) -> None:
    parts = decompose([NamedAggregate(name=f"a{n}", call=own) for n, (own, _) in enumerate(CASES)])
    state = device.reduce(upload(device, DATA.slice(0, 0)), parts.accumulators)
    answer = download(device, device.project(device.merge_reduced([state], parts.accumulators), parts.finish))
    assert [column.to_pylist() for column in answer.columns] == [[None]] * len(CASES)
    assert answer.schema.field(0).type == pa.float64()
    assert CASES[7][0].dtype == dtypes.string
