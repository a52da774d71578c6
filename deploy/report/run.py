"""Sections about the run: plan, steps, outputs, environment."""

from __future__ import annotations

from collections.abc import Sequence

from .charts import meter
from .contents import Fact, OutputFile, PlanText, StepResult
from .figures import byte_size, count, duration
from .markup import Markup, join, tag
from .tables import Column, table


def plans(texts: Sequence[PlanText]) -> Markup:
    """Return the plans, folded."""
    note = tag("p", "What the engine ran, after optimisation, one plan per stored table.", class_="note")
    folded = [
        tag("details", tag("summary", tag("code", plan.table)), tag("pre", plan.text), open=len(texts) == 1)
        for plan in texts
    ]
    return join(note, folded)


def steps(results: Sequence[StepResult]) -> Markup:
    """Return the steps in the order in which they ran, with a bar for their share of the time."""
    longest = max((step.seconds for step in results), default=0.0) or 1.0
    columns = [
        Column("Step"),
        Column("Kind"),
        Column("Rows", "figure"),
        Column("Stored", "figure"),
        Column("Time", "figure"),
        Column("", "drawing"),
    ]
    rows = [
        (
            join(tag("code", step.name), tag("span", "reused", class_="role") if step.reused else None),
            step.kind,
            count(step.rows),
            byte_size(step.bytes),
            duration(step.seconds),
            meter(step.seconds / longest, "reused" if step.reused else ""),
        )
        for step in results
    ]
    return table(columns, rows, kind="steps")


def outputs(files: Sequence[OutputFile]) -> Markup:
    """Return the outputs with links that work beside the report."""
    columns = [Column("Output"), Column("File"), Column("Rows", "figure"), Column("Size", "figure")]
    rows = [
        (file.name, tag("a", tag("code", file.path), href=file.path), count(file.rows), byte_size(file.bytes))
        for file in files
    ]
    return table(columns, rows)


def environment(facts: Sequence[Fact]) -> Markup:
    """Return what is needed to run the job again with the same result."""
    return tag("dl", (tag("div", tag("dt", f.label), tag("dd", tag("code", f.value))) for f in facts), class_="facts")
