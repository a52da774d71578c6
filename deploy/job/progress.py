"""Telling a person how far a job is: a bar on a terminal, one line per step elsewhere."""

from __future__ import annotations

import sys
import time
from typing import IO, Protocol, Self

from ...engine.runners import Observer
from ..report.figures import byte_size, count, duration
from ..stage_bar import StageBar
from .workspace import StepRecord


class Progress(Protocol):
    """What a runner tells while it works; ``observer`` is told of the engine's stages, where it is not None."""

    observer: Observer | None

    def __enter__(self) -> Self:
        """Start telling."""
        ...

    def __exit__(self, *_: object) -> None:
        """Stop telling; nothing of a bar stays on the screen."""
        ...

    def started(self, index: int, total: int, name: str, kind: str) -> None:
        """Tell that step ``index`` (from 1) of ``total`` begins."""
        ...

    def finished(self, index: int, total: int, record: StepRecord, *, reused: bool) -> None:
        """Tell that a step ended, or that an earlier run's result was taken."""
        ...

    def say(self, text: str) -> None:
        """Tell anything else."""
        ...


def choose_progress(stream: IO[str] | None = None) -> Progress:
    """Return the bar where ``stream`` (standard error by default) is a terminal, else log lines."""
    stream = stream or sys.stderr
    return TerminalProgress(stream) if stream.isatty() else LogProgress(stream)


def describe(record: StepRecord, *, reused: bool) -> str:
    """Return one line on a finished step: rows, stored bytes, seconds."""
    facts = [] if record.rows is None else [f"{count(record.rows)} rows"]
    if record.bytes:
        facts.append(byte_size(record.bytes))
    facts.append("kept from an earlier run" if reused else duration(record.seconds))
    return f"{record.name:<24} {record.kind:<9} {'  '.join(facts)}"


class LogProgress:
    """One line when a step starts and one when it ends, each with the time of day."""

    observer: Observer | None = None

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.flush()

    def started(self, index: int, total: int, name: str, kind: str) -> None:
        """Print that the step begins."""
        self.say(f"[{index}/{total}] {name} ({kind}) …")

    def finished(self, index: int, total: int, record: StepRecord, *, reused: bool) -> None:
        """Print what the step made."""
        self.say(f"[{index}/{total}] {describe(record, reused=reused)}")

    def say(self, text: str) -> None:
        """Print the text with the time of day."""
        print(f"{time.strftime('%H:%M:%S')} {text}", file=self._stream, flush=True)


class TerminalProgress:
    """A bar with the running step and its time below the lines of finished steps."""

    def __init__(self, stream: IO[str]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        self._console = Console(file=stream, highlight=False)
        self._bar = Bar(
            MofNCompleteColumn(),
            BarColumn(bar_width=24),
            TextColumn("[bold]{task.description}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)
        self.observer: Observer | None = StageBar(self._bar)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def started(self, index: int, total: int, name: str, kind: str) -> None:
        """Show the step beside the bar."""
        self._bar.update(self._task, completed=index - 1, total=total, description=f"{name} ({kind})")

    def finished(self, index: int, total: int, record: StepRecord, *, reused: bool) -> None:
        """Print what the step made above the bar, and move the bar."""
        mark = "[dim]=[/dim]" if reused else "[green]✓[/green]"
        style = "dim" if reused else None
        self._console.print(mark, describe(record, reused=reused), style=style)
        self._bar.update(self._task, completed=index, total=total)

    def say(self, text: str) -> None:
        """Print the text above the bar."""
        self._console.print(text)
