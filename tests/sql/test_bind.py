"""The shape of plans: what each construct becomes, read from the text of the plan."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from textwrap import dedent

import pytest

from volley.engine import dtypes
from volley.engine.errors import SqlError
from volley.engine.explain import explain_plan
from volley.engine.frame.registered import Registered
from volley.engine.plan import Plan, Scan
from volley.engine.schema import Schema
from volley.sql import bind_sql
from volley.sql.bind.rows import RowsSource


class Tables:
    """A catalogue of empty tables, which needs neither frames nor files."""

    def __init__(self) -> None:
        t = [("id", dtypes.int64), ("k", dtypes.int64), ("x", dtypes.float64), ("s", dtypes.string)]
        self._schemas = {
            "t": Schema.of([*t, ("d", dtypes.date), ("m", dtypes.decimal(10, 2))]),
            "u": Schema.of([("k", dtypes.int64), ("v", dtypes.int64)]),
        }
        self.files: list[str] = []

    def table(self, name_parts: tuple[str, ...]) -> Plan | None:
        schema = self._schemas.get(name_parts[-1].lower()) if name_parts[:-1] in ((), ("main",)) else None
        return None if schema is None else Scan(source=RowsSource(schema=schema, values=()))

    def file(self, path: str | list[str], format: str | None = None, **options: object) -> Plan | None:  # noqa: A002
        self.files.append(str(path))
        return Scan(source=RowsSource(schema=self._schemas["u"], values=())) if str(path).endswith(".parquet") else None

    def rows(self, plan: Plan) -> list[tuple[object, ...]]:
        raise NotImplementedError("these tables have no rows")

    def registered(self, name: str) -> None:
        return None

    def models(self) -> list[str]:
        return []

    def call(self, found: Registered, task: str, args: Sequence[object]) -> Plan:
        raise NotImplementedError("nothing is registered")

    def names(self) -> list[str]:
        return list(self._schemas)


def shape(text: str) -> str:
    return explain_plan(bind_sql(text, Tables())).replace("Scan values (0 rows)", "Scan").strip()


PLANS = [
    ("select * from t", "Scan"),
    ("select id from t where x > 1 and s = 'a'", "Project id\n  Filter ((x > 1.0) and (s = 'a'))\n    Scan"),
    (
        "select t.id, u.v from t join u on t.k = u.k and u.v > 3 and t.id < u.v",
        """
        Project id, v
          Join inner on k = k_1 where (id < v)
            Scan
            Filter (v > 3)
              Project k as k_1, v
                Scan
        """,
    ),
    (
        "select id from t where exists (select 1 from u where u.k = t.k and u.v > t.id)",
        """
        Project id
          Join semi on k = k_1 where (v > id)
            Scan
            Project k as k_1, v
              Scan
        """,
    ),
    (
        "select id from t where k in (select k from u)",
        """
        Project id
          Join semi on k = k_1
            Scan
            Project k as k_1, v
              Scan
        """,
    ),
    (
        "select id, (select max(v) from u where u.k = t.k) as top from t",
        """
        Project id, value as top
          Join left on k = k_1
            Scan
            Project k_1, max(v) as value
              Aggregate keys=[k_1] aggregates=[max(v) as max(v)]
                Project k as k_1, v
                  Scan
        """,
    ),
    (
        "select k, sum(id) + 1 as n from t group by k having count(*) > 2 order by n desc limit 5",
        """
        Limit 5
          Sort n desc
            Project k, (sum(id) + 1) as n
              Filter (count_star() > 2)
                Aggregate keys=[k] aggregates=[sum(id) as sum(id), size(*) as count_star()]
                  Scan
        """,
    ),
    (
        "select id from t order by x",
        """
        Project id
          Sort x
            Project id, x
              Scan
        """,
    ),
    ("select distinct k from t", "Distinct\n  Project k\n    Scan"),
    (
        "select v from u union all select id from (select id from t)",
        """
        Union
          Project v
            Scan
          Project id as v
            Project id
              Project id, k as k_1, x, s, d, m
                Scan
        """,
    ),
]


@pytest.mark.parametrize(("text", "expected"), PLANS, ids=[text for text, _ in PLANS])
def test_shape(text: str, expected: str) -> None:
    assert shape(text) == dedent(expected).strip()


def one_value(expression: str) -> tuple[object, dtypes.DataType]:
    """Return the constant that an expression binds to, and its type."""
    plan = bind_sql(f"values ({expression})", Tables())
    assert isinstance(plan, Scan)
    assert isinstance(plan.source, RowsSource)
    return plan.source.values[0][0], plan.schema.fields[0].dtype


@pytest.mark.parametrize(
    ("written", "value", "dtype"),
    [
        ("1", 1, dtypes.int64),
        ("1_000", 1000, dtypes.int64),
        ("9223372036854775808", Decimal(2**63), dtypes.decimal(19, 0)),
        ("1.50", Decimal("1.50"), dtypes.decimal(3, 2)),
        ("0.05", Decimal("0.05"), dtypes.decimal(3, 2)),
        ("1e3", 1000.0, dtypes.float64),
        ("-5", -5, dtypes.int64),
        ("'it''s'", "it's", dtypes.string),
        ("date '2020-02-29'", dt.date(2020, 2, 29), dtypes.date),
        ("null", None, dtypes.int32),
        ("true", True, dtypes.bool_),
    ],
)
def test_literal(written: str, value: object, dtype: dtypes.DataType) -> None:
    assert one_value(written) == (value, dtype)


@pytest.mark.parametrize(
    ("expression", "dtype"),
    [
        ("m + 1", dtypes.decimal(11, 2)),
        ("m * m", dtypes.decimal(18, 4)),
        ("m / 2", dtypes.float64),
        ("sum(m)", dtypes.decimal(38, 2)),
        ("avg(m)", dtypes.float64),
        ("count(*)", dtypes.int64),
        ("max(d) + interval 1 day", dtypes.timestamp("us")),
        ("max(d) + 1", dtypes.date),
        ("max(d) - min(d)", dtypes.int64),
        ("date_trunc('month', max(d))", dtypes.timestamp("us")),
        ("cast(max(id) as decimal(4, 1))", dtypes.decimal(4, 1)),
        ("case when max(id) > 1 then 1 else 2.5 end", dtypes.decimal(20, 1)),
    ],
)
def test_type(expression: str, dtype: dtypes.DataType) -> None:
    assert bind_sql(f"select {expression} as c from t", Tables()).schema["c"].dtype == dtype


def test_comparing_a_shifted_date_keeps_the_column_bare() -> None:
    # A cast around the column would hide it from statistics and from push-down into files.
    text = shape("select id from t where d < date '1994-01-01' + interval 1 year")
    assert "Filter (d < add_interval(date '1994-01-01', months=12, days=0, microseconds=0))" in text


def test_output_names_are_unique() -> None:
    plan = bind_sql("select id, k as id, s as id_1, x as id from t", Tables())
    assert plan.schema.names == ("id", "id_2", "id_1", "id_3")


def test_names_are_found_whatever_their_case_and_keep_the_tables_spelling() -> None:
    assert bind_sql('select ID, "K", T.S from T', Tables()).schema.names == ("id", "k", "s")
    assert bind_sql("select id from main.t", Tables()).schema.names == ("id",)


def test_files_are_asked_for_by_their_path() -> None:
    tables = Tables()
    bind_sql("select u.v from 'data/u.parquet' join read_parquet('w.parquet') b on u.k = b.k", tables)
    assert tables.files == ["data/u.parquet", "w.parquet"]


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "spark", "snowflake", "bigquery", "mysql"])
def test_dialects(dialect: str) -> None:
    quote = "`" if dialect in ("spark", "bigquery", "mysql") else '"'
    text = f"select {quote}id{quote}, sum(x) as total from t where s like 'a%' group by {quote}id{quote} order by total"
    assert bind_sql(text, Tables(), dialect=dialect).schema.names == ("id", "total")


def test_integer_division_follows_the_dialect() -> None:
    def result(dialect: str) -> dtypes.DataType:
        return bind_sql("select id / 2 as c from t", Tables(), dialect=dialect).schema["c"].dtype

    assert result("duckdb") == dtypes.float64
    assert result("postgres") == dtypes.int64


@pytest.mark.parametrize(
    ("text", "params", "shown"),
    [
        ("select id from t where k = $k and s = $s", {"k": 3, "s": "a"}, "((k = 3) and (s = 'a'))"),
        ("select id from t where k = ? and s = ?", [3, "a"], "((k = 3) and (s = 'a'))"),
        ("select id from t where k = $2 and s = $1", ["a", 3], "((k = 3) and (s = 'a'))"),
        ("select id from t where d = $day", {"day": dt.date(2020, 1, 1)}, "(d = date '2020-01-01')"),
    ],
)
def test_parameters(text: str, params: object, shown: str) -> None:
    assert f"Filter {shown}" in explain_plan(bind_sql(text, Tables(), params=params))  # type: ignore[arg-type]  # both kinds


def test_question_marks_count_in_the_order_of_the_text() -> None:
    plan = bind_sql("select ? as a, id from t where k = ? limit ?", Tables(), params=["x", 2, 3])
    text = explain_plan(plan)
    assert "Limit 3" in text
    assert "(k = 2)" in text
    assert "'x' as a" in text


def test_a_parameter_without_a_value_names_the_nearest() -> None:
    with pytest.raises(SqlError, match=r"parameter \$dest has no value; did you mean '\$dst'"):
        bind_sql("select $dest", Tables(), params={"dst": 1})


def test_a_value_without_a_parameter_is_a_mistake() -> None:
    with pytest.raises(SqlError, match=r"the text has no parameter \$limit"):
        bind_sql("select id from t", Tables(), params={"limit": 1})


@pytest.mark.parametrize(
    "text",
    [
        "select id from t where " + " or ".join(f"(k = {i} and id > {i})" for i in range(2000)),
        "select id from t where " + " and ".join(f"k <> {i}" for i in range(2000)),
        "select id from t where k in (" + ", ".join(map(str, range(10_000))) + ")",
        "select " + ", ".join(f"id + {i} as c{i}" for i in range(500)) + " from t",
        "select count(*) from t u0 " + " ".join(f"join t u{i} on u{i}.k = u{i - 1}.id" for i in range(1, 50)),
        " union all ".join(f"select k + {i} as c from u" for i in range(500)),
    ],
    ids=["2000 ors", "2000 ands", "10000 in", "500 columns", "50 joins", "500 unions"],
)
def test_large_texts_bind(text: str) -> None:
    assert len(bind_sql(text, Tables()).schema) in (1, 500)
