"""Columns that a frame has dropped, and that one of its ancestors still has, taken along to where they are asked for.

``frame[["a", "b"]][frame.c > 0]``: pandas finds ``c`` by labels of rows; here the steps between carry it along.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..expr import Column, NamedExpr, columns_of
from ..plan import Distinct, Filter, Limit, MapBatches, Plan, Project, Sort, Window
from ..plan.window import has_window
from ..records import replace
from .series import Series, carried, located
from .udf import fresh
from .window import keeps_rows

if TYPE_CHECKING:
    from .frame import DataFrame


def reaching(frame: DataFrame, values: Iterable[Any]) -> DataFrame:
    """Return a frame with, behind its own, the columns of its ancestors that some columns of these are made of."""
    for one in values:
        if isinstance(one, Series):
            frame = _reaching(frame, one)
    return frame


def _reaching(frame: DataFrame, column: Series) -> DataFrame:
    expr, home = located(column, frame.plan)
    names = carried(frame.plan, home)
    if names is None or (has_window(expr) and not keeps_rows(frame.plan, home)):
        return frame  # nothing helps, and the error that follows says so
    lost = sorted(columns_of(expr) - names.keys())
    wide = _widened(frame.plan, home, lost) if lost else None
    return frame if wide is None else frame.with_plan(wide[0], index=frame.index)


def _widened(plan: Plan, home: Plan, lost: list[str]) -> tuple[Plan, dict[str, str]] | None:
    """Return a plan that carries an ancestor's columns along, and under which names; None where it cannot."""
    if plan is home:
        return plan, {name: name for name in lost}
    if isinstance(plan, Distinct) and plan.on is None:
        return None  # other columns would tell equal rows apart
    if not isinstance(plan, Project | Filter | Sort | Limit | Distinct | Window | MapBatches):
        return None
    if isinstance(plan, MapBatches) and plan.reads is None:
        return None
    below = _widened(plan.input, home, lost)
    if below is None:
        return None
    given, names = below
    if not isinstance(plan, Project):
        return replace(plan, input=given), names
    exprs, now = list(plan.exprs), {}
    for name in lost:
        now[name] = fresh(plan, f"__{name}")
        exprs.append(NamedExpr(name=now[name], expr=Column(name=names[name], dtype=given.schema[names[name]].dtype)))
    return Project(input=given, exprs=tuple(exprs)), now
