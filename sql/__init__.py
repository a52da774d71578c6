"""SQL text in, logical plan out. Knows sqlglot's trees and the plan; must not know files, devices or kernels."""

from .bind import Catalogue, bind_sql
from .frames import FrameCatalogue, query, sql

__all__ = ["Catalogue", "FrameCatalogue", "bind_sql", "query", "sql"]
