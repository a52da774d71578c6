"""The names people use, wired to the rooms that do the work; ``volley`` itself loads them from here when first used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import io
from .engine.frame import (
    DataFrame,
    Series,
    Session,
    concat,
    current_session,
    cut,
    get_dummies,
    merge_asof,
    qcut,
    to_datetime,
    to_numeric,
    udf,
)
from .engine.frame.asked import use_sql
from .engine.frame.files import use_files
from .engine.frame.registered import Registered, Role, registered_function, use_models
from .engine.frame.resident import source_of_cudf
from .engine.frame.udf import UserFunction
from .engine.plan import Scan

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DataFrame",
    "Series",
    "Session",
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


class _Models:
    """Hands models of queries to the ML room, which is loaded when the first one is met."""

    def is_model(self, value: object) -> bool:
        """Return whether this is a fitted model."""
        return "volley.ml" in sys.modules and self._room.is_model(value)

    @property
    def _room(self) -> Any:
        return importlib.import_module("volley.ml.registered")

    def train(self, frame: DataFrame, options: Mapping[str, Any]) -> Any:
        """Fit a model."""
        return self._room.train(frame, options)

    def predict(self, model: Any, frame: DataFrame) -> DataFrame:
        """Add predictions."""
        made: DataFrame = self._room.predict(model, frame)
        return made

    def explain(self, model: Any, frame: DataFrame) -> DataFrame:
        """Add what moved each prediction."""
        made: DataFrame = self._room.explain(model, frame)
        return made


_MODELS = _Models()

use_files(io)
use_models(_MODELS)
use_sql(lambda text, frame, params, dialect: _sql_room().query(text, {"self": frame}, params=params, dialect=dialect))


def _sql_room() -> Any:
    return importlib.import_module("volley.sql")


def _read(paths: Any, format_: str, options: dict[str, Any]) -> DataFrame:
    return DataFrame.from_plan(Scan(source=io.open_source(paths, format=format_, **options)))


def read_parquet(paths: str | Sequence[str], **options: Any) -> DataFrame:
    """Return a lazy frame over Parquet files.

    Parameters
    ----------
    paths
        A file, a list of files, a glob, a directory or an fsspec URL.
    **options
        ``storage_options`` for remote file systems; ``filename=True``, or a name, for a column with the path of the
        file that a row is from.

    Raises
    ------
    ReadError
        If a file is missing or is not Parquet.
    """
    return _read(paths, "parquet", options)


def read_csv(paths: str | Sequence[str], **options: Any) -> DataFrame:
    """Return a lazy frame over CSV files; types are inferred from a sample and then enforced.

    Parameters
    ----------
    paths
        A file, a list of files, a glob, a directory or an fsspec URL; may be compressed.
    **options
        ``delimiter``, ``quote``, ``header``, ``null_values``, ``dtypes``, ``sample_bytes``, ``on_bad_rows`` and others
        of `volley.io.CsvOptions`; ``filename=True``, or a name, for a column with the path of the file that a row is
        from.

    Raises
    ------
    ReadError
        If a file is missing; while running, if a value does not fit its column's type (with file, line and column).
    """
    return _read(paths, "csv", options)


def read_json(paths: str | Sequence[str], **options: Any) -> DataFrame:
    """Return a lazy frame over JSON files: objects, one per line, over several lines or in one array."""
    return _read(paths, "json", options)


def read_ipc(paths: str | Sequence[str], **options: Any) -> DataFrame:
    """Return a lazy frame over Arrow IPC files."""
    return _read(paths, "ipc", options)


def read_orc(paths: str | Sequence[str], **options: Any) -> DataFrame:
    """Return a lazy frame over ORC files."""
    return _read(paths, "orc", options)


def from_arrow(data: Any) -> DataFrame:
    """Return a frame over a ``pyarrow.Table`` or any object that exports an Arrow stream; shares its memory."""
    return DataFrame(data)


def from_cudf(data: Any) -> DataFrame:
    """Return a frame over a ``cudf.DataFrame``; its index is left out (``reset_index()`` keeps it as a column).

    A session on the GPU takes the columns where they lie: do not change them before the frame has run. Others copy
    them to the host.
    """
    return DataFrame.from_plan(Scan(source=source_of_cudf(data)))


def from_pandas(data: pd.DataFrame) -> DataFrame:
    """Return a frame over a pandas DataFrame; its index is left out (``reset_index()`` keeps it as a column)."""
    return DataFrame(data)


def sql(
    text: str, params: Mapping[str, Any] | Sequence[Any] | None = None, *, dialect: str = "duckdb", **frames: Any
) -> DataFrame:
    """Return a lazy frame for a SQL text.

    Parameters
    ----------
    text
        One query. Tables are looked up among ``frames``, then registered names, then frames, Arrow tables and pandas
        DataFrames in the caller's variables; a quoted path such as ``'flights/*.parquet'`` reads files.
    params
        Values for ``$name`` (a mapping) or ``?`` (a sequence).
    dialect
        Any dialect that sqlglot parses.
    **frames
        Tables by name.

    Raises
    ------
    SqlError
        If the text cannot be parsed or bound; points at the place.
    """
    from .sql import sql as bind

    caller = sys._getframe(1)  # noqa: SLF001  # the caller's variables are part of the contract
    return bind(text, params=params, dialect=dialect, scope=lambda name: _variable(caller, name), **frames)


def _variable(frame: Any, name: str) -> Any:
    return frame.f_locals.get(name, frame.f_globals.get(name))


def register(name: str, value: Any) -> None:
    """Give a frame (or Arrow or pandas table), a function of ``vl.udf`` or a model a name that SQL can use here."""
    session = current_session()
    if isinstance(value, UserFunction):
        session.registered[name] = registered_function(value, "scalar", None)
    elif not hasattr(value, "__arrow_c_stream__") and _MODELS.is_model(value):
        session.registered[name] = Registered(Role.MODEL, value)
    else:
        session.register(name, value if isinstance(value, DataFrame) else DataFrame(value))


def register_function(name: str, function: Callable[..., Any], *, kind: str = "scalar", dtype: Any = None) -> None:
    """Give a Python function a name that SQL can call in this session.

    Parameters
    ----------
    name
        What queries call it; case does not matter.
    function
        ``scalar``: takes values, or is made by ``vl.udf``. ``aggregate``: takes one list of values for each argument,
        nulls included, and returns the group's value. ``table``: takes plain values and frames, returns a frame or
        anything that makes one, and stands in ``FROM``.
    kind
        ``scalar``, ``aggregate`` or ``table``.
    dtype
        Type of what a scalar or aggregate returns, where no annotation says it.

    Raises
    ------
    ConfigError
        If there is no such kind.
    """
    current_session().registered[name] = registered_function(function, kind, dtype)


def unregister(name: str) -> None:
    """Forget a registered name."""
    current_session().unregister(name)


def tables() -> list[str]:
    """Return the registered names."""
    return sorted(current_session().tables)
