# ruff: noqa: E501  # one case is one line
"""Random queries of typed values for comparison with DuckDB: one seed, one query.

Beside `random_queries`, whose queries are of integers in many shapes: here moments with and without zones, decimals,
intervals, lists, structs, lambdas, windows by rows, set operations by name, lateral lists, nested queries in odd places.
"""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import pyarrow as pa

_COLUMNS = {
    "int": ("k", "n"), "float": ("x",), "dec": ("m", "p"), "date": ("d",), "ts": ("ts",), "tz": ("tz",), "text": ("s", "r"),
    "bool": ("b",), "list": ("l",), "texts": ("ls",), "struct": ("st",),
}  # fmt: skip
_MADE = {
    "int": (
        "{int} + {int}", "{int} * 2", "-{int}", "coalesce({int}, {int})", "case when {bool} then {int} else {int} end",
        "length({text})", "year({date})", "extract(hour from {ts})", "len({list})", "{list}[1]", "{list}[-1]", "{struct}.a",
        "date_diff('day', {date}, {date})", "list_sum({list})", "{int} % 3", "{int} // 2", "abs({int})", "sign({float})",
        "date_part('dow', {ts})", "month({tz})", "list_position({list}, 2)", "strpos({text}, 'a')", "nullif({int}, 1)",
        "list_max({list})", "ascii({text})", "datediff('month', {ts}, {ts})", "{dec}::int", "greatest({int}, {int})",
        "date_part('hour', {tz})", "list_unique({list})", "least({int}, {int}, 3)", "len({texts})", "extract(month from {interval})",
        "{int} & 3", "bit_count({int})",
    ),
    "float": ("{float} * 2", "{float} + {int}", "{dec}::double", "{int} / 4", "case when {bool} then {float} end", "abs({float})",
              "coalesce({float}, 0.5)", "greatest({float}, {float})", "round({float}, 1)", "epoch({ts})", "floor({float})"),
    "dec": ("{dec} + {dec}", "{dec} * 2", "{dec} - 1.5", "round({dec}, 1)", "-{dec}", "coalesce({dec}, 1.25)", "abs({dec})",
            "{int}::decimal(9,2)", "case when {bool} then {dec} end", "{dec} % 2", "greatest({dec}, {dec})", "{dec} * {dec}",
            "floor({dec})", "{dec}::decimal(8,1)"),
    "date": ("{date} + 1", "{date} - 3", "{ts}::date", "last_day({date})", "coalesce({date}, date '2020-02-29')", "{tz}::date",
             "case when {bool} then {date} end", "least({date}, {date})", "make_date(2000 + {int} % 5, 2, 1)", "{date} + {int} % 9"),
    "ts": ("{ts} + {interval}", "{date} + interval 1 month", "date_trunc('month', {ts})", "{ts} - {interval}", "{date}::timestamp",
           "coalesce({ts}, timestamp '2000-01-01 00:00:01')", "greatest({ts}, {ts})", "time_bucket(interval '6 hours', {ts})",
           "case when {bool} then {ts} end", "date_trunc('hour', {ts})", "{date} + time '10:30'"),
    "tz": ("{tz} + interval 36 hours", "date_trunc('day', {tz})", "coalesce({tz}, {tz})",
           "{tz} - {interval}", "case when {bool} then {tz} end", "to_timestamp({int})"),
    "text": ("{text} || {text}", "upper({text})", "{int}::varchar", "{date}::varchar", "{dec}::varchar", "substr({text}, 2, 3)",
             "{texts}[1]", "{struct}.b", "coalesce({text}, '?')", "case when {bool} then {text} else 'z' end", "left({text}, 2)",
             "replace({text}, 'a', 'bb')", "array_to_string({list}, '-')", "strftime({ts}, '%Y-%m-%d %H')", "concat({text}, {int})",
             "reverse({text})", "{ts}::varchar", "{bool}::varchar", "{interval}::varchar", "{list}::varchar", "{struct}::varchar",
             "monthname({date})", "lpad({text}, 5, '*')", "regexp_replace({text}, '[ab]', 'X', 'g')", "split_part({text}, 'a', 1)",
             "{text}[2:3]", "array_to_string({texts}, ',')", "{float}::varchar", "{tz}::varchar", "to_json({list})", "to_json({struct})"),
    "bool": ("{int} > {int}", "{text} = {text}", "{date} < {date}", "{ts} >= {ts}", "{dec} <> {dec}", "{float} <= {float}", "not {bool}",
             "{bool} and {bool}", "{bool} or {bool}", "{text} like 'a%'", "{int} in (1, 2, null)", "{int} is null", "{list} = {list}",
             "{struct} = {struct}", "list_contains({list}, {int})", "{int} between {int} and {int}", "{text} is not distinct from {text}",
             "{tz} < {tz}", "{interval} < {interval}", "{list} < {list}", "starts_with({text}, 'a')",
             "{date} = {ts}", "{struct} is not distinct from {struct}", "{list} is null", "{int} = any({list})", "{int} < all({list})",
             "list_has_any({list}, {list})", "{text} in ('a', 'apple')", "{bool} is not true", "{dec} in (1.10, 2)"),
    "list": ("[{int}, {int}]", "list_sort({list})", "list_concat({list}, [{int}])", "list_transform({list}, lambda v: v + 1)",
             "list_filter({list}, lambda v: v > 1)", "{list}[1:2]", "list_reverse({list})", "coalesce({list}, [9])", "range({int} % 4)",
             "[v * 2 for v in {list} if v is not null]", "case when {bool} then {list} end", "list_sort(list_distinct({list}))",
             "list_transform({list}, lambda v, i: v * i)", "list_sort(list_intersect({list}, {list}))"),
    "texts": ("[{text}, {text}]", "list_sort({texts})", "string_split({text}, 'a')", "list_transform({texts}, lambda v: upper(v))",
              "list_filter({texts}, lambda v: v <> 'a')", "list_reverse_sort({texts})", "{texts}[2:]"),
    "struct": ("{{'a': {int}, 'b': {text}}}", "struct_update({struct}, a := {int})", "coalesce({struct}, {{'a': 0, 'b': ''}})",
               "case when {bool} then {struct} end"),
    "interval": ("interval '1 day'", "interval '2 months 3 hours'", "to_days({int} % 5)", "{ts} - {ts}", "interval '90 minutes'",
                 "interval (1) year", "to_hours({int} % 30)", "interval '1 day' * ({int} % 3)", "age({ts}, {ts})"),
}  # fmt: skip
_AGGREGATES = {
    "int": ("sum({int})", "count({any})", "min({int})", "max({int})", "count(distinct {any})", "count(*)", "arg_min({int}, {id})", "bit_or({int})", "sum({int}) filter (where {bool})"),
    "float": ("min({float})", "max({float})", "median({int})", "quantile_cont({int}, 0.25)", "arg_max({float}, {id})"),
    "dec": ("sum({dec})", "min({dec})", "max({dec})"),
    "date": ("min({date})", "max({date})", "arg_max({date}, {id})"), "ts": ("min({ts})", "max({ts})"), "tz": ("min({tz})", "max({tz})"),
    "text": ("min({text})", "max({text})", "string_agg({text}, '|' order by {id})", "arg_min({text}, {id})", "first({text} order by {id} desc)"),
    "bool": ("bool_and({bool})", "bool_or({bool})"),
    "list": ("list({int} order by {id})", "list_sort(list(distinct {int}))", "max({list})", "list({int} order by {id}) filter (where {bool})", "arg_max({list}, {id})"),
    "texts": ("list({text} order by {id} desc)",), "struct": ("min({struct})", "arg_min({struct}, {id})"), "interval": ("min({interval})", "max({interval})"),
}  # fmt: skip
_FRAMES = (
    "", "", "rows between 2 preceding and 1 following", "rows between unbounded preceding and current row",
    "rows between current row and unbounded following", "rows between 1 following and 3 following",
    "rows between 2 preceding and current row exclude current row",
    "rows between unbounded preceding and unbounded following",
)  # fmt: skip
_WINDOWS = (
    "lag({v}) over ({w})", "lead({v}, 2) over ({w})", "first_value({v}) over ({w} {f})", "last_value({v}) over ({w} {f})",
    "nth_value({v}, 2) over ({w} {f})", "first_value({v} ignore nulls) over ({w} {f})",
    "last_value({v} ignore nulls) over ({w} {f})", "lag({v} ignore nulls) over ({w})", "count({v}) over ({w} {f})",
    "min({v}) over ({w} {f})", "max({v}) over ({w} {f})", "row_number() over ({w})", "ntile(3) over ({w})",
    "list({v}) over ({w} {f})", "lag({v}, 1, {v}) over ({w})", "count(distinct {v}) over ({w})",
    "arg_max({v}, {id}) over ({w} {f})",
)  # fmt: skip
_UNNESTED = (
    "select t.id, v from t, unnest({list}) as w(v)", "select t.id, unnest({list}) as v from t",
    "select t.id, unnest({texts}) as v, t.k from t", "select t.id, q.v from t, lateral (select {int} as v where {bool}) q",
    "select t.id, q.c from t left join lateral (select max(u.n) as c from u where u.k = t.k) q on true",
    "select v, count(*) as n from (select unnest({list}) as v from t) group by v", "select t.id, st.* from t",
    "select t.id, w.o, w.v from t, unnest({texts}) with ordinality as w(v, o)",
)  # fmt: skip
_MOMENTS = (
    0, -1, 951782400000000, 1711846799999999, 1730000000000000, 1709164800000000, 1711843200000000, -86400000000,
)  # fmt: skip
_DAYS = ((2024, 2, 29), (2024, 3, 31), (1969, 12, 31), (2000, 1, 1), (2023, 1, 30))


