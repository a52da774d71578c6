"""The tree of commands and the arguments that several commands share."""

from __future__ import annotations

import argparse

from . import cluster, completion, demo, doctor, explain, render, run, sql

_DESCRIPTION = "Volley: dataframes, SQL, ETL and machine learning in one plan, on the CPU or on GPUs."

_EXAMPLES = """\
examples:
  volley demo                                   real data to a trained, explained, audited model and a report
  volley sql trips.parquet                      a prompt for queries over a file
  volley sql -c "select 40 + 2 as answer"       one query
  volley sql trips.parquet -f report.sql -o report.csv
  volley run job.yaml --set train.models.trees.params.max_depth=4
  volley explain trips.parquet -c "select dest, count(*) from trips group by dest"
  volley cluster --workers 4                    worker processes that sql, run and explain use with --cluster
  volley doctor                                 what this machine offers and what will be used
  volley render job.yaml --target daskjob       the Kubernetes manifests of a job

exit codes: 0 done, 1 the work failed, 2 wrong usage, 75 a job met a full disk, silent server or other run: try again,
            130 stopped by Ctrl-C, 143 by SIGTERM
environment: VOLLEY_DEBUG=1 shows the traceback of an error
"""


class _Version(argparse.Action):
    """Prints the installed version; looked up only when asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"volley {version('volley-engine')}")
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; ``execute`` of its result is the command's function."""
    parser = argparse.ArgumentParser(
        prog="volley",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    parser.set_defaults(execute=None, debug=False, resumes=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in (run, demo, sql, explain, doctor, cluster, render, completion):
        added = command.add(commands)
        added.formatter_class = argparse.RawDescriptionHelpFormatter
        added.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser
