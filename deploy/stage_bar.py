"""The bars that show how far the stages of a running plan are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .report.figures import byte_size

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class StageBar:
    """An observer of runs that shows each running stage as a bar of its tasks.

    Parameters
    ----------
    bar
        Where the bars appear; is safe to use from the worker threads that report.
    """

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._stages: dict[int, TaskID] = {}

    def run_started(self, stages: int, rows: int, size: int) -> None:
        """Show nothing: stages appear when they start."""

    def stage_started(self, number: int, name: str, tasks: int, total_bytes: int) -> None:
        """Show the stage, with the size of what it reads where that is known."""
        size = f" ({byte_size(total_bytes)})" if total_bytes else ""
        self._stages[number] = self._bar.add_task(f"[dim]stage {number}: {name}{size}", total=tasks)

    def advanced(self, number: int, rows: int, size: int) -> None:
        """Show nothing: a bar counts tasks."""

    def task_finished(self, number: int, rows: int, size: int) -> None:  # as observers are told
        """Move the stage's bar on."""
        self._bar.advance(self._stages[number])

    def stage_finished(self, number: int) -> None:
        """Take the stage's bar away."""
        self._bar.remove_task(self._stages.pop(number))

    def run_finished(self) -> None:
        """Take every bar away that an error or a limit left behind."""
        while self._stages:
            self._bar.remove_task(self._stages.popitem()[1])
