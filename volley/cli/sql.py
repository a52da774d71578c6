"""``volley sql``: a query over files, printed or written."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from pathlib import Path

from .session import add_session_arguments

FORMATS = ("table", "line", "csv", "tsv", "json", "jsonl", "markdown", "parquet", "arrow")

_EXAMPLES = """\
A file on the command line becomes a table called like the file without its suffix; name=path gives it another name.
A quoted path is a table too. Statements, separated by semicolons, come from -c, from -f, or from standard input; the
first error stops them and is shown with its line. Without any, on a terminal, a prompt asks for them until .quit.
Lines that begin with a dot are commands, as at the prompt: .help lists them.

examples:
  volley sql flights.parquet                        a prompt
  volley sql flights.parquet -f report.sql -o report.csv
  echo "select count(*) from flights" | volley sql flights.parquet
  volley sql -c "select 40 + 2 as answer"
  volley sql flights.parquet -c "select dest, count(*) n from flights group by dest order by n desc limit 5"
  volley sql f=data/2013/*.parquet -c "select avg(arr_delay) from f"
  volley sql -c "select * from 'flights.csv' where dest = 'SFO'" --format csv --output sfo.csv
  volley sql flights.parquet -c 'select * from flights where dest = $dest' --param dest=SFO
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command."""
    parser = commands.add_parser(
        "sql",
        help="query files: at a prompt, one query, or a script",
        description="Query files: at a prompt, one query, or a script.",
        epilog=_EXAMPLES,
    )
    add_query_arguments(parser)
    parser.add_argument("--format", choices=FORMATS, help="of results; by the suffix of --output, else table")
    parser.add_argument(
        "--output", "-o", type=Path, metavar="FILE", help="write results here, all or none, instead of printing them"
    )
    parser.add_argument(
        "--rows", type=_rows, default=50, metavar="N", help="rows that format table prints (50; 0 prints all)"
    )
    add_session_arguments(parser)
    parser.set_defaults(execute=execute)
    return parser


def _rows(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number from 0, got {text!r}")
    return int(text)


def add_query_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files and the query, as ``explain`` takes them too."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="path or name=path: a file, glob, folder or URL")
    query = parser.add_mutually_exclusive_group()
    query.add_argument("-c", dest="query", metavar="QUERY", help="the query")
    query.add_argument("-f", dest="query_file", type=Path, metavar="QUERY.sql", help="a file that holds it")
    parser.add_argument("--dialect", default="duckdb", help="SQL dialect of the query (duckdb)")
    parser.add_argument(
        "--param",
        dest="parameters",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="value of $NAME in the query: a number, true, false, null, or else a text",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Run the statements and show or write their results; ask for them where none are given."""
    from ..engine.errors import SqlError
    from ..sql.shell import Leave
    from . import prompt, query
    from .display import Display
    from .meter import Meter

    if prompt.wanted(arguments):
        return prompt.run(arguments)
    text, name = query.query_text(arguments)
    query.require_parameters(arguments, text)
    meter = Meter(sys.stderr)
    display = Display(mode=arguments.format, rows=arguments.rows, file=arguments.output, interactive=False, meter=meter)
    try:
        with query.open_session(arguments, meter) as session:
            for table, frame in query.tables_of(arguments).items():
                session.register(table, frame)
            shell = query.shell_of(arguments, session, display, timer=False)
            with suppress(Leave):
                if not shell.run(text, name):
                    raise SqlError("there is no SQL in the text; write a query such as: select 1")
        display.publish()
    finally:
        display.close()
    return 0
