"""Methods of frames that run the plan and come to a few values."""

from __future__ import annotations

from typing import Any

from ..expr import AggregateCall, NamedAggregate, aggregate
from ..plan import Aggregate
from .core import Core
from .window import aggregated


class Reductions(Core):
    """Methods of `DataFrame` that run the plan and come to a few values."""

    __slots__ = ()

    def reduce(self, **aggregates: AggregateCall) -> dict[str, Any]:
        """Run the plan and return aggregates over all rows as Python values."""
        plan, calls = aggregated(self.plan, aggregates.values())
        named = tuple(NamedAggregate(name=name, call=one) for name, one in zip(aggregates, calls, strict=True))
        (row,) = self.session.collect(Aggregate(input=plan, aggregates=named)).to_pylist()
        return dict(row)

    def __len__(self) -> int:
        return int(self.reduce(rows=aggregate("size"))["rows"])

    @property
    def shape(self) -> tuple[int, int]:
        """Run the plan and return the number of rows and of columns."""
        return len(self), len(self.schema)
