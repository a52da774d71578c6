"""Functions of text."""

from __future__ import annotations

from ... import dtypes
from .. import rules as r
from .entry import Function, function

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
)
