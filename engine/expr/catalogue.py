"""The one function catalogue: every scalar function and aggregate, once.

An entry says what a function is called in SQL and on frames, which types it takes and returns, and what it makes of
nulls. Binder, frame API, optimiser, kernels and the generated documentation all read this table; a device provides one
kernel per entry under the entry's name (a test compares the two sets).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .. import dtypes
from . import rules
from .rules import Rule


class Nulls(Enum):
    """What a function makes of null arguments."""

    PROPAGATE = "any null argument gives null"
    LOGIC = "three-valued logic"
    HANDLED = "defined by the function"


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A scalar function.

    Attributes
    ----------
    name
        Catalogue name, used in plans and by kernels.
    rule
        Argument types to parameter and result types.
    sql
        SQL spellings, lower case (operators are spelled as such).
    frame
        Spelling on frames and columns, for the documentation.
    summary
        One line for the documentation.
    nulls
        Null rule.
    options
        Names of constant options a call must carry.
    """

    name: str
    rule: Rule
    sql: tuple[str, ...]
    frame: str
    summary: str
    nulls: Nulls = Nulls.PROPAGATE
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """An aggregate function; nulls are ignored by each of them.

    Attributes
    ----------
    partial
        Names of the primitive accumulators that carry it between phases (see ``volley.engine.kernels.protocol``).
    """

    name: str
    rule: Rule
    sql: tuple[str, ...]
    frame: str
    summary: str
    partial: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFunction:
    """A function of a row's place in its partition; every aggregate is a window function as well.

    Attributes
    ----------
    framed
        Whether it sees the frame only; else it sees the partition.
    offset
        What the constant that a call carries means; empty where it carries none.
    """

    name: str
    rule: Rule
    sql: tuple[str, ...]
    frame: str
    summary: str
    framed: bool = False
    offset: str = ""

    @property
    def counts_from_one(self) -> bool:
        """Whether the constant is a count that starts at 1, rather than a distance of either sign."""
        return self.offset in ("n", "buckets")


