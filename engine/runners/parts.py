"""Rows of a plan that stay where they were computed, for work that reads them many times, such as the fit of a model.

Each process that has rows holds one part of them. A function given to `Parts` runs on every part at once, beside the
rows; what it keeps with the part stays there, and only what it returns travels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from ..errors import TemporaryFailure
from ..kernels.protocol import Device

R = TypeVar("R")


class PartsLost(TemporaryFailure):
    """A process that held a part is gone, and what was kept with it: the work on the parts has to begin again."""


@dataclass(slots=True, kw_only=True)
class Part:
    """What one process holds.

    Attributes
    ----------
    number, count
        Which part this is, from 0, and how many there are.
    threads
        How many threads its work may use.
    host
        Name or address by which the processes of other parts reach this one's machine.
    tables
        The rows as tables of one schema, Arrow's or the device's; whoever has read them may clear the list.
    device
        Whose tables they are where its memory is not the host's; None: they are Arrow tables.
    kept
        What functions leave for those that come later, by name.
    stopped
        Says whether nobody waits for the work any more.
    """

    number: int = 0
    count: int = 1
    threads: int = 1
    host: str = "127.0.0.1"
    tables: list[Any] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)
    device: Device | None = None
    stopped: Callable[[], bool] = lambda: False


class Parts(Protocol):
    """The parts of a plan's rows; without rows there is none."""

    @property
    def count(self) -> int:
        """How many parts there are."""
        ...

    def map(self, function: Callable[..., R], *args: Any) -> list[R]:
        """Call ``function(part, *args)`` for all parts at the same time, and return the results in order.

        Function, arguments and results travel where a part is in another process, and are pickled there.

        Raises
        ------
        PartsLost
            Where a process is gone.
        Exception
            What the function raised for the first part for which it did.
        """
        ...

    def first(self, function: Callable[..., R], *args: Any) -> R:
        """Call ``function(part, *args)`` for the first part only."""
        ...


class LocalParts:
    """The one part that this process has, or none.

    Parameters
    ----------
    part
        The part, or None where there are no rows.
    """

    def __init__(self, part: Part | None) -> None:
        self._parts = [] if part is None else [part]

    @property
    def count(self) -> int:
        """One, or zero without rows."""
        return len(self._parts)

    def map(self, function: Callable[..., R], *args: Any) -> list[R]:
        """Call ``function(part, *args)``."""
        return [function(part, *args) for part in self._parts]

    def first(self, function: Callable[..., R], *args: Any) -> R:
        """Call ``function(part, *args)``."""
        return function(self._parts[0], *args)
