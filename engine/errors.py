"""Every error Volley raises on purpose. This module knows nothing of what went wrong, only how to say it.

A message is one clear line: what is wrong, where, and what to do about it.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable
from typing import Self


class VolleyError(Exception):
    """Base of every deliberate error; catch it to catch them all."""


class PlanError(VolleyError):
    """The query cannot be planned: it is wrong before any row is read."""


class ColumnNotFound(PlanError, AttributeError):
    """A column was named that the input does not have; the message offers the nearest names."""

    def __init__(self, name: str, available: Iterable[str], where: str = "") -> None:
        self.column = name
        self.available = tuple(available)
        super().__init__(f"unknown column {name!r}{where}{suggestion(name, self.available)}")

    def __reduce__(self) -> tuple[type[ColumnNotFound], tuple[str, tuple[str, ...]]]:
        return (type(self), (self.column, self.available))


class MethodNotFound(PlanError, AttributeError):
    """A method or property was named that there is not; the message says what to write instead."""


class ArgumentNotFound(PlanError, TypeError):
    """An argument was given that a method does not take; the message says what to write instead."""


class TypeMismatch(PlanError, TypeError):
    """An operation was applied to types that it does not accept."""


class SqlError(PlanError):
    """A SQL text cannot be parsed or bound; carries the place.

    Parameters
    ----------
    message
        One line saying what is wrong.
    line, column
        1-based position in the text, when known.
    text
        The whole SQL text, used to show the line with a caret.
    name
        Of the file that holds the text, if it is in one.
    """

    def __init__(
        self, message: str, *, line: int | None = None, column: int | None = None, text: str = "", name: str = ""
    ) -> None:
        self.message, self.line, self.column, self.text = message, line, column, text
        shown = message
        if line is not None and column is not None:
            shown = f"{message} ({f'{name}, ' if name else ''}line {line}, column {column})"
            lines = text.split("\n")
            if 0 < line <= len(lines):
                shown += _pointed(lines[line - 1].rstrip("\r"), column)
        super().__init__(shown)

    def within(self, text: str, line: int, column: int, name: str = "") -> SqlError:
        """Return the error with its place in a text that holds this one's text from ``line`` and ``column`` on."""
        if self.line is None or self.column is None:
            return SqlError(self.message, line=line, column=column, text=text, name=name)
        moved = self.column + column - 1 if self.line == 1 else self.column
        return SqlError(self.message, line=self.line + line - 1, column=moved, text=text, name=name)


class UnsupportedOperation(PlanError):
    """The operation exists but is not available here; names the operator, the device and what to use instead.

    Parameters
    ----------
    message
        What is not available, and what to use instead.
    place
        The same as an error that knows its place, where it was written in SQL.
    """

    def __init__(self, message: str, *, place: SqlError | None = None) -> None:
        super().__init__(message)
        self.place = place


class ConfigError(VolleyError):
    """A setting, option or job specification has a value that is not allowed."""


class DeviceUnavailable(VolleyError):
    """The asked-for device cannot be used on this machine; the message says why."""


class ExecutionError(VolleyError):
    """The plan was right but the run failed.

    Attributes
    ----------
    row
        Position, in the batch that was being worked on, of the row for which it failed; None where unknown.
    """

    row: int | None = None


class TemporaryFailure(ExecutionError):
    """Something outside of the run stands in its way: the same run may succeed when it is tried again."""


class TooManyPairs(ExecutionError):
    """A join, or lists, would give too many rows for one batch of several; who asks gives fewer rows at once."""


class ArithmeticOverflow(ExecutionError, OverflowError):
    """An integer or decimal result does not fit its type."""


class DivisionByZero(ExecutionError, ZeroDivisionError):
    """Integer division or remainder by zero."""


class CastError(ExecutionError, ValueError):
    """A value does not fit the type it is cast to."""


class CastOverflow(CastError, ArithmeticOverflow):
    """A whole number without sign does not fit the signed type it is cast to, or added up as."""


class ReadError(ExecutionError):
    """A file is missing, broken, or holds a value that does not fit the column's type."""


class WriteError(ExecutionError):
    """An output could not be written; nothing half-written is left behind."""


class UserFunctionError(ExecutionError):
    """A user's own function raised; the original error is the cause."""


class MemoryLimitExceeded(ExecutionError, MemoryError):
    """The run needs more than the session's ``memory_limit``."""

    def __new__(cls, *args: object) -> Self:
        """Make the error, also where a scheduler unpickles it: MemoryError's own refuses what has two bases."""
        return Exception.__new__(cls, *args)


class SpillError(ExecutionError):
    """Rows did not fit the session's ``memory_limit``, and its ``spill_dir`` did not take them."""


class Cancelled(VolleyError):
    """The run was stopped before its end, by Ctrl-C or by a caller."""


class Terminated(KeyboardInterrupt):
    """The process was asked to end, by SIGTERM or its like: as Ctrl-C, but a prompt must not go on after it."""


_PASSING = frozenset(
    {
        errno.ENOSPC, errno.EDQUOT, errno.EAGAIN, errno.ESTALE, errno.ETIMEDOUT, errno.ECONNREFUSED, errno.ECONNRESET,
        errno.ECONNABORTED, errno.EPIPE, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH,
    }
)  # fmt: skip
"""What the operating system says of disks and networks that may be better later."""


def is_temporary(error: BaseException) -> bool:
    """Tell whether an error, or one that it came from, may be gone when the run is tried again."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TemporaryFailure | ConnectionError | TimeoutError):
            return True
        if isinstance(cause, OSError) and cause.errno in _PASSING:
            return True
        cause = cause.__cause__ or cause.__context__
    return False


_SHOWN_WIDTH = 120
"""Characters of a line of SQL that are shown around a mistake."""


def _pointed(line: str, column: int) -> str:
    """Return the line with a caret below the column; only the part around it where the line is long."""
    start = max(0, min(column - 1 - _SHOWN_WIDTH // 2, len(line) - _SHOWN_WIDTH))
    shown = line[start : start + _SHOWN_WIDTH]
    head = "…" if start else ""
    tail = "…" if start + _SHOWN_WIDTH < len(line) else ""
    # Tabs stay tabs above the caret, so that it stands below its character whatever their width.
    margin = "".join(sign if sign == "\t" else " " for sign in head + shown[: column - 1 - start])
    return f"\n  {head}{shown}{tail}\n  {margin}^"


def told(error: BaseException) -> str:
    """Return the message of an error with its notes, which stand at the end of its first line."""
    first, newline, rest = str(error).partition("\n")
    notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
    return f"{first}{notes}{newline}{rest}"


def suggestion(name: str, available: Iterable[str]) -> str:
    """Return `` - did you mean 'x'?`` or the list of choices, as the tail of an error message."""
    choices = list(dict.fromkeys(available))
    folded = {choice.lower(): choice for choice in reversed(choices)}
    near = difflib.get_close_matches(name.lower(), folded, n=3, cutoff=0.6)
    if near:
        return "; did you mean " + " or ".join(repr(folded[n]) for n in near) + "?"
    if not choices:
        return "; there are no columns to choose from"
    shown = ", ".join(choices[:12]) + (", …" if len(choices) > 12 else "")
    return f"; available: {shown}"
