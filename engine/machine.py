"""What this process may use of the machine: its cores and memory, as the operating system and its container say.

A container with 4 cores of a machine with 64 sees all 64: only its control group tells, and who starts 64 threads in it
has each of them wait for the others.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

_GROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")
_VERSION_1 = {
    "cpu.max": ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"),
    "memory.max": ("memory/memory.limit_in_bytes",),
}


def available_cores(groups: Path = _GROUPS, membership: Path = _MEMBERSHIP) -> int:
    """Return how many cores this process may use, parts of one rounded up.

    Parameters
    ----------
    groups, membership
        Where the kernel shows control groups, and to which of them this process belongs.
    """
    return min([len(os.sched_getaffinity(0)), *_quotas(groups, membership)])


@cache  # every scan that is planned asks
def _quotas(groups: Path, membership: Path) -> tuple[int, ...]:
    """Return to how many cores each control group holds this process."""
    settings = (text.partition(" ") for text in _settings("cpu.max", groups, membership))
    return tuple(
        max(1, math.ceil(int(quota) / int(period)))
        for quota, _, period in settings
        if quota.isdecimal() and period.isdecimal()
    )


def available_memory(groups: Path = _GROUPS, membership: Path = _MEMBERSHIP) -> int:
    """Return how many bytes of memory this process may use at most; parameters as for `available_cores`."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [int(text) for text in _settings("memory.max", groups, membership) if text.isdecimal()]
    return min([total, *limits])


def _settings(name: str, groups: Path, membership: Path) -> Iterator[str]:
    """Yield a setting of the process's control group and of those around it (cgroup v2), and of version 1."""
    own = PurePosixPath("/")
    try:
        for line in membership.read_text().splitlines():
            if line.startswith("0::"):
                own = PurePosixPath(line.removeprefix("0::"))
        places = [groups / str(group).lstrip("/") / name for group in (own, *own.parents)]
        for place in places:
            if place.is_file():
                yield place.read_text().strip()
        if all((groups / file).is_file() for file in _VERSION_1[name]):
            yield " ".join((groups / file).read_text().strip() for file in _VERSION_1[name])
    except OSError:  # no such file system, or not for us: nothing limits
        return
