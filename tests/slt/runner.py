"""Runs the records of one file on an engine and keeps what came of each."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.slt.engines import Crashed, Engine, Failed, Unsupported
from tests.slt.results import Answer, difference
from tests.slt.script import Command, Loop, Query, Record, ScriptError, Statement, filled, parse, substitute

PASSED, FAILED, UNSUPPORTED, SKIPPED = "passed", "failed", "unsupported", "skipped"
OFFERED = {
    "skip_reload", "noforcestorage", "nothreadsan", "notmingw", "notwindows", "notmusl", "64bit", "longdouble",
    "parquet", "json", "icu", "core_functions", "vector_size", "no_vector_verification", "no_latest_storage",
    "no_alternative_verify", "no_block_verification", "no_extension_autoloading", "allow_unsigned_extensions", "ram",
    "disk_space", "exact_vector_size", "block_size", "strinline",
}  # fmt: skip
"""What ``require`` may ask for."""
_HARNESS = re.compile(
    r"\s*(pragma\s+(enable|disable)_(verification|progress_bar|optimizer|profiling|checkpoint_on_shutdown)"
    r"|pragma\s+(verify|force|debug)_\w+|pragma\s+explain_output|pragma\s+threads"
    r"|set\s+(global\s+)?(enable_progress_bar|threads|memory_limit|debug_\w+|explain_output|preserve_insertion_order)"
    r"|checkpoint\b|force\s+checkpoint|analyze\b|vacuum\b|(install|load)\s+('|\w+\s*;?\s*$))",
    re.IGNORECASE,
)
"""Statements that steer another runner or tune another engine and change no answer."""
_CHANGES = re.compile(
    r"\s*(?:create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?(?:recursive\s+)?(?:table|view|macro|function|type|schema|sequence)"
    r"(?:\s+if\s+not\s+exists)?|insert\s+(?:or\s+\w+\s+)?into|update|delete\s+from|alter\s+table(?:\s+if\s+exists)?"
    r"|copy|truncate(?:\s+table)?|merge\s+into|drop\s+(?:table|view)(?:\s+if\s+exists)?)\s+(\"[^\"]+\"|[\w.]+)",
    re.IGNORECASE,
)
"""What a statement creates or changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one record: where it is, its SQL, how it ended, and why where it did not pass."""

    line: int
    sql: str
    verdict: str
    reason: str = ""


@dataclass(slots=True, kw_only=True)
class Report:
    """What came of one file."""

    path: Path
    outcomes: list[Outcome] = field(default_factory=list)
    error: str | None = None

    def count(self, verdict: str) -> int:
        """Return how many records ended so; a file that cannot be read has failed once."""
        return sum(o.verdict == verdict for o in self.outcomes) + (verdict == FAILED and self.error is not None)

    def reasons(self) -> Counter[str]:
        """Return how often each thing was not supported."""
        return Counter(o.reason for o in self.outcomes if o.verdict == UNSUPPORTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How files are run.

    Parameters
    ----------
    names
        Names by which ``skipif`` and ``onlyif`` know the engine.
    patterns
        Whether an error must be like the pattern in its record's first line.
    messages
        Whether messages below ``----`` of a failing statement are compared: they are another engine's words.
    style
        Whose rules decide about numbers: ``sqlite``, ``duckdb``, or ``auto`` by what stands in the file.
    variables
        What is replaced in every text, such as ``__TEST_DIR__``.
    """

    names: tuple[str, ...]
    patterns: bool = True
    messages: bool = False
    style: str = "auto"
    variables: dict[str, str] = field(default_factory=dict)


class Halt(Exception):
    """Nothing more of the file is to run."""


def run_file(path: Path, make: Callable[[], Engine], options: Options) -> Report:
    """Run one file on engines that ``make`` makes: one at its begin, others where it asks to begin anew."""
    report = Report(path=path)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        records = parse(text)
    except (ScriptError, OSError) as error:
        report.error = str(error)
        return report
    sqlite = options.style == "sqlite" or (options.style == "auto" and not _is_duckdb_style(text))
    run = Run(report, make, options, sqlite=sqlite)
    with contextlib.suppress(Halt):
        run.records(records, dict(options.variables))
    return report


