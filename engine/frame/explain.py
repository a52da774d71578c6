"""The texts of a frame's plan at every stage of its life."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import PlanError
from ..explain import explain_plan
from ..physical import cut, explain_exec

if TYPE_CHECKING:
    from .frame import DataFrame

STAGES = ("logical", "optimized", "physical", "analyze")


def explain(frame: DataFrame, stage: str) -> str:
    """Return the plan of a frame as text; see `DataFrame.explain`."""
    session = frame.session
    match stage:
        case "logical":
            return explain_plan(frame.plan)
        case "optimized":
            return explain_plan(session.optimized(frame.plan))
        case "physical":
            root = session.lowered(frame.plan, estimated=True)
            return explain_exec(root, cut(root, dynamic_filters=session.dynamic_filters))
        case "analyze":
            return session.run(frame.plan, estimated=True).metrics.describe()
    raise PlanError(f"explain knows {', '.join(STAGES)}; not {stage!r}")
