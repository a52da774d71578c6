"""Building typed expressions: resolves a function, inserts implicit casts, and fails early with a clear message.

This is the only place where types are promoted. An integer constant takes the other operand's type where it fits, so
that ``small + 1`` stays small; a constant text takes the type of a date or timestamp it is compared with.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any

from .. import dtypes
from ..dtypes import DataType, Kind, common_type
from ..errors import PlanError, TypeMismatch, suggestion
from ..moments import moment_of
from ..records import replace
from .catalogue import AGGREGATES, FUNCTIONS
from .nodes import AggregateCall, Call, Case, Cast, Expr, InList, Literal
from .rules import Rule


def literal(value: Any, dtype: DataType | None = None) -> Literal:
    """Return a constant of a plain Python (or numpy scalar) value, typed by its class unless ``dtype`` is given."""
    if hasattr(value, "item") and not getattr(value, "shape", ()):
        value = value.item()
    return Literal(value=value, dtype=dtype or _literal_type(value))


def _literal_type(value: Any) -> DataType:
    match value:
        case None:
            return dtypes.null
        case bool():
            return dtypes.bool_
        case int():
            if not -(2**63) <= value < 2**64:
                raise PlanError(f"integer constant {value} does not fit 64 bits; write it as a decimal or float")
            return dtypes.int64 if value < 2**63 else dtypes.uint64
        case float():
            return dtypes.float64
        case Decimal():
            return _decimal_type(value)
        case str():
            return dtypes.string
        case bytes():
            return dtypes.binary
        case dt.datetime():
            return dtypes.timestamp("us", str(value.tzinfo) if value.tzinfo else None)
        case dt.date():
            return dtypes.date
        case dt.time():
            return dtypes.time("us")
        case dt.timedelta():
            return dtypes.duration("us")
    raise TypeMismatch(f"a {type(value).__name__} cannot be used as a constant in an expression")


def _decimal_type(value: Decimal) -> DataType:
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise TypeMismatch(f"{value} is not a finite decimal; use a float")
    scale = max(0, -exponent)
    precision = max(len(digits) + max(0, exponent), scale, 1)
    if precision > dtypes.MAX_DECIMAL_PRECISION:
        raise PlanError(f"decimal constant {value} has more than {dtypes.MAX_DECIMAL_PRECISION} digits")
    return dtypes.decimal(precision, scale)


def cast(arg: Expr, dtype: DataType, *, strict: bool = True) -> Expr:
    """Return ``arg`` converted to ``dtype``; the same expression where it has that type already."""
    if arg.dtype == dtype:
        return arg
    if isinstance(arg, Literal) and arg.value is None:
        return Literal(value=None, dtype=dtype)
    if not castable(arg.dtype, dtype):
        raise TypeMismatch(f"cannot cast {arg} from {arg.dtype} to {dtype}")
    return Cast(arg=arg, dtype=dtype, strict=strict)


def castable(source: DataType, target: DataType) -> bool:
    """Return whether a cast between two types is defined at all."""
    if source.kind is Kind.NULL or target.is_text or source.is_text:
        return True
    plain = (Kind.BOOL,)
    if (source.is_numeric or source.kind in plain) and (target.is_numeric or target.kind in plain):
        return True
    if source.is_temporal and target.is_temporal:
        return True
    if source.kind is Kind.TIMESTAMP and target.kind is Kind.TIME:
        return True
    if source.kind is target.kind is Kind.LIST and source.value and target.value:
        return castable(source.value, target.value)
    if source.kind is target.kind is Kind.STRUCT and len(source.fields) == len(target.fields):
        return all(castable(a, b) for (_, a), (_, b) in zip(source.fields, target.fields, strict=True))
    if source.kind is Kind.DURATION and target.kind is Kind.INTERVAL:
        return True
    return source.kind is target.kind and source.kind in (Kind.TIME, Kind.DURATION, Kind.BINARY)


def call(function: str, *args: Expr, **options: Any) -> Expr:
    """Return a catalogue function applied to arguments, with implicit casts inserted.

    Raises
    ------
    PlanError
        If the catalogue has no such function, or an option is missing.
    TypeMismatch
        If the types are not accepted; the message shows them.
    """
    entry = FUNCTIONS.get(function)
    if entry is None:
        raise PlanError(f"unknown function {function!r}{suggestion(function, FUNCTIONS)}")
    adapted = _adapt_literals(args)
    resolved = entry.rule(tuple(arg.dtype for arg in adapted))
    if resolved is None:
        # Not every constant is like its neighbours: the digits of `round(price, 2)` are a number of their own.
        adapted = args
        resolved = entry.rule(tuple(arg.dtype for arg in adapted))
    if resolved is None:
        resolved = _with_typed_nulls(entry.rule, tuple(arg.dtype for arg in adapted))
    if resolved is None:
        raise mismatch(function, args)
    parameters, result = resolved
    check_options(function, entry.options, options)
    if entry.typed is not None:
        by_options = entry.typed(parameters, options)
        if by_options is None:
            raise mismatch(function, args)
        result = by_options
    ordered = tuple((name, options[name]) for name in entry.options)
    return Call(function=function, args=cast_each(adapted, parameters), dtype=result, options=ordered)


def _with_typed_nulls(rule: Rule, types: tuple[DataType, ...]) -> tuple[tuple[DataType, ...], DataType] | None:
    """Return what a rule says where nulls without a type take the first one that it accepts."""
    if not any(dtype.kind is Kind.NULL for dtype in types):
        return None
    for wanted in (dtypes.int32, dtypes.float64, dtypes.string, dtypes.date, dtypes.timestamp("us"), dtypes.bool_):
        resolved = rule(tuple(wanted if dtype.kind is Kind.NULL else dtype for dtype in types))
        if resolved is not None:
            return resolved
    return None


def mismatch(function: str, args: Sequence[Expr]) -> TypeMismatch:
    """Return the error of arguments whose types a function does not take."""
    shown = ", ".join(f"{arg}: {arg.dtype}" for arg in args)
    return TypeMismatch(f"{function} does not accept ({shown}); cast an argument to a type it takes")


def check_options(function: str, known: Collection[str], given: Collection[str]) -> None:
    """Raise `PlanError` unless a function is given just the options that its entry in the catalogue names."""
    if set(given) != set(known):
        raise PlanError(f"{function} needs the options {', '.join(known) or '(none)'}; got {sorted(given)}")


def cast_each(args: Iterable[Expr], wanted: Iterable[DataType]) -> tuple[Expr, ...]:
    """Return arguments cast to the types that a function's entry in the catalogue demands."""
    return tuple(cast(arg, dtype) for arg, dtype in zip(args, wanted, strict=True))


