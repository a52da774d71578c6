"""A real terminal for tests: tmux runs a command in it, types, and reads what is on the screen."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

PATIENCE = 90
"""Seconds to wait for something to appear; only a broken program takes them."""


class Terminal:
    """A terminal of its own tmux server, in which one command runs."""

    def __init__(self, folder: Path, command: str, *, width: int = 100, height: int = 30) -> None:
        found = shutil.which("tmux")
        assert found, "a terminal is driven with tmux: install it (apt-get install tmux), or run .ci/run"
        self._tmux = [found, "-f", "/dev/null", "-S", str(folder / "tmux.socket")]
        size = ["-x", str(width), "-y", str(height)]
        # The shell stays when the command ends, so that its last words and its exit code can be read.
        self._run("new-session", "-d", *size, "-c", str(folder), f'{command}; echo "exit code $?"; exec sleep 1000')

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._tmux, *arguments], capture_output=True, text=True, check=True, timeout=30)
        return done.stdout

    def type(self, text: str, *keys: str) -> None:
        """Type a text, then press keys by their names."""
        if text:
            # tmux takes a last semicolon for its own.
            self._run("send-keys", "-l", "--", re.sub(r";$", r"\\;", text))
        if keys:
            self._run("send-keys", *keys)

    def screen(self, *, coloured: bool = False) -> str:
        """Return what is on the screen, with escapes for the colours or without."""
        return self._run("capture-pane", "-p", *(["-e", "-N"] if coloured else []))

    def wait_for(self, pattern: str) -> str:
        """Wait until a pattern matches the screen; return the screen."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            screen = self.screen()
            if re.search(pattern, screen, re.MULTILINE):
                return screen
            time.sleep(0.05)
        raise AssertionError(f"{pattern!r} did not appear; the screen shows:\n{self.screen()}")

    def process(self) -> int:
        """Return the process of the command."""
        shell = self._run("display-message", "-p", "#{pane_pid}").strip()
        return int(Path(f"/proc/{shell}/task/{shell}/children").read_text().split()[0])

    def close(self) -> None:
        """End the tmux server and what runs in it."""
        subprocess.run([*self._tmux, "kill-server"], check=False, timeout=30)
