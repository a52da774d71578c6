"""What stands for ``pylibcudf.strings.capitalize``."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc

from ..binding import simulated
from ..column import Column
from ..values import device
from .char_types import StringCharacterTypes
from .texts import text


@simulated("pylibcudf.strings.capitalize.title")
def title(input: Column, sequence_type: Any = StringCharacterTypes.ALPHA, stream: Any = None, mr: Any = None) -> Column:
    """Start each run of letters upper case; only ASCII is simulated."""
    if StringCharacterTypes(sequence_type) != StringCharacterTypes.ALPHA:
        raise NotImplementedError("title of other runs than letters is not simulated")
    return device(pc.ascii_title(text(input)))
