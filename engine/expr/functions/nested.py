"""Functions of lists and structs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import dtypes
from ...dtypes import DataType, Kind
from ...errors import PlanError, suggestion
from .. import rules as r
from ..rules import Types
from .entry import Function, Nulls, function


def _field_type(types: Types, options: Mapping[str, Any]) -> DataType | None:
    fields = dict(types[0].fields)
    name = options["name"]
    if name not in fields:
        raise PlanError(f"the struct has no field {name!r}{suggestion(str(name), fields)}")
    return fields[name]


def _quantile_type(types: Types, options: Mapping[str, Any]) -> DataType | None:
    value = types[0].value
    assert value is not None
    if options["discrete"]:
        return None if value.is_nested else value
    if value.is_numeric or value.kind is Kind.NULL:
        return dtypes.float64
    return value if value.kind is Kind.TIMESTAMP else dtypes.timestamp("us") if value.kind is Kind.DATE else None


NESTED: tuple[Function, ...] = (
    function("list_value", r.list_value, "list_value list_pack", "", "list of the arguments", nulls=Nulls.HANDLED),
    function(
        "list_range",
        r.list_range,
        "range generate_series",
        "",
        "whole numbers from a start in steps up to a stop, which generate_series includes and range does not",
        options=("inclusive",),
        raises=True,
    ),
    function(
        "list_element",
        r.list_element,
        "list_element list_extract array_extract",
        "a.list.get(i)",
        "value at a 1-based position, from the end where it is negative; null where there is none",
    ),
    function("list_length", r.list_to_int64, "array_length array_size", "a.list.len()", "number of values, also null"),
    function(
        "list_contains",
        r.list_contains,
        "list_contains list_has array_contains array_has",
        "a.list.contains(x)",
        "whether a value is in the list",
    ),
    function(
        "list_join",
        r.list_of_text,
        "array_to_string list_to_string",
        "a.list.join(sep)",
        "texts of a list joined, nulls left out; null where there is none",
        options=("separator",),
    ),
    function(
        "list_quantile",
        r.a_list,
        "",
        "a.list.quantile(q)",
        "value at a share of the sorted list, between its neighbours linearly unless discrete; nulls are ignored",
        options=("q", "discrete"),
        typed=_quantile_type,
    ),
    function("list_mode", r.list_to_value, "", "a.list.mode()", "most frequent value, the least of several"),
    function(
        "struct_field",
        r.a_struct,
        "struct_extract",
        "a.struct.field(name)",
        "value of a field",
        options=("name",),
        typed=_field_type,
    ),
    function("sketch_count", r.sketch_to_int64, "", "", "number of distinct values that a sketch has met"),
    function("pair", r.pair, "", "", "struct of two values, first and second; null where one is null"),
)
