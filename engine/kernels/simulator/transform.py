"""What stands for ``pylibcudf.transform``: one pass over a table for a whole expression."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import binaryop, unary
from .binding import simulated
from .column import Column
from .expressions import ASTOperator, ColumnReference, Expression, Literal, Operation
from .ptx import function_of
from .scalar import Scalar
from .table import Table
from .types import BOOL8, DECIMALS, FLOATS, INTEGERS, DataType, NullAware, OutputNullability, TypeId
from .values import device, host, numbers, present, typed

_DECIDING = ("EQUAL", "NOT_EQUAL", "LESS", "GREATER", "LESS_EQUAL", "GREATER_EQUAL", "LOGICAL_AND", "LOGICAL_OR")
_NULLS = ("NULL_LOGICAL_AND", "NULL_LOGICAL_OR")


@simulated("pylibcudf.transform.compute_column")
def compute_column(input: Table, expr: Expression, stream: Any = None, mr: Any = None) -> Column:
    """Evaluate an expression per row. Operands must have one type, and one scale; decimals are compared only."""
    value = _value(expr, input)
    if not isinstance(value, Column):
        raise TypeError("an expression over no column")
    return value


@simulated("pylibcudf.transform.transform")
def transform(
    inputs: list[Column],
    transform_udf: str,
    output_type: DataType,
    is_ptx: bool,
    is_null_aware: Any,
    null_policy: Any,
    stream: Any = None,
    mr: Any = None,
) -> Column:
    """Call a function for each row, what stands under nulls included; the result is null where an argument is."""
    if not is_ptx or is_null_aware != NullAware.NO or null_policy != OutputNullability.PRESERVE:
        raise NotImplementedError("only functions in PTX that know no nulls are simulated")
    rows = {column.size() for column in inputs}
    if len(rows) != 1 or any(column.type().id() not in (*INTEGERS, *FLOATS, TypeId.BOOL8) for column in inputs):
        raise NotImplementedError("only columns of numbers of one length are simulated")
    function = function_of(transform_udf)
    arrays = [host(column) for column in inputs]
    found = [function(*row) for row in zip(*map(numbers, arrays), strict=True)]
    valid = np.logical_and.reduce([present(array) for array in arrays])
    values = np.array(found, dtype=output_type.to_arrow().to_pandas_dtype())
    return device(typed(values, valid, output_type))


def _value(expr: Expression, table: Table) -> Column | Scalar:
    match expr:
        case ColumnReference():
            column = table.columns()[expr.index]
            if column.type().id() in (TypeId.LIST, TypeId.STRUCT):
                raise TypeError(f"AST expressions over {column.type()!r} are not simulated")
            return column
        case Literal():
            return expr.value
        case Operation() if expr.right is None:
            return _unary(expr.op, _value(expr.left, table))
        case Operation():
            assert expr.right is not None
            return _binary(expr.op, _value(expr.left, table), _value(expr.right, table))
    raise NotImplementedError(type(expr).__name__)


def _unary(op: Any, value: Column | Scalar) -> Column:
    if not isinstance(value, Column):
        raise TypeError("an operator over a literal")
    if value.type().id() in DECIMALS:
        raise TypeError(f"AST operators over one {value.type()!r} are not simulated")
    if op == ASTOperator.IS_NULL:
        return device(host(value).is_null())
    return unary.unary_operation(value, unary.UnaryOperator[op.name])


def _binary(op: Any, left: Column | Scalar, right: Column | Scalar) -> Column:
    if left.type() != right.type():
        raise TypeError(f"An AST expression was provided non-matching operand types: {left.type()!r}, {right.type()!r}")
    decides = op.name in _DECIDING or op.name in _NULLS
    return binaryop.binary_operation(left, right, binaryop.BinaryOperator[op.name], BOOL8 if decides else _out(left))


def _out(left: Column | Scalar) -> DataType:
    if left.type().id() not in FLOATS:
        raise TypeError(f"AST arithmetic of {left.type()!r} promotes as C++ does, and is not simulated")
    return left.type()
