"""Python stages for plans in tests; each carries the SQL of what it adds, so that the oracle can run it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from volley.engine import dtypes
from volley.engine.plan import MapBatches, Plan
from volley.engine.schema import Field


class Double:
    """Adds ``twice``, the double of an int64 column."""

    def __init__(self, column: str) -> None:
        self.column = column
        self.sql = {"twice": f'2 * "{column}"'}

    def __call__(self, table: Any) -> Any:
        return pa.table({"twice": pc.multiply(table[self.column], 2)})


def doubled(plan: Plan, column: str) -> MapBatches:
    """Return the plan with a stage that keeps every column and adds ``twice``."""
    return MapBatches(
        input=plan,
        label="double",
        function=Double(column),
        adds=(Field("twice", dtypes.int64),),
        reads=(column,),
        keeps=True,
    )
