"""SQL text in, logical plan out. Knows sqlglot's trees and the plan; must not know files, devices or kernels.

``volley.sql`` is this package as well as the function that people call: once the package is loaded, Python binds the
name ``volley.sql`` to it, so the package itself can be called, and then looks for tables in its caller's variables.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from ..engine.frame import DataFrame
from .bind import Catalogue, bind_sql
from .frames import FrameCatalogue, sql

__all__ = ["Catalogue", "FrameCatalogue", "bind_sql", "sql"]


class _CallablePackage(ModuleType):
    def __call__(self, text: str, /, params: Any = None, *, dialect: str = "duckdb", **frames: Any) -> DataFrame:
        """Return a lazy frame for one query; see `volley.sql.sql`."""
        caller = sys._getframe(1)  # noqa: SLF001  # the caller's variables are part of the contract

        def variable(name: str) -> object | None:
            return caller.f_locals.get(name, caller.f_globals.get(name))

        return sql(text, params, dialect=dialect, scope=variable, **frames)


sys.modules[__name__].__class__ = _CallablePackage
