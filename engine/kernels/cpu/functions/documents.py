"""JSON documents, read with Python, each different text once."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any

import pyarrow as pa

from ....dtypes import DataType, Kind
from ....errors import CastError
from ....expr import Call
from ....expr.functions.documents import EVERY_ITEM, EVERY_VALUE
from ....intervals import interval_text
from ...constants import array_of
from ..buffers import is_small
from .codings import by_value
from .decimals import widened
from .registry import Value, scalar

_MISSING = object()
_LEAST_PLAIN, _LEAST_RAISED = 1e-6, 1e21
"""Floats between them are written without a power of ten."""
_FRACTION = re.compile(r"(\.\d*?)0+(?=$|[+-])")
_WHOLE_HOURS = re.compile(r"([+-]\d\d):00$")


def parsed(text: str) -> Any:
    """Return the value that a document stands for; raises ValueError where it is none."""
    return json.loads(text, parse_constant=_no_constant)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no value of JSON")


def written(value: Any) -> str:
    """Return a document: decimals with all their digits, floats as the fewest digits that give them back."""
    match value:
        case dict():
            return "{" + ",".join(f"{written(str(key))}:{written(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ",".join(map(written, value)) + "]"
        case Decimal():
            return format(value, "f")
        case float() if math.isfinite(value):
            return _float_text(value)
    return json.dumps(value, ensure_ascii=False)


def _float_text(value: float) -> str:
    if value and not _LEAST_PLAIN <= abs(value) < _LEAST_RAISED:
        digits, _, power = repr(value).partition("e")
        return f"{digits}e{int(power)}"
    text = format(Decimal(repr(value)), "f")
    return text if "." in text else f"{text}.0"


def on_texts(call: Call, args: list[Value], function: Callable[..., Any]) -> pa.Array:
    """Apply a function to each different row of texts; a malformed document raises."""

    def checked(*row: str) -> Any:
        try:
            return function(*row)
        except CastError:  # which says more
            raise
        except ValueError as error:
            shown = row[0] if len(row[0]) < 60 else row[0][:57] + "…"
            raise CastError(f"{shown!r} is not JSON: {error}, in {call.function}") from error

    return by_value(call, args, checked)


def _register(name: str, function: Callable[..., Any]) -> None:
    @scalar(name)
    def run(call: Call, args: list[Value]) -> pa.Array:
        return on_texts(call, args, function)

    run.__doc__ = f"{name}, document by document."


def _checked(text: str) -> str:
    parsed(text)
    return text


def _is_valid(text: str) -> bool:
    try:
        parsed(text)
    except ValueError:
        return False
    return True


def _type(text: str) -> str:
    return type_of(parsed(text))


def type_of(value: object) -> str:
    """Return what DuckDB calls a document that is such a value."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "BOOLEAN"
        case int() as number:
            return "UBIGINT" if number >= 0 else "BIGINT"
        case float():
            return "DOUBLE"
        case str():
            return "VARCHAR"
        case list():
            return "ARRAY"
    return "OBJECT"


def _length(text: str) -> int:
    value = parsed(text)
    return len(value) if isinstance(value, list) else 0


def _keys(text: str) -> list[str]:
    value = parsed(text)
    return list(value) if isinstance(value, dict) else []


def _contains(text: str, other: str) -> bool:
    return _holds(parsed(text), parsed(other))


def _holds(value: Any, wanted: Any) -> bool:
    """Return whether a document is another, or has it in it; an object is in one with its keys and values."""
    if type(value) is type(wanted) and value == wanted:
        return True
    if isinstance(value, list):
        if isinstance(wanted, list):
            return all(any(_holds(item, part) for item in value) for part in wanted)
        return any(_holds(item, wanted) for item in value)
    if isinstance(value, dict):
        if isinstance(wanted, dict):
            return all(key in value and _holds(value[key], part) for key, part in wanted.items())
        return any(_holds(item, wanted) for item in value.values())
    return False


def _merge_patch(text: str, patch: str) -> str:
    return written(_patched(parsed(text), parsed(patch)))


def _patched(value: Any, patch: Any) -> Any:
    """Return a value with a patch's values in it (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    if not isinstance(value, dict):
        return patch  # whose nulls DuckDB keeps here
    made = {key: item for key, item in value.items() if key not in patch}
    for key, item in patch.items():
        if item is not None:
            made[key] = _patched(value[key], item) if key in value else item
    return made


_register("json_checked", _checked)
_register("json_merge_patch", _merge_patch)
_register("json_valid", _is_valid)
_register("json_type", _type)
_register("json_array_length", _length)
_register("json_keys", _keys)
_register("json_contains", _contains)
_register("json_pretty", lambda text: json.dumps(parsed(text), ensure_ascii=False, indent=4))


@scalar("json_extract")
def json_extract(call: Call, args: list[Value]) -> pa.Array:
    """Part of a document at a path."""
    path, plain, only_scalar = call.option("path"), bool(call.option("plain")), bool(call.option("scalar"))

    def part(text: str) -> str | None:
        value = _at(parsed(text), path)
        if value is _MISSING or (only_scalar and isinstance(value, dict | list)):
            return None
        return _shown(value) if plain else written(value)

    return on_texts(call, args, part)


def _at(value: Any, path: Sequence[str | int]) -> Any:
    """Return the part at a path of keys and places; a negative place counts from the end."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step, _MISSING) if isinstance(value, dict) else _MISSING
        elif isinstance(value, list) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return _MISSING
    return value


