"""What stands for ``pylibcudf.strings.split``."""

from __future__ import annotations

from . import split

__all__ = ["split"]
