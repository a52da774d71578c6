"""The pandas-like API over plans: frames, columns, group-by, sessions. Must not know SQL text or file formats."""

from .asof import merge_asof
from .binning import cut, get_dummies, qcut
from .combine import concat
from .converting import to_datetime, to_numeric
from .frame import DataFrame
from .groupby import GroupBy
from .series import Series
from .session import Session, current_session
from .udf import udf

__all__ = [
    "DataFrame",
    "GroupBy",
    "Series",
    "Session",
    "concat",
    "current_session",
    "cut",
    "get_dummies",
    "merge_asof",
    "qcut",
    "to_datetime",
    "to_numeric",
    "udf",
]
