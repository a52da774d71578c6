"""Conversions that ``astype`` does otherwise than SQL's ``CAST``, as pandas has them."""

from __future__ import annotations

from ..dtypes import DataType, Kind
from ..expr import Expr, call, case, cast, literal


def converted(value: Expr, dtype: DataType) -> Expr:
    """Return a value of another type: fractions are cut off, not rounded, and truths are called as in Python."""
    if dtype.is_integer and (value.dtype.is_float or value.dtype.is_decimal):
        return cast(call("trunc", value), dtype)
    if dtype.kind is Kind.STRING and value.dtype.kind is Kind.BOOL:
        return case([(value, literal("True")), (call("not", value), literal("False"))])
    return cast(value, dtype)
