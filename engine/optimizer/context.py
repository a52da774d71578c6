"""What rules may ask of the world outside the plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from ..expr import Expr, Literal

Fold: TypeAlias = Callable[[Expr], Literal | None]
"""Computes an expression without columns; None where it raises, so that the error stays with the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerContext:
    """Services for rules.

    Attributes
    ----------
    fold
        Evaluates a constant expression on a device. It must return None, not raise, where evaluation fails.
    """

    fold: Fold
