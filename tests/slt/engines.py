"""The engines that logic tests run on: Volley, which is tested, and DuckDB and SQLite, which know the answers."""

from __future__ import annotations

import contextlib
import re
import signal
import sqlite3
from collections.abc import Iterator
from typing import Any, Protocol

import duckdb
import pyarrow as pa

import volley.api  # noqa: F401 - makes the formats of files and the models known
from tests.slt.results import Answer
from tests.support.simulated_gpu import SESSIONS
from volley.engine.errors import Cancelled, PlanError, UnsupportedOperation, VolleyError
from volley.sql.frames import FrameCatalogue
from volley.sql.shell.pieces import pieces
from volley.sql.statements import execute


class Failed(Exception):
    """The engine refused or failed as it should: with an error of its own."""


class Unsupported(Failed):
    """The engine says that it does not offer this."""


class Crashed(Failed):
    """The engine failed in a way that it must not: with an error that is not its own, or not within the time."""


class Engine(Protocol):
    """What runs the SQL of one file."""

    name: str

    def run(self, sql: str) -> Answer:
        """Run a text of one statement or several and return what the last one gave; raises `Failed`."""
        ...


class Volley:
    """This repository's engine, one session."""

    name = "volley"

    def __init__(
        self,
        *,
        dialect: str = "duckdb",
        timeout: float = 60.0,
        memory_limit: str | None = "4GiB",
        device: str = "cpu",
        cluster: Any = None,
    ) -> None:
        self._session = SESSIONS[device](memory_limit=memory_limit, cluster=cluster)
        self._dialect, self._timeout = dialect, timeout

    def run(self, sql: str) -> Answer:
        """Run the statements of a text; no statement may take longer than the time limit."""
        table = pa.table({})
        try:
            with _deadline(self._timeout):
                for piece in pieces(sql, self._dialect):
                    catalogue = FrameCatalogue({}, session=self._session)
                    table = execute(piece.text, catalogue, self._session, dialect=self._dialect).to_arrow()
        except UnsupportedOperation as error:
            raise Unsupported(_first_line(error)) from error
        except (Cancelled, KeyboardInterrupt) as error:
            raise Crashed(f"no answer within {self._timeout:g} s") from error
        except VolleyError as error:
            message = _first_line(error)
            missing = isinstance(error, PlanError) and message.startswith("unknown function")
            raise (Unsupported if missing else Failed)(message) from error
        except Exception as error:
            raise Crashed(f"{type(error).__name__}: {_first_line(error)}") from error
        return from_arrow(table)


def _first_line(error: Exception) -> str:
    """Return what an error says, without the place in the text and the drawing below it."""
    lines = str(error).splitlines() or [""]
    return re.sub(r" \(line \d+, column \d+\)$", "", lines[0])


@contextlib.contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Interrupt this thread, as Ctrl-C does, after some time."""

    def interrupt(_signal: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    others, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, others)


class DuckDB:
    """The oracle, in memory."""

    name = "duckdb"

    def __init__(self) -> None:
        self._connection = duckdb.connect(config={"threads": 1, "python_enable_replacements": False})

    def run(self, sql: str) -> Answer:
        """Run the statements of a text."""
        try:
            relation = self._connection.sql(sql)
            return NOTHING if relation is None else from_arrow(relation.to_arrow_table())
        except duckdb.Error as error:
            raise Failed(_first_line(error)) from error


class SQLite:
    """The other oracle, in memory; it knows fewer functions and types."""

    name = "sqlite"

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)

    def run(self, sql: str) -> Answer:
        """Run one statement."""
        try:
            cursor = self._connection.execute(sql)
            rows = tuple(cursor.fetchall())
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise Failed(str(error)) from error
        columns = len(cursor.description or ())
        kinds = "".join(_kind_of_values([row[i] for row in rows]) for i in range(columns))
        texts = tuple(tuple(None if value is None else str(value) for value in row) for row in rows)
        return Answer(values=rows, texts=texts, kinds=kinds)


NOTHING = Answer(values=(), texts=(), kinds="")
_printer = duckdb.connect(config={"threads": 1})
"""Writes every type as DuckDB does."""


def from_arrow(table: pa.Table) -> Answer:
    """Return the answer that a table is."""
    if not table.num_columns:
        return NOTHING
    plain = table.rename_columns([f"c{i}" for i in range(table.num_columns)])
    _printer.register("answer", plain)
    casts = ", ".join(f"cast(c{i} as varchar)" for i in range(table.num_columns))
    texts = _printer.execute(f"select {casts} from answer").fetchall()
    _printer.unregister("answer")
    kinds = "".join(map(_kind_of_type, table.schema.types))
    numeric = [kind != "T" for kind in kinds]
    columns = [
        column.to_pylist() if number else [row[i] for row in texts]
        for i, (column, number) in enumerate(zip(plain.columns, numeric, strict=True))
    ]
    return Answer(values=tuple(zip(*columns, strict=True)), texts=tuple(texts), kinds=kinds)


def _kind_of_type(dtype: pa.DataType) -> str:
    if pa.types.is_integer(dtype) or (pa.types.is_decimal(dtype) and dtype.scale == 0):
        return "I"
    return "R" if pa.types.is_floating(dtype) or pa.types.is_decimal(dtype) else "T"


def _kind_of_values(values: list[Any]) -> str:
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, int) for value in known):
        return "I"
    return "R" if known and all(isinstance(value, int | float) for value in known) else "T"


ENGINES = {"volley": Volley, "duckdb": DuckDB, "sqlite": SQLite}
