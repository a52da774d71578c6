"""First use on a new machine: what the demo compiles into an empty kernel cache, and what later starts cost.

``python -m benchmarks.first_use [--record NAME]`` runs the demo job twice, each time in a process of its own, with one
empty cache directory for both. Processor seconds of compilation include importing the compiler.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import record

SCRIPT = """
import json, os, sys, time
from volley.__main__ import main
from volley.engine.kernels.cpu.native import compile
spent = []
plain = compile._compiled
def timed(*arguments):
    start = time.thread_time()
    made = plain(*arguments)
    spent.append(time.thread_time() - start)
    return made
compile._compiled = timed
code = main(["demo"])
print(json.dumps({
    "code": code, "kernels": len(spent), "compiling": sum(spent), "process": time.process_time(),
    "numba": "numba" in sys.modules,
}))
"""


def demo(folder: Path, cache: Path) -> dict[str, Any]:
    """Run the demo in a fresh process and return what it says of itself, with its seconds.

    ``kernels`` were compiled in ``compiling`` processor seconds of the ``process`` seconds in all.
    """
    folder.mkdir()
    environment = {"VOLLEY_CACHE_DIR": str(cache), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**told, "seconds": time.perf_counter() - start}


def page(name: str, kept: Mapping[str, Any]) -> str:
    """Return the record as a Markdown page."""
    lines = [
        f"## Record {name}: first use",
        "",
        (
            f"{kept['made']}, commit {kept['commit']}; {kept['machine']['cpu']}, {kept['machine']['cores']} cores, "
            f"load {kept['machine']['load']:.1f} over 15 minutes. The demo with an empty kernel cache, and once more."
        ),
        "",
        "| run | kernels compiled | processor seconds of compiling | processor seconds in all | seconds |",
        "|---|---:|---:|---:|---:|",
    ]
    for run, told in kept["runs"].items():
        figures = f"{told['kernels']} | {told['compiling']:.1f} | {told['process']:.1f} | {told['seconds']:.1f}"
        lines.append(f"| {run} | {figures} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both and write the record."""
    command = argparse.ArgumentParser(prog="python -m benchmarks.first_use", description=__doc__.splitlines()[0])
    command.add_argument("--record", default="latest-first-use", metavar="NAME", help="name of the record to write")
    asked = command.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="volley-first-use-") as made:
        runs = {run: demo(Path(made) / run, Path(made) / "cache") for run in ("first", "second")}
    kept = {
        "runs": runs,
    }
    record.keep(asked.record, kept, page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
