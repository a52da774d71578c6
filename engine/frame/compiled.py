"""Functions of users compiled by numba: a loop over columns that holds no interpreter lock.

Knows numpy arrays and the functions; must not know plans. What numba cannot compile, or would compute differently from
Python, is left to the interpreter.
"""

from __future__ import annotations

import inspect
import operator
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..dtypes import DataType, Kind

NUMBERS = frozenset({Kind.BOOL, Kind.FLOAT32, Kind.FLOAT64}) | frozenset(
    kind for kind in Kind if kind.value.startswith(("int", "uint")) and kind is not Kind.INTERVAL
)
"""Kinds of values that compiled functions take and return."""
_MOST_ARGUMENTS = 32
_WRAPPING = frozenset(
    {operator.add, operator.sub, operator.mul, operator.pow, operator.lshift, operator.neg}
    | {operator.iadd, operator.isub, operator.imul, operator.ipow, operator.ilshift}
)
"""What a machine's integers wrap at, where Python's grow."""


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A compiled function.

    Attributes
    ----------
    loop
        ``loop(valid, out, *columns)`` puts the function of the columns' values into ``out`` where ``valid`` is true.
    dtype
        Type of the results.
    wraps
        Whether it computes with integers, which wrap around where they do not fit 64 bits.
    """

    loop: Callable[..., None]
    dtype: DataType
    wraps: bool


@lru_cache(maxsize=256)
def compiled(function: Callable[..., Any], kinds: tuple[Kind, ...]) -> Compiled | str:
    """Return a function compiled for arguments of some kinds, or why it cannot be."""
    try:
        import numba
    except ImportError:
        return "numba is not installed"
    if not 1 <= len(kinds) <= _MOST_ARGUMENTS or not NUMBERS.issuperset(kinds):
        return f"it takes numbers and booleans only, not {', '.join(kind.value for kind in kinds)}"
    types = tuple(_numba_type(numba, kind) for kind in kinds)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", numba.core.errors.NumbaWarning)
            plain = function if inspect.isfunction(function) else _made(_CALL, function, len(types))
            inner = numba.njit(nogil=True)(plain)
            inner.compile(types)
            overload: Any = inner.overloads[types]
            result = str(overload.signature.return_type)
            if result not in {kind.value for kind in NUMBERS}:
                return f"it returns {result}"
            dtype = DataType(Kind(result))
            arrays = [numba.types.Array(kind, 1, "C", readonly=True) for kind in types]
            out = numba.types.Array(_numba_type(numba, dtype.kind), 1, "C")
            loop = numba.njit(nogil=True)(_made(_LOOP, inner, len(types)))
            loop.compile((numba.types.Array(numba.types.boolean, 1, "C", readonly=True), out, *arrays))
    except Exception as error:  # noqa: BLE001  # numba raises nearly anything for what it cannot compile
        return str(error).strip().splitlines()[0]
    return Compiled(loop, dtype, _has_wrapping(numba, overload.type_annotation.calltypes))


@lru_cache(maxsize=256)
def compiled_groups(function: Callable[..., Any], kind: Kind) -> Compiled | str:
    """Return a function of an array compiled for groups of values of a kind, or why it cannot be.

    ``loop(offsets, out, values)`` puts the function of the values from ``offsets[g]`` on, up to ``offsets[g + 1]``,
    into ``out[g]``.
    """
    try:
        import numba
    except ImportError:
        return "numba is not installed"
    if kind not in NUMBERS:
        return f"it takes numbers and booleans only, not {kind.value}"
    values = numba.types.Array(_numba_type(numba, kind), 1, "C", readonly=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", numba.core.errors.NumbaWarning)
            inner = numba.njit(nogil=True)(function)
            inner.compile((values,))
            overload: Any = inner.overloads[(values,)]
            result = str(overload.signature.return_type)
            if result not in {kind.value for kind in NUMBERS}:
                return f"it returns {result}"
            dtype = DataType(Kind(result))
            loop = numba.njit(nogil=True)(_made(_GROUPS, inner, 1))
            offsets = numba.types.Array(numba.types.int64, 1, "C", readonly=True)
            loop.compile((offsets, numba.types.Array(_numba_type(numba, dtype.kind), 1, "C"), values))
    except Exception as error:  # noqa: BLE001  # numba raises nearly anything for what it cannot compile
        return str(error).strip().splitlines()[0]
    return Compiled(loop, dtype, _has_wrapping(numba, overload.type_annotation.calltypes))


def _numba_type(numba: Any, kind: Kind) -> Any:
    return numba.types.boolean if kind is Kind.BOOL else getattr(numba.types, kind.value)


def _has_wrapping(numba: Any, calls: Any) -> bool:
    """Return whether any operation of a typed function may overflow machine integers where Python's would grow."""
    return any(
        expr.op in ("binop", "inplace_binop", "unary")
        and expr.fn in _WRAPPING
        and all(isinstance(arg, numba.types.Integer) for arg in signature.args)
        for expr, signature in calls.items()
        if isinstance(expr, numba.core.ir.Expr)
    )


_CALL = """
def made({names}):
    return inner({names})
"""
_LOOP = """
def made(valid, out, {names}):
    for row in range(len(out)):
        if valid[row]:
            out[row] = inner({values})
"""
_GROUPS = """
def made(offsets, out, {names}):
    for group in range(len(out)):
        out[group] = inner(c0[offsets[group]:offsets[group + 1]])
"""


def _made(text: str, inner: Callable[..., Any], arity: int) -> Callable[..., Any]:
    """Return one of the functions above around a user's, for so many columns: numba takes no tuple of varied arrays."""
    names = [f"c{number}" for number in range(arity)]
    scope: dict[str, Any] = {"inner": inner}
    exec(text.format(names=", ".join(names), values=", ".join(f"{name}[row]" for name in names)), scope)  # noqa: S102  # nothing of it comes from the user
    made: Callable[..., Any] = scope["made"]
    return made
