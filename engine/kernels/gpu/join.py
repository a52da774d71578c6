"""Joins: gather maps from keys, then gathers; a residual condition is tested on the pairs.

pylibcudf has no inner hash join that is built once, so that each probing table builds the hash table of the build
side's keys anew; tables of the GPU are large, and its tables of keys are kept. Semi and anti joins are built once.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ... import dtypes
from ...errors import TooManyPairs
from ...expr import Expr, columns_of
from ...schema import Field, Schema
from ..protocol import Table
from ..specs import BuildRows, JoinSide, JoinSpec
from . import memory
from .batch import GpuTable, concat_tables, own
from .columns import constant, flag, flags, negated, nulls, repeated
from .keys import gathered, masked_rows, normal, positions, positions_where
from .library import plc
from .memory import OutOfDeviceMemory, TooManyRows, kernel, on_stream, run
from .nearest import NearestRows
from .project import Evaluator

_MOST_PAIRS = 1 << 24
"""Pairs of a cross product that are tested at once."""


class GpuJoinTable:
    """The build side of a join; once made, it changes only in which of its rows have met a partner."""

    def __init__(self, tables: Sequence[GpuTable], spec: JoinSpec) -> None:
        self._spec = spec
        self._build = concat_tables(tables, spec.build_schema)
        self._keys = plc.Table(self._normal_keys(self._build, spec.build_keys), self._build.num_rows)
        nulls_equal = plc.types.NullEquality
        self._nulls = nulls_equal.EQUAL if spec.nulls_equal else nulls_equal.UNEQUAL
        filters = spec.side in (JoinSide.SEMI, JoinSide.ANTI) and spec.residual is None
        self._filter = None
        if filters and spec.build_keys and spec.rest is BuildRows.NONE:
            self._filter = on_stream(plc.join.FilteredJoin, self._keys, self._nulls)
        self._nearest = NearestRows(spec, self._build, self._keys.columns()) if spec.nearest else None
        self._lock = threading.Lock()
        self._met: plc.Column | None = None
        if spec.rest is not BuildRows.NONE:
            self._met = flags(self._build.num_rows, value=False)

    @staticmethod
    def _normal_keys(table: GpuTable, keys: Sequence[Expr]) -> list[plc.Column]:
        return normal(Evaluator(table).columns(keys), keys)

    @property
    def num_rows(self) -> int:
        """Build rows."""
        return self._build.num_rows

    @property
    def nbytes(self) -> int:
        """Device bytes held, the build rows included."""
        kept = {id(column) for column in self._build.columns}
        held = [*self._keys.columns(), *([] if self._nearest is None else self._nearest.columns)]
        keys = [column for column in held if id(column) not in kept]
        return self._build.nbytes + sum(int(column.device_buffer_size()) for column in keys)

    @property
    def meets_all(self) -> bool:
        """Whether each probing row is tried with all build rows."""
        return not self._spec.probe_keys and self._nearest is None

    @kernel
    def probe(self, table: Table) -> GpuTable:
        """Return the joined rows for a probing table."""
        rows = own(table)
        try:
            return self._probe(rows)
        except OutOfDeviceMemory as error:
            if rows.num_rows < 2:
                raise
            raise TooManyPairs(
                f"a join of {rows.num_rows:,} rows gives more than the device holds; use smaller batches"
            ) from error

    def probe_each(self, tables: Sequence[Table]) -> list[GpuTable]:
        """Return the joined rows for each of several probing tables."""
        return [self.probe(table) for table in tables]

    @kernel
    def remaining(self) -> GpuTable:
        """Return the build rows that have met a partner, or those that have not; the probe's columns are null."""
        assert self._met is not None
        wanted = self._met if self._spec.rest is BuildRows.MATCHED else negated(self._met)
        rows = positions_where(wanted)
        count = rows.size()
        names = [f.name for f in self._spec.output if f.name in self._spec.build_schema]
        kept = iter(gathered(self._build.select(names), rows).columns() if names else ())
        columns = [
            next(kept) if f.name in self._spec.build_schema else nulls(f.dtype, count) for f in self._spec.output
        ]
        return GpuTable(self._spec.output, columns, count)

    def _probe(self, table: GpuTable) -> GpuTable:
        spec = self._spec
        keys = plc.Table(self._normal_keys(table, spec.probe_keys), table.num_rows)
        if self._filter is not None:
            find = self._filter.semi_join if spec.side is JoinSide.SEMI else self._filter.anti_join
            return self._output(table, run(find, keys), None)
        probe_rows, build_rows = self._pairs(table, keys)
        self._meet(build_rows)
        match spec.side:
            case JoinSide.INNER:
                return self._output(table, probe_rows, build_rows)
            case JoinSide.NONE:
                none = _first_rows(probe_rows, 0)
                return self._output(table, none, none)
        partnered = _marked(probe_rows, flags(table.num_rows, value=False))
        if spec.side is JoinSide.SEMI:
            return self._output(table, positions_where(partnered), None)
        lonely = positions_where(negated(partnered))
        if spec.side is JoinSide.ANTI:
            return self._output(table, lonely, None)
        outside = repeated(constant(self.num_rows, dtypes.int32), lonely.size())
        return self._output(
            table,
            run(plc.concatenate.concatenate, [probe_rows, lonely]),
            run(plc.concatenate.concatenate, [build_rows, outside]),
        )

    def _pairs(self, table: GpuTable, keys: plc.Table) -> tuple[plc.Column, plc.Column]:
        """Return the positions of the pairs with equal keys that meet the residual condition."""
        if self._nearest is not None:
            return self._nearest.pairs(table, keys.columns())
        if self._spec.probe_keys:
            pairs = run(plc.join.inner_join, keys, self._keys, self._nulls)
            return pairs if self._spec.residual is None else self._tested(table, *pairs)
        step = max(1, _MOST_PAIRS // max(1, self.num_rows)) if self._spec.residual is not None else table.num_rows
        pieces = []
        for start in range(0, table.num_rows, max(1, step)):
            pairs = self._product(positions(table.num_rows), start, min(step, table.num_rows - start))
            pieces.append(pairs if self._spec.residual is None else self._tested(table, *pairs))
        if not pieces:
            return positions(0), positions(0)
        if len(pieces) == 1:
            return pieces[0]
        probe_rows, build_rows = (run(plc.concatenate.concatenate, list(side)) for side in zip(*pieces, strict=True))
        return probe_rows, build_rows

    def _product(self, rows: plc.Column, start: int, count: int) -> tuple[plc.Column, plc.Column]:
        """Return all pairs of some probing rows with the build rows."""
        if count * self.num_rows >= 1 << 31:
            raise TooManyRows("a product of more pairs than a column has rows; use smaller batches")
        [some] = on_stream(plc.copying.slice, rows, [start, start + count])
        pairs = run(plc.join.cross_join, plc.Table([some]), plc.Table([positions(self.num_rows)]))
        probe_rows, build_rows = pairs.columns()
        return probe_rows, build_rows

    def _tested(self, table: GpuTable, probe_rows: plc.Column, build_rows: plc.Column) -> tuple[plc.Column, plc.Column]:
        residual = self._spec.residual
        assert residual is not None
        fields: list[Field] = []
        columns: list[plc.Column] = []
        for source, rows in ((table, probe_rows), (self._build, build_rows)):
            names = [n for n in sorted(columns_of(residual)) if (n in table.schema) == (source is table)]
            if names:
                fields += [source.schema[name] for name in names]
                columns += gathered(source.select(names), rows).columns()
        pairs = GpuTable(Schema(tuple(fields)), columns, probe_rows.size())
        [mask] = Evaluator(pairs).columns([residual])
        kept = masked_rows(plc.Table([probe_rows, build_rows]), mask).columns()
        return kept[0], kept[1]

    def _meet(self, build_rows: plc.Column) -> None:
        """Remember which build rows have a partner."""
        if self._met is None:
            return
        with self._lock:
            self._met = _marked(build_rows, self._met)
            memory.stream().synchronize()  # another thread may add to it next

    def _output(self, table: GpuTable, probe_rows: plc.Column, build_rows: plc.Column | None) -> GpuTable:
        """Return the output, whose columns come by name from the probing table, then from the build table."""
        schema, count = self._spec.output, probe_rows.size()
        probed = self._spec.side is not JoinSide.NONE  # or else names may be those of both sides
        from_probe = [f.name for f in schema if probed and f.name in self._spec.probe_schema]
        from_build = [f.name for f in schema if f.name not in set(from_probe)]
        found: dict[str, plc.Column] = {}
        if from_probe:
            found |= dict(zip(from_probe, gathered(table.select(from_probe), probe_rows).columns(), strict=True))
        if from_build:
            assert build_rows is not None
            outer = self._spec.side is JoinSide.LEFT
            columns = gathered(self._build.select(from_build), build_rows, outer=outer).columns()
            found |= dict(zip(from_build, columns, strict=True))
        return GpuTable(schema, [found[f.name] for f in schema], count)


def _marked(places: plc.Column, target: plc.Column) -> plc.Column:
    """Return flags with true put at some positions."""
    return run(plc.copying.scatter, [flag(value=True)], places, plc.Table([target])).columns()[0]


def _first_rows(column: plc.Column, rows: int) -> plc.Column:
    [first] = on_stream(plc.copying.slice, column, [0, rows])
    return first
