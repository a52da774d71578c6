"""From SQL text to sqlglot's tree, with the place of every mistake. Must not know tables, columns or plans.

sqlglot is used to parse only: names, types and meaning are resolved by ``volley.sql.bind``. Positions come from the
offsets that sqlglot leaves on tokens; a node without one takes the first offset below it.
"""

from __future__ import annotations

import difflib
import logging
import re
import threading
from dataclasses import dataclass, replace
from functools import lru_cache

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from ..engine.errors import ConfigError, PlanError, SqlError, UnsupportedOperation, suggestion
from .byte_texts import with_bytes
from .chains import with_chains
from .collations import without_collations
from .constant_texts import with_whole_constants
from .interval_texts import with_whole_intervals
from .merge_errors import with_errors
from .null_order import Ordering
from .pivot_tails import with_whole_pivots
from .trees import parts_of
from .word_texts import with_known_words

_STATEMENTS = ("select", "with", "from", "values")
_OTHER_STATEMENTS = ("create", "insert", "drop", "copy", "describe", "summarize", "show", "explain")
_KEYWORDS = (
    "select", "from", "where", "group by", "order by", "partition by", "having", "limit", "offset", "join", "union",
    "using", "values", "distinct", "between", "qualify", "window", "intersect", "except", "left", "right", "inner",
    "outer", "cross", "case", "when", "then", "else", "like", "desc", "filter", "over", "exists", "with",
)  # fmt: skip
"""Words that people misspell where the parser then stumbles over them or over what follows."""
_QUERIES = frozenset({"select", "with", "from", "values", "("})
"""Words that no other statements begin with."""
_OTHERS = (
    exp.Describe | exp.Summarize | exp.Show | exp.Create | exp.Drop | exp.Copy
    | exp.Insert | exp.Update | exp.Delete | exp.Merge | exp.TruncateTable | exp.Set | exp.Alter | exp.Pragma
)  # fmt: skip
_KNOWN_ELSEWHERE = (
    "create", "insert", "update", "delete", "drop", "alter", "copy", "set", "reset", "explain", "describe",
    "summarize", "show", "pivot", "unpivot", "attach", "detach", "use", "install", "load", "pragma", "call",
    "begin", "commit", "rollback", "merge", "truncate", "vacuum", "analyze", "prepare", "execute", "comment", "export",
    "import",
)  # fmt: skip


class TooDeep(SqlError):
    """A statement is nested deeper than the stack of the thread that reads it."""

    def __init__(self) -> None:
        super().__init__("the query is nested too deeply; name parts of it in a WITH clause")


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlText:
    """A SQL text, its dialect and what its ORDER BY means by default; makes errors that point into it."""

    text: str
    dialect: str = "duckdb"
    ordering: Ordering | None = None

    def place(self, node: exp.Expr | None) -> tuple[int, int] | tuple[None, None]:
        """Return the 1-based line and column where a node begins, or Nones where that is not known."""
        offset = None
        while node is not None and offset is None:  # a node without a place shows that of what it stands in
            offset, node = _offset(node), node.parent
        return (None, None) if offset is None else self.line_column(offset)

    def line_column(self, offset: int) -> tuple[int, int]:
        """Return the 1-based line and column of a character offset."""
        before = self.text[:offset]
        return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1

    def error(self, node: exp.Expr | None, message: str) -> SqlError:
        """Return an error about a node."""
        line, column = self.place(node)
        return SqlError(message, line=line, column=column, text=self.text)

    def error_at(self, offset: int, message: str) -> SqlError:
        """Return an error about the character at an offset."""
        line, column = self.line_column(offset)
        return SqlError(message, line=line, column=column, text=self.text)

    def placed(self, node: exp.Expr) -> _Placed:
        """Give errors of the engine, such as wrong types, the place of the node that is being bound."""
        return _Placed(self, node)

    def written(self, node: exp.Expr) -> str:
        """Return the word at which a node begins, as it is written in the text."""
        start = node.meta.get("start")
        found = None if start is None else re.match(r"\w+", self.text[start:])
        if found:
            return found[0]
        return node.sql_name().lower() if isinstance(node, exp.Func) else node.key.replace("_", " ")

    def unsupported(self, node: exp.Expr | None, what: str, instead: str = "") -> UnsupportedOperation:
        """Return the error for SQL that is right but not offered; ``what`` names the construct."""
        placed = self.error(node, _refusal(what, instead))
        return UnsupportedOperation(str(placed), place=placed)

    def unsupported_at(self, offset: int, what: str, instead: str = "") -> UnsupportedOperation:
        """Return the same error about the character at an offset."""
        placed = self.error_at(offset, _refusal(what, instead))
        return UnsupportedOperation(str(placed), place=placed)


