"""Where the parts of a training meet: XGBoost's tracker in a process of its own, ``python -m volley.ml.meeting``.

The tracker ends its process where one of those that it waits for dies, which must not be a worker's process.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ..engine.errors import TemporaryFailure


class Meeting:
    """A place where so many processes find each other; it ends when it is let go.

    Parameters
    ----------
    count
        How many will come.
    host
        Name or address of this machine as they know it.

    Attributes
    ----------
    place
        What each needs to know to come.
    """

    def __init__(self, count: int, host: str) -> None:
        command = [sys.executable, "-m", __name__, str(count), host]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - ours
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise TemporaryFailure(f"XGBoost's tracker did not start on {host}; its own words are in the worker's log")
        self.place: dict[str, Any] = json.loads(line)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def __del__(self) -> None:
        self.close()


class _Tracker:
    """XGBoost's tracker by its C interface (``xgboost/c_api.h``): importing the package takes seconds."""

    def __init__(self, count: int, host: str) -> None:
        self._library = ctypes.CDLL(str(_library()))
        self._library.XGBGetLastError.restype = ctypes.c_char_p
        self._handle = ctypes.c_void_p()
        options = {"dmlc_communicator": "rabit", "n_workers": count, "host": host, "port": 0, "sortby": 1, "timeout": 0}
        self._call("XGTrackerCreate", json.dumps(options).encode(), ctypes.byref(self._handle))
        self._call("XGTrackerRun", self._handle, b"{}")

    def place(self) -> str:
        """Return what processes need to know to come, as JSON."""
        text = ctypes.c_char_p()
        self._call("XGTrackerWorkerArgs", self._handle, ctypes.byref(text))
        assert text.value is not None
        return text.value.decode()

    def _call(self, function: str, *args: Any) -> None:
        if getattr(self._library, function)(*args) != 0:
            raise OSError(self._library.XGBGetLastError().decode())


def _library() -> Path:
    """Return where the installed package has its library; where that is nowhere usual, the package knows."""
    found = importlib.util.find_spec("xgboost")
    folders = [] if found is None else found.submodule_search_locations or []
    usual = [path for folder in folders for path in sorted(Path(folder, "lib").glob("libxgboost.*"))]
    if usual:
        return usual[0]
    from xgboost.libpath import find_lib_path

    return Path(find_lib_path()[0])


def _main(count: str, host: str) -> None:
    tracker = _Tracker(int(count), host)
    sys.stdout.write(tracker.place() + "\n")
    sys.stdout.flush()
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # what the tracker says of those who come is nobody's concern
        os.dup2(nothing, stream)
    sys.stdin.read()  # ends with the process that has started this one
    os._exit(0)


if __name__ == "__main__":
    _main(*sys.argv[1:])
