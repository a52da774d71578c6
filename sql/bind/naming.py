"""What an expression without an alias is called in the result: DuckDB's spelling of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

_INFIX: dict[type[exp.Expr], str] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.IntDiv: "//", exp.Mod: "%", exp.DPipe: "||",
    exp.EQ: "=", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
    exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.BitwiseLeftShift: "<<", exp.BitwiseRightShift: ">>",
    exp.And: "AND", exp.Or: "OR",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM", exp.NullSafeNEQ: "IS DISTINCT FROM",
}  # fmt: skip
_QUOTED = {"substring", "left", "right", "year", "month", "day", "hour", "minute", "second", "replace", "position"}
_SPELLING = {
    "length": "length", "power": "pow", "stddev": "stddev", "std_dev_samp": "stddev_samp",
    "variance_pop": "var_pop", "logical_or": "bool_or", "logical_and": "bool_and",
    "timestamp_trunc": "date_trunc", "starts_with": "starts_with", "ceil": "ceil", "regexp_like": "regexp_matches",
    "is_inf": "isinf", "group_concat": "string_agg", "percentile_cont": "quantile_cont", "array_agg": "list",
    "percentile_disc": "quantile_disc", "str_position": "strpos", "split": "string_split", "time_to_str": "strftime",
    "str_to_time": "strptime", "date_from_parts": "make_date", "timestamp_from_parts": "make_timestamp",
    "approx_distinct": "approx_count_distinct", "array_contains": "list_contains", "array_append": "list_append",
    "array_concat": "list_concat",
    "euclidean_distance": "list_distance",
    "cosine_distance": "list_cosine_distance",
    "j_s_o_n_object": "json_object", "j_s_o_n_array": "json_array", "parse_json": "json", "rand": "random",
    "day_of_week": "dayofweek", "dayofweek_iso": "isodow", "array_size": "array_length",
    "array_sort": "list_sort", "array_distinct": "list_distinct", "array_min": "list_min", "array_max": "list_max",
    "array_overlaps": "list_has_any", "array_contains_all": "list_has_all", "transform": "list_transform",
    "filter": "list_filter", "str_split": "string_split", "jarowinkler_similarity": "jaro_winkler_similarity",
    "day_of_year": "dayofyear", "day_of_month": "dayofmonth", "week_of_year": "weekofyear", "date_bin": "time_bucket",
    "time_from_parts": "make_time", "json_extract_scalar": "json_extract_string",
    "time_to_unix": "epoch", "explode": "unnest", "current_version": "version",
    "bitwise_and_agg": "bit_and", "bitwise_or_agg": "bit_or", "bitwise_xor_agg": "bit_xor",
}  # fmt: skip


WRITTEN_AS = "written_as"
"""Key of a node's ``meta`` for the name of what it was put in the place of."""


def default_name(node: exp.Expr) -> str:
    """Return the name of the column that an expression makes when it has no alias."""
    if isinstance(node, exp.Column):
        return str(node.name)
    return _text(node)


def _text(node: Any) -> str:
    if not isinstance(node, exp.Expr):
        return str(node)
    written: str | None = node.meta.get(WRITTEN_AS)
    if written is not None:
        return written
    known = _KNOWN.get(type(node))
    if known is not None:
        return known(node)
    symbol = _INFIX.get(type(node))
    if symbol is not None:
        return f"({_text(node.this)} {symbol} {_text(node.expression)})"
    if isinstance(node, exp.Func):
        return _function(node)
    try:
        return str(node.sql(dialect="duckdb", normalize_functions="lower"))
    except ValueError:  # sqlglot cannot write all that it reads: not the path '$..a'
        return str(node.key)


def _function(node: exp.Func) -> str:
    name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
    name = _SPELLING.get(name, name)
    if isinstance(node, exp.UnixToTime):
        scale = node.args.get("scale")
        return f"{'to_timestamp' if scale is None else 'epoch_ms'}({_text(node.this)})"
    if isinstance(node, exp.DateDiff):
        unit = node.args.get("unit")
        return (
            f"date_diff('{'day' if unit is None else unit.name.lower()}', {_text(node.expression)}, {_text(node.this)})"
        )
    parts: list[Any] = []
    keys = ("expressions",) if isinstance(node, exp.Anonymous) else tuple(node.arg_types)
    for key in keys:
        value = node.args.get(key)
        parts.extend(value if isinstance(value, list) else [value] if isinstance(value, exp.Expr) else [])
    if isinstance(node, exp.Coalesce):
        name = "COALESCE"
    if isinstance(node, exp.Pad):
        name = "lpad" if node.args.get("is_left") else "rpad"
    shown = ", ".join(_text(part) for part in parts)
    return f'"{name}"({shown})' if name in _QUOTED else f"{name}({shown})"


