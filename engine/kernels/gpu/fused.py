"""Whole expressions in one pass: libcudf's AST reads each row once, however many operators there are.

Only where it means the same as the kernels one by one: comparisons of numbers and times, with constants where NaN could
be, three-valued logic, tests for null, and arithmetic of floats. There are no texts, casts or checks in it. Decimals,
which have 128 bits here, are compared only: values between two operators have 64 bits there.
Of a conjunction or disjunction with such parts the others are computed in one pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import cast

from ...dtypes import Kind
from ...expr import FLIPPED, Call, Column, Expr, Literal
from ...traversal import walk
from .batch import GpuTable
from .columns import constant
from .library import plc
from .memory import run

Ast = plc.expressions.ASTOperator

_FEWEST, _MOST = 2, 24
"""Operators below which nothing is saved, and beyond which a row's values no longer fit the registers of a thread."""

_COMPARED = frozenset({Kind.BOOL, Kind.DATE, Kind.TIMESTAMP, Kind.FLOAT32, Kind.FLOAT64})
_COMPARISONS = {
    "equal": Ast.EQUAL, "not_equal": Ast.NOT_EQUAL, "less": Ast.LESS, "less_equal": Ast.LESS_EQUAL,
    "greater": Ast.GREATER, "greater_equal": Ast.GREATER_EQUAL,
}  # fmt: skip
_OPPOSITE = {"greater": Ast.LESS_EQUAL, "greater_equal": Ast.LESS}
_ARITHMETIC = {"add": Ast.ADD, "subtract": Ast.SUB, "multiply": Ast.MUL, "divide": Ast.TRUE_DIV}
_CONNECTIVES = {"and": Ast.NULL_LOGICAL_AND, "or": Ast.NULL_LOGICAL_OR}


def is_fused(expr: Expr) -> bool:
    """Return whether one pass may compute an expression, and saves something."""
    if not isinstance(expr, Call) or not _joins(expr):
        return False
    nodes = list(walk(cast("Expr", expr)))
    calls = sum(isinstance(node, Call) for node in nodes)
    return _FEWEST <= calls <= _MOST and any(isinstance(node, Column) for node in nodes) and _fuses(expr)


def gathered(expr: Expr) -> Expr:
    """Return a conjunction or disjunction with those of its parts together that one pass may compute, if several."""
    if not isinstance(expr, Call) or expr.function not in _CONNECTIVES:
        return expr
    together = [arg for arg in expr.args if isinstance(arg, Call) and _fuses(arg)]
    if len(together) < _FEWEST or len(together) == len(expr.args):
        return expr
    joined = replace(expr, args=tuple(together))
    rest = tuple(arg for arg in expr.args if arg not in together)
    return replace(expr, args=(joined, *rest)) if is_fused(joined) else expr


def computed(expr: Expr, table: GpuTable) -> plc.Column:
    """Return the value per row of an expression that is fused."""
    names = sorted({node.name for node in walk(expr) if isinstance(node, Column)})
    tree = _tree(expr, names)
    return run(plc.transform.compute_column, table.select(names), tree)


def _joins(call: Call) -> bool:
    """Whether a call stands above others rather than compare leaves, which one plain kernel does as well."""
    return any(isinstance(arg, Call) for arg in call.args)


def _fuses(expr: Expr) -> bool:
    match expr:
        case Column():
            return expr.dtype.is_integer or expr.dtype.is_decimal or expr.dtype.kind in _COMPARED
        case Literal():
            return (
                expr.value is not None
                and not (expr.dtype.is_float and math.isnan(expr.value))
                and _fuses(Column(name="", dtype=expr.dtype))
            )
        case Call() if expr.function in _COMPARISONS:
            return _compares(expr) and all(map(_fuses, expr.args))
        case Call() if expr.function in (*_CONNECTIVES, "not"):
            return all(not isinstance(arg, Literal) and _fuses(arg) for arg in expr.args)
        case Call() if expr.function in ("is_null", "is_not_null"):
            only = expr.args[0]
            return not isinstance(only, Literal) and not only.dtype.is_decimal and _fuses(only)
        case Call() if expr.function in _ARITHMETIC:
            return expr.dtype.is_float and all(arg.dtype == expr.dtype and _fuses(arg) for arg in expr.args)
    return False


def _compares(call: Call) -> bool:
    """Whether libcudf's comparison is ours: of floats only with a constant, which is no NaN."""
    left, right = call.args
    if isinstance(left, Literal) and isinstance(right, Literal):
        return False
    constants = isinstance(left, Literal) or isinstance(right, Literal)
    return left.dtype == right.dtype and (constants or not left.dtype.is_float)


def _tree(expr: Expr, names: list[str]) -> plc.expressions.Expression:
    match expr:
        case Column():
            return plc.expressions.ColumnReference(names.index(expr.name))
        case Literal():
            return plc.expressions.Literal(constant(expr.value, expr.dtype))
        case Call():
            return _call(expr, lambda part: _tree(part, names))
    raise AssertionError(expr)


def _call(call: Call, below: Callable[[Expr], plc.expressions.Expression]) -> plc.expressions.Expression:
    operation = plc.expressions.Operation
    if call.function in _CONNECTIVES:
        joined = below(call.args[0])
        for part in call.args[1:]:
            joined = operation(_CONNECTIVES[call.function], joined, below(part))
        return joined
    if call.function == "not":
        return operation(Ast.NOT, below(call.args[0]))
    if call.function in ("is_null", "is_not_null"):
        missing = operation(Ast.IS_NULL, below(call.args[0]))
        return missing if call.function == "is_null" else operation(Ast.NOT, missing)
    if call.function in _ARITHMETIC:
        return operation(_ARITHMETIC[call.function], *map(below, call.args))
    return _comparison(call, below)


def _comparison(call: Call, below: Callable[[Expr], plc.expressions.Expression]) -> plc.expressions.Expression:
    name, (left, right) = call.function, call.args
    if isinstance(left, Literal) and name in FLIPPED:
        name, left, right = FLIPPED[name], right, left
    operation = plc.expressions.Operation
    if left.dtype.is_float and name in _OPPOSITE:
        # Above a number is what is not at most it: NaN is above, and a null stays one.
        return operation(Ast.NOT, operation(_OPPOSITE[name], below(left), below(right)))
    return operation(_COMPARISONS[name], below(left), below(right))
