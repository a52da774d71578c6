"""Users' functions as CUDA kernels: the same Python that the CPU compiles, one thread for each row or group.

A function that the interpreter would let raise, or whose integers would wrap around, is refused with the reason: a
kernel can do neither, and the answers must be those of the CPU. Floats follow IEEE, as compiled functions do there.
Knows numba and arrays on the device; must not know plans.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import operator
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ...dtypes import DataType, Kind
from ...errors import UnsupportedOperation
from ...schema import Field
from ..userfunctions import NUMBERS, numba_type, operations, result_type

OLDEST = (8, 0)
"""Compute capability that tells, before there is a device, whether a function compiles."""
_THREADS = 256
"""Threads of a block: enough to fill any GPU's processors, few enough for any function's registers."""
_DIVIDING = frozenset(
    {operator.truediv, operator.floordiv, operator.mod, operator.itruediv, operator.ifloordiv, operator.imod}
)

_ROWS = """
def kernel(out, valid, {names}):
    row = cuda.grid(1)
    if row < out.size and valid[row]:
        out[row] = inner({values})
"""
_GROUPS = """
def kernel(out, offsets, {names}):
    group = cuda.grid(1)
    if group < out.size:
        out[group] = inner({slices})
"""


@dataclass(frozen=True, slots=True, eq=False)
class CudaFunction:
    """A function that compiles for CUDA.

    Attributes
    ----------
    kernel
        The kernel as Python: ``kernel(out, valid, *columns)`` of rows, ``kernel(out, offsets, *columns)`` of groups,
        the values of which lie one after the other, those of group ``g`` from ``offsets[g]`` to ``offsets[g + 1]``.
    arguments
        numba's types of the kernel's arguments.
    dtype
        Type of the results.
    function
        The user's function.
    """

    kernel: Callable[..., None]
    arguments: tuple[Any, ...]
    dtype: DataType
    function: Callable[..., Any]

    def ptx(self, capability: tuple[int, int]) -> str:
        """Return the kernel's PTX for a compute capability, such as ``(9, 0)``; that takes no GPU."""
        text, _ = _cuda().compile_ptx(self.kernel, self.arguments, cc=capability)
        return str(text)

    @property
    def scalars(self) -> tuple[Any, ...]:
        """Types of the values of a function of rows, as numba has them."""
        return tuple(array.dtype for array in self.arguments[2:])

    def device_ptx(self, capability: tuple[int, int]) -> str:
        """Return the PTX of a function of rows by itself, as libcudf puts it into kernels of its own.

        By numba's convention it returns a status and writes its result where its first argument points to.
        """
        text, _ = _cuda().compile_ptx(self.function, self.scalars, device=True, cc=capability)
        return str(text)

    def __call__(self, out: Any, second: Any, *columns: Any, stream: Any = 0) -> None:
        """Run over arrays on the device that know ``__cuda_array_interface__``; returns when it is launched.

        Parameters
        ----------
        out
            What the results are written to: one for each row, or each group.
        second
            Of rows: one byte for each, 0 where an argument is null, and the result is left alone. Of groups: offsets.
        columns
            The arguments' values.
        stream
            Where to launch it.
        """
        blocks = -(-int(out.shape[0]) // _THREADS)
        if blocks:
            _launcher(self.kernel)[blocks, _THREADS, stream](out, second, *columns)


@lru_cache(maxsize=256)
def row_function(function: Callable[..., Any], kinds: tuple[Kind, ...], *, wraps: bool = False) -> CudaFunction | str:
    """Return the kernel of a function of values, or why there is none.

    Parameters
    ----------
    function
        Takes numbers and booleans and returns one.
    kinds
        Kinds of its arguments.
    wraps
        Whether integers may wrap around, as the user asks for with ``compile=True``.
    """
    return _made(function, kinds, _ROWS, wraps=wraps)


@lru_cache(maxsize=256)
def group_function(function: Callable[..., Any], kinds: tuple[Kind, ...], *, wraps: bool = False) -> CudaFunction | str:
    """Return the kernel of a function of groups, or why there is none; it takes an array of each column's values."""
    return _made(function, kinds, _GROUPS, wraps=wraps)


def _made(function: Callable[..., Any], kinds: tuple[Kind, ...], text: str, *, wraps: bool) -> CudaFunction | str:
    try:
        import numba

        cuda = _cuda()
    except ImportError:
        return "numba-cuda is not installed"
    if not kinds or not NUMBERS.issuperset(kinds):
        return f"it takes numbers and booleans only, not {', '.join(kind.value for kind in kinds)}"
    scalars = [numba_type(numba, kind) for kind in kinds]
    arrays = [numba.types.Array(kind, 1, "C", readonly=True) for kind in scalars]
    grouped = text is _GROUPS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", numba.core.errors.NumbaWarning)
            typed = _typed(numba, function, arrays if grouped else scalars)
    except Exception as error:  # noqa: BLE001  # numba raises nearly anything for what it cannot compile
        return str(error).strip().splitlines()[0]
    dtype = result_type(typed)
    if isinstance(dtype, str):
        return dtype
    reason = _difference(numba, typed.type_annotation, wraps=wraps)
    if reason:
        return reason
    names = [f"c{number}" for number in range(len(kinds))]
    scope: dict[str, Any] = {"cuda": cuda, "inner": cuda.jit(device=True, inline="always")(_plain(function))}
    exec(  # noqa: S102  # nothing of it comes from the user
        text.format(
            names=", ".join(names),
            values=", ".join(f"{name}[row]" for name in names),
            slices=", ".join(f"{name}[offsets[group]:offsets[group + 1]]" for name in names),
        ),
        scope,
    )
    out = numba.types.Array(numba_type(numba, dtype.kind), 1, "C")
    second = numba.types.Array(numba.types.int32 if grouped else numba.types.uint8, 1, "C", readonly=True)
    return CudaFunction(scope["kernel"], (out, second, *arrays), dtype, function)


@lru_cache(maxsize=256)
def _launcher(kernel: Callable[..., None]) -> Any:
    """Return what launches a kernel; it keeps what it has compiled for the device."""
    return _cuda().jit(kernel)


def require(made: CudaFunction | str, label: str) -> CudaFunction:
    """Return a kernel.

    Raises
    ------
    UnsupportedOperation
        If there is none; the message says why.
    """
    if isinstance(made, CudaFunction):
        return made
    raise UnsupportedOperation(f"{label} cannot be compiled for the gpu: {made}")


def refusal(
    made: CudaFunction | str, result: Field, unfit: Callable[[CudaFunction], str | None], *, stood_in_for: bool
) -> str | None:
    """Return why the host must call a function; None where a kernel can.

    Parameters
    ----------
    made
        Its kernel, or why there is none.
    result
        The column that it makes.
    unfit
        Compiles the kernel for `OLDEST`, and tells what is against it.
    stood_in_for
        Whether the simulator runs it, which compiles nothing where numba-cuda is not installed.
    """
    if isinstance(made, str):
        return made
    if made.dtype != result.dtype:
        return f"it gives {made.dtype}, which becomes {result.dtype} on the host"
    if importlib.util.find_spec("numba_cuda") is None:
        return None if stood_in_for else "numba-cuda is not installed"
    return unfit(made)


def compiling(unfit: Callable[[CudaFunction], str | None]) -> Callable[[CudaFunction], str | None]:
    """Let a check that compiles a kernel tell numba's error where there is one; asked once for each kernel."""

    @lru_cache(maxsize=256)
    def told(made: CudaFunction) -> str | None:
        try:
            return unfit(made)
        except Exception as error:  # noqa: BLE001  # numba raises nearly anything for what it cannot compile
            return f"it does not compile for CUDA: {str(error).strip().splitlines()[0]}"

    return told


def _cuda() -> Any:
    """Return ``numba.cuda``, which is another module where numba-cuda is installed, and exports by another way."""
    return importlib.import_module("numba.cuda")


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    if not inspect.isfunction(function):
        raise TypeError(f"{function!r} is no Python function")
    return function


def _typed(numba: Any, function: Callable[..., Any], types: Sequence[Any]) -> Any:
    """Return the function as compiled for the CPU, whose types and operations tell what it does."""
    inner = numba.njit(_plain(function))
    inner.compile(tuple(types))
    return inner.overloads[tuple(types)]


def _difference(numba: Any, annotation: Any, *, wraps: bool) -> str:
    """Return in which way a kernel would differ from the interpreter, or nothing."""
    ir = numba.core.ir
    statements = [statement for block in annotation.blocks.values() for statement in block.body]
    if any(isinstance(one, (ir.Raise, ir.StaticRaise, ir.TryRaise, ir.StaticTryRaise)) for one in statements):
        return "it may raise, which a kernel cannot"
    constants = {
        one.target.name: one.value.value
        for one in statements
        if isinstance(one, ir.Assign) and isinstance(one.value, ir.Const)
    }
    for expr, wrapping in operations(numba, annotation):
        if expr.fn in _DIVIDING and not constants.get(expr.rhs.name):
            return "it divides by what may be zero, which Python lets raise and a kernel cannot"
        if wrapping and not wraps:
            return "it computes with integers, which would wrap around; say compile=True if they may"
    return ""
