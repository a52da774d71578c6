"""What stands for ``pylibcudf.binaryop``: one operator over two columns, or a column and a scalar.

Integers wrap, floats are IEEE's (NaN equals nothing), decimals keep libcudf's scales: the finer of the two for sums,
the sum of both for products. Nulls propagate, except for the operators called ``NULL_…``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import real
from .binding import enumerated, simulated
from .column import Column
from .machine import SimulatorError
from .scalar import Scalar
from .types import BOOL8, DECIMALS, DURATIONS, TIMESTAMPS, DataType, TypeId
from .values import decimals, device, host, numbers, present, typed

BinaryOperator = enumerated("pylibcudf.binaryop.BinaryOperator")
B = BinaryOperator

_COMPARISONS = {
    B.EQUAL: np.equal, B.NOT_EQUAL: np.not_equal, B.LESS: np.less, B.GREATER: np.greater,
    B.LESS_EQUAL: np.less_equal, B.GREATER_EQUAL: np.greater_equal,
}  # fmt: skip
_TEXT = {
    B.EQUAL: pc.equal, B.NOT_EQUAL: pc.not_equal, B.LESS: pc.less, B.GREATER: pc.greater,
    B.LESS_EQUAL: pc.less_equal, B.GREATER_EQUAL: pc.greater_equal,
}  # fmt: skip
_BITS = {B.BITWISE_AND: np.bitwise_and, B.BITWISE_OR: np.bitwise_or, B.BITWISE_XOR: np.bitwise_xor}
_NULL_AWARE = (B.NULL_EQUALS, B.NULL_NOT_EQUALS, B.NULL_MAX, B.NULL_MIN, B.NULL_LOGICAL_AND, B.NULL_LOGICAL_OR)


@simulated("pylibcudf.binaryop.binary_operation")
def binary_operation(
    lhs: Column | Scalar, rhs: Column | Scalar, op: Any, output_type: DataType, stream: Any = None, mr: Any = None
) -> Column:
    """Apply an operator to the values of each row."""
    if isinstance(lhs, Scalar) and isinstance(rhs, Scalar):
        raise TypeError("binary_operation of two scalars")
    op = B(op)
    _demand(op, lhs.type(), rhs.type(), output_type)
    left, right = _aligned(host(lhs), host(rhs))
    if op in _NULL_AWARE:
        return device(_null_aware(op, left, right, output_type), output_type)
    if lhs.type().id() == TypeId.STRING:
        return device(_TEXT[op](left, right))
    valid = present(left) & present(right)
    with np.errstate(all="ignore"):
        result = _computed(op, left, right, valid, output_type)
    return device(result, output_type)


def _aligned(left: pa.Array, right: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Repeat what is a scalar."""
    if len(left) == len(right):
        return left, right
    if len(left) == 1:
        return _repeated(left, len(right)), right
    if len(right) == 1:
        return left, _repeated(right, len(left))
    raise ValueError(f"binary operation on columns of {len(left)} and {len(right)} rows")


def _repeated(array: pa.Array, rows: int) -> pa.Array:
    return pa.repeat(array[0], rows) if rows else array.slice(0, 0)


def _demand(op: Any, left: DataType, right: DataType, out: DataType) -> None:
    """Raise where libcudf has no such operation."""
    if real.refuses_operation(op, left, right, out):
        raise TypeError(f"the installed pylibcudf has no {op.name} of {left!r} and {right!r} to {out!r}")
    known = [kind for kind in (left, right) if kind.id() in DECIMALS]
    if known:
        _demand_decimal(op, left, right, out)
        return
    comparing = op in _COMPARISONS or op in (B.NULL_EQUALS, B.NULL_NOT_EQUALS)
    if comparing and out != BOOL8:
        raise TypeError(f"{op.name} gives BOOL8, not {out!r}")
    special = (TypeId.STRING, *TIMESTAMPS, *DURATIONS)
    if comparing and (left.id() in special or right.id() in special) and left != right:
        raise TypeError(f"Unsupported operator {op.name} for {left!r} and {right!r}")
    if TypeId.STRING in (left.id(), right.id()) and not comparing and op not in (B.NULL_MAX, B.NULL_MIN):
        raise TypeError(f"Unsupported operator {op.name} for strings")
    if TypeId.LIST in (left.id(), right.id()):
        raise TypeError(f"Unsupported operator {op.name} for lists")
    if op in (B.ADD, B.SUB) and (left.id() in TIMESTAMPS or right.id() in TIMESTAMPS):
        _demand_moment(op, left, right, out)


