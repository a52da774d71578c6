"""``volley run``: a job from its file to its report."""

from __future__ import annotations

import argparse
from pathlib import Path

from .session import add_session_arguments

_EXAMPLES = """\
The job file names sources, SQL or Python steps, quality checks, models, and what to keep. A run that failed or was
stopped goes on from its last finished step when the same command is given again.

examples:
  volley run job.yaml
  volley run job.yaml --check                       only check the file; mistakes are shown with their line
  volley run job.yaml --out /data/run-7 --threads 8
  volley run job.yaml --set split.seed=7 --set outputs.report=false
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command."""
    parser = commands.add_parser("run", help="run a job file", description="Run a job.", epilog=_EXAMPLES)
    parser.add_argument("job", metavar="JOB.yaml", type=Path, help="the job file")
    parser.add_argument("--check", action="store_true", help="check the job file, its queries and columns, and stop")
    add_run_arguments(parser)
    parser.set_defaults(execute=execute, resumes=True)
    return parser


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every command that runs a job takes."""
    parser.add_argument("--out", type=Path, metavar="DIR", help="output folder, instead of the job's outputs.dir")
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY.PATH=VALUE",
        help="change one value of the job; may be given again",
    )
    parser.add_argument("--fresh", action="store_true", help="forget the stored steps of earlier runs")
    add_session_arguments(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Run or check the job."""
    return run_job_file(arguments.job, arguments)


def run_job_file(path: Path, arguments: argparse.Namespace) -> int:
    """Run the job at ``path`` with the arguments of ``add_run_arguments``; print where its outputs are."""
    from ..deploy.job.load import load_job

    chosen = {name: getattr(arguments, name) for name in ("device", "cluster", "threads", "memory_limit", "spill_dir")}
    session = [f"session.{key}={value}" for key, value in chosen.items() if value is not None]
    job = load_job(path, overrides=[*arguments.overrides, *session])
    if getattr(arguments, "check", False):
        from ..deploy.job.preflight import preflight

        preflight(job)
        print(f"{path}: the job is valid")
        return 0
    from ..deploy.job.run import outcome_text, run_job

    outcome = run_job(job, out=arguments.out, fresh=arguments.fresh)
    print(outcome_text(outcome))
    return 0 if outcome.verdict != "failed" else 1
