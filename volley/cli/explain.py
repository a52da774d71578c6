"""``volley explain``: the plan of a query, before or after optimisation, or as it ran."""

from __future__ import annotations

import argparse

from .session import add_session_arguments
from .sql import add_query_arguments

_EXAMPLES = """\
logical is the query as written, optimized what the rules made of it, physical the stages and where each operator runs;
analyze runs the query and sets the rows and bytes of every operator beside what was expected, with its seconds.

examples:
  volley explain flights.parquet -c "select dest, count(*) from flights where arr_delay > 15 group by dest"
  volley explain flights.parquet -c "select max(distance) from flights" --stage physical
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command."""
    about = "show the plan of a query"
    parser = commands.add_parser("explain", help=about, description="Show the plan of a query.", epilog=_EXAMPLES)
    add_query_arguments(parser)
    stages = ("logical", "optimized", "physical", "analyze")
    parser.add_argument("--stage", choices=stages, default="optimized", help="which form (optimized)")
    add_session_arguments(parser)
    parser.set_defaults(execute=execute)
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Print the plan."""
    from . import query

    with query.open_session(arguments):
        print(query.frame_of(arguments).explain(arguments.stage))
    return 0
