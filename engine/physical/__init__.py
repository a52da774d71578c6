"""Physical operators, lowering and stages. Knows the kernel protocol; must not know devices, files, SQL or runners."""

from .explain import explain_exec
from .fallbacks import computed_parts, fallbacks, mark_fallbacks, mark_files
from .lower import LoweringOptions, lower
from .nodes import Exec
from .stages import Stage, StageGraph, cut

__all__ = [
    "Exec",
    "LoweringOptions",
    "Stage",
    "StageGraph",
    "computed_parts",
    "cut",
    "explain_exec",
    "fallbacks",
    "lower",
    "mark_fallbacks",
    "mark_files",
]
