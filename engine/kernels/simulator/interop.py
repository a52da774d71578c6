"""What stands for ``pylibcudf.interop``: names, zones and precisions, which the device does not keep."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from .machine import machine


@dataclass
class ColumnMetadata:
    """What Arrow says of a column beyond libcudf's type."""

    name: str = ""
    timezone: str = ""
    precision: int | None = None
    children_meta: list[ColumnMetadata] = field(default_factory=list)


def arrow_type(held: pa.DataType, metadata: ColumnMetadata | str | None) -> pa.DataType:
    """Return the Arrow type that a column leaves with: without metadata no zone, no names, all digits."""
    meta = ColumnMetadata(metadata) if isinstance(metadata, str) else metadata or ColumnMetadata()
    types = pa.types
    if types.is_timestamp(held):
        return pa.timestamp(held.unit, meta.timezone or None)
    if types.is_decimal(held):
        return pa.decimal128(meta.precision or 38, held.scale)
    if types.is_list(held):  # children of lists are offsets and values
        inner = meta.children_meta[1] if len(meta.children_meta) > 1 else None
        return pa.list_(arrow_type(held.value_type, inner))
    if types.is_struct(held):
        metas = meta.children_meta or [ColumnMetadata() for _ in held]
        return pa.struct([pa.field(m.name, arrow_type(f.type, m)) for f, m in zip(held, metas, strict=True)])
    return held


def arrow_column(array: pa.Array, metadata: ColumnMetadata | str | None) -> pa.Array:
    """Return values as Arrow's type of them."""
    if pa.types.is_string(array.type) and (pc.sum(pc.binary_length(array)).as_py() or 0) > machine().text_limit:
        return array.cast(pa.large_string())
    wanted = arrow_type(array.type, metadata)
    return array if wanted == array.type else relabelled(array, wanted)


def relabelled(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Return the same memory under another type: another zone, precision or names."""
    if pa.types.is_list(wanted):
        values = relabelled(array.values, wanted.value_type)
        return pa.Array.from_buffers(
            wanted, len(array), array.buffers()[:2], null_count=array.null_count, offset=array.offset, children=[values]
        )
    if pa.types.is_struct(wanted):
        fields = [relabelled(array.field(i), wanted.field(i).type) for i in range(wanted.num_fields)]
        mask = array.is_null() if array.null_count else None
        return pa.StructArray.from_arrays(fields, fields=list(wanted), mask=mask)
    return (
        array
        if array.type == wanted
        else pa.Array.from_buffers(
            wanted, len(array), array.buffers(), null_count=array.null_count, offset=array.offset
        )
    )
