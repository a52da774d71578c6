"""What stands for ``pylibcudf.io.types``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..signatures import signature
from ..table import Table


class SourceInfo:
    """Where a file is read from: paths."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        sources = signature("pylibcudf.io.types.SourceInfo").bind(*args, **kwargs).arguments["sources"]
        if not all(isinstance(source, str | Path) for source in sources):
            raise NotImplementedError("sources other than paths are not simulated")
        for source in sources:
            if not Path(source).is_file():
                raise FileNotFoundError(f"Cannot open file {source}")
        self.paths = [str(source) for source in sources]


class TableWithMetadata:
    """Columns that were read, and their names."""

    def __init__(self, tbl: Table, column_names: list[Any]) -> None:
        self.tbl = tbl
        self._names = [name for name, _ in column_names]

    def column_names(self, include_children: bool = False) -> list[Any]:
        """Return the columns' names."""
        if include_children:
            raise NotImplementedError("names of fields are not simulated")
        return list(self._names)
