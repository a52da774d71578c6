"""What can go wrong between a frame and a fitted model, each with one clear line."""

from __future__ import annotations

from ..engine.errors import ExecutionError, VolleyError


class FitError(ExecutionError):
    """A model or a transformer cannot be fitted to these rows."""


class ConvergenceError(FitError):
    """An optimiser stopped before it reached the minimum."""


class UnseenCategory(ExecutionError, ValueError):
    """A row holds a category that was absent when the encoder was fitted."""


class ModelFileError(VolleyError):
    """A saved model is missing, tampered with, of an unknown class, or written by a newer Volley."""


class PredictError(ExecutionError):
    """A fitted model cannot be applied to these rows."""
