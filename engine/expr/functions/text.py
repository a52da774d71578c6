"""Functions of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import dtypes
from ...dtypes import DataType
from ...errors import PlanError
from .. import rules as r
from ..regex import named_groups
from ..rules import Types
from .entry import Function, Nulls, function

_TEXT = dtypes.string


def _extracted(_: Types, options: Mapping[str, Any]) -> DataType:
    names = named_groups(options["pattern"])[1]
    if not 0 <= options["group"] < len(names):
        raise PlanError(f"{options['pattern']!r} has no group {options['group']}; it has {len(names) - 1}")
    return dtypes.string


TEXT: tuple[Function, ...] = (
    function("length", r.text_to(dtypes.int64), "length len char_length", "a.str.len()", "code points"),
    function("lower", r.text_to(dtypes.string), "lower lcase", "a.str.lower()", "lower case, full Unicode"),
    function("upper", r.text_to(dtypes.string), "upper ucase", "a.str.upper()", "upper case, full Unicode"),
    function(
        "trim",
        r.text_to(dtypes.string, dtypes.string, optional=1),
        "trim",
        "a.str.strip()",
        "without spaces at both ends",
    ),
    function(
        "ltrim",
        r.text_to(dtypes.string, dtypes.string, optional=1),
        "ltrim",
        "a.str.lstrip()",
        "without spaces at the start",
    ),
    function(
        "rtrim",
        r.text_to(dtypes.string, dtypes.string, optional=1),
        "rtrim",
        "a.str.rstrip()",
        "without spaces at the end",
    ),
    function(
        "substring",
        r.text_to(dtypes.string, dtypes.int64, dtypes.int64, optional=1),
        "substring substr",
        "a.str.slice(start, stop)",
        "from a 1-based position, for a number of code points",
    ),
    function("concat", r.all_text, "||", "a + b", "texts joined"),
    function(
        "replace",
        r.text_to(dtypes.string, dtypes.string, dtypes.string),
        "replace",
        "a.str.replace(x, y)",
        "each occurrence replaced",
    ),
    function(
        "starts_with",
        r.text_to(dtypes.bool_, dtypes.string),
        "starts_with prefix",
        "a.str.startswith(x)",
        "whether it starts with",
    ),
    function(
        "ends_with",
        r.text_to(dtypes.bool_, dtypes.string),
        "ends_with suffix",
        "a.str.endswith(x)",
        "whether it ends with",
    ),
    function(
        "contains",
        r.text_to(dtypes.bool_, dtypes.string),
        "contains",
        "a.str.contains(x, regex=False)",
        "whether it occurs",
    ),
    function(
        "like",
        r.text_to(dtypes.bool_),
        "like ilike",
        "a.str.like(p)",
        "SQL pattern",
        options=("pattern", "escape", "fold"),
    ),
    function(
        "regexp_matches",
        r.text_to(dtypes.bool_),
        "regexp_matches",
        "a.str.contains(p)",
        "RE2 search",
        options=("pattern",),
    ),
    function(
        "like_pattern",
        r.text_to(dtypes.bool_, dtypes.string),
        "~~",
        "",
        "SQL pattern that differs by row",
        options=("escape", "fold"),
        raises=True,
    ),
    function(
        "regexp_matches_pattern",
        r.text_to(dtypes.bool_, dtypes.string),
        "~",
        "",
        "RE2 search for an expression that differs by row",
        raises=True,
    ),
    function(
        "concat_ws", r.all_text, "concat_ws", "", "texts joined by the first, nulls left out", nulls=Nulls.HANDLED
    ),
    function("left", r.text_to(_TEXT, dtypes.int64), "left", "a.str[:n]", "first code points, or all but the last"),
    function("right", r.text_to(_TEXT, dtypes.int64), "right", "a.str[-n:]", "last code points, or all but the first"),
    *(
        function(
            name,
            r.text_to(_TEXT, dtypes.int64, _TEXT),
            name,
            f"a.str.{method}(width, fillchar)",
            f"padded at the {side} or cut to so many code points",
        )
        for name, method, side in (("lpad", "rjust", "start"), ("rpad", "ljust", "end"))
    ),
    function("reverse", r.text_to(_TEXT), "reverse", "a.str.reverse()", "code points backwards"),
    function("repeat", r.text_to(_TEXT, dtypes.int64), "repeat", "a.str.repeat(n)", "so many times after itself"),
    function("swapcase", r.text_to(_TEXT), "", "a.str.swapcase()", "upper case where lower, lower case where upper"),
    function("casefold", r.text_to(_TEXT), "", "a.str.casefold()", "lower case for comparison, full Unicode"),
    function("title", r.text_to(_TEXT), "initcap", "a.str.title()", "each word starts upper case, goes on lower"),
    function(
        "position",
        r.text_to(dtypes.int64, _TEXT),
        "strpos instr position",
        "a.str.find(x) + 1",
        "1-based place of the first occurrence, 0 without",
    ),
    function(
        "split_part",
        r.text_to(_TEXT, _TEXT, dtypes.int64),
        "split_part",
        "a.str.split(x).list.get(n)",
        "piece between separators, counted from 1, or from the end; empty where there is none",
    ),
    function(
        "split",
        r.text_to(dtypes.list_(_TEXT), _TEXT),
        "string_split str_split string_to_array split",
        "a.str.split(x)",
        "list of the pieces between separators",
    ),
    function(
        "translate",
        r.text_to(_TEXT, _TEXT, _TEXT),
        "translate",
        "",
        "code points replaced one by one, or dropped",
    ),
    function("code_point", r.text_to(dtypes.int64), "ascii", "", "code point of the first character, 0 of none"),
    function("character", r.integer_to_text, "chr char", "", "text of one code point", raises=True),
    function("md5", r.text_to(_TEXT), "md5", "a.str.md5()", "MD5 digest in hexadecimal digits"),
    function("sha256", r.text_to(_TEXT), "sha256", "a.str.sha256()", "SHA-256 digest in hexadecimal digits"),
    function(
        "hash",
        r.plain_values,
        "hash",
        "a.hash()",
        "64-bit number, the same in every process for equal values",
        nulls=Nulls.HANDLED,
    ),
    function(
        "regexp_replace",
        r.text_to(_TEXT),
        "regexp_replace",
        "a.str.replace(p, y, regex=True)",
        r"first match, or all, replaced; \1 stands for a group",
        options=("pattern", "replacement", "all"),
    ),
    function(
        "regexp_extract",
        r.text_to(_TEXT),
        "regexp_extract",
        "a.str.extract(p)",
        "what a group of the first match matched; empty without a match",
        options=("pattern", "group"),
        typed=_extracted,
    ),
    function("regexp_count", r.text_to(dtypes.int64), "", "a.str.count(p)", "number of matches", options=("pattern",)),
    function(
        "regexp_split",
        r.text_to(dtypes.list_(_TEXT)),
        "regexp_split_to_array string_split_regex str_split_regex",
        "a.str.split(p, regex=True)",
        "list of the pieces between matches",
        options=("pattern",),
    ),
)
