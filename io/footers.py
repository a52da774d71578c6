"""Parquet footers: reading them with clear errors, and what their statistics say."""

from __future__ import annotations

import datetime as dt
import heapq
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from itertools import accumulate, pairwise
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..engine import dtypes
from ..engine.dtypes import DataType, Kind
from ..engine.errors import ReadError
from ..engine.expr import Path
from ..engine.moments import EPOCH
from ..engine.plan import ColumnStatistics, Statistics
from ..engine.records import dataclass
from ..engine.schema import Schema
from . import thrift
from .filesystem import FileInfo, FileSet, Location, reason
from .pruning import Bounds, bounds_name, converted, ordinal

_UNIT_NS = {"milliseconds": 1_000_000, "microseconds": 1_000, "nanoseconds": 1}
_TYPED_BOUNDS = frozenset(
    {Kind.BOOL, Kind.DECIMAL, Kind.STRING, Kind.BINARY, Kind.FLOAT32, Kind.FLOAT64}
    | {Kind.UINT8, Kind.UINT16, Kind.UINT32, Kind.UINT64}
)
_TWO = -1
_ROW_GROUPS, _COLUMNS, _HIDDEN = 4, 1, 9
"""Fields of Parquet's footer: its row groups, a row group's chunks, a chunk's description where that is encrypted."""
_WIDTHS = {"INT32": 4, "FLOAT": 4, "INT64": 8, "DOUBLE": 8}
_PAGE_HEADER_BYTES = 20
NO_OTHERS: Mapping[str, DataType] = MappingProxyType({})
"""For a file that stores every column with the table's type."""
_DICTIONARY_LIMIT = 256 * 1024
"""Writers give up a column chunk's dictionary near 1 MiB; one far smaller covers its whole chunk."""


def read_footers(files: FileSet) -> tuple[Any, ...]:
    """Return the ``FileMetaData`` of each file, in order; several are read at once."""
    if len(files.files) == 1:
        return (read_footer(files.location, files.files[0]),)
    with ThreadPoolExecutor(max_workers=min(8, len(files.files))) as pool:
        return tuple(pool.map(lambda file: read_footer(files.location, file), files.files))


def read_footer(location: Location, file: FileInfo) -> Any:
    """Return the ``FileMetaData`` of a file.

    Raises
    ------
    ReadError
        If the file is empty, cut short or no Parquet file.
    """
    url = location.url(file.path)
    if file.size == 0:
        raise ReadError(f"{url!r} is empty (0 bytes), not a Parquet file; write it again")
    try:
        with closing(location.open(file.path)) as handle:
            metadata = pq.read_metadata(handle)
            hidden = _encrypted_columns(handle, file.size, metadata)
    except (pa.ArrowException, OSError) as error:
        raise ReadError(f"{url!r} {_what_is_wrong(location, file, error)}") from error
    if hidden:
        shown = ", ".join(map(repr, hidden))
        raise ReadError(f"{url!r} has encrypted columns ({shown}), which cannot be read; decrypt it first")
    return metadata


def _encrypted_columns(handle: Any, size: int, metadata: Any) -> list[str]:
    """Return the columns that have keys of their own, in a file with a plain footer; to ask pyarrow ends the process.

    Such a footer is signed: it is longer than what it says.
    """
    handle.seek(size - 8)
    length = int.from_bytes(handle.read(4), "little")
    if length == metadata.serialized_size:
        return []
    handle.seek(size - 8 - length)
    try:
        groups = thrift.read(handle.read(length))[_ROW_GROUPS].value.values
        chunks = groups[0][_COLUMNS].value.values if groups else []
    except (ValueError, KeyError, AttributeError):  # what is damaged is told when it is read
        return []
    return [metadata.schema.column(place).path for place, chunk in enumerate(chunks) if _HIDDEN in chunk]


