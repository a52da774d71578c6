"""What ``volley doctor`` finds of GPUs: driver, devices, links, libraries, and what they leave to the CPU."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import metadata, util
from pathlib import Path

Found = tuple[str, str, str]
"""Subject, state (``ok`` or ``absent``), and what was found."""

_DRIVER = Path("/proc/driver/nvidia/version")
_INFINIBAND = Path("/sys/class/infiniband")
_SWITCH = "VOLLEY_SIMULATE_GPU"
_NEEDED = {"pylibcudf": "pylibcudf-cu13", "rmm": "rmm-cu13"}


def gpu_findings() -> list[Found]:
    """Return what there is, in words that say what to do."""
    if os.environ.get(_SWITCH, "") == "1":
        return [
            ("gpu (simulated)", "ok", f"{_SWITCH}=1: device='gpu' runs on this processor, for tests, and is slow"),
            *_left_to_the_cpu(),
        ]
    driver = _driver()
    if driver is None:
        return [("gpu", "absent", "no NVIDIA driver")]
    missing = [name for name in _NEEDED if util.find_spec(name) is None]
    found = [("driver", "ok", driver), *_devices(), *_links()]
    if missing:
        return [
            *found,
            ("gpu", "absent", f"{' and '.join(missing)} not installed (pip install 'volley-engine[gpu]')"),
        ]
    versions = ", ".join(f"{name} {_version(distribution)}" for name, distribution in _NEEDED.items())
    return [*found, ("gpu", "ok", f"{versions}; used where device='gpu' asks for it"), *_left_to_the_cpu()]


def _driver() -> str | None:
    if not _DRIVER.is_file():
        return None
    found = re.search(r"Kernel Module(?: for \S+)?\s+(\S+)", _DRIVER.read_text())
    return found.group(1) if found else "of unknown version"


def _devices() -> Iterator[Found]:
    command = shutil.which("nvidia-smi")
    if command is None:
        yield ("devices", "absent", "nvidia-smi is not installed, so the devices are not listed")
        return
    query = [command, "--query-gpu=index,name,memory.total", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False)  # noqa: S603 - the system's own
    if answer.returncode:
        yield ("devices", "absent", f"nvidia-smi failed: {answer.stderr.strip() or answer.stdout.strip()}")
    else:
        for line in answer.stdout.splitlines():
            index, name, memory = (part.strip() for part in line.split(",", 2))
            yield (f"device {index}", "ok", f"{name}, {memory}")
    links = subprocess.run(  # noqa: S603 - the system's own
        [command, "nvlink", "--status"], capture_output=True, text=True, check=False
    )
    active = len(re.findall(r"Link \d+: [\d.]+ GB/s", links.stdout)) if not links.returncode else 0
    yield ("nvlink", "ok" if active else "absent", f"{active} links" if active else "no links between devices")


def _links() -> Iterator[Found]:
    names = sorted(path.name for path in _INFINIBAND.iterdir()) if _INFINIBAND.is_dir() else []
    yield ("infiniband", "ok" if names else "absent", ", ".join(names) or "no adapter; UCX uses tcp between machines")


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "of unknown version"


def _left_to_the_cpu() -> Iterator[Found]:
    """Yield functions that have no kernel and types that operators do not take, where the device's library loads."""
    from ..engine.errors import VolleyError
    from ..engine.kernels.devices import functions_without_kernel, types_on_host

    try:
        names = functions_without_kernel("gpu")
        types = types_on_host("gpu")
    except VolleyError as error:
        yield ("gpu", "absent", str(error))
        return
    yield ("left to the cpu", "ok", f"{len(names)} functions, with both transfers: {', '.join(sorted(names))}")
    yield ("types left to it", "ok", "; ".join(f"{operator}: {which}" for operator, which in types.items()))
