"""What stands for ``pylibcudf.strings.convert.convert_integers``."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ...binding import simulated
from ...column import Column
from ...types import INTEGERS
from ...values import device, host


@simulated("pylibcudf.strings.convert.convert_integers.from_integers")
def from_integers(integers: Column, stream: Any = None, mr: Any = None) -> Column:
    """Write integers in decimal digits."""
    if integers.type().id() not in INTEGERS:
        raise TypeError(f"Values for from_integers function must be an integer type, not {integers.type()!r}")
    return device(host(integers).cast(pa.string()))
