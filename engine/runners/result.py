"""What a run gives, whoever runs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..kernels.protocol import Table
from ..plan import WrittenFile
from .metrics import RunMetrics


@dataclass(slots=True)
class RunResult:
    """What a run gives: tables in order, the files it wrote or the value it folded; and what it did."""

    tables: list[Table] = field(default_factory=list)
    written: tuple[WrittenFile, ...] = ()
    value: Any = None
    metrics: RunMetrics = field(default_factory=RunMetrics)
