"""Volley: a dataframe, SQL and ETL engine with machine learning attached.

``import volley as vl``; then ``vl.read_parquet``, ``vl.sql``, ``vl.DataFrame`` and ``from volley import ml``. Names are
loaded when first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import (
        DataFrame,
        Series,
        Session,
        concat,
        current_session,
        from_arrow,
        from_pandas,
        read_csv,
        read_ipc,
        read_json,
        read_parquet,
        register,
        sql,
        tables,
        unregister,
    )
    from .engine.errors import VolleyError

__version__ = "0.1.0"

__all__ = [
    "DataFrame",
    "Series",
    "Session",
    "VolleyError",
    "concat",
    "current_session",
    "from_arrow",
    "from_pandas",
    "read_csv",
    "read_ipc",
    "read_json",
    "read_parquet",
    "register",
    "sql",
    "tables",
    "unregister",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'volley' has no attribute {name!r}")
    home = "volley.engine.errors" if name == "VolleyError" else "volley.api"
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", "ml"])
