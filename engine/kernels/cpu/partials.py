"""Columns of partial states that say more of themselves than their values: how tables of them are to be merged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import pyarrow as pa

from ..specs import GroupSpec
from .accumulators import States
from .buffers import size_of
from .native.arrays import Longs


class RowStates(Sequence[pa.Array]):
    """Columns of a table of partial states of which each is of one row: computed where anybody looks, or never.

    Parameters
    ----------
    spec
        Keys and accumulators.
    columns
        Keys, then the inputs of the accumulators' `States`.
    num_rows
        Number of rows.
    runs
        Where runs of rows begin, of which no two share a key, and the last ends; None where there are none.
    """

    def __init__(self, spec: GroupSpec, columns: Sequence[pa.Array], num_rows: int, runs: Longs | None = None) -> None:
        self.runs = runs
        self.keys = list(columns[: len(spec.keys)])
        self.inputs = list(columns[len(spec.keys) :])
        self._spec, self._num_rows = spec, num_rows
        self._states: list[pa.Array] | None = None

    def __len__(self) -> int:
        return len(self._spec.keys) + len(self._spec.accumulators)

    @overload
    def __getitem__(self, index: int) -> pa.Array: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[pa.Array]: ...

    def __getitem__(self, index: int | slice) -> pa.Array | Sequence[pa.Array]:
        if self._states is None:
            self._states = States(self._spec.accumulators).of_rows(self.inputs, self._num_rows)
        return [*self.keys, *self._states][index]

    @property
    def nbytes(self) -> int:
        """Bytes of keys and inputs."""
        return sum(map(size_of, (*self.keys, *self.inputs)))


class Distinct(tuple[pa.Array, ...]):
    """Columns of a table of partial states of which no two are of one group."""

    __slots__ = ()


class Apart(Distinct):
    """Such columns, whose groups no other table has either."""

    __slots__ = ()
