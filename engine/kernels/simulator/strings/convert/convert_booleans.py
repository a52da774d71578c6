"""What stands for ``pylibcudf.strings.convert.convert_booleans``."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc

from ...binding import simulated
from ...column import Column
from ...scalar import Scalar
from ...types import TypeId
from ...values import device, host
from ..texts import text_of


@simulated("pylibcudf.strings.convert.convert_booleans.from_booleans")
def from_booleans(
    booleans: Column, true_string: Scalar, false_string: Scalar, stream: Any = None, mr: Any = None
) -> Column:
    """Write bools as one of two texts."""
    if booleans.type().id() != TypeId.BOOL8:
        raise TypeError(f"Input column must be boolean type, not {booleans.type()!r}")
    return device(pc.if_else(host(booleans), text_of(true_string), text_of(false_string)))