def _adapt_literals(args: Sequence[Expr]) -> tuple[Expr, ...]:
    """Give untyped constants the type of the operands beside them where the value fits without loss."""
    others = [arg.dtype for arg in args if not isinstance(arg, Literal)]
    if not others:
        return tuple(args)
    target = others[0]
    return tuple(_adapted(arg, target) if isinstance(arg, Literal) else arg for arg in args)


def _adapted(constant: Literal, target: DataType) -> Literal:
    value = constant.value
    if value is None:
        return constant
    if constant.dtype == dtypes.int64 and target.is_integer and _fits(value, target):
        return replace(constant, dtype=target)
    if constant.dtype == dtypes.int64 and target.is_decimal:
        return literal(Decimal(value))
    if constant.dtype == dtypes.int64 and target.is_float:
        return Literal(value=float(value), dtype=target)
    if constant.dtype == dtypes.float64 and target == dtypes.float32:
        return replace(constant, dtype=target)
    if constant.dtype.is_decimal and target.is_float:
        return Literal(value=float(value), dtype=target)
    if constant.dtype.is_text and target.is_temporal:
        return _parsed_time(constant, target)
    if constant.dtype.kind is Kind.DATE and target.kind is Kind.TIMESTAMP and target.tz is None:
        return Literal(value=dt.datetime.combine(value, dt.time()), dtype=target)
    if constant.dtype.kind is Kind.TIMESTAMP and target.kind is Kind.TIMESTAMP and constant.dtype.tz == target.tz:
        exact = target.unit in ("us", "ns") or (value.microsecond == 0)
        return replace(constant, dtype=target) if exact else constant
    return constant


def _fits(value: int, dtype: DataType) -> bool:
    low, high = (-(2 ** (dtype.bits - 1)), 2 ** (dtype.bits - 1) - 1) if dtype.is_signed else (0, 2**dtype.bits - 1)
    return bool(low <= value <= high)


