"""Counts of what a worker has done, as Prometheus metrics at its ``/metrics`` beside those of Dask.

Dask serves ``prometheus_client``'s registry, where that library is installed; without it nothing is counted for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from threading import Lock
from typing import Any

from ...exchange.transfer import Exchange
from .assignment import Report


class Telemetry:
    """Totals of one worker by kind of stage, and what its exchange holds."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self._totals: dict[str, Counter[str]] = {name: Counter() for name in _TOTALS}
        self._lock = Lock()

    def count(self, stage: str, report: Report | None) -> None:
        """Add a task of a kind of stage that has ended, or failed where there is no report."""
        with self._lock:
            if report is None:
                self._totals["failed_tasks"][stage] += 1
                return
            self._totals["tasks"][stage] += 1
            self._totals["rows"][stage] += sum(report.rows)
            self._totals["made_bytes"][stage] += sum(report.bytes)
            self._totals["received_bytes"][stage] += report.received
            self._totals["task_seconds"][stage] += report.seconds  # type: ignore[assignment]  # counters hold floats too

    def collect(self) -> Iterator[Any]:
        """Yield Prometheus' families; called when somebody asks for them."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        with self._lock:
            for name, about in _TOTALS.items():
                family = CounterMetricFamily(f"volley_worker_{name}", about, labels=["stage"])
                for stage, total in self._totals[name].items():
                    family.add_metric([stage], total)
                yield family
        store, exchange = self.exchange.store, self.exchange
        counters = {
            "served_bytes": ("Bytes of rows sent to other workers and clients.", exchange.served),
            "served_pages": ("Messages with rows sent to other workers and clients.", exchange.pages),
            "relayed_copies": ("Build sides taken from a worker that had taken or made them.", exchange.relay.taken),
        }
        for name, (about, total) in counters.items():
            yield CounterMetricFamily(f"volley_worker_{name}", about, value=total)
        gauges = {
            "held_bytes": ("Bytes of stages' output held in memory.", store.held),
            "spilled_bytes": ("Bytes of stages' output held in files.", store.spilled),
        }
        for name, (about, now) in gauges.items():
            yield GaugeMetricFamily(f"volley_worker_{name}", about, value=now)

    def register(self) -> None:
        """Show the metrics, in place of those of a worker of this process that has ended."""
        try:
            from prometheus_client import REGISTRY
        except ImportError:
            return
        self.unregister()
        REGISTRY.register(self)
        _shown.append(self)

    def unregister(self) -> None:
        """Show the metrics no longer."""
        if _shown:
            from prometheus_client import REGISTRY

            REGISTRY.unregister(_shown.pop())


class SchedulerTelemetry:
    """How many tasks of which kind of stage a scheduler has, and of how many queries."""

    def __init__(self, scheduler: Any) -> None:
        self.scheduler = scheduler

    def collect(self) -> Iterator[Any]:
        """Yield Prometheus' families; called when somebody asks for them."""
        from prometheus_client.core import GaugeMetricFamily

        tasks = GaugeMetricFamily("volley_scheduler_tasks", "Tasks by stage and state.", labels=["stage", "state"])
        counts: Counter[tuple[str, str]] = Counter()
        queries = set()
        for key, task in list(self.scheduler.tasks.items()):
            if isinstance(key, tuple) and isinstance(key[0], str) and key[0].startswith("volley "):
                stage, _, query = key[0].removeprefix("volley ").split("-", 2)
                counts[stage, task.state] += 1
                queries.add(query)
        for (stage, state), count in counts.items():
            tasks.add_metric([stage, state], count)
        yield tasks
        yield GaugeMetricFamily("volley_scheduler_queries", "Queries with tasks.", value=len(queries))


_TOTALS = {
    "tasks": "Tasks that ended well.",
    "failed_tasks": "Tasks that raised.",
    "task_seconds": "Seconds that tasks took.",
    "rows": "Rows that tasks made.",
    "made_bytes": "Bytes of rows that tasks made.",
    "received_bytes": "Bytes of rows that came from other workers.",
}
_shown: list[Any] = []
"""What stands in Prometheus' registry: one worker's totals, of a process that may have had several."""
