"""Grouped and whole-table aggregation in two phases, and distinct rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...expr import Expr
from ...schema import Schema
from ..cpu import aggregate as cpu_aggregate
from ..cpu import reducing
from ..cpu import table as cpu
from ..protocol import GroupBy, Table
from ..specs import Accumulator, AccumulatorSpec, GroupSpec
from . import memory
from .accumulate import Computation, moments_of_states, of_rows, of_states, refusal
from .batch import GpuTable, concat_tables, own
from .groups import Groups, single_key
from .keys import gathered, needs_bytes, normal, normal_key, positions
from .library import plc
from .memory import OutOfDeviceMemory, in_halves, kernel, run
from .partition import split
from .project import Evaluator
from .transfer import on_device, on_host

_MOMENTS = [Accumulator.COUNT, Accumulator.MEAN, Accumulator.M2]
_WORTHWHILE = 0.6
"""Partial states are merged before they are passed on where that leaves at most this share of them."""
_OTHER_SEED = 0x9E3779B9
"""Seed for splitting states of one partition, whose usual hashes are alike in their last bits."""
_SEEDS = 8
"""Hashes that are tried before states count as those of one group."""


def computed(groups: Groups, computations: Sequence[Computation]) -> list[plc.Column]:
    """Run computations over groups, the first step of all in one call, and return their columns."""
    asked = [next(computation) for computation in computations]
    answers = iter(groups.first([request for requests in asked for request in requests]))
    columns: list[plc.Column] = []
    for computation, requests in zip(computations, asked, strict=True):
        try:
            computation.send([next(answers) for _ in requests])
        except StopIteration as stop:
            columns += stop.value
        else:
            raise AssertionError("a computation asks the groups once")
    return columns


def _argument_columns(
    evaluator: Evaluator, specs: Sequence[AccumulatorSpec]
) -> Iterator[tuple[plc.Column | None, plc.Column | None]]:
    """Yield argument and filter of each accumulator."""
    wanted: list[Expr] = [e for spec in specs for e in (spec.argument, spec.filter) if e is not None]
    columns = iter(evaluator.columns(wanted))
    for spec in specs:
        argument = None if spec.argument is None else next(columns)
        yield argument, None if spec.filter is None else next(columns)


def partial_states(table: GpuTable, spec: GroupSpec) -> GpuTable:
    """Return one row of partial states for each group of a table's rows."""
    evaluator = Evaluator(table)
    keys = evaluator.columns([key.expr for key in spec.keys])
    groups = _grouped(keys, spec, table.num_rows)
    pairs = zip(spec.accumulators, _argument_columns(evaluator, spec.accumulators), strict=True)
    columns = computed(groups, [of_rows(one, groups, *columns) for one, columns in pairs])
    return GpuTable(spec.schema, (*_keys_of(groups, keys, spec), *columns), groups.count)


def merged_states(table: GpuTable, spec: GroupSpec) -> GpuTable:
    """Return one row of partial states for each group of partial states."""
    width = len(spec.keys)
    keys = table.columns[:width]
    groups = _grouped(keys, spec, table.num_rows)
    columns = computed(groups, list(_merging(groups, table.columns[width:], spec.accumulators)))
    return GpuTable(spec.schema, (*_keys_of(groups, keys, spec), *columns), groups.count)


def _grouped(keys: Sequence[plc.Column], spec: GroupSpec, rows: int) -> Groups:
    return Groups(normal(keys, [key.expr for key in spec.keys]), rows)


def _keys_of(groups: Groups, keys: Sequence[plc.Column], spec: GroupSpec) -> Sequence[plc.Column]:
    """Return the keys of groups that were computed: of those that were compared by way of bytes, the first values."""
    found = list(groups.keys.columns())
    encoded = [place for place, key in enumerate(spec.keys) if needs_bytes(key.expr.dtype)]
    if encoded:
        [firsts] = groups.again([(positions(keys[0].size()), plc.aggregation.min())])
        values = gathered(plc.Table([keys[place] for place in encoded]), firsts).columns()
        for place, column in zip(encoded, values, strict=True):
            found[place] = column
    return found


def _split_keys(states: GpuTable, spec: GroupSpec) -> list[plc.Column]:
    return normal(states.columns[: len(spec.keys)], [key.expr for key in spec.keys])


def _merging(groups: Groups, states: Sequence[plc.Column], specs: Sequence[AccumulatorSpec]) -> Iterator[Computation]:
    position = 0
    while position < len(specs):
        if [spec.kind for spec in specs[position : position + 3]] == _MOMENTS:
            yield moments_of_states(groups, *states[position : position + 3])
            position += 3
        else:
            yield of_states(specs[position], groups, states[position])
            position += 1


