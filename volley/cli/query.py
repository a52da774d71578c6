"""From the arguments of ``sql`` and ``explain`` to a session, a shell and a lazy frame."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..api import DataFrame, Session  # the facade also says who opens the files that a query names
from ..engine.errors import ConfigError
from ..engine.plan import Scan
from ..engine.runners import Observer
from ..io import open_source
from ..sql import query
from ..sql.shell import Shell, names_parameter, script_text
from .display import Display


def open_session(arguments: argparse.Namespace, observer: Observer | None = None, **where: str | None) -> Session:
    """Return the session that the arguments ask for; ``where`` overrides ``device`` and ``cluster``."""
    settings: dict[str, Any] = {"device": arguments.device or "auto", "cluster": arguments.cluster, **where}
    for name in ("threads", "memory_limit", "spill_dir"):
        settings[name] = getattr(arguments, name)
    return Session(**settings, observer=observer)


def shell_of(arguments: argparse.Namespace, session: Session, display: Display, *, timer: bool) -> Shell:
    """Return a shell with the dialect and parameters of the arguments.

    Raises
    ------
    ConfigError
        Where a parameter has no name, or the dialect is unknown.
    """

    def reopen(**where: str | None) -> Session:
        now = {"device": session.device.name}
        return open_session(arguments, session.observer, **{**now, **where})

    return Shell(
        session,
        display,
        dialect=arguments.dialect,
        params=dict(map(parameter, arguments.parameters)) or None,
        commands=display.commands(),
        reopen=reopen,
        timer=timer,
    )


def require_parameters(arguments: argparse.Namespace, text: str) -> None:
    """Refuse a parameter that a script does not name, which may be a slip of the pen.

    Raises
    ------
    ConfigError
        Where there is one.
    """
    for name in dict(map(parameter, arguments.parameters)):
        if not names_parameter(text, name):
            raise ConfigError(f"the text has no parameter ${name}; remove --param {name}=… or name it in the text")


def frame_of(arguments: argparse.Namespace) -> DataFrame:
    """Return the frame of the query over the files, without running it.

    Raises
    ------
    ConfigError
        Where there is no query, two files would get the same table name, or a parameter has no name.
    """
    parameters = dict(map(parameter, arguments.parameters))
    text, _ = query_text(arguments)
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
        if path.lower().endswith(".sql"):
            raise ConfigError(f"{path} is a script, not a table; give it with -f {path}")
        if name in tables:
            raise ConfigError(f"two files would be the table {name!r}; name one of them: other={path}")
        tables[name] = DataFrame.from_plan(Scan(source=open_source(path)))
    return tables


def query_text(arguments: argparse.Namespace) -> tuple[str, str]:
    """Return the text to run, and the name of its file, empty where it has none.

    Raises
    ------
    ConfigError
        Where there is none, or its file cannot be read.
    """
    if arguments.query is not None:
        return str(arguments.query), ""
    if arguments.query_file is not None and str(arguments.query_file) != "-":
        return script_text(arguments.query_file), str(arguments.query_file)
    if sys.stdin.isatty():
        raise ConfigError('there is no query; give one with -c "select …", with -f FILE, or on standard input')
    try:
        return sys.stdin.read(), ""
    except UnicodeDecodeError as error:
        raise ConfigError(f"standard input is not UTF-8 text (byte {error.start})") from None


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
