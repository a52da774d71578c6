"""Comparison, three-valued logic and choice."""

from __future__ import annotations

from .. import rules as r
from .entry import Function, Nulls, function

LOGIC: tuple[Function, ...] = (
    # comparison
    function("equal", r.comparison, "= ==", "a == b", "equality; NaN equals NaN"),
    function("not_equal", r.comparison, "<> !=", "a != b", "inequality"),
    function("less", r.comparison, "<", "a < b", "order; NaN is greatest"),
    function("less_equal", r.comparison, "<=", "a <= b", "order; NaN is greatest"),
    function("greater", r.comparison, ">", "a > b", "order; NaN is greatest"),
    function("greater_equal", r.comparison, ">=", "a >= b", "order; NaN is greatest"),
    function("is_not_distinct", r.comparison, "<=>", "", "equality where null equals null", nulls=Nulls.HANDLED),
    function("is_null", r.predicate, "", "a.isna()", "whether null (NaN is not null)", nulls=Nulls.HANDLED),
    function("is_not_null", r.predicate, "", "a.notna()", "whether not null", nulls=Nulls.HANDLED),
    function("is_nan", r.float_predicate, "isnan", "a.is_nan()", "whether NaN"),
    function("is_finite", r.float_predicate, "isfinite", "a.is_finite()", "whether neither NaN nor infinite"),
    # logic and choice
    function("and", r.logical, "and", "a & b", "conjunction", nulls=Nulls.LOGIC),
    function("or", r.logical, "or", "a | b", "disjunction", nulls=Nulls.LOGIC),
    function("not", r.logical, "not", "~a", "negation"),
    function(
        "coalesce",
        r.common,
        "coalesce ifnull nvl",
        "a.fillna(b)",
        "first argument that is not null",
        nulls=Nulls.HANDLED,
    ),
    function("least", r.common, "least", "", "least argument, nulls ignored", nulls=Nulls.HANDLED),
    function("greatest", r.common, "greatest", "", "greatest argument, nulls ignored", nulls=Nulls.HANDLED),
    function(
        "single",
        r.value_of_rows,
        "",
        "",
        "value of the one row that a query gave; raises where it gave more",
        nulls=Nulls.HANDLED,
        options=("message",),
        raises=True,
    ),
)
