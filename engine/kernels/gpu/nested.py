"""Functions of lists and structs."""

from __future__ import annotations

from .registry import on_cpu

on_cpu(
    "lists are computed on the CPU",
    *("list_value", "list_range", "list_element", "list_length", "list_contains", "list_join", "list_quantile"),
    *("list_mode", "list_concat", "list_slice", "list_sorted", "list_distinct", "list_reverse", "list_position"),
    *("list_flatten", "list_fold", "list_ordered", "list_intersect"),
)
on_cpu("structs are computed on the CPU", "struct_value", "pair")
on_cpu("the sketch is read on the CPU", "sketch_count")
on_cpu("structs are computed on the CPU", "struct_field")
