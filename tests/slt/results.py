"""Results of a query as the lines of a logic test, and whether two such results are the same."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

Row: TypeAlias = tuple[str, ...]
_HASHED = re.compile(r"(\d+) values hashing to ([0-9a-f]{32})")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf|nan)")
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Rows that an engine gave.

    Parameters
    ----------
    values
        As Python values.
    texts
        As DuckDB writes them (``cast(… as varchar)``), None for null; as SQLite does where SQLite is the engine.
    kinds
        I, R or T for each column, by its type.
    """

    values: tuple[tuple[Any, ...], ...]
    texts: tuple[tuple[str | None, ...], ...]
    kinds: str

    @property
    def columns(self) -> int:
        """Number of columns."""
        return len(self.kinds)

    def lines(self) -> list[Row]:
        """Return the rows in DuckDB's style."""
        return [tuple(shown(text) for text in row) for row in self.texts]

    def sqlite_lines(self, types: str) -> list[Row]:
        """Return the rows by the rules of the original runner, for one letter a column."""
        return [tuple(sqlite_text(value, kind) for value, kind in zip(row, types, strict=True)) for row in self.values]


def shown(text: str | None) -> str:
    """Return a value as a line: nulls and empty texts get a name, line ends and NUL are written out."""
    if text is None:
        return "NULL"
    return text.replace("\0", "\\0").replace("\r", "\\r").replace("\n", "\\n") if text else "(empty)"


def sqlite_text(value: Any, kind: str) -> str:
    """Return a value as SQLite's runner prints it: I as %d, R as %.3f, T with @ for what cannot be printed."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        value = int(value)
    if kind == "I":
        return str(_as_integer(value))
    if kind == "R":
        return f"{_as_real(value):.3f}"
    if isinstance(value, float):
        return f"{value:.15g}" if not value.is_integer() or abs(value) >= 1e15 else f"{value:.1f}"
    text = str(value)
    return "".join(sign if " " <= sign <= "~" else "@" for sign in text) or "(empty)"


def _as_integer(value: Any) -> int:
    if isinstance(value, int):
        return value
    number = _as_real(value)
    return int(number) if math.isfinite(number) else 0


def _as_real(value: Any) -> float:
    if isinstance(value, int | float | Decimal):
        return float(value)
    number = re.match(r"\s*[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+)", str(value))
    return float(number[0]) if number else 0.0


def hashed(rows: Sequence[Row], sort: str) -> str:
    """Return the line that stands for many values."""
    values = [value for row in ordered(rows, sort) for value in row]
    digest = hashlib.md5("".join(f"{value}\n" for value in values).encode(), usedforsecurity=False).hexdigest()
    return f"{len(values)} values hashing to {digest}"


def ordered(rows: Sequence[Row], sort: str) -> list[Row]:
    """Return rows in the order in which they are compared."""
    if sort == "rowsort":
        return sorted(rows)
    if sort == "valuesort":
        return [(value,) for value in sorted(value for row in rows for value in row)]
    return list(rows)


def difference(
    expected: Sequence[str], answer: Answer, *, types: str = "", sort: str = "nosort", sqlite: bool = False
) -> str | None:
    """Return how an answer differs from the lines of a file; None where it does not.

    ``sqlite`` says that the file follows the original format's rules to the letter: numbers in integer columns are cut.
    """
    letters = types if len(types) == answer.columns else answer.kinds
    found = _HASHED.fullmatch(expected[0].strip()) if len(expected) == 1 else None
    if found:
        candidates = (answer.lines(), answer.sqlite_lines(letters))
        if any(hashed(rows, sort) == expected[0].strip() for rows in candidates):
            return None
        count = sum(map(len, answer.values))
        return f"{count} values, {found[1]} expected" if count != int(found[1]) else "the values hash differently"
    rows = rows_of(expected, len(answer.values), answer.columns)
    if rows is None:
        return f"{len(answer.values)} rows of {answer.columns} columns, but {len(expected)} lines are expected"
    if len(rows) != len(answer.values):
        return f"{len(answer.values)} rows, {len(rows)} expected"
    candidates = [answer.lines(), answer.sqlite_lines(letters)] if sqlite else [answer.lines()]
    wrong = [_first_difference(rows, candidate, sort, rounded=sqlite) for candidate in candidates]
    return None if None in wrong else wrong[0]


def _first_difference(expected: Sequence[Row], rows: Sequence[Row], sort: str, *, rounded: bool) -> str | None:
    if sort == "valuesort":
        expected = [(value,) for row in expected for value in row]
        rows = [(value,) for row in rows for value in row]
    if sort != "nosort":
        expected, rows = sorted(expected, key=_key), sorted(rows, key=_key)
    for number, (wanted, row) in enumerate(zip(expected, rows, strict=True), start=1):
        if not all(same(a, b, rounded=rounded) for a, b in zip(wanted, row, strict=True)):
            return f"row {number} is {_line(row)}, expected {_line(wanted)}"
    return None


def _key(row: Row) -> list[tuple[bool, float, str]]:
    """Order rows so that spellings of one number stand together."""
    keys = []
    for value in row:
        number = _number(value)
        if number is None:
            keys.append((True, 0.0, value))
        else:
            keys.append((False, math.inf, "nan") if number.is_nan() else (False, round(float(number), 6) + 0.0, ""))
    return keys


def _line(row: Row) -> str:
    return " | ".join(row)


def same(expected: str, value: str, *, rounded: bool = False) -> bool:
    """Return whether two spellings mean one value; ``rounded`` allows numbers with three decimals in a file."""
    if expected == value:
        return True
    if expected.startswith(("<REGEX>:", "<!REGEX>:")):
        pattern = expected.split(":", 1)[1]
        return bool(re.fullmatch(pattern, value, re.DOTALL)) is expected.startswith("<R")
    if {expected, value} in ({"1", "true"}, {"0", "false"}):
        return True
    wanted, number = _number(expected), _number(value)
    if wanted is None or number is None:
        return expected.strip() == value.strip()
    if wanted.is_nan() or number.is_nan():
        return wanted.is_nan() and number.is_nan()
    if wanted == number:
        return True
    whole = not any(sign in text for text in (expected, value) for sign in ".eE")
    if whole or wanted.is_infinite() or number.is_infinite():
        return False
    if math.isclose(wanted, number, rel_tol=_TOLERANCE, abs_tol=1e-12):
        return True
    return rounded and len(expected.partition(".")[2]) == 3 and f"{number:.3f}" == f"{wanted:.3f}"


def _number(text: str) -> Decimal | None:
    text = text.strip()
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def rows_of(lines: Sequence[str], rows: int, columns: int) -> list[Row] | None:
    """Return the rows that lines stand for, whatever their layout; None where they fit none.

    Rows stand one a line with tabs (DuckDB) or blanks (sqllogictest-rs) between values, or one value a line (SQLite).
    """
    if columns == 0:
        return None if lines else []
    if columns == 1:
        return [(line,) for line in lines]
    by_tabs = [tuple(line.split("\t")) for line in lines]
    if all(len(row) == columns for row in by_tabs):
        return by_tabs
    by_blanks = [tuple(line.split()) for line in lines]
    blanks_fit = all(len(row) == columns for row in by_blanks)
    if blanks_fit and (len(lines) == rows or len(lines) % columns):
        return by_blanks
    if len(lines) % columns:
        return None
    return [tuple(lines[i : i + columns]) for i in range(0, len(lines), columns)]
