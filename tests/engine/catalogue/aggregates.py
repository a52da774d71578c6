"""What every aggregate and window function of the catalogue is compared with, as SQL for DuckDB.

An entry names the kinds of its arguments (see `tables.POOLS`) and the text, in which ``{0}`` and ``{1}`` stand for
them. Texts whose answer depends on the order of rows are made not to: lists are sorted, and keys are all different.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    kinds: tuple[str, ...]
    text: str
    options: dict[str, Any] = field(default_factory=dict)
    distinct: bool = True
    """Whether the aggregate of distinct values is compared too."""


def case(kinds: str, text: str, *, distinct: bool = True, **options: Any) -> Case:
    return Case(tuple(kinds.split()), text, options, distinct)


def plain(name: str, *kinds: str, distinct: bool = True) -> list[Case]:
    return [case(kind, f"{name}({{0}})", distinct=distinct) for kind in kinds]


KINDS = ("int", "real", "text", "date", "time", "money")

AGGREGATES: dict[str, list[Case]] = {
    "size": [case("", "count(*)", distinct=False)],
    "count": plain("count", *KINDS, "bool"),
    "sum": plain("sum", "int", "real", "money"),
    "mean": plain("avg", "int", "real", "money"),
    "min": plain("min", *KINDS),
    "max": plain("max", *KINDS),
    "var": plain("var_samp", "int", "unit"),
    "std": plain("stddev_samp", "int", "unit"),
    "var_pop": plain("var_pop", "int", "unit"),
    "std_pop": plain("stddev_pop", "int", "unit"),
    "any": plain("bool_or", "bool"),
    "all": plain("bool_and", "bool"),
    "median": plain("median", "int", "unit"),
    "quantile": [case("int", "quantile_cont({0}, 0.3)", q=0.3), case("unit", "quantile_cont({0}, 0.75)", q=0.75)],
    "quantile_disc": [case("int", "quantile_disc({0}, 0.3)", q=0.3), case("text", "quantile_disc({0}, 0.5)", q=0.5)],
    "histogram": plain("histogram", "int", "text", "bool", distinct=False),
    **{name: plain(name, "int") for name in ("entropy", "skewness", "kurtosis_pop", "mad")},
    "kurtosis": plain("kurtosis", "int"),
    "product": plain("product", "unit", "count"),
    **{name: plain(name, "int", "byte") for name in ("bit_and", "bit_or", "bit_xor")},
    **{
        f"regr_{name}": [case("unit int", f"regr_{name}({{0}}, {{1}})", distinct=False)]
        for name in ("count", "slope", "intercept", "r2", "avgx", "avgy", "sxx", "syy", "sxy")
    },
    "covar_samp": [case("unit int", "covar_samp({0}, {1})", distinct=False)],
    "covar_pop": [case("unit int", "covar_pop({0}, {1})", distinct=False)],
    "corr": [case("unit int", "corr({0}, {1})", distinct=False)],
    # of several values that come as often, or with one key, the choice is free: the value is the key, or there is one
    "arg_min": [case("int int", "arg_min({1}, {1})", distinct=False)],
    "arg_max": [case("int int", "arg_max({1}, {1})", distinct=False)],
    "first": [case("one", "any_value({0})")],
    "last": [case("one", "any_value({0})")],
    "mode": [case("int", "{mode}", distinct=False)],
    "list": [case("int", "list({0})")],
    "string_agg": [case("text", "string_agg({0}, '+')", separator="+")],
}
WITH_KEY = {"arg_min": ("c1", "c1"), "arg_max": ("c1", "c1")}
"""Columns that an aggregate is given in place of all, in order."""

ELSEWHERE = {"approx_count_distinct": "tests/engine/kernels/cpu/test_sketches.py"}
WINDOWS_ELSEWHERE = {"ewm_mean": "tests/engine/frame/test_window.py"}

WINDOWS: dict[str, tuple[str, dict[str, Any]]] = {
    "row_number": ("row_number()", {}),
    "rank": ("rank()", {}),
    "dense_rank": ("dense_rank()", {}),
    "percent_rank": ("percent_rank()", {}),
    "cume_dist": ("cume_dist()", {}),
    "ntile": ("ntile(3)", {"offset": 3}),
    "lag": ("lag(c1, 2)", {"offset": 2}),
    "lead": ("lead(c1, 1)", {"offset": 1}),
    "first_value": ("first_value(c1)", {}),
    "last_value": ("last_value(c1)", {}),
    "nth_value": ("nth_value(c1, 2)", {"offset": 2}),
}
"""SQL of each window function of the column ``c1`` where it reads one, and the options of its call."""
