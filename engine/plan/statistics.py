"""What is known of a table before reading it; every number may be missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from ..records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnStatistics:
    """Bounds and counts of one column.

    Attributes
    ----------
    minimum, maximum
        Inclusive bounds as plain Python values; may be wider than the data, never narrower. None if unknown.
    nulls
        Number of nulls.
    distinct
        Estimated number of distinct values.
    """

    minimum: Any = None
    maximum: Any = None
    nulls: int | None = None
    distinct: int | None = None


@dataclass(frozen=True, slots=True, weakref_slot=True, kw_only=True)
class Statistics:
    """Rows, stored bytes and per-column facts of a table."""

    rows: int | None = None
    bytes: int | None = None
    columns: Mapping[str, ColumnStatistics] = field(default_factory=dict)
