"""``volley demo``: the census example, from files to its report."""

from __future__ import annotations

import argparse
from pathlib import Path

from .run import add_run_arguments, run_job_file

_OUT = Path("volley-demo-out")
_EXAMPLES = """\
Joins two files of the American Community Survey, cleans them, trains a logistic regression and gradient boosting on
who is employed, explains the predictions, and audits them by sex, race and disability with confidence intervals.

examples:
  volley demo
  volley demo --out /tmp/census --set train.models.trees.params.max_depth=4
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command."""
    about = "run the census example on real data"
    parser = commands.add_parser("demo", help=about, description="Run the example job.", epilog=_EXAMPLES)
    add_run_arguments(parser)
    parser.set_defaults(execute=execute, out=_OUT)
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the example."""
    from ..engine.errors import ConfigError

    job = Path(__file__).resolve().parents[2] / "examples" / "census" / "job.yaml"
    if not job.is_file():
        raise ConfigError(
            f"the examples are not part of this installation (no {job}); run it in a clone of the repository"
        )
    return run_job_file(job, arguments)