def _refusal(what: str, instead: str) -> str:
    return f"{what} is not supported in SQL" + (f"; {instead}" if instead else "")


class _Placed:
    """Context of `SqlText.placed`; a class, as it stands around every node that is bound and a generator costs more."""

    __slots__ = ("_node", "_source")

    def __init__(self, source: SqlText, node: exp.Expr) -> None:
        self._source, self._node = source, node

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PlanError) and not isinstance(error, SqlError | UnsupportedOperation):
            raise self._source.error(self._node, str(error)) from None


def _offset(node: exp.Expr) -> int | None:
    found = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    return min(found) if found else None


def parse(source: SqlText) -> exp.Expr:
    """Parse one query; raises as `parse_statement`, and where the statement is no query."""
    tree = parse_statement(source)
    if not isinstance(tree, exp.Query | exp.Values | exp.Pivot):
        raise source_unsupported(source, tokens_of(source))
    return tree


def tokens_of(source: SqlText) -> list[Token]:
    """Return the tokens of a text; `SqlError` where something is opened and never closed."""
    try:
        return list(_tokens(source.text, source.dialect))
    except TokenError as error:
        missing = re.match(r"Missing (\S+) from", str(error.__context__ or ""))
        what = missing[1] if missing else "*/"
        raise _unclosed(source, what) from None


@lru_cache(maxsize=1)  # what kind of statement a text is, and its tree, are read from the same tokens
def _tokens(text: str, dialect: str) -> tuple[Token, ...]:
    return tuple(dialect_named(dialect).tokenize(text))


def from_offset(source: SqlText, start: int, end: int | None = None, before: str = "") -> SqlText:
    """Return a part of a text that keeps its place, so that errors show where it is; ``before`` is put before it."""
    blank = "".join(sign if sign == "\n" else " " for sign in source.text[: start - len(before)])
    return replace(source, text=blank + before + source.text[start:end])


def explained(source: SqlText) -> tuple[str, SqlText] | None:
    """Return the stage of the plan that an EXPLAIN asks for and the query in it; None for other statements.

    The query keeps its place in the text, so that errors show where they are.
    """
    tokens = tokens_of(source)
    if not tokens or tokens[0].text.lower() != "explain":
        return None
    end = tokens[0].end + 1
    analyze = re.match(r"\s*analyze\b", source.text[end:], re.IGNORECASE)
    end += analyze.end() if analyze else 0
    return ("analyze" if analyze else "optimized"), from_offset(source, end)


def is_query(source: SqlText) -> bool:
    """Return whether a text begins as queries alone do."""
    tokens = tokens_of(source)
    return bool(tokens) and tokens[0].text.lower() in _QUERIES


def reset_setting(source: SqlText) -> str | None:
    """Return the name of the setting that a RESET names, which sqlglot does not parse; None for other statements."""
    found = re.fullmatch(r"\s*reset\s+(\w+)\s*;?\s*", source.text, re.IGNORECASE)
    return found[1].lower() if found else None


def parse_statement(source: SqlText) -> exp.Expr:
    """Parse one statement.

    Raises
    ------
    SqlError
        If the text is empty, wrong, or holds more than one statement.
    UnsupportedOperation
        If the statement is of no known kind.
    ConfigError
        If the dialect is unknown.
    """
    dialect = dialect_named(source.dialect)
    tokens = tokens_of(source)
    ordering = source.ordering
    statements = _statements(source, dialect, tokens) if ordering is None else _ordered(source, ordering, tokens)
    if not statements:
        raise SqlError("there is no SQL in the text; write a query such as: select 1")
    if len(statements) > 1:
        end = next(t for t in tokens if t.token_type is TokenType.SEMICOLON)
        raise source.error_at(end.end + 1, "more than one statement in the text; run them one at a time")
    tree = statements[0]
    if not isinstance(tree, exp.Query | exp.Values | exp.Pivot | _OTHERS):
        if not _begins_elsewhere(tokens):
            raise _not_a_statement(source, tokens)
        raise source_unsupported(source, tokens)
    _require_join_conditions(source, tree, tokens)
    if any(token.token_type is TokenType.COLLATE for token in tokens):
        return without_collations(source, tree)
    return tree


