"""What Tab offers: keywords, functions, tables, their columns, and dot commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from ...engine.expr.catalogue import SQL_AGGREGATES, SQL_FUNCTIONS

KEYWORDS = (
    "all", "and", "any", "anti", "as", "asc", "between", "by", "case", "cast", "cross", "date", "desc", "distinct",
    "else", "end", "escape", "except", "exclude", "exists", "extract", "false", "filter", "first", "from", "full",
    "group", "having", "ilike", "in", "inner", "intersect", "interval", "is", "join", "last", "left", "like",
    "limit", "natural", "not", "null", "nulls", "offset", "on", "or", "order", "outer", "replace", "right",
    "select", "semi", "then", "timestamp", "true", "try_cast", "union", "using", "values", "when", "where", "with",
)  # fmt: skip
_WORD = re.compile(r"[\w.]*$")


class SqlCompleter(Completer):
    """Completes the word before the cursor.

    Parameters
    ----------
    tables
        Gives the columns of each table by its name; asked at each Tab, because tables come and go.
    commands
        Dot commands.
    """

    def __init__(self, tables: Callable[[], Mapping[str, Sequence[str]]], commands: Iterable[str]) -> None:
        self._tables = tables
        self._commands = tuple(commands)

    def get_completions(self, document: Document, _: CompleteEvent) -> Iterable[Completion]:
        """Yield what the word before the cursor may become: columns first, then tables, functions and keywords."""
        before = document.text_before_cursor
        match = _WORD.search(before)
        word = match[0] if match else ""
        if before.strip().startswith("."):
            choices = [(name, "command") for name in self._commands]
        else:
            choices = self._choices(word, before)
        typed = word.rpartition(".")[2] if not before.strip().startswith(".") else word
        for text, kind in choices:
            if typed and text.lower().startswith(typed.lower()) and text.lower() != typed.lower():
                yield Completion(text, start_position=-len(typed), display_meta=kind)

    def _choices(self, word: str, before: str) -> list[tuple[str, str]]:
        tables = self._tables()
        owner = word.rpartition(".")[0]
        if owner:
            return [(c, name) for name, columns in tables.items() if name.lower() == owner.lower() for c in columns]
        upper = word.isupper() or (not word.islower() and before[: -len(word) or None].isupper())
        columns = {column: name for name, names in tables.items() for column in names}
        return [
            *columns.items(),
            *((name, "table") for name in tables),
            *((name, "function") for name in sorted({*SQL_FUNCTIONS, *SQL_AGGREGATES})),
            *((name.upper() if upper else name, "keyword") for name in KEYWORDS),
        ]
