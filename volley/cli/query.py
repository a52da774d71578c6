"""From the arguments of ``sql`` and ``explain`` to a session and a lazy frame."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..api import DataFrame, Session  # the facade also says who opens the files that a query names
from ..engine.errors import ConfigError
from ..engine.plan import Scan
from ..engine.runners import Observer
from ..io import open_source
from ..sql import query


def open_session(arguments: argparse.Namespace, observer: Observer | None = None) -> Session:
    """Return the session that the arguments ask for."""
    return Session(
        device=arguments.device or "auto",
        threads=arguments.threads,
        memory_limit=arguments.memory_limit,
        observer=observer,
    )


def frame_of(arguments: argparse.Namespace) -> DataFrame:
    """Return the frame of the query over the files, without running it.

    Raises
    ------
    ConfigError
        Where there is no query, two files would get the same table name, or a parameter has no name.
    """
    parameters = dict(map(parameter, arguments.parameters))
    text = _query_text(arguments)
    return query(text, tables_of(arguments), params=parameters or None, dialect=arguments.dialect)


def tables_of(arguments: argparse.Namespace) -> dict[str, DataFrame]:
    """Return a frame for each file on the command line, by its table name.

    Raises
    ------
    ConfigError
        Where two files would get the same name.
    """
    tables: dict[str, DataFrame] = {}
    for argument in arguments.files:
        name, path = table_name(argument)
        if name in tables:
            raise ConfigError(f"two files would be the table {name!r}; name one of them: other={path}")
        tables[name] = DataFrame.from_plan(Scan(source=open_source(path)))
    return tables


def _query_text(arguments: argparse.Namespace) -> str:
    if arguments.query is not None:
        return str(arguments.query)
    if arguments.query_file is not None:
        try:
            return str(arguments.query_file.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"the query file {arguments.query_file} cannot be read: {error.strerror}") from None
    if sys.stdin.isatty():
        raise ConfigError('there is no query; give one with -c "select …", with -f FILE, or on standard input')
    return sys.stdin.read()


def table_name(argument: str) -> tuple[str, str]:
    """Split ``name=path``; without a name it is that of the file or folder without its suffix.

    Raises
    ------
    ConfigError
        Where no name can be made of a path.
    """
    name, equals, path = argument.partition("=")
    if equals and name.isidentifier():
        return name, path
    plain = [part for part in Path(argument.partition("://")[2] or argument).parts if not set(part) & set("*?[")]
    stem = plain[-1].partition(".")[0] if plain else ""
    made = "".join(sign if sign.isalnum() or sign == "_" else "_" for sign in stem)
    if not made or made[0].isdigit():
        raise ConfigError(f"{argument} needs a table name: trips={argument}")
    return made, argument


def parameter(argument: str) -> tuple[str, object]:
    """Split ``NAME=VALUE``; the value is a number, true, false, null, or else text."""
    name, equals, text = argument.partition("=")
    if not equals or not name.isidentifier():
        raise ConfigError(f"--param needs NAME=VALUE, not {argument!r}")
    words = {"true": True, "false": False, "null": None}
    if text in words:
        return name, words[text]
    for kind in (int, float):
        try:
            return name, kind(text)
        except ValueError:
            continue
    return name, text
