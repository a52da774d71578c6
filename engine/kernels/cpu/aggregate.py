"""Grouped and whole-table aggregation in two phases, and distinct rows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa

from ...expr import Column, Expr
from ...schema import Schema
from ..protocol import GroupBy, Table
from ..specs import GroupSpec
from .accumulators import States
from .buffers import scratch, size_of
from .chunked import ChunkedTable
from .hashes import partition_words
from .judging import Judge, Verdict, of_groups
from .keys import KeyTable
from .native import Calls
from .native.arrays import Longs, Rows
from .partials import Apart, Distinct, RowStates
from .partition import split
from .pieces import Pieces
from .project import Evaluator
from .repeating import Repeated
from .spread import spread, spreadable
from .table import CpuTable, concat_columns, concat_tables, own, slice_table, take_rows

_MERGED_ROWS = 65_536
_MOST_EXPECTED = 1 << 20
_LARGE_PIECE = 4_096
_SHARED_ROWS = 1 << 20
"""Rows passed on that are worth another thread."""
_RUN_BYTES = 1 << 19
_RUN_BITS, _MOST_RUN_BITS = 8, 12
"""Rows passed on are spread over so many runs, whose tables fit the cache; over more, which takes longer, if each would
have more than so many bytes: a table is four times as large as words of 16 bytes. The thread with the fewest says how
many a partition has."""
_FEW_TOGETHER, _MOST_TOGETHER = 4, 16
"""Tables that are taken together after calls have ended early, and else."""
_ROWS_PER_NEW = 8
"""Rows for each new group from which on tables are taken together."""


class CpuGroupBy:
    """First phase of an aggregation with keys.

    Where most rows are groups of their own, grouping them twice is work for nothing: the first phase then passes rows
    on, as partial states of one row each, and only spreads them by hash, so that the second phase groups them in tables
    that fit the cache.

    Parameters
    ----------
    spec
        Keys and accumulators.
    capacity
        Number of groups expected; more are fine.
    judge
        What is known of rows like those that will come; None where nothing is.
    """

    def __init__(self, spec: GroupSpec, capacity: int = 0, judge: Judge | None = None) -> None:
        self._spec, self._capacity = spec, capacity
        self._judge_of_all = Judge() if judge is None else judge
        self._dtypes = [key.expr.dtype for key in spec.keys]
        self._ids = scratch(0, np.int32)
        self._reset()
        self._schema: Schema | None = None
        self._places: list[int] | None = None

    def _reset(self) -> None:
        self._forget()
        self._rows = 0
        # The first rows as they came, until it is known whether they are grouped or passed on; then those passed on.
        self._kept: list[Sequence[pa.Array]] = []
        self._kept_bytes = 0
        self._judged = self._gave_up = False
        self._settled = False  # whether kernels alone are likely to add the next rows
        self._together = _MOST_TOGETHER  # tables for which calls are written down, for nothing if they soon end
        self._run_bits = 0
        self._in_turn = False
        self._latest: tuple[Repeated, int] | None = None  # the last calls that can be made again, and room for groups

    @cached_property
    def _keys(self) -> KeyTable:
        """The keys: one thread lays them out for all, so they are made when they are needed."""
        return KeyTable(self._dtypes, self._capacity)

    @cached_property
    def _states(self) -> States:
        return States(self._spec.accumulators)

    @cached_property
    def _inputs(self) -> tuple[Expr, ...]:
        return (*(key.expr for key in self._spec.keys), *self._states.inputs())

    def _forget(self) -> None:
        """Begin with new keys and states, once they are needed."""
        for name in ("_keys", "_states"):
            vars(self).pop(name, None)

    @property
    def nbytes(self) -> int:
        """Bytes held by keys, states and rows passed on."""
        return self._kept_bytes + (0 if self._gave_up else self._keys.nbytes + self._states.nbytes)

    def beside(self) -> CpuGroupBy:
        """Return an empty state for other rows of the same grouping."""
        self._judge_of_all.expect_another()
        return CpuGroupBy(self._spec, self._capacity, self._judge_of_all)

    @property
    def partial_bytes(self) -> int:
        """About how many bytes keys and states of all groups have, and rows passed on."""
        if self._gave_up:
            return self._kept_bytes
        return len(self._keys) * self._spec.schema.row_width if self._states.are_small else self.nbytes

    def update(self, *tables: Table) -> None:
        """Add the rows of tables, together while they bring few groups: the interpreter's lock is released once."""
        given = list[CpuTable]()
        for table in tables:
            if isinstance(table, ChunkedTable):
                self._update(given)
                self._update_in_turn(Pieces(table))
                given = []
            elif table.num_rows:
                given.append(own(table))
        self._update(given)

    def _update_in_turn(self, rest: Pieces) -> None:
        """Add the first rows of many: up to the first kernels one thread after the other, which Python makes them."""
        self._in_turn = not self._judged and self._judge_of_all.turn.acquire()
        try:
            self._update(rest)
        finally:
            self._end_turn()

    def _end_turn(self) -> None:
        """Let another thread begin."""
        if self._in_turn:
            self._in_turn = False
            self._judge_of_all.turn.release()

    def _update(self, rest: Sequence[CpuTable]) -> None:
        while rest:
            if not self._judged:
                self._judge(rest)
            if self._gave_up and isinstance(rest, Pieces) and self._places_in(rest.schema) is not None:
                self._keep_all(rest)
                return
            added, ended = self._add_together(rest) if self._settled else (0, True)
            if self._settled:
                self._settled = added > 0
                if ended:
                    self._together = _FEW_TOGETHER
                elif added == self._together:
                    self._together = min(2 * added, _MOST_TOGETHER)
            if ended:
                self._add(rest[added])
                added += 1
            rest = rest[added:]

    def _add(self, table: CpuTable) -> None:
        """Add the rows of a table that is not empty."""
        self._end_turn()
        columns = self._columns_of(table)
        keys = len(self._dtypes)
        self._keep(columns)
        if self._gave_up:
            return
        self._rows += table.num_rows
        self._latest = None
        known = len(self._keys)
        ids = self._keys.insert(columns[:keys])
        self._states.update(ids, len(self._keys), columns[keys:])
        self._settled = (len(self._keys) - known) * _ROWS_PER_NEW < table.num_rows

    def _keep_all(self, rest: Pieces) -> None:
        """Keep what the rows of tables are grouped by, of which none is made."""
        self._end_turn()
        assert self._places is not None
        for columns in rest.columns(self._places):
            self._keep(columns)

    def _keep(self, columns: Sequence[pa.Array]) -> None:
        """Keep what rows are grouped by as long as they may be passed on."""
        if not self._judged or self._gave_up:
            self._kept.append(columns)
            self._kept_bytes += sum(map(size_of, columns))

    def _add_together(self, tables: Sequence[CpuTable]) -> tuple[int, bool]:
        """Add tables from the first on; return how many were added, and whether kernels alone cannot add the next."""
        added, ended = self._call_together(tables)
        while ended and self._keys.make_room():
            self._latest = None
            more, ended = self._call_together(tables[added:])
            added += more
        return added, ended

    def _call_together(self, tables: Sequence[CpuTable]) -> tuple[int, bool]:
        """Add tables from the first on, up to one for whose groups there is no room."""
        calls, room = Calls(), self._keys.room
        lengths = tables.lengths if isinstance(tables, Pieces) else [table.num_rows for table in tables]
        if len(self._ids) < (most := max(lengths)):
            self._ids = scratch(most, np.int32)
        ends, made, ended = list[int](), list[Sequence[pa.Array]](), False
        repeated = self._latest[0] if self._latest is not None and self._latest[1] == room else None
        while len(ends) < len(tables) and len(made) < (self._together if self._judged else 1):
            columns = self._columns_of(tables[len(ends)])
            if repeated is None or not repeated.add(columns, calls):
                first = len(calls.made)
                if ended := not self._call_later(columns, self._ids[: len(columns[0])], room, calls):
                    break
                repeated = self._repeated(calls, first, columns, room)
            made.append(columns)
            ends.append(len(calls))
            if self._judged and repeated is not None and isinstance(tables, Pieces):
                ends += self._call_alike(repeated, tables, len(ends) - 1, calls)
        if not made:
            return 0, True
        self._end_turn()
        added = bisect_right(ends, calls.run())
        self._latest = None if repeated is None else (repeated, room)
        self._states.meet(len(self._keys))
        self._rows += sum(lengths[:added])
        if not self._judged:
            for given in made[:added]:
                self._keep(given)
        return added, ended or added < len(ends)

    def _call_alike(self, repeated: Repeated, tables: Pieces, number: int, calls: Calls) -> list[int]:
        """Have calls add the tables after one, as far as they are like it; return where those of each end."""
        memory, before = tables.alike(number, tuple(dict.fromkeys(self._places or ()))), len(calls)
        if len(memory) < 2 or not repeated.add_alike(memory, calls):
            return []
        each = (len(calls) - before) // (len(memory) - 1)
        return [*range(before + each, len(calls) + 1, each)]

    def _columns_of(self, table: CpuTable) -> Sequence[pa.Array]:
        """Return the values of keys and inputs; where they are columns of tables, their places are looked up once."""
        places = self._places_in(table.schema)
        if places is None:
            return Evaluator(table).columns(self._inputs)
        return [table.columns[place] for place in places]

    def _places_in(self, schema: Schema) -> list[int] | None:
        """Return where the columns stand that keys and inputs are; None where some are none."""
        if schema is not self._schema:
            self._schema, names = schema, [expr.name for expr in self._inputs if isinstance(expr, Column)]
            are_columns = len(names) == len(self._inputs)
            self._places = [schema.position(name) for name in names] if are_columns else None
        return self._places

    def _call_later(self, columns: Sequence[pa.Array], ids: Rows, room: int, calls: Calls) -> bool:
        """Have calls add the rows of a table; return whether they can, and nothing was added to them else."""
        keys, inputs = columns[: len(self._dtypes)], columns[len(self._dtypes) :]
        if not self._states.can_wait(inputs) or not self._keys.insert_later(keys, ids, room, calls):
            return False
        self._states.update_later(ids, room, inputs, calls)
        return True

    def _repeated(self, calls: Calls, first: int, columns: Sequence[pa.Array], room: int) -> Repeated | None:
        """Return what repeats the calls from the first on for other tables; None where that cannot be."""
        keys, inputs = columns[: len(self._dtypes)], columns[len(self._dtypes) :]
        if self._keys.read_in_place(keys) and self._states.read_in_place(inputs, room):
            return Repeated(calls, first, columns)
        return None

    def _judge(self, rest: Sequence[CpuTable]) -> None:
        """Decide, once enough rows have come, whether to group or to pass rows on: also those that were grouped."""
        if self._rows:
            verdict = of_groups(len(self._keys), self._rows)
        else:
            exprs = [key.expr for key in self._spec.keys]
            of_columns = all(isinstance(expr, Column) for expr in exprs)
            remembered = rest.remembered() if of_columns and isinstance(rest, Pieces) else {}
            verdict, self._keys = self._judge_of_all.of_sample(
                rest[0], exprs, lambda: KeyTable(self._dtypes, self._capacity), remembered
            )
            self._settled = len(self._keys) > 0
        if verdict is Verdict.WAIT:
            return
        self._judged = True
        if verdict is Verdict.PASS_ON:
            self._gave_up, self._settled = True, False
            self._forget()
        else:
            self._kept, self._kept_bytes, self._settled = [], 0, True

    def merge(self, partial: CpuTable) -> None:
        """Add a table of partial states."""
        if partial.num_rows == 0:
            return
        if isinstance(partial.columns, RowStates):
            ids = self._keys.insert(partial.columns.keys)
            self._states.update(ids, len(self._keys), partial.columns.inputs)
            return
        width = len(self._spec.keys)
        ids = self._keys.insert(partial.columns[:width])
        self._states.merge(ids, len(self._keys), partial.columns[width:])

    def insert_runs(self, pieces: Sequence[RowStates]) -> bool:
        """Add all rows of a partition to an empty state; return whether they could be grouped run by run."""
        runs = common_runs([piece.runs for piece in pieces])
        if runs is None:
            return False
        numbered = bool(self._spec.accumulators)
        ids = self._keys.insert_runs([piece.keys for piece in pieces], runs, numbered=numbered)
        if ids is None:
            return False
        start = 0
        for piece in pieces if numbered else ():
            stop = start + len(piece.keys[0])
            self._states.update(ids[start:stop], len(self._keys), piece.inputs)
            start = stop
        return True

    def finish(self) -> CpuTable:
        """Return one row per group."""
        columns = Distinct((*self._keys.columns(), *self._states.finish(len(self._keys))))
        return CpuTable(schema=self._spec.schema, columns=columns, num_rows=len(self._keys))

    def absorb(self, other: GroupBy, *, few: bool) -> bool:
        """Take over the groups of another thread's state, if they are few, or the rows that it passes on."""
        return isinstance(other, CpuGroupBy) and self._absorb(other, few=few)

    def _absorb(self, other: CpuGroupBy, *, few: bool) -> bool:
        if self._gave_up != other._gave_up or not (few or self._gave_up):
            return False
        if self._gave_up:
            self._kept += other._kept
            self._kept_bytes += other._kept_bytes
            return True
        if groups := len(other._keys):
            ids = self._keys.absorb(other._keys)
            self._states.absorb(ids, len(self._keys), other._states, groups)
        return True

    def shared(self, parts: int) -> list[CpuGroupBy]:
        """Share out the rows passed on; what is grouped stays together."""
        if not self._gave_up:
            return [self]
        states = []
        rows = sum(len(columns[0]) for columns in self._kept)
        parts = min(parts, len(self._kept), 1 + rows // _SHARED_ROWS)
        for part in range(parts):
            state = CpuGroupBy(self._spec)
            state._judged = state._gave_up = True
            state._kept, state._run_bits = self._kept[part::parts], _run_bits(self._kept_bytes)
            states.append(state)
        return states

    def partials(self, partitions: int) -> list[list[Table]]:
        """Drain the state into partial states, split by the hash of the keys."""
        parts: list[list[Table]] = [[] for _ in range(partitions)]
        if self._gave_up:
            self._spread(parts)
        else:
            self._split(parts)
        self._reset()
        return parts

    def _split(self, parts: list[list[Table]]) -> None:
        """Add the groups to the partitions of their keys."""
        pieces = [grouped := self.finish()]
        if len(parts) > 1:
            words = partition_words(grouped.columns[: len(self._dtypes)], self._dtypes, grouped.num_rows)
            parted = split(grouped, words, len(parts))
            pieces = [piece.with_columns(Distinct(piece.columns), piece.num_rows) for piece in parted]
        for tables, table in zip(parts, pieces, strict=True):
            if table.num_rows:
                tables.append(table)

    def _spread(self, parts: list[list[Table]]) -> None:
        """Add the rows that were passed on to the partitions of their keys."""
        bits = len(parts).bit_length() - 1
        if bits == 0:
            parts[0] += [self._single_rows(columns) for columns in self._kept]
            return
        together = all(spreadable(column) for column in zip(*self._kept, strict=True))
        finer = max(self._run_bits - bits, 0) if together else 0
        for batches in [self._kept] if together else [[columns] for columns in self._kept]:
            columns, offsets = spread(batches, self._dtypes, bits + finer)
            for part, tables in enumerate(parts):
                runs = offsets[part << finer : (part + 1 << finer) + 1]
                start, stop = int(runs[0]), int(runs[-1])
                if stop > start:
                    own = [column.slice(start, stop - start) for column in columns]
                    tables.append(self._single_rows(own, runs - start if together else None))

    def _single_rows(self, columns: Sequence[pa.Array], runs: Longs | None = None) -> CpuTable:
        rows = len(columns[0])
        return CpuTable(schema=self._spec.schema, columns=RowStates(self._spec, columns, rows, runs), num_rows=rows)


def merge_groups(partials: Sequence[CpuTable], spec: GroupSpec) -> CpuTable:
    """Merge the partial states of one partition into one row per group."""
    if len(partials) == 1 and isinstance(partials[0].columns, Distinct):
        return partials[0]
    if all(isinstance(partial.columns, Apart) for partial in partials):
        return concat_tables(partials, spec.schema)
    passed_on = [partial.columns for partial in partials if isinstance(partial.columns, RowStates)]
    if len(passed_on) == len(partials):
        groups = CpuGroupBy(spec)
        if groups.insert_runs(passed_on):
            return groups.finish()
    # Partial states are distinct in each thread, and rows are passed on only where many are: both tell of groups. A
    # table of single words that grows once costs less than one of twice the size; one of whole rows does not.
    halved = len(spec.keys) == 1 and all(isinstance(partial.columns, RowStates) for partial in partials)
    rows = sum(partial.num_rows for partial in partials) >> halved
    groups = CpuGroupBy(spec, capacity=min(rows, _MOST_EXPECTED))
    for partial in _joined(partials, spec):
        groups.merge(partial)
    return groups.finish()


def _run_bits(size: int) -> int:
    return max(_RUN_BITS, min((size // _RUN_BYTES).bit_length(), _MOST_RUN_BITS))


def common_runs(pieces: Sequence[Longs | None]) -> Longs | None:
    """Return runs of several pieces as shape (pieces, runs + 1), as fine as the least finely cut; None without runs."""
    known = [runs for runs in pieces if runs is not None]
    if not known or len(known) < len(pieces):
        return None
    count = min(len(runs) for runs in known) - 1
    return np.stack([runs[:: (len(runs) - 1) // count] for runs in known])


def _joined(tables: Sequence[CpuTable], spec: GroupSpec) -> Iterator[CpuTable]:
    """Yield the rows of the tables in pieces that are not small: each piece costs some calls."""
    held: dict[bool, list[CpuTable]] = {True: [], False: []}
    for table in tables:
        single = isinstance(table.columns, RowStates)
        if table.num_rows >= _LARGE_PIECE:
            yield table
            continue
        held[single].append(table)
        if sum(one.num_rows for one in held[single]) >= _MERGED_ROWS:
            yield _one_piece(held[single], spec)
            held[single] = []
    for rest in held.values():
        if rest:
            yield _one_piece(rest, spec)


def _one_piece(tables: Sequence[CpuTable], spec: GroupSpec) -> CpuTable:
    """Join partial states, or rows passed on."""
    runs = [table.columns for table in tables if isinstance(table.columns, RowStates)]
    if not runs:
        return concat_tables(tables, spec.schema)
    rows = sum(table.num_rows for table in tables)
    columns = [concat_columns(pieces) for pieces in zip(*((*run.keys, *run.inputs) for run in runs), strict=True)]
    return CpuTable(schema=spec.schema, columns=RowStates(spec, columns, rows), num_rows=rows)


def distinct_first(tables: Sequence[CpuTable], on: Sequence[str], schema: Schema) -> CpuTable:
    """Keep the first row of each set of rows equal in the columns ``on`` (none: the first row of all)."""
    table = concat_tables(tables, schema)
    if not on:
        return table if table.num_rows <= 1 else slice_table(table, 0, 1)
    keys = KeyTable([schema[name].dtype for name in on])
    ids = keys.insert([table.column(name) for name in on])
    first = np.full(len(keys), -1, dtype=np.int32)
    first[ids[::-1]] = np.arange(len(ids) - 1, -1, -1, dtype=np.int32)
    return table if len(first) == table.num_rows else take_rows(table, first)
