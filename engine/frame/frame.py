"""Lazy, immutable frames: every method returns a new frame over a longer plan; few of them run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import PlanError, TypeMismatch
from ..plan import MapBatches, Scan
from ..schema import Field
from . import explain as _explain
from .arguments import explained
from .asked import Asked
from .columns import Columns
from .combine import Combining
from .elementwise import Elementwise
from .labels import Labels
from .memory import MemorySource
from .output import Output
from .reductions import Reductions
from .session import Session, current_session
from .throughpandas import FrameThroughPandas
from .types import parse_dtype

if TYPE_CHECKING:
    import pyarrow as pa


@explained
class DataFrame(Asked, Labels, Columns, Elementwise, Combining, Reductions, Output, FrameThroughPandas):
    """A lazily computed table.

    Parameters
    ----------
    data
        A mapping of column names to values, a list of row dictionaries, a pandas DataFrame, or anything that exports
        Arrow (``pyarrow.Table``, Polars, DuckDB, …).
    session
        The session it runs in; by default the current one.

    Notes
    -----
    There is no row index. Columns that pandas would put into the index (group keys) are ordinary columns, marked so
    that `to_pandas` puts them there.
    """

    __slots__ = ()

    def __init__(self, data: Any = None, *, session: Session | None = None) -> None:
        source = MemorySource(_as_table({} if data is None else data))
        self._fill(Scan(source=source), session or current_session(), ())

    def pipe(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function with this frame first."""
        return function(self._own, *args, **kwargs)

    def map_batches(
        self,
        function: Callable[[pa.Table], pa.Table],
        adds: Mapping[str, Any],
        *,
        reads: Sequence[str] | None = None,
        keeps: bool = False,
        label: str | None = None,
    ) -> DataFrame:
        """Apply a Python function to batches of rows.

        Parameters
        ----------
        function
            Takes a ``pyarrow.Table`` of the columns ``reads`` and returns one with the columns ``adds``.
        adds
            Names and types of the columns that it returns.
        reads
            Columns that it needs; by default all.
        keeps
            Whether it returns one row for each, in order, to be put beside the frame's own columns.
        label
            Name for ``explain`` and errors; by default the function's.
        """
        fields = tuple(Field(name, parse_dtype(dtype)) for name, dtype in adds.items())
        plan = MapBatches(
            input=self.plan,
            label=label or str(getattr(function, "__name__", "map_batches")),
            function=function,
            adds=fields,
            reads=None if reads is None else tuple(reads),
            keeps=keeps,
        )
        return self.with_plan(plan)

    def fold(
        self, initial: Callable[[], Any], update: Callable[[Any, pa.Table], Any], merge: Callable[[Any, Any], Any]
    ) -> Any:
        """Run the plan and fold its rows into one value.

        Each task starts from ``initial()`` and takes its batches in order by ``update(state, table)``; the states of
        the tasks are merged from left to right, so that the result does not depend on the number of threads.
        """
        return self.session.fold(self.plan, initial, update, merge)

    def explain(self, stage: str = "optimized") -> str:
        """Return the plan as text: ``logical``, ``optimized``, ``physical``, or ``analyze`` (runs it and measures)."""
        return _explain.explain(self._own, stage)


def _as_table(data: Any) -> pa.Table:
    import pyarrow as pa

    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if isinstance(data, Mapping):
        if lone := [name for name, values in data.items() if not hasattr(values, "__len__") or isinstance(values, str)]:
            raise PlanError(f"column {lone[0]!r} needs a list of values, not {data[lone[0]]!r}")
        lengths = {name: len(values) for name, values in data.items()}
        if len(set(lengths.values())) > 1:
            raise PlanError(f"columns differ in length: {lengths}")
        return pa.table({name: _as_column(name, values) for name, values in data.items()})
    if type(data).__module__.startswith("pandas"):
        return _from_pandas(data)
    if hasattr(data, "__arrow_c_stream__"):
        return pa.table(data)
    if isinstance(data, list) and all(isinstance(row, Mapping) for row in data):
        return pa.Table.from_pylist(data)
    raise TypeMismatch(
        f"cannot make a frame of a {type(data).__name__}; give a dictionary of columns, a list of rows as "
        "dictionaries, or a pandas, Polars or Arrow table"
    )


def _as_column(name: str, values: Any) -> Any:
    import pyarrow as pa

    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise TypeMismatch(f"column {name!r} is of no one type: {error}") from error


def _from_pandas(data: Any) -> pa.Table:
    import pyarrow as pa

    if not data.columns.is_unique:
        raise PlanError(f"columns share the name {data.columns[data.columns.duplicated()][0]!r}; rename them first")
    try:
        made = pa.Table.from_pandas(data, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise TypeMismatch(f"a column is of no one type; convert it with astype first: {error.args[-1]}") from error
    return made.replace_schema_metadata(None)
