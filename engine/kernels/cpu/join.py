"""Hash joins: gather maps from keys, then takes; a residual condition is tested on the pairs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...dtypes import DataType
from ...errors import ArithmeticOverflow, TooManyPairs
from ...expr import Column, Expr, columns_of
from ...schema import Schema
from ..protocol import Table
from ..specs import BuildRows, JoinSide, JoinSpec
from .bounds import Between, BoundedBuild, are_worth_it, bounds_of
from .buffers import all_valid, array_from, bits_of, empty, flags_of, physical_type, size_of, storage, values_of
from .gather import encoded, take_column
from .keys import JoinKeys
from .native import JoinIndex, joining, select_bits, take
from .native.arrays import Rows, Words, ascending
from .native.keytable import ProbeKeys
from .native.parallel import Threads
from .nearest import NearestBuild
from .product import Product
from .project import Evaluator
from .spread import spreadable
from .table import CpuTable, PendingColumn, PendingColumns, concat_tables, empty_table, own

_MAX_PAIRS = 1 << 22
"""A cross product is tested in pieces of about so many pairs."""
_NO_ROWS = np.zeros(0, dtype=np.int32)
_SHARED_ROWS = 1 << 16
"""A build side of so many rows is worth threads."""


def _same_columns(spec: JoinSpec) -> dict[str, str]:
    """Return which columns of the build side are keys that rows of the output have in the probing side, too."""
    if spec.side is not JoinSide.INNER or spec.rest is not BuildRows.NONE:
        return {}
    return {
        build.name: probe.name
        for build, probe in zip(spec.build_keys, spec.probe_keys, strict=True)
        if isinstance(build, Column)
        and isinstance(probe, Column)
        and build.dtype == probe.dtype
        and _has_one_form(build.dtype)
    }


def _has_one_form(dtype: DataType) -> bool:
    """Return whether values that equal each other are the same, as those of floats and intervals need not be."""
    return dtype.is_integer or dtype.is_text or dtype.is_temporal or dtype.is_decimal


def _names_read(spec: JoinSpec) -> set[str]:
    """Return the build side's columns that are read once the hash table is made."""
    from_probe = set[str]() if spec.side is JoinSide.NONE else {f.name for f in spec.probe_schema}
    elsewhere = {*_same_columns(spec), *(from_probe if spec.rest is BuildRows.NONE else ())}
    read = {f.name for f in spec.output} - elsewhere
    return read if spec.residual is None else read | {*columns_of(spec.residual)}


def _only(table: CpuTable, schema: Schema) -> CpuTable:
    """Return the columns of a table that a schema has."""
    columns = tuple(table.column(f.name) for f in schema)
    return CpuTable(schema=schema, columns=columns, num_rows=table.num_rows)


def _asks_for_pairs(spec: JoinSpec) -> bool:
    """Return whether the pairs of rows with equal keys are all that is asked for."""
    return spec.side is JoinSide.INNER and spec.residual is None


class _Values(NamedTuple):
    """The values of the only column that is read of a build side: of each of its tables, and what they are."""

    chunks: Sequence[NDArray[Any]]
    dtype: np.dtype[Any]
    like: pa.Array

    def column(self, values: NDArray[Any]) -> pa.Array:
        """Return some of the values as the column that they are of."""
        if isinstance(self.like, pa.DictionaryArray):
            return encoded(array_from(values, self.like.indices.type), self.like.dictionary)
        return array_from(values, self.like.type)


def _values_alone(tables: Sequence[CpuTable], schema: Schema) -> _Values | None:
    """Return the values of the only column of a schema; None where there are more, or they are no words or halves."""
    if len(schema) != 1 or not tables:
        return None
    [field] = schema
    columns = [table.column(field.name) for table in tables]
    if any(column.null_count for column in columns) or not spreadable(columns):
        return None
    stored = [column.indices if isinstance(column, pa.DictionaryArray) else column for column in columns]
    width = storage(stored[0].type).itemsize
    if width not in (4, 8):
        return None
    dtype = np.dtype(f"u{width}")
    return _Values([values_of(array).view(dtype) for array in stored], dtype, columns[0])