class GpuGroupBy:
    """First phase of an aggregation with keys: each table is grouped as it comes."""

    def __init__(self, spec: GroupSpec) -> None:
        self._spec = spec
        self._held: list[GpuTable] = []
        self._rows = 0

    @property
    def nbytes(self) -> int:
        """Bytes of the partial states."""
        return sum(table.nbytes for table in self._held)

    def beside(self) -> GpuGroupBy:
        """Return an empty state of the same aggregation."""
        return GpuGroupBy(self._spec)

    @property
    def partial_bytes(self) -> int:
        """Bytes of the partial states."""
        return self.nbytes

    @kernel
    def update(self, *tables: Table) -> None:
        """Add the rows of tables."""
        spec = self._spec
        for table in tables:
            if table.num_rows:
                states = in_halves(
                    own(table), lambda part: partial_states(part, spec), lambda parts: concat_tables(parts, spec.schema)
                )
                self._held.append(states)
                self._rows += table.num_rows

    def absorb(self, other: GroupBy, *, few: bool) -> bool:
        """Leave it to the merging of partial states, which is one call for all of them."""
        return False

    def shared(self, parts: int) -> list[GpuGroupBy]:
        """Share out the tables of partial states."""
        states = []
        for part in range(min(parts, len(self._held))):
            state = GpuGroupBy(self._spec)
            state._held, state._rows = self._held[part::parts], self._rows
            states.append(state)
        return states or [self]

    @kernel
    def partials(self, partitions: int) -> list[list[Table]]:
        """Drain the state into partial states, split by the hash of the keys."""
        held, self._held = self._held, []
        groups = sum(table.num_rows for table in held)
        if len(held) > 1 and groups <= _WORTHWHILE * self._rows:
            held = [merge_groups(held, self._spec)]
        self._rows = 0
        parts: list[list[Table]] = [[] for _ in range(partitions)]
        for table in held:
            keys = _split_keys(table, self._spec)
            for tables, part in zip(parts, split(table, keys, partitions), strict=True):
                if part.num_rows:
                    tables.append(part)
        return parts


class CpuStates:
    """First phase of an aggregation that libcudf cannot do: rows go to the CPU, partial states come back."""

    def __init__(self, spec: GroupSpec) -> None:
        self._spec = spec
        self._state: GroupBy = cpu_aggregate.CpuGroupBy(spec)

    @property
    def nbytes(self) -> int:
        """Bytes of the state, on the host."""
        return self._state.nbytes

    def beside(self) -> CpuStates:
        """Return an empty state of the same aggregation."""
        return CpuStates(self._spec)

    @property
    def partial_bytes(self) -> int:
        """About how many bytes partial states will have."""
        return self._state.partial_bytes

    @kernel
    def update(self, *tables: Table) -> None:
        """Add the rows of tables."""
        _fell_back(self._spec.accumulators, sum(table.num_rows for table in tables))
        self._state.update(*(on_host(own(table)) for table in tables))

    def absorb(self, other: GroupBy, *, few: bool) -> bool:
        """Take over the groups of another thread's state on the host, if that can."""
        return isinstance(other, CpuStates) and self._state.absorb(other.host, few=few)

    @property
    def host(self) -> GroupBy:
        """The state on the host."""
        return self._state

    def shared(self, parts: int) -> list[CpuStates]:
        """Return this state."""
        return [self]

    @kernel
    def partials(self, partitions: int) -> list[list[Table]]:
        """Drain the state into partial states, split by the hash that the CPU has for the keys."""
        parts = self._state.partials(partitions)
        return [[on_device(cpu.own(table)) for table in tables] for tables in parts]


def _fell_back(specs: Sequence[AccumulatorSpec], rows: int) -> None:
    for spec in specs:
        if refusal(spec) is not None:
            memory.ledger().fell_back(spec.kind.value, rows)


def _refused(specs: Sequence[AccumulatorSpec]) -> bool:
    return any(refusal(spec) is not None for spec in specs)


def group_by(spec: GroupSpec) -> GpuGroupBy | CpuStates:
    """Start the first phase of an aggregation with keys."""
    return CpuStates(spec) if _refused(spec.accumulators) else GpuGroupBy(spec)


