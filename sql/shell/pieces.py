"""Cutting what was typed, or a script, into statements and dot commands, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from ...engine.errors import SqlError, UnsupportedOperation, VolleyError
from ..parse import dialect_named

_COMMAND_LINE = re.compile(r"^[ \t]*(\.[A-Za-z?][^\n]*)", re.MULTILINE)
_ACTIONS = frozenset(
    ("alter", "analyze", "attach", "begin", "call", "commit", "copy", "create", "deallocate", "delete", "detach",
     "drop", "insert", "install", "load", "merge", "prepare", "reset", "rollback", "set", "truncate", "update", "use",
     "vacuum")
)  # fmt: skip

_WORDS = {"exit": ".quit", "quit": ".quit", "help": ".help", "?": ".help"}
_HABITS = {"q": ".quit", "?": ".help", "h": ".help", "d": ".tables", "dt": ".tables", "dv": ".tables", "l": ".tables",
           "i": ".read", "timing": ".timer"}  # fmt: skip
_BACKSLASH = re.compile(r"\\([A-Za-z?]+)\+?(.*)")


def habit(text: str) -> str | None:
    r"""Return the dot command that is meant by what people type out of habit from other shells; None where none is.

    A line such as ``\d flights`` of psql is meant as one command: as ``.schema flights``.
    """
    line = text.strip().rstrip(";").strip()
    if word := _WORDS.get(line.lower()):
        return word
    found = _BACKSLASH.fullmatch(line)
    if found is None:
        return None
    name, argument = found[1], found[2].strip()
    meant = ".schema" if name == "d" and argument else _HABITS.get(name, f".{name}")
    return f"{meant} {argument}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A statement without its semicolon, or a dot command.

    Attributes
    ----------
    text
        As written.
    line, column
        1-based place of its first character in the whole text.
    is_command
        Whether it is a dot command.
    """

    text: str
    line: int
    column: int
    is_command: bool = False

    @property
    def is_action(self) -> bool:
        """Whether it changes something and gives no rows of its own, such as CREATE."""
        word = re.match(r"\w+", self.text)
        return word is not None and word[0].lower() in _ACTIONS


def pieces(text: str, dialect: str) -> Iterator[Piece]:
    """Yield the statements and dot commands of a text in order.

    A dot command is a line of its own where no statement is open. A statement whose quote or comment is never closed
    comes as it is, with all that follows.
    """
    place = _Places(text)
    start = 0
    for found in _COMMAND_LINE.finditer(text):
        if found.start() < start or not _is_closed(text[start : found.start()], dialect):
            continue
        yield from _statements(text[start : found.start()], start, place, dialect)
        line, column = place.of(found.start(1))
        yield Piece(text=found[1].strip().rstrip(";").rstrip(), line=line, column=column, is_command=True)
        start = found.end()
    yield from _statements(text[start:], start, place, dialect)


def is_finished(text: str, dialect: str) -> bool:
    """Return whether Enter should run the text: nothing, a dot command, or a last ``;`` outside quotes and comments."""
    stripped = text.strip()
    if not stripped or habit(stripped) or stripped.startswith("."):
        return True
    last = text.rstrip().rpartition("\n")
    if _COMMAND_LINE.match(last[2]) and _is_closed(last[0], dialect):
        return True
    tokens = _tokens(text, dialect)
    return tokens is not None and bool(tokens) and tokens[-1].token_type is TokenType.SEMICOLON


def placed(error: VolleyError, piece: Piece, text: str, name: str, *, alone: bool) -> VolleyError:
    """Return an error of a piece with its line in the whole text, whose file is ``name`` if it is in one.

    An error without a place gets the line of its piece, unless that is ``alone``.
    """
    inner = error.place if isinstance(error, UnsupportedOperation) else error
    if isinstance(inner, SqlError) and not piece.is_command:  # that of a script that a command read has its place
        moved = inner.within(text, piece.line, piece.column, name)
        result = moved if inner is error else UnsupportedOperation(str(moved), place=moved)
        result.__notes__ = list(getattr(error, "__notes__", ()))
        return result
    if not alone:
        what = piece.text.partition(" ")[0] if piece.is_command else "the statement"
        error.add_note(f"in {what} at {f'{name}, ' if name else ''}line {piece.line}")
    return error


class _Places:
    """Lines and columns of offsets that are asked for in rising order."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._line, self._begins, self._seen = 1, 0, 0

    def of(self, offset: int) -> tuple[int, int]:
        self._line += self._text.count("\n", self._seen, offset)
        newline = self._text.rfind("\n", self._seen, offset)
        self._begins = newline + 1 if newline >= 0 else self._begins
        self._seen = offset
        return self._line, offset - self._begins + 1


def _statements(text: str, start: int, place: _Places, dialect: str) -> Iterator[Piece]:
    """Yield the statements of a text without dot commands, which begins at offset ``start`` of the whole."""
    tokens = _tokens(text, dialect)
    if tokens is None:
        stripped = text.strip()
        line, column = place.of(start + text.find(stripped[0]))
        yield Piece(text=stripped, line=line, column=column)
        return
    statement: list[Token] = []
    for token in (*tokens, None):
        if token is not None and token.token_type is not TokenType.SEMICOLON:
            statement.append(token)
            continue
        if statement:
            first, last = statement[0].start, statement[-1].end + 1
            line, column = place.of(start + first)
            yield Piece(text=text[first:last], line=line, column=column)
        statement = []


def _is_closed(text: str, dialect: str) -> bool:
    """Return whether no statement is open at the end of the text."""
    tokens = _tokens(text, dialect)
    return tokens is not None and (not tokens or tokens[-1].token_type is TokenType.SEMICOLON)


def _tokens(text: str, dialect: str) -> list[Token] | None:
    """Return the tokens; None where a quote or a comment is never closed."""
    try:
        return list(dialect_named(dialect).tokenize(text))
    except TokenError:
        return None
