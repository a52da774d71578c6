"""Functions of JSON documents, which are texts."""

from __future__ import annotations

from ... import dtypes
from ...dtypes import DataType
from ..rules import Rule, Types, text_to
from .entry import Function, function

_TEXT = dtypes.string

EVERY_ITEM, EVERY_VALUE = ("[*]",), (".*",)
"""Steps of a path to all values of a list, and of an object: tuples, as neither places nor keys are."""

EACH = dtypes.struct(
    {
        "key": _TEXT,
        "value": _TEXT,
        "type": _TEXT,
        "atom": _TEXT,
        "id": dtypes.uint64,
        "parent": dtypes.uint64,
        "fullkey": _TEXT,
        "path": _TEXT,
    }.items()
)
"""What is said of each part of a document that is taken apart, as SQLite does."""


def _one(types: Types) -> tuple[Types, DataType] | None:
    return (types, _TEXT) if len(types) == 1 else None


def _document(result: DataType) -> Rule:
    return text_to(result)


DOCUMENTS: tuple[Function, ...] = (
    function("json_checked", _document(_TEXT), "json", "", "the document itself; raises where it is none", raises=True),
    function("json_valid", _document(dtypes.bool_), "json_valid", "", "whether it is a document"),
    function(
        "json_extract",
        _document(_TEXT),
        "json_extract json_extract_string json_extract_path json_extract_path_text json_value",
        "",
        "part of a document at a path, as a document or as plain text; null where there is none",
        options=("path", "plain", "scalar"),
        raises=True,
    ),
    function(
        "json_extract_all",
        _document(dtypes.list_(_TEXT)),
        "",
        "",
        "list of the parts of a document at a path with wildcards, as documents or as plain texts",
        options=("path", "plain"),
        raises=True,
    ),
    function(
        "json_each",
        _document(dtypes.list_(EACH)),
        "",
        "",
        "what stands in a document at a path, or in all that stands there: keys, values, types and places",
        options=("path", "deep"),
        raises=True,
    ),
    function(
        "json_structure",
        _document(_TEXT),
        "json_structure",
        "",
        "types of a document's values, in its shape",
        raises=True,
    ),
    function("json_type", _document(_TEXT), "json_type", "", "what a document is, such as OBJECT", raises=True),
    function(
        "json_array_length",
        _document(dtypes.uint64),
        "json_array_length",
        "",
        "number of values; 0 of others",
        raises=True,
    ),
    function("json_keys", _document(dtypes.list_(_TEXT)), "json_keys", "", "keys of an object", raises=True),
    function(
        "json_contains", text_to(dtypes.bool_, _TEXT), "json_contains", "", "whether one is in another", raises=True
    ),
    function(
        "json_merge_patch",
        text_to(_TEXT, _TEXT),
        "json_merge_patch",
        "",
        "document with the values of a patch (RFC 7396): what is null there is left out",
        raises=True,
    ),
    function("json_pretty", _document(_TEXT), "json_pretty", "", "document over several lines", raises=True),
    function("to_json", _one, "to_json json_quote row_to_json array_to_json", "", "document of a value"),
    function("to_uuid", _document(_TEXT), "", "", "UUID as it is written; raises where it is none", raises=True),
)
