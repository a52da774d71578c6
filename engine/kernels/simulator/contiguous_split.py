"""What stands for ``pylibcudf.contiguous_split``: a table as one piece of device memory and a description of it."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from .binding import simulated
from .gpumemoryview import gpumemoryview
from .machine import Buffer, MissingStream, current, machine
from .rmm import DeviceMemoryResource
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


class ChunkedPack:
    """Packs a table piece by piece, into a buffer that is given."""

    def __init__(self) -> None:
        raise ValueError("ChunkedPack should not be constructed directly. Use create instead.")

    _metadata: bytes
    _content: bytes
    _size: int
    _given: int
    _stream: Any
    _scratch: Buffer

    @staticmethod
    @simulated("pylibcudf.contiguous_split.ChunkedPack.create")
    def create(input: Table, user_buffer_size: int, stream: Any = None, temp_mr: Any = None) -> ChunkedPack:
        """Start; takes a little memory for itself."""
        if not isinstance(temp_mr, DeviceMemoryResource):
            raise MissingStream("ChunkedPack.create must be given temp_mr= by keyword")
        if user_buffer_size < 1 << 20:
            raise ValueError("The output buffer size must be at least 1MB in size")
        made = object.__new__(ChunkedPack)
        made._metadata, content = _packed(input)
        made._content, made._size, made._given, made._stream = content, user_buffer_size, 0, stream
        made._scratch = Buffer(b"", 1024 * max(1, input.num_columns()), temp_mr, stream)
        return made

    @simulated("pylibcudf.contiguous_split.ChunkedPack.has_next", method=True)
    def has_next(self) -> bool:
        """Return whether there is more."""
        return self._given < len(self._content)

    @simulated("pylibcudf.contiguous_split.ChunkedPack.get_total_contiguous_size", method=True)
    def get_total_contiguous_size(self) -> int:
        """Return the bytes of all pieces."""
        return len(self._content)

    @simulated("pylibcudf.contiguous_split.ChunkedPack.next", method=True)
    def next(self, buf: Any) -> int:
        """Write the next piece."""
        if buf.size < self._size:
            raise ValueError("the buffer is smaller than was said")
        piece = self._content[self._given : self._given + self._size]
        target, start = machine().at(buf.ptr, len(piece))
        target.check(self._stream)
        target.open()[start : start + len(piece)] = np.frombuffer(piece, np.uint8)
        target.stream, target.ticket = self._stream, self._stream.launch()
        self._given += len(piece)
        return len(piece)

    @simulated("pylibcudf.contiguous_split.ChunkedPack.build_metadata", method=True)
    def build_metadata(self) -> memoryview:
        """Return what describes the pieces, put together."""
        return memoryview(self._metadata)


@simulated("pylibcudf.contiguous_split.pack")
def pack(input: Table, stream: Any = None, mr: Any = None) -> PackedColumns:
    """Copy all columns into one piece of memory; of a slice, its rows alone."""
    call = current()
    assert call is not None
    metadata, content = _packed(input)
    return PackedColumns._of(metadata, Buffer(content, len(content), call.mr, call.stream))


def _packed(input: Table) -> tuple[bytes, bytes]:
    arrays = [pa.concat_arrays([array]) for array in columns_of(input)]
    kinds = [(column.type().id().name, column.type().scale()) for column in input.columns()]
    whole = pa.record_batch(arrays, [str(place) for place in range(len(arrays))])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, whole.schema) as writer:
        writer.write_batch(whole)
    return pickle.dumps((kinds, input.num_rows())), sink.getvalue().to_pybytes()


@simulated("pylibcudf.contiguous_split.unpack_from_memoryviews")
def unpack_from_memoryviews(metadata: memoryview, gpu_data: Any, stream: Any = None) -> Table:
    """Return the table that lies in packed memory."""
    if not isinstance(metadata, memoryview):
        raise TypeError("metadata must be a memoryview")
    kinds, rows = pickle.loads(metadata)  # noqa: S301 - what `pack` above has written
    content = gpu_data._buffer.open()
    with pa.ipc.open_stream(content.tobytes() if isinstance(content, np.ndarray) else content) as reader:
        batch = reader.read_next_batch()
    assert len(kinds) == batch.num_columns
    return Table([device(column) for column in batch.columns], rows)
