"""Random tables and random queries over them, for comparison with DuckDB: one seed, one query."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import Any

import pyarrow as pa

NUMBERS = {
    "t": ("id", "k"), "u": ("k", "v"), "w": ("k",), "e": ("k", "v"),
    "one": ("c0",), "two": ("c0", "c1"), "three": ("c0", "c1", "c2"),
}  # fmt: skip
"""Columns of integers; ``one``, ``two`` and ``three`` are queries in FROM."""
TEXTS = {"t": ("s",), "u": ("name",)}
VALUES = {
    "t": {"float": ("x",), "decimal": ("m",), "date": ("d",), "moment": ("ts",), "flag": ("b",)},
    "w": {"float": ("z",)},
}  # fmt: skip
"""Columns of other types by their kind."""
SHAPES = {
    "float": ("{0}", "{0} + 1", "{0} * {1}", "-{0}", "abs({0})", "coalesce({0}, 0)", "nullif({0}, {1})", "[{0}, {1}]",
              "case when {2} then {0} else {1} end", "floor({0} / 2)", "isnan({0})", "greatest({0}, {1}, 1.5)",
              "cast({0} as varchar)", "{{'a': {0}, 'b': {1}}}"),
    "decimal": ("{0}", "{0} + 1", "{0} * {1}", "-{0}", "round({0}, 1)", "{0} % 2", "coalesce({0}, {1}, 0)",
                "cast({0} as integer)", "case when {2} then {0} end", "{0} - {1}", "cast({0} as decimal(12, 1))"),
    "date": ("{0}", "{0} + 1", "{0} + interval 1 month", "date_trunc('month', {0})", "extract(dow from {0})",
             "{0} - {1}", "last_day({0})", "dayofyear({0})", "strftime({0}, '%d %m')", "least({0}, {1})",
             "date_diff('week', {0}, {1})", "[{0}]", "case when {2} then {0} end"),
    "moment": ("{0}", "{0} + interval 36 hours", "date_trunc('hour', {0})", "extract(minute from {0})", "{0} - {1}",
               "cast({0} as date)", "epoch({0})", "date_part('second', {0})", "greatest({0}, {1})"),
    "flag": ("{0}", "not {0}", "{0} and {1}", "{0} or ({2})", "cast({0} as integer)", "{0} is not distinct from ({2})"),
}  # fmt: skip
"""What is made of a value, another one of its kind, and a condition."""
WORDS = ("apple", "Banana", "", "cherry", "déjà", "a_b%c", "two", "one", "x" * 40, "Ω")
NAN = float("nan")
TESTS = {
    "t": (
        "{}.s like 'a%'", "{}.s in ('apple', '', 'x')", "{}.s > 'b'", "length({}.s) > 4", "{}.x > 0", "isnan({}.x)",
        "{}.x <= {}.m", "{}.m between 0 and 6", "{}.d < date '1990-06-15'", "year({}.d) = 1970", "{}.b", "not {}.b",
        "{}.ts < timestamp '1970-01-02'", "{}.s || 'x' = 'applex'", "upper({}.s) ilike 'b%'",
    ),
    "u": ("{}.name = 'two'", "{}.name < 'three'", "{}.name is null"),
    "w": ("{}.z = 0.5", "{}.z > 1"),
    "e": (), "one": (), "two": (), "three": (),
}  # fmt: skip


def random_tables(seed: int) -> dict[str, pa.Table]:
    """Return tables t, u, w and e: their columns always of the same kinds, of integers of any width, with any rows."""
    rng = random.Random(seed)

    def column(rows: int, dtype: pa.DataType, values: Any) -> pa.Array:
        share = rng.choice([0, 0.1, 0.5, 1])
        chosen = [None if rng.random() < share else rng.choice(values) for _ in range(rows)]
        return pa.array(chosen, dtype)

    def keys(rows: int) -> pa.Array:
        dtype = rng.choice([pa.int16(), pa.int32(), pa.int64(), pa.int64()])
        return column(rows, dtype, range(-2, rng.choice([3, 10, 60])))

    def rows() -> int:
        return rng.choice([0, 1, 2, 7, 20, 50])

    n = rows()
    floats = [0.0, -0.0, 1.5, -2.0, NAN, 3.25, 1e10, float("inf")]
    days = [dt.date(1970, 1, 1) + dt.timedelta(days=day) for day in (0, 31, 59, -1, 11016, 19782)]
    times = [1_000_000 * s for s in (0, 5, 86_399, 1_700_000_000, -1)]
    t = pa.table(
        {
            "id": pa.array(range(1, n + 1), pa.int64()),
            "k": keys(n),
            "x": column(n, pa.float64(), floats),
            "s": column(n, pa.string(), WORDS),
            "b": column(n, pa.bool_(), [True, False]),
            "d": column(n, pa.date32(), days),
            "ts": column(n, pa.timestamp("us"), times),
            "m": column(n, pa.decimal128(9, 2), [Decimal("1.10"), Decimal("-2.25"), Decimal("0.00"), Decimal("99.99")]),
        }
    )
    m = rows()
    u = pa.table({"k": keys(m), "v": keys(m), "name": column(m, pa.string(), WORDS)})
    m = rows()
    w = pa.table({"k": keys(m), "z": column(m, pa.float64(), floats)})
    return {"t": t, "u": u, "w": w, "e": pa.table({"k": keys(0), "v": keys(0)})}


class QueryMaker:
    """Makes one query; every choice comes from the seed.

    Only operations whose answer does not depend on the order of rows or on rounding are used.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._aliases = 0
        self._depth = 0
        self._gives_one_row = False

    def query(self) -> str:
        """Return a query whose rows are compared as a set of rows with repetitions."""
        choice = self._random.random()
        if choice < 0.05:
            operator = self._one("union all", "union", "intersect", "except")
            inner = f"({self.select(1)} {self._one('union', 'except')} {self.select(1)})"
            return f"{inner} {operator} {self.select(1)}"
        if choice < 0.09:
            return self._words()
        if choice < 0.13:
            return self._values()
        if choice < 0.2:
            kind = self._one("union all", "union", "intersect", "except", "intersect all", "except all")
            if self._random.random() < 0.2:
                names = f"{self.select(2)} {self._one('union all', 'union')} by name {self.select(3)}"
                return f"select * from ({names}) q"
            return f"{self.select(2)} {kind} {self.select(2)}"
        if choice < 0.33:
            joined = "select a.c0, count(*) as n from c a join c b on a.c0 = b.c0 group by a.c0"
            return f"with c as ({self.select(2)}) {joined}"
        if choice < 0.42:
            return f"select * from ({self.select(2)}) q order by all {self._one('', 'limit 3', 'limit 2 offset 1')}"
        return self.select(self._random.randint(1, 3))

    def _words(self) -> str:
        """Return a query of texts, perhaps grouped by them."""
        scope, text = self._from()
        where = f" where {self.condition(scope, (), 2)}" if self._random.random() < 0.6 else ""
        word = self._text(scope)
        if self._random.random() < 0.4:
            return f"select {word} as c0, {self.aggregate(scope)} as c1 from {text}{where} group by 1"
        if self._random.random() < 0.3:
            return f"select min({word}) as c0, max({word}) as c1, count(distinct {word}) as c2 from {text}{where}"
        return f"select {self._one('', 'distinct ')}{word} as c0, {self._text(scope)} as c1 from {text}{where}"

    def _values(self) -> str:
        """Return a query of floats, decimals, dates or lists, perhaps grouped by them."""
        scope, text = self._from()
        where = f" where {self.condition(scope, (), 2)}" if self._random.random() < 0.6 else ""
        kinds = [kind for table, _ in scope for kind in VALUES.get(table, ())]
        if not kinds:
            return f"select {self.number(scope, (), 2)} as c0 from {text}{where}"
        kind = self._one(*kinds)
        columns = [f"{alias}.{name}" for table, alias in scope for name in VALUES.get(table, {}).get(kind, ())]
        value, other = self._one(*columns), self._one(*columns)
        shown = self._one(*SHAPES[kind]).format(value, other, self.condition(scope, (), 1))
        if self._random.random() < 0.4:
            return f"select {shown} as c0, {self.aggregate(scope)} as c1 from {text}{where} group by 1"
        if self._random.random() < 0.4:
            wanted = self._one("min({0})", "max({0})", "count(distinct {0})", "list_sort(list(distinct {0}))")
            return f"select {wanted.format(shown)} as c0, count({shown}) as c1 from {text}{where}"
        ordered = f"row_number() over (order by {shown}) <= 3" if self._random.random() < 0.2 else ""
        if ordered:
            return f"select count(*) as c0 from (select 1 from {text}{where} qualify {ordered}) q"
        items = f"{shown} as c0, {value} {self._one('<', '=', '>=')} {other} as c1"
        return f"select {self._one('', 'distinct ')}{items} from {text}{where}"

    def _text(self, scope: tuple[tuple[str, str], ...]) -> str:
        columns = [f"{alias}.{name}" for table, alias in scope for name in TEXTS.get(table, ())]
        column = self._one(*columns, "'two'") if columns else "'two'"
        other = self._one(*columns, "''", "null") if columns else "'x'"
        shapes = (
            "{0}", "{0}", "upper({0})", "{0} || {1}", "coalesce({0}, {1}, '?')", "substr({0}, 2, 3)", "trim({0})",
            "nullif({0}, {1})", "replace({0}, 'a', '')", "case when {2} then {0} else {1} end", "left({0}, 2)",
            "cast({3} as varchar)", "concat({0}, '-', {1})", "lpad({0}, 6, '*')",
        )  # fmt: skip
        return self._one(*shapes).format(column, other, self.condition(scope, (), 1), self.number(scope, (), 1))

    def select(self, width: int, outer: tuple[tuple[str, str], ...] = ()) -> str:
        """Return a SELECT of ``width`` integer columns called c0, c1, …; ``outer`` are relations around it."""
        scope, text = self._from()
        where = f" where {self.condition(scope, outer, 2)}" if self._random.random() < 0.8 else ""
        if self._random.random() < 0.35:
            return self._grouped(scope, outer, text, where, width)
        if self._random.random() < 0.2:
            return self._windowed(scope, outer, text, where, width)
        items = ", ".join(f"{self.number(scope, outer, 2)} as c{i}" for i in range(width))
        distinct = "distinct " if self._random.random() < 0.15 else ""
        return f"select {distinct}{items} from {text}{where}"

    def _grouped(
        self, scope: tuple[tuple[str, str], ...], outer: tuple[tuple[str, str], ...], text: str, where: str, width: int
    ) -> str:
        keys = [self.number(scope, (), 1) for _ in range(self._random.randint(0 if width > 1 else 1, width - 1 or 1))]
        keys = [key for key in keys if not key.lstrip("-").isdigit()]
        items = [*keys, *(self._of_group(scope) for _ in range(width - len(keys)))][:width]
        shown = ", ".join(f"{item} as c{i}" for i, item in enumerate(items))
        listed = ", ".join(keys)
        sets = (f"rollup ({listed})", f"cube ({listed})", f"grouping sets (({listed}), ())")
        self._gives_one_row |= not keys
        shape = self._one(listed, listed, listed, *(() if outer else sets))  # sets have a group of no rows as well
        group = f" group by {shape}" if keys else ""
        having = (
            f" having {self.aggregate(scope)} > {self._random.randint(0, 4)}" if self._random.random() < 0.3 else ""
        )
        return f"select {shown} from {text}{where}{group}{having}"

    def _of_group(self, scope: tuple[tuple[str, str], ...]) -> str:
        """Return an aggregate, or what a nested query makes of one."""
        if self._random.random() < 0.85:
            return self.aggregate(scope)
        table = self._table()
        compared = f"{self._column((table,))} {self._one('<', '=', '>=', '<>')} {self.aggregate(scope, distinct=False)}"
        if self._random.random() < 0.3:
            return f"cast(exists (select 1 from {table[0]} {table[1]} where {compared}) as integer)"
        return f"(select {self.aggregate((table,))} from {table[0]} {table[1]} where {compared})"

    def _windowed(
        self, scope: tuple[tuple[str, str], ...], outer: tuple[tuple[str, str], ...], text: str, where: str, width: int
    ) -> str:
        items = ", ".join(f"{self._window(scope, outer)} as c{i}" for i in range(width))
        qualify = ""
        if self._random.random() < 0.3:
            qualify = f" qualify {self._window(scope, outer)} <= {self._random.randint(1, 4)}"
        return f"select {items} from {text}{where}{qualify}"

    def _window(self, scope: tuple[tuple[str, str], ...], outer: tuple[tuple[str, str], ...]) -> str:
        """Return a window function whose value does not depend on the order of ties."""
        keys = f"partition by {self.number(scope, outer, 1)} " if self._random.random() < 0.6 else ""
        order, frame = "", ""
        function = self.aggregate(scope, distinct=False)
        if self._random.random() < 0.7:
            order = f"order by {self._column(scope)}{self._one('', ' desc', ' desc nulls first')}"
            if self._random.random() < 0.4:
                function = self._one("rank()", "dense_rank()")
            elif self._random.random() < 0.6:
                start = self._one("unbounded preceding", "2 preceding", "1 preceding", "current row")
                end = self._one("current row", "1 following", "3 following", "unbounded following")
                exclude = self._one("", "", "exclude current row", "exclude group", "exclude ties")
                frame = f" {self._one('range', 'groups')} between {start} and {end} {exclude}"
        return f"{function} over ({keys}{order}{frame})"

    def _from(self) -> tuple[tuple[tuple[str, str], ...], str]:
        first = self._table()
        scope, text = [first], f"{first[0]} {first[1]}"
        if self._depth < 1 and self._random.random() < 0.15:
            self._depth += 1
            width = self._random.randint(1, 3)
            first = (("one", "two", "three")[width - 1], first[1])
            scope, text = [first], f"({self.select(width)}) {first[1]}"
            self._depth -= 1
        for _ in range(self._random.choice([0, 0, 1, 1, 2])):
            if self._depth < 1 and self._random.random() < 0.12:
                text += self._lateral(scope, self._one(" cross join lateral", " join lateral", " left join lateral"))
                continue
            table = self._table()
            kind = self._one(
                "join", "join", "left join", "left join", "right join", "full join", "semi join", "anti join"
            )
            if self._random.random() < 0.2 and len(scope) == 1 and kind != "full join":
                text += f" {kind} {table[0]} {table[1]} using (k)" if "k" in NUMBERS[first[0]] else ""
                if kind.startswith(("semi", "anti")):
                    continue
                scope.append(table)
                continue
            condition = f"{self._column(scope)} = {self._column([table])}"
            if kind in ("join", "left join") and self._random.random() < 0.3:
                condition += f" and {self._column(scope)} < {self._column([table])}"
            text += f" {kind} {table[0]} {table[1]} on {condition}"
            if not kind.startswith(("semi", "anti")):
                scope.append(table)
        if self._depth < 1 and self._random.random() < 0.08:
            text += self._lateral(scope, self._one(", lateral", ","))
        return tuple(scope), text

    def _lateral(self, scope: list[tuple[str, str]], kind: str) -> str:
        """Return a join with a query that may read the relations before it, and add it to these."""
        self._depth += 1
        self._aliases += 1
        width, around, name = self._random.randint(1, 2), tuple(scope), f"q{self._aliases}"
        self._gives_one_row = False
        inner = self.select(width, around)
        if self._random.random() < 0.2:
            both = f"{inner} {self._one('union all', 'union', 'except', 'intersect')} {self.select(width, around)}"
            # DuckDB 2.0 loses the group of no rows of a correlated branch of a set operation.
            inner = inner if self._gives_one_row else both
        elif self._random.random() < 0.15:
            width, inner = 1, f"values ({self.number(around, (), 1)}), ({self.number(around, (), 1)})"
            inner = f"select col0 as c0 from ({inner}) v"
        self._depth -= 1
        scope.append((("one", "two")[width - 1], name))
        on = " on true" if kind in (" join lateral", " left join lateral") else ""
        if on and self._random.random() < 0.3:
            on = f" on {self._column(scope)} {self._one('=', '<', '<>')} {self._column(scope[-1:])}"
        return f"{kind} ({inner}) {name}{on}"

    def _table(self) -> tuple[str, str]:
        self._aliases += 1
        return self._random.choice(["t", "t", "u", "u", "w", "e"]), f"q{self._aliases}"

    def _one(self, *choices: str) -> str:
        return self._random.choice(choices)

    def _column(self, scope: object) -> str:
        table, alias = self._random.choice(list(scope))  # type: ignore[call-overload]  # any sequence of pairs
        return f"{alias}.{self._random.choice(NUMBERS[table])}"

    def number(self, scope: tuple[tuple[str, str], ...], outer: tuple[tuple[str, str], ...], depth: int) -> str:
        """Return an integer expression."""
        choice = self._random.random()
        if depth == 0 or choice < 0.45:
            return (
                self._column((*scope, *scope, *outer))
                if self._random.random() < 0.8
                else str(self._random.randint(-3, 9))
            )
        inner = [self.number(scope, outer, depth - 1) for _ in range(2)]
        if choice < 0.6:
            return f"({inner[0]} {self._one('+', '-', '*')} {inner[1]})"
        if choice < 0.7:
            return f"coalesce({inner[0]}, {inner[1]})"
        if choice < 0.8:
            return f"case when {self.condition(scope, outer, depth - 1)} then {inner[0]} else {inner[1]} end"
        if choice < 0.9:
            return f"({self._scalar(scope, outer)})"
        tables = [alias for table, alias in scope if table == "t"]
        if tables and choice < 0.95:
            return self._one("length({}.s)", "year({}.d)", "month({}.d)").format(self._one(*tables))
        return f"nullif({inner[0]}, {inner[1]})"

    def _scalar(self, scope: tuple[tuple[str, str], ...], outer: tuple[tuple[str, str], ...]) -> str:
        table = self._table()
        condition = self.condition((table,), (*scope, *outer), 1)
        if self._random.random() < 0.12:
            branch = f"select {self._column((table,))} as c0 from {table[0]} {table[1]} where {condition}"
            other = f"select {self.number((*scope, *outer), (), 0)}"
            whole = f"{branch} {self._one('union all', 'union', 'except', 'intersect')} {other}"
            return f"select {self._one('sum', 'max', 'count')}(c0) from ({whole}) s"
        return f"select {self.aggregate((table,))} from {table[0]} {table[1]} where {condition}"

    def aggregate(self, scope: tuple[tuple[str, str], ...], *, distinct: bool = True) -> str:
        """Return an aggregate that gives an integer."""
        column = self._column(scope)
        plain = ("count(*)", "count({})", "sum({})", "min({})", "max({})")
        function = self._one(*plain, *(("count(distinct {})",) if distinct else ()))
        return function.format(column)

    def condition(self, scope: tuple[tuple[str, str], ...], outer: tuple[tuple[str, str], ...], depth: int) -> str:
        """Return a boolean expression."""
        choice = self._random.random()
        if depth > 0 and choice < 0.3:
            parts = [self.condition(scope, outer, depth - 1) for _ in range(2)]
            return f"({parts[0]} {self._one('and', 'or')} {parts[1]})"
        if depth > 0 and choice < 0.4:
            return f"not ({self.condition(scope, outer, depth - 1)})"
        if depth > 0 and choice < 0.6:
            return self._subquery_condition(scope, outer)
        if choice > 0.86 and self._random.random() < 0.5:
            table, alias = self._random.choice([*scope, *outer])
            if TESTS[table]:
                return self._one(*TESTS[table]).replace("{}", alias)
        left, right = self._column((*scope, *outer)), self.number(scope, outer, min(depth, 1))
        if choice < 0.7:
            return f"{left} is {self._one('', 'not ')}null"
        if choice < 0.78:
            return f"{left} {self._one('', 'not ')}in (1, 2, {self._one('3', 'null')})"
        if choice < 0.84:
            return f"{left} is {self._one('', 'not ')}distinct from {right}"
        return f"{left} {self._one('=', '=', '<>', '<', '<=', '>', '>=')} {right}"

    def _subquery_condition(self, scope: tuple[tuple[str, str], ...], outer: tuple[tuple[str, str], ...]) -> str:
        around = (*scope, *outer)
        negation = self._one("", "not ")
        if self._random.random() < 0.2:
            table = self._table()
            where = self.condition((table,), around, 1)
            inner = f"select {self._column((table,))} from {table[0]} {table[1]} where {where}"
            compared = f"{self._column(scope)} {self._one('=', '<>', '<', '<=', '>', '>=')}"
            return f"{negation}({compared} {self._one('any', 'all')} ({inner}))"
        if self._random.random() < 0.12:
            table = self._table()
            wanted = f"({self._column(scope)}, {self._column(around)})"
            inner = f"select {self._column((table,))}, {self._column((table,))} from {table[0]} {table[1]}"
            if self._random.random() < 0.5:
                inner += f" where {self.condition((table,), around, 1)}"
            test = f"{wanted} {self._one('in', 'not in', '< any', '>= all', '<> all', '= any')} ({inner})"
            return f"({test}) is {self._one('true', 'not true', 'null', 'false')}" if negation else test
        if self._random.random() < 0.12:
            first, second = self._table(), self._table()
            parts = [
                f"select {self._column((each,))} from {each[0]} {each[1]} where {self.condition((each,), around, 1)}"
                for each in (first, second)
            ]
            whole = f"{parts[0]} {self._one('union all', 'union', 'intersect', 'except')} {parts[1]}"
            return self._one(f"{negation}exists ({whole})", f"{self._column(scope)} {negation}in ({whole})")
        if self._random.random() < 0.5:
            table = self._table()
            return f"{negation}exists (select 1 from {table[0]} {table[1]} where {self.condition((table,), around, 1)})"
        correlated = around if self._random.random() < 0.5 else ()
        table = self._table()
        inner = f"select {self._column((table,))} from {table[0]} {table[1]}"
        if correlated:
            inner += f" where {self.condition((table,), correlated, 1)}"
        return f"{self._column(scope)} {negation}in ({inner})"
