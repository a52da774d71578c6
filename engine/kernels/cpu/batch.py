"""Rows of one batch by the number of their group, and what is known of the groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .buffers import bits_of, scratch
from .native import NO_BITS, Calls, count_valid, mark_groups, split_lanes, sum_i64, zero_counts
from .native.arrays import Rows
from .native.reuse import borrow, cleared


def grown(array: Any, groups: int, fill: Any) -> Any:
    """Return the array with room for ``groups`` rows, new ones filled; doubles, so that growth is amortised."""
    if len(array) >= groups:
        return array
    rows = max(groups, 2 * len(array), 64)
    width = array.shape[1] if array.ndim > 1 else 1
    larger = (borrow if fill else cleared)(rows * width, array.dtype)
    if fill:
        larger.fill(fill)
    larger = larger.reshape(rows, *array.shape[1:])
    if len(array):
        larger[: len(array)] = array
    return larger


def trimmed(array: Any, groups: int) -> Any:
    """Return the groups' part of an array that is not used further; a copy where that is much less than it holds."""
    return array[:groups] if len(array) <= 2 * groups else array[:groups].copy()


_LANES = 4
FEW_GROUPS = 16
"""Up to so many groups are split in parts."""
_LANED_ROWS = 4096
# With fewer rows per group, counting them once for all states costs more than it saves.
_MANY_GROUPS = 8


@dataclass(slots=True, kw_only=True)
class Batch:
    """Rows by the number of their group; what several states want to know of them is found out once.

    Attributes
    ----------
    ids
        Group of each row; -1 leaves it out.
    groups
        Number of groups known by now.
    every_row
        Whether it is known that no row is left out.
    defers
        Whether counting rows may be put off until `end`.
    calls
        Takes up the kernels to run, which are run later; None where they are run at once.
    """

    ids: Rows
    groups: int
    every_row: bool = False
    defers: bool = False
    calls: Calls | None = None
    _complete: bool | None = None
    _rows: tuple[Rows, NDArray[np.int64]] | None = None
    _lanes: tuple[Rows, Rows] | None = None
    _awaiting: list[NDArray[np.int64]] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether no row is left out."""
        if self._complete is None:
            self._complete = self.every_row or bool(len(self.ids) == 0 or self.ids.min() >= 0)
        return self._complete

    @property
    def lanes(self) -> tuple[Rows, Rows] | None:
        """Few groups, each split in four: the part of each row, and the group of each part; None where they are many.

        Adding to one sum row after row waits for the last addition each time; four sums in turn do not.
        """
        if self.groups > FEW_GROUPS or len(self.ids) < _LANED_ROWS:
            return None
        if self._lanes is None:
            parts = scratch(len(self.ids), np.int32)
            self.run(split_lanes, self.ids, parts)
            self._lanes = parts, np.repeat(np.arange(self.groups, dtype=np.int32), _LANES)
        return self._lanes

    def run(
        self, kernel: Callable[..., int | None], *args: Any, failure: Callable[[], Exception] | None = None
    ) -> None:
        """Run a kernel over the rows; raise the failure where it gives anything but 0."""
        if self.calls is not None:
            self.calls.add(kernel, *args, expected=None if failure is None else 0, otherwise=failure)
        elif kernel(*args) and failure is not None:
            raise failure()

    def add_rows(self, counts: NDArray[np.int64]) -> None:
        """Add the number of rows of each group to ``counts``."""
        if self.defers:
            self._awaiting.append(counts)
        else:
            self._count(counts)

    def taken_over(self) -> NDArray[np.int64] | None:
        """Return counts that a state will add the rows to while it goes over them anyway; None if none wait alone."""
        return self._awaiting.pop() if len(self._awaiting) == 1 else None

    def end(self) -> None:
        """Do what was put off."""
        for counts in self._awaiting:
            self._count(counts)
        self._awaiting.clear()

    def _count(self, counts: NDArray[np.int64]) -> None:
        if self.groups == 1 and self.calls is None and self.complete:
            counts[0] += len(self.ids)
            return
        if self.groups * _MANY_GROUPS > len(self.ids):
            self.run(count_valid, self.ids, NO_BITS, 0, counts)
            return
        if self._rows is None:
            parts, folded = self.lanes or (self.ids, np.arange(self.groups, dtype=np.int32))
            self._rows = folded, np.empty(len(folded), dtype=np.int64)
            self.run(zero_counts, self._rows[1])  # by a call, which may be repeated
            self.run(count_valid, parts, NO_BITS, 0, self._rows[1])
        folded, rows = self._rows
        self.run(sum_i64, folded, rows, NO_BITS, 0, counts)


class Seen:
    """Which groups have met a value that is not null."""

    def __init__(self) -> None:
        self._flags = np.zeros(0, dtype=np.uint8)
        self._groups = 0
        self._complete = True

    def update(self, batch: Batch, values: pa.Array) -> None:
        """Mark the groups of rows with a value."""
        ids, groups = batch.ids, batch.groups
        if batch.calls is not None:  # the new groups, all of which have a value, are known when calls are made
            self._flags = grown(self._flags, groups, 0)
            if not self._complete:
                batch.run(mark_groups, ids, NO_BITS, 0, self._flags)
            return
        before, self._groups = self._groups, groups
        if self._complete and groups == before:
            return
        self._flags = grown(self._flags, groups, 0)
        if batch.complete and not values.null_count:
            self._flags[before:groups] = 1
            if self._complete:
                return
        mark_groups(ids, *bits_of(values), self._flags)
        self._complete = bool(self._flags[:groups].all())

    def meet(self, groups: int) -> None:
        """Mark the groups that calls have made, all of which have met values."""
        before, self._groups = self._groups, groups
        self._flags = grown(self._flags, groups, 0)
        self._flags[before:groups] = 1
        self._complete = self._complete or bool(self._flags[:groups].all())

    def absorb(self, ids: Rows, groups: int, other: Seen, others: int) -> None:
        """Mark the groups that groups of another thread's, of which there are so many, have become."""
        before, self._groups = self._groups, groups
        self._flags = grown(self._flags, groups, 0)
        if self._complete and other._complete:
            self._flags[before:groups] = 1
            return
        self._flags[ids[grown(other._flags, others, 0)[:others] > 0]] = 1
        self._complete = bool(self._flags[:groups].all())

    def bitmap(self, groups: int) -> pa.Buffer | None:
        """Return the validity of the groups' states."""
        self._flags = grown(self._flags, groups, 0)
        flags = self._flags[:groups]
        return None if flags.all() else pa.py_buffer(np.packbits(flags, bitorder="little"))

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._flags.nbytes
