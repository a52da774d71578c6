"""Runs stages: on threads of this process, or on the workers of a Dask cluster."""

from .local import LocalRunner
from .metrics import Observer, RunMetrics
from .parts import LocalParts, Part, Parts, PartsLost
from .result import RunResult

__all__ = ["LocalParts", "LocalRunner", "Observer", "Part", "Parts", "PartsLost", "RunMetrics", "RunResult"]
