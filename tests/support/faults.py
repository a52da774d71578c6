"""Ends a worker's process at a chosen moment, once: who can remove the flag's file is the one that dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

MOMENTS = ("scan", "send", "receive", "join", "finish", "report", "write")
"""A split or buckets are about to be read, a page given, a page taken, a hash table built, an output kept; an output is
kept and nobody knows of it yet; rows are about to be written."""

SORT_MOMENTS = ("sample", "cut")
"""Rows are about to be sampled for bounds of ranges, or cut at them."""

FIT_MOMENTS = ("part", "pass", "meet")
"""Work on a part is about to begin, a pass over a part's rows, the training that all parts do together."""

_PLACES = {
    "scan": "volley.engine.runners.dask.work:_Work._tables",
    "send": "volley.engine.exchange.store:BucketStore.page",
    "receive": "volley.engine.exchange.transfer:Exchange._answer",
    "join": "volley.engine.runners.dask.work:_Work._built volley.engine.runners.dask.work:_Work._built_for_all",
    "finish": "volley.engine.runners.dask.work:_Work._keep",
    "report": "volley.engine.runners.dask.work:_Work.run",
    "write": "volley.engine.runners.sinks.writes:TaskWrite.consume",
    "sample": "volley.engine.runners.sinks.rows:Sample.finish",
    "cut": "volley.engine.runners.sinks.rows:Ranges.finish",
    "part": "volley.engine.runners.dask.held_parts:_called",
    "pass": "volley.ml.blocks:map_merge",
    "meet": "volley.ml.boosting:_trained",
}
_armed: dict[str, tuple[str, int]] = {}
"""By moment: the flag's file, and how many calls are still let through."""
_ready: set[str] = set()


def arm(moment: str, flag: str, after: int = 0) -> None:
    """Let this worker die at a moment, once it has passed it ``after`` times; run on workers by ``Client.run``."""
    _armed.clear()
    _armed[moment] = flag, after
    if moment not in _ready:
        _ready.add(moment)
        for place in _PLACES[moment].split():
            module, _, path = place.partition(":")
            holder, _, name = path.rpartition(".")
            owner: Any = import_module(module)
            owner = getattr(owner, holder) if holder else owner
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
