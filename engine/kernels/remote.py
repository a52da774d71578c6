"""The device of a cluster's workers as it appears to a session that has none of its kind.

The session plans for the workers' device, which it asks what it would leave to the CPU. What workers send, and what
is sent to them, are bytes of the CPU's form: that is what the session's own part of the work is done with.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .cpu.device import CpuDevice
from .sharing import Account
from .specs import Computed

MOST_KNOWN = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceDescription:
    """What plans need to know of a device: its name, and the rows that a scan should give at once."""

    name: str
    batch_rows: int


class RemoteDevice:
    """The device of workers, to plan for.

    Parameters
    ----------
    describe
        Returns what the workers have.
    refuse
        Returns why their device leaves parts of plans to the CPU, for each part.
    """

    account = Account()
    """Nothing crosses a bus here; the workers count for themselves."""
    encoder = None
    """Workers write files themselves."""

    def __init__(
        self, describe: Callable[[], DeviceDescription], refuse: Callable[[Sequence[Computed]], Sequence[str | None]]
    ) -> None:
        self._describe, self._refuse = describe, refuse
        self._host = CpuDevice()
        self._known: dict[bytes, str | None] = {}

    @property
    def name(self) -> str:
        """Shown by ``explain``."""
        return self._describe().name

    @property
    def batch_rows(self) -> int:
        """Rows that a scan should give at once."""
        return self._describe().batch_rows

    def refusal(self, part: Computed) -> str | None:
        """Return why the workers' device leaves a part to the CPU."""
        return self.ask_all([part])[0]

    def ask_all(self, parts: Sequence[Computed]) -> list[str | None]:
        """Return the same of several parts; those that are not known yet are asked for in one message."""
        keys = [pickle.dumps(part) for part in parts]
        unknown = {key: part for key, part in zip(keys, parts, strict=True) if key not in self._known}
        if unknown:
            if len(self._known) > MOST_KNOWN:
                self._known.clear()
            self._known |= dict(zip(unknown, self._refuse(list(unknown.values())), strict=True))
        return [self._known[key] for key in keys]

    def __getattr__(self, kernel: str) -> Any:
        return getattr(self._host, kernel)
