"""What stands for ``pylibcudf.strings.convert``."""

from __future__ import annotations

from . import convert_booleans, convert_fixed_point, convert_integers

__all__ = ["convert_booleans", "convert_fixed_point", "convert_integers"]
