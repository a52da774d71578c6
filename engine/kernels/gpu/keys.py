"""Keys as libcudf compares them: order and null order, floats with one zero, nested values and intervals as bytes.

libcudf's row operators agree with SEMANTICS in the rest: NaN equals NaN, is greatest, and is one group; texts are
ordered by their bytes; hashes of equal floats are equal. Inside lists and structs its nulls and zeros are others than
ours, and a month is no 30 days to it: the CPU makes bytes of such keys whose order and equality are theirs.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...dtypes import DataType, Kind, binary, int32
from ...expr import Expr, SortKey
from ..cpu.comparable import comparable
from . import columns as ops
from .columns import constant
from .library import plc
from .memory import by_columns, ledger, run
from .transfer import fetched, uploaded
from .types import device_type

Order = plc.types.Order
NullOrder = plc.types.NullOrder


def one_zero(column: plc.Column, dtype: DataType) -> plc.Column:
    """Return floats with 0.0 in place of -0.0, others as they are."""
    if not dtype.is_float:
        return column
    return ops.binary(column, constant(0.0, dtype), ops.Op.ADD, device_type(dtype))


def needs_bytes(dtype: DataType) -> bool:
    """Whether values are compared by way of bytes that the CPU makes."""
    return dtype.is_nested or dtype.kind is Kind.INTERVAL


def refusal(dtype: DataType) -> str | None:
    """Return why keys of a type go by way of the CPU; None where libcudf compares them as we do."""
    return f"libcudf compares values of type {dtype} in another way" if needs_bytes(dtype) else None


def normal_key(column: plc.Column, dtype: DataType) -> plc.Column:
    """Return the values of a key as libcudf compares them right."""
    if not needs_bytes(dtype):
        return one_zero(column, dtype)
    ledger().fell_back("key", column.size())
    return uploaded(comparable(fetched(column, dtype)), binary)


def normal(columns: Sequence[plc.Column], exprs: Sequence[Expr]) -> list[plc.Column]:
    """Return the values of key expressions as libcudf compares them right."""
    return [normal_key(column, expr.dtype) for column, expr in zip(columns, exprs, strict=True)]


def orders(keys: Sequence[SortKey]) -> tuple[list[plc.types.Order], list[plc.types.NullOrder]]:
    """Return order and null order of each key.

    libcudf says where nulls stand in the ascending order, which a descending one turns.
    """
    directions = [Order.DESCENDING if key.descending else Order.ASCENDING for key in keys]
    nulls = [NullOrder.BEFORE if key.nulls_first != key.descending else NullOrder.AFTER for key in keys]
    return directions, nulls


def sorted_positions(columns: Sequence[plc.Column], keys: Sequence[SortKey], rows: int) -> plc.Column:
    """Return the positions of the rows in order, ties as they are."""
    if not columns:
        return positions(rows)
    directions, nulls = orders(keys)
    if _turns_nans(columns, keys):
        columns, directions, nulls = [*columns, positions(rows)], [*directions, Order.ASCENDING], [*nulls, nulls[0]]
    return run(plc.sorting.stable_sorted_order, plc.Table(columns, rows), directions, nulls)


def _turns_nans(columns: Sequence[plc.Column], keys: Sequence[SortKey]) -> bool:
    """Whether libcudf's order of these keys would not be stable.

    For one column of floats without nulls 26.10 sorts NaNs by their positions (``cpp/src/sort/sort_radix.cu``), in
    descending order from the last on.
    """
    if len(columns) > 1 or not keys[0].descending or not keys[0].expr.dtype.is_float or columns[0].null_count():
        return False
    return ops.any_true(run(plc.unary.is_nan, columns[0]))


def positions(rows: int) -> plc.Column:
    """Return the numbers from 0 on, one per row."""
    zero, one = (constant(value, int32) for value in (0, 1))
    return run(plc.filling.sequence, rows, zero, one)


def gathered(table: plc.Table, rows: plc.Column, *, outer: bool = False) -> plc.Table:
    """Return rows by position; ``outer``: nulls for positions that lie outside."""
    policy = plc.copying.OutOfBoundsPolicy
    bounds = policy.NULLIFY if outer else policy.DONT_CHECK
    return by_columns(lambda part: run(plc.copying.gather, part, rows, bounds), table)


def taken(column: plc.Column, rows: plc.Column, *, outer: bool = False) -> plc.Column:
    """Return values by position."""
    return gathered(plc.Table([column]), rows, outer=outer).columns()[0]


def masked_rows(table: plc.Table, mask: plc.Column) -> plc.Table:
    """Return the rows where a mask is true, not null, in order."""
    return by_columns(lambda part: run(plc.stream_compaction.apply_retention_mask, part, mask), table)


def kept(column: plc.Column, mask: plc.Column) -> plc.Column:
    """Return the values where a mask is true, in order."""
    return masked_rows(plc.Table([column]), mask).columns()[0]


def positions_where(mask: plc.Column) -> plc.Column:
    """Return the numbers of the rows where a mask is true."""
    return kept(positions(mask.size()), mask)


def placed(values: plc.Column, places: plc.Column, target: plc.Column) -> plc.Column:
    """Return a column with values put at some positions."""
    return run(plc.copying.scatter, plc.Table([values]), places, plc.Table([target])).columns()[0]
