"""The states of a list of accumulators, which groups share: fed by rows, and by partial states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...expr import Expr
from ..specs import Accumulator, AccumulatorSpec
from .batch import FEW_GROUPS, Batch
from .buffers import bools_of
from .collected import KEEPING, keeping_row_state, make_keeping_state
from .functions.compare import known_true
from .gather import take_column
from .native import Calls
from .native.arrays import Rows
from .states import Count, FloatSum, IntegerSum, Moments, State, Valued, can_wait, make_state, reads_in_place, row_state


def _masked(values: pa.Array | None, condition: pa.Array) -> pa.Array:
    """Return the values with null where the condition is not true; without values, the condition itself."""
    if values is None:
        return pc.if_else(condition, condition, None)
    rows = np.where(bools_of(known_true(condition)), np.arange(len(values)), -1)
    return take_column(values, rows.astype(np.int32), outer=True)


class States:
    """The states of a list of accumulators; COUNT, MEAN and M2 of one argument share one."""

    def __init__(self, specs: Sequence[AccumulatorSpec]) -> None:
        self._specs = tuple(specs)
        self._states: list[State | Moments] = []
        self._places: list[tuple[int, int]] = []  # first accumulator of each state, and how many it answers
        position = 0
        while position < len(self._specs):
            kinds = [spec.kind for spec in self._specs[position : position + 3]]
            triple = kinds == [Accumulator.COUNT, Accumulator.MEAN, Accumulator.M2]
            self._states.append(Moments() if triple else _new_state(self._specs[position]))
            self._places.append((position, 3 if triple else 1))
            position += 3 if triple else 1

    @property
    def are_small(self) -> bool:
        """Whether no group's state grows with its rows."""
        return not any(spec.kind in KEEPING for spec in self._specs)

    def inputs(self) -> list[Expr]:
        """Return the expressions that `update` reads, each state's argument and filter where it has them."""
        exprs: list[Expr] = []
        for position, _ in self._places:
            spec = self._specs[position]
            exprs += [e for e in (spec.argument, spec.filter) if e is not None]
        return exprs

    def update(self, ids: Rows, groups: int, inputs: Sequence[pa.Array]) -> None:
        """Add rows; ``inputs`` are the values of `inputs`."""
        self._update(Batch(ids=ids, groups=groups, every_row=True, defers=True), inputs)

    def _update(self, every: Batch, inputs: Sequence[pa.Array]) -> None:
        rest = iter(inputs)
        for state, (position, _) in zip(self._states, self._places, strict=True):
            spec = self._specs[position]
            values = None if spec.argument is None else next(rest)
            batch = every if spec.filter is None else Batch(ids=_kept(every.ids, next(rest)), groups=every.groups)
            if isinstance(state, Moments):
                assert values is not None
                state.update(batch, values)
            else:
                state.update(batch, values)
        every.end()

    def can_wait(self, inputs: Sequence[pa.Array]) -> bool:
        """Return whether kernels are all that rows need, so that `update_later` will do."""
        rest = iter(inputs)
        for state, (position, _) in zip(self._states, self._places, strict=True):
            spec = self._specs[position]
            values = None if spec.argument is None else next(rest)
            if spec.filter is not None or not can_wait(state, values):
                return False
        return True

    def read_in_place(self, inputs: Sequence[pa.Array], room: int) -> bool:
        """Return whether what `update_later` adds for these inputs does for others of the same form."""
        rest = iter(inputs)
        return room > FEW_GROUPS and all(
            reads_in_place(state, None if self._specs[position].argument is None else next(rest))
            for state, (position, _) in zip(self._states, self._places, strict=True)
        )

    def update_later(self, ids: Rows, room: int, inputs: Sequence[pa.Array], calls: Calls) -> None:
        """Have kernels add rows of at most so many groups when the calls are made, after which `meet` is due."""
        self._update(Batch(ids=ids, groups=room, every_row=True, defers=True, calls=calls), inputs)

    def meet(self, groups: int) -> None:
        """Take note of how many groups there are after calls, each of which has met values that are not null."""
        for state in self._states:
            if isinstance(state, Valued):
                state.seen.meet(groups)

    def merge(self, ids: Rows, groups: int, partials: Sequence[pa.Array]) -> None:
        """Add partial states, one column per accumulator."""
        batch = Batch(ids=ids, groups=groups, every_row=True)
        for state, (position, width) in zip(self._states, self._places, strict=True):
            if isinstance(state, Moments):
                state.merge(batch, list(partials[position : position + width]))
            else:
                state.merge(batch, partials[position])

    def absorb(self, ids: Rows, groups: int, other: States, others: int) -> None:
        """Add the states of another thread's groups, of which there are so many, by what these have become."""
        batch = Batch(ids=ids, groups=groups, every_row=True)
        given: Sequence[Any] = other._states  # as many, of the same kinds
        for state, theirs in zip(self._states, given, strict=True):
            if isinstance(state, Count | IntegerSum | FloatSum):
                state.absorb(ids, groups, theirs, others)
            else:
                state.merge(batch, theirs.finish(others))

    def finish(self, groups: int) -> list[pa.Array]:
        """Return one column per accumulator."""
        columns: list[pa.Array] = []
        for state in self._states:
            if isinstance(state, Moments):
                columns += state.finish(groups)
            else:
                columns.append(state.finish(groups))
        return columns

    def of_rows(self, inputs: Sequence[pa.Array], num_rows: int) -> list[pa.Array]:
        """Return the partial states of each row by itself; ``inputs`` are the values of `inputs`."""
        rest = iter(inputs)
        columns: list[pa.Array] = []
        for position, width in self._places:
            spec = self._specs[position]
            values = None if spec.argument is None else next(rest)
            condition = None if spec.filter is None else next(rest)
            if spec.kind in KEEPING:
                assert values is not None
                columns.append(keeping_row_state(spec, values, condition, num_rows))
                continue
            if condition is not None:
                values = _masked(values, condition)
            columns += [row_state(each, values, num_rows) for each in self._specs[position : position + width]]
        return columns

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(state.nbytes for state in self._states)


def _new_state(spec: AccumulatorSpec) -> State:
    return make_keeping_state(spec) if spec.kind in KEEPING else make_state(spec)


def _kept(ids: Rows, condition: pa.Array) -> Rows:
    chosen = bools_of(known_true(condition))
    return np.where(chosen, ids, np.int32(-1))
