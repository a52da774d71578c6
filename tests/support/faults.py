"""Ends a worker's process at a chosen moment, once: who can remove the flag's file is the one that dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

MOMENTS = ("scan", "send", "receive", "join", "finish", "write")


def die_once(flag: str) -> None:
    """End this process as the kernel ends one that has no memory left, if the flag is still there."""
    try:
        Path(flag).unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def arm(moment: str, flag: str) -> None:
    """Let this worker die at a moment; run on workers by ``Client.run``."""
    from volley.engine.exchange import store, transfer
    from volley.engine.runners.dask import work
    from volley.engine.runners.sinks.writes import TaskWrite

    places: dict[str, tuple[Any, str]] = {
        "scan": (work._Work, "_tables"),
        "send": (store.BucketStore, "page"),
        "receive": (transfer.Exchange, "_answer"),
        "join": (work._Work, "_built"),
        "finish": (work._Work, "_keep"),
        "write": (TaskWrite, "consume"),
    }
    owner, name = places[moment]
    setattr(owner, name, _deadly(getattr(owner, name), flag))


def _deadly(function: Callable[..., Any], flag: str) -> Callable[..., Any]:
    def called(*args: Any, **options: Any) -> Any:
        die_once(flag)
        return function(*args, **options)

    return called
