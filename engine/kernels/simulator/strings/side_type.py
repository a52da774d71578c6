"""What stands for ``pylibcudf.strings.side_type``."""

from __future__ import annotations

from ..binding import enumerated

SideType = enumerated("pylibcudf.strings.side_type.SideType")
