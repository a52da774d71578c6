"""What stands for PTX: texts that name functions of Python, which simulated kernels run as compiled for the CPU.

The simulator has no processor for PTX. That functions compile to it, and that libcudf takes it, the tests see where
numba-cuda is installed; what they compute there, nobody without a GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

_known: dict[str, Callable[..., Any]] = {}


def code_of(function: Callable[..., Any], types: tuple[Any, ...]) -> str:
    """Return a text that stands for a function compiled for arguments of some types of numba's."""
    import numba

    text = f"// {function.__name__}({', '.join(map(str, types))}) number {len(_known)} of the simulator\n"
    inner = numba.njit(function)
    inner.compile(types)
    _known[text] = inner
    return text


def function_of(code: str) -> Callable[..., Any]:
    """Return the function that a text stands for.

    Raises
    ------
    RuntimeError
        As libcudf's compiler does for what it cannot compile.
    """
    if code not in _known:
        raise RuntimeError("CUDF failure: the code does not compile")
    return _known[code]


def launch(function: Callable[..., Any], out: Any, offsets: Any, values: Any) -> None:
    """Run what stands for a kernel of groups, over arrays that are described by the CUDA array interface."""
    from .device_buffer import foreign_view

    results, places, numbers = map(foreign_view, (out, offsets, values))
    inner = _compiled(function)
    for group in range(len(results)):
        results[group] = inner(numbers[places[group] : places[group + 1]])


@lru_cache(maxsize=64)
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    import numba

    compiled: Callable[..., Any] = numba.njit(function)
    return compiled
