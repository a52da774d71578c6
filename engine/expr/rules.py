"""Type rules shared by catalogue entries: from argument types to the types a kernel receives and returns.

A rule takes the argument types and returns ``(parameter types, result type)``; arguments are cast to the parameter
types. A rule returns None where the types are not accepted. Decimal results follow DuckDB: addition keeps every digit
plus one, multiplication adds digits and scales, and a result that starts from operands of at most 18 digits is held in
18 digits with an overflow check.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from .. import dtypes
from ..dtypes import INT64_DIGITS, MAX_DECIMAL_PRECISION, DataType, Kind, as_decimal, common_type

Types: TypeAlias = tuple[DataType, ...]
Rule: TypeAlias = Callable[[Types], tuple[Types, DataType] | None]


def _capped(precision: int, widest: int, scale: int) -> DataType | None:
    """Return a decimal of ``precision`` digits held to 18 or 38 digits, or None if the scale alone does not fit."""
    limit = INT64_DIGITS if widest <= INT64_DIGITS and scale < INT64_DIGITS else MAX_DECIMAL_PRECISION
    return dtypes.decimal(min(precision, limit), scale) if scale <= limit else None


def additive(types: Types) -> tuple[Types, DataType] | None:
    """``+`` and ``-`` of numbers."""
    common = _numeric_pair(types)
    if common is None or not common.is_decimal:
        return None if common is None else ((common, common), common)
    left, right = (as_decimal(common if t.kind is Kind.NULL else t) for t in types)
    scale = max(left.scale, right.scale)
    precision = max(left.precision - left.scale, right.precision - right.scale) + scale + 1
    result = _capped(precision, max(left.precision, right.precision), scale)
    return None if result is None else ((left, right), result)


def multiplicative(types: Types) -> tuple[Types, DataType] | None:
    """``*`` of numbers."""
    common = _numeric_pair(types)
    if common is None or not common.is_decimal:
        return None if common is None else ((common, common), common)
    left, right = (as_decimal(common if t.kind is Kind.NULL else t) for t in types)
    scale = left.scale + right.scale
    result = _capped(left.precision + right.precision, max(left.precision, right.precision), scale)
    return None if result is None else ((left, right), result)


def real_division(types: Types) -> tuple[Types, DataType] | None:
    """``/``: always float64, also of integers and decimals."""
    if _numeric_pair(types) is None:
        return None
    return (dtypes.float64, dtypes.float64), dtypes.float64


def whole_division(types: Types) -> tuple[Types, DataType] | None:
    """``//``: of the common type; of decimals as float64."""
    common = _numeric_pair(types)
    if common is None:
        return None
    common = dtypes.float64 if common.is_decimal else common
    return (common, common), common


def division_rest(types: Types) -> tuple[Types, DataType] | None:
    """``%``: of the common type, also of decimals."""
    common = _numeric_pair(types)
    return None if common is None else ((common, common), common)


def _numeric_pair(types: Types) -> DataType | None:
    if len(types) != 2 or not all(t.is_numeric or t.kind is Kind.NULL for t in types):
        return None
    common = common_type(*types)
    return dtypes.int64 if common is not None and common.kind is Kind.NULL else common


def comparison(types: Types) -> tuple[Types, DataType] | None:
    """Two values of one common type, to bool."""
    if len(types) != 2:
        return None
    common = common_type(*types)
    if common is None:
        return None
    if common.kind is Kind.NULL:  # no value of any type is there: devices need not compare nothing with nothing
        common = dtypes.bool_
    return (common, common), dtypes.bool_


def logical(types: Types) -> tuple[Types, DataType] | None:
    """Booleans (or nulls) to bool."""
    if not all(t.kind in (Kind.BOOL, Kind.NULL) for t in types):
        return None
    return (dtypes.bool_,) * len(types), dtypes.bool_


def predicate(types: Types) -> tuple[Types, DataType] | None:
    """One value of any type, to bool."""
    return (types, dtypes.bool_) if len(types) == 1 else None


def float_predicate(types: Types) -> tuple[Types, DataType] | None:
    """One number, to bool; computed as a float."""
    if len(types) != 1 or not types[0].is_numeric:
        return None
    return ((types[0] if types[0].is_float else dtypes.float64,), dtypes.bool_)


def same_number(types: Types) -> tuple[Types, DataType] | None:
    """One number to a number of its own type."""
    return (types, types[0]) if len(types) == 1 and types[0].is_numeric else None


