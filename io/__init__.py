"""Sources and sinks behind the engine's protocols: files in many formats.

Knows file systems, formats and Arrow; must not know SQL, plans beyond the source protocol, or devices' kernels. The
formats' modules are imported when they are first used.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from ..engine.errors import ConfigError, suggestion
from .compression import compression_of, with_compressions

if TYPE_CHECKING:
    from ..engine.plan import Sink, Source
    from .csv_options import CsvOptions
    from .delimited import CsvSource
    from .filesystem import PathLike
    from .ipc import IpcSource
    from .json_lines import JsonOptions, JsonSource
    from .orc import OrcSource
    from .parquet import ParquetSource
    from .sinks import CsvSink, IpcSink, JsonSink, OrcSink, ParquetSink

__all__ = [
    "FORMATS",
    "CsvOptions",
    "CsvSink",
    "CsvSource",
    "IpcSink",
    "IpcSource",
    "JsonOptions",
    "JsonSink",
    "JsonSource",
    "OrcSink",
    "OrcSource",
    "ParquetSink",
    "ParquetSource",
    "format_of",
    "open_source",
    "sink_for",
]

FORMATS = ("parquet", "csv", "json", "ipc", "orc")
"""Names of the file formats, each read and written."""

_SUFFIXES = {
    ".parquet": "parquet",
    ".parq": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".arrow": "ipc",
    ".feather": "ipc",
    ".ipc": "ipc",
    ".arrows": "ipc",
    ".orc": "orc",
}
_HOMES = {
    "CsvOptions": "csv_options",
    "CsvSink": "sinks",
    "CsvSource": "delimited",
    "IpcSink": "sinks",
    "IpcSource": "ipc",
    "JsonOptions": "json_lines",
    "JsonSink": "sinks",
    "JsonSource": "json_lines",
    "OrcSink": "sinks",
    "OrcSource": "orc",
    "ParquetSink": "sinks",
    "ParquetSource": "parquet",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{home}", __name__), name)


def format_of(path: PathLike) -> str | None:
    """Return the format that a path's ending stands for, or None."""
    text = os.fspath(path).lower()
    if "://" in text:
        from .store import public_url

        text = public_url(text)
    text = text.removesuffix(compression_of(text))
    return next((name for suffix, name in _SUFFIXES.items() if text.endswith(suffix)), None)


def open_source(
    paths: PathLike | Iterable[PathLike],
    format: str | None = None,  # noqa: A002  # the word for it
    **options: Any,
) -> Source:
    """Return the source of one table in files.

    Parameters
    ----------
    paths
        Path, list of paths, glob, directory or fsspec URL.
    format
        One of `FORMATS`; found by the ending, or by the files of a directory, where it is not given.
    **options
        Of the format: fields of `CsvOptions` or `JsonOptions`; for every format ``storage_options``, and ``filename``:
        true, or a name, for a column with the path of the file that a row is from.

    Raises
    ------
    ConfigError
        If the format or an option is unknown, or what should be a path is none.
    ReadError
        If a file is missing or broken.
    """
    listed = _listed(paths)
    chosen = _checked(format) if format is not None else _found_format(listed, options.get("storage_options"))
    storage_options, filename = options.pop("storage_options", None), options.pop("filename", False)
    if not isinstance(filename, bool | str):
        raise ConfigError(f"filename is true, or the name of the column for the files' paths, not {filename!r}")
    source = _opened(chosen, listed, options, storage_options)
    if filename:
        from .tables import FileSource

        assert isinstance(source, FileSource)
        source.name_files("filename" if filename is True else filename)
    return source


def _listed(paths: PathLike | Iterable[PathLike]) -> list[PathLike]:
    one = isinstance(paths, (str, os.PathLike)) or not isinstance(paths, Iterable)
    listed = [cast("PathLike", paths)] if one else list(cast("Iterable[PathLike]", paths))
    for path in listed:
        if not isinstance(path, (str, os.PathLike)):
            raise ConfigError(f"a path is a text or a pathlib.Path, or a list of such, not {path!r}")
    return listed


def _opened(
    form: str, paths: list[PathLike], options: dict[str, Any], storage_options: Mapping[str, Any] | None
) -> Source:
    if form in ("csv", "json"):
        name = "CsvOptions" if form == "csv" else "JsonOptions"
        fields = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        _check_options(form, options, (*fields.__dataclass_fields__, "filename"))
        options = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
        kind = "CsvSource" if form == "csv" else "JsonSource"
        source: Source = __getattr__(kind)(paths, fields(**options), storage_options=storage_options)
        return source
    _check_options(form, options, ("filename",))
    plain: Source = __getattr__(f"{form.title()}Source")(paths, storage_options=storage_options)
    return plain


