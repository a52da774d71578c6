"""The prompt that ``volley sql`` opens on a terminal where no query is given."""

from __future__ import annotations

import argparse
import os
import sys

from . import query
from .display import Display


def wanted(arguments: argparse.Namespace) -> bool:
    """Return whether to ask for queries: none was given, and a person is at the terminal."""
    return arguments.query is None and arguments.query_file is None and sys.stdin.isatty()


def run(arguments: argparse.Namespace) -> int:
    """Ask for queries over the files until the user leaves."""
    from ..sql.shell.prompt import run_shell
    from .meter import Meter

    if arguments.debug:
        os.environ["VOLLEY_DEBUG"] = "1"
    meter = Meter(sys.stderr)
    display = Display(mode=arguments.format, rows=arguments.rows, file=arguments.output, interactive=True, meter=meter)
    with query.open_session(arguments, meter) as session:
        for name, frame in query.tables_of(arguments).items():
            session.register(name, frame)
        shell = query.shell_of(arguments, session, display, timer=True)
        display.say(_welcome(arguments, list(session.tables), session.device.name, session.threads))
        run_shell(shell)
    return 0


def _welcome(arguments: argparse.Namespace, tables: list[str], device: str, threads: int) -> str:
    from .. import __version__

    where = f"{device}, {threads} thread{'' if threads == 1 else 's'}"
    dialect = "" if arguments.dialect == "duckdb" else f", dialect {arguments.dialect}"
    lines = [
        f"Volley {__version__} SQL on {where}{dialect}",
        "End a query with ; and Enter. Tab completes, .help lists commands, .quit leaves.",
    ]
    if tables:
        lines.append(f"Tables: {', '.join(tables)}")
    else:
        lines.append("No table has a name yet; a quoted path is one: select * from 'trips.parquet';")
    return "\n".join(lines)
