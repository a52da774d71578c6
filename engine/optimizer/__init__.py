"""Rewrites a logical plan into one that gives the same rows for less work. Must not know devices, files or SQL text."""

from .context import OptimizerContext
from .estimate import Estimator
from .optimizer import optimize

__all__ = ["Estimator", "OptimizerContext", "optimize"]
