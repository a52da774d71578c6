"""What every scalar function of the catalogue is compared with: DuckDB's, by a SQL text, or a Python function.

A case names the kinds of its arguments (see `tables.POOLS`), what DuckDB calls it with ``{0}``, ``{1}``, … for them, or
a function of Python values that is not called for nulls, and the options of the call.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Case:
    kinds: tuple[str, ...]
    oracle: str | Callable[..., Any]
    options: dict[str, Any] = field(default_factory=dict)
    constants: tuple[Any, ...] = ()
    """Arguments behind the columns."""


def case(kinds: str, oracle: str | Callable[..., Any], *constants: Any, **options: Any) -> Case:
    return Case(tuple(kinds.split()), oracle, options, constants)


def infix(symbol: str, *kinds: str) -> list[Case]:
    return [case(one, f"{{0}} {symbol} {{1}}") for one in kinds]


def prefix(name: str, *kinds: str) -> list[Case]:
    return [case(one, f"{name}({', '.join(f'{{{n}}}' for n in range(len(one.split())))})") for one in kinds]


def logarithm(name: str) -> list[Case]:
    text = f"CASE WHEN {{0}} < 0 THEN 'nan'::DOUBLE WHEN {{0}} = 0 THEN '-inf'::DOUBLE ELSE {name}({{0}}) END"
    return [case("real", text), case("count", text)]


_EACH = (
    "CASE WHEN {{0}} IS NOT NULL THEN coalesce((SELECT list(struct_pack(key := key, value := value::VARCHAR, "
    "type := type, atom := atom::VARCHAR, id := id, parent := parent, fullkey := fullkey, path := path) ORDER BY id) "
    "FROM {}), []) END"
)
PAIRS = ("int int", "float float", "text text", "date date", "time time", "money money", "bool bool", "int money")
DEEP = ("ints ints", "texts texts", "lists lists", "struct struct", "length length", "clock clock")
TIMES = ("date", "time")

CASES: dict[str, list[Case]] = {
    "add": infix("+", "int int", "float float", "money money", "int money", "int float"),
    "subtract": infix("-", "int int", "float float", "money money", "money int"),
    "multiply": infix("*", "int int", "float float", "money money"),
    "divide": [*infix("/", "int int", "real real"), case("money money", "{0}::DOUBLE / {1}::DOUBLE")],
    "floor_divide": [case("int some", "floor({0} / {1})"), case("real some", "floor({0} / {1})")],
    "truncate_divide": infix("//", "int some"),
    "modulo": [case(kinds, "(({0} % {1}) + {1}) % {1}") for kinds in ("int some", "money some", "wide price")],
    "remainder": infix("%", "int some", "money some", "some price", "long price", "wide price"),
    "negate": prefix("-", "int", "float", "money"),
    "abs": prefix("abs", "int", "float", "money"),
    "sign": prefix("sign", "int", "unit", "money"),
    "round": [*prefix("round", "real", "money"), case("money", "round({0}, 1)", 1)],
    "floor": prefix("floor", "float", "money", "int"),
    "ceil": prefix("ceil", "float", "money"),
    "trunc": prefix("trunc", "float"),
    "sqrt": [case("real", "CASE WHEN {0} < 0 THEN 'nan'::DOUBLE ELSE sqrt({0}) END"), case("count", "sqrt({0})")],
    "cbrt": prefix("cbrt", "real"),
    "exp": prefix("exp", "real", "int"),
    "ln": logarithm("ln"),
    "log10": logarithm("log10"),
    "log2": logarithm("log2"),
    "power": prefix("pow", "real count", "count real"),
    "is_infinite": prefix("isinf", "float"),
    "is_nan": prefix("isnan", "float"),
    "is_finite": prefix("isfinite", "float"),
    **{name: prefix(name, "real") for name in ("sin", "cos", "tan", "atan", "sinh", "cosh", "tanh")},
    **{name: prefix(name, "real") for name in ("degrees", "radians")},
    **{name: prefix(name, "unit") for name in ("asin", "acos")},
    "atan2": prefix("atan2", "real real"),
    "gcd": prefix("gcd", "int int"),
    "lcm": prefix("lcm", "int int"),
    "bitwise_and": infix("&", "int int", "byte byte"),
    "bitwise_or": infix("|", "int int"),
    "bitwise_xor": prefix("xor", "int int"),
    "bitwise_not": prefix("~", "int", "byte"),
    "shift_left": infix("<<", "count count"),
    "shift_right": infix(">>", "int int", "byte byte", "int place"),
    "bit_count": prefix("bit_count", "int"),
    **{
        name: infix(symbol, *PAIRS, *DEEP)
        for name, symbol in (
            ("equal", "="),
            ("not_equal", "<>"),
            ("less", "<"),
            ("less_equal", "<="),
            ("greater", ">"),
            ("greater_equal", ">="),
            ("is_not_distinct", "IS NOT DISTINCT FROM"),
        )
    },
    "is_null": [case(kind, "{0} IS NULL") for kind in ("int", "float", "text", "ints", "struct")],
    "is_not_null": [case(kind, "{0} IS NOT NULL") for kind in ("int", "float", "text", "texts")],
    "and": infix("AND", "bool bool"),
    "or": infix("OR", "bool bool"),
    "not": prefix("NOT", "bool"),
    "coalesce": prefix("coalesce", "int int int", "text text", "float float", "date date"),
    "least": prefix("least", "int int", "text text text", "date date", "money money"),
    "greatest": prefix("greatest", "int int", "text text text", "time time"),
    # text
    "length": prefix("length", "text"),
    "lower": prefix("lower", "text"),
    "upper": prefix("upper", "text"),
    "trim": prefix("trim", "text", "text part"),
    "ltrim": prefix("ltrim", "text", "text part"),
    "rtrim": prefix("rtrim", "text", "text part"),
    "substring": prefix("substring", "text place", "text place count"),
    "concat": infix("||", "text text"),
    "replace": prefix("replace", "text part text"),
    "starts_with": prefix("starts_with", "text text"),
    "ends_with": prefix("ends_with", "text text"),
    "contains": prefix("contains", "text text"),
    "like": [
        case("text", "{0} LIKE 'a%'", pattern="a%", escape=None, fold=False),
        case("text", "{0} ILIKE '%B_a%'", pattern="%B_a%", escape=None, fold=True),
        case("text", "{0} LIKE '!%' ESCAPE '!'", pattern="!%", escape="!", fold=False),
    ],
    "regexp_matches": [case("text", "regexp_matches({0}, '^a.?b')", pattern="^a.?b")],
    "like_pattern": [
        case("text text", "{0} LIKE {1}", escape=None, fold=False),
        case("text text", "{0} ILIKE {1}", escape=None, fold=True),
        case("text text", "{0} LIKE {1} ESCAPE 'x'", escape="x", fold=False),
    ],
    "regexp_matches_pattern": prefix("regexp_matches", "text part", "text text"),
    "concat_ws": prefix("concat_ws", "part text text"),
    "left": prefix("left", "text count"),
    "right": prefix("right", "text count"),
    "lpad": [case("text count part", "lpad({0}, {1}::INTEGER, {2})")],
    "rpad": [case("text count part", "rpad({0}, {1}::INTEGER, {2})")],
    "reverse": prefix("reverse", "text"),
    "repeat": prefix("repeat", "text count"),
    "swapcase": [case("text", str.swapcase)],
    "casefold": [case("text", str.casefold)],
    "title": [case("text", str.title)],
    "position": prefix("strpos", "text text"),
    "split_part": prefix("split_part", "text part place"),
    "split": [case("text part", "CASE WHEN {1} IS NOT NULL THEN string_split({0}, {1}) END")],
    "translate": prefix("translate", "text part text"),
    "code_point": prefix("ascii", "text"),
    "character": [case("code", "chr({0}::INTEGER)")],
    "md5": prefix("md5", "text"),
    "sha256": prefix("sha256", "text"),
    "regexp_replace": [
        case("text", r"regexp_replace({0}, '(a)(b)', '\2\1', 'g')", pattern="(a)(b)", replacement=r"\2\1", all=True),
        case("text", "regexp_replace({0}, 'a', '#')", pattern="a", replacement="#", all=False),
    ],
    "regexp_extract": [case("text", "regexp_extract({0}, 'a(b?)', 1)", pattern="a(b?)", group=1)],
    "regexp_count": [case("text", lambda text: len(re.findall("a|b", text)), pattern="a|b")],
    "regexp_split": [case("text", "string_split_regex({0}, '[b ]')", pattern="[b ]")],
    # times
    **{name: prefix(name, *TIMES) for name in ("year", "quarter", "month", "day", "week")},
    **{name: prefix(name, *TIMES) for name in ("decade", "century", "millennium")},
    "day_of_week": prefix("dayofweek", *TIMES),
    "iso_day_of_week": prefix("isodow", *TIMES),
    "day_of_year": prefix("dayofyear", *TIMES),
    "iso_year": prefix("isoyear", *TIMES),
    **{name: prefix(name, "time") for name in ("hour", "minute", "second", "millisecond", "microsecond")},
    "date_trunc": [
        *(case("time", f"date_trunc('{unit}', {{0}})", unit=unit) for unit in ("year", "quarter", "month", "week")),
        *(case("time", f"date_trunc('{unit}', {{0}})", unit=unit) for unit in ("day", "hour", "minute", "second")),
        case("date", "date_trunc('month', {0})::DATE", unit="month"),
    ],
    "add_interval": [
        case(
            "time",
            "{0} + INTERVAL 1 MONTH + INTERVAL 3 DAY - INTERVAL 5 SECOND",
            months=1,
            days=3,
            microseconds=-5_000_000,
        ),
        case("date", "({0} - INTERVAL 12 MONTH)::DATE", months=-12, days=0, microseconds=0),
    ],
    "later_by": [
        case("time count some int", "{0} + to_months({1}::INTEGER) + to_days({2}::INTEGER) + to_microseconds({3})")
    ],
    "interval_value": [
        case("int int int", "to_months({0}::INTEGER) + to_days({1}::INTEGER) + to_microseconds({2})"),
    ],
    "interval_part": [
        case("length", "date_part('year', {0}) * 12 + date_part('month', {0})", part="months"),
        case("length", "date_part('day', {0})", part="days"),
        case("length", "date_part('hour', {0}) * 3600000000 + date_part('minute', {0}) * 60000000 + "
             "date_part('microsecond', {0})", part="microseconds"),
    ],
    "interval_scaled": [
        case("length unit", "{0} * {1}", divide=False),
        case("length some", "{0} / {1}", divide=True),
    ],
    "age": [*prefix("age", "time time", "date date", "date time")],
    "time_value": [case("count", "make_time(0, 0, {0} / 1e6)")],
    "time_ticks": [case("clock", "epoch_us({0})")],
    "epoch_count": [case(kind, f"epoch_{unit}({{0}})", unit=unit) for kind in TIMES for unit in ("ms", "us", "ns")],
    "difference": [case("date date", "{0} - {1}"), case("time time", lambda one, two: one - two)],
    "epoch": prefix("epoch", *TIMES),
    "day_name": prefix("dayname", *TIMES),
    "month_name": prefix("monthname", *TIMES),
    "last_day": prefix("last_day", *TIMES),
    "date_diff": [
        case("time time", f"date_diff('{unit}', {{0}}, {{1}})", unit=unit)
        for unit in ("year", "month", "week", "day", "hour")
    ],
    "make_date": prefix("make_date", "year month day"),
    "make_timestamp": prefix("make_timestamp", "year month day hour hour seconds"),
    "from_epoch": [case("epoch", lambda seconds: dt.datetime.fromtimestamp(seconds, dt.UTC))],
    "strftime": [case("time", "strftime({0}, '%d/%m/%Y %H:%M:%S.%f')", format="%d/%m/%Y %H:%M:%S.%f")],
    "strptime": [case("digits", "strptime({0}, '%Y-%m-%d')", format="%Y-%m-%d")],
    "try_strptime": [
        case("text", "try_strptime({0}, '%Y')", format="%Y"),
        case("digits", "try_strptime({0}, '%Y-%m-%d')", format="%Y-%m-%d"),
    ],
    "assume_timezone": [case("time", lambda time: time.replace(tzinfo=ZoneInfo("Europe/Paris")), zone="Europe/Paris")],
    "local_time": [
        case("zoned", lambda time: time.astimezone(ZoneInfo("Europe/Paris")).replace(tzinfo=None), zone="Europe/Paris")
    ],
    # nested
    "list_element": prefix("list_extract", "ints int", "texts place"),
    "list_length": prefix("len", "ints", "texts"),
    "list_contains": prefix("list_contains", "ints int", "texts part"),
    "list_join": [case("texts", lambda texts: _joined([text for text in texts if text is not None]), separator="+")],
    "list_quantile": [case("ints", "list_aggregate({0}, 'quantile_cont', 0.3)", q=0.3, discrete=False)],
    "list_mode": [case("ints", lambda values: _mode([v for v in values if v is not None]))],
    "list_value": [case("int int", "[{0}, {1}]"), case("text text", "[{0}, {1}]")],
    "list_range": [case("count place some", lambda a, b, c: list(range(a, b, c)), inclusive=False)],
    "struct_field": [case("struct", "{0}.a", name="a"), case("struct", "{0}.b", name="b")],
    "struct_value": [case("int text", "struct_pack(a := {0}, b := {1})", names=("a", "b"))],
    "list_concat": prefix("list_concat", "ints ints", "texts texts"),
    "list_slice": [case("ints place count", lambda values, begin, end: values[begin - 1 : end])],
    "list_sorted": [
        case("ints", "list_sort({0}, 'ASC', 'NULLS LAST')", descending=False, nulls_first=False),
        case("texts", "list_sort({0}, 'DESC', 'NULLS FIRST')", descending=True, nulls_first=True),
    ],
    "list_distinct": [case("ints", lambda values: [value for value in dict.fromkeys(values) if value is not None])],
    "list_reverse": prefix("list_reverse", "ints", "texts"),
    "list_position": [
        case("ints some", "CASE WHEN {1} IS NOT NULL THEN list_position({0}, {1}) END"),
        case("texts part", "CASE WHEN {1} IS NOT NULL THEN list_position({0}, {1}) END"),
    ],
    "list_flatten": prefix("flatten", "lists"),
    "list_fold": [
        *(case("ints", f"list_{fold}({{0}})", fold=fold) for fold in ("sum", "min", "max", "count")),
        case("ints", "list_avg({0})", fold="mean"),
        *(case("ints", f"list_{fold}({{0}})", fold=fold) for fold in ("bit_and", "bit_or", "bit_xor")),
        *(
            case("ints", f"list_{fold}({{0}})", fold=fold)
            for fold in ("var_samp", "var_pop", "stddev_samp", "stddev_pop", "sem", "skewness", "kurtosis_pop", "mad")
        ),
        case("texts", "list_entropy({0})", fold="entropy"),
    ],
    # codings and likeness
    **{
        name: prefix(sql, "text")
        for name, sql in (
            ("octet_length", "strlen"), ("to_hex", "hex"), ("to_binary", "bin"), ("encode", "encode"),
            ("url_encode", "url_encode"), ("url_decode", "url_decode"), ("strip_accents", "strip_accents"),
            ("nfc_normalize", "nfc_normalize"), ("sha1", "sha1"),
        )
    },
    "to_base64": [case("text", "to_base64(encode({0}))")],
    "from_base64": [case("base64", "from_base64({0})")],
    "from_hex": [case("digits16", "from_hex({0})")],
    "from_binary": [case("digits2", "from_binary({0})")],
    "decode": [case("bytes", "decode({0})")],
    "format_bytes": [case("size", "format_bytes({0})")],
    "format_decimal_bytes": [case("size", "formatReadableDecimalSize({0})")],
    "factorial": [case("count", "factorial({0}::INTEGER)")],
    "gamma": prefix("gamma", "place"),
    "lgamma": prefix("lgamma", "place"),
    "levenshtein": prefix("levenshtein", "word word"),
    **{
        name: prefix(name, "word word")
        for name in ("damerau_levenshtein", "hamming", "jaccard", "jaro_similarity", "jaro_winkler_similarity")
    },
    "next_after": prefix("nextafter", "unit real"),
    "round_even": [case("unit place", "round_even({0}::DOUBLE, {1}::INTEGER)")],
    "to_base": [case("count", "to_base({0}, 2, 4)", 2, 4)],
    "format_text": [
        case("text int", "format('{{}}: {{:4d}}!', {0}, {1})", form="{}: {:4d}!", percent=False),
        case("text int", "printf('%-5s%03d', {0}, {1})", form="%-5s%03d", percent=True),
    ],
    "regexp_extract_all": [
        case("text", "regexp_extract_all({0}, '[a-b]')", pattern="[a-b]", group=0),
        case("text", "regexp_extract_all({0}, '(a)(b?)', 2)", pattern="(a)(b?)", group=2),
    ],
    # documents
    "json_checked": [case("document", "{0}::JSON::VARCHAR")],
    "json_valid": prefix("json_valid", "document", "text"),
    "json_extract": [
        case("document", "json_extract({0}, '$.a')", path=("a",), plain=False, scalar=False),
        case("document", "json_extract_string({0}, '$.b[0]')", path=("b", 0), plain=True, scalar=False),
        case("document", "json_value({0}, '$.b')", path=("b",), plain=True, scalar=True),
    ],
    "json_extract_all": [
        case("document", "json_extract({0}, '$.b[*]')", path=("b", ("[*]",)), plain=False),
        case("document", "json_extract_string({0}, '$.*')", path=((".*",),), plain=True),
    ],
    "json_each": [
        case("document", _EACH.format("json_each({0})"), path=(), deep=False),
        case("document", _EACH.format("json_each({0}, '$.b')"), path=("b",), deep=False),
        case("document", _EACH.format("json_tree({0})"), path=(), deep=True),
        case("document", _EACH.format("json_tree({0}, '$.b[0]')"), path=("b", 0), deep=True),
    ],
    "json_structure": prefix("json_structure", "document"),
    "json_type": prefix("json_type", "document"),
    "json_array_length": prefix("json_array_length", "document"),
    "json_keys": prefix("json_keys", "document"),
    "json_contains": prefix("json_contains", "document document"),
    "json_merge_patch": [
        case("document document", "CASE WHEN {0} IS NOT NULL THEN json_merge_patch({0}, {1}) END"),
    ],
    "json_pretty": prefix("json_pretty", "document"),
    "to_json": [case(kind, "to_json({0})::VARCHAR") for kind in ("int", "text", "bool", "date", "ints", "struct")],
    "to_uuid": [case("uuid", "{0}::UUID::VARCHAR")],
    "list_histogram": [case(kind, "map_entries(list_histogram({0}))") for kind in ("ints", "texts")],
    "list_intersect": [
        case("ints ints", lambda one, two: [v for v in dict.fromkeys(one) if v is not None and v in two])
    ],
    "pair": [case("int text", lambda one, two: {"first": one, "second": two})],
}  # fmt: skip

ELSEWHERE = {
    "error": "tests/sql/test_functions.py",
    "hash": "test_equal_values_have_equal_hashes",
    "sketch_count": "tests/engine/kernels/cpu/test_sketches.py",
    "list_ordered": "tests/sql/test_ordered.py",
    "single": "tests/sql/slt: a scalar subquery of two rows",
}
"""Functions that no oracle has, and where they are tested."""


def _joined(texts: list[str]) -> str | None:
    return "+".join(texts) if texts else None


def _mode(values: list[Any]) -> Any:
    if not values:
        return None
    most = max(values.count(value) for value in values)
    return min(value for value in values if values.count(value) == most)
