"""The line that shows how far a running query is: share, rows, bytes, time, and an estimate of what is left."""

from __future__ import annotations

import shutil
import threading
import time
from typing import IO

_DELAY = 0.4
_PERIOD = 0.1
_BAR = 20
_PARTS = " ▏▎▍▌▋▊▉"
_CLEAR = "\r\x1b[2K"


class Meter:
    """An observer of runs that draws one line on a terminal, and takes it away when the run ends.

    A run that is over within a moment draws nothing.

    Parameters
    ----------
    stream
        The terminal; a stream that is none is left alone.
    """

    def __init__(self, stream: IO[str]) -> None:
        self.enabled = stream.isatty()
        self._stream = stream
        self._lock = threading.Lock()
        self._ended: threading.Event | None = None
        self._drawer: threading.Thread | None = None
        self._reset()

    def _reset(self) -> None:
        self._stages, self._total_rows, self._total_bytes = 0, 0, 0
        self._rows, self._bytes = 0, 0
        self._stage, self._tasks, self._done = "", 0, 0
        self._stage_read = 0
        self._began = time.monotonic()
        self._first: tuple[float, int] | None = None  # when the stage read something first, and how much that was

    # what the engine tells, from its threads

    def run_started(self, stages: int, rows: int, size: int) -> None:
        """Start drawing."""
        if not self.enabled:
            return
        with self._lock:
            self._reset()
            self._stages, self._total_rows, self._total_bytes = stages, rows, size
        self._ended = threading.Event()
        self._drawer = threading.Thread(target=self._draw, args=(self._ended,), name="meter", daemon=True)
        self._drawer.start()

    def stage_started(self, number: int, name: str, tasks: int, total_bytes: int) -> None:
        """Show the stage."""
        with self._lock:
            self._stage, self._tasks, self._done = f"{number + 1}/{self._stages} {name}", tasks, 0
            self._stage_read, self._first = 0, None

    def advanced(self, number: int, rows: int, size: int) -> None:
        """Count what was read."""
        with self._lock:
            self._rows += rows
            self._bytes += size
            self._stage_read += size if self._total_bytes else rows

    def task_finished(self, number: int, rows: int, size: int) -> None:
        """Count the task."""
        with self._lock:
            self._done += 1

    def stage_finished(self, number: int) -> None:
        """Show nothing: the next stage follows at once."""

    def run_finished(self) -> None:
        """Take the line away."""
        if self._ended is not None and self._drawer is not None:
            self._ended.set()
            self._drawer.join()
        self._ended = self._drawer = None

    # drawing

    def _draw(self, ended: threading.Event) -> None:
        wait, drawn = _DELAY, False
        while not ended.wait(wait):
            self._print(_CLEAR + self.line(time.monotonic() - self._began))
            wait, drawn = _PERIOD, True
        if drawn:
            self._print(_CLEAR)

    def _print(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # the terminal is gone, which is no reason to lose the query
            self.enabled = False

    def line(self, seconds: float) -> str:
        """Return the line after so many seconds, no longer than the terminal is wide."""
        with self._lock:
            share = self._share()
            left = self._left(seconds)
            parts = [f"stage {self._stage}" if self._stage else "starting", f"{_short(self._rows)} rows"]
            if self._total_bytes:
                parts.append(f"{_size(self._bytes)} of {_size(self._total_bytes)}")
            parts.append(_duration(seconds))
            if share is None or share >= 0.999:
                bar = f"task {self._done} of {self._tasks}" if self._tasks else ""
            else:
                bar = f"{_bar(share)} {share:4.0%}"
                if left is not None:
                    parts.append(f"about {_duration(left)} left")
        return "  ".join(part for part in (bar, *parts) if part)[: shutil.get_terminal_size().columns - 1]

    def _left(self, seconds: float) -> float | None:
        """Return the seconds that reading the rest takes at the pace of this stage since it read something first.

        What comes before, such as planning and the first load of the kernels, says nothing about the pace; nor do
        other stages: one may read the few rows of which the next one tries all pairs.
        """
        if not self._stage_read:
            return None
        if self._first is None:
            self._first = (seconds, self._stage_read)
        since, read = seconds - self._first[0], self._stage_read - self._first[1]
        rest = self._total_bytes - self._bytes if self._total_bytes else self._total_rows - self._rows
        return since * max(0, rest) / read if since > 0.5 and read > 0 else None

    def _share(self) -> float | None:
        """Return the share of all scans that is read; None where their size is not known."""
        if self._total_bytes and self._bytes:
            return min(1.0, self._bytes / self._total_bytes)
        if self._total_rows:
            return min(1.0, self._rows / self._total_rows)
        return None


def _bar(share: float) -> str:
    whole, part = divmod(int(share * _BAR * 8), 8)
    return ("█" * whole + (_PARTS[part] if part else "")).ljust(_BAR)


def _short(count: int) -> str:
    for factor, sign in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= factor:
            return f"{count / factor:.1f}{sign}"
    return str(count)


def _size(size: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
