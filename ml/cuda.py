"""The libraries that compute on a CUDA device, where they are installed: CuPy, and XGBoost's CUDA build."""

from __future__ import annotations

import importlib.util
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from .parallelism import load_xgboost


def load_cupy() -> ModuleType:
    """Import CuPy."""
    import cupy

    loaded: ModuleType = cupy
    return loaded


@cache
def arrays_refusal() -> str | None:
    """Return why linear models cannot be computed on a CUDA device in this process."""
    if importlib.util.find_spec("cupy") is None:
        return "CuPy is not installed (pip install cupy-cuda13x)"
    return None


@cache
def trees_refusal() -> str | None:
    """Return why XGBoost cannot train and predict on a CUDA device in this process."""
    if not load_xgboost().build_info().get("USE_CUDA"):
        return "the installed XGBoost is its CPU build (pip uninstall xgboost-cpu, then pip install xgboost)"
    return arrays_refusal()  # XGBoost takes and gives device memory by CuPy


def is_on_host(array: Any) -> bool:
    """Return whether an array is numpy's, and not CuPy's."""
    return isinstance(array, np.ndarray)


def module_of(array: Any) -> Any:
    """Return the module whose arrays one is of: numpy, or CuPy."""
    return np if is_on_host(array) else load_cupy()


def host(array: Any) -> Any:
    """Return an array's values as numpy's: statistics of rows, which are small wherever the rows are."""
    return array if isinstance(array, np.ndarray | np.generic | float) else array.get()


def columns_of(values: Any) -> list[Any]:
    """Return the columns of an array of shape (n,) or (n, k), contiguous and finished."""
    cupy = load_cupy()
    columns = [values] if values.ndim == 1 else list(cupy.ascontiguousarray(values.T))
    cupy.cuda.get_current_stream().synchronize()
    return columns
