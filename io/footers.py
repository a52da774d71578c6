"""Parquet footers: reading them with clear errors, and what their statistics say."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..engine import dtypes
from ..engine.dtypes import DataType, Kind
from ..engine.errors import ReadError
from ..engine.plan import ColumnStatistics, Statistics
from ..engine.schema import Schema
from .filesystem import FileInfo, FileSet, Location, reason
from .pruning import Bounds, ordinal

_UNIT_NS = {"milliseconds": 1_000_000, "microseconds": 1_000, "nanoseconds": 1}
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001  # local timestamps have no zone
_WITH_BOUNDS = frozenset({Kind.BOOL, Kind.DECIMAL, Kind.STRING, Kind.BINARY, Kind.DATE, Kind.TIMESTAMP})
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
            return pq.read_metadata(handle)
    except (pa.ArrowException, OSError) as error:
        raise ReadError(f"{url!r} {_what_is_wrong(location, file, error)}") from error


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
        Volley's type.
    unit_ns
        Nanoseconds per unit of a stored timestamp, 0 for other types or where it has no usable order.
    """

    index: int
    dtype: DataType
    unit_ns: int


def plain_leaves(metadata: Any, schema: Schema) -> dict[str, Leaf]:
    """Return the flat columns of a file that ``schema`` has, by name."""
    leaves: dict[str, Leaf] = {}
    stored = metadata.schema
    for index in range(metadata.num_columns):
        column = stored.column(index)
        name = column.name
        if column.path == name and column.max_repetition_level == 0 and name in schema:
            dtype = schema[name].dtype
            if not dtype.is_nested:
                leaves[name] = Leaf(index=index, dtype=dtype, unit_ns=_unit_ns(column, dtype))
    return leaves


def _unit_ns(column: Any, dtype: DataType) -> int:
    if dtype.kind is not Kind.TIMESTAMP:
        return 0
    logical = json.loads(column.logical_type.to_json())
    return _UNIT_NS.get(logical.get("timeUnit", ""), 0)


def chunk_bounds(leaf: Leaf, chunk: Any) -> Bounds:
    """Return what the statistics of one column chunk say; unknown where they are absent or of no use."""
    statistics = chunk.statistics
    if statistics is None:
        return Bounds()
    nulls = statistics.null_count if statistics.has_null_count else None
    has_null, has_value = nulls != 0, nulls is None or nulls < chunk.num_values
    low, high = _extremes(leaf, statistics) if has_value and statistics.has_min_max else (None, None)
    return Bounds(minimum=low, maximum=high, has_null=has_null, has_value=has_value)


def _extremes(leaf: Leaf, statistics: Any) -> tuple[Any, Any]:
    dtype = leaf.dtype
    if dtype.kind is Kind.TIMESTAMP:
        if not leaf.unit_ns:
            return None, None
        return statistics.min_raw * leaf.unit_ns, statistics.max_raw * leaf.unit_ns
    if dtype.is_float and statistics.physical_type in ("FLOAT", "DOUBLE"):
        low, high = ordinal(statistics.min, dtype), ordinal(statistics.max, dtype)
        return (None, None) if low is None or high is None else (low, high)
    if dtype.kind in _WITH_BOUNDS or dtype.is_integer:
        try:
            return ordinal(statistics.min, dtype), ordinal(statistics.max, dtype)
        except (UnicodeDecodeError, OverflowError, ValueError):
            return None, None  # bounds cut inside a character, or beyond Python's calendar
    return None, None


def is_worth_a_dictionary(chunk: Any) -> bool:
    """Whether a text column chunk is wholly dictionary-encoded and repeats its values often.

    Footers do not say whether a writer fell back to plain pages, but it does so only once the dictionary has grown
    large; and the stored dictionary is at most a byte per row where values repeat some eight times or more.
    """
    start = chunk.dictionary_page_offset
    if not chunk.has_dictionary_page or start is None:
        return False
    size: int = chunk.data_page_offset - start
    return bool(0 < size <= min(_DICTIONARY_LIMIT, max(64, chunk.num_values)))


def table_statistics(metadata: Iterable[Any], schema: Schema, fixed: Mapping[str, Any]) -> Statistics:
    """Return rows, stored bytes and column bounds of whole files; ``fixed`` are statistics known otherwise."""
    rows = stored = 0
    merged: dict[str, list[tuple[Bounds, int | None]]] = {f.name: [] for f in schema}
    for footer in metadata:
        rows += footer.num_rows
        leaves = plain_leaves(footer, schema)
        for i in range(footer.num_row_groups):
            group = footer.row_group(i)
            stored += sum(group.column(j).total_compressed_size for j in range(group.num_columns))
            for name, pieces in merged.items():
                if name in leaves:
                    chunk = group.column(leaves[name].index)
                    statistics = chunk.statistics
                    known = statistics is not None and statistics.has_null_count
                    pieces.append((chunk_bounds(leaves[name], chunk), statistics.null_count if known else None))
                else:
                    pieces.append((Bounds(), None))
    columns = {name: _column_statistics(schema[name].dtype, pieces) for name, pieces in merged.items()}
    return Statistics(rows=rows, bytes=stored, columns={**columns, **fixed})


def _column_statistics(dtype: DataType, pieces: list[tuple[Bounds, int | None]]) -> ColumnStatistics:
    counts = [nulls for _, nulls in pieces if nulls is not None]
    nulls = sum(counts) if len(counts) == len(pieces) else None
    present = [bounds for bounds, _ in pieces if bounds.has_value]
    lows, highs = [b.minimum for b in present], [b.maximum for b in present]
    low = None if not lows or None in lows else min(lows)
    high = None if not highs or None in highs or dtype.is_float else max(highs)  # NaN is greatest, and not recorded
    return ColumnStatistics(minimum=_plain(low, dtype), maximum=_plain(high, dtype, up=True), nulls=nulls)


def _plain(value: Any, dtype: DataType, *, up: bool = False) -> Any:
    """Return an ordinal as a Python value of its type, rounded outwards to Python's microseconds."""
    if value is None:
        return None
    try:
        if dtype.kind is Kind.DATE:
            return dt.date(1970, 1, 1) + dt.timedelta(days=value)
        if dtype.kind is Kind.TIMESTAMP:
            moment = _EPOCH + dt.timedelta(microseconds=-(-value // 1000) if up else value // 1000)
            return moment.replace(tzinfo=dt.UTC) if dtype.tz else moment
    except OverflowError:
        return None
    return bool(value) if dtype == dtypes.bool_ else value
