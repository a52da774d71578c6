"""Putting a job's results where people look for them: all of them, or none.

Everything is written beside its place first. Then a list of what is to be moved is written, and the moves are done. A
process that dies between two of them leaves the list, and the next run in that folder finishes them first. Tables
that go to a URL are written there when all others are beside their places, each whole or not at all.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from .context import MODEL_FOLDER, JobContext, train_key
from .manifest import Output, outputs_of, remote_output
from .tables import output_options, write
from .workspace import Workspace, write_atomically

MANIFEST = "manifest.json"
REPORT = "report.html"
FAILED_MANIFEST = "manifest.failed.json"
FAILED_REPORT = "report.failed.html"
_STAGING, _MOVES, _ASIDE = ".publish", ".moves.json", ".replaced"
_SUFFIXES = {"parquet": ".parquet", "csv": ".csv", "ipc": ".arrow", "orc": ".orc"}


def stage_outputs(context: JobContext) -> list[Output]:
    """Write every output of the job into the staging folder and describe them."""
    staging = context.workspace.root / _STAGING
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    outputs = context.job.spec.outputs
    kept: list[tuple[str, str, int | None]] = []
    for name, output in outputs.tables.items():
        if output.to is not None:
            continue
        path = name if output.partition_by else name + _SUFFIXES[output.format]
        rows = write(context.tables[name], staging / path, output.format, **output_options(output))
        kept.append((name, path, rows))
    train = context.job.spec.train
    for name in train.models if train is not None and outputs.models else ():
        shutil.copytree(context.workspace.folder(train_key(name)) / MODEL_FOLDER, staging / "models" / name)
        kept.append((f"model {name}", f"models/{name}", None))
    return [*outputs_of(staging, kept), *_sent(context)]


def _sent(context: JobContext) -> Iterator[Output]:
    """Write the tables that go to URLs and yield what is there then."""
    for name, output in context.job.spec.outputs.tables.items():
        if output.to is not None:
            rows = write(context.tables[name], output.to, output.format, **output_options(output))
            yield remote_output(name, output.to, output.storage_options, rows)


def publish(context: JobContext, outputs: list[Output], *, manifest: str, report: str | None) -> None:
    """Move staged outputs, report and manifest to the output folder, the manifest last.

    Each file or folder appears by a rename. What an earlier run's manifest names and this run did not make is removed.
    """
    workspace = context.workspace
    staging = workspace.root / _STAGING
    texts = {MANIFEST: manifest} if report is None else {REPORT: report, MANIFEST: manifest}
    here = [output for output in outputs if "://" not in output.path]
    stale = _earlier_outputs(workspace.out) - {output.path for output in here} - set(texts)
    for name, text in texts.items():
        (staging / name).write_text(text, encoding="utf-8")
    moves = {"moved": [*(output.path for output in here), *texts], "removed": sorted(stale)}
    write_atomically(staging / _MOVES, json.dumps(moves))
    finish_moves(workspace)


def finish_moves(workspace: Workspace) -> bool:
    """Do what is left of the moves that were written down; tell whether there were any."""
    staging = workspace.root / _STAGING
    try:
        moves = json.loads((staging / _MOVES).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    for path in moves["moved"]:
        if (staging / path).exists():
            _replace(staging / path, workspace.out / path, aside=staging / _ASIDE)
    for path in moves["removed"]:
        _remove(workspace.out / path)
    (staging / _MOVES).unlink()
    shutil.rmtree(staging)
    return True


def publish_failure(context: JobContext, *, manifest: str, report: str | None) -> None:
    """Write manifest and report of a run that failed under names of their own; the last good outputs stay whole."""
    out = context.workspace.out
    if report is not None:
        write_atomically(out / FAILED_REPORT, report)
    write_atomically(out / FAILED_MANIFEST, manifest)


def _earlier_outputs(out: Path) -> set[str]:
    """Return what earlier runs may have left: the paths within the folder that the manifest names, and reports."""
    try:
        named = json.loads((out / MANIFEST).read_text(encoding="utf-8"))["outputs"]
        paths = {str(output["path"]) for output in named}
    except (OSError, ValueError, KeyError, TypeError):
        paths = set()
    relative = {path for path in paths if "://" not in path and not Path(path).is_absolute()}
    inside = {path for path in relative if ".." not in Path(path).parts}
    return inside | {REPORT, FAILED_MANIFEST, FAILED_REPORT}


def _replace(new: Path, target: Path, *, aside: Path) -> None:
    """Put a file or folder in the place of what is there; a folder that is there steps aside first."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and (new.is_dir() or target.is_dir()):
        _remove(aside)
        target.replace(aside)
    new.replace(target)
    _remove(aside)


def _remove(path: Path) -> None:
    remove: Callable[[Path], object] = shutil.rmtree if path.is_dir() else Path.unlink
    if path.exists():
        remove(path)
