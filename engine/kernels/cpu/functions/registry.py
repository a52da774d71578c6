"""The CPU kernels of the function catalogue, by catalogue name.

A kernel takes evaluated arguments: arrays, or scalars for constants (never scalars only), none of them
dictionary-encoded. It returns an array of the call's Arrow type. One that needs options, types or the text of the
expression for a message takes the call too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa

from ....expr import Call

Value: TypeAlias = pa.Array | pa.Scalar
ScalarKernel: TypeAlias = Callable[[Call, list[Value]], pa.Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A kernel and what the evaluator may do around it.

    Attributes
    ----------
    run
        The kernel.
    per_value
        Whether a dictionary-encoded argument, all others being constants, may be computed on its dictionary alone:
        the result of a row depends on nothing else, and no value raises.
    costly
        Whether a value takes longer than to find equal texts: of texts that repeat each is computed once.
    """

    run: ScalarKernel
    per_value: bool
    costly: bool


KERNELS: dict[str, Registered] = {}


def scalar(name: str, *, per_value: bool = False, costly: bool = False) -> Callable[[ScalarKernel], ScalarKernel]:
    """Register a kernel under its catalogue name."""

    def register(run: ScalarKernel) -> ScalarKernel:
        assert name not in KERNELS, name
        KERNELS[name] = Registered(run=run, per_value=per_value, costly=costly)
        return run

    return register


def elementwise(name: str, *, per_value: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a kernel that needs the arguments only."""

    def register(run: Callable[..., Any]) -> Callable[..., Any]:
        scalar(name, per_value=per_value)(lambda _, args: run(*args))
        return run

    return register
