"""What is learned of features as expressions of the engine, so that a device prepares them where the rows are.

The numbers are those that `Preparation` writes on the host: rounded to the matrix's type after each step, as there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pyarrow as pa

from ..engine import dtypes
from ..engine.arrow import from_arrow_type
from ..engine.dtypes import DataType
from ..engine.expr import Column, Expr, Literal, NamedExpr, Place, call, case, cast, literal
from ..engine.frame import DataFrame
from ..engine.schema import Schema
from .features import Features
from .handoff import FloatName
from .preparation import FittedEncoder, NumericStep, Preparation
from .preprocessing.categories import Categories
from .preprocessing.impute import NumericFill

FLOATS: dict[FloatName, DataType] = {"float32": dtypes.float32, "float64": dtypes.float64}


def matrix_columns(preparation: Preparation, frame: DataFrame) -> tuple[NamedExpr, ...] | str:
    """Return the columns of the matrix that a frame's device makes of its rows, or why the host must make it."""
    if frame.session.device.account is None:
        return "it was planned for the memory of the host"
    schema = frame.schema
    for encoder in preparation.encoders:
        name, known = encoder.categories.name, from_arrow_type(encoder.categories.values.type)
        if schema[name].dtype != known:
            return f"feature {name!r} is {schema[name].dtype} and was {known} in the fit"
        if encoder.unknown == "error":
            return f"the encoder of {name!r} raises for what it does not know"
    return (*numbers(preparation.features, schema, preparation.steps, preparation.dtype), *categories(preparation))


def numbers(
    features: Features, schema: Schema, steps: Sequence[NumericStep], dtype: FloatName
) -> tuple[NamedExpr, ...]:
    """Return the numeric features after some steps; those that no step touches are as they are in the rows."""
    made = []
    for place, name in enumerate(features.numeric):
        value: Expr = Column(name=name, dtype=schema[name].dtype)
        for step in steps:
            value = _stepped(value, step, place, FLOATS[dtype])
        made.append(NamedExpr(name=name, expr=value))
    return tuple(made)


def categories(preparation: Preparation) -> tuple[NamedExpr, ...]:
    """Return the columns of the encoded features."""
    kind = FLOATS[preparation.dtype]
    return tuple(
        NamedExpr(name=name, expr=expr)
        for encoder in preparation.encoders
        for name, expr in zip(encoder.names, _encoded(encoder, kind), strict=True)
    )


def class_numbers(label: Column, classes: pa.Array) -> Expr:
    """Return the class numbers of a label that is one of the classes."""
    values = classes.to_pylist()
    ascending = sorted(values)
    number: Expr = Place(arg=label, values=tuple(ascending), dtype=dtypes.int32)
    return number if values == ascending else call("subtract", literal(len(values) - 1), number)  # two of them


def class_values(number: Expr, classes: pa.Array) -> Expr:
    """Return the classes of class numbers."""
    kind = from_arrow_type(classes.type)
    *others, last = (Literal(value=value, dtype=kind) for value in classes.to_pylist())
    return case([(call("equal", number, literal(place)), value) for place, value in enumerate(others)], last)


def is_missing(value: Expr) -> Expr:
    """Return whether a value is null or NaN."""
    return (
        call("coalesce", call("is_nan", value), Literal(value=True, dtype=dtypes.bool_))
        if value.dtype.is_float
        else call("is_null", value)
    )


def rounded(value: Expr, dtype: DataType) -> Expr:
    """Return a number as a float of a type."""
    wide = cast(value, dtypes.float64, strict=False) if value.dtype.is_decimal else value
    return cast(wide, dtype, strict=False)


def _stepped(value: Expr, step: NumericStep, place: int, dtype: DataType) -> Expr:
    if isinstance(step, NumericFill):
        fill = float(step.values[place])
        if math.isnan(fill):
            return value
        plain = rounded(value, dtype)
        return case([(is_missing(plain), Literal(value=fill, dtype=dtype))], plain)
    shift, scale = float(step.shift[place]), float(step.scale[place])
    if shift == 0.0 and scale == 1.0:
        return value
    moved = rounded(call("subtract", _wide(rounded(value, dtype)), literal(shift)), dtype)
    return rounded(call("divide", _wide(moved), literal(scale)), dtype)


def _wide(value: Expr) -> Expr:
    return cast(value, dtypes.float64, strict=False)


def _encoded(encoder: FittedEncoder, dtype: DataType) -> list[Expr]:
    number = _category_number(encoder.categories)
    if not encoder.one_hot:
        return [cast(number, dtype, strict=False)]
    no = Literal(value=False, dtype=dtypes.bool_)
    return [
        cast(call("coalesce", call("equal", number, literal(place)), no), dtype, strict=False)
        for place in range(encoder.width)
    ]


def _category_number(known: Categories) -> Expr:
    """Return the number of each value's category, null for one that is not known."""
    column = Column(name=known.name, dtype=from_arrow_type(known.values.type))
    found: Expr = Place(arg=column, values=tuple(known.values.to_pylist()), dtype=dtypes.int32)
    of_null = len(known.values) if known.has_null else known.null_as
    if of_null is None:
        return found
    return case([(is_missing(column), Literal(value=of_null, dtype=dtypes.int32))], found)