def random_values(seed: int) -> dict[str, pa.Table]:
    """Return tables t and u of the same columns: numbers, texts, moments, lists and a struct, with any rows."""
    rng = random.Random(seed)

    def column(rows: int, dtype: pa.DataType, values: Iterable[Any]) -> pa.Array:
        share, given = rng.choice([0, 0, 0.15, 0.15, 0.3, 0.5, 1]), tuple(values)
        return pa.array([None if rng.random() < share else rng.choice(given) for _ in range(rows)], dtype)

    def decimals(*texts: str) -> list[Decimal]:
        return [Decimal(text) for text in texts]

    def table(rows: int) -> pa.Table:
        pair = pa.struct([("a", pa.int32()), ("b", pa.string())])
        pairs = [{"a": 1, "b": "x"}, {"a": None, "b": "y"}, {"a": 2, "b": None}, {"a": 1, "b": "a"}]
        lists, texts = [[], [1], [1, 2, 3], [2, None], [3, 1, 2]], [[], ["a"], ["b", None, "a"], ["x", "apple"]]
        return pa.table(
            {
                "id": pa.array(range(rows), pa.int64()),
                "k": column(rows, pa.int32(), range(-1, 4)),
                "n": column(rows, pa.int64(), [0, 1, 2, 7, -5]),
                "x": column(rows, pa.float64(), [0.0, -0.0, 1.5, -2.25, 3.0]),
                "m": column(rows, pa.decimal128(7, 2), decimals("1.10", "-2.25", "0.00", "99.99")),
                "p": column(rows, pa.decimal128(7, 2), decimals("1.10", "5.00", "-0.05")),
                "d": column(rows, pa.date32(), [dt.date(*day) for day in _DAYS]),
                "ts": column(rows, pa.timestamp("us"), _MOMENTS),
                "tz": column(rows, pa.timestamp("us", "UTC"), _MOMENTS),
                "s": column(rows, pa.string(), ["a", "apple", "", "banana", "ba", "é"]),
                "r": column(rows, pa.string(), ["a", "b", "aa"]),
                "b": column(rows, pa.bool_(), [True, False]),
                "l": column(rows, pa.list_(pa.int32()), lists),
                "ls": column(rows, pa.list_(pa.string()), texts),
                "st": column(rows, pair, pairs),
            }
        )

    return {"t": table(rng.choice([0, 1, 5, 20, 40])), "u": table(rng.choice([1, 4, 12]))}


