"""Logical plans and the protocols of sources and sinks. Must not know optimiser, devices, files or SQL text."""

from .empty import EmptySource
from .nodes import (
    Aggregate,
    Distinct,
    Filter,
    Join,
    JoinKind,
    Limit,
    MapBatches,
    Plan,
    Project,
    Scan,
    Sort,
    Unary,
    Union,
    Write,
)
from .source import ArrowBatch, ScanPlan, ScanRequest, Sink, SinkWriter, Source, Split, WrittenFile
from .statistics import ColumnStatistics, Statistics

__all__ = [
    "Aggregate",
    "ArrowBatch",
    "ColumnStatistics",
    "Distinct",
    "EmptySource",
    "Filter",
    "Join",
    "JoinKind",
    "Limit",
    "MapBatches",
    "Plan",
    "Project",
    "Scan",
    "ScanPlan",
    "ScanRequest",
    "Sink",
    "SinkWriter",
    "Sort",
    "Source",
    "Split",
    "Statistics",
    "Unary",
    "Union",
    "Write",
    "WrittenFile",
]