def _demand_moment(op: Any, left: DataType, right: DataType, out: DataType) -> None:
    both = left.id() in TIMESTAMPS and right.id() in TIMESTAMPS
    wanted = DURATIONS if both else TIMESTAMPS
    fits = (both and op == B.SUB) or (
        not both and (right.id() in DURATIONS or (op == B.ADD and left.id() in DURATIONS))
    )
    if not fits or out.id() not in wanted:
        raise TypeError(f"Unsupported operator {op.name} for {left!r} and {right!r} to {out!r}")


def _demand_decimal(op: Any, left: DataType, right: DataType, out: DataType) -> None:
    if left.id() != right.id():
        raise TypeError(f"{op.name} needs two decimals of one width, not {left!r} and {right!r}")
    comparing = op in _COMPARISONS or op in (B.NULL_EQUALS, B.NULL_NOT_EQUALS)
    if comparing:
        if left.scale() != right.scale():
            raise TypeError(f"{op.name} of decimals of two scales")
        if out != BOOL8:
            raise TypeError(f"{op.name} gives BOOL8, not {out!r}")
        return
    scales = {B.MUL: left.scale() + right.scale(), B.DIV: left.scale() - right.scale()}
    same = (B.ADD, B.SUB, B.MOD, B.PMOD, B.PYMOD, B.NULL_MAX, B.NULL_MIN)
    scales |= dict.fromkeys(same, min(left.scale(), right.scale()))
    if op not in scales:
        raise TypeError(f"Unsupported operator {op.name} for decimals")
    if out != DataType(left.id(), scales[op]):
        raise TypeError(f"{op.name} of {left!r} and {right!r} gives scale {scales[op]}, not {out!r}")


def _computed(op: Any, left: pa.Array, right: pa.Array, valid: Any, out: DataType) -> pa.Array:
    x, y = numbers(left), numbers(right)
    if op in _COMPARISONS:
        return typed(_COMPARISONS[op](x, y), valid, BOOL8)
    if op == B.LOGICAL_AND:
        return typed((x != 0) & (y != 0), valid, BOOL8)
    if op == B.LOGICAL_OR:
        return typed((x != 0) | (y != 0), valid, BOOL8)
    if pa.types.is_decimal(left.type):
        return _decimal(op, left, right, valid, out)
    return typed(_arithmetic(op, x, y, valid), valid, out)


def _arithmetic(op: Any, x: Any, y: Any, valid: Any) -> Any:
    if op in (B.DIV, B.FLOOR_DIV, B.MOD, B.PYMOD, B.PMOD):
        return _division(op, x, y, valid)
    match op:
        case B.ADD:
            return x + y
        case B.SUB:
            return x - y
        case B.MUL:
            return x * y
        case B.TRUE_DIV:
            return x.astype(np.float64) / y.astype(np.float64)
        case B.POW:
            return np.power(x.astype(np.float64), y.astype(np.float64))
        case B.ATAN2:
            return np.arctan2(x.astype(np.float64), y.astype(np.float64))
        case B.LOG_BASE:
            return np.log(x.astype(np.float64)) / np.log(y.astype(np.float64))
        case B.SHIFT_LEFT | B.SHIFT_RIGHT:
            bits = x.dtype.itemsize * 8
            if (valid & ((y < 0) | (y >= bits))).any():
                raise SimulatorError(f"{op.name} by less than 0 or at least {bits} bits is undefined")
            count = np.where(valid, y, 0).astype(x.dtype)
            return np.left_shift(x, count) if op == B.SHIFT_LEFT else np.right_shift(x, count)
    if op in _BITS:
        return _BITS[op](x, y)
    raise NotImplementedError(f"{op.name} is not simulated")


