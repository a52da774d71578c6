"""Volley: a dataframe, SQL and ETL engine with machine learning attached.

``import volley as vl``; then ``vl.read_parquet``, ``vl.sql``, ``vl.DataFrame`` and ``from volley import ml``. Names are
loaded when first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import ml as ml
    from .api import (
        DataFrame,
        Series,
        Session,
        concat,
        current_session,
        cut,
        from_arrow,
        from_cudf,
        from_pandas,
        get_dummies,
        merge_asof,
        qcut,
        read_csv,
        read_ipc,
        read_json,
        read_orc,
        read_parquet,
        register,
        register_function,
        sql,
        tables,
        to_datetime,
        to_numeric,
        udf,
        unregister,
    )
    from .engine.errors import VolleyError

__version__ = "0.1.0"

__all__ = [
    "DataFrame",
    "Series",
    "Session",
    "VolleyError",
    "concat",
    "current_session",
    "cut",
    "from_arrow",
    "from_cudf",
    "from_pandas",
    "get_dummies",
    "merge_asof",
    "qcut",
    "read_csv",
    "read_ipc",
    "read_json",
    "read_orc",
    "read_parquet",
    "register",
    "register_function",
    "sql",
    "tables",
    "to_datetime",
    "to_numeric",
    "udf",
    "unregister",
]


_INSTEAD = {
    "merge": "; use left.merge(right, on=…)",
    "melt": "; use frame.melt(…)",
    "pivot_table": "; use frame.pivot_table(…)",
    "crosstab": "; use frame.pivot_table(index=…, columns=…, aggfunc='size', fill_value=0)",
    "isna": "; use frame.x.isna()",
    "NamedAgg": "; write agg(total=('price', 'sum'))",
    "Grouper": "; use pandas', or frame.resample(rule, on='t'), or groupby(frame.t.dt.floor('day'))",
    "Timestamp": "; use datetime.datetime, or a text such as '2024-01-31 12:30'",
    "date_range": "; use vl.sql(\"from generate_series(date '2024-01-01', date '2024-01-31', interval 1 day)\")",
    "read_excel": "; use vl.from_pandas(pandas.read_excel(…))",
    "read_table": "; use vl.read_csv(…, delimiter='\\t')",
    "from_dict": "; use vl.DataFrame({…})",
    "scan_parquet": "; use vl.read_parquet(…), which is lazy",
    "scan_csv": "; use vl.read_csv(…), which is lazy",
    "from_polars": "; use vl.DataFrame(…)",
    "LazyFrame": "; use vl.DataFrame(…), which is lazy",
    "col": "; a column is taken from its frame: frame.x",
    "when": "; use np.where(condition, a, b), or np.select",
    "connect": "; there is nothing to open: vl.sql(…), or with vl.Session(…)",
    "SparkSession": "; use vl.Session(…)",
}
"""What to write for names of pandas, Polars, DuckDB and Spark that there are not here."""


def __getattr__(name: str) -> Any:
    if name == "ml":
        return importlib.import_module("volley.ml")
    if name not in __all__:
        raise AttributeError(f"module 'volley' has no attribute {name!r}{_INSTEAD.get(name, '')}")
    home = "volley.engine.errors" if name == "VolleyError" else "volley.api"
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


class _Facade(ModuleType):
    """Keeps ``volley.sql`` the function that people call, though there is a sub-package of that name.

    When a sub-package is loaded, Python sets it as an attribute of its parent; here that has no effect for this one
    name, whose imports (``from volley.sql import …``) never look at the attribute.
    """

    @property
    def sql(self) -> Any:
        """The function `volley.api.sql`."""
        return importlib.import_module("volley.api").sql

    @sql.setter
    def sql(self, value: Any) -> None:
        pass


sys.modules[__name__].__class__ = _Facade


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", "ml"])
