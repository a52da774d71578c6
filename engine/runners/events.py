"""What runs tell the log: one record when a query starts, one for each stage that ends, one for the end."""

from __future__ import annotations

import logging

from ..errors import Cancelled
from .metrics import RunMetrics, StageMetrics

_LOG = logging.getLogger("volley.query")
_LOG.addHandler(logging.NullHandler())  # or Python would write of failures to standard error where nobody asked


def tells() -> bool:
    """Whether anybody wants to know."""
    return _LOG.isEnabledFor(logging.INFO)


def query_started(query: str, stages: int, rows: int, size: int) -> None:
    """Log that a query starts, with the rows and stored bytes that its scans will read (0 if unknown)."""
    _LOG.info("query started", extra={"query": query, "stages": stages, "rows": rows, "bytes": size})


def stage_ended(run: RunMetrics, stage: StageMetrics) -> None:
    """Log the rows that reached a stage's end, and on a cluster what was made of them and how it was shared out."""
    if not tells():
        return
    ended = list(stage.operators.values())[-1]
    told = {
        "query": run.query,
        "stage": stage.number,
        "sink": stage.name,
        "tasks": stage.tasks,
        "rows": ended.rows,
        "bytes": ended.bytes,
        "seconds": round(stage.seconds, 6),
    }
    if stage.spilled:
        told["spilled"] = stage.spilled
    if stage.workers:
        told |= {
            "made": sum(worker.bytes for worker in stage.workers.values()),
            "workers": len(stage.workers),
            "received": sum(worker.received for worker in stage.workers.values()),
            "spilled": sum(worker.spilled for worker in stage.workers.values()),
            "skew": round(stage.skew, 3),
        }
    _LOG.info("stage ended", extra=told)


def query_ended(run: RunMetrics, error: BaseException | None) -> None:
    """Log the end of a query: well, cancelled, or with the first line of its error."""
    told = {"query": run.query, "seconds": round(run.seconds, 6), "peak_bytes": run.peak_bytes}
    if error is None or isinstance(error, GeneratorExit):  # who reads a stream may have enough of it
        _LOG.info("query ended", extra=told)
    elif isinstance(error, Cancelled | KeyboardInterrupt):
        _LOG.warning("query cancelled", extra=told)
    else:
        lines = str(error).splitlines() or [""]
        _LOG.error("query failed", extra={**told, "error": f"{type(error).__name__}: {lines[0]}"})
