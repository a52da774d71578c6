"""What stands for ``pylibcudf.io.types``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..binding import enumerated, simulated
from ..signatures import signature
from ..table import Table

CompressionType = enumerated("pylibcudf.io.types.CompressionType")


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


class SinkInfo:
    """Where a file is written to: paths."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        sinks = signature("pylibcudf.io.types.SinkInfo").bind(*args, **kwargs).arguments["sinks"]
        if not all(isinstance(sink, str | Path) for sink in sinks):
            raise NotImplementedError("sinks other than paths are not simulated")
        self.paths = [str(sink) for sink in sinks]


class ColumnInMetadata:
    """What is not in a column: made by `TableInputMetadata`, told by its methods."""

    def __init__(self) -> None:
        raise ValueError("ColumnInMetadata cannot be constructed; take it of a TableInputMetadata")

    _name: str = ""
    _nullable: bool = True
    _precision: int | None = None
    _binary: bool = False

    @simulated("pylibcudf.io.types.ColumnInMetadata.set_name", method=True)
    def set_name(self, name: str) -> ColumnInMetadata:
        """Name the column."""
        self._name = name
        return self

    @simulated("pylibcudf.io.types.ColumnInMetadata.set_nullability", method=True)
    def set_nullability(self, nullable: bool) -> ColumnInMetadata:
        """Say whether the column may have nulls, in this chunk or another."""
        self._nullable = nullable
        return self

    @simulated("pylibcudf.io.types.ColumnInMetadata.set_decimal_precision", method=True)
    def set_decimal_precision(self, precision: int) -> ColumnInMetadata:
        """Say how many digits decimals have."""
        self._precision = precision
        return self

    @simulated("pylibcudf.io.types.ColumnInMetadata.set_output_as_binary", method=True)
    def set_output_as_binary(self, binary: bool) -> ColumnInMetadata:
        """Say that texts are bytes."""
        self._binary = binary
        return self


class TableInputMetadata:
    """What is not in the columns of a table."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        table = signature("pylibcudf.io.types.TableInputMetadata").bind(*args, **kwargs).arguments["table"]
        self.column_metadata = [object.__new__(ColumnInMetadata) for _ in table._held()]
