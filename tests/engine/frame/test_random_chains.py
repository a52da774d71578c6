"""Chains of frame methods over drawn schemas and rows: what pandas gives, with the optimiser and without."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import volley as vl
from tests.support.chains import chains
from tests.support.pairs import Pair, cells_in_pandas, cells_of
from tests.support.simulated_gpu import gpu_session
from volley.engine.physical import cut, lower
from volley.engine.plan import Aggregate
from volley.engine.runners import LocalRunner
from volley.engine.traversal import walk


def as_written(frame: vl.DataFrame) -> list[tuple[Any, ...]]:
    """Return the rows of a frame's plan, run without any rewriting but that of counts of distinct values."""
    session = frame.session
    plan = frame.plan
    if any(isinstance(node, Aggregate) and any(a.call.distinct for a in node.aggregates) for node in walk(plan)):
        return cells_of(frame.to_arrow(), nan="NaN")
    result = LocalRunner(session.device, threads=2).execute(cut(lower(plan, session.lowering)))
    return cells_of(session.device.to_arrow(session.device.concat(result.tables, frame.schema)), nan="NaN")


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), phases=set(Phase) - {Phase.explain})
@given(pair=chains())
def test_rows_are_those_of_pandas(pair: Pair) -> None:
    compare(pair)


def compare(pair: Pair) -> None:
    found, expected = cells_of(pair.ours.to_arrow()), cells_in_pandas(pair.theirs)
    if not pair.ordered:
        found, expected = (sorted(rows, key=repr) for rows in (found, expected))
    assert list(pair.ours.columns) == list(pair.theirs.columns), pair.steps
    assert found == expected, pair.steps


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), phases=set(Phase) - {Phase.explain})
@given(data=st.data())
def test_rows_are_those_of_pandas_on_a_gpu(data: st.DataObject) -> None:
    """A sample; `make simulated-gpu` compares as many as on the CPU."""
    with gpu_session(threads=2):
        pair = data.draw(chains())
        compare(pair)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), phases=set(Phase) - {Phase.explain})
@given(pair=chains(nan=True))
def test_rows_are_those_of_the_plan_as_written(pair: Pair) -> None:
    found, plain = cells_of(pair.ours.to_arrow(), nan="NaN"), as_written(pair.ours)
    if not pair.ordered:
        found, plain = (sorted(rows, key=repr) for rows in (found, plain))
    assert found == plain, pair.steps
