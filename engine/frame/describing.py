"""``describe``: what the columns of numbers, moments and lengths of a frame come to, as pandas lays it out."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from ..dtypes import DataType, Kind
from ..expr import AggregateCall, Column, aggregate
from .measures import QUARTILES
from .timed import Timed, reduced

if TYPE_CHECKING:
    import pandas as pd

    from .reductions import Reductions

_SPREAD = "std"
_QUARTILES = {f"{share:.0%}": share for share in QUARTILES}


def is_described(dtype: DataType) -> bool:
    """Return whether a column has a mean and quartiles."""
    return dtype.is_numeric or dtype.kind in (Kind.TIMESTAMP, Kind.DURATION)


def described(frame: Reductions, names: list[str]) -> pd.DataFrame:
    """Run the plan once; moments have no deviation, and where there are any it is the last row."""
    import pandas as pd

    columns = [Column(name=name, dtype=frame.schema[name].dtype) for name in names]
    moments = [column.dtype.kind is Kind.TIMESTAMP for column in columns]
    rows = ["count", "mean", _SPREAD, "min", *_QUARTILES, "max"]
    if any(moments):
        rows.remove(_SPREAD)
        rows += [] if all(moments) else [_SPREAD]
    calls = {
        f"{row}_{at}": _measure(row, column)
        for at, column in enumerate(columns)
        for row in rows
        if not (row == _SPREAD and moments[at])
    }
    found = frame.reduce(**calls)
    made = {}
    for at, column in enumerate(columns):
        values = [_as_pandas(found.get(f"{row}_{at}")) for row in rows]
        made[column.name] = pd.Series(values, index=rows, dtype="float64" if column.dtype.is_numeric else object)
    return pd.DataFrame(made)


def _measure(row: str, column: Column) -> AggregateCall | Timed:
    if row in _QUARTILES:
        return reduced("quantile", column, q=_QUARTILES[row])
    return aggregate(row, column) if row in ("count", "min", "max") else reduced(row, column)


def _as_pandas(value: Any) -> Any:
    import pandas as pd

    if isinstance(value, dt.datetime):
        return pd.Timestamp(value)
    return pd.Timedelta(value) if isinstance(value, dt.timedelta) else value
