"""Runners execute stages: threads of this process now, a cluster later. Must not know operators' insides."""

from .local import LocalRunner, RunResult
from .metrics import Observer, RunMetrics

__all__ = ["LocalRunner", "Observer", "RunMetrics", "RunResult"]
