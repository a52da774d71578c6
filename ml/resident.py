"""Training rows in the memory of a GPU: counted by the engine's kernels, and written there into one matrix.

What leaves are counts, moments and categories; the rows stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from ..engine import dtypes
from ..engine.dtypes import Kind
from ..engine.errors import TypeMismatch
from ..engine.expr import Column, Expr, NamedExpr, call, literal
from ..engine.expr import cast as cast_to
from ..engine.kernels.protocol import Device, Table
from ..engine.kernels.specs import Accumulator, AccumulatorSpec, Called, GroupSpec
from ..engine.plan.functions import LibraryColumns, MatrixFunction
from ..engine.runners import Part
from .arrays import TrainingArrays
from .blocks import FloatArray, IntArray
from .cuda import load_cupy
from .expressions import FLOATS, categories, class_numbers, is_missing, numbers, rounded
from .features import Features
from .handoff import Ledger
from .preparation import NumericStep, Preparation
from .preprocessing.categories import CategoryCounts, counted_categories
from .preprocessing.impute import ValueCounts
from .preprocessing.moments import ColumnMoments
from .target import Facts

_LABEL, _WEIGHT = "label", "weight"
_FIT = "fit"


class ResidentRows:
    """Rows that stay in a device's memory.

    Attributes
    ----------
    arrays
        Features, label and weights, once they are finished.
    """

    arrays: TrainingArrays | None = None

    def __init__(self, part: Part) -> None:
        assert part.device is not None
        self._device: Device = part.device
        self._part = part
        self._tables: Sequence[Table] = part.tables
        self._schema = self._tables[0].schema
        self._before = self._device.account
        self._ledger = Ledger()
        self._steps: list[NumericStep] = []
        self._target: tuple[NamedExpr, ...] = ()
        self._asked: list[Expr] = []
        self._empty: Preparation | None = None

    @property
    def ledger(self) -> Ledger:
        """Bytes written into the matrix, and what crossed the bus for it."""
        return self._ledger

    def facts(self, features: Features, *, classify: bool) -> Facts:
        """Return what has to be known of labels and weights."""
        label = self._column(features.label)
        if not classify and not (label.dtype.is_numeric or label.dtype.kind is Kind.BOOL):
            raise TypeMismatch(f"label {features.label!r} is {label.dtype}; regression needs a number")
        asked: dict[str, Expr | None] = {"rows": None, "labels": call("is_not_null", label)}
        if not classify:
            asked["finite"] = _is_finite(label)
        if features.weight is not None:
            weight = self._column(features.weight)
            value = rounded(weight, dtypes.float64)
            asked |= {"weights": call("is_not_null", weight), "usable": _is_finite(weight)}
            asked |= {"negative": call("less", value, literal(0.0)), "used": call("not_equal", value, literal(0.0))}
        found = self._counts(asked)
        rows = found["rows"]
        return Facts(
            rows=rows,
            null_labels=rows - found["labels"],
            odd_labels=0 if classify else rows - found["finite"],
            null_weights=rows - found.get("weights", rows),
            odd_weights=rows - found.get("usable", rows),
            negative=found.get("negative", 0),
            weighted=found.get("used", 1),
            labels=self.count_each([features.label])[0] if classify else None,
        )

    def keep_target(self, features: Features, classes: pa.Array | None) -> None:
        """Remember what label and weight are computed of."""
        label = self._column(features.label)
        value = label if classes is None else class_numbers(label, classes)
        self._target = (NamedExpr(name=_LABEL, expr=value),)
        if features.weight is not None:
            self._target += (NamedExpr(name=_WEIGHT, expr=self._column(features.weight)),)

    def count_each(self, names: Sequence[str]) -> list[CategoryCounts]:
        """Return the values of columns with the rows of each."""
        found = (self._grouped(self._column(name)) for name in names)
        return [counted_categories(groups["value"], groups["rows"]) for groups in found]

    def begin(self, empty: Preparation, *, adopt: bool) -> None:
        """Remember what is prepared; nothing is written yet."""
        self._empty = empty

    def moments(self) -> ColumnMoments:
        """Return the moments of all numbers."""
        values = self._numbers()
        wanted = (Accumulator.COUNT, Accumulator.MEAN, Accumulator.M2, Accumulator.MIN, Accumulator.MAX)
        specs = [
            AccumulatorSpec(
                name=f"{place} {kind.value}",
                kind=kind,
                dtype=dtypes.int64 if kind is Accumulator.COUNT else dtypes.float64,
                argument=value,
                filter=call("not", is_missing(value)),
            )
            for place, value in enumerate(values)
            for kind in wanted
        ]
        found = self._reduced(specs)
        count, mean, squares, low, high = (
            np.array([found[f"{place} {kind.value}"] for place in range(len(values))], dtype=np.float64)
            for kind in wanted
        )
        some = count > 0
        return ColumnMoments(
            count=count, mean=np.where(some, mean, 0.0), squares=np.where(some, squares, 0.0), low=low, high=high
        )

    def count_values(self, places: Sequence[int]) -> list[ValueCounts]:
        """Return the values of some numbers with the rows of each."""
        values = self._numbers()
        return [_value_counts(self._grouped(values[place])) for place in places]

    def sort_columns(self, places: Sequence[int]) -> IntArray:
        """Remember which numbers `count_up_to` is asked for, and return how many values each has."""
        values = self._numbers()
        self._asked = [values[place] for place in places]
        found = self._counts({str(n): call("not", is_missing(value)) for n, value in enumerate(self._asked)})
        return np.array(list(found.values()))

    def count_up_to(self, bounds: FloatArray) -> IntArray:
        """Return how many values reach up to each bound."""
        asked = {
            str(n): call("less_equal", self._asked[n % len(self._asked)], literal(float(bound)))
            for n, bound in enumerate(bounds)
        }
        return np.array(list(self._counts(asked).values()))

    def apply(self, step: NumericStep) -> None:
        """Remember a step."""
        self._steps.append(step)

    def finish(self, preparation: Preparation) -> None:
        """Write features, label and weights into one matrix."""
        columns = numbers(preparation.features, self._schema, preparation.steps, preparation.dtype)
        exprs = [*columns, *categories(preparation), *self._target]
        # Features may have names of any kind, each other's or the label's among them once they are encoded.
        numbered = [NamedExpr(name=str(place), expr=named.expr) for place, named in enumerate(exprs)]
        made = [self._device.project(table, numbered) for table in self._tables]
        names = [named.name for named in numbered]
        matrix, shared = self._device.matrix(made, names, FLOATS[preparation.dtype])
        for reason, size in shared.copied.items():
            self._ledger.add_copied(reason, size)
        width = len(exprs) - len(self._target)
        self._ledger.add_shared(matrix.nbytes)
        self.arrays = TrainingArrays(
            X=matrix[:, :width],
            y=matrix[:, width],
            weight=matrix[:, width + 1] if len(self._target) > 1 else None,
            names=tuple(named.name for named in exprs[:width]),
            ledger=self._ledger,
        )
        if self._before is not None and (after := self._device.account) is not None:
            moved = after.since(self._before)
            self._ledger.add_crossed(to_device=moved.to_device, to_host=moved.to_host)

    def forget(self) -> None:
        """Let the tables go."""
        self._part.tables.clear()
        self._tables = ()

    def take_arrays(self) -> TrainingArrays:
        """Return features, label and weights, and keep them no longer: what is trained may need the memory."""
        assert self.arrays is not None
        arrays, self.arrays = self.arrays, None
        return arrays

    def cupy_arrays(self) -> TrainingArrays:
        """Return features, label and weights as CuPy's arrays over the same memory."""
        arrays, cupy = self.arrays, load_cupy()
        assert arrays is not None
        weight = None if arrays.weight is None else cupy.asarray(arrays.weight)
        return replace(arrays, X=cupy.asarray(arrays.X), y=cupy.asarray(arrays.y), weight=weight)

    def _column(self, name: str) -> Column:
        return Column(name=name, dtype=self._schema[name].dtype)

    def _numbers(self) -> list[Expr]:
        """Return the numeric features after the steps until now, as float64 of the matrix's precision."""
        assert self._empty is not None
        kind = FLOATS[self._empty.dtype]
        made = numbers(self._empty.features, self._schema, self._steps, self._empty.dtype)
        return [cast_to(rounded(named.expr, kind), dtypes.float64, strict=False) for named in made]

    def _counts(self, conditions: Mapping[str, Expr | None]) -> dict[str, int]:
        """Return in how many rows conditions are true; None stands for one that always is."""
        kind = Accumulator.COUNT_ROWS
        specs = [
            AccumulatorSpec(name=name, kind=kind, dtype=dtypes.int64, filter=condition)
            for name, condition in conditions.items()
        ]
        return {name: int(value) for name, value in self._reduced(specs).items()}

    def _reduced(self, specs: Sequence[AccumulatorSpec]) -> dict[str, Any]:
        states = [self._device.reduce(table, specs) for table in self._tables]
        [found] = self._device.to_arrow(self._device.merge_reduced(states, specs)).to_pylist()
        return {name: np.nan if value is None else value for name, value in found.items()}

    def _grouped(self, value: Expr) -> pa.Table:
        """Return the distinct values of an expression, and how many rows have each."""
        rows = AccumulatorSpec(name="rows", kind=Accumulator.COUNT_ROWS, dtype=dtypes.int64)
        spec = GroupSpec(keys=(NamedExpr(name="value", expr=value),), accumulators=(rows,))
        state = self._device.group_by(spec)
        for table in self._tables:
            state.update(table)
        [partials] = state.partials(1)
        return self._device.to_arrow(self._device.merge_groups(partials, spec))


def library_refusal(device: Device, refusal: Callable[[], str | None]) -> str | None:
    """Return why a library cannot work in the memory of a device; ``refusal`` tells what it lacks itself."""
    wanted = MatrixFunction(inputs=(), dtype=dtypes.float32, function=_nothing, made=(), outputs=(), refusal=refusal)
    refused = device.refusal
    assert refused is not None  # it has a memory of its own
    why = refused(Called(_FIT, None, wanted))
    return why and why.removeprefix(f"{_FIT}: ")


def _nothing(_: Any) -> LibraryColumns:
    return LibraryColumns(arrays=())


def _is_finite(value: Expr) -> Expr:
    return call("is_finite", rounded(value, dtypes.float64))


def _value_counts(groups: pa.Table) -> ValueCounts:
    values = groups["value"].to_numpy()  # null becomes NaN
    present = ~np.isnan(values)
    order = np.argsort(values[present])
    counts = groups["rows"].to_numpy()[present]
    return ValueCounts(values=values[present][order], counts=counts[order])