def _literal(node: exp.Expr) -> str:
    written = str(node.this)
    return "'" + written.replace("'", "''") + "'" if not node.is_number else written


def _case(node: exp.Expr) -> str:
    subject = f" ({_text(node.this)})" if node.this is not None else ""
    whens = "".join(f" WHEN ({_text(i.this)}) THEN ({_text(i.args['true'])})" for i in node.args["ifs"])
    default = node.args.get("default")
    return f"CASE {subject}{whens} ELSE {_text(default) if default is not None else 'NULL'} END"


def _like(node: exp.Expr) -> str:
    symbol = "~~*" if isinstance(node, exp.ILike) else "~~"
    return f"({_text(node.this)} {'!' if node.args.get('negate') else ''}{symbol} {_text(node.expression)})"


def _is(node: exp.Expr) -> str:
    return f"({_text(node.this)} IS {_text(node.expression)})"


def _not(node: exp.Expr) -> str:
    if isinstance(node.this, exp.Is):
        return f"({_text(node.this.this)} IS NOT {_text(node.this.expression)})"
    return f"(NOT {_text(node.this)})"


def _in(node: exp.Expr) -> str:
    if node.args.get("query") is not None:
        return str(node.sql(dialect="duckdb"))
    if node.args.get("field") is not None:
        return f"contains({_text(node.args['field'])}, {_text(node.this)})"
    return f"({_text(node.this)} IN ({', '.join(_text(item) for item in node.expressions)}))"


def _distinct(node: exp.Expr) -> str:
    return "DISTINCT " + ", ".join(_text(item) for item in node.expressions)


def _struct(node: exp.Expr) -> str:
    parts = [
        f"{part.this.name} := {_text(part.expression)}" if isinstance(part, exp.PropertyEQ) else _text(part)
        for part in node.expressions
    ]
    return f"struct_pack({', '.join(parts)})"


def _count(node: exp.Expr) -> str:
    return "count_star()" if node.this is None or isinstance(node.this, exp.Star) else f"count({_text(node.this)})"


def _group_concat(node: exp.Expr) -> str:
    values, separator = node.this, node.args.get("separator")
    order = values if isinstance(values, exp.Order) else None
    shown = _text(values if order is None else order.this) + ("" if separator is None else f", {_text(separator)}")
    keys = "" if order is None else f" ORDER BY {', '.join(_ordered(item) for item in order.expressions)}"
    return f"string_agg({shown}{keys})"


def _filter(node: exp.Expr) -> str:
    return f"{_text(node.this)} FILTER (WHERE {_text(node.expression.this)})"


_TYPES = {"INT": "INTEGER", "TEXT": "VARCHAR", "REAL": "FLOAT", "INT128": "HUGEINT"}
"""DuckDB's names of types for sqlglot's."""


def _cast(node: exp.Expr) -> str:
    target = node.args["to"].sql(dialect="duckdb")
    word = "TRY_CAST" if isinstance(node, exp.TryCast) else "CAST"
    return f"{word}({_text(node.this)} AS {_TYPES.get(target, target)})"


def _trunc(node: exp.Expr) -> str:
    return f"date_trunc('{node.args['unit'].name.lower()}', {_text(node.this)})"


def merged_window(node: exp.Expr) -> exp.Expr | None:
    """Return a window with what the named one it builds on says; None where there is no window of that name."""
    base = node.args.get("alias")
    if base is None:
        return node
    select = node.find_ancestor(exp.Select)
    named = list((select.args.get("windows") or []) if select is not None else [])
    if node in named:
        named = named[: next(i for i, w in enumerate(named) if w is node)]  # a window builds on one before it
    found = next((w for w in named if w.this.name.lower() == base.name.lower()), None)
    below = None if found is None else merged_window(found)
    if below is None:
        return None
    merged = below.copy()
    for key in ("partition_by", "order", "spec"):
        if node.args.get(key):
            own = node.args[key]
            merged.set(key, own.copy() if isinstance(own, exp.Expr) else [part.copy() for part in own])
    return merged


