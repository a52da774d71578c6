"""Carries out a Dockerfile's steps without Docker: ``python -m tests.support.dockerfile deploy/images/cpu.Dockerfile``.

In a mount namespace of its own, where /src, /opt, /scratch and /etc are in memory and the interpreter that runs this
stands for the base image. ``RUN`` runs as it is written, and at the end the image's command, and ``volley doctor``, as
the image's user. Needs root and the package registry, so it is no test; a test uses its reader of Dockerfiles.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of a Dockerfile."""

    name: str
    text: str


def read_stages(path: Path) -> list[list[Step]]:
    """Return the instructions of each stage, ``FROM`` first; lines that continue are joined, comments left out."""
    text = "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
    stages: list[list[Step]] = []
    for line in text.replace("\\\n", " ").splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            stages.append([])
        if name and stages:
            stages[-1].append(Step(name, " ".join(rest.split())))
    return stages


def copied(step: Step) -> tuple[list[str], str]:
    """Return what a ``COPY`` takes from the context, and its target."""
    *sources, target = [word for word in shlex.split(step.text) if not word.startswith("--")]
    return sources, target


def sent_to_builder(path: Path) -> list[str]:
    """Return the names that a ``.dockerignore`` of the shape "nothing but" lets through."""
    return [line[1:] for line in path.read_text().splitlines() if line.startswith("!")]


def script(path: Path) -> str:
    """Return a shell script that does what the stages do."""
    lines = _memory_folders()
    user = ""
    for stage in read_stages(path):
        for step in stage[1:]:
            match step.name:
                case "WORKDIR":
                    lines.append(f"cd {step.text}")
                case "ENV":
                    lines.append(f"export {step.text}")
                case "COPY" if "--from=" not in step.text:
                    names = shlex.join(copied(step)[0])
                    lines.append(f"tar -C {ROOT} --exclude=__pycache__ -cf - {names} | tar -xf - --no-same-owner")
                case "RUN":
                    lines.append(step.text)
                case "USER":
                    number, group = step.text.split(":")
                    user = f"setpriv --reuid {number} --regid {group} --clear-groups --no-new-privs"
                case "CMD":
                    lines += [
                        "du -sh /opt/volley",
                        f"{user} {shlex.join(json.loads(step.text))}",
                        f"{user} volley doctor",
                    ]
    return "\n".join(lines) + "\n"


def _memory_folders() -> list[str]:
    """Return commands that make folders for one run, and let every user reach the interpreter."""
    home = Path(sys.base_prefix)
    hidden = Path("/", home.parts[1])
    lines = ["set -eu", "mount --make-rprivate /", "mkdir -p /opt /src /scratch /tmp/etc.$$ /tmp/base.$$"]
    lines += [
        "cp -a /etc/. /tmp/etc.$$/",
        "mount -t tmpfs none /etc",
        "cp -a /tmp/etc.$$/. /etc/",
        "rm -rf /tmp/etc.$$",
    ]
    lines += [f"mount --bind {home} /tmp/base.$$"]
    if hidden != Path("/usr"):  # a home that only root may enter
        lines += [f"mount -t tmpfs -o mode=755 none {hidden}", f"mkdir -p {home}", f"mount --bind /tmp/base.$$ {home}"]
    lines += ["umount /tmp/base.$$", "rmdir /tmp/base.$$"]
    lines += [f"mount -t tmpfs none {place}" for place in ("/opt", "/src", "/scratch")]
    return [*lines, f"export PATH={home}/bin:/usr/sbin:/usr/bin:/sbin:/bin"]


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("this needs root")
    command = ["unshare", "--mount", "sh", "-x", "-c", script(Path(sys.argv[1]))]
    sys.exit(subprocess.run(command, check=False, cwd=ROOT).returncode)