def _what_is_wrong(location: Location, file: FileInfo, error: Exception) -> str:
    with closing(location.open(file.path)) as handle:
        start = handle.read(4)
    if start == b"PARE":
        return "is an encrypted Parquet file, which cannot be read; decrypt it first"
    if start != b"PAR1":
        return f"is not a Parquet file; name its format, e.g. format='csv' ({reason(error)})"
    return f"is cut short or damaged; copy or write it again ({reason(error)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """Where a plain top-level column stands among a file's column chunks.

    Attributes
    ----------
    index
        Position of the column chunk in each row group.
    dtype
        The table's type.
    stored
        The file's own.
    factor
        What a stored integer is multiplied by to be an ordinal, or None where statistics are read as typed values.
    """

    index: int
    dtype: DataType
    stored: DataType
    factor: int | Decimal | None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the columns of one file stand among its column chunks.

    Making it takes time for every column that the file has, whatever a query asks for.

    Attributes
    ----------
    flat
        Position of the one chunk of each column that is not nested.
    chunks
        Positions of the chunks of every column.
    fields
        Position of the one chunk of each field of structs, of fields of fields and so on, by their dotted names; below
        0 where two have one name.
    paths
        The dotted name of each chunk.
    """

    flat: Mapping[str, int]
    chunks: Mapping[str, Sequence[int]]
    fields: Mapping[str, int]
    paths: Sequence[str]

    @classmethod
    def of(cls, metadata: Any) -> Layout:
        """Return the layout of a file, from its footer."""
        flat: dict[str, int] = {}
        fields: dict[str, int] = {}
        paths: list[str] = []
        chunks: dict[str, list[int]] = {name: [] for name in column_names(metadata)}
        for index in range(metadata.num_columns):
            column = metadata.schema.column(index)
            path = column.path
            if column.max_repetition_level == 0:
                if path == column.name:
                    flat[path] = index
                else:
                    fields[path] = _TWO if path in fields else index
            paths.append(path)
            prefixes = accumulate(path.split("."), lambda outer, inner: f"{outer}.{inner}")
            inner = path != column.name
            name = next((prefix for prefix in prefixes if inner and prefix in chunks and prefix != path), path)
            chunks.setdefault(name, []).append(index)
        return cls(flat, chunks, fields, paths)

    def parts(self, name: str, paths: Iterable[Path]) -> dict[str, list[int]]:
        """Return the positions of the chunks of a column, by the dotted names that they are read by.

        Of a column that some ``paths`` lead into, only chunks below one of these count, unless the file has none.
        """
        own = self.chunks.get(name, ())
        found: dict[str, list[int]] = {}
        for part in (".".join(path) for path in paths if path[0] == name):
            below = [j for j in own if self.paths[j] == part or self.paths[j].startswith(f"{part}.")]
            if below:
                found[part] = below
        return found or {name: list(own)}


def column_names(metadata: Any) -> frozenset[str]:
    """Return the names of a file's columns, nested ones as a whole; costs the conversion of its schema."""
    return frozenset(metadata.schema.to_arrow_schema().names)


def plain_leaves(
    metadata: Any, layout: Layout, schema: Schema, stored: Mapping[str, DataType] = NO_OTHERS
) -> dict[str, Leaf]:
    """Return the flat columns of a file that ``schema`` has; ``stored`` are the types that the file has otherwise."""
    leaves: dict[str, Leaf] = {}
    for field in schema:
        index = layout.flat.get(field.name)
        if index is not None and not field.dtype.is_nested:
            own = stored.get(field.name, field.dtype)
            factor = _factor(metadata.schema.column(index), own)
            leaves[field.name] = Leaf(index=index, dtype=field.dtype, stored=own, factor=factor)
    return leaves


def field_leaves(
    metadata: Any, layout: Layout, schema: Schema, paths: Iterable[Path], stored: Mapping[str, DataType] = NO_OTHERS
) -> dict[str, Leaf]:
    """Return the leaves of fields of structs, by `bounds_name`; those of lists are not among them."""
    leaves: dict[str, Leaf] = {}
    for path in paths:
        name = ".".join(path)
        dtype = _dtype_at(schema[path[0]].dtype, path[1:])
        own = _dtype_at(stored.get(path[0], schema[path[0]].dtype), path[1:])
        index = layout.fields.get(name, _TWO)
        if index != _TWO and own is not None and dtype is not None and not dtype.is_nested:
            factor = _factor(metadata.schema.column(index), own)
            leaves[bounds_name(path)] = Leaf(index=index, dtype=dtype, stored=own, factor=factor)
    return leaves


def _dtype_at(dtype: DataType | None, names: Sequence[str]) -> DataType | None:
    for name in names:
        dtype = None if dtype is None else dict(dtype.fields).get(name)
    return dtype


