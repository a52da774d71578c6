"""Single operations on columns, as the kernels of the catalogue combine them."""

from __future__ import annotations

from typing import Any, TypeAlias

from ...dtypes import DataType, bool_
from ..constants import array_of
from . import memory
from .library import plc
from .memory import on_stream, run
from .transfer import to_carried
from .types import BOOL, carried_type

Value: TypeAlias = "plc.Column | plc.Scalar"
Op = plc.binaryop.BinaryOperator
Un = plc.unary.UnaryOperator

_MAX_CONSTANTS = 4096
_constants: dict[tuple[str, DataType], plc.Scalar] = {}


def constant(value: Any, dtype: DataType) -> plc.Scalar:
    """Return a plain Python value (None is null) as a scalar; kept, for to make one waits for the device."""
    key = (repr(value), dtype)
    known = _constants.get(key)
    if known is None:
        if len(_constants) >= _MAX_CONSTANTS:
            _constants.clear()
        from ...arrow import to_arrow_type

        array = to_carried(array_of([value], to_arrow_type(dtype)), dtype)
        assert array.type == carried_type(dtype)
        memory.ledger().add(to_device=max(array.nbytes, 1))
        known = on_stream(plc.Scalar.from_arrow, array[0])
        memory.stream().synchronize()  # other threads take it, whose streams do not wait for this one
        _constants[key] = known
    return known


def repeated(value: plc.Scalar, rows: int) -> plc.Column:
    """Return a scalar as a column."""
    return run(plc.Column.from_scalar, value, rows)


def full(args: list[Value], rows: int) -> list[plc.Column]:
    """Return values as columns, constants repeated."""
    return [repeated(arg, rows) if isinstance(arg, plc.Scalar) else arg for arg in args]


def nulls(dtype: DataType, rows: int) -> plc.Column:
    """Return a column of nulls."""
    return repeated(constant(None, dtype), rows)


def binary(left: Value, right: Value, op: Any, out: plc.DataType) -> plc.Column:
    """Apply an operator to two values, of which one at least is a column."""
    return run(plc.binaryop.binary_operation, left, right, op, out)


def truth(left: Value, right: Value, op: Any) -> plc.Column:
    """Apply an operator that gives bools."""
    return run(plc.binaryop.binary_operation, left, right, op, BOOL)


def unary(value: plc.Column, op: Any) -> plc.Column:
    """Apply an operator to a column."""
    return run(plc.unary.unary_operation, value, op)


def negated(mask: plc.Column) -> plc.Column:
    """Return ``not``."""
    return run(plc.unary.unary_operation, mask, Un.NOT)


def is_null(value: plc.Column) -> plc.Column:
    """Return where values are null."""
    return run(plc.unary.is_null, value)


def is_valid(value: plc.Column) -> plc.Column:
    """Return where values are not null."""
    return run(plc.unary.is_valid, value)


def cast(value: plc.Column, to: plc.DataType) -> plc.Column:
    """Convert as C++ does: truncate, wrap."""
    return value if value.type() == to else run(plc.unary.cast, value, to)


def chosen(mask: plc.Column, left: Value, right: Value) -> plc.Column:
    """Return the left value where the mask is true, else (also where it is null) the right one."""
    return run(plc.copying.copy_if_else, left, right, mask)


def least(left: plc.Column, right: Value) -> plc.Column:
    """Return the lesser of numbers that are there and no NaN."""
    return chosen(truth(left, right, Op.LESS), left, right)


def greatest(left: plc.Column, right: Value) -> plc.Column:
    """Return the greater of numbers that are there and no NaN."""
    return chosen(truth(left, right, Op.GREATER), left, right)


def filled(value: plc.Column, replacement: Value) -> plc.Column:
    """Replace nulls."""
    return run(plc.replace.replace_nulls, value, replacement)


def where_valid(result: plc.Column, argument: Value, dtype: DataType) -> plc.Column:
    """Make a result null where an argument is."""
    if isinstance(argument, plc.Scalar):
        return result if on_stream(argument.is_valid) else nulls(dtype, result.size())
    if argument.null_count() == 0:
        return result
    return chosen(is_valid(argument), result, constant(None, dtype))


def flag(*, value: bool) -> plc.Scalar:
    """Return true or false as a scalar."""
    return constant(value, bool_)


def flags(rows: int, *, value: bool) -> plc.Column:
    """Return a mask that is true everywhere, or nowhere."""
    return repeated(flag(value=value), rows)


def known_true(mask: plc.Column) -> plc.Column:
    """Return a mask with false for null."""
    return filled(mask, flag(value=False))


def any_true(mask: plc.Column) -> bool:
    """Return whether a mask is true anywhere; waits for the device."""
    if mask.size() == 0:
        return False
    answer = run(plc.reduce.reduce, mask, plc.aggregation.any(), BOOL)
    memory.ledger().add(to_host=1)
    return bool(on_stream(answer.to_py))
