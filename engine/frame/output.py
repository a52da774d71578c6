"""Where the rows of a frame go: into memory, other libraries and files."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, PlanError
from ..plan import Scan, Write
from .arguments import whole
from .files import files
from .memory import MemorySource
from .rows import Rows
from .series import Series

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd
    import pyarrow as pa

    from .frame import DataFrame


_AS_IT_IS = {"index": False, "orient": "records", "lines": True}
"""Options of pandas that ask for what is written anyway."""


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

    def to_polars(self) -> Any:
        """Run the plan and return the rows as a Polars DataFrame, if Polars is installed."""
        try:
            polars = import_module("polars")
        except ImportError as error:
            raise ConfigError("to_polars needs Polars, which is not installed: pip install polars") from error
        return polars.DataFrame(self.collect())

    def to_cudf(self) -> Any:
        """Run the plan and return the rows as a ``cudf.DataFrame``, if cuDF is installed.

        Of a session on the GPU they stay where they are. cuDF has no dates without a time: they become timestamps.
        """
        try:
            cudf = import_module("cudf")
        except ImportError as error:
            raise ConfigError(f"to_cudf needs cuDF: pip install 'volley-engine[gpu]' ({error})") from error
        import pyarrow as pa

        native = self.session.native(self.plan)
        if isinstance(native, pa.Table):
            return cudf.DataFrame.from_arrow(native)
        return cudf.DataFrame.from_pylibcudf(native, {"columns": list(self.columns)})

    def to_arrays(self) -> dict[str, Any]:
        """Run the plan and return each column as an array in the memory of the session's device.

        On the CPU they are numpy's; on a GPU objects that CuPy, torch, JAX and XGBoost take in place, by the CUDA array
        interface or DLPack: ``cupy.asarray(a)``, ``torch.from_dlpack(a)``, ``jax.dlpack.from_dlpack(a)``. They may
        share memory with the frame: do not write to them. Nulls of float columns become NaN.

        Raises
        ------
        TypeMismatch
            For a column that is not of numbers or bools, or of integers or bools with nulls.
        """
        return self.session.shared(self.plan).arrays

    def to_numpy(self) -> npt.NDArray[Any]:
        """Run the plan and return the rows as a two-dimensional array of the columns' common type; null is NaN."""
        made: npt.NDArray[Any] = self.select(*self._unmarked).collect().to_pandas().to_numpy()
        return made

    @property
    def values(self) -> npt.NDArray[Any]:
        """Run the plan and return the same as `to_numpy`."""
        return self.to_numpy()

    def to_dict(self, orient: str = "list") -> Any:
        """Run the plan and return a dictionary of lists, or with ``orient="records"`` a list of dictionaries."""
        if orient not in ("list", "records"):
            raise PlanError(f"to_dict has orient='list' and orient='records', not {orient!r}")
        table = self.collect()
        return table.to_pydict() if orient == "list" else table.to_pylist()

    def items(self) -> Iterator[tuple[str, Series]]:
        """Yield the names and columns; nothing is run."""
        for name in self.columns:
            yield name, Series(self._own, self._column(name))

    def iterrows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Run the plan and yield each row's number and its values by column, batch by batch."""
        yield from enumerate(row for batch in self.iter_batches() for row in batch.to_pylist())

    def itertuples(self, *, index: bool = True, name: str = "Row") -> Iterator[Any]:
        """Run the plan and yield each row as a named tuple, batch by batch; ``Index`` is the row's number."""
        kind = _tuple_type(name, ["Index", *self.columns] if index else self.columns)
        numbers = count()
        for batch in self.iter_batches():
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield kind(next(numbers), *values) if index else kind(*values)

    def copy(self) -> DataFrame:
        """Return the frame itself: frames are immutable, so that nobody needs a copy."""
        return self._own

    def head(self, n: int = 5) -> DataFrame:
        """Run the plan for its first ``n`` rows (negative: all but the last ones) and return a frame in memory."""
        count = whole(n, "head")
        return self.limit(count if count >= 0 else max(0, len(self._own) + count)).cache()

    def tail(self, n: int = 5) -> DataFrame:
        """Run the plan for its last ``n`` rows (negative: all but the first ones) and return a frame in memory."""
        import pyarrow as pa

        n = whole(n, "tail")
        if n < 0:
            return self.limit(None, -n).cache()

        def update(rows: list[pa.Table], table: pa.Table) -> list[pa.Table]:
            return _last([*rows, table], n)

        kept = self.session.fold(self.plan, list, update, lambda one, two: _last([*one, *two], n))
        if not kept:
            return self.limit(0).cache()
        return self.with_plan(Scan(source=MemorySource(pa.concat_tables(kept))), index=self.index)

    def cache(self) -> DataFrame:
        """Run the plan and return its rows as a frame in memory."""
        return self.with_plan(Scan(source=MemorySource(self.collect())), index=self.index)

    def iter_batches(self) -> Iterator[pa.RecordBatch]:
        """Run the plan and yield its rows in order, batch by batch; stopping early stops the run."""
        return self.session.stream(self.plan)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.collect().__arrow_c_stream__(requested_schema)

    # writing

    def write(self, path: Any, format: str | None = None, **options: Any) -> pa.Table:  # noqa: A002  # as users say
        """Run the plan and write its rows; returns path, rows and bytes of each file.

        The output appears whole or not at all. The format is guessed from the name if not given.
        """
        given = {name: value for name, value in options.items() if _AS_IT_IS.get(name, ...) != value}
        sink = files().sink_for(path, format=format, **given)
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

    def to_orc(self, path: Any, **options: Any) -> pa.Table:
        """Write ORC."""
        return self.write(path, "orc", **options)

    def to_json(self, path: Any, **options: Any) -> pa.Table:
        """Write JSON, one object per line."""
        return self.write(path, "json", **options)


def _last(tables: Sequence[pa.Table], n: int) -> list[pa.Table]:
    """Return the last ``n`` rows of tables that follow each other."""
    kept: list[pa.Table] = []
    for table in reversed(tables):
        if n > 0:
            kept.insert(0, table.slice(max(0, table.num_rows - n)))
        n -= table.num_rows
    return kept


def _tuple_type(name: str, fields: Sequence[str]) -> Any:
    """Return a class of named tuples; fields that are no Python names become their places, as in pandas."""
    return namedtuple(name, fields, rename=True)  # noqa: PYI024  # the fields are known at run time only