def _at(rows: Rows, places: Rows) -> Rows:
    """Return the rows at places."""
    taken = empty(len(places), np.int32)
    take(rows, places, taken)
    return taken


def _joined(pieces: Sequence[tuple[Rows, Rows]]) -> tuple[Rows, Rows]:
    """Return all of some pairs of rows."""
    if len(pieces) == 1:
        return pieces[0]
    if not pieces:
        return _NO_ROWS, _NO_ROWS
    return np.concatenate([p for p, _ in pieces]), np.concatenate([b for _, b in pieces])


class CpuJoinTable:
    """The build side of a join; once made, it changes only in which of its rows have met a partner.

    Attributes
    ----------
    num_rows
        Build rows.
    """

    def __init__(self, tables: Sequence[CpuTable], spec: JoinSpec, *, threads: int = 1) -> None:
        self._spec = spec
        dtypes = [key.dtype for key in spec.build_keys]
        rows = sum(table.num_rows for table in tables)
        self._keys = JoinKeys(dtypes, nulls_equal=spec.nulls_equal, capacity=rows) if dtypes else None
        self._same = _same_columns(spec)
        matched = spec.side in (JoinSide.INNER, JoinSide.SEMI) and not spec.nulls_equal
        # Columns of the probing side that no row of the output has a null in.
        self._known = {key.name for key in spec.probe_keys if matched and isinstance(key, Column)}
        if threads == 1 or rows < _SHARED_ROWS:
            self._build, self._index = self._built(tables, None)
            self._bounded, self._nearest = self._in_order(None)
        else:
            with Threads(threads) as shared_with:
                self._build, self._index = self._built(tables, shared_with)
                self._bounded, self._nearest = self._in_order(shared_with)
        self.num_rows = rows
        # Threads only ever write True into it, so that they need not wait for each other.
        remembered = 0 if spec.rest is BuildRows.NONE else self._build.num_rows
        self._met: NDArray[np.bool_] = np.zeros(remembered, dtype=np.bool_)

    def _built(self, tables: Sequence[CpuTable], threads: Threads | None) -> tuple[CpuTable, JoinIndex]:
        spec = self._spec
        filled = [table for table in tables if table.num_rows]
        if self._keys is None:
            keys = [ProbeKeys(self._constant(table)) for table in filled]
        else:
            columns = [Evaluator(table).columns(spec.build_keys) for table in filled]
            keys = [ProbeKeys(*own) for own in self._keys.build(columns)]
        first = spec.side in (JoinSide.SEMI, JoinSide.ANTI) and spec.residual is None and spec.rest is BuildRows.NONE
        kept = Schema(tuple(f for f in spec.build_schema if f.name in _names_read(spec)))
        self._values = _values_alone(filled, kept) if _asks_for_pairs(spec) and spec.rest is BuildRows.NONE else None
        values = None if self._values is None else self._values.chunks
        index = JoinIndex(keys, threads=threads, first=first, values=values)
        if index.has_values:
            return empty_table(kept), index
        return concat_tables([_only(table, kept) for table in filled], kept, threads), index

    def _in_order(self, threads: Threads | None) -> tuple[BoundedBuild | None, NearestBuild | None]:
        """Return the build rows in the order of a value that the residual condition bounds; None where none pays."""
        lists = self._index.lists
        if self._spec.nearest:
            return None, NearestBuild(self._spec, lists, self._build, threads)
        bounds = bounds_of(self._spec)
        if bounds is None or lists is None or not are_worth_it(lists, keyed=self._keys is not None):
            return None, None
        try:
            return BoundedBuild(bounds, lists, self._build, threads), None
        except ArithmeticOverflow:  # of a sum that need not be computed where the condition is tested
            return None, None

    @property
    def nbytes(self) -> int:
        """Bytes held, the build rows included."""
        keys = 0 if self._keys is None else self._keys.nbytes
        ordered = sum(each.nbytes for each in (self._bounded, self._nearest) if each is not None)
        return self._build.nbytes + keys + self._index.nbytes + self._met.nbytes + ordered

    @property
    def meets_all(self) -> bool:
        """Whether each probing row is tried with all build rows."""
        return self._keys is None and self._bounded is None and self._nearest is None

    def probe(self, table: Table) -> CpuTable:
        """Return the joined rows for a probing table."""
        return self.probe_each([table])[0]

    def probe_each(self, tables: Sequence[Table]) -> list[CpuTable]:
        """Return the joined rows for each of several probing tables."""
        given = [own(table) for table in tables]
        keys = self._probe_keys(given)
        if self._values is not None and self._index.has_values:
            found = self._index.values_each(keys, self._values.dtype)
            return [
                self._with_values(table, rows, self._values.column(values))
                for table, (rows, values) in zip(given, found, strict=True)
            ]
        if _asks_for_pairs(self._spec) and self._keys is None and self._build.num_rows:
            return [self._product(table) for table in given]
        if _asks_for_pairs(self._spec):
            made = self._index.inner_each(keys)
            return [self._paired(table, *pairs) for table, pairs in zip(given, made, strict=True)]
        return [self._joined(*pair) for pair in zip(given, self._index.match_each(keys), strict=True)]

    def remaining(self) -> CpuTable:
        """Return the build rows that have met a partner, or those that have not; the probe's columns are null."""
        wanted = self._met if self._spec.rest is BuildRows.MATCHED else ~self._met
        rows = np.flatnonzero(wanted).astype(np.int32)
        columns = [
            take_column(self._build.column(f.name), rows)
            if f.name in self._spec.build_schema
            else pa.nulls(len(rows), physical_type(f.dtype))
            for f in self._spec.output
        ]
        return CpuTable(schema=self._spec.output, columns=tuple(columns), num_rows=len(rows))

    def _meet(self, build_rows: Rows) -> None:
        """Remember which build rows have a partner; -1 stands for none."""
        if self._spec.rest is not BuildRows.NONE:
            found = build_rows[build_rows >= 0] if self._spec.side is JoinSide.LEFT else build_rows
            self._met[found] = True

    def _product(self, table: CpuTable) -> CpuTable:
        """Return the pairs of each row of a table with each of the build rows."""
        product = Product(table.num_rows, self._build.num_rows)
        if len(product) > joining.MOST_PAIRS and table.num_rows > 1:
            raise TooManyPairs(f"a join would give {len(product):,} pairs for {table.num_rows:,} rows")
        if table.num_rows:
            self._met[:] = True

        def column(name: str) -> pa.Array:
            if name in table.schema:
                return product.repeated(table.column(name))
            return product.tiled(self._build.column(name))

        output = self._spec.output
        size = self._build.nbytes * table.num_rows + table.nbytes * self._build.num_rows
        pending = [PendingColumn(partial(column, f.name)) for f in output]
        return CpuTable(schema=output, columns=PendingColumns(pending, size), num_rows=len(product))

    def _paired(self, table: CpuTable, probe_rows: Rows, build_rows: Rows) -> CpuTable:
        self._meet(build_rows)
        return self._output(table, probe_rows, build_rows, distinct=self._index.unique)

    def _joined(self, table: CpuTable, matches: Rows) -> CpuTable:
        side, index = self._spec.side, self._index
        if self._nearest is not None:
            return self._beside_nearest(table, self._nearest.partners(table, matches))
        if self._spec.residual is not None:
            return self._with_residual(table, matches)
        match side:
            case JoinSide.SEMI:
                return self._output(table, index.semi(matches), None, distinct=True)
            case JoinSide.ANTI:
                return self._output(table, index.anti(matches), None, distinct=True)
            case JoinSide.LEFT:
                return self._paired(table, *index.left(matches))
            case JoinSide.NONE:
                self._meet(index.partners_of_any(matches))
                return self._nothing(table)
            case _:
                raise AssertionError(side)

    def _beside_nearest(self, table: CpuTable, partners: Rows) -> CpuTable:
        if self._spec.side is JoinSide.LEFT:
            return self._output(table, ascending(table.num_rows), partners, distinct=True)
        return self._output(table, *joining.with_partner(partners), distinct=True)

    def _with_values(self, table: CpuTable, rows: Rows, values: pa.Array) -> CpuTable:
        """Return the output of rows, once for each partner, of which there are only values."""
        unique = self._index.unique
        if not unique or len(rows) < table.num_rows or isinstance(table.columns, PendingColumns):
            return self._output(table, rows, None, values, distinct=unique)
        sources = [self._same.get(f.name, f.name) for f in self._spec.output]
        columns = tuple([table.column(name) if name in self._spec.probe_schema else values for name in sources])
        return CpuTable(schema=self._spec.output, columns=columns, num_rows=table.num_rows)

    def _nothing(self, table: CpuTable) -> CpuTable:
        return self._output(table, _NO_ROWS, _NO_ROWS, distinct=True)

    def _probe_keys(self, tables: Sequence[CpuTable]) -> list[ProbeKeys]:
        """Return the keys of the rows of probing tables."""
        if self._keys is None:
            return [ProbeKeys(self._constant(table)) for table in tables]
        columns = [Evaluator(table).columns(self._spec.probe_keys) for table in tables]
        return [ProbeKeys(*keys) for keys in self._keys.probe_each(columns)]

    @staticmethod
    def _constant(table: CpuTable) -> Words:
        """Return one key for all rows: without keys, every row meets every other."""
        return np.zeros(table.num_rows, dtype=np.uint64)

    def _with_residual(self, table: CpuTable, matches: Rows) -> CpuTable:
        side, bounded = self._spec.side, self._bounded
        between = None if bounded is None else self._between(bounded, table, matches)
        if bounded is None or between is None:
            probe_rows, build_rows = self._surviving(table, matches)
        elif side is JoinSide.NONE and bounded.is_whole:
            self._meet(bounded.covered(between))
            return self._nothing(table)
        else:
            probe_rows, build_rows = self._within(bounded, table, between)
        if side is JoinSide.INNER:
            return self._paired(table, probe_rows, build_rows)
        self._meet(build_rows)
        if side is JoinSide.NONE:
            return self._nothing(table)
        partnered = np.zeros(table.num_rows, dtype=np.bool_)
        partnered[probe_rows] = True
        if side is JoinSide.SEMI:
            return self._output(table, np.flatnonzero(partnered).astype(np.int32), None, distinct=True)
        lonely = np.flatnonzero(~partnered).astype(np.int32)
        if side is JoinSide.ANTI:
            return self._output(table, lonely, None, distinct=True)
        rows = np.concatenate([probe_rows, lonely])
        partners = np.concatenate([build_rows, np.full(len(lonely), -1, dtype=np.int32)])
        order = np.argsort(rows, kind="stable")
        return self._output(table, rows[order], partners[order], distinct=self._index.unique)

    def _surviving(self, table: CpuTable, matches: Rows) -> tuple[Rows, Rows]:
        """Return the pairs that meet the residual condition, tested a piece of the probing table at a time."""
        residual = self._spec.residual
        assert residual is not None
        if self._index.count(matches) <= _MAX_PAIRS:
            return self._tested(table, *self._index.inner(matches), residual)
        counts = self._index.partners(matches)
        pieces: list[tuple[Any, Any]] = []
        start = 0
        ends = np.cumsum(counts, dtype=np.int64)
        if self._keys is not None and len(ends) > 1 and ends[-1] > joining.MOST_PAIRS:
            raise TooManyPairs(f"a join would test {ends[-1]:,} pairs for {len(ends):,} rows; use smaller batches")
        while start < len(matches):
            done = int(ends[start - 1]) if start else 0
            stop = max(start + 1, int(np.searchsorted(ends, done + _MAX_PAIRS, side="right")))
            probe_rows, build_rows = self._index.inner(matches[start:stop])
            pieces.append(self._tested(table, probe_rows + np.int32(start), build_rows, residual))
            start = stop
        return _joined(pieces)

    @staticmethod
    def _between(bounded: BoundedBuild, table: CpuTable, matches: Rows) -> Between | None:
        """Return the bounds of a table's rows; None where one does not fit, which the condition need not compute."""
        try:
            return bounded.between(table, matches)
        except ArithmeticOverflow:
            return None

    def _within(self, bounded: BoundedBuild, table: CpuTable, between: Between) -> tuple[Rows, Rows]:
        """Return the pairs that meet the residual condition; for semi and anti joins one of a probing row, if any."""
        first = self._spec.side in (JoinSide.SEMI, JoinSide.ANTI) and bounded.rest is None
        pairs = bounded.pairs(between, first=first)
        if bounded.rest is None:
            return _joined(list(pairs))
        return _joined([self._tested(table, *found, bounded.rest) for found in pairs])

    def _tested(self, table: CpuTable, probe_rows: Rows, build_rows: Rows, residual: Expr) -> tuple[Rows, Rows]:
        fields, columns = [], []
        for name in sorted(columns_of(residual)):
            source, rows = (table, probe_rows) if name in table.schema else (self._build, build_rows)
            fields.append(source.schema[name])
            columns.append(take_column(source.column(name), rows))
        pairs = CpuTable(schema=Schema(tuple(fields)), columns=columns, num_rows=len(probe_rows))
        [mask] = Evaluator(pairs).columns([residual])
        flags, offset = flags_of(mask)
        bits, bit_offset = bits_of(mask)
        kept = select_bits(flags, offset, len(mask), bits=bits, bit_offset=bit_offset)
        return _at(probe_rows, kept), _at(build_rows, kept)

    def _output(
        self,
        table: CpuTable,
        probe_rows: Rows,
        build_rows: Rows | None,
        build_column: pa.Array | None = None,
        *,
        distinct: bool,
    ) -> CpuTable:
        """Return the output, whose columns are gathered when they are asked for.

        They come by name from the probing table, then from the build table, or are ``build_column``. ``distinct`` says
        that ``probe_rows``, which ascend, has no row twice.
        """
        schema = self._spec.output
        probed = self._spec.side is not JoinSide.NONE  # or else names may be those of both sides
        everything = distinct and len(probe_rows) == table.num_rows
        outer = self._spec.side is JoinSide.LEFT

        def from_probe(name: str) -> PendingColumn:
            column = partial(table.column, name)
            if everything:
                return PendingColumn(column)
            known = name in self._known
            return PendingColumn((lambda: all_valid(column())) if known else column, probe_rows)

        def from_build(name: str) -> PendingColumn:
            if build_rows is None:
                assert build_column is not None
                return PendingColumn(lambda: build_column)
            return PendingColumn(partial(self._build.column, name), build_rows, outer=outer)

        rows = len(probe_rows)
        pending = [
            from_probe(self._same.get(f.name, f.name))
            if probed and (f.name in self._spec.probe_schema or f.name in self._same)
            else from_build(f.name)
            for f in schema
        ]
        size = table.nbytes * rows // max(table.num_rows, 1)
        if build_column is not None:
            size += size_of(build_column)
        if build_rows is not None:
            size += self._build.nbytes * rows // max(self._build.num_rows, 1)
        return CpuTable(schema=schema, columns=PendingColumns(pending, size), num_rows=rows)
