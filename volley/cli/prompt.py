"""The prompt that ``volley sql`` opens on a terminal where no query is given."""

from __future__ import annotations

import argparse
import sys

from ..engine.frame import DataFrame
from . import output, query


def wanted(arguments: argparse.Namespace) -> bool:
    """Return whether to ask for queries: none was given, and a person is at the terminal."""
    given = arguments.query is not None or arguments.query_file is not None
    return not given and arguments.output is None and arguments.format is None and sys.stdin.isatty()


def run(arguments: argparse.Namespace) -> int:
    """Ask for queries over the files until the user leaves."""
    from ..sql.shell import WELCOME, Shell, run_shell

    def show(frame: DataFrame) -> str:
        return output.table_text(frame, sys.stdout, max_rows=arguments.rows)

    with query.open_session(arguments) as session:
        for name, frame in query.tables_of(arguments).items():
            session.register(name, frame)
        sys.stdout.write(WELCOME)
        run_shell(Shell(session, show=show, write=sys.stdout.write, dialect=arguments.dialect))
    return 0