def sink_for(path: PathLike, format: str | None = None, **options: Any) -> Sink:  # noqa: A002
    """Return a sink at a path; without ``format`` by its ending, and Parquet for a directory.

    Parameters
    ----------
    path
        A file with an ending, or a directory, or an fsspec URL of either.
    format
        One of `FORMATS`.
    **options
        Keyword parameters of `ParquetSink`, `CsvSink`, `JsonSink`, `IpcSink` or `OrcSink`.

    Raises
    ------
    ConfigError
        If the format or an option is unknown.
    """
    chosen = format_of(path) if format is None else _checked(format)
    if chosen is None:
        name = os.fspath(path).rstrip("/").rpartition("/")[2]
        if "." in name.strip("."):
            raise ConfigError(f"no format ends like {name!r}; name one of {', '.join(FORMATS)} with format=…")
        chosen = "parquet"
    kind = __getattr__(f"{chosen.title()}Sink")
    from inspect import signature

    _check_options(chosen, options, [name for name in signature(kind).parameters if name != "path"])
    sink: Sink = kind(path, **options)
    return sink


def _checked(name: str) -> str:
    if name not in FORMATS:
        raise ConfigError(f"unknown format {name!r}{suggestion(name, FORMATS)}")
    return name


def _check_options(form: str, options: Iterable[str], allowed: Iterable[str]) -> None:
    known = [*allowed, "storage_options"]
    unknown = next((name for name in options if name not in known), None)
    if unknown is not None:
        instead = _INSTEAD.get(unknown)
        raise ConfigError(
            f"{form} has no option {unknown!r}{suggestion(unknown, known) if instead is None else instead}"
        )


_CHOOSE = "; choose columns of the frame, such as frame[['a', 'b']]: others are then not read"
_INSTEAD: Mapping[str, str] = {
    **dict.fromkeys(("sep", "delim", "separator"), "; write delimiter=';'"),
    **dict.fromkeys(("usecols", "columns"), _CHOOSE),
    **dict.fromkeys(("nrows", "n_rows"), "; take the first rows of the frame: frame.head(100)"),
    **dict.fromkeys(("skiprows", "skip"), "; write skip_rows=3"),
    **dict.fromkeys(("dtype", "types", "schema_overrides"), "; write dtypes={'a': 'string'}"),
    **dict.fromkeys(("comment", "comment_prefix"), "; write skip_rows=3 for such lines above the header"),
    **dict.fromkeys(("na_values", "nullstr"), "; write null_values=['-']"),
    **dict.fromkeys(("on_bad_lines", "ignore_errors"), "; write on_bad_rows='skip'"),
    **dict.fromkeys(("decimal_separator", "decimal_comma"), "; write decimal=','"),
    **dict.fromkeys(("infer_schema", "all_varchar"), "; write infer=False for columns of text"),
    "thousands": "; read such columns as text, then frame.a.str.replace(',', '').astype('int64')",
    "parse_dates": "; times like 2024-01-31 12:30 are found by themselves, others by vl.to_datetime(frame.t, format)",
    "index_col": "; mark it afterwards: frame.set_index('id')",
    "index": "; rows have no labels here, so that none are written",
    "chunksize": "; go through the frame by iter_batches()",
    "orient": "; one object per line is read and written",
    "lines": "; one object per line is read and written",
    **dict.fromkeys(("engine", "low_memory", "memory_map"), "; leave it out"),
}
"""What to write for options that pandas and Polars have."""


def _found_format(paths: list[PathLike], storage_options: Mapping[str, Any] | None) -> str:
    if not paths:
        return "parquet"  # the source says that there is no path
    by_ending = format_of(paths[0])
    if by_ending is not None:
        return by_ending
    from .finding import resolve

    files = resolve(paths[0], suffixes=with_compressions(tuple(_SUFFIXES)), storage_options=storage_options)
    found = format_of(files.files[0].path)
    if found is None:
        raise ConfigError(
            f"the ending of {files.name!r} names no format; say which with format=…: {', '.join(FORMATS)}; "
            "in SQL by a function, such as read_csv('…')"
        )
    return found
