"""``run_job``: from a checked job to its outputs, manifest and report."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...engine.frame import Session
from ..report import render
from ..report.contents import CheckResult, Verdict
from ..report.figures import byte_size, count, duration
from . import manifest
from .context import JobContext
from .load import Job
from .manifest import Ending
from .preflight import preflight
from .progress import Progress, choose_progress
from .publish import (
    FAILED_MANIFEST,
    FAILED_REPORT,
    MANIFEST,
    REPORT,
    finish_moves,
    publish,
    publish_failure,
    stage_outputs,
)
from .runner import Execution, execute, no_room
from .secrecy import without_options
from .steps import build_steps, failed_checks
from .summary import checks_of, report_of, verdict_of
from .tables import Tables
from .workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutcome:
    """How a job ended; ``failure`` says why where the verdict is failed."""

    verdict: Verdict
    folder: Path
    outputs: tuple[manifest.Output, ...]
    checks: tuple[CheckResult, ...]
    failure: str | None
    seconds: float
    manifest: Path
    report: Path | None


def run_job(job: Job, *, out: Path | None = None, fresh: bool = False, progress: Progress | None = None) -> JobOutcome:
    """Run a job to its end, or on from where an earlier run stopped.

    Parameters
    ----------
    job
        The checked job.
    out
        Output folder, instead of ``outputs.dir`` of the job.
    fresh
        Forget stored steps first.
    progress
        Is told of each step; chosen by where standard error goes if absent.

    Returns
    -------
    JobOutcome
        With verdict ``failed`` where a check or a bound of severity error does not hold: then only
        ``report.failed.html`` and ``manifest.failed.json`` are written, and the last good outputs stay as they were.

    Raises
    ------
    VolleyError
        Where a step cannot be done. Finished steps stay stored.
    """
    started = time.perf_counter()
    folder = out if out is not None else job.folder / job.spec.outputs.dir
    chosen = job.spec.session
    shown = progress or choose_progress()
    session = Session(
        device=chosen.device,
        cluster=chosen.cluster,
        threads=chosen.threads,
        memory_limit=chosen.memory_limit,
        spill_dir=chosen.spill_dir,
        observer=shown.observer,
    )
    with Workspace(folder) as workspace, session:
        if finish_moves(workspace):
            shown.say(f"the outputs of an earlier run, which was killed, were put into {folder}")
        preflight(job)
        if fresh:
            workspace.clear()
        context = JobContext(job=job, workspace=workspace, tables=Tables(job, workspace))
        with shown:
            inputs = manifest.inputs_of(job, context.tables)
            steps = build_steps(context)
            base = [manifest.as_data(inputs), _sources(job), manifest.environment()["libraries"]]
            execution = execute(steps, base=base, workspace=workspace, progress=shown)
        workspace.keep_only([step.key for step in steps])
        try:
            return _finish(context, execution, inputs, started)
        except OSError as error:
            raise no_room(error, "the outputs", folder) or error from None


def _sources(job: Job) -> object:
    return without_options({name: source.model_dump(mode="json") for name, source in job.spec.sources.items()})


def _finish(context: JobContext, execution: Execution, inputs: Sequence[manifest.Input], started: float) -> JobOutcome:
    """Write outputs, report and manifest."""
    job, done = context.job, execution.done
    checks = checks_of(done)
    verdict = verdict_of(checks)
    failed = verdict == "failed"
    failure = execution.blocked or next((text for step in done if (text := failed_checks(step.record.facts))), None)
    outputs = [] if failed else stage_outputs(context)
    ending = Ending(
        verdict=verdict,
        failure=failure,
        finished=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        seconds=time.perf_counter() - started,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        environment=manifest.environment(),
    )
    said = manifest.build(context, done, ending, checks)
    page = render(report_of(context, done, ending)) if job.spec.outputs.report else None
    text = json.dumps(said, indent=1, default=str) + "\n"
    if failed:
        publish_failure(context, manifest=text, report=page)
    else:
        publish(context, outputs, manifest=text, report=page)
    names = (FAILED_MANIFEST, FAILED_REPORT) if failed else (MANIFEST, REPORT)
    return JobOutcome(
        verdict=verdict,
        folder=context.workspace.out,
        outputs=tuple(outputs),
        checks=tuple(checks),
        failure=failure,
        seconds=ending.seconds,
        manifest=context.workspace.out / names[0],
        report=None if page is None else context.workspace.out / names[1],
    )


def outcome_text(outcome: JobOutcome) -> str:
    """Return what a person at a terminal wants to know at the end."""
    lines = [f"{_WORDS[outcome.verdict]} in {duration(outcome.seconds)}: {outcome.folder}"]
    lines.extend(
        f"  {check.state}: {check.subject}: {check.rule}; found {check.detail}"
        for check in outcome.checks
        if check.state != "passed"
    )
    width = max((len(output.path) for output in outcome.outputs), default=0)
    for output in outcome.outputs:
        rows = f"  {count(output.rows)} rows" if output.rows is not None else ""
        lines.append(f"  {output.path:<{width}}  {byte_size(output.bytes):>8}{rows}")
    lines.append(f"  {outcome.manifest.name}")
    if outcome.report is not None:
        lines.append(f"report: {outcome.report.resolve()}")
    return "\n".join(lines)


_WORDS: dict[Verdict, str] = {"passed": "passed", "warnings": "passed with warnings", "failed": "FAILED"}