def _functions() -> tuple[Function, ...]:
    propagate, handled, logic = Nulls.PROPAGATE, Nulls.HANDLED, Nulls.LOGIC

    def f(
        name: str,
        rule: Rule,
        sql: str,
        frame: str,
        summary: str,
        *,
        nulls: Nulls = propagate,
        options: tuple[str, ...] = (),
    ) -> Function:
        return Function(
            name=name,
            rule=rule,
            sql=tuple(sql.split()),
            frame=frame,
            summary=summary,
            nulls=nulls,
            options=options,
        )

    text, int64, bool_ = dtypes.string, dtypes.int64, dtypes.bool_
    r = rules
    return (
        # arithmetic
        f("add", r.additive, "+", "a + b", "sum; integer overflow raises"),
        f("subtract", r.additive, "-", "a - b", "difference; integer overflow raises"),
        f("multiply", r.multiplicative, "*", "a * b", "product; integer overflow raises"),
        f("divide", r.real_division, "/", "a / b", "real division to float64, IEEE at zero"),
        f("floor_divide", r.whole_division, "", "a // b", "division rounded down; integers by zero raise"),
        f(
            "truncate_divide",
            r.whole_division,
            "//",
            "",
            "division rounded towards zero; integers by zero raise",
        ),
        f(
            "modulo",
            r.whole_division,
            "",
            "a % b",
            "remainder with the divisor's sign; integers by zero raise",
        ),
        f(
            "remainder",
            r.whole_division,
            "% mod",
            "",
            "remainder with the dividend's sign; integers by zero raise",
        ),
        f("negate", r.same_number, "-", "-a", "negation; the least integer raises"),
        f("abs", r.same_number, "abs", "a.abs()", "absolute value"),
        f("sign", r.same_number, "sign", "a.sign()", "-1, 0 or 1"),
        f("round", r.rounding, "round", "a.round(digits)", "nearest; halves away from zero"),
        f("floor", r.whole_number, "floor", "a.floor()", "greatest whole number not above"),
        f("ceil", r.whole_number, "ceil ceiling", "a.ceil()", "least whole number not below"),
        f("sqrt", r.real, "sqrt", "a.sqrt()", "square root; NaN below zero"),
        f("exp", r.real, "exp", "a.exp()", "e to the power"),
        f("ln", r.real, "ln", "a.log()", "natural logarithm"),
        f("log10", r.real, "log10 log", "a.log10()", "logarithm to base 10"),
        f("log2", r.real, "log2", "a.log2()", "logarithm to base 2"),
        f("power", r.real, "pow power ^ **", "a ** b", "power, as float64"),
        # comparison
        f("equal", r.comparison, "= ==", "a == b", "equality; NaN equals NaN"),
        f("not_equal", r.comparison, "<> !=", "a != b", "inequality"),
        f("less", r.comparison, "<", "a < b", "order; NaN is greatest"),
        f("less_equal", r.comparison, "<=", "a <= b", "order; NaN is greatest"),
        f("greater", r.comparison, ">", "a > b", "order; NaN is greatest"),
        f("greater_equal", r.comparison, ">=", "a >= b", "order; NaN is greatest"),
        f("is_not_distinct", r.comparison, "<=>", "", "equality where null equals null", nulls=handled),
        f("is_null", r.predicate, "", "a.isna()", "whether null (NaN is not null)", nulls=handled),
        f("is_not_null", r.predicate, "", "a.notna()", "whether not null", nulls=handled),
        f("is_nan", r.float_predicate, "isnan", "a.is_nan()", "whether NaN"),
        f("is_finite", r.float_predicate, "isfinite", "a.is_finite()", "whether neither NaN nor infinite"),
        # logic and choice
        f("and", r.logical, "and", "a & b", "conjunction", nulls=logic),
        f("or", r.logical, "or", "a | b", "disjunction", nulls=logic),
        f("not", r.logical, "not", "~a", "negation", nulls=propagate),
        f(
            "coalesce",
            r.common,
            "coalesce ifnull nvl",
            "a.fillna(b)",
            "first argument that is not null",
            nulls=handled,
        ),
        f("least", r.common, "least", "", "least argument, nulls ignored", nulls=handled),
        f("greatest", r.common, "greatest", "", "greatest argument, nulls ignored", nulls=handled),
        # text
        f("length", r.text_to(int64), "length len char_length", "a.str.len()", "code points"),
        f("lower", r.text_to(text), "lower lcase", "a.str.lower()", "lower case, full Unicode"),
        f("upper", r.text_to(text), "upper ucase", "a.str.upper()", "upper case, full Unicode"),
        f("trim", r.text_to(text, text, optional=1), "trim", "a.str.strip()", "without spaces at both ends"),
        f(
            "ltrim",
            r.text_to(text, text, optional=1),
            "ltrim",
            "a.str.lstrip()",
            "without spaces at the start",
        ),
        f("rtrim", r.text_to(text, text, optional=1), "rtrim", "a.str.rstrip()", "without spaces at the end"),
        f(
            "substring",
            r.text_to(text, int64, int64, optional=1),
            "substring substr",
            "a.str.slice(start, stop)",
            "from a 1-based position, for a number of code points",
        ),
        f("concat", r.all_text, "||", "a + b", "texts joined"),
        f(
            "replace",
            r.text_to(text, text, text),
            "replace",
            "a.str.replace(x, y)",
            "each occurrence replaced",
        ),
        f(
            "starts_with",
            r.text_to(bool_, text),
            "starts_with prefix",
            "a.str.startswith(x)",
            "whether it starts with",
        ),
        f(
            "ends_with",
            r.text_to(bool_, text),
            "ends_with suffix",
            "a.str.endswith(x)",
            "whether it ends with",
        ),
        f(
            "contains",
            r.text_to(bool_, text),
            "contains",
            "a.str.contains(x, regex=False)",
            "whether it occurs",
        ),
        f(
            "like",
            r.text_to(bool_),
            "like ilike",
            "a.str.like(p)",
            "SQL pattern",
            options=("pattern", "escape", "fold"),
        ),
        f(
            "regexp_matches",
            r.text_to(bool_),
            "regexp_matches",
            "a.str.contains(p)",
            "RE2 search",
            options=("pattern",),
        ),
        # time
        *(
            f(
                part,
                r.temporal_to(int64),
                part,
                f"a.dt.{part}",
                f"{part.replace('_', ' ')} in the column's zone",
            )
            for part in ("year", "quarter", "month", "day")
        ),
        f("day_of_week", r.temporal_to(int64), "dayofweek", "a.dt.day_of_week", "Sunday 0 .. Saturday 6"),
        f("iso_day_of_week", r.temporal_to(int64), "isodow", "", "Monday 1 .. Sunday 7"),
        f("day_of_year", r.temporal_to(int64), "dayofyear", "a.dt.day_of_year", "1 .. 366"),
        f("week", r.temporal_to(int64), "week weekofyear", "a.dt.week", "ISO week, 1 .. 53"),
        *(
            f(part, r.temporal_to(int64, clock=True), part, f"a.dt.{part}", f"{part} in the column's zone")
            for part in ("hour", "minute", "second")
        ),
        f(
            "date_trunc",
            r.temporal_to(None),
            "date_trunc",
            "a.dt.floor(unit)",
            "start of the unit",
            options=("unit",),
        ),
        f(
            "add_interval",
            r.temporal_to(None),
            "",
            "a + interval",
            "later by months, then days, then microseconds; clips to the month's end",
            options=("months", "days", "microseconds"),
        ),
        f(
            "difference",
            r.temporal_difference,
            "",
            "a - b",
            "days between dates; duration between timestamps",
        ),
    )