@scalar("json_extract_all")
def json_extract_all(call: Call, args: list[Value]) -> pa.Array:
    """Parts of a document at a path with wildcards."""
    path, plain = call.option("path"), bool(call.option("plain"))

    def parts(text: str) -> list[str | None]:
        found = [parsed(text)]
        for step in path:
            if step == EVERY_ITEM:
                found = [part for value in found if isinstance(value, list) for part in value]
            elif step == EVERY_VALUE:
                found = [part for value in found if isinstance(value, dict) for part in value.values()]
            else:
                found = [part for value in found if (part := _at(value, [step])) is not _MISSING]
        return [_shown(value) if plain else written(value) for value in found]

    return on_texts(call, args, parts)


def _shown(value: Any) -> str | None:
    """Return a value as plain text: null as none."""
    return None if value is None else value if isinstance(value, str) else written(value)


def _structure(text: str) -> str:
    return written(_as_read(_types_of(parsed(text))))


def _types_of(value: Any) -> Any:
    """Return a value with the names of types in the place of plain values, and one type for all values of a list."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "BOOLEAN"
        case int() as number:
            if number < 0:
                return "BIGINT" if number >= -(2**63) else "DOUBLE"
            return "UBIGINT" if number < 2**64 else "DOUBLE"
        case float():
            return "DOUBLE"
        case str():
            return "VARCHAR"
        case list():
            return [reduce(_shared, map(_types_of, value), "NULL")]
    return {key: _types_of(item) for key, item in value.items()}


_NUMBERS = ("UBIGINT", "BIGINT", "HUGEINT", "DOUBLE")


def _shared(one: Any, other: Any) -> Any:
    """Return the type of values of two types; of objects that of an object with the keys of both."""
    if other in (one, "NULL"):
        return one
    if one == "NULL":
        return other
    if isinstance(one, dict) and isinstance(other, dict):
        return one | {key: _shared(one.get(key, "NULL"), item) for key, item in other.items()}
    if isinstance(one, list) and isinstance(other, list):
        return [_shared(one[0], other[0])]
    if one in _NUMBERS and other in _NUMBERS:
        return "DOUBLE" if "DOUBLE" in (one, other) else "HUGEINT"
    return "JSON"


def _as_read(types: Any) -> Any:
    """Return types with that of an object of which no key is known as JSON."""
    if isinstance(types, list):
        return [_as_read(types[0])]
    if isinstance(types, dict):
        return {key: _as_read(item) for key, item in types.items()} or "JSON"
    return types


_register("json_structure", _structure)


@scalar("to_json")
def to_json(call: Call, args: list[Value]) -> pa.Array:
    """Document of a value."""
    dtype = call.args[0].dtype
    values = (widened(args[0]) if is_small(args[0].type) else args[0]).to_pylist()
    return array_of([None if value is None else written(_plain(value, dtype)) for value in values], pa.string())


def _plain(value: Any, dtype: DataType) -> Any:
    """Return what stands for a value in JSON: maps are objects, moments and bytes texts."""
    if value is None:
        return None
    if dtype.kind is Kind.LIST:
        assert dtype.value is not None
        if dtype.is_map:
            held = dtype.value.fields[1][1]
            return {_key(pair["key"]): _plain(pair["value"], held) for pair in value}
        return [_plain(item, dtype.value) for item in value]
    if dtype.kind is Kind.STRUCT:
        return {name: _plain(value[name], field) for name, field in dtype.fields}
    if dtype.kind is Kind.INTERVAL:
        return interval_text(value.months, value.days, value.nanoseconds // 1_000)
    if isinstance(value, dt.datetime | dt.time):
        text = value.isoformat(" ") if isinstance(value, dt.datetime) else value.isoformat()
        return _WHOLE_HOURS.sub(r"\1", _FRACTION.sub(r"\1", text).replace(".+", "+").removesuffix("."))
    if isinstance(value, bytes):
        return "".join(chr(byte) if 31 < byte < 127 and byte != 92 else f"\\x{byte:02X}" for byte in value)
    return value if isinstance(value, bool | int | float | str | Decimal) else str(value)


def _key(value: Any) -> str:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


@scalar("to_uuid")
def to_uuid(call: Call, args: list[Value]) -> pa.Array:
    """UUID in the usual spelling."""

    def spelled(text: str) -> str:
        try:
            return str(uuid.UUID(text.strip()))
        except ValueError:
            raise CastError(f"{text!r} is not a UUID, in {call.function}") from None

    return on_texts(call, args, spelled)