def reals(arity: int, result: DataType = dtypes.float64) -> Rule:
    """Return a rule from so many numbers to float64 or another type, each argument as float64."""

    def rule(types: Types) -> tuple[Types, DataType] | None:
        if len(types) != arity or not all(t.is_numeric or t.kind is Kind.NULL for t in types):
            return None
        return (dtypes.float64,) * arity, result

    return rule


def integer(types: Types) -> tuple[Types, DataType] | None:
    """One integer to its own type."""
    return (types, types[0]) if len(types) == 1 and types[0].is_integer else None


def bits(types: Types) -> tuple[Types, DataType] | None:
    """One integer, or null, to its own type."""
    return ((dtypes.int64,), dtypes.int64) if [t.kind for t in types] == [Kind.NULL] else integer(types)


def integer_to_int64(types: Types) -> tuple[Types, DataType] | None:
    """One integer to int64."""
    return (types, dtypes.int64) if len(types) == 1 and types[0].is_integer else None


def integer_to_text(types: Types) -> tuple[Types, DataType] | None:
    """One integer to text."""
    return ((dtypes.int64,), dtypes.string) if len(types) == 1 and types[0].is_integer else None


def plain_values(types: Types) -> tuple[Types, DataType] | None:
    """One or more values to uint64."""
    return (types, dtypes.uint64) if types else None


def integers(types: Types) -> tuple[Types, DataType] | None:
    """Two integers to their common integer type."""
    if len(types) != 2 or not all(t.is_integer or t.kind is Kind.NULL for t in types):
        return None
    shared = common_type(*types)
    if shared is None or not shared.is_integer:
        return None
    return (shared, shared), shared


def long_integers(types: Types) -> tuple[Types, DataType] | None:
    """Two integers to int64; uint64 does not fit."""
    shared = integers(types)
    if shared is None or shared[1].kind is Kind.UINT64:
        return None
    return (dtypes.int64, dtypes.int64), dtypes.int64


def whole_number(types: Types) -> tuple[Types, DataType] | None:
    """One number to a whole number; a decimal gains a digit, because 99.9 goes up to 100."""
    if len(types) != 1 or not types[0].is_numeric:
        return None
    widened = _with_digit(types[0])
    return (widened,), widened


def _with_digit(dtype: DataType) -> DataType:
    return dtypes.decimal(min(MAX_DECIMAL_PRECISION, dtype.precision + 1), dtype.scale) if dtype.is_decimal else dtype


def rounding(types: Types) -> tuple[Types, DataType] | None:
    """One number, with an optional integer count of digits, to a number of its type; a decimal gains a digit."""
    if not 1 <= len(types) <= 2 or not types[0].is_numeric:
        return None
    if len(types) == 2 and not types[1].is_integer:
        return None
    number = _with_digit(types[0])
    return (number, *(dtypes.int64 for _ in types[1:])), number


def common(types: Types) -> tuple[Types, DataType] | None:
    """Any number of values of one common type, to that type."""
    if not types:
        return None
    result: DataType | None = types[0]
    for other in types[1:]:
        result = None if result is None else common_type(result, other)
    return None if result is None else ((result,) * len(types), result)


def text_to(result: DataType, *extra: DataType, optional: int = 0) -> Rule:
    """Return a rule for text followed by ``extra`` parameters, the last ``optional`` of which may be absent."""
    parameters = (dtypes.string, *extra)

    def rule(types: Types) -> tuple[Types, DataType] | None:
        if not len(parameters) - optional <= len(types) <= len(parameters):
            return None
        wanted = parameters[: len(types)]
        for have, want in zip(types, wanted, strict=True):
            if have.kind is not Kind.NULL and have != want and not (have.is_integer and want.is_integer):
                return None
        return wanted, result

    return rule


def all_text(types: Types) -> tuple[Types, DataType] | None:
    """One or more texts to text."""
    if not types or not all(t.kind in (Kind.STRING, Kind.NULL) for t in types):
        return None
    return (dtypes.string,) * len(types), dtypes.string


def temporal_to(result: DataType | None, *, clock: bool = False) -> Rule:
    """Return a rule from one date or timestamp to ``result`` (None: its own type); ``clock`` widens dates."""

    def rule(types: Types) -> tuple[Types, DataType] | None:
        if len(types) != 1 or not types[0].is_temporal:
            return None
        have = dtypes.timestamp("us") if clock and types[0].kind is Kind.DATE else types[0]
        return (have,), result or have

    return rule


