"""What stands for ``pylibcudf.strings.replace``."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc

from ..binding import simulated
from ..column import Column
from ..scalar import Scalar
from ..values import device
from .texts import text, text_of


@simulated("pylibcudf.strings.replace.replace")
def replace(
    input: Column, target: Scalar, repl: Scalar, maxrepl: int = -1, stream: Any = None, mr: Any = None
) -> Column:
    """Replace each occurrence, or the first few, of a text that must not be empty."""
    old, new = text_of(target), text_of(repl)
    if not old:
        raise ValueError("Parameter target must not be empty string.")
    limit = None if maxrepl < 0 else maxrepl
    return device(pc.replace_substring(text(input), pattern=old, replacement=new, max_replacements=limit))
