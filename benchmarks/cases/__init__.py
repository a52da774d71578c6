"""All cases by name, in the order of the tables."""

from __future__ import annotations

from ..case import Case
from . import census, events, files, group, join, order, stream, tpcds, tpch, tpch22

CASES: dict[str, Case] = {
    case.name: case
    for case in (
        *files.CASES,
        *stream.CASES,
        *events.CASES,
        *group.CASES,
        *join.CASES,
        *order.CASES,
        *tpch.CASES,
        *tpch22.CASES,
        *tpcds.CASES,
        *census.CASES,
    )
}
