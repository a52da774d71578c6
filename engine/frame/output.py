"""Where the rows of a frame go: into memory, other libraries and files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..plan import Scan, Write
from .files import files
from .memory import MemorySource
from .rows import Rows

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .frame import DataFrame


class Output(Rows):
    """Methods of `DataFrame` that run the plan for all rows, or the first."""

    __slots__ = ()

    def collect(self) -> pa.Table:
        """Run the plan and return the rows as a ``pyarrow.Table``."""
        return self.session.collect(self.plan)

    to_arrow = collect

    def to_pandas(self) -> pd.DataFrame:
        """Run the plan and return the rows as a pandas DataFrame, with group keys as its index."""
        made: pd.DataFrame = self.collect().to_pandas()
        return made.set_index(list(self.index)) if self.index else made

    def to_dict(self) -> dict[str, list[Any]]:
        """Run the plan and return a dictionary of lists."""
        columns: dict[str, list[Any]] = self.collect().to_pydict()
        return columns

    def head(self, n: int = 5) -> DataFrame:
        """Run the plan for its first ``n`` rows and return them as a frame in memory."""
        return self.limit(n).cache()

    def cache(self) -> DataFrame:
        """Run the plan and return its rows as a frame in memory."""
        return self.with_plan(Scan(source=MemorySource(self.collect())), index=self.index)

    def iter_batches(self) -> Iterator[pa.RecordBatch]:
        """Run the plan and yield its rows in order, batch by batch; stopping early stops the run."""
        return self.session.stream(self.plan)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.collect().__arrow_c_stream__(requested_schema)

    def write(self, path: Any, format: str | None = None, **options: Any) -> pa.Table:  # noqa: A002  # as users say
        """Run the plan and write its rows; returns path, rows and bytes of each file.

        The output appears whole or not at all. The format is guessed from the name if not given.
        """
        sink = files().sink_for(path, format=format, **options)
        return self.session.collect(Write(input=self.plan, sink=sink))

    def to_parquet(self, path: Any, *, partition_by: Sequence[str] = (), **options: Any) -> pa.Table:
        """Write Parquet: one file if the path ends in ``.parquet``, else a directory of files."""
        return self.write(path, "parquet", partition_by=tuple(partition_by), **options)

    def to_csv(self, path: Any, **options: Any) -> pa.Table:
        """Write CSV."""
        return self.write(path, "csv", **options)

    def to_ipc(self, path: Any, **options: Any) -> pa.Table:
        """Write the Arrow IPC file format."""
        return self.write(path, "ipc", **options)

    def to_json(self, path: Any, **options: Any) -> pa.Table:
        """Write JSON, one object per line."""
        return self.write(path, "json", **options)
