"""Whether the first phase of a grouping groups rows or passes them on, as its first rows tell.

Of many rows that come at once some are looked at before any is grouped. What is found out about their keys is kept
where they are grouped: the layout of keys, and room for about as many groups as there will be.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from enum import Enum, auto
from math import exp

import numpy as np
import pyarrow as pa

from ...dtypes import DataType
from ...expr import Expr
from .keys import KeyTable
from .native import Calls, count_distinct_later, holding_lock
from .native.arrays import Words
from .project import Evaluator
from .table import CpuTable, slice_table
from .words import partition_words_later

_JUDGED_ROWS = 100_000
_WORTHWHILE = 0.6
"""A first phase that keeps more than this share of its first rows as groups gives up and passes rows on."""
_SURELY_WORTHWHILE = 0.3
"""It does not wait for so many rows where no more than this share of a sample are groups; more rows only have less."""
_SAMPLES, _SAMPLED_ROWS = 4, 1 << 12
_ALL_DIFFER = 0.97
"""It passes rows on before it has grouped any if even this share of samples, from all over a table, are groups."""
_STEPS, _SPARE = 24, 1.125


class Verdict(Enum):
    """What to do with rows: group them, for good or for now, or pass them on."""

    GROUP = auto()
    WAIT = auto()
    PASS_ON = auto()


def of_groups(groups: int, rows: int) -> Verdict:
    """Return what is worthwhile where so many rows had so many groups."""
    if rows < _JUDGED_ROWS:
        return Verdict.WAIT
    return Verdict.PASS_ON if groups > _WORTHWHILE * rows else Verdict.GROUP


class Judge:
    """What threads know together of the rows of one grouping: the first of them finds it out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: tuple[Verdict, int] | None = None

    def of_sample(self, table: CpuTable, exprs: Sequence[Expr], keys: KeyTable) -> Verdict:
        """Return what is worthwhile for rows like some of a large table, the first of which are inserted into ``keys``.

        These are empty before. Afterwards there is room for about as many keys as there seem to be, unless rows are to
        be passed on.
        """
        if table.num_rows < max(_JUDGED_ROWS, _SAMPLES * _SAMPLED_ROWS):
            return Verdict.WAIT
        first = _sample(table, exprs, 0)
        with self._lock:
            if self._known is None:
                self._known = _found(table, exprs, first)
        verdict, expected = self._known
        if verdict is not Verdict.PASS_ON:
            keys.expect(table.num_rows)
            with holding_lock():
                keys.insert(first)  # keys of later rows must not be numbered before those of earlier ones
            keys.make_room(expected)
        return verdict


def _found(table: CpuTable, exprs: Sequence[Expr], first: Sequence[pa.Array]) -> tuple[Verdict, int]:
    """Return what is worthwhile, and about how many groups there are."""
    dtypes, seen = [expr.dtype for expr in exprs], _SAMPLED_ROWS
    counted = np.zeros(2 * _SAMPLES * _SAMPLED_ROWS + 1, dtype=np.uint64)
    groups = _count_distinct([first], dtypes, counted)
    if groups >= _ALL_DIFFER * seen:  # keys that come in turn do so too
        others = [_sample(table, exprs, number) for number in range(1, _SAMPLES)]
        groups, seen = _count_distinct(others, dtypes, counted), _SAMPLES * _SAMPLED_ROWS
        if groups >= _ALL_DIFFER * seen:
            return Verdict.PASS_ON, 0
    verdict = Verdict.GROUP if groups <= _SURELY_WORTHWHILE * seen else Verdict.WAIT
    return verdict, _expected(groups, seen, 2 * table.num_rows)


def _sample(table: CpuTable, exprs: Sequence[Expr], number: int) -> list[pa.Array]:
    return Evaluator(slice_table(table, number * table.num_rows // _SAMPLES, _SAMPLED_ROWS)).columns(exprs)


def _count_distinct(samples: Sequence[Sequence[pa.Array]], dtypes: Sequence[DataType], counted: Words) -> int:
    """Return about how many different keys there are, and of those counted before."""
    calls, words = Calls(), np.empty((len(samples), _SAMPLED_ROWS), dtype=np.uint64)
    for columns, out in zip(samples, words, strict=True):
        count_distinct_later(partition_words_later(columns, dtypes, out, calls), counted, calls)
    calls.run()
    return calls.results[-1]


def _expected(groups: int, seen: int, most: int) -> int:
    """Return how many groups there may be, up to ``most``, if rows seen had some of them and all are as frequent."""
    low, high = 0.0, 8.0
    for _ in range(_STEPS):  # how many of the rows seen a group has, of which a share of 1 - exp(-x) has any
        middle = (low + high) / 2
        if (1 - exp(-middle)) * seen > groups * middle:
            low = middle
        else:
            high = middle
    return min(most, int(seen / max(low, seen / most) * _SPARE))
