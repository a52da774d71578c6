"""Quality checks: each becomes a condition on rows, and all checks of a table one query."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from ...engine.frame import DataFrame
from ..report.figures import count, share
from .document import Location
from .spec import CountRule, QualityCheck, Severity
from .tables import Tables


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutcome:
    """How a check ended; ``failed`` is the number of rows that do not satisfy it, of ``rows``."""

    subject: str
    rule: str
    severity: Severity
    passed: bool
    detail: str


def run_checks(table: str, checks: Sequence[tuple[Location, QualityCheck]], tables: Tables) -> list[CheckOutcome]:
    """Evaluate the checks of one table.

    Parameters
    ----------
    table
        Its name.
    checks
        The checks, each with its place in the job file.
    tables
        Where the table is found.

    Raises
    ------
    JobSpecError
        For a condition or column that is wrong, at its line.
    """
    outcomes = []
    for location, check in checks:
        (found,) = plan_check(table, location, check, tables).to_arrow().to_pylist()
        outcomes.append(_judge(check, int(found["row_total"] or 0), int(found["failed"] or 0)))
    return outcomes


def plan_check(table: str, location: Location, check: QualityCheck, tables: Tables) -> DataFrame:
    """Return the query that counts all rows and those that fail a check, without running it.

    Raises
    ------
    JobSpecError
        For a condition or column that is wrong, at its line.
    """
    query = f"select {_failed(check)} from {quoted(table)}"  # noqa: S608  # names are quoted, expect is SQL by design
    if check.unique is not None:
        keys = ", ".join(map(quoted, check.unique))
        groups = f"select count(*) as n from {quoted(table)} group by {keys}"  # noqa: S608  # names are quoted
        query = f"select sum(n) as row_total, sum(n - 1) as failed from ({groups}) as groups"  # noqa: S608  # as above
    return tables.query(query, (*location, check.kind), tables=[table], written=False)


def _failed(check: QualityCheck) -> str:
    return f"count(*) as row_total, sum(case when {_condition(check)} then 1 else 0 end) as failed"


def _condition(check: QualityCheck) -> str:
    """Return the SQL condition under which a row fails; null is never a failure, except of not_null."""
    if check.not_null is not None:
        return " or ".join(f"{quoted(name)} is null" for name in check.not_null)
    if check.range is not None:
        column = quoted(check.range.column)
        bounds = [(check.range.min, "<"), (check.range.max, ">")]
        return " or ".join(f"{column} {sign} {literal(bound)}" for bound, sign in bounds if bound is not None)
    if check.accepted is not None:
        values = ", ".join(map(literal, check.accepted.values))
        return f"{quoted(check.accepted.column)} not in ({values})"
    return f"not ({check.expect})" if check.expect is not None else "false"


def _judge(check: QualityCheck, rows: int, failed: int) -> CheckOutcome:
    if check.row_count is not None:
        least, most = check.row_count.min, check.row_count.max
        passed = (least is None or rows >= least) and (most is None or rows <= most)
        detail = f"{count(rows)} rows"
    else:
        passed = failed <= check.max_failed * rows
        detail = f"{count(failed)} of {count(rows)} rows failed"
        if failed:
            detail += f" ({share(failed, rows)})"
    return CheckOutcome(
        subject=check.on, rule=describe_rule(check), severity=check.severity, passed=passed, detail=detail
    )


def describe_rule(check: QualityCheck) -> str:
    """Return what a check asks for, as people say it."""
    if check.not_null is not None:
        text = f"{', '.join(check.not_null)} not null"
    elif check.unique is not None:
        text = f"{', '.join(check.unique)} unique"
    elif check.range is not None:
        text = f"{check.range.column} {between(check.range.min, check.range.max)}"
    elif check.accepted is not None:
        text = f"{check.accepted.column} one of {', '.join(map(str, check.accepted.values))}"
    elif check.row_count is not None:
        text = _count_text(check.row_count)
    else:
        text = str(check.expect)
    return f"{text}, up to {check.max_failed:.3g} of rows may fail" if check.max_failed else text


def _count_text(rule: CountRule) -> str:
    low, high = (None if bound is None else count(bound) for bound in (rule.min, rule.max))
    return f"row count {between(low, high)}"


def between(low: object, high: object) -> str:
    """Return ``at least 3``, ``at most 5`` or ``from 3 to 5``."""
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"from {low} to {high}"


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """Return a value of a job file as SQL writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return f"timestamp '{value.isoformat(sep=' ')}'"
    if isinstance(value, dt.date):
        return f"date '{value.isoformat()}'"
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"
