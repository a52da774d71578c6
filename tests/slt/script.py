"""From the text of a logic test to its records.

The format is SQLite's sqllogictest, with what DuckDB's and sqllogictest-rs's runners added to it: loops, ``require``,
``load``, results of one row a line, expected messages. Nothing here runs SQL.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

SORTS = ("nosort", "rowsort", "valuesort", "sort")
_INTEGRAL = ("tinyint", "smallint", "integer", "bigint", "hugeint")
_UNSIGNED = ("utinyint", "usmallint", "uinteger", "ubigint", "uhugeint")
_SETS = {
    "<signed>": _INTEGRAL,
    "<unsigned>": _UNSIGNED,
    "<integral>": (*_INTEGRAL, *_UNSIGNED),
    "<numeric>": (*_INTEGRAL, *_UNSIGNED, "float", "double"),
    "<alltypes>": (*_INTEGRAL, *_UNSIGNED, "float", "double", "bool", "interval", "varchar"),
    "<all_types_columns>": (
        "bool", "tinyint", "smallint", "int", "bigint", "hugeint", "utinyint", "usmallint", "uint", "ubigint", "date",
        "time", "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "float", "double", "dec_4_1", "dec_9_4",
        "dec_18_6", "dec38_10", "uuid", "interval", "varchar", "blob",
    ),
    "<compression>": ("none", "uncompressed", "rle", "bitpacking", "dictionary", "fsst", "alp", "alprd"),
}  # fmt: skip
"""Lists that DuckDB's ``foreach`` knows by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """``skipif`` or ``onlyif`` before a record: an engine's name, or a loop's variable with a value."""

    only: bool
    subject: str
    value: str | None = None

    def holds(self, names: Sequence[str], variables: dict[str, str]) -> bool:
        """Return whether the record is to run on an engine with these names."""
        met = self.subject in names if self.value is None else variables.get(self.subject) == self.value
        return met is self.only


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What all records have: the line of their first word, counted from 1, and their conditions."""

    line: int
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement(Record):
    """SQL that must succeed, fail, or either (``maybe``).

    Parameters
    ----------
    expect
        ``ok``, ``error``, ``maybe`` or ``count``.
    sql
        Its text.
    pattern
        Regular expression for the error's message, from the line of the directive.
    message
        The error's message as written below ``----``.
    count
        How many rows it must say it has changed.
    """

    expect: str
    sql: str
    pattern: str | None = None
    message: str | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query(Record):
    """SQL whose rows are compared.

    Parameters
    ----------
    types
        One letter a column: T text, I integer, R real; others of other runners are taken as text. Empty: not given.
    sort, label
        How rows are put in order before they are compared (None: as the file's default says), and the name under
        which results must be equal.
    sql
        Its text.
    expected
        The lines below ``----``; None where there is no such line.
    results
        Range of the lines, counted from 0, that hold ``----`` and the results, for rewriting.
    """

    types: str
    sort: str | None
    label: str | None
    sql: str
    expected: tuple[str, ...] | None
    results: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Record):
    """Any other directive: ``halt``, ``mode``, ``hash-threshold``, ``require``, ``load``, …"""

    name: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop(Record):
    """Records that run once for each value of a variable."""

    variables: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    body: tuple[Record, ...] = field(default=())


Records: TypeAlias = tuple[Record, ...]


class ScriptError(Exception):
    """The file is not of the format: where, and why."""


def parse(text: str) -> Records:
    """Return the records of a logic test."""
    return _Parser(text).records()


def substitute(record: Record, variables: dict[str, str]) -> Record:
    """Return a record with ``${name}`` and ``{name}`` replaced in everything that is text."""
    if not variables:
        return record

    def fill(text: str | None) -> str | None:
        return None if text is None else filled(text, variables)

    if isinstance(record, Statement):
        return replace(record, sql=fill(record.sql), pattern=fill(record.pattern), message=fill(record.message))
    if isinstance(record, Query):
        expected = None if record.expected is None else tuple(filled(line, variables) for line in record.expected)
        return replace(record, sql=fill(record.sql), label=fill(record.label), expected=expected)
    if isinstance(record, Command):
        return replace(record, arguments=tuple(filled(part, variables) for part in record.arguments))
    if isinstance(record, Loop):
        return replace(record, values=tuple(tuple(filled(v, variables) for v in row) for row in record.values))
    return record


def filled(text: str, variables: dict[str, str]) -> str:
    """Return a text with the values of variables in it."""
    for name, value in variables.items():
        text = text.replace(f"${{{name}}}", value).replace(f"{{{name}}}", value)
        text = text.replace(name, value) if name.startswith("__") else text
    return text


class _Parser:
    def __init__(self, text: str) -> None:
        self._lines = text.lstrip("\ufeff").splitlines()
        self._at = 0

    def records(self) -> Records:
        made = self._until_end(inside=False)
        return tuple(made)

    def _until_end(self, *, inside: bool) -> list[Record]:
        found: list[Record] = []
        conditions: list[Condition] = []
        opened = self._at
        while self._at < len(self._lines):
            line = self._lines[self._at].strip()
            if not line or line.startswith("#"):
                self._at += 1
                continue
            word, *rest = line.split("#", 1)[0].split() if line.startswith(("skipif", "onlyif")) else line.split()
            if word in ("skipif", "onlyif"):
                conditions.append(_condition(word, rest, self._at + 1))
                self._at += 1
                continue
            if word == "endloop":
                if not inside:
                    raise ScriptError(f"line {self._at + 1}: endloop without a loop")
                self._at += 1
                return found
            found.append(self._record(word, rest, tuple(conditions)))
            conditions = []
        if inside:
            raise ScriptError(f"line {opened}: the loop has no endloop")
        return found

    def _record(self, word: str, rest: list[str], conditions: tuple[Condition, ...]) -> Record:
        if word == "statement":
            return self._statement(rest, conditions)
        if word == "query":
            return self._query(rest, conditions)
        self._at += 1
        if word == "system":  # a shell's command follows
            while self._at < len(self._lines) and self._lines[self._at].strip():
                self._at += 1
        if word in ("loop", "foreach", "concurrentloop", "concurrentforeach"):
            line = self._at
            variables, values = _loop(word.removeprefix("concurrent"), rest, line)
            body = tuple(self._until_end(inside=True))
            return Loop(line=line, conditions=conditions, variables=variables, values=values, body=body)
        return Command(line=self._at, conditions=conditions, name=word, arguments=tuple(rest))

    def _statement(self, rest: list[str], conditions: tuple[Condition, ...]) -> Statement:
        line = self._at + 1
        expect = rest[0] if rest else "ok"
        pattern, count = None, None
        if expect == "count":
            if len(rest) < 2 or not rest[1].isdigit():
                raise ScriptError(f"line {line}: statement count needs a number")
            count = int(rest[1])
        elif expect == "error" and len(rest) > 1 and not re.fullmatch(r"con\d+", rest[1]):
            pattern = self._lines[self._at].split(None, 2)[2].strip()
        elif expect not in ("ok", "error", "maybe"):
            raise ScriptError(f"line {line}: statement {expect!r}; it is ok, error, maybe or count")
        self._at += 1
        sql = self._sql()
        below = self._block() if self._is_separator() else None
        message = "\n".join(below) if below else None
        return Statement(
            line=line, conditions=conditions, expect=expect, sql=sql, pattern=pattern, message=message, count=count
        )

    def _query(self, rest: list[str], conditions: tuple[Condition, ...]) -> Record:
        line = self._at + 1
        if rest and rest[0] == "error":
            return self._statement(rest, conditions)
        types, sort, label = "", None, None
        words = [*rest[:1], *(part for word in rest[1:] for part in word.split(","))]
        named = "colnames" in words[1:]
        words = words[: words.index("retry")] if "retry" in words[1:] else words
        for position, word in enumerate(words):
            if word == "colnames" and position:
                continue
            if word in SORTS:
                sort = "rowsort" if word == "sort" else word
            elif position == 0:
                types = word
            elif not re.fullmatch(r"con\d+", word):
                label = word
        self._at += 1
        sql = self._sql()
        start = self._at
        expected = tuple(self._block()) if self._is_separator() else None
        if named and expected:
            expected = expected[1:]
        return Query(
            line=line, conditions=conditions, types=types, sort=sort, label=label, sql=sql, expected=expected,
            results=(start, self._at),
        )  # fmt: skip

    def _sql(self) -> str:
        start = self._at
        while self._at < len(self._lines) and self._lines[self._at].strip() and not self._is_separator():
            self._at += 1
        if start == self._at:
            raise ScriptError(f"line {start}: no SQL follows")
        return "\n".join(self._lines[start : self._at])

    def _is_separator(self) -> bool:
        return self._at < len(self._lines) and self._lines[self._at].strip() == "----"

    def _block(self) -> list[str]:
        self._at += 1
        start = self._at
        while self._at < len(self._lines) and self._lines[self._at].strip(" ") not in ("", "\r"):
            self._at += 1
        return self._lines[start : self._at]


def _condition(word: str, rest: list[str], line: int) -> Condition:
    if not rest:
        raise ScriptError(f"line {line}: {word} names no engine")
    subject, equals, value = rest[0].partition("=")
    return Condition(only=word == "onlyif", subject=subject, value=value if equals else None)


def _loop(word: str, rest: list[str], line: int) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    if word == "loop":
        if len(rest) != 3 or not all(re.fullmatch(r"-?\d+", bound) for bound in rest[1:]):
            raise ScriptError(f"line {line}: write loop NAME START END")
        return (rest[0],), tuple((str(i),) for i in range(int(rest[1]), int(rest[2])))
    if len(rest) < 2:
        raise ScriptError(f"line {line}: write foreach NAME VALUE…")
    variables = tuple(rest[0].split(","))
    values: list[tuple[str, ...]] = []
    for value in rest[1:]:
        if value.startswith("!"):
            values = [row for row in values if row != (value[1:],)]
        elif value in _SETS:
            values += [(member,) for member in _SETS[value]]
        else:
            values.append(tuple(value.split(",")) if len(variables) > 1 else (value,))
    if any(len(row) != len(variables) for row in values):
        raise ScriptError(f"line {line}: each value of foreach needs {len(variables)} parts")
    return variables, tuple(values)
