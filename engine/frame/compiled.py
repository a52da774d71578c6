"""Functions of users compiled by numba: a loop over columns that holds no interpreter lock.

Knows numpy arrays and the functions; must not know plans. What numba cannot compile, or would compute differently from
Python, is left to the interpreter.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..dtypes import DataType, Kind
from ..kernels.userfunctions import NUMBERS, numba_type, operations, result_type

_MOST_ARGUMENTS = 32


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
    types = tuple(numba_type(numba, kind) for kind in kinds)
    plain = function if inspect.isfunction(function) else _made(_CALL, function, len(types))
    columns = tuple(_array(numba, kind) for kind in types)
    return _compiled(numba, plain, types, _LOOP, (_array(numba, numba.types.boolean), columns))


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
    values = (_array(numba, numba_type(numba, kind)),)
    return _compiled(numba, function, values, _GROUPS, (_array(numba, numba.types.int64), values))


def _compiled(
    numba: Any, function: Callable[..., Any], types: tuple[Any, ...], text: str, takes: tuple[Any, tuple[Any, ...]]
) -> Compiled | str:
    """Compile a function of values of some types, and one of the loops below around it.

    ``takes`` has the types of the loop's arguments: of the first, and of the columns behind its results.
    """
    first, columns = takes
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", numba.core.errors.NumbaWarning)
            inner = numba.njit(nogil=True)(function)
            inner.compile(types)
            overload: Any = inner.overloads[types]
            dtype = result_type(overload)
            if isinstance(dtype, str):
                return dtype
            out = numba.types.Array(numba_type(numba, dtype.kind), 1, "C")
            loop = numba.njit(nogil=True)(_made(text, inner, len(columns)))
            loop.compile((first, out, *columns))
    except Exception as error:  # noqa: BLE001  # numba raises nearly anything for what it cannot compile
        return str(error).strip().splitlines()[0]
    return Compiled(loop, dtype, any(wraps for _, wraps in operations(numba, overload.type_annotation)))


def _array(numba: Any, scalar: Any) -> Any:
    return numba.types.Array(scalar, 1, "C", readonly=True)


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
