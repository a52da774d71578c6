"""How long a session waits for a cluster, by settings of Dask's configuration; and what it says of a lost one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any

import dask.config
from dask.utils import parse_timedelta
from distributed import Client
from distributed.client import ClosedClientError, FutureCancelledError, FuturesCancelledError

from ...errors import TemporaryFailure

SCHEDULER_LOST = "the cluster's scheduler is lost; start it again and repeat the query"
_CONNECTION_LOST = "scheduler-connection-lost"
"""Dask's reason for giving up a client's futures."""

_DEFAULTS = {"connect": "15s", "patience": "60s"}
"""``connect``: for the scheduler to answer at first; ``patience``: for a first worker, or for a silent scheduler."""


def waiting_seconds(name: str) -> float:
    """Return ``volley.connect`` or ``volley.patience``; ``DASK_VOLLEY__PATIENCE=15m`` sets one in the environment."""
    seconds: Any = parse_timedelta(dask.config.get(f"volley.{name}", _DEFAULTS[name]))
    return float(seconds)


@contextmanager
def answering(client: Client) -> Iterator[None]:
    """Turn what Dask raises where its scheduler does not answer into one line.

    Raises
    ------
    TemporaryFailure
        Where the connection was lost before or meanwhile.
    """
    try:
        yield
    except (OSError, TimeoutError, ClosedClientError) as error:
        raise TemporaryFailure(f"{SCHEDULER_LOST} ({error})") from error
    except (CancelledError, AttributeError, RuntimeError) as error:  # what a client raises that is closed meanwhile
        if client.status == "running" and not is_of_lost_connection(error):
            raise
        raise TemporaryFailure(SCHEDULER_LOST) from error


def is_of_lost_connection(error: BaseException | None) -> bool:
    """Whether a future was cancelled since the connection to the scheduler was lost, which may be there again."""
    if isinstance(error, FuturesCancelledError):
        return any(group.reason == _CONNECTION_LOST for group in error.error_groups)
    return isinstance(error, FutureCancelledError) and error.reason == _CONNECTION_LOST
