"""The frames of windows on every device: which bound is found how, and what exclusion leaves of a frame.

Positions are those of the rows sorted by partition and order; a device adds its columns of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, Protocol, TypeVar

from ..expr import SortKey
from ..plan import Bound, Edge, Exclusion, Frame, FrameUnit

C = TypeVar("C")
"""A column of positions."""


class SortedRows(Protocol):
    """Where partitions and groups of peers lie among the sorted rows: first positions and those after the last."""

    @property
    def count(self) -> int:
        """Number of rows."""
        ...

    @property
    def partitions(self) -> tuple[Any, Any]:
        """Where each row's partition starts and ends."""
        ...

    @property
    def peers(self) -> tuple[Any, Any]:
        """Where each row's group of peers starts and ends."""
        ...


L = TypeVar("L", bound=SortedRows)
E = TypeVar("E")


class FrameRuns(ABC, Generic[L, E, C]):
    """The frames of a window's rows; those asked for twice are found once."""

    def __init__(self, layout: L, evaluator: E, order_by: tuple[SortKey, ...]) -> None:
        self.layout, self.evaluator, self.order_by = layout, evaluator, order_by
        self._known: dict[Frame, list[tuple[C, C]]] = {}

    def runs(self, frame: Frame) -> list[tuple[C, C]]:
        """Return the one to three runs of positions that make up each row's frame, in order.

        A run is first positions and positions after the last, per row; it is empty where those lie before the first.
        """
        if frame not in self._known:
            lows = self._bound(frame, frame.start, 0)
            highs = self._bound(frame, frame.end, 1)
            self._known[frame] = self._excluded(lows, highs, frame.exclusion)
        return self._known[frame]

    def _bound(self, frame: Frame, bound: Bound, end: int) -> C:
        """Return the first position within a start bound (``end`` 0), or after an end bound (1)."""
        found: C
        if bound.edge is Edge.UNBOUNDED_PRECEDING or bound.edge is Edge.UNBOUNDED_FOLLOWING:
            found = self.layout.partitions[end]
        elif frame.unit is FrameUnit.ROWS:
            found = self._rows_away(self._distance(bound) + end)
        elif bound.edge is Edge.CURRENT_ROW:
            found = self.layout.peers[end]
        elif frame.unit is FrameUnit.RANGE:
            found = self._in_range(bound, end)
        else:
            found = self._groups_away(self._distance(bound) + end)
        return found

    def _distance(self, bound: Bound) -> int:
        offset = min(bound.offset if isinstance(bound.offset, int) else 0, self.layout.count)
        return offset if bound.edge is Edge.FOLLOWING else -offset

    def _excluded(self, lows: C, highs: C, exclusion: Exclusion) -> list[tuple[C, C]]:
        if exclusion is Exclusion.NO_OTHERS:
            return [(lows, highs)]
        here, after_here = self._own_rows()
        first, last = (here, after_here) if exclusion is Exclusion.CURRENT_ROW else self.layout.peers
        before, after = (lows, self._least(highs, first)), (self._greatest(lows, last), highs)
        if exclusion is Exclusion.TIES:
            return [before, (self._greatest(lows, here), self._least(highs, after_here)), after]
        return [before, after]

    @abstractmethod
    def _rows_away(self, distance: int) -> C:
        """Return the position so many rows after each row, within its partition and its end."""

    @abstractmethod
    def _groups_away(self, distance: int) -> C:
        """Return where the group so many groups of peers after each row's starts, within its partition and its end."""

    @abstractmethod
    def _in_range(self, bound: Bound, end: int) -> C:
        """Search each row's limit among the keys of its partition; rows without a key see those without one."""

    @abstractmethod
    def _own_rows(self) -> tuple[C, C]:
        """Return the position of each row and the one after it."""

    @abstractmethod
    def _least(self, left: C, right: C) -> C: ...

    @abstractmethod
    def _greatest(self, left: C, right: C) -> C: ...