def dialect_named(name: str) -> Dialect:
    """Return sqlglot's dialect of a name; `ConfigError` where there is none."""
    try:
        return Dialect.get_or_raise(name)
    except ValueError:
        known = sorted(key for key in Dialect.classes if key)
        raise ConfigError(f"unknown SQL dialect {name!r}{suggestion(name, known)}") from None


def _unclosed(source: SqlText, delimiter: str) -> SqlError:
    opener = "/*" if delimiter == "*/" else delimiter
    offset = source.text.rfind(opener)
    message = f"{opener} is opened and never closed; add {delimiter}"
    return source.error_at(offset, message) if offset >= 0 else SqlError(message, text=source.text)


class _Unheard(logging.Filter):
    """Keeps back what sqlglot warns of while it parses for us: of syntax that it does not know we raise an error."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(_parsing, "now", False)


_parsing = threading.local()
logging.getLogger("sqlglot").addFilter(_Unheard())


def _statements(source: SqlText, dialect: Dialect, tokens: list[Token]) -> list[exp.Expr]:
    _parsing.now = True
    try:
        parsed = dialect.parser().parse(_read(tokens), source.text)
    except ParseError as error:
        raise _syntax_error(source, tokens, error) from None
    except RecursionError:
        raise TooDeep from None
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:  # a mistake of the parser's own
        message = f"{source.dialect}'s parser cannot read this: {error}; a call in it may lack an argument"
        raise SqlError(message, text=source.text) from None
    finally:
        _parsing.now = False
    return [tree for tree in parsed if tree is not None and not isinstance(tree, exp.Semicolon)]


def _read(tokens: list[Token]) -> list[Token]:
    """Return the tokens of a statement with what the parser does not know written in words that it knows."""
    for rewritten in _REWRITTEN:
        tokens = rewritten(tokens)
    return tokens


def _ordered(source: SqlText, ordering: Ordering, tokens: list[Token]) -> list[exp.Expr]:
    """Parse with each default place of nulls that a dialect can have, to see which keys state theirs."""
    if ordering.nulls is None:
        places = [dialect_named(source.dialect).NULL_ORDERING] * 2
    else:
        places = ["nulls_are_large", "nulls_are_small"]
    found = []
    for place in places:
        dialect = dialect_named(source.dialect)
        dialect.NULL_ORDERING = place  # of this object alone
        found.append(_statements(source, dialect, tokens))
    for large, small in zip(*found, strict=True):
        ordering.complete(large, small)
    return found[0]


def _numbered(tokens: list[Token]) -> list[Token]:
    """Write each ``?`` as ``$1``, ``$2``, … in the order of the text, which the tree does not keep."""
    if not any(token.token_type is TokenType.PLACEHOLDER for token in tokens):
        return tokens
    result: list[Token] = []
    count = 0
    for token in tokens:
        if token.token_type is not TokenType.PLACEHOLDER:
            result.append(token)
            continue
        count += 1
        place = (token.line, token.col, token.start, token.end)
        result.append(Token(TokenType.PARAMETER, "$", *place))
        result.append(Token(TokenType.NUMBER, str(count), *place))
    return result


_REWRITTEN = (
    _numbered, with_errors, with_known_words, with_whole_intervals, with_whole_constants, with_bytes, with_whole_pivots,
    with_chains,
)  # fmt: skip


def _syntax_error(source: SqlText, tokens: list[Token], error: ParseError) -> PlanError:
    if tokens and tokens[0].text.upper() in _ELSEWHERE:
        return source_unsupported(source, tokens)
    if tokens and not _begins_elsewhere(tokens) and tokens[0].text.lower().lstrip("(") not in (*_STATEMENTS, ""):
        return _not_a_statement(source, tokens)
    detail = error.errors[0]
    before, found = str(detail["start_context"] or ""), str(detail["highlight"] or "")
    offset = source.text.find(before + found)
    message = _plain(str(detail["description"]), found)
    if offset < 0:
        return SqlError(message, line=detail["line"], column=detail["col"], text=source.text)
    offset += len(before)
    place = next((index for index, token in enumerate(tokens) if token.start == offset), None)
    if place is not None:
        if place == len(tokens) - 1 and ": expecting" in message:  # what is missing would come behind it
            message = message.replace("syntax error at", "syntax error after", 1)
        message += _misspelt(tokens[max(0, place - 1) : place + 1])
    return source.error_at(offset, message)


def _misspelt(tokens: list[Token]) -> str:
    """Return the hint that one of the words around a mistake may stand for a keyword, or nothing."""
    for token in tokens:
        word = token.text.lower()
        near = difflib.get_close_matches(word, _KEYWORDS, n=1, cutoff=0.75)
        if near and near[0] != word and word not in _KEYWORDS and token.token_type is not TokenType.STRING:
            return f"; did you mean {near[0]!r} by {token.text!r}?"
    return ""


def _plain(description: str, found: str) -> str:
    """Say sqlglot's complaint in the words of SQL."""
    missing = re.match(r"Required keyword: '(\w+)' missing for <class '.*\.(\w+)'>", description)
    if missing:
        return f"syntax error: something is missing after {found!r}"
    if description.startswith("Invalid expression"):
        return f"syntax error at {found!r}"
    described = re.sub(r"<Token .*?text: (.*?), line.*?>", r"\1", description)
    described = described[0].lower() + described[1:]
    return f"syntax error at {found!r}: {described}"


