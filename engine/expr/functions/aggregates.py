"""Aggregates."""

from __future__ import annotations

from ... import dtypes
from .. import rules as r
from .entry import Aggregate, aggregate

AGGREGATES: tuple[Aggregate, ...] = (
    aggregate("size", r.count, "", "size", "number of rows", "count_rows"),
    aggregate("count", r.count, "count", "count", "number of values that are not null", "count"),
    aggregate("sum", r.total, "sum", "sum", "sum; exact or raises for integers and decimals", "sum"),
    aggregate("mean", r.average, "avg mean", "mean", "arithmetic mean as float64", "sum", "count"),
    aggregate("min", r.any_value, "min", "min", "least value", "min"),
    aggregate("max", r.any_value, "max", "max", "greatest value; NaN is greatest", "max"),
    aggregate("var", r.moments, "var_samp variance", "var", "sample variance", "count", "mean", "m2"),
    aggregate("std", r.moments, "stddev_samp stddev", "std", "sample standard deviation", "count", "mean", "m2"),
    aggregate("var_pop", r.moments, "var_pop", "", "population variance", "count", "mean", "m2"),
    aggregate("std_pop", r.moments, "stddev_pop", "", "population standard deviation", "count", "mean", "m2"),
    aggregate("any", r.logical, "bool_or", "any", "whether any is true", "max"),
    aggregate("all", r.logical, "bool_and", "all", "whether all are true", "min"),
    aggregate("first", r.any_value, "first any_value", "first", "first value met that is not null", "first"),
    aggregate("last", r.any_value, "last", "last", "last value met that is not null", "last"),
    aggregate("median", r.quantile, "median", "median", "middle value, linear between two", "collect"),
    aggregate(
        "quantile",
        r.quantile,
        "quantile_cont percentile_cont",
        "quantile",
        "value at a share of the sorted values, linear between two",
        "collect",
        options=("q",),
    ),
    aggregate(
        "quantile_disc",
        r.any_value,
        "quantile_disc percentile_disc quantile approx_quantile",
        "",
        "value that so large a share of the sorted values does not exceed",
        "collect",
        options=("q",),
    ),
    aggregate("mode", r.any_value, "mode", "mode", "most frequent value, the least of several", "collect"),
    aggregate(
        "string_agg",
        r.text_total,
        "string_agg listagg group_concat",
        "join",
        "texts joined, in no promised order",
        "collect",
        options=("separator",),
    ),
    aggregate(
        "histogram",
        r.histogram,
        "histogram",
        "",
        "map from the different values, in order, to how often they are there",
        "collect",
    ),
    aggregate("entropy", r.value_to(dtypes.float64), "entropy", "", "bits that a value tells on average", "collect"),
    *(
        aggregate(name, r.moments, name, "", summary, "collect")
        for name, summary in (
            ("skewness", "skewness of a sample; null below three values"),
            ("kurtosis", "excess kurtosis of a sample; null below four values"),
            ("kurtosis_pop", "excess kurtosis of a population; null below two values"),
            ("mad", "median of the distances from the median"),
        )
    ),
    aggregate("list", r.list_of, "list array_agg", "list", "values, also null, in no promised order", "collect_all"),
    aggregate("arg_min", r.value_by_key, "arg_min argmin min_by", "", "value where a key is least", "arg_min"),
    aggregate("arg_max", r.value_by_key, "arg_max argmax max_by", "", "value where a key is greatest", "arg_max"),
    aggregate(
        "approx_count_distinct",
        r.value_to(dtypes.int64),
        "approx_count_distinct",
        "approx_count_distinct",
        "number of distinct values, estimated from a sketch of fixed size; standard error 1.6 %",
        "sketch",
    ),
    aggregate("product", r.reals(1), "product", "prod", "product as float64", "product"),
    aggregate("bit_and", r.bits, "bit_and", "", "bits set in every value", "bit_and"),
    aggregate("bit_or", r.bits, "bit_or", "", "bits set in any value", "bit_or"),
    aggregate("bit_xor", r.bits, "bit_xor", "", "bits set in an odd number of values", "bit_xor"),
    aggregate("covar_samp", r.reals(2), "covar_samp", "cov", "sample covariance", "comoments"),
    aggregate("covar_pop", r.reals(2), "covar_pop", "", "population covariance", "comoments"),
    aggregate("corr", r.reals(2), "corr", "corr", "correlation; NaN where a value is constant", "comoments"),
    # a line through pairs of y and x, by least squares; pairs with a null are left out
    aggregate("regr_count", r.reals(2, dtypes.int64), "regr_count", "", "number of pairs of y and x", "comoments"),
    *(
        aggregate(f"regr_{name}", r.reals(2), f"regr_{name}", "", summary, "comoments")
        for name, summary in (
            ("slope", "slope of the line through pairs of y and x; NaN where x is constant"),
            ("intercept", "where the line through pairs of y and x meets x = 0; null where x is constant"),
            ("r2", "share of the variance of y that the line explains; 1 where y is constant"),
            ("avgx", "mean of x over the pairs of y and x"),
            ("avgy", "mean of y over the pairs of y and x"),
            ("sxx", "sum of squared deviations of x"),
            ("syy", "sum of squared deviations of y"),
            ("sxy", "sum of products of the deviations of y and x"),
        )
    ),
)
