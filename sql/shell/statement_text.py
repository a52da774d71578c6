"""What can be said of a statement that is still being typed: its tables, and where in it the cursor stands.

Works on words instead of a tree, because a statement that is being typed rarely parses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<text>'(?:[^']|'')*(?P<text_end>'|\Z))
    |(?P<quoted>"(?:[^"]|"")*(?P<quoted_end>"|\Z))
    |(?P<word>\w+)
    |(?P<sign>::|.)""",
    re.VERBOSE | re.DOTALL,
)
_AFTER_TABLE = frozenset((
    "and", "anti", "as", "asof", "cross", "except", "full", "group", "having", "inner", "intersect", "join",
    "lateral", "left", "limit", "natural", "offset", "on", "or", "order", "outer", "pivot", "positional", "qualify",
    "right", "select", "semi", "set", "tablesample", "union", "unpivot", "using", "values", "where", "window",
    "with",
))  # fmt: skip
_CLAUSES = frozenset((
    "select", "from", "join", "where", "on", "having", "group", "order", "limit", "using", "set", "into", "to",
    "describe", "summarize",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """A token: ``kind`` is text, quoted, word or sign; ``closed`` says whether its quote is."""

    kind: str
    value: str
    start: int
    end: int
    closed: bool = True

    @property
    def name(self) -> str:
        """What it says, without quotes."""
        if self.kind in {"word", "sign"}:
            return self.value
        body = self.value[1:-1] if self.closed else self.value[1:]
        return body.replace(self.value[0] * 2, self.value[0])

    @property
    def key(self) -> str:
        """Its lower-case keyword; empty where it is none."""
        return self.value.lower() if self.kind == "word" else self.value if self.kind == "sign" else ""


@dataclass(frozen=True, slots=True)
class NamedTable:
    """A table of a statement: its name or path, or the text of its query, and what it is called there."""

    alias: str
    name: str = ""
    is_path: bool = False
    query: str = ""


def words(text: str) -> list[Word]:
    """Return the tokens of a text, without space and comments."""
    found = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        kind = kind.removesuffix("_end")
        if kind != "space":
            closed = kind not in ("text", "quoted") or bool(match[f"{kind}_end"])
            found.append(Word(kind, match[0], match.start(), match.end(), closed))
    return found


def statement_around(text: str, cursor: int) -> tuple[str, int]:
    """Return the statement in which the cursor stands, and the cursor's offset in it."""
    start, end = 0, len(text)
    for word in words(text):
        if word.value == ";" and word.kind == "sign":
            if word.end <= cursor:
                start = word.end
            else:
                end = word.start
                break
    return text[start:end], cursor - start


def tables_in(text: str) -> list[NamedTable]:
    """Return the tables that a statement names after WITH, FROM, JOIN, INTO and their like, in order."""
    found: list[NamedTable] = []
    tokens = words(text)
    index = 0
    while index < len(tokens):
        key, before = tokens[index].key, tokens[index - 1].key if index else ""
        if key in ("from", "join", "into", "describe", "summarize", "update"):
            index = _table_list(text, tokens, index + 1, found)
        elif key == "as" and index + 1 < len(tokens) and tokens[index + 1].key == "(" and _in_with(tokens, index):
            end = _closing(tokens, index + 1)
            name = tokens[index - 1].name
            if before and end < len(tokens):  # the WITH clause so far defines it, whatever comes behind
                found.append(NamedTable(alias=name, query=text[: tokens[end].end] + " from " + name))
            index += 2  # what it selects from is named in it
        else:
            index += 1
    return found


def query_of_file(path: str) -> str:
    """Return the query that gives all of a file."""
    return "from '" + path.replace("'", "''") + "'"


def clause_before(tokens: list[Word]) -> str:
    """Return the last keyword that begins a clause, or the function over files whose argument is being typed."""
    depth = 0
    for index in range(len(tokens) - 1, -1, -1):
        key = tokens[index].key
        depth += {")": 1, "(": -1}.get(key, 0)
        if depth < 0 and key == "(" and index and tokens[index - 1].key.startswith(("read_", "parquet_scan", "sniff_")):
            return "from"
        if key in _CLAUSES:
            return key
    return ""


def _table_list(text: str, tokens: list[Word], index: int, found: list[NamedTable]) -> int:
    """Read ``a x, 'b.csv' y, (select …) z`` from ``index`` on; return the index behind it."""
    while index < len(tokens):
        first = tokens[index]
        name, query, is_path = first.name, "", first.kind == "text"
        index += 1
        if first.key == "(":
            end = _closing(tokens, index - 1)
            if end >= len(tokens):
                return index  # still being typed: what it selects from comes as tokens of the statement
            inside = text[first.end : tokens[end].start]
            found.extend(table for table in tables_in(inside))
            name, query, index = "", inside, end + 1
        elif first.kind == "sign" or first.key in _AFTER_TABLE:
            return index - 1 if first.key in _AFTER_TABLE else index
        elif index < len(tokens) and tokens[index].key == "(":  # read_parquet('…')
            end = _closing(tokens, index)
            query = "from " + text[first.start : tokens[min(end, len(tokens) - 1)].end]
            index = end + 1
        while index + 1 < len(tokens) and tokens[index].key == ".":  # schema.table
            name, index = tokens[index + 1].name, index + 2
        if index < len(tokens) and tokens[index].key == "as":
            index += 1
        alias = name
        if index < len(tokens) and tokens[index].kind != "sign" and tokens[index].key not in _AFTER_TABLE:
            alias, index = tokens[index].name, index + 1
        found.append(NamedTable(alias=alias, name=name, is_path=is_path, query=query))
        if index >= len(tokens) or tokens[index].key != ",":
            return index
        index += 1
    return index


def _closing(tokens: list[Word], index: int) -> int:
    """Return the index of the parenthesis that closes the one at ``index``; the number of tokens if there is none."""
    depth = 0
    for place in range(index, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[place].key, 0)
        if depth == 0:
            return place
    return len(tokens)


def _in_with(tokens: list[Word], index: int) -> bool:
    """Return whether the ``as`` at ``index`` follows a name of a WITH clause."""
    before = tokens[max(0, index - 3) : max(0, index - 1)]
    return bool(tokens) and tokens[0].key == "with" and bool(before) and before[-1].key in ("with", "recursive", ",")
