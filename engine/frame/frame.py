"""Lazy, immutable frames: every method returns a new frame over a longer plan; few of them run it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..dtypes import DataType
from ..errors import ColumnNotFound, PlanError, TypeMismatch, suggestion
from ..expr import AggregateCall, Column, Expr, NamedAggregate, NamedExpr, SortKey, call, cast, literal
from ..plan import Aggregate, Distinct, Filter, Limit, MapBatches, Plan, Project, Scan, Sort, Union, Write, plan_windows
from ..schema import Field, Schema
from . import explain as _explain
from . import show
from .files import files
from .groupby import GroupBy
from .join import merged
from .memory import MemorySource
from .series import Series
from .session import Session, current_session
from .types import parse_dtype
from .window import aggregated, projected

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class DataFrame:
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

    __slots__ = ("index", "plan", "session")

    plan: Plan
    session: Session
    index: tuple[str, ...]

    def __init__(self, data: Any = None, *, session: Session | None = None) -> None:
        source = MemorySource(_as_table({} if data is None else data))
        self._fill(Scan(source=source), session or current_session(), ())

    def _fill(self, plan: Plan, session: Session, index: tuple[str, ...]) -> None:
        object.__setattr__(self, "plan", plan)
        object.__setattr__(self, "session", session)
        object.__setattr__(self, "index", index)

    @classmethod
    def from_plan(cls, plan: Plan, session: Session | None = None, index: tuple[str, ...] = ()) -> DataFrame:
        """Return a frame over a plan."""
        frame = cls.__new__(cls)
        frame._fill(plan, session or current_session(), index)  # noqa: SLF001  # its own class
        return frame

    def with_plan(self, plan: Plan, *, index: tuple[str, ...] = ()) -> DataFrame:
        """Return a frame of the same session over another plan."""
        return DataFrame.from_plan(plan, self.session, index)

    def __setattr__(self, name: str, value: object) -> None:
        raise PlanError(f"frames are immutable; use frame = frame.assign({name}=…)")

    def __setitem__(self, name: object, value: object) -> None:
        raise PlanError(f"frames are immutable; use frame = frame.assign({name}=…)")

    # what it looks like

    @property
    def schema(self) -> Schema:
        """Names and types of the columns."""
        return self.plan.schema

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.schema.names)

    @property
    def dtypes(self) -> dict[str, DataType]:
        """Types of the columns by name."""
        return {field.name: field.dtype for field in self.schema}

    def __repr__(self) -> str:
        return show.as_text(self)

    def _repr_html_(self) -> str:
        return show.as_html(self)

    def __contains__(self, name: object) -> bool:
        return name in self.schema

    def __iter__(self) -> Iterator[str]:
        return iter(self.schema.names)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(name for name in self.schema.names if name.isidentifier())]

    # columns and rows

    def _column(self, name: str) -> Column:
        return Column(name=name, dtype=self.schema[name].dtype)

    def __getattr__(self, name: str) -> Series:
        if name.startswith("__") or name in DataFrame.__slots__:
            raise AttributeError(name)
        if name in self.schema:
            return Series(self, self._column(name))
        methods = [method for method in dir(DataFrame) if not method.startswith("_")]
        raise ColumnNotFound(name, [*self.columns, *methods], " or method")

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return Series(self, self._column(key))
        if isinstance(key, Series):
            return self.filter(key)
        if isinstance(key, Sequence) and all(isinstance(name, str) for name in key):
            return self.select(*key)
        raise TypeMismatch("index a frame with a column name, a list of names, or a condition such as frame.x > 1")

    def filter(self, condition: Series | Callable[[DataFrame], Series]) -> DataFrame:
        """Return the rows where a condition is true (not false, not null)."""
        made = condition(self) if callable(condition) else condition
        if not isinstance(made, Series):
            raise TypeMismatch(f"a filter needs a condition such as frame.x > 1, not {type(made).__name__}")
        predicate = self._operand(made)
        plan, (test,) = plan_windows(self.plan, [predicate], keeps_order=True)
        kept = self.with_plan(Filter(input=plan, predicate=test), index=self.index)
        return kept if plan is self.plan else kept.select(*self.columns)

    def select(self, *columns: str | Series, **named: Any) -> DataFrame:
        """Return the named columns and expressions, in order; ``new=expression`` names what it adds."""
        exprs = [self._named(column) for column in columns]
        exprs += [NamedExpr(name=name, expr=self._operand(value)) for name, value in named.items()]
        return self._project(exprs)

    def _named(self, column: str | Series) -> NamedExpr:
        if isinstance(column, str):
            return NamedExpr(name=column, expr=self._column(column))
        return NamedExpr(name=column.name, expr=self._operand(column))

    def _operand(self, value: Any) -> Expr:
        if callable(value) and not isinstance(value, Series):
            value = value(self)
        return Series(self, literal(None)).operand(value)

    def _project(self, exprs: Iterable[NamedExpr]) -> DataFrame:
        plan = projected(self.plan, exprs)
        return self.with_plan(plan, index=tuple(name for name in self.index if name in plan.schema))

    def assign(self, **columns: Any) -> DataFrame:
        """Add or replace columns: constants, expressions, or functions of the frame; later ones see earlier ones."""
        frame = self
        for name, value in columns.items():
            expr = frame._operand(value)
            exprs = [
                NamedExpr(name=old, expr=expr if old == name else frame._column(old)) for old in frame.schema.names
            ]
            if name not in frame.schema:
                exprs.append(NamedExpr(name=name, expr=expr))
            frame = frame._project(exprs)
        return frame

    def rename(self, columns: Mapping[str, str] | Callable[[str], str]) -> DataFrame:
        """Rename columns by a dictionary or a function."""
        if isinstance(columns, Mapping):
            self.schema.select(columns)
        new = columns if callable(columns) else lambda name: columns.get(name, name)
        return self._project(NamedExpr(name=new(name), expr=self._column(name)) for name in self.schema.names)

    def drop(self, columns: str | Sequence[str]) -> DataFrame:
        """Return the frame without some columns."""
        gone = {columns} if isinstance(columns, str) else set(columns)
        self.schema.select(gone)
        return self.select(*(name for name in self.schema.names if name not in gone))

    def astype(self, types: Any) -> DataFrame:
        """Convert all columns to one type, or some by a dictionary."""
        wanted = types if isinstance(types, Mapping) else dict.fromkeys(self.schema.names, types)
        self.schema.select(wanted)
        return self.assign(
            **{name: Series(self, cast(self._column(name), parse_dtype(t))) for name, t in wanted.items()}
        )

    def fillna(self, value: Any) -> DataFrame:
        """Fill nulls with a constant (in columns of its kind) or by a dictionary of columns."""
        if isinstance(value, Mapping):
            return self.assign(**{name: self[name].fillna(one) for name, one in value.items()})
        kind = literal(value).dtype
        fits = [f.name for f in self.schema if f.dtype == kind or (f.dtype.is_numeric and kind.is_numeric)]
        return self.assign(**{name: self[name].fillna(value) for name in fits})

    def dropna(self, subset: str | Sequence[str] | None = None) -> DataFrame:
        """Leave out rows with a null in any column, or in some."""
        names = self.columns if subset is None else [subset] if isinstance(subset, str) else list(subset)
        frame = self
        for name in names:
            test = call("is_not_null", self._column(name))
            frame = frame.with_plan(Filter(input=frame.plan, predicate=test), index=self.index)
        return frame

    def pipe(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function with this frame first."""
        return function(self, *args, **kwargs)

    # joining, grouping, ordering

    def merge(
        self,
        right: DataFrame,
        how: str = "inner",
        on: str | Sequence[str] | None = None,
        *,
        left_on: str | Sequence[str] | None = None,
        right_on: str | Sequence[str] | None = None,
        suffixes: tuple[str, str] = ("_x", "_y"),
    ) -> DataFrame:
        """Join with another frame on equal keys; null keys never match.

        Parameters
        ----------
        right
            The other frame.
        how
            ``inner``, ``left``, ``right``, ``outer``, ``semi`` (rows with a partner), ``anti`` (without) or ``cross``.
        on, left_on, right_on
            Key columns; by default the columns that both have.
        suffixes
            Added to names that both have and that are no keys.
        """
        return merged(self, right, how=how, on=on, left_on=left_on, right_on=right_on, suffixes=suffixes)

    def groupby(
        self, by: str | Sequence[str], *, sort: bool = True, dropna: bool = True, as_index: bool = True
    ) -> GroupBy:
        """Group rows by columns; see `GroupBy`."""
        keys = (by,) if isinstance(by, str) else tuple(by)
        self.schema.select(keys)
        return GroupBy(self, keys, sort=sort, dropna=dropna, as_index=as_index)

    def sort_values(
        self,
        by: str | Sequence[str],
        *,
        ascending: bool | Sequence[bool] = True,
        na_position: str = "last",
        stable: bool = False,
    ) -> DataFrame:
        """Return the rows in order; nulls come last in both directions unless ``na_position="first"``."""
        names = [by] if isinstance(by, str) else list(by)
        flags = [ascending] * len(names) if isinstance(ascending, bool) else list(ascending)
        if len(flags) != len(names):
            raise PlanError(f"ascending has {len(flags)} entries for {len(names)} keys")
        if na_position not in ("first", "last"):
            raise PlanError(f"na_position must be 'first' or 'last', not {na_position!r}")
        first = na_position == "first"
        keys = tuple(
            SortKey(expr=self._column(name), descending=not up, nulls_first=first)
            for name, up in zip(names, flags, strict=True)
        )
        return self.with_plan(Sort(input=self.plan, keys=keys, stable=stable), index=self.index)

    def nlargest(self, n: int, columns: str | Sequence[str]) -> DataFrame:
        """Return the ``n`` rows with the greatest values, greatest first."""
        return self.sort_values(columns, ascending=False).limit(n)

    def nsmallest(self, n: int, columns: str | Sequence[str]) -> DataFrame:
        """Return the ``n`` rows with the least values, least first."""
        return self.sort_values(columns).limit(n)

    def limit(self, count: int, offset: int = 0) -> DataFrame:
        """Return at most ``count`` rows after ``offset``, lazily."""
        return self.with_plan(Limit(input=self.plan, count=count, offset=offset), index=self.index)

    def drop_duplicates(self, subset: str | Sequence[str] | None = None) -> DataFrame:
        """Return the first row of each set of equal rows, compared in all columns or some."""
        on = None if subset is None else (subset,) if isinstance(subset, str) else tuple(subset)
        return self.with_plan(Distinct(input=self.plan, on=on), index=self.index)

    # functions over batches and rows

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

    def reduce(self, **aggregates: AggregateCall) -> dict[str, Any]:
        """Run the plan and return aggregates over all rows as Python values."""
        plan, calls = aggregated(self.plan, aggregates.values())
        named = tuple(NamedAggregate(name=name, call=one) for name, one in zip(aggregates, calls, strict=True))
        (row,) = self.session.collect(Aggregate(input=plan, aggregates=named)).to_pylist()
        return dict(row)

    # running

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

    def __len__(self) -> int:
        from ..expr import aggregate

        return int(self.reduce(rows=aggregate("size"))["rows"])

    @property
    def shape(self) -> tuple[int, int]:
        """Run the plan and return the number of rows and of columns."""
        return len(self), len(self.schema)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.collect().__arrow_c_stream__(requested_schema)

    # writing

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

    # looking inside

    def explain(self, stage: str = "optimized") -> str:
        """Return the plan as text: ``logical``, ``optimized``, ``physical``, or ``analyze`` (runs it and measures)."""
        return _explain.explain(self, stage)


