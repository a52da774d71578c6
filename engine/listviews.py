"""Arrow's list views made lists, which is what kernels and writers know.

A view may name its values in any order, and some of them twice. pyarrow's own cast copies the values as they lie and
loses those that are not in order (seen with 26.0: ``[[1], [], [2]]`` became ``[[1], [], []]``), so it is not used.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_MOST = 2**31 - 1


def has_list_views(arrow: pa.DataType) -> bool:
    """Return whether a type is a list view, or has one in it."""
    types = pa.types
    if types.is_list_view(arrow) or types.is_large_list_view(arrow):
        return True
    if types.is_dictionary(arrow):
        return has_list_views(arrow.value_type)
    return any(has_list_views(arrow.field(i).type) for i in range(arrow.num_fields))


def table_of_lists(table: pa.Table) -> pa.Table:
    """Return a table whose list views are lists; it itself where it has none."""
    for position, field in enumerate(table.schema):
        if has_list_views(field.type):
            column = chunked_lists(table.column(position))
            table = table.set_column(position, pa.field(field.name, column.type, field.nullable), column)
    return table


def chunked_lists(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column whose list views are lists."""
    kind = lists_of(pa.array([], column.type)).type
    chunks = [lists_of(chunk) for chunk in column.chunks]
    return pa.chunked_array([chunk if chunk.type == kind else chunk.cast(kind) for chunk in chunks], type=kind)


def lists_of(array: pa.Array) -> pa.Array:
    """Return an array whose list views are lists, at any depth; lists of more than 2**31 values are large ones."""
    kind, types = array.type, pa.types
    if not has_list_views(kind):
        return array
    if types.is_dictionary(kind):
        return lists_of(array.dictionary.take(array.indices))
    if types.is_struct(kind):
        parts = [lists_of(array.field(i)) for i in range(kind.num_fields)]
        fields = [pa.field(f.name, part.type, f.nullable) for f, part in zip(kind, parts, strict=True)]
        return pa.Array.from_buffers(pa.struct(fields), len(array), [_validity(array)], children=parts)
    if types.is_map(kind):
        return _with_entries(array)
    values = lists_of(array.flatten())
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    ends = np.cumsum(np.concatenate([[0], lengths]), dtype=np.int64)
    is_large = ends[-1] > _MOST
    made = (pa.large_list if is_large else pa.list_)(pa.field(kind.value_field.name, values.type))
    offsets = pa.py_buffer(ends if is_large else ends.astype(np.int32))
    return pa.Array.from_buffers(made, len(array), [_validity(array), offsets], children=[values])


def _with_entries(array: pa.MapArray) -> pa.Array:
    """Return a map whose keys and values have no list views."""
    keys, items = lists_of(array.keys), lists_of(array.items)
    kind = pa.map_(keys.type, items.type)
    entries = pa.StructArray.from_arrays([keys, items], fields=[kind.key_field, kind.item_field])
    return pa.Array.from_buffers(kind, len(array), array.buffers()[:2], offset=array.offset, children=[entries])


def _validity(array: pa.Array) -> pa.Buffer | None:
    """Return the bits of the rows that are not null, from the first on."""
    return array.is_valid().buffers()[1] if array.null_count else None