def moment_and_counts(types: Types) -> tuple[Types, DataType] | None:
    """Take a date or timestamp and numbers of months, days and microseconds, to the moment's type."""
    counts = types[1:]
    if len(types) != 4 or not types[0].is_temporal or not all(t.is_integer or t.kind is Kind.NULL for t in counts):
        return None
    return (types[0], *(dtypes.int64,) * 3), types[0]


def moment_or_length(types: Types) -> tuple[Types, DataType] | None:
    """One date, timestamp or duration, to float64."""
    if len(types) != 1 or not (types[0].is_temporal or types[0].kind is Kind.DURATION):
        return None
    return types, dtypes.float64


def two_moments(types: Types) -> tuple[Types, DataType] | None:
    """Two dates or timestamps to int64."""
    if len(types) != 2 or not all(t.is_temporal for t in types):
        return None
    shared = common_type(*types)
    return None if shared is None else ((shared, shared), dtypes.int64)


def all_as(parameter: DataType, arity: int, result: DataType) -> Rule:
    """Return a rule from so many numbers, each as ``parameter``, to ``result``; integers take no fractions."""

    def rule(types: Types) -> tuple[Types, DataType] | None:
        fits = all(t.is_integer or t.kind is Kind.NULL or (parameter.is_float and t.is_numeric) for t in types)
        return ((parameter,) * arity, result) if len(types) == arity and fits else None

    return rule


def clock_parts(types: Types) -> tuple[Types, DataType] | None:
    """Year, month, day, hour and minute as integers and seconds as a number, to a timestamp."""
    if len(types) != 6 or all_as(dtypes.int64, 5, dtypes.date)(types[:5]) is None or reals(1)(types[5:]) is None:
        return None
    return (*(dtypes.int64,) * 5, dtypes.float64), dtypes.timestamp("us")


def temporal_difference(types: Types) -> tuple[Types, DataType] | None:
    """Two dates to int64 days, or two timestamps to a duration in microseconds."""
    if len(types) != 2 or not all(t.is_temporal for t in types):
        return None
    shared = common_type(*types)
    if shared is None:
        return None
    if shared.kind is Kind.DATE:
        return (shared, shared), dtypes.int64
    return (shared, shared), dtypes.duration("us")


# Lists and structs.


def a_list(types: Types) -> tuple[Types, DataType] | None:
    """One list, to its own type."""
    return (types, types[0]) if len(types) == 1 and types[0].kind is Kind.LIST else None


def list_value(types: Types) -> tuple[Types, DataType] | None:
    """One or more values of a common type, to a list of it."""
    shared = common(types)
    return None if shared is None else (shared[0], dtypes.list_(shared[1]))


def list_range(types: Types) -> tuple[Types, DataType] | None:
    """Take three integers, to a list of int64."""
    fits = len(types) == 3 and all((t.is_integer and t.kind is not Kind.UINT64) or t.kind is Kind.NULL for t in types)
    return ((dtypes.int64,) * 3, dtypes.list_(dtypes.int64)) if fits else None


def list_to_value(types: Types) -> tuple[Types, DataType] | None:
    """One list, to the type of its values."""
    value = types[0].value if len(types) == 1 else None
    return None if value is None else (types, value)


def list_to_int64(types: Types) -> tuple[Types, DataType] | None:
    """One list, to int64."""
    return None if a_list(types) is None else (types, dtypes.int64)


def sketch_to_int64(types: Types) -> tuple[Types, DataType] | None:
    """One sketch of distinct values (a list of uint32), to int64."""
    return (types, dtypes.int64) if types == (dtypes.list_(dtypes.uint32),) else None


def list_of_text(types: Types) -> tuple[Types, DataType] | None:
    """One list of texts, to text."""
    return (types, dtypes.string) if len(types) == 1 and types[0] == dtypes.list_(dtypes.string) else None


def list_element(types: Types) -> tuple[Types, DataType] | None:
    """Take a list and an integer, to the type of its values."""
    if len(types) != 2 or types[0].value is None or not types[1].is_integer:
        return None
    return (types[0], dtypes.int64), types[0].value


