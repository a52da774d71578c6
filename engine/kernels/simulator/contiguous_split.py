"""What stands for ``pylibcudf.contiguous_split``: a table as one piece of device memory and a description of it."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from .binding import simulated
from .gpumemoryview import gpumemoryview
from .machine import Buffer, current
from .table import Table
from .values import columns_of, device


class PackedColumns:
    """A packed table; ``release`` may be called once."""

    def __init__(self) -> None:
        raise ValueError("PackedColumns should not be constructed directly. Use one of the factories.")

    @classmethod
    def _of(cls, metadata: bytes, data: Buffer) -> PackedColumns:
        made = object.__new__(cls)
        made._held = (metadata, data)
        return made

    _held: tuple[bytes, Buffer] | None

    def _buffers(self) -> Iterator[Buffer]:
        if self._held is not None:
            yield self._held[1]

    @simulated("pylibcudf.contiguous_split.PackedColumns.release", method=True)
    def release(self) -> tuple[memoryview, gpumemoryview]:
        """Return the description, on the host, and the memory; the object is empty afterwards."""
        if self._held is None:
            raise ValueError("Cannot release empty PackedColumns")
        (metadata, data), self._held = self._held, None
        return memoryview(metadata), gpumemoryview(data)


@simulated("pylibcudf.contiguous_split.pack")
def pack(input: Table, stream: Any = None, mr: Any = None) -> PackedColumns:
    """Copy all columns into one piece of memory; of a slice, its rows alone."""
    call = current()
    assert call is not None
    arrays = [pa.concat_arrays([array]) for array in columns_of(input)]
    kinds = [(column.type().id().name, column.type().scale()) for column in input.columns()]
    whole = pa.record_batch(arrays, [str(place) for place in range(len(arrays))])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, whole.schema) as writer:
        writer.write_batch(whole)
    bytes_ = sink.getvalue()
    metadata = pickle.dumps((kinds, input.num_rows()))
    return PackedColumns._of(metadata, Buffer(bytes_, bytes_.size, call.mr, call.stream))


@simulated("pylibcudf.contiguous_split.unpack_from_memoryviews")
def unpack_from_memoryviews(metadata: memoryview, gpu_data: Any, stream: Any = None) -> Table:
    """Return the table that lies in packed memory."""
    if not isinstance(metadata, memoryview):
        raise TypeError("metadata must be a memoryview")
    kinds, rows = pickle.loads(metadata)  # noqa: S301 - what `pack` above has written
    with pa.ipc.open_stream(gpu_data._buffer.open()) as reader:
        batch = reader.read_next_batch()
    assert len(kinds) == batch.num_columns
    return Table([device(column) for column in batch.columns], rows)
