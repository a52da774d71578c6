"""Functions of numbers."""

from __future__ import annotations

from .. import rules as r
from .entry import Function, function

ARITHMETIC: tuple[Function, ...] = (
    function("add", r.additive, "+", "a + b", "sum; integer overflow raises"),
    function("subtract", r.additive, "-", "a - b", "difference; integer overflow raises"),
    function("multiply", r.multiplicative, "*", "a * b", "product; integer overflow raises"),
    function("divide", r.real_division, "/", "a / b", "real division to float64, IEEE at zero"),
    function("floor_divide", r.whole_division, "", "a // b", "division rounded down; integers by zero raise"),
    function(
        "truncate_divide",
        r.whole_division,
        "//",
        "",
        "division rounded towards zero; integers by zero raise",
    ),
    function(
        "modulo",
        r.whole_division,
        "",
        "a % b",
        "remainder with the divisor's sign; integers by zero raise",
    ),
    function(
        "remainder",
        r.whole_division,
        "% mod",
        "",
        "remainder with the dividend's sign; integers by zero raise",
    ),
    function("negate", r.same_number, "-", "-a", "negation; the least integer raises"),
    function("abs", r.same_number, "abs", "a.abs()", "absolute value"),
    function("sign", r.same_number, "sign", "a.sign()", "-1, 0 or 1"),
    function("round", r.rounding, "round", "a.round(digits)", "nearest; halves away from zero"),
    function("floor", r.whole_number, "floor", "a.floor()", "greatest whole number not above"),
    function("ceil", r.whole_number, "ceil ceiling", "a.ceil()", "least whole number not below"),
    function("sqrt", r.real, "sqrt", "a.sqrt()", "square root; NaN below zero"),
    function("exp", r.real, "exp", "a.exp()", "e to the power"),
    function("ln", r.real, "ln", "a.log()", "natural logarithm"),
    function("log10", r.real, "log10 log", "a.log10()", "logarithm to base 10"),
    function("log2", r.real, "log2", "a.log2()", "logarithm to base 2"),
    function("power", r.real, "pow power ^ **", "a ** b", "power, as float64"),
)
