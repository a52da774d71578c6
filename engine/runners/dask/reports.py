"""Reports of tasks reach the client beside Dask's word that they have ended, rather than in a round of their own.

A worker sends them on its stream to the scheduler, whose plugin passes them on to the client; each comes before the
message that its task has ended. One that is too large for that, or got lost, is fetched as the task's result.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from threading import Lock
from typing import Any

from distributed import Client, Scheduler, Worker
from distributed.protocol import pickle

from .assignment import Report

REPORT = "volley_report"
_MOST_BYTES = 64 * 1024
_SECONDS = 0.001
"""How long messages are gathered before they are sent: a client of Dask waits 10 ms and a scheduler 5."""


class Reports:
    """What has arrived for the queries of one client."""

    def __init__(self) -> None:
        self._arrived: dict[str, dict[int, list[Report]]] = {}

    def open(self, query: str) -> None:
        """Keep what comes for a query."""
        self._arrived[query] = {}

    def close(self, query: str) -> None:
        """Drop what has come for a query, and what may come."""
        self._arrived.pop(query, None)

    def take(self, query: str, ticket: int) -> list[Report] | None:
        """Return the reports of a task, once; None where they have not come."""
        return self._arrived.get(query, {}).pop(ticket, None)

    def receive(self, event: dict[str, Any]) -> None:
        """Take what the scheduler has passed on."""
        waiting = self._arrived.get(event["query"])
        if waiting is not None:
            waiting[event["ticket"]] = pickle.loads(event["packed"])


_clients: weakref.WeakKeyDictionary[Client, Reports] = weakref.WeakKeyDictionary()
_lock = Lock()


def reports_for(client: Client) -> Reports:
    """Return what has arrived at a client, which receives reports from then on."""
    with _lock:
        known = _clients.get(client)
        if known is None:
            known = _clients[client] = Reports()
            client.subscribe_topic(REPORT, known.receive)
        hasten(client.scheduler_comm)  # which is another one after each time that the connection was lost
    return known


def send(worker: Worker, query: str, ticket: int, reports: Sequence[Report]) -> None:
    """Send the reports of a task that is about to end."""
    packed = pickle.dumps(list(reports))
    if len(packed) > _MOST_BYTES:
        return
    message = {"op": REPORT, "query": query, "ticket": ticket, "packed": packed}
    worker.loop.add_callback(worker.batched_send, message)


def pass_on(scheduler: Scheduler) -> None:
    """Let a scheduler pass reports from workers on to clients."""

    def handle(worker: str, query: str, ticket: int, packed: bytes) -> None:  # noqa: ARG001 - named by Dask
        event = {"query": query, "ticket": ticket, "packed": packed}
        client = query.partition("/")[0]
        hasten(scheduler.client_comms.get(client), 0.0)  # the word that the task has ended comes right after
        scheduler.client_send(client, {"op": "event", "topic": REPORT, "event": event})

    scheduler.stream_handlers[REPORT] = handle


def hasten(stream: Any, seconds: float = _SECONDS) -> None:
    """Let a stream of messages wait less before it sends them."""
    if getattr(stream, "interval", 0.0) > seconds:
        stream.interval = seconds
