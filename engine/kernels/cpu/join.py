"""Hash joins: gather maps from keys, then takes; a residual condition is tested on the pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...expr import columns_of
from ...schema import Schema
from ..protocol import JoinSide, JoinSpec, Table
from .buffers import bools_of
from .compare import known_true
from .gather import take_column
from .keys import KeyTable
from .native import NO_BITS, JoinIndex, count_valid
from .native.arrays import Rows
from .project import Evaluator, shared
from .table import CpuTable, concat_tables, own
from .words import validity_bits

_MAX_PAIRS = 1 << 22
"""A cross product is tested in pieces of about so many pairs."""


class CpuJoinTable:
    """The build side of a join, immutable once made."""

    def __init__(self, tables: Sequence[CpuTable], spec: JoinSpec) -> None:
        self._spec = spec
        self._build = concat_tables(tables, spec.build_schema)
        self._keys = KeyTable([key.dtype for key in spec.build_keys]) if spec.build_keys else None
        columns = Evaluator(self._build).columns(spec.build_keys)
        if self._keys is None:
            ids, groups = np.zeros(self._build.num_rows, dtype=np.int32), 1
        else:
            ids = self._matchable(self._keys.insert(columns), columns)
            groups = len(self._keys)
        self._index = JoinIndex.from_ids(ids, groups)
        self._sizes = _group_sizes(ids, groups) if spec.residual is not None else None

    @property
    def nbytes(self) -> int:
        """Bytes held, the build rows included."""
        keys = 0 if self._keys is None else self._keys.nbytes
        return self._build.nbytes + keys + self._index.nbytes

    def probe(self, table: Table) -> CpuTable:
        """Return the joined rows for a probing table."""
        return self._probe(own(table))

    def _probe(self, table: CpuTable) -> CpuTable:
        groups = self._groups(table)
        side, index = self._spec.side, self._index
        if self._spec.residual is not None:
            return self._with_residual(table, groups)
        matches = index.matches_of_groups(groups)
        match side:
            case JoinSide.SEMI:
                return self._output(table, index.semi(matches), None)
            case JoinSide.ANTI:
                return self._output(table, index.anti(matches), None)
            case JoinSide.INNER:
                return self._output(table, *index.inner(matches))
            case JoinSide.LEFT:
                return self._output(table, *index.left(matches))

    def _groups(self, table: CpuTable) -> Rows:
        """Return the group of build rows that each probing row's keys equal, -1 where there is none."""
        if self._keys is None:
            return np.zeros(table.num_rows, dtype=np.int32)
        columns = Evaluator(table).columns(self._spec.probe_keys)
        return self._matchable(self._keys.find(columns), columns)

    def _matchable(self, ids: Rows, columns: Sequence[pa.Array]) -> Rows:
        """Take rows with a null key out, unless nulls are equal."""
        if self._spec.nulls_equal:
            return ids
        bits, offset = validity_bits(columns)
        if not len(bits):
            return ids
        valid = np.unpackbits(bits, bitorder="little")[offset : offset + len(ids)]
        return np.where(valid, ids, np.int32(-1))

    def _with_residual(self, table: CpuTable, groups: Rows) -> CpuTable:
        probe_rows, build_rows = self._surviving(table, groups)
        side = self._spec.side
        if side is JoinSide.INNER:
            return self._output(table, probe_rows, build_rows)
        partnered = np.zeros(table.num_rows, dtype=np.bool_)
        partnered[probe_rows] = True
        if side is JoinSide.SEMI:
            return self._output(table, np.flatnonzero(partnered).astype(np.int32), None)
        lonely = np.flatnonzero(~partnered).astype(np.int32)
        if side is JoinSide.ANTI:
            return self._output(table, lonely, None)
        rows = np.concatenate([probe_rows, lonely])
        partners = np.concatenate([build_rows, np.full(len(lonely), -1, dtype=np.int32)])
        order = np.argsort(rows, kind="stable")
        return self._output(table, rows[order], partners[order])

    def _surviving(self, table: CpuTable, groups: Rows) -> tuple[Rows, Rows]:
        """Return the pairs that meet the residual condition, tested a piece of the probing table at a time."""
        assert self._sizes is not None
        counts = self._sizes[groups]
        matches = self._index.matches_of_groups(groups)
        pieces: list[tuple[Any, Any]] = []
        start = 0
        ends = np.cumsum(counts, dtype=np.int64)
        while start < len(matches):
            done = int(ends[start - 1]) if start else 0
            stop = max(start + 1, int(np.searchsorted(ends, done + _MAX_PAIRS, side="right")))
            probe_rows, build_rows = self._index.inner(matches[start:stop])
            pieces.append(self._tested(table, probe_rows + np.int32(start), build_rows))
            start = stop
        if not pieces:
            return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32)
        return np.concatenate([p for p, _ in pieces]), np.concatenate([b for _, b in pieces])

    def _tested(self, table: CpuTable, probe_rows: Rows, build_rows: Rows) -> tuple[Rows, Rows]:
        residual = self._spec.residual
        assert residual is not None
        fields, columns = [], []
        for name in sorted(columns_of(residual)):
            source, rows = (table, probe_rows) if name in table.schema else (self._build, build_rows)
            fields.append(source.schema[name])
            columns.append(take_column(source.column(name), rows))
        pairs = CpuTable(schema=Schema(tuple(fields)), columns=columns, num_rows=len(probe_rows))
        mask = Evaluator(pairs).column(shared((residual,))[0])
        keep = bools_of(known_true(mask))
        return probe_rows[keep], build_rows[keep]

    def _output(self, table: CpuTable, probe_rows: Rows, build_rows: Rows | None) -> CpuTable:
        """Gather the output's columns: by name from the probing table, then from the build table."""
        schema = self._spec.output
        everything = len(probe_rows) == table.num_rows and bool((np.diff(probe_rows) == 1).all())
        outer = self._spec.side is JoinSide.LEFT
        columns = []
        for f in schema:
            if f.name in self._spec.probe_schema:
                column = table.column(f.name)
                columns.append(column if everything else take_column(column, probe_rows))
            else:
                assert build_rows is not None
                columns.append(take_column(self._build.column(f.name), build_rows, outer=outer))
        return CpuTable(schema=schema, columns=tuple(columns), num_rows=len(probe_rows))


def _group_sizes(ids: Rows, groups: int) -> NDArray[np.int64]:
    """Return the number of build rows of each group, and 0 at the end for the group -1."""
    sizes = np.zeros(groups + 1, dtype=np.int64)
    count_valid(ids, NO_BITS, 0, sizes)
    return sizes
