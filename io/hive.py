"""Partition keys in directory names, as Hive writes them: ``year=2024/month=1/part-0.parquet``."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote

from ..engine import dtypes
from ..engine.dtypes import DataType
from ..engine.schema import Field

NULL_KEY = "__HIVE_DEFAULT_PARTITION__"
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")
_TRUTH = {"true": True, "false": False}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def raw_keys(relative: str) -> dict[str, str | None]:
    """Return the keys in the directory part of a path, as text."""
    keys: dict[str, str | None] = {}
    for part in relative.split("/")[:-1]:
        name, equals, value = part.partition("=")
        if equals and name:
            keys[unquote(name)] = None if value == NULL_KEY else unquote(value)
    return keys


def typed_keys(paths: Sequence[str]) -> tuple[tuple[Field, ...], tuple[dict[str, Any], ...]]:
    """Return the key columns of some relative paths and each path's values.

    A key is a whole number, a date or a truth value where every value of it is written as one, else text; a path
    without the key has null.
    """
    raw = [raw_keys(path) for path in paths]
    names = list(dict.fromkeys(name for keys in raw for name in keys))
    types = {name: _key_type([keys[name] for keys in raw if keys.get(name) is not None]) for name in names}
    fields = tuple(Field(name, types[name]) for name in names)
    values = tuple({name: _parse(keys.get(name), types[name]) for name in names} for keys in raw)
    return fields, values


def _key_type(values: Sequence[str | None]) -> DataType:
    texts = [value for value in values if value is not None]
    if texts and all(_WHOLE.fullmatch(text) for text in texts):
        return dtypes.int64
    if texts and all(_is_date(text) for text in texts):
        return dtypes.date
    if texts and all(text.lower() in _TRUTH for text in texts):
        return dtypes.bool_
    return dtypes.string


def _is_date(text: str) -> bool:
    try:
        return bool(_DAY.fullmatch(text) and dt.date.fromisoformat(text))
    except ValueError:
        return False


def _parse(text: str | None, dtype: DataType) -> Any:
    if text is None:
        return None
    if dtype == dtypes.int64:
        return int(text)
    if dtype == dtypes.bool_:
        return _TRUTH[text.lower()]
    return dt.date.fromisoformat(text) if dtype == dtypes.date else text


def directory_name(name: str, value: Any) -> str:
    """Return the directory of one key value, e.g. ``year=2024``."""
    if value is None:
        return f"{quote(name, safe=' ')}={NULL_KEY}"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{quote(name, safe=' ')}={quote(text, safe=' :+,')}"
