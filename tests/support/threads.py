"""Threads of local runs that have outlived them."""

from __future__ import annotations

import threading


def left_over() -> list[threading.Thread]:
    """Return the threads of runs that go on although they have nothing to do: those about to end are waited for."""
    found = [thread for thread in threading.enumerate() if thread.name.startswith("volley-")]
    for thread in found:
        thread.join(10)
    return [thread for thread in found if thread.is_alive()]
