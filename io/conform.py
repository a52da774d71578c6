"""Making batches read from files agree with a schema: order, types, columns that a file lacks.

Types that Volley does not tell apart (large or view text and lists, fixed-size lists, maps, odd dictionary indices)
take the one form that kernels expect; a text column may stay a dictionary with 32-bit codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..engine.arrow import empty_batch, to_arrow_schema, to_arrow_type
from ..engine.errors import ReadError
from ..engine.listviews import lists_of
from ..engine.schema import Schema
from .filesystem import reason

TEXT_DICTIONARY = pa.dictionary(pa.int32(), pa.string())


def conform(
    batch: pa.RecordBatch,
    schema: Schema,
    constants: Mapping[str, Any] | None = None,
    *,
    plain: bool = False,
    where: str = "",
) -> pa.RecordBatch:
    """Return the columns of ``schema`` from a batch.

    Parameters
    ----------
    batch
        As read; more columns than asked for are dropped.
    schema
        Wanted names and types; a column that the batch lacks is null.
    constants
        Columns with one value for every row (partition keys); they win over the batch's own.
    plain
        Decode dictionaries too, and give the schema to the letter.
    where
        The file, for errors.

    Raises
    ------
    ReadError
        If a value does not fit the wider type that its column has because of another file.
    """
    if not schema.fields:
        return empty_batch(batch.num_rows)
    positions = {name: i for i, name in enumerate(batch.schema.names)}
    constants = constants or {}
    arrays = []
    for field in schema:
        target = to_arrow_type(field.dtype)
        if field.name in constants:
            arrays.append(constant_array(constants[field.name], target, batch.num_rows))
        elif field.name in positions:
            try:
                arrays.append(conform_array(batch.column(positions[field.name]), target, plain=plain))
            except pa.ArrowInvalid as error:
                raise ReadError(
                    f"{where!r}: column {field.name!r} cannot be read as {field.dtype}, which it is because of other "
                    f"files: {reason(error)}; read the file apart"
                ) from error
        else:
            arrays.append(pa.nulls(batch.num_rows, target))
    if plain:  # the types are the schema's to the letter, and so is what may be null
        return pa.RecordBatch.from_arrays(arrays, schema=to_arrow_schema(schema))
    return pa.RecordBatch.from_arrays(arrays, names=list(schema.names))


def in_slices(
    batches: Iterable[pa.RecordBatch], rows: int, schema: Schema, keys: Mapping[str, Any], where: str
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file's batches as those of ``schema``, at most so many at once; see `conform`."""
    for batch in batches:
        for start in range(0, batch.num_rows, rows):
            yield conform(batch.slice(start, rows), schema, keys, where=where)


def conform_array(array: pa.Array, target: pa.DataType, *, plain: bool = False) -> pa.Array:
    """Return an array in the type ``target``, or as a text dictionary where it is one and ``plain`` is not set."""
    if array.type == target:
        return array
    array = lists_of(array)
    if pa.types.is_run_end_encoded(array.type):
        array = pc.run_end_decode(array)
    if pa.types.is_dictionary(array.type):
        if pa.types.is_string(target) and not plain:
            return array if array.type == TEXT_DICTIONARY else array.cast(TEXT_DICTIONARY)
        array = array.cast(array.type.value_type)
    if array.type == target:
        return array
    # whole numbers become floats as everywhere, rounded beyond 53 bits; nothing here turns floats into integers
    return pc.cast(array, options=pc.CastOptions(target, allow_float_truncate=True))


def constant_array(value: Any, target: pa.DataType, rows: int) -> pa.Array:
    """Return one value ``rows`` times; text as a dictionary of one entry."""
    if value is not None and pa.types.is_string(target):
        codes = pa.array(np.zeros(rows, dtype=np.int32))
        return pa.DictionaryArray.from_arrays(codes, pa.array([value], pa.string()))
    return pa.nulls(rows, target) if value is None else pa.repeat(pa.scalar(value, target), rows)