def _division(op: Any, x: Any, y: Any, valid: Any) -> Any:
    kind = np.result_type(x, y)
    x, y = x.astype(kind), y.astype(kind)
    if kind.kind not in "iu":
        match op:
            case B.DIV:
                return x / y
            case B.FLOOR_DIV:
                return np.floor(x / y)
            case B.MOD:
                return np.fmod(x, y)
            case _:
                return np.mod(x, y)
    if (valid & (y == 0)).any():
        raise SimulatorError(f"{op.name} of integers by zero is undefined in libcudf")
    y = np.where(y == 0, kind.type(1), y)
    if kind.kind == "i" and (valid & (y == -1) & (x == np.iinfo(kind).min)).any():
        raise SimulatorError(f"{op.name} of the least integer by -1 is undefined in libcudf")
    quotient = np.where(
        (y == -1) if kind.kind == "i" else False, -x, x // np.where(y == -1, 1, y) if kind.kind == "i" else x // y
    )
    rest = x - quotient * y
    if op in (B.DIV, B.MOD):  # numpy rounds down, C++ towards zero
        off = (rest != 0) & ((x < 0) != (y < 0))
        quotient, rest = np.where(off, quotient + 1, quotient), np.where(off, rest - y, rest)
    return quotient if op in (B.DIV, B.FLOOR_DIV) else rest


def _decimal(op: Any, left: pa.Array, right: pa.Array, valid: Any, out: DataType) -> pa.Array:
    x, y = numbers(left).astype(object), numbers(right).astype(object)
    if op in (B.ADD, B.SUB, B.MOD, B.PYMOD):
        finest = max(left.type.scale, right.type.scale)
        x, y = x * 10 ** (finest - left.type.scale), y * 10 ** (finest - right.type.scale)
    if op in (B.DIV, B.MOD, B.PYMOD) and (valid & (y == 0)).any():
        raise SimulatorError(f"{op.name} of decimals by zero is undefined in libcudf")
    match op:
        case B.ADD:
            values = x + y
        case B.SUB:
            values = x - y
        case B.MUL:
            values = x * y
        case B.DIV:
            y = np.where(y == 0, 1, y)
            values = np.where((x < 0) != (y < 0), -(abs(x) // abs(y)), abs(x) // abs(y))
        case B.MOD:
            y = np.where(y == 0, 1, y)
            values = np.where(x < 0, -(abs(x) % abs(y)), abs(x) % abs(y))
        case _:
            raise NotImplementedError(f"{op.name} of decimals is not simulated")
    return decimals(values, valid, -out.scale())


def _null_aware(op: Any, left: pa.Array, right: pa.Array, out: DataType) -> pa.Array:
    if op == B.NULL_LOGICAL_AND:
        return pc.and_kleene(_bools(left), _bools(right))
    if op == B.NULL_LOGICAL_OR:
        return pc.or_kleene(_bools(left), _bools(right))
    if op in (B.NULL_EQUALS, B.NULL_NOT_EQUALS):
        same = pc.equal(left, right)  # IEEE: NaN is unequal here as well
        both = pc.and_(left.is_null(), right.is_null())
        equal = pc.or_(pc.fill_null(same, False), both)
        return equal if op == B.NULL_EQUALS else pc.invert(equal)
    better = pc.greater(left, right) if op == B.NULL_MAX else pc.less(left, right)
    chosen = pc.if_else(pc.fill_null(better, False), left, right)
    return pc.coalesce(pc.if_else(left.is_null(), right, chosen), left)


def _bools(array: pa.Array) -> pa.Array:
    if not pa.types.is_boolean(array.type):
        raise TypeError(f"logic of {array.type} is not simulated")
    return array