class ValueMaker:
    """Makes one query; every choice comes from the seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"values {seed}")

    def query(self) -> str:
        """Return a query whose rows are compared as a set of rows with repetitions."""
        choice = self._random.random()
        where = f" where {self.value('bool', 't', 2)}" if self._random.random() < 0.5 else ""
        if choice < 0.3:
            depth = self._random.choice([1, 2, 2, 3])
            return f"select {self._items(lambda: self.value(self._kind(), 't', depth), 3)} from t{where}"
        if choice < 0.5:
            key = self.value(self._kind(), "t", self._random.choice([0, 1, 1, 2]))
            items = self._items(lambda: self.aggregate("t"), 3)
            grouped = f"select {key} as g, {items} from t{where} group by all{self._one('', ' having count(*) > 1')}"
            return self._one(grouped, f"select {items} from t{where}")
        if choice < 0.7:
            qualify = f" qualify {self._window()} is not null" if self._random.random() < 0.15 else ""
            return f"select t.id, {self._items(self._window, 2)} from t{where}{qualify}"
        if choice < 0.78:
            kinds = [self._kind() for _ in range(2)]
            a, b, other, own = (self.value(k, table, 1) for k, table in zip([*kinds, *kinds], "ttuu", strict=True))
            both = self._one(f"select {own} as b, {other} as a from u", f"select {other} as a from u")
            return f"select {a} as a, {b} as b from t{where} {self._one('union all', 'union')} by name {both}"
        if choice < 0.86:
            return self._filled(self._one(*_UNNESTED), "t", 1)
        if choice < 0.94:
            return self._nested()
        kind = self._one("int", "text", "date", "dec", "ts", "tz", "list", "struct")
        on = f"{self.value(kind, 't', 1)} = {self.value(kind, 'u', 1)}"
        return f"select t.id, u.id as other from t {self._one('join', 'left join', 'full join')} u on {on}"

    def _one(self, *options: str) -> str:
        return self._random.choice(options)

    def _kind(self) -> str:
        return self._one(*_COLUMNS)

    def _items(self, make: Callable[[], str], most: int) -> str:
        return ", ".join(f"{make()} as c{place}" for place in range(self._random.randint(1, most)))

    def value(self, kind: str, alias: str, depth: int) -> str:
        """Return an expression of a kind over one of the tables."""
        kind = self._kind() if kind == "any" else kind
        if kind == "id":
            return f"{alias}.id"
        if kind == "interval" and depth <= 0:
            return "interval '1 day'"
        if kind in _COLUMNS and (depth <= 0 or self._random.random() < 0.3):
            return f"{alias}.{self._one(*_COLUMNS[kind])}"
        return self._filled(self._one(*_MADE[kind]), alias, depth - 1)

    def _filled(self, shape: str, alias: str, depth: int) -> str:
        """Return a shape with values in the place of the kinds in braces."""

        def value(found: re.Match[str]) -> str:
            if found[0] in ("{{", "}}"):
                return found[0][0]
            made = self.value(found[1], alias, depth)
            return made if re.fullmatch(r"[\w.]+", made) else f"({made})"

        return re.sub(r"\{\{|\}\}|\{(\w+)\}", value, shape)

    def aggregate(self, alias: str) -> str:
        """Return an aggregate that does not depend on the order of rows."""
        return self._filled(self._one(*_AGGREGATES[self._one(*_AGGREGATES)]), alias, self._random.choice([0, 1]))

    def _window(self) -> str:
        value = self.value(self._kind(), "t", self._random.choice([0, 0, 1]))
        part = self.value(self._one("int", "text", "bool", "date"), "t", self._random.choice([0, 1]))
        keys = self._one("", f"partition by {part} ")
        if self._random.random() < 0.15:
            start, end = (
                self._one("1 day", "10 years", "1 hour"),
                self._one("current row", "interval 1 month following"),
            )
            frame = f"range between interval '{start}' preceding and {end}"
            return f"{self._one('count', 'min', 'max')}(t.n) over ({keys}order by t.ts {frame})"
        order = f"{keys}order by {self._one('', 't.k, ', 't.s desc, ')}t.id{self._one('', ' desc')}"
        return self._one(*_WINDOWS).format(v=value, w=order, f=self._one(*_FRAMES), id="t.id")

    def _nested(self) -> str:
        """Return a query with one that reads its rows where it is seldom written."""
        scalar = f"(select {self.aggregate('u')} from u where u.{self._one('k', 'n')} = {self.value('int', 't', 0)})"
        test = self.value("bool", "u", 1)
        return self._one(
            f"select t.id, {scalar} as c from t",
            f"select t.k, sum((select count(*) from u where {test} and u.k = t.k)) as c from t group by t.k",
            f"select case when exists (select 1 from u where u.k = t.k and {test}) then t.s end as c, t.id from t",
            f"select t.id from t order by {scalar}, t.id limit 3",
            f"select count(*) as c from t where {self.value('int', 't', 1)} in (select {self.value('int', 'u', 1)} from u)",
            "select t.id, t.k = any (select u.k from u where u.s = t.s) as c from t",
            "select k, count(*) as c from t group by k having count(*) > (select count(*) from u where u.k = t.k)",
            "select t.id, (select list(u.n order by u.id) from u where u.k = t.k) as c from t",
            "select t.id, array(select u.s from u where u.k = t.k order by u.id) as c from t",
        )
