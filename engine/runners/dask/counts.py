"""What is counted of a query's stages, and told to who watches it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ...kernels.sharing import Account
from ...physical.stages import Stage
from ..events import stage_ended
from ..metrics import Counts, Observer, RunMetrics, StageMetrics, WorkerMetrics, add_counts
from ..pipeline import totals
from .assignment import Report
from .tasks import Ran


class QueryCounts:
    """Counts one query.

    Parameters
    ----------
    accounts
        What has crossed the bus of each worker's device before.
    """

    def __init__(self, query: str, accounts: Mapping[str, Account], observer: Observer | None) -> None:
        self.metrics = RunMetrics(query=query)
        self._accounts, self._observer = dict(accounts), observer
        self._stages: dict[int, tuple[StageMetrics, Counts]] = {}

    def planned(self, ran: Ran, shown: Stage) -> None:
        """Expect the tasks of a stage; ``shown`` is what users know it as."""
        number = ran.plan.stage.number
        counted: Counts = {}
        metrics = StageMetrics(number, shown.name, partial(totals, shown, (counted,)), len(ran.tasks))
        self._stages[number] = metrics, counted

    def started(self, ran: Ran) -> StageMetrics:
        """Count a stage as started, once, and return what is counted of it."""
        metrics, _ = self._stages[ran.plan.stage.number]
        if not any(metrics is started for started in self.metrics.stages):
            self.metrics.stages.append(metrics)
            if self._observer is not None:
                size = sum(unit.bytes for units in ran.tasks for unit in units)
                self._observer.stage_started(metrics.number, metrics.name, len(ran.tasks), size)
        return metrics

    def ended(self, ran: Ran, seconds: float) -> None:
        """Count a stage as ended."""
        metrics, _ = self._stages[ran.plan.stage.number]
        metrics.seconds = seconds
        stage_ended(self.metrics, metrics)
        if self._observer is not None:
            self._observer.stage_finished(metrics.number)

    def drop(self, ran: Ran) -> None:
        """Count a stage no longer that is planned again."""
        self.metrics.stages.remove(self._stages[ran.plan.stage.number][0])

    def finished(self, ran: Ran, report: Report) -> None:
        """Count a task that has ended."""
        metrics, (_, counted) = self.started(ran), self._stages[ran.plan.stage.number]
        add_counts(counted, report.counts)
        worker = metrics.workers.setdefault(report.worker, WorkerMetrics())
        worker.tasks += 1
        worker.rows += sum(report.rows)
        worker.bytes += sum(report.bytes)
        worker.received += report.received
        worker.spilled = max(worker.spilled, report.spilled)
        worker.seconds += report.seconds
        for account in (self._accounts.get(report.worker), *report.accounts):
            worker.bus.see(account)  # what it has packed for others since its last task is there too
        if report.accounts[1] is not None:
            self._accounts[report.worker] = report.accounts[1]
        self.metrics.spans.append(report.span(metrics))
        self._tell(ran, report)

    def _tell(self, ran: Ran, report: Report) -> None:
        if self._observer is None:
            return
        units = ran.tasks[report.task]
        rows, size = sum(unit.rows for unit in units), sum(unit.bytes for unit in units)
        read = [unit for unit in units if unit.split is not None or unit.uploaded is not None]
        if read:
            scanned, stored = sum(unit.rows for unit in read), sum(unit.bytes for unit in read)
            self._observer.advanced(ran.plan.stage.number, scanned, stored)
        self._observer.task_finished(ran.plan.stage.number, rows, size)