def _is_duckdb_style(text: str) -> bool:
    return bool(re.search(r"^(require\b|foreach\b|loop\b|# (name|description|group):|.*\t)", text, re.MULTILINE))


class Run:
    """The state of one file while it runs."""

    def __init__(self, report: Report, make: Callable[[], Engine], options: Options, *, sqlite: bool) -> None:
        self._report, self._make, self._options, self._sqlite = report, make, options, sqlite
        self._engine = make()
        self._databases: dict[str, Engine] = {}
        self._sort = "nosort"
        self._skipping = False
        self._labels: dict[str, list[tuple[str, ...]]] = {}
        self._spoiled: dict[str, str] = {}

    def records(self, records: Sequence[Record], variables: dict[str, str]) -> None:
        """Run records in turn; raises `Halt`."""
        for record in records:
            if self._skipping and not (isinstance(record, Command) and record.name == "mode"):
                self._note(record, SKIPPED, "mode skip")
            elif not all(condition.holds(self._options.names, variables) for condition in record.conditions):
                self._note(record, SKIPPED, "skipif or onlyif")
            else:
                self._record(substitute(record, variables), variables)

    def _record(self, record: Record, variables: dict[str, str]) -> None:
        match record:
            case Loop():
                for row in record.values:
                    self.records(record.body, {**variables, **dict(zip(record.variables, row, strict=True))})
            case Statement():
                self._statement(record)
            case Query():
                self._query(record)
            case Command():
                self._command(record, variables)

    def _note(self, record: Record, verdict: str, reason: str = "") -> None:
        if isinstance(record, Loop):
            for inner in record.body:
                self._note(inner, verdict, reason)
        elif isinstance(record, Statement | Query):
            self._report.outcomes.append(Outcome(line=record.line, sql=record.sql, verdict=verdict, reason=reason))

    # --- statements

    def _statement(self, record: Statement) -> None:
        if _HARNESS.match(record.sql):
            self._note(record, SKIPPED, "it steers another runner")
            return
        try:
            answer = self._engine.run(record.sql)
        except Failed as error:
            self._note(record, *self._failed_statement(record, error))
            return
        if record.expect == "error":
            self._note(record, FAILED, "it succeeded, but an error is expected")
        elif record.expect == "count" and _changed_rows(answer) != record.count:
            self._note(record, FAILED, f"it says {_changed_rows(answer)}, {record.count} rows are expected")
        else:
            self._note(record, PASSED)

    def _failed_statement(self, record: Statement, error: Failed) -> tuple[str, str]:
        if isinstance(error, Crashed):
            return FAILED, str(error)
        if isinstance(error, Unsupported) and (record.pattern is None or not self._options.patterns):
            self._spoil(record.sql, str(error))
            return (PASSED, "") if record.expect == "maybe" else (UNSUPPORTED, str(error))
        if record.expect in ("ok", "count"):
            return self._unless_spoiled(record.sql, str(error))
        if self._options.patterns and record.pattern is not None and not _found(record.pattern, str(error)):
            return FAILED, f"the error is {str(error)!r}, expected one like {record.pattern!r}"
        if self._options.messages and record.message is not None and not _contained(record.message, str(error)):
            return FAILED, f"the error is {str(error)!r}, expected {record.message!r}"
        return PASSED, ""

    def _spoil(self, sql: str, reason: str) -> None:
        """Note that what a statement should have created or changed is not as later records expect it."""
        found = _CHANGES.match(sql)
        if found:
            self._spoiled[found[1].strip('"').lower()] = reason

    def _unless_spoiled(self, sql: str, reason: str) -> tuple[str, str]:
        """Return a failure's verdict: not the record's own where it uses what an unsupported statement left undone."""
        words = set(re.findall(r"[\w.]+", sql.lower()))
        for name, cause in self._spoiled.items():
            if name in words:
                self._spoil(sql, cause)
                return UNSUPPORTED, f"{cause} (needed before)"
        return FAILED, reason

    # --- queries

    def _query(self, record: Query) -> None:
        if record.expected and record.expected[0].startswith("<FILE>:"):
            self._note(record, UNSUPPORTED, "results that stand in a file of their own")
            return
        try:
            answer = self._engine.run(record.sql)
        except Unsupported as error:
            self._note(record, UNSUPPORTED, str(error))
            return
        except Crashed as error:
            self._note(record, FAILED, str(error))
            return
        except Failed as error:
            self._note(record, *self._unless_spoiled(record.sql, str(error)))
            return
        wrong = self._difference(record, answer)
        self._note(record, *((PASSED, "") if wrong is None else self._unless_spoiled(record.sql, wrong)))

    def _difference(self, record: Query, answer: Answer) -> str | None:
        if record.types and len(record.types) != answer.columns:
            return f"{answer.columns} columns, {len(record.types)} expected"
        sort = record.sort or self._sort
        if record.label is not None:
            rows = answer.sqlite_lines(record.types) if self._sqlite and record.types else answer.lines()
            rows = sorted(rows) if sort == "rowsort" else rows
            if self._labels.setdefault(record.label, rows) != rows:
                return f"the result is not that of the queries before with the label {record.label}"
        if record.expected is None or record.expected[:1] == ("<slt:ignore>",):
            return None
        return difference(record.expected, answer, types=record.types, sort=sort, sqlite=self._sqlite)

    # --- other directives

    def _command(self, record: Command, variables: dict[str, str]) -> None:
        arguments = record.arguments
        match record.name:
            case "halt":
                raise Halt
            case "mode":
                self._skipping = arguments[:1] == ("skip",)
            case "require":
                if not arguments or arguments[0].lower() not in OFFERED:
                    self._stop(record, f"require {' '.join(arguments)}")
            case "require-env" | "test-env":
                if len(arguments) < 2 and arguments[0] not in variables:
                    self._stop(record, f"require-env {' '.join(arguments)}")
                variables[arguments[0]] = arguments[1] if len(arguments) > 1 else variables[arguments[0]]
            case "load":
                self._load(arguments)
            case "restart" | "reconnect":
                self._engine = self._engine if self._engine in self._databases.values() else self._make()
            case "control":
                self._sort = arguments[1] if arguments[:1] == ("sortmode",) else self._sort
            case "include":
                self._include(record, variables)
            case "hash-threshold" | "sleep" | "subtest" | "set" | "reset" | "tags" | "connection" | "user":
                pass
            case _:
                self._report.outcomes.append(
                    Outcome(line=record.line, sql="", verdict=UNSUPPORTED, reason=f"directive {record.name}")
                )

    def _load(self, arguments: Sequence[str]) -> None:
        """Begin anew; a database that has a path is found again under it."""
        if not arguments:
            self._engine = self._make()
            return
        self._engine = self._databases.setdefault(arguments[0], self._make())

    def _include(self, record: Command, variables: dict[str, str]) -> None:
        """Run the records of other files, whose paths are relative to this one."""
        found = [path for pattern in record.arguments for path in sorted(self._report.path.parent.glob(pattern))]
        if not found:
            self._stop(record, f"include {' '.join(record.arguments)}: there is no such file")
        for path in found:
            try:
                self.records(parse(path.read_text(encoding="utf-8", errors="replace")), variables)
            except ScriptError as error:
                self._stop(record, f"include {path.name}: {error}")

    def _stop(self, record: Command, reason: str) -> None:
        self._report.outcomes.append(Outcome(line=record.line, sql="", verdict=UNSUPPORTED, reason=reason))
        raise Halt


def _changed_rows(answer: Answer) -> int | None:
    """Return how many rows a statement says it has changed: the only number of its only row."""
    numbers = [value for row in answer.values for value in row if isinstance(value, int)]
    return numbers[0] if len(answer.values) == 1 and len(numbers) == 1 else None


def _found(pattern: str, message: str) -> bool:
    try:
        return re.search(pattern, message, re.IGNORECASE) is not None
    except re.error:
        return pattern in message


def _contained(expected: str, message: str) -> bool:
    if expected.startswith("<REGEX>:"):
        return _found(expected.removeprefix("<REGEX>:"), message)
    return expected in message


def records_of(path: Path, variables: dict[str, str]) -> int:
    """Return how many statements and queries a file holds, each turn of a loop counted."""
    return sum(_count(record) for record in parse(filled(path.read_text(), variables)))


def _count(record: Record) -> int:
    if isinstance(record, Loop):
        return len(record.values) * sum(map(_count, record.body))
    return int(isinstance(record, Statement | Query))
