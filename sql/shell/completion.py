"""What Tab offers: columns of the statement's tables, tables, functions, keywords, paths in quotes, dot commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from .commands import Command
from .statement_text import NamedTable, Word, clause_before, query_of_file, statement_around, tables_in, words
from .words import KEYWORDS, STARTS, TABLE_FUNCTIONS, TYPES, functions

_DATA_FILE = re.compile(
    r".*\.(parquet|pq|csv|tsv|txt|json|jsonl|ndjson|arrow|feather|ipc|orc)(\.(gz|bz2|zst|xz|lz4))?", re.IGNORECASE
)
_SCRIPT = re.compile(r".*\.sql", re.IGNORECASE)
_NAME_CLAUSES = ("from", "join", "into", "describe", "summarize")


@dataclass(frozen=True, slots=True)
class Choice:
    """What may be put in, what is said about it, and whether it is a name that may need quotes."""

    text: str
    meaning: str
    is_name: bool = True

    def inserted(self, *, quoted: bool) -> str:
        """Return what is put in, behind an open quote or not."""
        plain = re.fullmatch(r"[^\W\d]\w*", self.text) and self.text.lower() not in _RESERVED
        if not self.is_name or (plain and not quoted):
            return self.text
        return '"' + self.text.replace('"', '""') + '"'


class SqlCompleter(Completer):
    """Completes the word before the cursor.

    Parameters
    ----------
    tables
        Gives the columns of each registered table by its name; asked at each Tab, because tables come and go.
    columns
        Gives the columns of a query or a file, empty where it is wrong.
    commands
        Dot commands.
    """

    def __init__(
        self,
        tables: Callable[[], Mapping[str, Sequence[str]]],
        columns: Callable[[str], Sequence[str]],
        commands: Mapping[str, Command],
    ) -> None:
        self._tables, self._columns, self._commands = tables, columns, commands
        self._functions = functions()

    def get_completions(self, document: Document, _: CompleteEvent) -> Iterable[Completion]:
        """Yield what the word before the cursor may become, the likeliest first."""
        try:
            yield from list(self._completions(document))
        except Exception:  # noqa: BLE001  # no proposal is worth an error at the prompt
            return

    def _completions(self, document: Document) -> Iterator[Completion]:
        line = document.current_line_before_cursor.lstrip()
        if line.startswith(".") and not re.match(r"\.\d", line):
            return self._of_command(line)
        text, cursor = statement_around(document.text, document.cursor_position)
        before = words(text[:cursor])
        last = before[-1] if before and before[-1].end == cursor else None
        if last is not None and last.kind == "text" and not last.closed:
            if clause_before(before[:-1]) in ("from", "join", "to", "describe", "summarize"):
                return paths(last.name, _DATA_FILE, close="'")
            return iter(())
        return self._of_statement(text, before, last)

    def _of_statement(self, text: str, before: list[Word], last: Word | None) -> Iterator[Completion]:
        typed = last if last is not None and (last.kind == "word" or not last.closed) else None
        left = before[:-1] if typed is not None else before
        word = typed.name if typed is not None else ""
        quoted = typed is not None and typed.kind == "quoted"
        owner = left[-2].name if len(left) > 1 and left[-1].key == "." else ""
        if owner:
            choices = self._owned(owner, tables_in(text))
        elif left and left[-1].key == "::":
            choices = _spelled(TYPES, "type", upper=False)
        elif not left:
            choices = _spelled(STARTS, "keyword", upper=word.isupper() and bool(word))
        else:
            choices = self._choices(text, left, word, quoted=quoted)
        start = typed.start - typed.end if typed is not None else 0
        for choice in _unique(choices):
            if choice.text.lower().startswith(word.lower()) and (quoted or choice.text.lower() != word.lower()):
                yield Completion(
                    choice.inserted(quoted=quoted),
                    start_position=start,
                    display=choice.text,
                    display_meta=choice.meaning,
                )

    def _choices(self, text: str, left: list[Word], word: str, *, quoted: bool) -> list[Choice]:
        """Return what may stand in a place that is not behind a dot; only names where no letter is typed yet."""
        registered = self._tables()
        found = tables_in(text)
        behind = left[-1].key
        if behind in _NAME_CLAUSES or (behind == "," and clause_before(left) in ("from", "join")):
            names = [*registered, *(table.alias for table in found if table.query and table.alias)]
            called = [Choice(name, does, is_name=False) for name, does in TABLE_FUNCTIONS.items() if word]
            return [*(Choice(name, "table") for name in names), *called]
        columns = [Choice(c, table.alias or "subquery") for table in found for c in self._columns_of(table)]
        if not found:
            columns = [Choice(column, name) for name, names in registered.items() for column in names]
        tables = [Choice(name, "table") for name in (*(t.alias for t in found if t.alias), *registered)]
        if quoted or not word:
            return [*columns, *tables]
        called = [Choice(name, does, is_name=False) for name, does in self._functions.items()]
        return [*columns, *tables, *called, *_spelled(KEYWORDS, "keyword", upper=_writes_upper(word, text))]

    def _owned(self, owner: str, found: list[NamedTable]) -> list[Choice]:
        for table in found:
            if owner.lower() in (table.alias.lower(), table.name.lower()):
                return [Choice(column, table.alias) for column in self._columns_of(table)]
        registered = self._tables().items()
        return [Choice(c, name) for name, columns in registered if name.lower() == owner.lower() for c in columns]

    def _columns_of(self, table: NamedTable) -> Sequence[str]:
        for name, columns in self._tables().items():
            if not table.query and not table.is_path and name.lower() == table.name.lower():
                return columns
        if table.is_path:
            return self._columns(query_of_file(table.name))
        return self._columns(table.query) if table.query else ()

    def _of_command(self, line: str) -> Iterator[Completion]:
        name, space, argument = line.partition(" ")
        if not space:
            for known, command in self._commands.items():
                if known.startswith(name.lower()) and known != name:
                    yield Completion(known, start_position=-len(name), display_meta=command.summary)
            return
        offers = self._commands[name].offers if name in self._commands else ()
        word = argument.lstrip()
        if offers in {"data", "script"}:
            yield from paths(word, _DATA_FILE if offers == "data" else _SCRIPT)
            return
        choices = self._tables() if offers == "tables" else offers
        for choice in choices:
            if choice.lower().startswith(word.lower()) and choice != word:
                yield Completion(choice, start_position=-len(word))


def paths(typed: str, wanted: re.Pattern[str], close: str = "") -> Iterator[Completion]:
    """Yield folders and the wanted files whose path begins as typed; ``close`` is put behind a file."""
    if "://" in typed:
        return
    folder, slash, begin = typed.rpartition("/")
    directory = Path(folder + slash).expanduser() if slash else Path()
    try:
        entries = sorted(directory.iterdir(), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        hidden = entry.name.startswith(".") and not begin.startswith(".")
        if hidden or not entry.name.startswith(begin):
            continue
        if entry.is_dir():
            yield Completion(f"{entry.name}/", start_position=-len(begin), display_meta="folder")
        elif wanted.fullmatch(entry.name):
            name = entry.name.replace("'", "''") if close else entry.name
            yield Completion(name + close, start_position=-len(begin), display=entry.name, display_meta="file")


def _spelled(choices: Iterable[str], meaning: str, *, upper: bool) -> list[Choice]:
    return [Choice(text.upper() if upper else text, meaning, is_name=False) for text in choices]


def _unique(choices: Iterable[Choice]) -> Iterator[Choice]:
    seen = set()
    for choice in choices:
        if choice.text not in seen:
            seen.add(choice.text)
            yield choice


def _writes_upper(word: str, text: str) -> bool:
    """Return whether keywords are written in capitals: so is the typed word, or those before it."""
    if word and not word.isnumeric():
        return word.isupper()
    typed = [w.value for w in words(text) if w.key in KEYWORDS]
    return bool(typed) and all(value.isupper() for value in typed)


_RESERVED = frozenset((
    "all", "and", "any", "as", "asc", "between", "by", "case", "cast", "cross", "desc", "distinct", "else", "end",
    "except", "exists", "false", "for", "from", "full", "group", "having", "in", "inner", "intersect", "into", "is",
    "join", "left", "like", "limit", "not", "null", "on", "or", "order", "outer", "right", "select", "table",
    "then", "to", "true", "union", "using", "values", "when", "where", "window", "with",
))  # fmt: skip
