"""Runs stages: on threads of this process, or on the workers of a Dask cluster."""

from .local import LocalRunner
from .metrics import Observer, RunMetrics
from .result import RunResult

__all__ = ["LocalRunner", "Observer", "RunMetrics", "RunResult"]
