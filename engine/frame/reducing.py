"""Aggregates by the names that users of frames give them."""

from __future__ import annotations

from typing import Any

from ..errors import PlanError, suggestion
from ..expr import AggregateCall, Expr, aggregate
from ..expr.catalogue import AGGREGATES
from .timed import Timed, reduced

SPELLINGS = {"avg": "mean", "average": "mean", "prod": "product"}
_OPTIONS: dict[str, dict[str, Any]] = {
    "quantile": {"q": 0.5},
    "quantile_disc": {"q": 0.5},
    "string_agg": {"separator": ","},
}


def reduction(function: str, value: Expr) -> AggregateCall | Timed:
    """Return an aggregate by the name that users give it.

    Raises
    ------
    PlanError
        If there is none of the name; the message offers the nearest ones.
    """
    name = SPELLINGS.get(function, function)
    if name == "nunique":
        return aggregate("count", value, distinct=True)
    if name == "size":
        return aggregate("size")
    if name not in AGGREGATES:
        raise PlanError(f"unknown aggregate {function!r}{suggestion(function, [*AGGREGATES, *SPELLINGS, 'nunique'])}")
    return reduced(name, value, **_OPTIONS.get(name, {}))
