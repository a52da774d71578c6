"""What stands for ``pylibcudf.strings.char_types``."""

from __future__ import annotations

from ..binding import enumerated

StringCharacterTypes = enumerated("pylibcudf.strings.char_types.StringCharacterTypes")