def _aggregates() -> tuple[Aggregate, ...]:
    def a(name: str, rule: Rule, sql: str, frame: str, summary: str, *partial: str) -> Aggregate:
        return Aggregate(name=name, rule=rule, sql=tuple(sql.split()), frame=frame, summary=summary, partial=partial)

    r = rules
    return (
        a("size", r.count, "", "size", "number of rows", "count_rows"),
        a("count", r.count, "count", "count", "number of values that are not null", "count"),
        a("sum", r.total, "sum", "sum", "sum; exact or raises for integers and decimals", "sum"),
        a("mean", r.average, "avg mean", "mean", "arithmetic mean as float64", "sum", "count"),
        a("min", r.extreme, "min", "min", "least value", "min"),
        a("max", r.extreme, "max", "max", "greatest value; NaN is greatest", "max"),
        a("var", r.moments, "var_samp variance", "var", "sample variance", "count", "mean", "m2"),
        a("std", r.moments, "stddev_samp stddev", "std", "sample standard deviation", "count", "mean", "m2"),
        a("var_pop", r.moments, "var_pop", "", "population variance", "count", "mean", "m2"),
        a("std_pop", r.moments, "stddev_pop", "", "population standard deviation", "count", "mean", "m2"),
        a("any", r.logical, "bool_or", "any", "whether any is true", "max"),
        a("all", r.logical, "bool_and", "all", "whether all are true", "min"),
        a("first", r.any_value, "first any_value", "first", "first value met that is not null", "first"),
    )


def _window_functions() -> tuple[WindowFunction, ...]:
    def w(
        name: str, rule: Rule, frame: str, summary: str, *, sql: str = "", framed: bool = False, offset: str = ""
    ) -> WindowFunction:
        spellings = tuple((sql or name).split())
        return WindowFunction(
            name=name, rule=rule, sql=spellings, frame=frame, summary=summary, framed=framed, offset=offset
        )

    r, number, share = rules, rules.nothing_to(dtypes.int64), rules.nothing_to(dtypes.float64)
    return (
        w("row_number", number, "groupby(k).cumcount() + 1", "1, 2, … in the partition's order"),
        w("rank", number, 'a.rank("min")', "1 + the number of rows before the row's peers"),
        w("dense_rank", number, 'a.rank("dense")', "1 + the number of peer groups before the row's"),
        w("percent_rank", share, "", "(rank - 1) / (rows - 1); 0 for a single row"),
        w("cume_dist", share, "", "share of rows up to the row's last peer"),
        w("ntile", number, "", "number of the row's bucket, of so many of nearly equal size", offset="buckets"),
        w("lag", r.shifted, "a.shift(n)", "value so many rows before, else the default", offset="distance"),
        w("lead", r.shifted, "a.shift(-n)", "value so many rows after, else the default", offset="distance"),
        w(
            "first_value",
            r.any_value,
            "a.bfill()",
            "value of the frame's first row",
            sql="first_value first",
            framed=True,
        ),
        w("last_value", r.any_value, "a.ffill()", "value of the frame's last row", sql="last_value last", framed=True),
        w("nth_value", r.any_value, "", "value of the frame's n-th row", framed=True, offset="n"),
    )


FUNCTIONS: dict[str, Function] = {entry.name: entry for entry in _functions()}
AGGREGATES: dict[str, Aggregate] = {entry.name: entry for entry in _aggregates()}
SQL_FUNCTIONS: dict[str, str] = {
    spelling: entry.name for entry in reversed(FUNCTIONS.values()) for spelling in entry.sql if spelling.isidentifier()
}
SQL_AGGREGATES: dict[str, str] = {spelling: entry.name for entry in AGGREGATES.values() for spelling in entry.sql}
WINDOW_FUNCTIONS: dict[str, WindowFunction] = {entry.name: entry for entry in _window_functions()}
SQL_WINDOW_FUNCTIONS: dict[str, str] = {
    spelling: entry.name for entry in WINDOW_FUNCTIONS.values() for spelling in entry.sql
}
