"""Checks one rule on one plan: text before and after, same schema, same rows, and nothing left to do a second time."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.support.duckdb_oracle import Oracle
from volley.engine.explain import explain_plan
from volley.engine.optimizer import OptimizerContext
from volley.engine.plan import Distinct, Limit, Plan, Scan, Sort
from volley.engine.traversal import walk

Rule = Callable[[Plan, OptimizerContext], Plan]

FIXTURES = Path(__file__).parents[1] / "engine" / "optimizer" / "rules"
UPDATE = "VOLLEY_UPDATE_FIXTURES" in os.environ
"""Set to write what the rules give now into the fixtures, to be read before it is committed."""


def check_rule(rule: Rule, case: str, plan: Plan, fixture: str | None = None) -> None:
    """Compare a rule's work with the section ``case`` of ``rules/<rule>.txt``, and its rows with the plan's own."""
    oracle = Oracle()
    context = OptimizerContext(fold=oracle.fold)
    after = rule(plan, context)
    check_same(oracle, plan, after)
    assert rule(after, context) is after, "the rule changes its own result"
    path = FIXTURES / f"{fixture or rule.__name__}.txt"
    sections = _read(path)
    shown = f"{explain_plan(plan)}\n=>\n{'(unchanged)' if after is plan else explain_plan(after)}"
    if UPDATE:
        sections[case] = shown
        path.write_text("\n\n".join(f"# {name}\n{text}" for name, text in sections.items()) + "\n")
    assert sections.get(case) == shown


def fixture_cases(rule: Rule, fixture: str | None = None) -> set[str]:
    """Return the names of the sections of a rule's fixture."""
    return set(_read(FIXTURES / f"{fixture or rule.__name__}.txt"))


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    sections = path.read_text().removeprefix("# ").split("\n\n# ")
    return {part.partition("\n")[0]: part.partition("\n")[2].rstrip("\n") for part in sections}


def check_same(oracle: Oracle, before: Plan, after: Plan) -> None:
    """Assert that two plans give the same columns and the same bag of rows."""
    assert [(f.name, f.dtype) for f in after.schema] == [(f.name, f.dtype) for f in before.schema]
    expected, got = oracle.rows(before), oracle.rows(after)
    if _picks_any_rows(before):  # which rows is nobody's promise; how many is
        expected, got = [(str(len(expected)),)], [(str(len(got)),)]
    assert got == expected


def _picks_any_rows(plan: Plan) -> bool:
    return any(
        isinstance(node, Limit)
        or (isinstance(node, Sort) and node.fetch is not None)
        or (isinstance(node, Scan) and node.limit is not None)
        or (isinstance(node, Distinct) and node.on is not None)
        for node in walk(plan)
    )
