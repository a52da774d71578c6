"""What compiled functions of users are on every device: the kinds of their values, and where they wrap around.

Knows numba's types, which its caller imports: neither of the two is loaded where no user has a function.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

from ..dtypes import DataType, Kind

NUMBERS = frozenset({Kind.BOOL, Kind.FLOAT32, Kind.FLOAT64}) | frozenset(
    kind for kind in Kind if kind.value.startswith(("int", "uint")) and kind is not Kind.INTERVAL
)
"""Kinds of values that compiled functions take and return."""
_BY_NAME = {kind.value: kind for kind in NUMBERS}
_WRAPPING = frozenset(
    {operator.add, operator.sub, operator.mul, operator.pow, operator.lshift, operator.neg}
    | {operator.iadd, operator.isub, operator.imul, operator.ipow, operator.ilshift}
)
"""What a machine's integers wrap at, where Python's grow."""


def numba_type(numba: Any, kind: Kind) -> Any:
    """Return numba's type of values of a kind, which is one of `NUMBERS`."""
    return numba.types.boolean if kind is Kind.BOOL else getattr(numba.types, kind.value)


def result_type(overload: Any) -> DataType | str:
    """Return the type of what a compiled function returns, or why it cannot be a column's."""
    returned = str(overload.signature.return_type)
    return DataType(_BY_NAME[returned]) if returned in _BY_NAME else f"it returns {returned}"


def operations(numba: Any, annotation: Any) -> Iterator[tuple[Any, bool]]:
    """Yield each operator of a typed function, and whether it may wrap around where Python's integers would grow."""
    for expr, signature in annotation.calltypes.items():
        if isinstance(expr, numba.core.ir.Expr) and expr.op in ("binop", "inplace_binop", "unary"):
            whole = all(isinstance(arg, numba.types.Integer) for arg in signature.args)
            yield expr, whole and expr.fn in _WRAPPING
