"""Simplification of expressions: the same value for fewer operations, and forms that sources and joins can use.

Knows expressions and how constants are folded; must not know plans.
"""

from .comparison import integer_range
from .simplifier import Fold, Simplifier

__all__ = ["Fold", "Simplifier", "integer_range"]
