"""The GPU kernels of the function catalogue, by catalogue name, and the functions that the CPU must compute.

An entry of the catalogue has a kernel here, or the CPU device computes it (`NO_KERNEL` says why). A kernel may refuse
some calls, by their types or options; the reason is shown by ``explain`` and ``doctor``, and such a call is computed by
the CPU device (``fallback``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from ....expr import Call, Literal
from ..columns import Value

Kernel: TypeAlias = Callable[[Call, list[Value], int], Value]
Refusal: TypeAlias = Callable[[Call], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A kernel and which calls it does not take.

    Attributes
    ----------
    run
        Takes the call, the values of its arguments (columns, or scalars for constants; at least one column) and the
        number of rows.
    refuses
        Returns why a call cannot be computed here, or None.
    """

    run: Kernel
    refuses: Refusal | None


KERNELS: dict[str, Registered] = {}
NO_KERNEL: dict[str, str] = {}


def scalar(name: str, *, refuses: Refusal | None = None) -> Callable[[Kernel], Kernel]:
    """Register a kernel under its catalogue name."""

    def register(run: Kernel) -> Kernel:
        assert name not in KERNELS, name
        KERNELS[name] = Registered(run=run, refuses=refuses)
        return run

    return register


def elementwise(name: str, *, refuses: Refusal | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a kernel that needs its arguments only."""

    def register(run: Callable[..., Any]) -> Callable[..., Any]:
        scalar(name, refuses=refuses)(lambda _, args, __: run(*args))
        return run

    return register


def on_cpu(reason: str, *names: str) -> None:
    """Say why functions have no kernel."""
    for name in names:
        assert name not in NO_KERNEL, name
        NO_KERNEL[name] = reason


def constants(*places: int, nullable: bool = False) -> Refusal:
    """Return a refusal of calls whose arguments at some places (where there are so many) are no constants."""

    def refuses(call: Call) -> str | None:
        for place in places:
            if place < len(call.args):
                argument = call.args[place]
                if not isinstance(argument, Literal) or (argument.value is None and not nullable):
                    return f"argument {place + 1} must be a constant that is not null"
        return None

    return refuses


def constant_within(place: int, most: int) -> Refusal:
    """Return a refusal of calls whose argument at a place is no constant, or farther from 0 than libcudf counts."""

    def refuses(call: Call) -> str | None:
        return constants(place)(call) or ("it counts beyond 31 bits" if abs(literal(call, place)) > most else None)

    return refuses


def literal(call: Call, place: int) -> Any:
    """Return the value of an argument that is a constant."""
    argument = call.args[place]
    assert isinstance(argument, Literal)
    return argument.value


def refusal(call: Call) -> str | None:
    """Return why the device cannot compute a call, given the values of its arguments; None where it can."""
    kernel = KERNELS.get(call.function)
    if kernel is None:
        return NO_KERNEL.get(call.function, "there is no kernel for it")
    return kernel.refuses(call) if kernel.refuses is not None else None
