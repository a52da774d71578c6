"""Roots, logarithms, rounding, and functions of whole numbers' bits."""

from __future__ import annotations

import math
from decimal import Decimal

from .... import dtypes
from ....expr import Call
from ..columns import Op, Un, Value, binary, cast, chosen, constant, full, truth, unary
from ..library import plc
from ..types import FLOAT64, INT64, decimal_type, device_type
from . import decimals
from .arithmetic import truncated
from .registry import Kernel, constants, literal, on_cpu, scalar

on_cpu("libcudf has no function for it", "gcd", "lcm", "factorial", "gamma", "lgamma", "next_after")
on_cpu("libcudf does not check distances and lost bits", "shift_left", "shift_right")


def _float(value: float) -> plc.Scalar:
    return constant(value, dtypes.float64)


def _logarithm(base: int) -> Kernel:
    def logarithm(_: Call, args: list[Value], rows: int) -> plc.Column:
        [value] = full(args, rows)
        quotient = binary(unary(value, Un.LOG), _float(math.log(base)), Op.DIV, FLOAT64)
        # The quotient of two logarithms misses whole answers by a bit; where a power says so they are exact.
        nearest = unary(quotient, Un.RINT)
        exact = truth(binary(_float(float(base)), nearest, Op.POW, FLOAT64), value, Op.EQUAL)
        return chosen(exact, nearest, quotient)

    return logarithm


scalar("log10")(_logarithm(10))
scalar("log2")(_logarithm(2))


def _by_factor(factor: float) -> Kernel:
    def scaled(_: Call, args: list[Value], rows: int) -> plc.Column:
        return binary(full(args, rows)[0], _float(factor), Op.MUL, FLOAT64)

    return scaled


scalar("degrees")(_by_factor(180.0 / math.pi))
scalar("radians")(_by_factor(math.pi / 180.0))


@scalar("bit_count")
def bit_count(_: Call, args: list[Value], rows: int) -> plc.Column:
    """Count the set bits, of a negative number in two's complement of its own width."""
    return cast(unary(full(args, rows)[0], Un.BIT_COUNT), INT64)


_MOST_PLACES = 300


def _refuses_rounding(call: Call) -> str | None:
    if constants(1)(call):
        return "the number of digits must be a constant that is not null"
    if call.dtype.is_integer and _places(call) < 0:
        return "whole numbers are rounded to tens and hundreds on the CPU"
    return None


@scalar("round", refuses=_refuses_rounding)
def rounded(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Nearest; halves away from zero."""
    [value] = full(args[:1], rows)
    places = _places(call)
    if call.dtype.is_integer:
        return value
    return _round_decimals(call, value, places) if call.dtype.is_decimal else _round_floats(call, value, places)


def _places(call: Call) -> int:
    return int(literal(call, 1)) if len(call.args) > 1 else 0


def _round_decimals(call: Call, value: plc.Column, places: int) -> plc.Column:
    if places >= call.dtype.scale:
        return value
    # libcudf's scales may be positive: a unit of a hundred has the scale 2.
    result = decimals.rescaled(decimals.rescaled(value, places), call.dtype.scale)
    decimals.check(call, result)
    return result


def _round_floats(call: Call, value: plc.Column, places: int) -> plc.Column:
    """Scale, cut off, and step away from zero by what was cut off, as the CPU device does."""
    if places > _MOST_PLACES:
        return value
    kind = device_type(call.dtype)
    factor = constant(10.0 ** abs(max(places, -_MOST_PLACES)), call.dtype)
    there, back = (Op.MUL, Op.DIV) if places >= 0 else (Op.DIV, Op.MUL)
    scaled = binary(value, factor, there, kind)
    whole = truncated(scaled, call.dtype)
    rest = unary(binary(scaled, whole, Op.SUB, kind), Un.ABS)
    one, minus_one = constant(1.0, call.dtype), constant(-1.0, call.dtype)
    step = chosen(truth(scaled, constant(0.0, call.dtype), Op.LESS), minus_one, one)
    away = chosen(truth(rest, constant(0.5, call.dtype), Op.GREATER_EQUAL), binary(whole, step, Op.ADD, kind), whole)
    result = binary(away, factor, back, kind)
    infinity = constant(math.inf, call.dtype)
    finite = truth(
        truth(unary(scaled, Un.ABS), infinity, Op.LESS), truth(unary(result, Un.ABS), infinity, Op.LESS), Op.LOGICAL_AND
    )
    return chosen(finite, result, value)


def _refuses_halves_to_even(call: Call) -> str | None:
    refused = constants(1)(call)
    if refused is None and abs(literal(call, 1)) > _MOST_PLACES:
        return f"it scales by at most {_MOST_PLACES} digits"
    return refused


@scalar("round_even", refuses=_refuses_halves_to_even)
def round_even(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Nearest; halves to even, by the steps that the CPU device takes: libcudf's own rounding takes others."""
    factor = _float(10.0 ** math.trunc(literal(call, 1)))
    scaled = binary(full(args[:1], rows)[0], factor, Op.MUL, FLOAT64)
    return binary(unary(scaled, Un.RINT), factor, Op.DIV, FLOAT64)


@scalar("sign")
def sign(call: Call, args: list[Value], rows: int) -> plc.Column:
    """-1, 0 or 1 in the argument's type; NaN stays."""
    [value] = full(args, rows)
    zero = constant(Decimal(0) if call.dtype.is_decimal else 0.0 if call.dtype.is_float else 0, call.dtype)
    above, below = (cast(truth(value, zero, op), INT64) for op in (Op.GREATER, Op.LESS))
    steps = binary(above, below, Op.SUB, INT64)
    if call.dtype.is_decimal:
        result = decimals.rescaled(cast(steps, decimal_type(0)), call.dtype.scale)
        decimals.check(call, result)
        return result
    signs = cast(steps, device_type(call.dtype))
    # A null is unequal to nothing, and its value stays as it is: null.
    return chosen(truth(value, value, Op.EQUAL), signs, value) if call.dtype.is_float else signs


@scalar("trunc")
def trunc(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Whole number next to a value towards zero."""
    [value] = full(args, rows)
    if call.dtype.is_integer:
        return value
    if call.dtype.is_decimal:
        return cast(cast(value, decimal_type(0)), decimal_type(call.dtype.scale))
    return truncated(value, call.dtype)
