"""What stands for ``pylibcudf.io``."""

from __future__ import annotations

from . import orc, parquet, types

__all__ = ["orc", "parquet", "types"]
