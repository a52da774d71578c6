"""Scalar functions against DuckDB, on every encoding of the same rows."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volley.engine import dtypes
from volley.engine.expr import Expr, Place, literal
from volley.engine.expr.build import call, case, cast, in_list
from volley.engine.kernels.protocol import Device

from .cases import ENCODINGS, canonical_rows, col, duck, evaluate, random_table, rows, tables

DATA = random_table("ijkufgdwsrbctmz", 700)
EMPTY = DATA.slice(0, 0)


def c(name: str) -> Expr:
    return col(DATA, name)


def like(text: str, pattern: str, *, escape: str | None = None, fold: bool = False) -> Expr:
    return call("like", c(text), pattern=pattern, escape=escape, fold=fold)


i, j, k, f, g, d, w, s, r, b, t, m, z = (c(name) for name in "ijkfgdwsrbtmz")
boolean = c("c")
one = literal(1)

CASES: list[tuple[Expr, str]] = [
    # arithmetic
    (call("add", i, j), "i + j"),
    (call("subtract", i, one), "i - 1"),
    (call("multiply", j, i), "j * i"),
    (call("add", f, f), "f + f"),
    (call("multiply", f, literal(2.0)), "f * 2.0::double"),
    (call("divide", i, j), "i / j"),
    (call("divide", f, f), "f / f"),
    (call("divide", d, literal(4)), "d / 4"),
    (call("truncate_divide", i, literal(7)), "i // 7"),
    (call("remainder", i, literal(7)), "i % 7"),
    (call("remainder", i, literal(-7)), "i % -7"),
    (call("floor_divide", i, literal(7)), "floor(i / 7)::bigint"),
    (call("floor_divide", i, literal(-7)), "floor(i / -7)::bigint"),
    (call("modulo", i, literal(7)), "((i % 7) + 7) % 7"),
    (call("modulo", i, literal(-7)), "((i % 7) - 7) % 7"),
    (call("add", d, d), "d + d"),
    (call("subtract", d, w), "d - w"),
    (call("multiply", d, d), "d * d"),
    (call("multiply", d, call("subtract", literal(1), d)), "d * (1 - d)"),
    (call("multiply", d, literal(3)), "d * 3"),
    (call("subtract", literal(1), d), "1 - d"),
    (call("concat_ws", s, r), "concat_ws(s, r)"),  # rows where nothing is joined
    (call("concat_ws", literal("-"), s, r), "concat_ws('-', s, r)"),
    (call("negate", i), "-i"),
    (call("negate", d), "-d"),
    (call("negate", f), "-f"),
    (call("abs", j), "abs(j)"),
    (call("abs", f), "abs(f)"),
    (call("abs", d), "abs(d)"),
    (call("sign", j), "sign(j)"),
    (call("sign", d), "sign(d)"),
    (call("round", d), "round(d)"),
    (call("round", d, one), "round(d, 1)"),
    (call("round", f), "round(f)"),
    (call("round", f, one), "round(f, 1)"),
    (call("round", i, literal(-1)), "round(i, -1)"),
    (call("floor", f), "floor(f)"),
    (call("ceil", f), "ceil(f)"),
    (call("floor", d), "floor(d)"),
    (call("ceil", d), "ceil(d)"),
    (call("sqrt", call("abs", i)), "sqrt(abs(i))"),
    (call("exp", j), "exp(j)"),
    (call("ln", call("add", call("abs", j), one)), "ln(abs(j) + 1)"),
    (call("log10", call("add", call("abs", j), one)), "log10(abs(j) + 1)"),
    (call("log2", call("add", call("abs", j), one)), "log2(abs(j) + 1)"),
    (call("power", j, literal(2)), "pow(j, 2)"),
    # comparison
    *(
        (call(name, left, right), f"{a} {symbol} {b_}")
        for name, symbol in {
            "equal": "=",
            "not_equal": "<>",
            "less": "<",
            "less_equal": "<=",
            "greater": ">",
            "greater_equal": ">=",
            "is_not_distinct": "is not distinct from",
        }.items()
        for left, right, a, b_ in [
            (i, j, "i", "j"),
            (i, literal(3), "i", "3"),
            (f, g, "f", "g"),
            (f, literal(0.0), "f", "0.0::double"),
            (literal(1.5), f, "1.5::double", "f"),
            (f, literal(float("nan")), "f", "'nan'::double"),
            (d, literal(2), "d", "2"),
            (d, w, "d", "w"),
            (s, r, "s", "r"),
            (s, literal("ab"), "s", "'ab'"),
            (t, literal("1970-06-01"), "t", "date '1970-06-01'"),
            (b, boolean, "b", "c"),
        ]
    ),
    (call("is_null", s), "s is null"),
    (call("is_not_null", f), "f is not null"),
    (call("is_nan", f), "isnan(f)"),
    (call("is_finite", f), "isfinite(f)"),
    # logic and choice
    (call("and", b, boolean), "b and c"),
    (call("or", b, boolean), "b or c"),
    (call("not", b), "not b"),
    (call("and", b, literal(None)), "b and null"),
    (call("or", b, literal(True)), "b or true"),
    (call("coalesce", i, j, literal(9)), "coalesce(i, j, 9)"),
    (call("coalesce", s, r), "coalesce(s, r)"),
    (call("least", i, j), "least(i, j)"),
    (call("greatest", f, g), "greatest(f, g)"),
    (call("least", f, g, literal(0.25)), "least(f, g, 0.25::double)"),
    (call("greatest", s, r), "greatest(s, r)"),
    (
        case([(call("greater", i, literal(0)), s), (b, r)], literal("none")),
        "case when i > 0 then s when b then r else 'none' end",
    ),
    (case([(b, i)]), "case when b then i end"),
    (
        case([(call("not_equal", j, literal(0)), call("truncate_divide", i, j))], literal(-1)),
        "case when j <> 0 then i // j else -1 end",
    ),
    (in_list(i, [1, 2, 50]), "i in (1, 2, 50)"),
    (call("and", call("less", d, literal(Decimal("3.50"))), call("greater_equal", d, d)), "d < 3.5 and d >= d"),
    (
        call("or", call("equal", d, literal(Decimal("0.00"))), call("less", w, literal(Decimal("0.0371")))),
        "d = 0 or w < 0.0371",
    ),
    (in_list(i, [1, None]), "i in (1, null)"),
    (in_list(f, [0.0, float("nan")]), "f in (0.0::double, 'nan'::double)"),
    (in_list(s, ["a", "zz", "日本語"]), "s in ('a', 'zz', '日本語')"),
    # text
    (call("length", s), "length(s)"),
    (call("lower", s), "lower(s)"),
    (call("trim", s), "trim(s)"),
    (call("ltrim", s), "ltrim(s)"),
    (call("rtrim", s), "rtrim(s)"),
    (call("trim", s, literal("a")), "trim(s, 'a')"),
    (call("substring", s, literal(2)), "substring(s, 2)"),
    (call("substring", s, literal(2), literal(2)), "substring(s, 2, 2)"),
    (call("substring", s, literal(-2)), "substring(s, -2)"),
    (call("substring", s, literal(-3), literal(2)), "substring(s, -3, 2)"),
    (call("substring", s, literal(-9), literal(7)), "substring(s, -9, 7)"),
    (call("substring", s, literal(0)), "substring(s, 0)"),
    (call("substring", s, literal(0), literal(2)), "substring(s, 0, 2)"),
    (call("substring", s, literal(3), literal(-2)), "substring(s, 3, -2)"),
    (call("substring", s, j, call("abs", j)), "substring(s, j, abs(j))"),
    (call("concat", s, r), "s || r"),
    (call("concat", s, literal("!")), "s || '!'"),
    (call("replace", s, literal("a"), literal("xy")), "replace(s, 'a', 'xy')"),
    (call("replace", s, r, literal("")), "replace(s, r, '')"),
    (call("starts_with", s, literal("a")), "starts_with(s, 'a')"),
    (call("starts_with", s, r), "starts_with(s, r)"),
    (call("ends_with", s, literal("c")), "suffix(s, 'c')"),
    (call("contains", s, literal("b")), "contains(s, 'b')"),
    (call("contains", s, r), "contains(s, r)"),
    (like("s", "a%"), "s like 'a%'"),
    (like("s", "%b"), "s like '%b'"),
    (like("s", "%b%"), "s like '%b%'"),
    (like("s", "a_c"), "s like 'a_c'"),
    (like("s", "%p%t%"), "s like '%p%t%'"),
    (like("s", "ab"), "s like 'ab'"),
    (like("s", "___"), "s like '___'"),
    (like("s", "a\\b"), "s like 'a\\b'"),
    (like("s", "b!%", escape="!"), "s like 'b!%' escape '!'"),
    (like("s", "été", fold=True), "s ilike 'été'"),
    (like("s", "%A%", fold=True), "s ilike '%A%'"),
    (call("regexp_matches", s, pattern="^a.*c$"), "regexp_matches(s, '^a.*c$')"),
    # time
    *(
        (call(part, moment), f"{sql}({name})")
        for part, sql in {
            "year": "year",
            "quarter": "quarter",
            "month": "month",
            "day": "day",
            "day_of_week": "dayofweek",
            "iso_day_of_week": "isodow",
            "day_of_year": "dayofyear",
            "week": "week",
            "hour": "hour",
            "minute": "minute",
            "second": "second",
        }.items()
        for moment, name in [(t, "t"), (m, "m"), (z, "z")]
    ),
    *(
        (call("date_trunc", moment, unit=unit), f"date_trunc('{unit}', {name}){suffix}")
        for unit in ("year", "quarter", "month", "week", "day", "hour", "minute", "second")
        for moment, name, suffix in [(t, "t", "::date"), (m, "m", ""), (z, "z", "")]
    ),
    (call("add_interval", t, months=1, days=0, microseconds=0), "(t + interval 1 month)::date"),
    (call("add_interval", t, months=-13, days=3, microseconds=0), "(t - interval 13 month + interval 3 day)::date"),
    (
        call("add_interval", m, months=1, days=-1, microseconds=1_500_000),
        "m + interval 1 month - interval 1 day + interval 1500 millisecond",
    ),
    (call("difference", t, literal("2000-01-01")), "t - date '2000-01-01'"),
]


@pytest.mark.parametrize(("expr", "sql"), CASES, ids=[sql for _, sql in CASES])
def test_matches_duckdb(device: Device, expr: Expr, sql: str) -> None:
    expected = canonical_rows(duck(f"select {sql} from data", data=DATA))
    for encode in ENCODINGS:
        assert canonical_rows(rows(evaluate(device, encode(DATA), expr))) == expected
    assert evaluate(device, EMPTY, expr).num_rows == 0


@given(data=tables("sr"))
def test_text_matches_duckdb_on_random_tables(device: Device, data: pa.Table) -> None:
    pairs = [
        (call("length", s), "length(s)"),
        (call("substring", s, literal(-2), literal(2)), "substring(s, -2, 2)"),
        (call("contains", s, r), "contains(s, r)"),
        (like("s", "%a_"), "s like '%a_'"),
        (call("concat", s, r), "s || r"),
        (call("less", s, r), "s < r"),
    ]
    expected = duck(f"select {', '.join(sql for _, sql in pairs)} from data", data=data)
    assert rows(evaluate(device, data, *(expr for expr, _ in pairs))) == expected


@given(data=tables("fg"))
def test_float_order_matches_duckdb_on_random_tables(device: Device, data: pa.Table) -> None:
    names = {"equal": "=", "not_equal": "<>", "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">="}
    exprs = [call(name, f, g) for name in names]
    expected = duck("select " + ", ".join(f"f {symbol} g" for symbol in names.values()) + " from data", data=data)
    assert rows(evaluate(device, data, *exprs)) == expected


@given(
    pattern=st.lists(st.sampled_from(["a", "b", "ab", "%", "%", "_", "é", "日", "x" * 9]), max_size=7).map("".join),
    cells=st.lists(st.none() | st.lists(st.sampled_from(["a", "b", "é", "日", "x" * 9]), max_size=8).map("".join)),
    fold=st.booleans(),
)
def test_patterns_match_duckdb(device: Device, pattern: str, cells: list[str | None], fold: bool) -> None:
    data = pa.table({"s": pa.array(cells, pa.string())})
    expected = duck(f"select s {'ilike' if fold else 'like'} '{pattern}' from data", data=data)
    for encode in ENCODINGS:
        assert rows(evaluate(device, encode(data), like("s", pattern, fold=fold))) == expected


def test_patterns_are_found_anywhere_in_long_columns(device: Device) -> None:
    words = ["the", "special", "packages", "requests", "deposits", "sleep", "specia", "lrequests", ""]
    texts = [" ".join(words[(n * 7 + k * k) % 9] for k in range(n % 11)) for n in range(3000)]
    data = pa.table({"s": texts})
    for pattern in ("%special%requests%", "the%sleep", "%special%", "%lrequests", "specia%", "%s%s%s%s%", "%%"):
        expected = duck(f"select s like '{pattern}' from data", data=data)
        assert rows(evaluate(device, data, like("s", pattern))) == expected


def test_constants_give_full_columns(device: Device) -> None:
    result = evaluate(device, DATA, literal(3), call("add", literal(1), literal(2)), cast(literal(None), dtypes.string))
    assert rows(result) == [(3, 3, None)] * DATA.num_rows


def test_a_literal_zero_and_minus_zero_are_not_shared(device: Device) -> None:
    below = [call("divide", literal(1.0), literal(zero)) for zero in (0.0, -0.0)]
    assert rows(evaluate(device, DATA.slice(0, 1), *below)) == [(float("inf"), float("-inf"))]


@pytest.mark.parametrize(
    ("values", "known"),
    [
        (pa.array(["b", "", None, "日本", "zz", "a"]), ("", "a", "b", "日本")),
        (pa.array([1.5, -0.0, None, float("nan"), 9.0]), (0.0, 1.5)),
        (pa.array([3, 1, None, 2], pa.int16()), (1, 3)),
        (pa.array([True, None, False]), (False, True)),
        (pa.array([Decimal("1.50"), None, Decimal("2.00")]), (Decimal("1.50"),)),
        (pa.array([dt.date(2020, 2, 1), None, dt.date(1969, 1, 1)]), (dt.date(1969, 1, 1), dt.date(2020, 2, 1))),
        (pa.array(["a", None]), ()),
        (pa.array([], pa.string()), ("a",)),
    ],
)
def test_the_place_of_a_value_among_known_ones(device: Device, values: pa.Array, known: tuple[Any, ...]) -> None:
    table = pa.table({"x": values})
    found = evaluate(device, table, Place(arg=col(table, "x"), values=known, dtype=dtypes.int32))
    expected = [known.index(value) if value in known else None for value in values.to_pylist()]
    assert found["e0"].to_pylist() == expected


def test_a_column_that_is_called_like_an_expression_beside_it_is_another_value(device: Device) -> None:
    data = pa.table({"x": [3, 7], "(x + 1)": [6, 12]})
    expr = call("gcd", call("add", col(data, "x"), one), col(data, "(x + 1)"))
    assert rows(evaluate(device, data, expr)) == [(2,), (4,)]