def _factor(column: Any, dtype: DataType) -> int | Decimal | None:
    if column.physical_type not in ("INT32", "INT64"):
        return None
    if dtype.kind is Kind.TIMESTAMP:
        logical = json.loads(column.logical_type.to_json())
        return _UNIT_NS.get(logical.get("timeUnit", ""))
    if dtype.is_decimal:
        return Decimal(1).scaleb(-dtype.scale)
    return 1 if dtype.kind is Kind.DATE or dtype.is_signed else None


def chunk_bounds(leaf: Leaf, chunk: Any) -> Bounds:
    """Return what the statistics of one column chunk say; unknown where they are absent or of no use."""
    statistics = chunk.statistics
    if statistics is None:
        return Bounds()
    nulls = statistics.null_count if statistics.has_null_count else None
    has_null, has_value = nulls != 0, nulls is None or nulls < chunk.num_values
    low, high = _extremes(leaf, statistics) if has_value and statistics.has_min_max else (None, None)
    own = Bounds(minimum=low, maximum=high, has_null=has_null, has_value=has_value)
    return own if leaf.stored == leaf.dtype else converted(own, leaf.stored, leaf.dtype)


def _extremes(leaf: Leaf, statistics: Any) -> tuple[Any, Any]:
    if leaf.factor is not None:
        return statistics.min_raw * leaf.factor, statistics.max_raw * leaf.factor
    dtype = leaf.stored
    if dtype.kind not in _TYPED_BOUNDS or (statistics.physical_type == "FIXED_LEN_BYTE_ARRAY" and dtype.is_float):
        return None, None
    try:
        low, high = ordinal(statistics.min, dtype), ordinal(statistics.max, dtype)
    except (UnicodeDecodeError, ValueError):
        return None, None  # bounds cut inside a character
    return (None, None) if low is None or high is None else (low, high)


def is_worth_a_dictionary(chunk: Any) -> bool:
    """Whether a text column chunk is wholly dictionary-encoded and repeats its values often.

    Footers do not say whether a writer fell back to plain pages, but it does so only once the dictionary has grown
    large; and the stored dictionary is at most a byte per row where values repeat some eight times or more.
    """
    size = _dictionary_bytes(chunk)
    return size is not None and bool(size <= min(_DICTIONARY_LIMIT, max(64, chunk.num_values)))


def table_statistics(
    footers: Sequence[Any],
    layouts: Sequence[Layout],
    schema: Schema,
    stored: Sequence[Mapping[str, DataType]],
    keys: Mapping[str, ColumnStatistics],
) -> Statistics:
    """Return rows, stored bytes and column statistics of whole files.

    ``stored`` are the types of columns that a file has otherwise than the table, ``keys`` statistics of partition keys.
    """
    groups = [footer.row_group(i) for footer in footers for i in range(footer.num_row_groups)]
    size = sum(group.column(j).total_compressed_size for group in groups for j in range(group.num_columns))
    columns = ColumnFacts(tuple(zip(footers, layouts, stored, strict=True)), schema, keys)
    return Statistics(rows=sum(footer.num_rows for footer in footers), bytes=size, columns=columns)


class ColumnFacts(Mapping[str, ColumnStatistics]):
    """Statistics by column, gathered from the footers when a column is first asked for."""

    def __init__(
        self,
        files: Sequence[tuple[Any, Layout, Mapping[str, DataType]]],
        schema: Schema,
        keys: Mapping[str, ColumnStatistics],
    ) -> None:
        self._files, self._schema = files, schema
        self._known = dict(keys)

    def __getitem__(self, name: str) -> ColumnStatistics:
        if name not in self._known:
            if name not in self._schema:
                raise KeyError(name)
            self._known[name] = self._gather(name)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._schema.names)

    def __len__(self) -> int:
        return len(self._schema)

    def _gather(self, name: str) -> ColumnStatistics:
        alone = self._schema.select([name])
        dtype = alone[name].dtype
        present: list[Bounds] = []
        nulls: int | None = 0
        counts: list[float | None] = []
        for footer, layout, stored in self._files:
            leaf = plain_leaves(footer, layout, alone, stored).get(name)
            if leaf is None:
                return ColumnStatistics()
            for i in range(footer.num_row_groups):
                chunk = footer.row_group(i).column(leaf.index)
                bounds = chunk_bounds(leaf, chunk)
                statistics = chunk.statistics
                counted = statistics is not None and statistics.has_null_count
                nulls = nulls + statistics.null_count if counted and nulls is not None else None
                if bounds.has_value:
                    present.append(bounds)
                    counts.append(_distinct(chunk, bounds))
        lows, highs = [b.minimum for b in present], [b.maximum for b in present]
        low = None if not lows or None in lows else min(lows)
        high = None if not highs or None in highs or dtype.is_float else max(highs)  # NaN is greatest, and not recorded
        known = [count for count in counts if count is not None]
        return ColumnStatistics(
            minimum=_plain(low, dtype),
            maximum=_plain(high, dtype, up=True),
            nulls=nulls,
            distinct=round(_distinct_of_all(present, known)) if known and len(known) == len(counts) else None,
        )


