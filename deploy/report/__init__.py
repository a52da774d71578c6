"""The report of a job: one self-contained HTML page from plain numbers.

Knows how to lay out and draw. Must not know where the numbers come from: no frames, models or files here.
"""

from __future__ import annotations

from .contents import ReportData
from .page import render

__all__ = ["ReportData", "render"]