def list_contains(types: Types) -> tuple[Types, DataType] | None:
    """Take a list and a value of its type, to bool."""
    if len(types) != 2 or types[0].value is None:
        return None
    shared = common_type(types[0].value, types[1])
    if shared is None:
        return None
    return (dtypes.list_(shared), shared), dtypes.bool_


def a_struct(types: Types) -> tuple[Types, DataType] | None:
    """One struct, to its own type."""
    return (types, types[0]) if len(types) == 1 and types[0].kind is Kind.STRUCT else None


def pair(types: Types) -> tuple[Types, DataType] | None:
    """Two values of any types, to a struct of both."""
    if len(types) != 2:
        return None
    return types, dtypes.struct([("first", types[0]), ("second", types[1])])


def value_of_rows(types: Types) -> tuple[Types, DataType] | None:
    """Take a value of any type and a number of rows, to the value's type."""
    return ((types[0], dtypes.int64), types[0]) if len(types) == 2 and types[1].is_integer else None


# Aggregates: the same shape of rule, from argument types to (parameter types, result type).


def count(types: Types) -> tuple[Types, DataType] | None:
    """Nothing (count rows) or one value of any type, to int64."""
    return (types, dtypes.int64) if len(types) <= 1 else None


def value_to(result: DataType) -> Rule:
    """Return a rule from one value of any type to a type."""
    return lambda types: (types, result) if len(types) == 1 else None


def total(types: Types) -> tuple[Types, DataType] | None:
    """Sum: integers and booleans to int64, floats to float64, ``decimal(p,s)`` to ``decimal(38,s)``."""
    if len(types) != 1:
        return None
    have = types[0]
    if have.is_decimal:
        return (have,), dtypes.decimal(MAX_DECIMAL_PRECISION, have.scale)
    if have.is_float:
        return (dtypes.float64,), dtypes.float64
    if have.is_integer or have.kind in (Kind.BOOL, Kind.NULL):
        return (dtypes.int64,), dtypes.int64
    return None


def average(types: Types) -> tuple[Types, DataType] | None:
    """Mean: one number (or boolean) to float64; decimals are summed exactly, others as float64."""
    if len(types) == 1 and types[0].is_decimal:
        return types, dtypes.float64
    return moments(types)


def moments(types: Types) -> tuple[Types, DataType] | None:
    """Variance and deviation: one number (or boolean) as float64, to float64."""
    if len(types) != 1 or not (types[0].is_numeric or types[0].kind in (Kind.BOOL, Kind.NULL)):
        return None
    return (dtypes.float64,), dtypes.float64


def any_value(types: Types) -> tuple[Types, DataType] | None:
    """One value of any type, to that type."""
    return (types, types[0]) if len(types) == 1 else None


def quantile(types: Types) -> tuple[Types, DataType] | None:
    """Numbers to float64, dates and timestamps to a timestamp."""
    if len(types) != 1:
        return None
    have = types[0]
    if have.is_numeric or have.kind is Kind.NULL:
        return types, dtypes.float64
    return (types, have if have.kind is Kind.TIMESTAMP else dtypes.timestamp("us")) if have.is_temporal else None


def text_total(types: Types) -> tuple[Types, DataType] | None:
    """One text to text; other plain values are written as text."""
    return ((dtypes.string,), dtypes.string) if len(types) == 1 and not types[0].is_nested else None


def histogram(types: Types) -> tuple[Types, DataType] | None:
    """One value of any type, to a map from values to numbers."""
    return (types, numbers_of(types[0])) if len(types) == 1 else None


def numbers_of(value: DataType) -> DataType:
    """Return the type of a map from values of a type to how often they are there."""
    return dtypes.map_(value, dtypes.uint64)


def list_of(types: Types) -> tuple[Types, DataType] | None:
    """One value of any type, to a list of it."""
    return (types, dtypes.list_(types[0])) if len(types) == 1 else None


def value_by_key(types: Types) -> tuple[Types, DataType] | None:
    """Take a value and a key, of any types, to the value's type."""
    return (types, types[0]) if len(types) == 2 else None


# Window functions: from argument types to (parameter types, result type).


def nothing_to(result: DataType) -> Rule:
    """Return a rule for functions that read no value."""
    return lambda types: ((), result) if not types else None


def shifted(types: Types) -> tuple[Types, DataType] | None:
    """One value of any type, and perhaps a default for it, to that type."""
    if not 1 <= len(types) <= 2 or common_type(types[0], types[-1]) is None:
        return None
    return (types[0],) * len(types), types[0]
