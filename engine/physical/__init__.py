"""Physical operators, lowering and stages. Knows the kernel protocol; must not know devices, files, SQL or runners."""

from .lower import LoweringOptions, explain_exec, lower
from .nodes import Exec
from .stages import Stage, StageGraph, cut

__all__ = ["Exec", "LoweringOptions", "Stage", "StageGraph", "cut", "explain_exec", "lower"]
