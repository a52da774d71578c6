"""Functions of lists and structs."""

from __future__ import annotations

from ....expr import Call
from ..columns import Value, cast, full, nulls
from ..library import plc
from ..memory import run
from ..types import INT64
from .registry import constant_within, literal, on_cpu, scalar

_LONGEST = 2**31 - 1

on_cpu(
    "lists are computed on the CPU",
    *("list_value", "list_range", "list_contains", "list_join", "list_quantile"),
    *("list_mode", "list_concat", "list_slice", "list_sorted", "list_distinct", "list_reverse", "list_position"),
    *("list_flatten", "list_fold", "list_ordered", "list_intersect", "list_histogram"),
)
on_cpu("structs are computed on the CPU", "struct_value", "struct_field", "pair")
on_cpu("the sketch is read on the CPU", "sketch_count")


@scalar("list_length")
def list_length(_: Call, args: list[Value], rows: int) -> plc.Column:
    """Return the number of values, nulls included."""
    return cast(run(plc.lists.count_elements, full(args, rows)[0]), INT64)


@scalar("list_element", refuses=constant_within(1, _LONGEST))
def list_element(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Return the value at a 1-based position, from the end where it is negative; null where there is none."""
    place = literal(call, 1)
    if not place:
        return nulls(call.dtype, rows)
    index = place - 1 if place > 0 else place
    return run(plc.lists.extract_list_element, full(args[:1], rows)[0], index)