def _window(node: exp.Expr) -> str:
    window = merged_window(node) or node
    parts = []
    if window.args.get("partition_by"):
        parts.append(f"PARTITION BY {', '.join(_text(key) for key in window.args['partition_by'])}")
    order = window.args.get("order")
    if order is not None:
        parts.append(f"ORDER BY {', '.join(_ordered(item) for item in order.expressions)}")
    spec = window.args.get("spec")
    if spec is not None:
        parts.append(_frame(spec))
    parts = [part for part in parts if part]
    called = node.this
    shown = _text(called)
    if shown.startswith("count_star()"):
        shown = shown.replace("count_star()", "count()", 1)
    if isinstance(called, exp.IgnoreNulls) and not isinstance(called.this, exp.AnyValue):
        shown = f"{_text(called.this)[:-1]} IGNORE NULLS)"
    return f"{shown} OVER ({' '.join(parts)})"


def _ordered(item: exp.Expr) -> str:
    descending = " DESC" if item.args.get("desc") else ""
    return _text(item.this) + descending + (" NULLS FIRST" if item.args.get("nulls_first") else "")


def _frame(spec: exp.Expr) -> str:
    def bound(which: str) -> str:
        value, side = spec.args.get(which), str(spec.args.get(f"{which}_side")).upper()
        if value is None or value == "CURRENT ROW":
            return "CURRENT ROW"
        return f"{value if isinstance(value, str) else _text(value)} {side}"

    exclude = spec.args.get("exclude")
    tail = "" if exclude is None or exclude.name.upper() == "NO OTHERS" else f" EXCLUDE {exclude.name.upper()}"
    unit, between = str(spec.args["kind"]).upper(), f"BETWEEN {bound('start')} AND {bound('end')}"
    if between == "BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING":
        unit = "ROWS"  # the unit makes no difference
    elif f"{unit} {between}{tail}" == "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW":
        return ""
    return f"{unit} {between}{tail}"


_KNOWN: dict[type[exp.Expr], Callable[[exp.Expr], str]] = {
    exp.Column: lambda node: str(node.name),
    exp.Paren: lambda node: _text(node.this),
    exp.Neg: lambda node: f"(-({_text(node.this)}))" if not node.this.is_number else f"-{_text(node.this)}",
    exp.Literal: _literal,
    exp.RawString: _literal,
    exp.Lambda: lambda node: f"(lambda {', '.join(map(_text, node.expressions))}: {_text(node.this)})",
    exp.HexString: lambda node: f"X'{node.this}'",
    exp.Boolean: lambda node: "true" if node.this else "false",
    exp.Null: lambda _: "NULL",
    exp.Case: _case,
    exp.Like: _like,
    exp.ILike: _like,
    exp.Is: _is,
    exp.Not: _not,
    exp.In: _in,
    exp.Between: lambda node: f"({_text(node.this)} BETWEEN {_text(node.args['low'])} AND {_text(node.args['high'])})",
    exp.Distinct: _distinct,
    exp.Array: lambda node: f"list_value({', '.join(_text(part) for part in node.expressions)})",
    exp.Struct: _struct,
    exp.Count: _count,
    exp.GroupConcat: _group_concat,
    exp.Filter: _filter,
    exp.IgnoreNulls: lambda node: _text(node.this),
    exp.Window: _window,
    exp.GroupingId: lambda node: f"GROUPING({', '.join(_text(part) for part in node.expressions)})",
    exp.Grouping: lambda node: f"GROUPING({', '.join(_text(part) for part in node.expressions)})",
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.TimestampTrunc: _trunc,
    exp.DateTrunc: _trunc,
    exp.CurrentDate: lambda _: "current_date",
    exp.CurrentTimestamp: lambda _: "current_timestamp",
    exp.Extract: lambda node: f"date_part('{node.this.name.upper()}', {_text(node.expression)})",
}
