"""``volley doctor``: what this machine offers, and what will be used and why."""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

_REQUIRED = (
    "pyarrow",
    "numpy",
    "numba",
    "fsspec",
    "sqlglot",
    "pydantic",
    "rich",
    "prompt_toolkit",
    "pygments",
    "pyyaml",
    "pandas",
)
_OPTIONAL = {
    "ml": ("xgboost", "scipy", "matplotlib"),
    "cluster": ("dask", "distributed"),
    "gpu": ("pylibcudf", "cudf", "dask_cuda", "distributed_ucxx"),
}
_DISTRIBUTIONS = {
    "xgboost": ("xgboost-cpu", "xgboost"),
    "pylibcudf": ("pylibcudf-cu13",),
    "cudf": ("cudf-cu13",),
    "dask_cuda": ("dask-cuda",),
    "distributed_ucxx": ("distributed-ucxx-cu13",),
}
_EXAMPLES = """\
✓ is there, – is absent and not needed, ✗ is needed and wrong: then the exit code is 1.

examples:
  volley doctor
  volley doctor --json | jq -r '.[] | select(.state == "wrong") | .found'
"""
_MARKS = {"ok": "✓", "absent": "–", "wrong": "✗"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line: a topic, what was looked at, its state (ok, absent, wrong) and what was found."""

    topic: str
    subject: str
    state: str
    found: str


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command."""
    about = "what this machine offers, and what will be used and why"
    parser = commands.add_parser("doctor", help=about, description=f"Show {about}.", epilog=_EXAMPLES)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(execute=execute)
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Look and print; fail where something required is missing."""
    found = examine()
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in found], indent=2))
    else:
        topic = ""
        for finding in found:
            if finding.topic != topic:
                print(f"{'' if not topic else chr(10)}{finding.topic}")
                topic = finding.topic
            print(f"  {_MARKS[finding.state]} {finding.subject:<18} {finding.found}")
    return 1 if any(finding.state == "wrong" for finding in found) else 0


def examine() -> list[Finding]:
    """Return every finding, machine first."""
    return [*_machine(), *_devices(), *_libraries(), *_transports()]


def _machine() -> list[Finding]:
    from ..engine.machine import available_cores, available_memory

    cores = available_cores()
    spill = Path(tempfile.gettempdir())
    free = shutil.disk_usage(spill).free
    old = sys.version_info < (3, 11)
    python = f"{platform.python_version()} at {sys.executable}" + (" (3.11 or newer is needed)" if old else "")
    return [
        Finding(topic="machine", subject="python", state="wrong" if old else "ok", found=python),
        Finding(topic="machine", subject="system", state="ok", found=f"{platform.system()} {platform.machine()}"),
        Finding(topic="machine", subject="cores", state="ok", found=f"{cores}: as many threads are used"),
        Finding(topic="machine", subject="memory", state="ok", found=f"{available_memory() / 2**30:.1f} GiB"),
        Finding(
            topic="machine", subject="temporary files", state="ok", found=f"{free / 2**30:.1f} GiB free in {spill}"
        ),
    ]


def _devices() -> list[Finding]:
    from ..engine.kernels.devices import best_device
    from .gpus import gpu_findings

    best = best_device()
    used = "gpu, unless device='cpu' is asked for" if best == "gpu" else "cpu, unless device='gpu' is asked for"
    return [
        Finding(topic="devices", subject="cpu", state="ok", found=platform.processor() or platform.machine()),
        *(
            Finding(topic="devices", subject=subject, state=state, found=found)
            for subject, state, found in gpu_findings()
        ),
        Finding(topic="devices", subject="will be used", state="ok", found=used),
    ]


def _libraries() -> list[Finding]:
    required = [_library("libraries", name, missing="wrong", tail="") for name in _REQUIRED]
    optional = [
        _library("libraries", name, missing="absent", tail=f" (pip install volley-engine[{extra}])")
        for extra, names in _OPTIONAL.items()
        for name in names
    ]
    return [*required, *optional]


def _library(topic: str, name: str, *, missing: str, tail: str) -> Finding:
    version = _version(name)
    found = f"not installed{tail}" if version is None else version
    return Finding(topic=topic, subject=name, state=missing if version is None else "ok", found=found)


def _version(name: str) -> str | None:
    """Return the installed version without importing the library."""
    from importlib import metadata

    for distribution in _DISTRIBUTIONS.get(name, (name,)):
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return None


def _transports() -> list[Finding]:
    from importlib import util

    from .gpus import ucx

    tcp = util.find_spec("distributed") is not None
    subject, state, found = ucx()
    return [
        Finding(topic="transports", subject="in process", state="ok", found="threads of this process, no set-up"),
        Finding(
            topic="transports",
            subject="tcp",
            state="ok" if tcp else "absent",
            found="through distributed" if tcp else "distributed is not installed",
        ),
        Finding(topic="transports", subject=subject, state=state, found=found),
    ]
