"""Runs steps one after the other, each stored when it ends; steps that are stored from the same things are not run.

Knows steps as names and functions. Must not know what a step does.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...engine.errors import Cancelled, VolleyError, WriteError
from . import fingerprint
from .document import JobSpecError
from .progress import Progress
from .workspace import StepRecord, Workspace

_NO_ROOM = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file limit is reached",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """What a step says about its work besides the files it wrote."""

    rows: int | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStep:
    """One step.

    Parameters
    ----------
    key
        Name of its folder.
    name, kind
        What people read.
    identity
        Plain data that decides its result, besides the inputs and the steps before it.
    run
        Does the work: writes files into the folder it is given and returns what it has to say.
    blocks
        Says, from the facts of the finished step, why no later step may run, or None.
    """

    key: str
    name: str
    kind: str
    identity: object
    run: Callable[[Path], StepOutcome]
    blocks: Callable[[Mapping[str, object]], str | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedStep:
    """A step's record, and whether an earlier run made it."""

    record: StepRecord
    reused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """The steps that are finished, and why the others were not run, if there are others."""

    done: tuple[FinishedStep, ...]
    blocked: str | None


def execute(steps: Sequence[JobStep], *, base: object, workspace: Workspace, progress: Progress) -> Execution:
    """Run the steps that are not stored yet, in order, until one forbids the rest.

    Parameters
    ----------
    steps
        In an order in which each needs only earlier ones.
    base
        Plain data that decides every result: inputs, seed, version.
    workspace
        Where results are stored. A step that changed makes itself and all later steps run again.
    progress
        Is told of each step.

    Raises
    ------
    Cancelled
        On Ctrl-C; finished steps stay stored.
    WriteError
        When there is no room to store a result.
    VolleyError
        Whatever else a step raises; finished steps stay stored.
    """
    chain = fingerprint.of_settings(base)
    done: list[FinishedStep] = []
    for index, step in enumerate(steps, start=1):
        chain = fingerprint.of_settings([chain, step.kind, step.name, step.identity])
        record = workspace.finished(step.key, chain)
        reused = record is not None
        if record is None:
            progress.started(index, len(steps), step.name, step.kind)
            record = _run(step, chain, workspace)
        progress.finished(index, len(steps), record, reused=reused)
        done.append(FinishedStep(record=record, reused=reused))
        blocked = step.blocks(record.facts) if step.blocks is not None else None
        if blocked is not None:
            return Execution(done=tuple(done), blocked=blocked)
    return Execution(done=tuple(done), blocked=None)


def _run(step: JobStep, chain: str, workspace: Workspace) -> StepRecord:
    started = time.perf_counter()
    try:
        with workspace.unfinished(step.key) as folder:
            outcome = step.run(folder)
            record = StepRecord(
                key=step.key,
                name=step.name,
                kind=step.kind,
                fingerprint=chain,
                rows=outcome.rows,
                bytes=0,
                seconds=time.perf_counter() - started,
                facts=outcome.facts,
            )
            return workspace.finish(record)
    except (KeyboardInterrupt, Cancelled):
        raise Cancelled(f"stopped in step {step.name}; the same command goes on from there") from None
    except JobSpecError:
        raise  # says its place in the job file already
    except VolleyError as error:
        error.add_note(f"in step {step.name}, {step.kind}")
        raise
    except OSError as error:
        raise no_room(error, f"step {step.name}", workspace.out) or error from None


def no_room(error: OSError, doing: str, out: Path) -> VolleyError | None:
    """Return the error to show when ``error`` says that there is no room left, else None."""
    reason = _NO_ROOM.get(error.errno or 0)
    if reason is None:
        return None
    return WriteError(
        f"{reason} while writing {doing} under {out}; make room and run again: finished steps are kept and nothing "
        "half-written is left"
    )