def _begins_elsewhere(tokens: list[Token]) -> bool:
    return bool(tokens) and tokens[0].text.lower() in _KNOWN_ELSEWHERE


def _not_a_statement(source: SqlText, tokens: list[Token]) -> SqlError:
    word = tokens[0].text
    if word.startswith("\\"):
        return source.error_at(
            tokens[0].start,
            "commands with a backslash are for the prompt; a script has show tables, and describe t",
        )
    near = suggestion(word, (*_STATEMENTS, *_OTHER_STATEMENTS))
    hint = near if "did you mean" in near else "; a query begins with select, with, from or values"
    return source.error_at(tokens[0].start, f"{word!r} does not begin a statement{hint}")


_ELSEWHERE = {
    "ATTACH": "write a query of files by their quoted paths: from 'trips.parquet'",
    "DETACH": "write a query of files by their quoted paths: from 'trips.parquet'",
    "COMMENT": "leave it out",
    "EXPORT": "write each table: copy t to 't.parquet'",
    "IMPORT": "read each table: create table t as from 't.parquet'",
}
"""What to write for statements that are not here."""


def source_unsupported(source: SqlText, tokens: list[Token]) -> UnsupportedOperation:
    """Return the error for a statement that is no query."""
    word = tokens[0].text.upper()
    instead = _ELSEWHERE.get(word, "write a query")
    placed = source.error_at(tokens[0].start, f"{word} is not supported in SQL; {instead}")
    return UnsupportedOperation(str(placed), place=placed)


def _require_join_conditions(source: SqlText, tree: exp.Expr, tokens: list[Token]) -> None:
    """Refuse ``a join b`` without a condition, which sqlglot reads as ``a, b``."""
    keywords = [token for token in tokens if token.token_type is TokenType.JOIN]
    if not keywords:
        return
    joins = [part for part in parts_of(tree) if isinstance(part, exp.Join)]
    stated = [j for j in joins if any(v for k, v in j.args.items() if k != "this")]
    if len(keywords) <= len(stated):
        return
    for join in joins:
        offset = _offset(join.this)
        if not any(v for k, v in join.args.items() if k != "this") and offset is not None:
            before = [token for token in keywords if token.start < offset]
            if before and "," not in source.text[before[-1].end : offset]:
                raise source.error_at(
                    before[-1].start, "a join needs ON, USING or NATURAL; write cross join for all pairs"
                )
