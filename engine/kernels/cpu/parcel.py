"""Tables as the memory that their columns lie in already, for comms that send several buffers as one message.

Packing copies every row and touches fresh memory for it, which takes about as long as a fast comm takes to send it.
Here only what is small is copied, together; large buffers go as they are, and arrive each in memory of its own.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...schema import Schema
from .pack import columns_to_send, pack
from .table import CpuTable, settle

_ALONE_BYTES = 64 * 1024
"""Buffers of fewer bytes are copied together: each that goes alone costs a step of its own on both sides."""
_WORD = 8

Place = tuple[int, int, int]
"""Which buffer of a parcel, the first byte in it, and how many."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Tables as buffers.

    Attributes
    ----------
    contents
        For each table its rows, its columns' types as an Arrow schema, and what `_described` gives of each column.
    buffers
        The first holds all that are small.
    """

    contents: Sequence[tuple[int, bytes, Sequence[Any]]]
    buffers: Sequence[Any]

    @property
    def nbytes(self) -> int:
        """Bytes of all buffers."""
        return sum(memoryview(buffer).nbytes for buffer in self.buffers)


def parcel(tables: Sequence[CpuTable]) -> Parcel | memoryview:
    """Return at least one table as a parcel; packed as bytes where columns are nested, or all of them small."""
    settled = settle(tables)
    sent = [columns_to_send(table) for table in settled]
    flat = all(_is_flat(column) for columns in sent for column in columns)
    if not flat or sum(table.nbytes for table in settled) < _ALONE_BYTES:
        return memoryview(pack(settled))
    buffers = _Buffers()
    contents = []
    for table, columns in zip(settled, sent, strict=True):
        types = pa.schema([(str(place), column.type) for place, column in enumerate(columns)])
        described = [_described(column, buffers) for column in columns]
        contents.append((table.num_rows, types.serialize().to_pybytes(), described))
    return Parcel(contents, buffers.all())


def open_parcel(sent: Parcel, schema: Schema) -> list[CpuTable]:
    """Return the tables of a parcel; they share its memory."""
    buffers = [_aligned(pa.py_buffer(buffer)) for buffer in sent.buffers]
    tables = []
    for rows, types, described in sent.contents:
        fields = pa.ipc.read_schema(pa.py_buffer(types))
        columns = tuple(_array(f.type, column, buffers) for f, column in zip(fields, described, strict=True))
        tables.append(CpuTable(schema=schema, columns=columns, num_rows=rows))
    return tables


def register() -> None:
    """Teach Dask in this process to send parcels; it may be called again."""
    protocol = importlib.import_module("distributed.protocol")
    protocol.dask_serialize.register(Parcel)(lambda sent: ({"contents": sent.contents}, [*sent.buffers]))
    protocol.dask_deserialize.register(Parcel)(lambda header, frames: Parcel(header["contents"], frames))


class _Buffers:
    """Collects buffers: small ones in the first, each large one as it is."""

    def __init__(self) -> None:
        self._small: list[Any] = []
        self._held = 0
        self._large: list[Any] = []

    def add(self, content: Any) -> Place:
        """Take the bytes of something, and return where they are."""
        view = memoryview(content).cast("B")
        if view.nbytes >= _ALONE_BYTES:
            self._large.append(view)
            return len(self._large), 0, view.nbytes
        start = self._held
        missing = -view.nbytes % _WORD
        self._small += [view, bytes(missing)]
        self._held += view.nbytes + missing
        return 0, start, view.nbytes

    def all(self) -> list[Any]:
        """Return what was collected."""
        return [memoryview(b"".join(self._small) or bytes(_WORD)), *self._large]


def _is_flat(column: pa.Array) -> bool:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _is_flat(column.dictionary)
    return _is_text(kind) or pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or pa.types.is_boolean(kind)


def _is_text(kind: pa.DataType) -> bool:
    return any(
        check(kind)
        for check in (pa.types.is_string, pa.types.is_binary, pa.types.is_large_string, pa.types.is_large_binary)
    )


def _described(column: pa.Array, buffers: _Buffers) -> list[Any]:
    """Return what `_array` needs: length, nulls, offset, where each buffer is, and the same of a dictionary or None."""
    dictionary = None
    if pa.types.is_dictionary(column.type):
        dictionary = _described(column.dictionary, buffers)
        column = column.indices
    over = column.offset % 8  # bits of a byte go together
    start, stop = column.offset - over, column.offset + len(column)
    valid, *data = column.buffers()
    places = [None if valid is None or not column.null_count else buffers.add(_bits(valid, start, stop))]
    places += [buffers.add(part) for part in _parts(column.type, data, start, stop)]
    return [len(column), column.null_count, over, places, dictionary]


def _parts(kind: pa.DataType, data: Sequence[pa.Buffer | None], start: int, stop: int) -> Iterator[Any]:
    """Yield what a column has beside its validity, of its rows alone."""
    if not _is_text(kind):
        width = kind.bit_width
        values = data[0] if data[0] is not None else pa.py_buffer(b"")
        yield _bits(values, start, stop) if width == 1 else memoryview(values)[start * width // 8 : stop * width // 8]
        return
    wide = np.dtype(np.int64 if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind) else np.int32)
    if data[0] is None or not data[0].size:  # no rows: Arrow may leave out what says so
        yield np.zeros(1, wide)
        yield b""
        return
    offsets: NDArray[Any] = np.frombuffer(data[0], wide, stop + 1)[start:]
    first, last = int(offsets[0]), int(offsets[-1])
    yield (offsets - first).astype(wide) if first else offsets
    yield b"" if data[1] is None else memoryview(data[1])[first:last]


def _bits(buffer: pa.Buffer, start: int, stop: int) -> memoryview:
    return memoryview(buffer)[start // 8 : -(-stop // 8)]


def _array(kind: pa.DataType, described: Sequence[Any], buffers: Sequence[pa.Buffer]) -> pa.Array:
    length, nulls, offset, places, dictionary = described
    if dictionary is not None:
        codes = _array(kind.index_type, [length, nulls, offset, places, None], buffers)
        return pa.DictionaryArray.from_arrays(codes, _array(kind.value_type, dictionary, buffers), safe=False)
    found = [None if place is None else buffers[place[0]].slice(place[1], place[2]) for place in places]
    return pa.Array.from_buffers(kind, length, found, nulls, offset)


def _aligned(buffer: pa.Buffer) -> pa.Buffer:
    """Return a buffer whose words do not lie across those of the machine."""
    return pa.py_buffer(buffer.to_pybytes()) if buffer.address % _WORD else buffer