def _parsed_time(constant: Literal, target: DataType) -> Literal:
    try:
        moment = moment_of(constant.value)
    except ValueError as error:
        raise TypeMismatch(
            f"{constant} is not a {target}; write it like '2024-01-31' or '2024-01-31 12:30:00'"
        ) from error
    if target.kind is Kind.DATE:
        if moment.time() != dt.time():
            return Literal(value=moment, dtype=dtypes.timestamp("us"))
        return Literal(value=moment.date(), dtype=target)
    if target.tz is not None and moment.tzinfo is None:
        return constant
    return Literal(value=moment, dtype=target)


def case(branches: Iterable[tuple[Expr, Expr]], default: Expr | None = None) -> Expr:
    """Return the value of the first true branch, with all values cast to their common type; default null."""
    pairs = list(branches)
    values = _adapt_literals([value for _, value in pairs] + [default if default is not None else literal(None)])
    result: DataType | None = values[0].dtype
    for value in values[1:]:
        result = None if result is None else common_type(result, value.dtype)
    if result is None:
        shown = ", ".join(f"{value}: {value.dtype}" for value in values)
        raise TypeMismatch(f"the branches of a case have no common type: {shown}")
    conditions = []
    for condition, _ in pairs:
        if condition.dtype.kind not in (Kind.BOOL, Kind.NULL):
            raise TypeMismatch(f"a case condition must be boolean; {condition} is {condition.dtype}")
        conditions.append(cast(condition, dtypes.bool_))
    cast_values = [cast(value, result) for value in values]
    return Case(branches=tuple(zip(conditions, cast_values[:-1], strict=True)), default=cast_values[-1], dtype=result)


def in_list(arg: Expr, values: Iterable[Any]) -> Expr:
    """Return whether ``arg`` equals one of some plain Python values."""
    constants = [literal(value) for value in dict.fromkeys(values)]
    has_null = any(constant.value is None for constant in constants)
    present = [_adapted(constant, arg.dtype) for constant in constants if constant.value is not None]
    shared: DataType | None = arg.dtype
    for constant in present:
        shared = None if shared is None else common_type(shared, constant.dtype)
        if shared is None:
            raise TypeMismatch(f"cannot look for {constant} ({constant.dtype}) in {arg}, which is {arg.dtype}")
    assert shared is not None
    plain = tuple(_as_python(constant.value, shared) for constant in present)
    return InList(arg=cast(arg, shared), values=plain, has_null=has_null, dtype=dtypes.bool_)


def _as_python(value: Any, dtype: DataType) -> Any:
    if dtype.is_float:
        return float(value)
    if dtype.is_decimal:
        return Decimal(value)
    if dtype.kind is Kind.TIMESTAMP and type(value) is dt.date:
        return dt.datetime.combine(value, dt.time())
    return value


def aggregate(
    function: str, *args: Expr, distinct: bool = False, filter: Expr | None = None, **options: Any
) -> AggregateCall:
    """Return a catalogue aggregate over arguments, with implicit casts inserted.

    Raises
    ------
    PlanError
        If the catalogue has no such aggregate.
    TypeMismatch
        If the types are not accepted or the filter is not boolean.
    """
    entry = AGGREGATES.get(function)
    distinct = distinct and function != "approx_count_distinct"  # which counts each value once anyway
    if entry is None:
        raise PlanError(f"unknown aggregate {function!r}{suggestion(function, AGGREGATES)}")
    resolved = entry.rule(tuple(arg.dtype for arg in args))
    if resolved is None:
        raise mismatch(function, args)
    if filter is not None and filter.dtype.kind is not Kind.BOOL:
        raise TypeMismatch(f"the filter of {function} must be boolean; {filter} is {filter.dtype}")
    check_options(function, entry.options, options)
    share = options.get("q", 0)
    if not isinstance(share, int | float) or not 0 <= share <= 1:
        raise PlanError(f"a quantile lies at one number between 0 and 1, not at {share!r}")
    if function == "list" and distinct and filter is not None:
        # Rows left out are made null for distinct aggregates, which a list would keep.
        raise PlanError("list of distinct values takes no filter; filter the rows, or aggregate twice")
    parameters, result = resolved
    return AggregateCall(
        function=function,
        args=cast_each(args, parameters),
        dtype=result,
        distinct=distinct,
        filter=filter,
        options=tuple(sorted(options.items())),
    )
