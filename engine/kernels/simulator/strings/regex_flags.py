"""What stands for ``pylibcudf.strings.regex_flags``."""

from __future__ import annotations

from ..binding import enumerated

RegexFlags = enumerated("pylibcudf.strings.regex_flags.RegexFlags")
