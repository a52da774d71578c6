"""What stands for ``pylibcudf.transform``: one pass over a table for a whole expression."""

from __future__ import annotations

from typing import Any

from . import binaryop, unary
from .binding import simulated
from .column import Column
from .expressions import ASTOperator, ColumnReference, Expression, Literal, Operation
from .scalar import Scalar
from .table import Table
from .types import BOOL8, DECIMALS, FLOATS, DataType, TypeId
from .values import device, host

_DECIDING = ("EQUAL", "NOT_EQUAL", "LESS", "GREATER", "LESS_EQUAL", "GREATER_EQUAL", "LOGICAL_AND", "LOGICAL_OR")
_NULLS = ("NULL_LOGICAL_AND", "NULL_LOGICAL_OR")


@simulated("pylibcudf.transform.compute_column")
def compute_column(input: Table, expr: Expression, stream: Any = None, mr: Any = None) -> Column:
    """Evaluate an expression per row. Operands must have one type; there are no decimals."""
    value = _value(expr, input)
    if not isinstance(value, Column):
        raise TypeError("an expression over no column")
    return value


def _value(expr: Expression, table: Table) -> Column | Scalar:
    match expr:
        case ColumnReference():
            column = table.columns()[expr.index]
            if column.type().id() in (*DECIMALS, TypeId.LIST, TypeId.STRUCT):
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
