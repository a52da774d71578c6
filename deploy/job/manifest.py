"""``manifest.json``: what went in, what ran with what, and what came out; enough to run the job again and compare."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import fsspec

from ...engine.errors import ReadError
from ...engine.machine import available_cores
from ...io.store import public_url
from ..report.contents import CheckResult, Verdict
from . import fingerprint
from .context import JobContext
from .load import Job
from .runner import FinishedStep
from .secrecy import public, without_options
from .tables import Tables

FORMAT = 1
_LIBRARIES = ("volley-engine", "pyarrow", "numpy", "numba", "sqlglot", "pydantic", "scipy", "xgboost-cpu", "xgboost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One file that a source reads; for remote files the store's own mark of the version stands in ``sha256``."""

    table: str
    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One thing that was kept, its path relative to the output folder or a URL."""

    name: str
    path: str
    bytes: int
    sha256: str
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is known of a run when its steps are over; ``failure`` says why where the verdict is failed."""

    verdict: Verdict
    failure: str | None
    finished: str
    seconds: float
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    environment: Mapping[str, Any]


def inputs_of(job: Job, tables: Tables) -> list[Input]:
    """Return every file of every source with size and hash.

    Raises
    ------
    ReadError
        For a path without files.
    """
    found: list[Input] = []
    for name, source in job.spec.sources.items():
        for path in source.path:
            found.extend(_files(name, tables.resolve(path), path, source.options.get("storage_options")))
    return found


def _files(table: str, path: str, shown: str, options: object) -> Iterator[Input]:
    system, root = fsspec.core.url_to_fs(path, **(options if isinstance(options, dict) else {}))
    matches = system.glob(root) if any(sign in root for sign in "*?[") else [root]
    files = sorted(file for match in matches for file in system.find(match))
    if not files:
        raise ReadError(f"source {table}: no file at {public_url(path)}")
    local = "file" in (system.protocol if isinstance(system.protocol, tuple) else (system.protocol,))
    for file in files:
        mark = fingerprint.of_file(Path(file)) if local else str(system.ukey(file))
        name = public_url(shown) if len(files) == 1 else os.path.relpath(file, root) if system.isdir(root) else file
        yield Input(table=table, path=name, bytes=int(system.size(file) or 0), sha256=mark)


def environment() -> dict[str, object]:
    """Return versions and machine facts that a result may depend on."""
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": available_cores(),
        "libraries": versions,
    }


def outputs_of(folder: Path, kept: Sequence[tuple[str, str, int | None]]) -> list[Output]:
    """Return size and hash of each (name, path in ``folder``, rows); a folder's hash covers its files' hashes."""
    described = []
    for name, path, rows in kept:
        target = folder / path
        files = sorted(file for file in target.rglob("*") if file.is_file()) if target.is_dir() else [target]
        hashes = {str(file.relative_to(target)): fingerprint.of_file(file) for file in files}
        whole = hashes["."] if target.is_file() else fingerprint.of_settings(hashes)
        size = sum(file.stat().st_size for file in files)
        described.append(Output(name=name, path=path, bytes=size, sha256=whole, rows=rows))
    return described


def remote_output(name: str, url: str, options: Mapping[str, Any], rows: int) -> Output:
    """Return size and mark of what was written to a URL; the store's own marks of the files make the hash."""
    files = list(_files(name, url, url, options))
    marks = fingerprint.of_settings({file.path: file.sha256 for file in files})
    size = sum(file.bytes for file in files)
    return Output(name=name, path=public_url(url), bytes=size, sha256=marks, rows=rows)


def build(
    context: JobContext, done: Sequence[FinishedStep], ending: Ending, checks: Sequence[CheckResult]
) -> dict[str, object]:
    """Return the whole manifest as plain data."""
    job = context.job
    split = job.spec.split
    return {
        "format": FORMAT,
        "job": {
            "name": job.spec.name,
            "file": str(job.path),
            "sha256": job_hash(job),
            "spec": public(job.spec.model_dump(mode="json", exclude_none=True)),
        },
        "seeds": {"job": job.spec.seed} | ({"split": context.seed(split.seed)} if split is not None else {}),
        "verdict": ending.verdict,
        "failure": ending.failure,
        "finished": ending.finished,
        "seconds": round(ending.seconds, 3),
        "environment": ending.environment,
        "inputs": as_data(ending.inputs),
        "steps": [_step(step) for step in done],
        "checks": [{"subject": c.subject, "rule": c.rule, "state": c.state, "found": c.detail} for c in checks],
        "metrics": _metrics(done),
        "handoff": {s.record.name: s.record.facts["handoff"] for s in done if "handoff" in s.record.facts},
        "outputs": as_data(ending.outputs),
    }


def job_hash(job: Job) -> str:
    """Return the SHA-256 of what the job says after environment values and overrides; credentials do not count."""
    return fingerprint.of_settings(without_options(job.spec.model_dump(mode="json", exclude_none=True)))


def as_data(parts: Sequence[Input] | Sequence[Output]) -> list[dict[str, object]]:
    """Return inputs or outputs as plain data."""
    return [asdict(part) for part in parts]


def _step(step: FinishedStep) -> dict[str, object]:
    record = step.record
    return {
        "name": record.name,
        "kind": record.kind,
        "rows": record.rows,
        "bytes": record.bytes,
        "seconds": round(record.seconds, 4),
        "reused": step.reused,
        "fingerprint": record.fingerprint,
    }


def _metrics(done: Sequence[FinishedStep]) -> dict[str, object]:
    """Return the metrics of each model."""
    found: dict[str, object] = {}
    for step in done:
        models = step.record.facts.get("models")
        if isinstance(models, dict):
            found |= {name: result["metrics"] for name, result in models.items()}
    return found
