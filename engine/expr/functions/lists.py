"""Functions that make lists and structs of other values, lists and structs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import dtypes
from ...dtypes import MAX_DECIMAL_PRECISION, DataType, Kind, common_type
from ..rules import Rule, Types, a_list, common, list_contains, numbers_of
from .entry import Function, Nulls, function

STATISTICS = (
    "var_samp", "var_pop", "stddev_samp", "stddev_pop", "sem", "skewness", "kurtosis", "kurtosis_pop", "mad", "entropy",
)  # fmt: skip
_BITS = ("bit_and", "bit_or", "bit_xor")
FOLDS = ("sum", "mean", "product", "count", "all", "any", *_BITS, *STATISTICS)
"""What `list_fold` can make of the values of a list that are not null."""


def _any_values(types: Types) -> tuple[Types, DataType] | None:
    return types, dtypes.null


def _struct_type(types: Types, options: Mapping[str, Any]) -> DataType | None:
    names = options["names"]
    return dtypes.struct(zip(names, types, strict=True)) if len(names) == len(types) else None


def _lists(types: Types) -> tuple[Types, DataType] | None:
    shared = common(types)
    return None if shared is None or shared[1].kind not in (Kind.LIST, Kind.NULL) else shared


def _slice(types: Types) -> tuple[Types, DataType] | None:
    if len(types) != 3 or types[0].kind is not Kind.LIST or not all(t.is_integer for t in types[1:]):
        return None
    return (types[0], dtypes.int64, dtypes.int64), types[0]


def _position(types: Types) -> tuple[Types, DataType] | None:
    found = list_contains(types)
    return None if found is None else (found[0], dtypes.int64)


def _list_of_lists(types: Types) -> tuple[Types, DataType] | None:
    value = types[0].value if len(types) == 1 else None
    return None if value is None or value.kind is not Kind.LIST else (types, value)


def _list_of_structs(types: Types) -> tuple[Types, DataType] | None:
    value = types[0].value if len(types) == 1 else None
    return None if value is None or value.kind is not Kind.STRUCT else (types, types[0])


def _last_field(types: Types, options: Mapping[str, Any]) -> DataType | None:
    value = types[0].value
    assert value is not None
    *keys, (_, last) = value.fields
    return dtypes.list_(last) if len(options["orders"]) == len(keys) else None


def _fold_type(types: Types, options: Mapping[str, Any]) -> DataType | None:
    value, name = types[0].value, options["fold"]
    assert value is not None
    if name == "count":
        return dtypes.int64
    if name in ("any", "all"):
        return dtypes.bool_ if value.kind in (Kind.BOOL, Kind.NULL) else None
    if name in _BITS:
        return value if value.is_integer else None
    if name == "entropy":
        return dtypes.float64
    if not value.is_numeric and value.kind is not Kind.NULL:
        return None
    if name == "sum" and value.is_decimal:
        return dtypes.decimal(MAX_DECIMAL_PRECISION, value.scale)
    return dtypes.int64 if name == "sum" and value.is_integer else dtypes.float64


def _histogram(types: Types) -> tuple[Types, DataType] | None:
    value = types[0].value if len(types) == 1 else None
    return None if value is None else (types, numbers_of(value))


def _same_lists(types: Types) -> tuple[Types, DataType] | None:
    shared = None if len(types) != 2 else common_type(*types)
    return None if shared is None or shared.value is None else ((shared, shared), shared)


_ANY: Rule = _any_values

LISTS: tuple[Function, ...] = (
    function(
        "struct_value",
        _ANY,
        "struct_pack row",
        "",
        "struct of the arguments",
        nulls=Nulls.HANDLED,
        options=("names",),
        typed=_struct_type,
    ),
    function(
        "list_concat",
        _lists,
        "list_concat list_cat array_concat array_cat",
        "",
        "values of several lists, null ones left out",
        nulls=Nulls.HANDLED,
    ),
    function(
        "list_slice", _slice, "list_slice array_slice", "", "values from one 1-based place to another, or from the end"
    ),
    function(
        "list_sorted",
        a_list,
        "list_sort list_reverse_sort array_sort array_reverse_sort",
        "",
        "values in order; NaN is greatest",
        options=("descending", "nulls_first"),
    ),
    function("list_distinct", a_list, "list_distinct array_distinct", "", "different values that are not null"),
    function("list_reverse", a_list, "list_reverse array_reverse", "", "values from the last to the first"),
    function(
        "list_position",
        _position,
        "list_position list_indexof array_position array_indexof",
        "",
        "1-based place of the first value that is equal, null where there is none",
    ),
    function("list_flatten", _list_of_lists, "flatten", "", "values of the lists of a list, null ones left out"),
    function(
        "list_fold",
        a_list,
        "list_aggregate list_aggr array_aggregate",
        "",
        f"{', '.join(FOLDS[:-1])} or {FOLDS[-1]} of the values that are not null",
        options=("fold",),
        typed=_fold_type,
    ),
    function(
        "list_histogram",
        _histogram,
        "list_histogram",
        "",
        "map from the different values, in order, to how often they are there; null without values",
    ),
    function(
        "list_ordered",
        _list_of_structs,
        "",
        "",
        "last fields of structs in the order of the fields before",
        options=("orders",),
        typed=_last_field,
    ),
    function(
        "list_intersect", _same_lists, "list_intersect array_intersect", "", "different values that both lists have"
    ),
)