def merge_groups(partials: Sequence[GpuTable], spec: GroupSpec) -> GpuTable:
    """Merge the partial states of one partition into one row per group."""
    if _refused(spec.accumulators):
        _fell_back(spec.accumulators, sum(table.num_rows for table in partials))
        return on_device(cpu_aggregate.merge_groups([on_host(table) for table in partials], spec))
    return _merged(partials, spec, _OTHER_SEED)


def _merged(partials: Sequence[GpuTable], spec: GroupSpec, seed: int) -> GpuTable:
    """Merge states of one partition; those of one half of the keys after those of the other where all are too many."""
    try:
        states = concat_tables(partials, spec.schema)
    except OutOfDeviceMemory:
        if len(partials) < 2 or seed >= _OTHER_SEED + _SEEDS:
            raise
        memory.ledger().add(splits=1)
        cut = [split(table, _split_keys(table, spec), 2, seed=seed) for table in partials if table.num_rows]
        return concat_tables([_merged(half, spec, seed + 1) for half in zip(*cut, strict=True)], spec.schema)
    return states if not states.num_rows else _merged_in_parts(states, spec, seed)


def _merged_in_parts(states: GpuTable, spec: GroupSpec, seed: int) -> GpuTable:
    """Merge states at once or, where memory runs out, those of one half of the keys after those of the other."""
    try:
        return merged_states(states, spec)
    except OutOfDeviceMemory:
        if states.num_rows < 2:
            raise
        memory.ledger().add(splits=1)
        keys = _split_keys(states, spec)
        for other in range(seed, seed + _SEEDS):
            parts = [part for part in split(states, keys, 2, seed=other) if part.num_rows]
            if len(parts) == 2:
                merged = [_merged_in_parts(part, spec, other + 1) for part in parts]
                return concat_tables(merged, spec.schema)
        raise  # all of one group


def reduce_rows(table: GpuTable, accumulators: Sequence[AccumulatorSpec]) -> GpuTable:
    """Aggregate without keys: one row of partial states."""
    schema = Schema(tuple(spec.field for spec in accumulators))
    if _refused(accumulators) or not table.num_rows:
        if table.num_rows:
            _fell_back(accumulators, table.num_rows)
        return on_device(reducing.reduce_each([on_host(table)], accumulators)[0])
    if not accumulators:
        return GpuTable(schema, (), 1)
    return in_halves(table, lambda part: _reduced(part, accumulators), lambda parts: merge_reduced(parts, accumulators))


def _reduced(table: GpuTable, accumulators: Sequence[AccumulatorSpec]) -> GpuTable:
    groups = Groups([single_key(table.num_rows)], table.num_rows)
    pairs = zip(accumulators, _argument_columns(Evaluator(table), accumulators), strict=True)
    columns = computed(groups, [of_rows(one, groups, *columns) for one, columns in pairs])
    return GpuTable(Schema(tuple(spec.field for spec in accumulators)), columns, 1)


def merge_reduced(partials: Sequence[GpuTable], accumulators: Sequence[AccumulatorSpec]) -> GpuTable:
    """Merge rows of partial states into one row."""
    if not accumulators or (len(partials) == 1 and partials[0].num_rows == 1):
        return partials[0].part(0, 1)
    if _refused(accumulators):
        _fell_back(accumulators, len(partials))
        return on_device(reducing.merge_reduced([on_host(table) for table in partials], accumulators))
    schema = Schema(tuple(spec.field for spec in accumulators))
    states = concat_tables(partials, schema)
    groups = Groups([single_key(states.num_rows)], states.num_rows)
    columns = computed(groups, list(_merging(groups, states.columns, accumulators)))
    return GpuTable(schema, columns, 1)


def distinct_first(tables: Sequence[GpuTable], on: Sequence[str], schema: Schema) -> GpuTable:
    """Keep the first row of each set of rows equal in the columns ``on`` (none: the first row of all)."""
    table = concat_tables(tables, schema)
    if not on or table.num_rows < 2:
        return table.part(0, 1)
    columns = list(table.columns)
    keys = []
    for name in on:
        position = schema.position(name)
        dtype = schema[name].dtype
        if dtype.is_float or needs_bytes(dtype):
            columns.append(normal_key(columns[position], dtype))
            position = len(columns) - 1
        keys.append(position)
    kept = run(
        plc.stream_compaction.stable_distinct,
        plc.Table(columns),
        keys,
        plc.stream_compaction.DuplicateKeepOption.KEEP_FIRST,
        plc.types.NullEquality.EQUAL,
        plc.types.NanEquality.ALL_EQUAL,
    )
    return GpuTable(schema, kept.columns()[: len(schema)], kept.num_rows())
