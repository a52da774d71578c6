"""Ends a worker's process at a chosen moment, once: who can remove the flag's file is the one that dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

MOMENTS = ("scan", "send", "receive", "join", "finish", "report", "write")
"""A split or buckets are about to be read, a page given, a page taken, a hash table built, an output kept; an output is
kept and nobody knows of it yet; rows are about to be written."""

_armed: dict[str, tuple[str, int]] = {}
"""By moment: the flag's file, and how many calls are still let through."""
_ready: set[str] = set()


def arm(moment: str, flag: str, after: int = 0) -> None:
    """Let this worker die at a moment, once it has passed it ``after`` times; run on workers by ``Client.run``."""
    from volley.engine.exchange import store, transfer
    from volley.engine.runners.dask import work
    from volley.engine.runners.sinks.writes import TaskWrite

    places: dict[str, tuple[Any, str]] = {
        "scan": (work._Work, "_tables"),
        "send": (store.BucketStore, "page"),
        "receive": (transfer.Exchange, "_answer"),
        "join": (work._Work, "_built"),
        "finish": (work._Work, "_keep"),
        "report": (work._Work, "run"),
        "write": (TaskWrite, "consume"),
    }
    _armed.clear()
    _armed[moment] = flag, after
    if moment not in _ready:
        _ready.add(moment)
        owner, name = places[moment]
        setattr(owner, name, _deadly(getattr(owner, name), moment))


def _deadly(function: Callable[..., Any], moment: str) -> Callable[..., Any]:
    def called(*args: Any, **options: Any) -> Any:
        if moment != "report":
            _die_once(moment)
        result = function(*args, **options)
        if moment == "report":
            _die_once(moment)
        return result

    return called


def _die_once(moment: str) -> None:
    """End this process as the kernel ends one that has no memory left, if the flag is still there."""
    flag, after = _armed.get(moment, ("", 0))
    if not flag:
        return
    if after:
        _armed[moment] = flag, after - 1
        return
    try:
        Path(flag).unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
