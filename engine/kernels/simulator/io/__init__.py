"""What stands for ``pylibcudf.io``."""

from __future__ import annotations

from . import orc, parquet, parquet_metadata, types

__all__ = ["orc", "parquet", "parquet_metadata", "types"]
