"""Threads of local runs that have outlived them."""

from __future__ import annotations

import threading

from volley.engine.crew import waiting


def left_over() -> list[threading.Thread]:
    """Return the threads of runs that neither wait for another one nor are about to end."""
    found = [thread for thread in threading.enumerate() if thread.name.startswith("volley-")]
    working = [thread for thread in found if thread not in waiting()]
    for thread in working:
        thread.join(10)
    return [thread for thread in working if thread.is_alive() and thread not in waiting()]
