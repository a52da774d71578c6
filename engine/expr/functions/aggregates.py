"""Aggregates."""

from __future__ import annotations

from .. import rules as r
from .entry import Aggregate, aggregate

AGGREGATES: tuple[Aggregate, ...] = (
    aggregate("size", r.count, "", "size", "number of rows", "count_rows"),
    aggregate("count", r.count, "count", "count", "number of values that are not null", "count"),
    aggregate("sum", r.total, "sum", "sum", "sum; exact or raises for integers and decimals", "sum"),
    aggregate("mean", r.average, "avg mean", "mean", "arithmetic mean as float64", "sum", "count"),
    aggregate("min", r.extreme, "min", "min", "least value", "min"),
    aggregate("max", r.extreme, "max", "max", "greatest value; NaN is greatest", "max"),
    aggregate("var", r.moments, "var_samp variance", "var", "sample variance", "count", "mean", "m2"),
    aggregate("std", r.moments, "stddev_samp stddev", "std", "sample standard deviation", "count", "mean", "m2"),
    aggregate("var_pop", r.moments, "var_pop", "", "population variance", "count", "mean", "m2"),
    aggregate("std_pop", r.moments, "stddev_pop", "", "population standard deviation", "count", "mean", "m2"),
    aggregate("any", r.logical, "bool_or", "any", "whether any is true", "max"),
    aggregate("all", r.logical, "bool_and", "all", "whether all are true", "min"),
    aggregate("first", r.any_value, "first any_value", "first", "first value met that is not null", "first"),
)
