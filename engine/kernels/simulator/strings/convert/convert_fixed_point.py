"""What stands for ``pylibcudf.strings.convert.convert_fixed_point``."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ...binding import simulated
from ...column import Column
from ...types import DECIMALS
from ...values import device, host


@simulated("pylibcudf.strings.convert.convert_fixed_point.from_fixed_point")
def from_fixed_point(input: Column, stream: Any = None, mr: Any = None) -> Column:
    """Write decimals with all digits behind the point, and at least one before it."""
    if input.type().id() not in DECIMALS or input.type().scale() > 0:
        raise TypeError(f"only decimals without trailing powers of ten are simulated, not {input.type()!r}")
    return device(pa.array([None if v is None else f"{v:f}" for v in host(input).to_pylist()], pa.string()))
