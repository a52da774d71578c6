"""Runs recursions: the step of one is a plan like any other, run once for each round over the rows of the last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..errors import ExecutionError
from ..expr import Column
from ..plan import Distinct, Join, JoinKind, Plan, Recursion, Scan, WorkingTable
from ..traversal import transform_up
from .memory import MemorySource

if TYPE_CHECKING:
    import pyarrow as pa

    from .session import Session


@dataclass(frozen=True, slots=True, eq=False)
class RecursionSplit:
    """All rows of a recursion, round by round.

    A recursion is one task of the stage that reads it; within a round every thread of the session works. A reader that
    has enough rows, such as a limit, ends it. Only the session's process can run it.
    """

    resident: ClassVar[bool] = True

    recursion: Recursion
    session: Session

    @property
    def label(self) -> str:
        """The recursion's name."""
        return f"recursion {self.recursion.table}"

    @property
    def rows(self) -> int | None:
        """Not known before the end."""
        return None

    @property
    def bytes(self) -> int | None:
        """Not known before the end."""
        return None

    def read(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows of each round, or of keys the last ones at the end."""
        node, limit = self.recursion, self.session.recursion_limit
        if node.keys:
            yield from self._last_of_keys().to_batches()
            return
        table = self._run(Distinct(input=node.seed) if node.distinct else node.seed)
        seen, rounds = table, 0
        while table.num_rows:
            yield from (batch for batch in table.to_batches() if batch.num_rows)
            table = self._run(_with_rows(node.step, {node.table: table}))
            if node.distinct and table.num_rows:
                table = self._new(table, seen)
                seen = _joined(seen, table)
            rounds += 1
            if table.num_rows and rounds > limit:
                raise self._endless()

    def _endless(self) -> ExecutionError:
        return ExecutionError(
            f"the recursion {self.recursion.table} has not ended after {self.session.recursion_limit:,} rounds; "
            "give it a condition that ends it, write UNION instead of UNION ALL if it runs in circles, or set "
            "recursion_limit higher"
        )

    def _last_of_keys(self) -> pa.Table:
        """Return the last row of each combination of keys when a round makes no row, or none that is new."""
        node = self.recursion
        known = table = _last(self._run(node.seed), node.keys)
        rounds = 0
        while table.num_rows:
            table = _last(self._run(_with_rows(node.step, {node.table: table, node.known: known})), node.keys)
            if node.distinct and table.num_rows:
                table = self._new(table, known)
            known = _last(_joined(known, table), node.keys)
            rounds += 1
            if table.num_rows and rounds > self.session.recursion_limit:
                raise self._endless()
        return known

    def _new(self, table: pa.Table, seen: pa.Table) -> pa.Table:
        """Return the distinct rows of a table that have not been seen."""
        rows = Distinct(input=Scan(source=MemorySource(table)))
        known = Scan(source=MemorySource(seen.rename_columns([f"seen {name}" for name in seen.column_names])))
        on = tuple(
            (Column(name=f.name, dtype=f.dtype), Column(name=f"seen {f.name}", dtype=f.dtype)) for f in rows.schema
        )
        return self._run(Join(left=rows, right=known, kind=JoinKind.ANTI, on=on, nulls_equal=True))

    def _run(self, plan: Plan) -> pa.Table:
        return self.session.collect(plan)


def _with_rows(step: Plan, rows: Mapping[str, pa.Table]) -> Plan:
    def filled(node: Plan) -> Plan:
        if not isinstance(node, WorkingTable) or node.table not in rows:
            return node
        return Scan(source=MemorySource(rows[node.table].rename_columns([f.name for f in node.fields])))

    return transform_up(step, filled)


def _last(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Return the last row of each combination of keys, in order."""
    import pyarrow as pa

    places = pa.table({**{str(n): table[key] for n, key in enumerate(keys)}, "place": range(table.num_rows)})
    found = places.group_by([str(n) for n in range(len(keys))]).aggregate([("place", "max")])["place_max"]
    return table.take(found.combine_chunks().cast(pa.int64()).sort())


def _joined(first: pa.Table, second: pa.Table) -> pa.Table:
    import pyarrow as pa

    return pa.concat_tables([first, second])
