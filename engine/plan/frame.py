"""Frames of window functions: which rows of its partition a function sees from a row.

Of the partition's rows in order, those from a start bound to an end bound, counted in rows, in groups of peers (rows
equal in the ordering) or in the ordering's own units, less an exclusion.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import TypeAlias

from ..errors import PlanError
from ..records import dataclass


class FrameUnit(Enum):
    """What the offsets of a frame count."""

    ROWS = "rows"
    RANGE = "range"
    GROUPS = "groups"


class Edge(Enum):
    """Where a bound stands, from the partition's start to its end."""

    UNBOUNDED_PRECEDING = "unbounded preceding"
    PRECEDING = "preceding"
    CURRENT_ROW = "current row"
    FOLLOWING = "following"
    UNBOUNDED_FOLLOWING = "unbounded following"


class Exclusion(Enum):
    """Which rows near the current one a frame leaves out: none, the row, it and its peers, or its peers alone."""

    NO_OTHERS = "no others"
    CURRENT_ROW = "current row"
    GROUP = "group"
    TIES = "ties"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A length of calendar time, added as months (clipping to the month's end), then days, then microseconds."""

    months: int = 0
    days: int = 0
    microseconds: int = 0

    def __str__(self) -> str:
        parts = [f"{n} {unit}" for unit in ("months", "days", "microseconds") if (n := getattr(self, unit))]
        return f"interval '{' '.join(parts) or '0 days'}'"

    @property
    def is_negative(self) -> bool:
        """Whether any part points backwards."""
        return min(self.months, self.days, self.microseconds) < 0


Offset: TypeAlias = int | float | Decimal | Interval


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a frame; ``offset`` goes with PRECEDING and FOLLOWING alone."""

    edge: Edge
    offset: Offset | None = None

    def __post_init__(self) -> None:
        if (self.offset is not None) != (self.edge in (Edge.PRECEDING, Edge.FOLLOWING)):
            wants = "needs an" if self.offset is None else "takes no"
            raise PlanError(f"a frame bound {self.edge.value} {wants} offset")
        if self.offset is None:
            return
        negative = self.offset.is_negative if isinstance(self.offset, Interval) else not self.offset >= 0
        if negative:
            raise PlanError(f"a frame's offset must not be negative: {self.offset}; use preceding or following instead")

    def __str__(self) -> str:
        return self.edge.value if self.offset is None else f"{self.offset} {self.edge.value}"


UNBOUNDED_PRECEDING = Bound(Edge.UNBOUNDED_PRECEDING)
CURRENT_ROW = Bound(Edge.CURRENT_ROW)
UNBOUNDED_FOLLOWING = Bound(Edge.UNBOUNDED_FOLLOWING)
_EDGES = tuple(Edge)


def preceding(offset: Offset) -> Bound:
    """Return the bound that lies ``offset`` before the current row."""
    return Bound(Edge.PRECEDING, offset)


def following(offset: Offset) -> Bound:
    """Return the bound that lies ``offset`` after the current row."""
    return Bound(Edge.FOLLOWING, offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The rows that a function of a frame sees; by default those up to the current row's last peer.

    Without an ordering all rows of a partition are peers, and so the default is the whole partition.
    """

    unit: FrameUnit = FrameUnit.RANGE
    start: Bound = UNBOUNDED_PRECEDING
    end: Bound = CURRENT_ROW
    exclusion: Exclusion = Exclusion.NO_OTHERS

    def __post_init__(self) -> None:
        first, last = _EDGES.index(self.start.edge), _EDGES.index(self.end.edge)
        if first > last or self.start == UNBOUNDED_FOLLOWING or self.end == UNBOUNDED_PRECEDING:
            raise PlanError(f"a frame cannot go from {self.start} to {self.end}")
        for bound in (self.start, self.end):
            whole = isinstance(bound.offset, int) and not isinstance(bound.offset, bool)
            if self.unit is not FrameUnit.RANGE and bound.offset is not None and not whole:
                raise PlanError(f"a frame of {self.unit.value} needs whole numbers as offsets, not {bound.offset}")

    @property
    def range_bounds(self) -> tuple[Bound, ...]:
        """The bounds whose offset is in units of the ordering."""
        bounds = (self.start, self.end) if self.unit is FrameUnit.RANGE else ()
        return tuple(bound for bound in bounds if bound.offset is not None)

    @property
    def holds_its_row(self) -> bool:
        """Whether every row is in its own frame."""
        here = _EDGES.index(Edge.CURRENT_ROW)
        around = _EDGES.index(self.start.edge) <= here <= _EDGES.index(self.end.edge)
        return around and self.exclusion in (Exclusion.NO_OTHERS, Exclusion.TIES)

    @property
    def begins_with_partition(self) -> bool:
        """Whether every row's frame begins with its partition, and leaves out none of the rows up to its end."""
        return self.start.edge is Edge.UNBOUNDED_PRECEDING and self.exclusion is Exclusion.NO_OTHERS

    @property
    def is_partition(self) -> bool:
        """Whether every row's frame is its partition, in whatever order."""
        return self.begins_with_partition and self.end.edge is Edge.UNBOUNDED_FOLLOWING

    def __str__(self) -> str:
        tail = "" if self.exclusion is Exclusion.NO_OTHERS else f" exclude {self.exclusion.value}"
        return f"{self.unit.value} between {self.start} and {self.end}{tail}"


DEFAULT_FRAME = Frame()
WHOLE_PARTITION = Frame(unit=FrameUnit.ROWS, end=UNBOUNDED_FOLLOWING)
