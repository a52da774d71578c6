"""A relation that is known to have no rows."""

from __future__ import annotations

from ..records import dataclass
from ..schema import Schema
from .source import ScanPlan, ScanRequest
from .statistics import Statistics


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptySource:
    """A source without rows; what is left of a sub-plan that cannot give any."""

    schema: Schema

    @property
    def label(self) -> str:
        """What ``explain`` shows."""
        return "no rows"

    def statistics(self) -> Statistics:
        """Return the certainty of zero rows."""
        return Statistics(rows=0, bytes=0)

    def scan(self, request: ScanRequest) -> ScanPlan:
        """Return no splits."""
        return ScanPlan(splits=())
