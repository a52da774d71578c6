"""Comparison, logic and choice: NaN equals NaN and is greatest, three-valued logic, nulls by the catalogue's rules."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from ...expr import Call
from .registry import Value, scalar


def _is_float(values: list[Value]) -> bool:
    return bool(pa.types.is_floating(values[0].type))


def _is_plain_constant(value: Value) -> bool:
    """Whether this is a constant that is neither null nor NaN, so that IEEE order needs no repair beside it."""
    return isinstance(value, pa.Scalar) and value.is_valid and value.as_py() == value.as_py()


def _is_nan(value: Value) -> Value:
    return pc.not_equal(value, value)


@scalar("equal", per_value=True)
def equal(call: Call, args: list[Value]) -> pa.Array:
    """``=``."""
    left, right = args
    same = pc.equal(left, right)
    if not _is_float(args) or _is_plain_constant(left) or _is_plain_constant(right):
        return same
    return pc.or_(same, pc.and_(_is_nan(left), _is_nan(right)))


@scalar("not_equal", per_value=True)
def not_equal(call: Call, args: list[Value]) -> pa.Array:
    """``<>``."""
    return pc.invert(equal(call, args)) if _is_float(args) else pc.not_equal(*args)


@scalar("less", per_value=True)
def less(call: Call, args: list[Value]) -> pa.Array:
    """``<``."""
    left, right = args
    if not _is_float(args) or _is_plain_constant(right):
        return pc.less(left, right)
    beyond = pc.invert(pc.greater_equal(left, right))
    return beyond if _is_plain_constant(left) else pc.and_(beyond, pc.equal(left, left))


@scalar("less_equal", per_value=True)
def less_equal(call: Call, args: list[Value]) -> pa.Array:
    """``<=``."""
    left, right = args
    if not _is_float(args) or _is_plain_constant(right):
        return pc.less_equal(left, right)
    return pc.or_(pc.less_equal(left, right), _is_nan(right))


@scalar("greater", per_value=True)
def greater(call: Call, args: list[Value]) -> pa.Array:
    """``>``."""
    return less(call, [args[1], args[0]])


@scalar("greater_equal", per_value=True)
def greater_equal(call: Call, args: list[Value]) -> pa.Array:
    """``>=``."""
    return less_equal(call, [args[1], args[0]])


@scalar("is_not_distinct")
def is_not_distinct(call: Call, args: list[Value]) -> pa.Array:
    """Equality where null equals null and nothing else."""
    left, right = args
    both_null = pc.and_(pc.is_null(left), pc.is_null(right))
    return pc.or_(pc.fill_null(equal(call, args), False), both_null)  # noqa: FBT003 - the value to fill with


@scalar("is_null")
def is_null(call: Call, args: list[Value]) -> pa.Array:
    """Whether null; NaN is not."""
    return pc.is_null(args[0])


@scalar("is_not_null")
def is_not_null(call: Call, args: list[Value]) -> pa.Array:
    """Whether not null."""
    return pc.is_valid(args[0])


@scalar("is_nan")
def is_nan(call: Call, args: list[Value]) -> pa.Array:
    """Whether NaN."""
    return pc.is_nan(args[0])


@scalar("is_finite")
def is_finite(call: Call, args: list[Value]) -> pa.Array:
    """Whether neither NaN nor infinite."""
    return pc.is_finite(args[0])


@scalar("and")
def conjunction(call: Call, args: list[Value]) -> pa.Array:
    """Kleene conjunction."""
    return reduce(pc.and_kleene, args)


@scalar("or")
def disjunction(call: Call, args: list[Value]) -> pa.Array:
    """Kleene disjunction."""
    return reduce(pc.or_kleene, args)


@scalar("not")
def negation(call: Call, args: list[Value]) -> pa.Array:
    """Negation."""
    return pc.invert(args[0])


@scalar("coalesce")
def coalesce(call: Call, args: list[Value]) -> pa.Array:
    """First argument that is not null."""
    return pc.coalesce(*args)


@scalar("least")
def least(call: Call, args: list[Value]) -> pa.Array:
    """Least argument that is not null."""
    return _extreme(call, args, less)


@scalar("greatest")
def greatest(call: Call, args: list[Value]) -> pa.Array:
    """Greatest argument that is not null."""
    return _extreme(call, args, greater)


def _extreme(call: Call, args: list[Value], before: Callable[[Call, list[Value]], pa.Array]) -> pa.Array:
    best = args[0]
    for value in args[1:]:
        better = pc.coalesce(before(call, [value, best]), pc.is_null(best))
        best = pc.if_else(better, pc.coalesce(value, best), best)
    return best
