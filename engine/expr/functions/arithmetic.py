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
        r.division_rest,
        "",
        "a % b",
        "remainder with the divisor's sign; integers and decimals by zero raise",
    ),
    function(
        "remainder",
        r.division_rest,
        "% mod",
        "",
        "remainder with the dividend's sign; integers and decimals by zero raise",
    ),
    function("negate", r.same_number, "-", "-a", "negation; the least integer raises"),
    function("abs", r.same_number, "abs", "a.abs()", "absolute value"),
    function("sign", r.same_number, "sign", "a.sign()", "-1, 0 or 1"),
    function("round", r.rounding, "round", "a.round(digits)", "nearest; halves away from zero"),
    function("floor", r.whole_number, "floor", "a.floor()", "greatest whole number not above"),
    function("ceil", r.whole_number, "ceil ceiling", "a.ceil()", "least whole number not below"),
    function("sqrt", r.reals(1), "sqrt", "a.sqrt()", "square root; NaN below zero"),
    function("exp", r.reals(1), "exp", "a.exp()", "e to the power"),
    function("ln", r.reals(1), "ln", "a.log()", "natural logarithm"),
    function("log10", r.reals(1), "log10 log", "a.log10()", "logarithm to base 10"),
    function("log2", r.reals(1), "log2", "a.log2()", "logarithm to base 2"),
    function("power", r.reals(2), "pow power ^ **", "a ** b", "power, as float64"),
    function("cbrt", r.reals(1), "cbrt", "a.cbrt()", "cube root"),
    function("trunc", r.same_number, "trunc truncate", "a.trunc()", "whole number next to it towards zero"),
    function("is_infinite", r.float_predicate, "isinf", "a.is_infinite()", "whether infinite, of either sign"),
    # trigonometry, in radians
    *(
        function(name, r.reals(1), name, f"a.{name}()", summary)
        for name, summary in (
            ("sin", "sine; NaN at infinity"),
            ("cos", "cosine; NaN at infinity"),
            ("tan", "tangent; NaN at infinity"),
            ("asin", "arc sine; NaN outside -1 .. 1"),
            ("acos", "arc cosine; NaN outside -1 .. 1"),
            ("atan", "arc tangent"),
            ("sinh", "hyperbolic sine"),
            ("cosh", "hyperbolic cosine"),
            ("tanh", "hyperbolic tangent"),
        )
    ),
    function("atan2", r.reals(2), "atan2", "a.arctan2(b)", "angle of the point (b, a)"),
    function("degrees", r.reals(1), "degrees", "a.degrees()", "radians to degrees"),
    function("radians", r.reals(1), "radians", "a.radians()", "degrees to radians"),
    # whole numbers
    function("gcd", r.long_integers, "gcd greatest_common_divisor", "", "greatest common divisor"),
    function("lcm", r.long_integers, "lcm least_common_multiple", "", "least common multiple; overflow raises"),
    function("bitwise_and", r.integers, "&", "a.bitwise_and(b)", "bits set in both"),
    function("bitwise_or", r.integers, "|", "a.bitwise_or(b)", "bits set in either"),
    function("bitwise_xor", r.integers, "xor", "a.bitwise_xor(b)", "bits set in one of two"),
    function("bitwise_not", r.integer, "~", "a.bitwise_not()", "bits flipped"),
    function(
        "shift_left", r.integers, "<<", "", "bits moved up; of a negative number or out of its type raises", raises=True
    ),
    function("shift_right", r.integers, ">>", "", "bits moved down; 0 where none are left"),
    function("bit_count", r.integer_to_int64, "bit_count", "", "number of set bits"),
)
