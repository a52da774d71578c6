"""Comparison, logic and choice: NaN equals NaN and is greatest, three-valued logic, nulls by the catalogue's rules."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from ....errors import ExecutionError
from ....expr import Call
from ...constants import scalar_of
from ..comparable import comparable
from .arithmetic import full
from .registry import Value, elementwise, scalar

FALSE = scalar_of(False, pa.bool_())  # noqa: FBT003 - the value itself

elementwise("is_null")(pc.is_null)
elementwise("is_not_null")(pc.is_valid)
elementwise("is_nan")(pc.is_nan)
elementwise("is_finite")(pc.is_finite)
elementwise("not")(pc.invert)


@elementwise("coalesce")
def _coalesce(*values: Value) -> Value:
    first = values[0]
    complete = isinstance(first, pa.Array) and not first.null_count
    return first if complete and all(value.type == first.type for value in values) else pc.coalesce(*values)


def _is_float(value: Value) -> bool:
    return bool(pa.types.is_floating(value.type))


def _typed(left: Value, right: Value) -> tuple[Value, Value]:
    """Return operands that Arrow compares: values of no type, all null, as bools, nested ones as bytes."""
    if pa.types.is_null(left.type) and pa.types.is_null(right.type):
        return pc.cast(left, pa.bool_()), pc.cast(right, pa.bool_())
    return comparable(left), comparable(right)


def _is_plain_constant(value: Value) -> bool:
    """Whether this is a constant that is neither null nor NaN, so that IEEE order needs no repair beside it."""
    return isinstance(value, pa.Scalar) and value.is_valid and not is_nan(value)


def is_nan(value: pa.Scalar) -> bool:
    """Whether a constant is a NaN."""
    return bool(pa.types.is_floating(value.type) and pc.is_nan(value).as_py())


def _nan(value: Value) -> Value:
    return pc.not_equal(value, value)


@elementwise("equal", per_value=True)
def equal(left: Value, right: Value) -> pa.Array:
    """``=``."""
    same = pc.equal(*_typed(left, right))
    if not _is_float(left) or _is_plain_constant(left) or _is_plain_constant(right):
        return same
    return pc.or_(same, pc.and_(_nan(left), _nan(right)))


@elementwise("not_equal", per_value=True)
def not_equal(left: Value, right: Value) -> pa.Array:
    """``<>``."""
    return pc.invert(equal(left, right)) if _is_float(left) else pc.not_equal(*_typed(left, right))


@elementwise("less", per_value=True)
def less(left: Value, right: Value) -> pa.Array:
    """``<``."""
    if pa.types.is_null(left.type):
        return pc.and_(left.cast(pa.bool_()), right.cast(pa.bool_()))
    if not _is_float(left) or _is_plain_constant(right):
        return pc.less(*_typed(left, right))
    beyond = pc.invert(pc.greater_equal(left, right))
    return beyond if _is_plain_constant(left) else pc.and_(beyond, pc.equal(left, left))


@elementwise("less_equal", per_value=True)
def less_equal(left: Value, right: Value) -> pa.Array:
    """``<=``."""
    if not _is_float(left) or _is_plain_constant(right):
        return pc.less_equal(*_typed(left, right))
    return pc.or_(pc.less_equal(left, right), _nan(right))


@elementwise("greater", per_value=True)
def greater(left: Value, right: Value) -> pa.Array:
    """``>``."""
    return less(right, left)


@elementwise("greater_equal", per_value=True)
def greater_equal(left: Value, right: Value) -> pa.Array:
    """``>=``."""
    return less_equal(right, left)


@elementwise("is_not_distinct")
def is_not_distinct(left: Value, right: Value) -> pa.Array:
    """Equality where null equals null and nothing else."""
    both_null = pc.and_(pc.is_null(left), pc.is_null(right))
    return pc.or_(known_true(equal(left, right)), both_null)


def known_true(mask: pa.Array) -> pa.Array:
    """Return a mask with null turned into false."""
    return pc.fill_null(mask, FALSE) if mask.null_count else mask


@elementwise("and")
def conjunction(*args: Value) -> pa.Array:
    """Kleene conjunction."""
    return reduce(pc.and_kleene, args)


@elementwise("or")
def disjunction(*args: Value) -> pa.Array:
    """Kleene disjunction."""
    return reduce(pc.or_kleene, args)


@elementwise("least")
def least(*args: Value) -> pa.Array:
    """Least argument that is not null."""
    return _extreme(args, less)


@elementwise("greatest")
def greatest(*args: Value) -> pa.Array:
    """Greatest argument that is not null."""
    return _extreme(args, greater)


def _extreme(args: tuple[Value, ...], before: Callable[[Value, Value], pa.Array]) -> pa.Array:
    best = args[0]
    for value in args[1:]:
        better = pc.coalesce(before(value, best), pc.is_null(best))
        best = pc.if_else(better, pc.coalesce(value, best), best)
    return best


@scalar("single")
def single(call: Call, args: list[Value]) -> pa.Array:
    """Value of a query's one row; more rows raise."""
    value, rows = full(args)
    if (pc.max(rows).as_py() or 0) > 1:
        raise ExecutionError(call.option("message"))
    return value
