"""Runs recursions: the step of one is a plan like any other, run once for each round over the rows of the last."""

from __future__ import annotations

from collections.abc import Iterator
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
        """Yield the rows of each round."""
        node, limit = self.recursion, self.session.recursion_limit
        table = self._run(Distinct(input=node.seed) if node.distinct else node.seed)
        seen, rounds = table, 0
        while table.num_rows:
            yield from (batch for batch in table.to_batches() if batch.num_rows)
            table = self._run(_with_rows(node.step, node.table, table))
            if node.distinct and table.num_rows:
                table = self._new(table, seen)
                seen = _joined(seen, table)
            rounds += 1
            if table.num_rows and rounds > limit:
                raise ExecutionError(
                    f"the recursion {node.table} has not ended after {limit:,} rounds; give it a condition that ends "
                    "it, write UNION instead of UNION ALL if it runs in circles, or set recursion_limit higher"
                )

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


def _with_rows(step: Plan, table: str, rows: pa.Table) -> Plan:
    scan = Scan(source=MemorySource(rows))
    return transform_up(step, lambda p: scan if isinstance(p, WorkingTable) and p.table == table else p)


def _joined(first: pa.Table, second: pa.Table) -> pa.Table:
    import pyarrow as pa

    return pa.concat_tables([first, second])
