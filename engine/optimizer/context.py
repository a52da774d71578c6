"""What rules may ask of the world outside the plan, and what they share while one plan is optimised."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import field
from typing import Any, TypeAlias

from ..plan import Plan
from ..records import dataclass
from .estimate import Estimator
from .simplify import Fold, Simplifier

Rule: TypeAlias = Callable[[Plan, "OptimizerContext"], Plan]

CONCERNS: dict[Rule, frozenset[Any]] = {}
"""For rules that are about some kinds of nodes: without one of them (see `kinds_of`) they change no plan."""


def concerning(kinds: frozenset[Any]) -> Callable[[Rule], Rule]:
    """Say of a rule that it changes no plan without a node of one of some kinds; see `CONCERNS`."""

    def said(rule: Rule) -> Rule:
        CONCERNS[rule] = kinds
        return rule

    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerContext:
    """Services for rules; made anew for each plan.

    Attributes
    ----------
    fold
        Evaluates a constant expression on a device. It must return None, not raise, where evaluation fails.
    estimator, simplifier
        Remember what they have found of a plan, or expression, for all rules.
    settled
        For each rule the sub-plans that it leaves as they are, by their ids; see `transform_up`.
    """

    fold: Fold
    estimator: Estimator = field(init=False, default_factory=Estimator, compare=False)
    simplifier: Simplifier = field(init=False, compare=False)
    settled: dict[Rule, dict[int, Plan]] = field(
        init=False, default_factory=lambda: defaultdict(dict), compare=False, repr=False
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "simplifier", Simplifier(self.fold))
