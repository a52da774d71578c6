from __future__ import annotations

import os
from pathlib import Path

import pytest

from volley.engine.machine import available_cores, available_memory

MACHINE = len(os.sched_getaffinity(0))


def groups(folder: Path, files: dict[str, str], own: str = "/") -> tuple[Path, Path]:
    """Return a folder of control groups with these files, and the file that says which of them is ours."""
    for name, text in files.items():
        (folder / "cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup" / name).write_text(text + "\n")
    (folder / "membership").write_text(f"1:name=systemd:/elsewhere\n0::{own}\n")
    return folder / "cgroup", folder / "membership"


@pytest.mark.parametrize(
    ("files", "own", "expected"),
    [
        ({}, "/", MACHINE),
        ({"cpu.max": "max 100000"}, "/", MACHINE),
        ({"cpu.max": "100000 100000"}, "/", 1),
        ({"cpu.max": "20000 100000"}, "/", 1),
        ({"cpu.max": "110000 100000"}, "/", min(2, MACHINE)),
        ({"cpu.max": "6400000 100000"}, "/", MACHINE),
        ({"pods/me/cpu.max": "max 100000", "pods/cpu.max": "50000 100000"}, "/pods/me", 1),
        ({"others/cpu.max": "50000 100000"}, "/pods/me", MACHINE),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, "/", 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, "/", MACHINE),
    ],
)
def test_cores_of_a_container(tmp_path: Path, files: dict[str, str], own: str, expected: int) -> None:
    assert available_cores(*groups(tmp_path, files, own)) == expected


def test_memory_of_a_container(tmp_path: Path) -> None:
    assert available_memory(*groups(tmp_path / "a", {"memory.max": str(1 << 20)})) == 1 << 20
    whole = available_memory(*groups(tmp_path / "b", {"memory.max": "max"}))
    assert whole == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert available_memory(*groups(tmp_path / "c", {"memory/memory.limit_in_bytes": "9223372036854771712"})) == whole


def test_a_machine_without_control_groups(tmp_path: Path) -> None:
    assert available_cores(tmp_path / "none", tmp_path / "none") == MACHINE