def _distinct_of_all(bounds: Sequence[Bounds], counts: Sequence[float]) -> float:
    """Estimate how many values column chunks have together: within common bounds the same, else different ones.

    Numbers of a chunk are believed to be spread evenly between its bounds, and where chunks overlap to be those of the
    one in which they lie closest. So rows that are stored in the order of a column have the values of all chunks.
    """
    ends = [(b.minimum, b.maximum) for b in bounds]
    if any(low is None or high is None for low, high in ends):
        return max(counts)
    if not isinstance(ends[0][0], int | float):
        return _distinct_of_texts(ends, counts)
    unit = int(isinstance(ends[0][0], int))
    places = sorted({low for low, _ in ends} | {high + unit for _, high in ends})
    starting = sorted(
        ((low, high + unit, count) for (low, high), count in zip(ends, counts, strict=True)), reverse=True
    )
    covering: list[tuple[float, Any]] = []  # the chunks over a place: the closest values first
    total = 0.0 if unit else float(len({low for low, high in ends if low == high}))
    for place, following in pairwise(places):
        while starting and starting[-1][0] <= place:
            low, end, count = starting.pop()
            if end > low:
                heapq.heappush(covering, (-count / (end - low), end))
        while covering and covering[0][1] <= place:
            heapq.heappop(covering)
        if covering:
            total -= covering[0][0] * (following - place)
    return max(total, *counts)


def _distinct_of_texts(ends: Sequence[tuple[Any, Any]], counts: Sequence[float]) -> float:
    """Estimate how many values chunks of text have together: those of chunks that overlap are believed the same."""
    total, most, reached = 0.0, 0.0, None
    for (low, high), count in sorted(zip(ends, counts, strict=True)):
        if reached is None or low >= reached:
            total, most, reached = total + most, count, high
        else:
            most, reached = max(most, count), max(reached, high)
    return total + most


def _distinct(chunk: Any, bounds: Bounds) -> float | None:
    """Estimate how many values a column chunk's dictionary has, from its stored size; None where it says nothing.

    One row group's dictionary stands for the table's where values repeat within it, as in low-cardinality columns.
    """
    size = _dictionary_bytes(chunk)
    if size is None or size > _DICTIONARY_LIMIT:
        return None
    if isinstance(bounds.minimum, (str, bytes)):
        width = 4 + (len(bounds.minimum) + len(bounds.maximum)) / 2
    elif chunk.physical_type in _WIDTHS:
        width = _WIDTHS[chunk.physical_type]
    else:
        return None
    estimate = max(1.0, (size - _PAGE_HEADER_BYTES) / width)
    return estimate if estimate < chunk.num_values / 8 else None


def _dictionary_bytes(chunk: Any) -> int | None:
    start = chunk.dictionary_page_offset
    if not chunk.has_dictionary_page or start is None:
        return None
    size: int = chunk.data_page_offset - start
    return size if size > 0 else None


def _plain(value: Any, dtype: DataType, *, up: bool = False) -> Any:
    """Return an ordinal as a Python value of its type, rounded outwards to Python's microseconds."""
    if value is None:
        return None
    try:
        if dtype.kind is Kind.DATE:
            return dt.date(1970, 1, 1) + dt.timedelta(days=value)
        if dtype.kind is Kind.TIMESTAMP:
            moment = EPOCH + dt.timedelta(microseconds=-(-value // 1000) if up else value // 1000)
            return moment.replace(tzinfo=dt.UTC) if dtype.tz else moment
    except OverflowError:
        return None
    return bool(value) if dtype == dtypes.bool_ else value