def concat(frames: Iterable[DataFrame]) -> DataFrame:
    """Return the rows of several frames, one after the other, matched by column name.

    Raises
    ------
    PlanError
        If there is no frame, or a column is missing from one.
    """
    given = list(frames)
    if not given:
        raise PlanError("concat needs at least one frame")
    first = given[0]
    aligned = []
    for number, frame in enumerate(given):
        if set(frame.schema.names) != set(first.schema.names):
            odd = sorted(set(frame.schema.names) ^ set(first.schema.names))
            raise PlanError(f"concat: frame {number} and the first differ in the columns {', '.join(odd)}")
        aligned.append(frame)
    types = {name: _shared_type(name, given) for name in first.schema.names}
    plans = tuple(_cast_plan(frame, types) for frame in aligned)
    return first.with_plan(Union(inputs=plans))


def _shared_type(name: str, frames: list[DataFrame]) -> DataType:
    from ..dtypes import common_type

    shared: DataType | None = frames[0].schema[name].dtype
    for frame in frames[1:]:
        other = frame.schema[name].dtype
        shared = None if shared is None else common_type(shared, other)
        if shared is None:
            raise TypeMismatch(
                f"concat: column {name!r} is {frames[0].schema[name].dtype} in one frame, {other} in another"
            )
    assert shared is not None
    return shared


def _cast_plan(frame: DataFrame, types: dict[str, DataType]) -> Plan:
    exprs = tuple(
        NamedExpr(name=name, expr=cast(Column(name=name, dtype=frame.schema[name].dtype), dtype))
        for name, dtype in types.items()
    )
    if all(e.is_passthrough for e in exprs) and tuple(types) == frame.schema.names:
        return frame.plan
    return Project(input=frame.plan, exprs=exprs)


def _as_table(data: Any) -> pa.Table:
    import pyarrow as pa

    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if isinstance(data, Mapping):
        lengths = {name: len(values) for name, values in data.items()}
        if len(set(lengths.values())) > 1:
            raise PlanError(f"columns differ in length: {lengths}")
        return pa.table(dict(data))
    if type(data).__module__.startswith("pandas"):
        return pa.Table.from_pandas(data, preserve_index=False).replace_schema_metadata(None)
    if hasattr(data, "__arrow_c_stream__"):
        return pa.table(data)
    if isinstance(data, list) and all(isinstance(row, Mapping) for row in data):
        return pa.Table.from_pylist(data)
    raise TypeMismatch(f"cannot make a frame of a {type(data).__name__}{suggestion('dict', ['dict', 'pyarrow.Table'])}")
