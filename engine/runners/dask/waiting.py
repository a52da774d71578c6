"""How long a session waits for a cluster: settings of Dask's configuration, for machines that come on demand."""

from __future__ import annotations

from typing import Any

import dask.config
from dask.utils import parse_timedelta

_DEFAULTS = {"connect": "15s", "patience": "60s"}
"""``connect``: for the scheduler to answer at first; ``patience``: for a first worker, or for a silent scheduler."""


def waiting_seconds(name: str) -> float:
    """Return ``volley.connect`` or ``volley.patience``; ``DASK_VOLLEY__PATIENCE=15m`` sets one in the environment."""
    seconds: Any = parse_timedelta(dask.config.get(f"volley.{name}", _DEFAULTS[name]))
    return float(seconds)
