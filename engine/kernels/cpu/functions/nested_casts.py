"""Casts of lists and structs: value by value of what they hold, and to and from text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ....arrow import to_arrow_type
from ....dtypes import DataType, Kind
from ....errors import UnsupportedOperation
from ...constants import scalar_of
from ..buffers import is_small
from .casts import convert
from .decimals import widened
from .nested import outer
from .nested_text import parsed

_SPECIAL = r"""[,'"\[\]{}()\\:=]|^\s|\s$|^$|^(?i:null)$"""


def cast_nested(value: pa.Array, source: DataType, target: DataType) -> pa.Array:
    """Return a list, a struct or the text of one as another type; null where a value in it does not fit."""
    if target.is_text:
        return nested_text(value, source)
    if source.is_text:
        return _from_text(value, target)
    if source.kind is target.kind is Kind.LIST:
        assert source.value is not None
        assert target.value is not None
        return _lists(value, source.value, target.value)
    if source.kind is target.kind is Kind.STRUCT:
        return _structs(value, source, target)
    raise UnsupportedOperation(f"the cpu device cannot cast {source} to {target}")


def _inside(values: pa.Array, source: DataType, target: DataType) -> tuple[pa.Array, pa.Array | None]:
    """Convert values in a list or struct; with them, which could not be converted, if any."""
    if source == target:
        return values, None
    if source.kind is Kind.NULL:
        return pa.nulls(len(values), to_arrow_type(target)), None
    made = convert(outer(values, source), source, target)
    made = widened(made) if is_small(made.type) else made
    lost = pc.and_(pc.is_null(made), pc.is_valid(values)) if made.null_count > values.null_count else None
    return made, lost


def _lists(value: pa.Array, source: DataType, target: DataType) -> pa.Array:
    values, lost = _inside(value.values, source, target)
    offsets = value.offsets
    made = pa.ListArray.from_arrays(offsets, values, mask=pc.is_null(value) if value.null_count else None)
    if lost is None:
        return made
    bad = np.concatenate([[0], np.cumsum(lost.to_numpy(zero_copy_only=False))])
    edges = offsets.to_numpy()
    return pc.if_else(pa.array(bad[edges[1:]] == bad[edges[:-1]]), made, scalar_of(None, made.type))


def _structs(value: pa.Array, source: DataType, target: DataType) -> pa.Array:
    names = [name.lower() for name, _ in source.fields]
    wanted = [name.lower() for name, _ in target.fields]
    by_name = sorted(names) == sorted(wanted)
    fields, bad = [], None
    for place, (_, dtype) in enumerate(target.fields):
        at = names.index(wanted[place]) if by_name else place
        made, lost = _inside(value.field(at), source.fields[at][1], dtype)
        fields.append(made)
        bad = lost if bad is None else bad if lost is None else pc.or_(bad, lost)
    missing = pc.is_null(value) if bad is None else pc.or_(pc.is_null(value), bad)
    return pa.StructArray.from_arrays(fields, fields=list(to_arrow_type(target)), mask=missing)


# --- to text


def nested_text(value: pa.Array, dtype: DataType) -> pa.Array:
    """Return ``[1, 2]``, ``{'a': 1}``, ``(1, 2)`` of a struct whose fields are numbered, ``{k=v}`` of a map."""
    rows = len(value)
    if dtype.kind is Kind.LIST:
        assert dtype.value is not None
        if dtype.is_map:
            key, item = (_shown(value.values.field(n), dtype.value.fields[n][1]) for n in (0, 1))
            texts = _joined(key, "=", item)
        else:
            texts = _shown(value.values, dtype.value)
        joined = pc.binary_join(pa.ListArray.from_arrays(value.offsets, texts), scalar_of(", ", pa.string()))
        made = _joined("{" if dtype.is_map else "[", joined, "}" if dtype.is_map else "]")
    else:
        numbered = [name for name, _ in dtype.fields] == [f"element{n}" for n in range(1, len(dtype.fields) + 1)]
        parts: list[Any] = ["(" if numbered else "{"]
        for place, (name, field) in enumerate(dtype.fields):
            quoted = name.replace("\\", "\\\\").replace("'", "\\'")
            parts.append((", " if place else "") + ("" if numbered else f"'{quoted}': "))
            parts.append(_shown(value.field(place), field))
        made = (
            _joined(*parts, ")" if numbered else "}") if dtype.fields else pa.repeat(scalar_of("{}", pa.string()), rows)
        )
    return pc.if_else(value.is_valid(), made, scalar_of(None, pa.string())) if value.null_count else made


def _joined(*parts: pa.Array | str) -> pa.Array:
    pieces = [scalar_of(part, pa.string()) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*pieces, scalar_of("", pa.string()))


def _shown(values: pa.Array, dtype: DataType) -> pa.Array:
    """Return values as they are shown inside another, in quotes where they need them; NULL for null."""
    if dtype.kind is Kind.NULL:
        return pa.repeat(scalar_of("NULL", pa.string()), len(values))
    if dtype.is_nested:
        texts = nested_text(values, dtype)
    else:
        texts = values if dtype.is_text else convert(outer(values, dtype), dtype, DataType(Kind.STRING))
        special = pc.fill_null(pc.match_substring_regex(texts, _SPECIAL), scalar_of(False, pa.bool_()))  # noqa: FBT003
        if pc.any(special).as_py():
            escaped = pc.replace_substring_regex(texts, pattern=r"(['\\])", replacement=r"\\\1")
            texts = pc.if_else(special, _joined("'", escaped, "'"), texts)
    return pc.coalesce(texts, scalar_of("NULL", pa.string())) if texts.null_count else texts


# --- from text


def _from_text(value: pa.Array, target: DataType) -> pa.Array:
    """Read each distinct text with Python, down to texts, and cast those."""
    encoded = value.dictionary_encode()
    texts = [None if text is None else parsed(text, target) for text in encoded.dictionary.to_pylist()]
    plain = _as_text(target)
    made = convert(pa.array(texts, to_arrow_type(plain)), plain, target) if plain != target else None
    result = pa.array(texts, to_arrow_type(target)) if made is None else made
    return result.take(encoded.indices)


def _as_text(dtype: DataType) -> DataType:
    """Return a nested type with text in the place of every plain type."""
    if dtype.kind is Kind.LIST:
        assert dtype.value is not None
        return DataType(Kind.LIST, value=_as_text(dtype.value))
    if dtype.kind is Kind.STRUCT:
        return DataType(Kind.STRUCT, fields=tuple((name, _as_text(field)) for name, field in dtype.fields))
    return DataType(Kind.STRING)
