"""Sections about the data: inputs, profile, checks."""

from __future__ import annotations

from collections.abc import Sequence

from .charts import histogram, strip
from .contents import CheckResult, ColumnProfile, Distribution, InputFile, TableProfile
from .figures import EMPTY, byte_size, count, share
from .markup import Child, Markup, join, tag
from .tables import Column, table

_NAMED = 3


def inputs(files: Sequence[InputFile]) -> Markup:
    """Return the files that were read, with size and hash."""
    columns = [Column("Table"), Column("File"), Column("Size", "figure"), Column("SHA-256")]
    rows = [
        (file.table, tag("code", file.path), byte_size(file.bytes), tag("code", file.sha256[:16], title=file.sha256))
        for file in files
    ]
    return table(columns, rows)


def profile(profiled: TableProfile) -> Markup:
    """Return one line per column: type, nulls, distinct values, range, distribution."""
    said = tag(
        "p",
        "Table ",
        tag("code", profiled.table),
        f": {count(profiled.rows)} rows, {len(profiled.columns)} columns",
        "." if profiled.profiled == profiled.rows else f"; figures from the first {count(profiled.profiled)} rows.",
        class_="note",
    )
    columns = [
        Column("Column"),
        Column("Type"),
        Column("Nulls", "figure"),
        Column("Distinct", "figure"),
        Column("Least", "figure"),
        Column("Median", "figure"),
        Column("Greatest", "figure"),
        Column("Distribution", "drawing"),
    ]
    rows = [_profile_row(column, profiled.profiled) for column in profiled.columns]
    return join(said, table(columns, rows, kind="profile"))


def _profile_row(column: ColumnProfile, rows: int) -> tuple[Child, ...]:
    role = tag("span", column.role, class_="role") if column.role else None
    nulls = tag("span", share(column.nulls, rows), class_="some" if column.nulls else "none")
    drawing = _distribution(column.distribution) if column.distribution is not None else None
    name = join(tag("code", column.name), role)
    facts = (_unbroken(text) for text in (column.low, column.middle, column.high))
    return (name, tag("span", column.type, class_="type"), nulls, count(column.distinct), *facts, drawing)


def _unbroken(text: str) -> Child:
    """Return a text that is broken between words alone, not at the hyphens of a date."""
    if " " not in text:
        return text
    first, *others = (tag("span", word, class_="word") for word in text.split(" "))
    return join(first, *(join(" ", word) for word in others))


def _distribution(distribution: Distribution) -> Markup:
    """Return a histogram, or for unordered values their shares with the most frequent ones named."""
    if distribution.numeric:
        return histogram(distribution)
    whole = sum(distribution.counts) + distribution.other
    shares = [
        f"{text or EMPTY} {share(rows, whole)}"
        for text, rows in zip(distribution.labels[:_NAMED], distribution.counts[:_NAMED], strict=True)
    ]
    return join(strip(distribution), tag("small", " · ".join(shares), title=" · ".join(shares)))


def checks(results: Sequence[CheckResult]) -> Markup:
    """Return the checks, failures first."""
    order = {"failed": 0, "warning": 1, "passed": 2}
    columns = [Column("Outcome"), Column("Subject"), Column("Rule"), Column("Found")]
    rows = [
        (
            tag("span", result.state, class_=f"state {result.state}"),
            tag("code", result.subject),
            result.rule,
            result.detail,
        )
        for result in sorted(results, key=lambda result: order[result.state])
    ]
    return table(columns, rows, kind="checks")
