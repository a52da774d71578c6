"""Whether the first phase of a grouping groups rows or passes them on, as its first rows tell.

Of many rows that come at once some are looked at before any is grouped. What is found out about their keys is kept
where they are grouped: the layout of keys, and room for about as many groups as there will be. One thread finds it out;
the others begin with copies that it has made.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from enum import Enum, auto
from math import exp
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from ...dtypes import DataType
from ...expr import Column, Expr
from .hashes import partition_words_later
from .keys import KeyTable
from .native import Calls, count_distinct_later, holding_lock
from .native.arrays import Words
from .project import Evaluator
from .table import CpuTable, slice_table

_JUDGED_ROWS = 100_000
_WORTHWHILE = 0.6
"""A first phase that keeps more than this share of its first rows as groups gives up and passes rows on."""
_SURELY_WORTHWHILE = 0.3
"""It does not wait for so many rows where no more than this share of a sample are groups; more rows only have less."""
_SAMPLES, _SAMPLED_ROWS = 4, 1 << 12
_ALL_DIFFER = 0.97
"""It passes rows on before it has grouped any if even this share of samples, from all over a table, are groups."""
_STEPS, _SPARE = 24, 1.375
_AGREE = 1.3
"""Where few and more rows tell of about as many groups, these are about as frequent: so it is told what more have."""


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


Remembered: TypeAlias = "dict[tuple[str, ...], tuple[Verdict, int]]"
"""What some rows told about groups by columns of those names: what is worthwhile, and how many there may be."""


class Judge:
    """What threads know together of the rows of one grouping: the first of them finds it out.

    Attributes
    ----------
    turn
        Held by the one that prepares its first kernels: to take turns with the interpreter's lock delays all of them.
    """

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self._lock = threading.Lock()
        self._others = 0
        self._copies: list[KeyTable] = []
        self._known: tuple[Verdict, int] | None = None

    def expect_another(self) -> None:
        """Say that one more thread groups such rows."""
        self._others += 1

    def of_sample(
        self, table: CpuTable, exprs: Sequence[Expr], made: Callable[[], KeyTable], remembered: Remembered
    ) -> tuple[Verdict, KeyTable]:
        """Return what is worthwhile for rows like some of a large table, and a table for their keys.

        Where rows are grouped it has keys that occur, of these rows or of another thread's, and room for about as many
        as there seem to be. Else it is what ``made`` makes. What was found out about the same rows before is
        ``remembered``: never which keys there are.
        """
        if table.num_rows < max(_JUDGED_ROWS, _SAMPLES * _SAMPLED_ROWS):
            return Verdict.WAIT, made()
        with self._lock:  # others wait: what they did at the same time would take turns with the interpreter's lock
            keys = self._copies.pop() if self._copies else None
            if self._known is None:
                first, names = _sample(table, exprs, 0), tuple(expr.name for expr in exprs if isinstance(expr, Column))
                if names not in remembered:
                    remembered[names] = _found(table, exprs, first)
                self._known = remembered[names]
                if self._known[0] is not Verdict.PASS_ON:
                    keys = _begun(table, first, made())
                    self._copies = [keys.copied() for _ in range(self._others)]
            verdict, expected = self._known
        if verdict is Verdict.PASS_ON:
            return verdict, made()
        keys = _begun(table, _sample(table, exprs, 0), made()) if keys is None else keys
        keys.make_room(expected)
        return verdict, keys


def _begun(table: CpuTable, first: Sequence[pa.Array], keys: KeyTable) -> KeyTable:
    """Return an empty table after the first rows were inserted: those of later ones must not be numbered before."""
    keys.expect(table.num_rows)
    with holding_lock():
        keys.insert(first)
    return keys


def _found(table: CpuTable, exprs: Sequence[Expr], first: Sequence[pa.Array]) -> tuple[Verdict, int]:
    """Return what is worthwhile, and about how many groups there are."""
    dtypes, most = [expr.dtype for expr in exprs], 2 * table.num_rows
    counted = np.zeros(2 * _SAMPLES * _SAMPLED_ROWS + 1, dtype=np.uint64)
    few = _count_distinct([first], dtypes, counted)
    if few <= _SURELY_WORTHWHILE * _SAMPLED_ROWS:
        return Verdict.GROUP, _expected(few, _SAMPLED_ROWS, most)
    others = [_sample(table, exprs, number) for number in range(1, _SAMPLES)]
    groups, seen = _count_distinct(others, dtypes, counted), _SAMPLES * _SAMPLED_ROWS
    if min(few * _SAMPLES, groups) >= _ALL_DIFFER * seen:  # keys that come in turn differ among the first rows alone
        return Verdict.PASS_ON, 0
    different = _different(groups, seen, most)
    if different > _AGREE * _different(few, _SAMPLED_ROWS, most):
        return Verdict.WAIT, _expected(groups, seen, most)
    met = int(different * (1 - exp(-table.num_rows / different)))
    return of_groups(met, table.num_rows), _expected(groups, seen, most)


def _sample(table: CpuTable, exprs: Sequence[Expr], number: int) -> list[pa.Array]:
    return Evaluator(slice_table(table, number * table.num_rows // _SAMPLES, _SAMPLED_ROWS)).columns(exprs)


def _count_distinct(samples: Sequence[Sequence[pa.Array]], dtypes: Sequence[DataType], counted: Words) -> int:
    """Return about how many different keys there are, and of those counted before."""
    calls, words = Calls(), np.empty((len(samples), _SAMPLED_ROWS), dtype=np.uint64)
    for columns, out in zip(samples, words, strict=True):
        count_distinct_later(partition_words_later(columns, dtypes, out, calls), counted, calls)
    with holding_lock():
        calls.run()
    return calls.results[-1]


def _expected(groups: int, seen: int, most: int) -> int:
    """Return how many groups there should be room for, up to ``most``, if rows seen had some of them."""
    return min(most, int(_different(groups, seen, most) * _SPARE))


def _different(groups: int, seen: int, most: int) -> float:
    """Return how many groups there are, up to ``most``, if rows seen had some of them and all are as frequent."""
    low, high = 0.0, 8.0
    for _ in range(_STEPS):  # how many of the rows seen a group has, of which a share of 1 - exp(-x) has any
        middle = (low + high) / 2
        if (1 - exp(-middle)) * seen > groups * middle:
            low = middle
        else:
            high = middle
    return seen / max(low, seen / most)
