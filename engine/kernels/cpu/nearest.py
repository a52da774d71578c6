"""Joins with the nearest row: build rows of each key in the order of one value, in which probing rows find a place."""

from __future__ import annotations

import numpy as np

from ...expr import Expr, SortKey
from ..specs import JoinSpec
from .buffers import present
from .native.arrays import Rows, Words, ascending
from .native.bounded import BoundedRows, without
from .native.keytable import RowLists
from .native.parallel import Threads
from .project import Evaluator
from .ranking import order_words
from .table import CpuTable


class NearestBuild:
    """The build side of a join whose rows meet only the nearest row.

    Parameters
    ----------
    lists
        Build rows by match; None where a match is the row itself.
    """

    def __init__(self, spec: JoinSpec, lists: RowLists | None, build: CpuTable, threads: Threads | None) -> None:
        self._by = spec.places
        starts, rows = lists or (ascending(build.num_rows + 1), ascending(build.num_rows))
        words, known = _places(build, self._by.place)
        if known is not None:
            starts, rows = without(starts, rows, known)
        self._rows = BoundedRows(starts, rows, words, None, threads)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._rows.nbytes

    def partners(self, table: CpuTable, groups: Rows) -> Rows:
        """Return the build row that each row of a table meets, -1 for none; a group of -1 has none."""
        words, known = _places(table, self._by.wanted)
        if known is not None:
            groups = np.where(known, groups, np.int32(-1))
        return self._rows.nearest(groups, words, beyond=self._by.beyond, before=self._by.before)


def _places(table: CpuTable, expr: Expr) -> tuple[Words, np.ndarray[tuple[int], np.dtype[np.bool_]] | None]:
    """Return a value of each row as a word of its order, and which rows have one; None where all have."""
    column = Evaluator(table).column(expr)
    words = order_words(column, SortKey(expr=expr))[-1]
    return words, present(column) if column.null_count else None
