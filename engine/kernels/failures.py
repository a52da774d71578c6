"""The errors that kernels raise over values, in the same words on every device."""

from __future__ import annotations

from ..dtypes import Kind
from ..errors import ArithmeticOverflow, CastError, CastOverflow, DivisionByZero
from ..expr import Call, Cast
from ..plan import WindowCall
from .specs import AccumulatorSpec


def overflow(call: Call) -> ArithmeticOverflow:
    """Return the error for a result that does not fit its type."""
    wider = "decimal or to a float" if call.dtype.is_decimal else "type"
    return ArithmeticOverflow(f"{call} does not fit {call.dtype}; cast an operand to a wider {wider}")


def division_by_zero(call: Call) -> DivisionByZero:
    """Return the error for a divisor that is zero."""
    return DivisionByZero(f"division by zero in {call}; make the divisor null there, e.g. with nullif(…, 0)")


def out_of_range(call: Call) -> ArithmeticOverflow:
    """Return the error for a moment, or a length of time, beyond those of its type."""
    return ArithmeticOverflow(f"{call} leaves the range of {call.dtype}")


def sum_overflow(spec: AccumulatorSpec) -> ArithmeticOverflow:
    """Return the error for a sum that does not fit its type."""
    return _sum(f"sum({spec.argument if spec.argument is not None else spec.name}) does not fit {spec.dtype}")


def window_sum_overflow(own: WindowCall) -> ArithmeticOverflow:
    """Return the error for a sum over a frame that does not fit its type."""
    return _sum(f"sum({own.args[0]}) over a window does not fit {own.dtype}")


def _sum(what: str) -> ArithmeticOverflow:
    return ArithmeticOverflow(f"{what}; cast the argument to a wider decimal or to a float")


def failed_cast(node: Cast, culprit: object) -> CastError:
    """Return the error for a value that does not fit the type of a strict cast."""
    if node.dtype.kind is Kind.INT64 and node.arg.dtype.kind is Kind.UINT64:  # as sums of such numbers do
        wider = "cast to decimal(20, 0), or use try_cast to get null instead"
        return CastOverflow(f"{culprit!r} does not fit int64 in {node}; {wider}")
    return CastError(f"cannot cast {culprit!r} to {node.dtype} in {node}; use try_cast to get null instead")
