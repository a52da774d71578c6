"""What stands for ``pylibcudf.io.parquet_metadata``: footers that are parsed once for several reads."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..binding import simulated


class FileMetaData:
    """The footer of a file."""

    def __init__(self, path: str) -> None:
        self._footer = pq.read_metadata(path)

    def _describes(self, file: pq.ParquetFile) -> bool:
        return bool(self._footer.equals(file.metadata))


@simulated("pylibcudf.io.parquet_metadata.read_parquet_footers")
def read_parquet_footers(src_info: Any) -> list[FileMetaData]:
    """Parse the footer of each file."""
    try:
        return [FileMetaData(path) for path in src_info.paths]
    except (pa.ArrowException, OSError) as error:
        raise RuntimeError(f"CUDF failure: {error}") from error
