"""What stands for ``pylibcudf.column``: columns whose values the host cannot see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import pyarrow as pa

from .binding import simulated
from .interop import ColumnMetadata, arrow_column
from .machine import Buffer, HostAccess, SimulatorError, current, machine
from .types import BOOL8, DataType, TypeId, held_type


class Column:
    """A view of rows ``offset`` to ``offset + size`` of a piece of device memory."""

    __slots__ = ("__weakref__", "_buffer", "_dtype", "_nulls", "_size", "_start")
    _buffer: Buffer
    _dtype: DataType
    _nulls: int | None
    _size: int
    _start: int

    def __init__(self, *_: Any, **__: Any) -> None:
        raise SimulatorError("columns over raw memory are not simulated; make them with from_arrow")

    @classmethod
    def _of(cls, buffer: Buffer, dtype: DataType, start: int, size: int) -> Column:
        column = object.__new__(cls)
        column._buffer, column._dtype, column._start, column._size = buffer, dtype, start, size
        column._nulls = None
        return column

    def _opened(self) -> pa.Array:
        return self._buffer.open().slice(self._start, self._size)

    def _buffers(self) -> Iterator[Buffer]:
        yield self._buffer

    def _view(self, start: int, size: int) -> Column:
        return Column._of(self._buffer, self._dtype, self._start + start, size)

    @simulated("pylibcudf.column.Column.type", method=True)
    def type(self) -> DataType:
        """Return the type."""
        return self._dtype

    @simulated("pylibcudf.column.Column.size", method=True)
    def size(self) -> int:
        """Return the number of rows."""
        return self._size

    @simulated("pylibcudf.column.Column.null_count", method=True)
    def null_count(self) -> int:
        """Return the number of nulls."""
        if self._nulls is None:
            self._nulls = int(self._opened().null_count)
        return self._nulls

    @simulated("pylibcudf.column.Column.offset", method=True)
    def offset(self) -> int:
        """Return the first row of the memory that belongs to the column."""
        return self._start

    @simulated("pylibcudf.column.Column.data", method=True)
    def data(self) -> Any:
        """Return the memory of the values, from the first that the memory holds on, and not from `offset`."""
        from .device_buffer import values_of

        return values_of(self._buffer)

    @simulated("pylibcudf.column.Column.device_buffer_size", method=True)
    def device_buffer_size(self) -> int:
        """Return the bytes of the memory it refers to."""
        return self._buffer.nbytes

    @simulated("pylibcudf.column.Column.num_children", method=True)
    def num_children(self) -> int:
        """Return the number of columns inside."""
        return len(self._inside())

    @simulated("pylibcudf.column.Column.children", method=True)
    def children(self) -> list[Column]:
        """Return the columns inside: offsets and values of lists, fields of structs, whatever the slice."""
        return self._inside()

    @simulated("pylibcudf.column.Column.child", method=True)
    def child(self, index: int) -> Column:
        """Return a column inside."""
        return self._inside()[index]

    def _inside(self) -> list[Column]:
        if self._dtype.id() == TypeId.STRUCT:
            whole = self._buffer.open()
            return [_sharing(self, whole.field(i), whole.field(i).type) for i in range(whole.type.num_fields)]
        if self._dtype.id() == TypeId.LIST:
            whole = self._buffer.open()
            return [_sharing(self, whole.offsets, pa.int32()), _sharing(self, whole.values, whole.type.value_type)]
        return []

    @simulated("pylibcudf.column.Column.with_mask", method=True)
    def with_mask(self, mask: Any, null_count: int, validate: bool = True) -> Column:
        """Return the column with another mask: with none, that of no nulls."""
        if mask is not None or null_count:
            raise NotImplementedError("masks other than none are not simulated")
        array = self._opened()
        parts = [None, *array.buffers()[1:]]
        plain = pa.Array.from_buffers(array.type, len(array), parts, null_count=0, offset=array.offset)
        return _sharing(self, plain, array.type)

    @simulated("pylibcudf.column.Column.list_view", method=True)
    def list_view(self) -> ListsColumnView:
        """Return the column as lists."""
        return ListsColumnView(self)

    @simulated("pylibcudf.column.Column.copy", method=True)
    def copy(self, stream: Any = None, mr: Any = None) -> Column:
        """Return a copy."""
        return _made(self._opened(), self._dtype)

    @staticmethod
    @simulated("pylibcudf.column.Column.from_arrow")
    def from_arrow(obj: Any, dtype: Any = None, stream: Any = None, mr: Any = None) -> Column:
        """Copy Arrow data to the device."""
        if dtype is not None:
            raise NotImplementedError("a column of Arrow data with another type")
        return uploaded(obj)

    @staticmethod
    @simulated("pylibcudf.column.Column.from_cuda_array_interface")
    def from_cuda_array_interface(obj: Any, stream: Any = None) -> Column:
        """Take memory that another library describes, in place, and keep what it belongs to."""
        from .device_buffer import described_values

        return described_values(obj)

    @simulated("pylibcudf.column.Column.to_arrow", method=True)
    def to_arrow(self, metadata: ColumnMetadata | str | None = None, stream: Any = None) -> pa.Array:
        """Copy the values to the host."""
        array = self._opened()
        machine().moved(to_host=array.nbytes)
        return arrow_column(array, metadata)

    @simulated("pylibcudf.column.Column.to_scalar", method=True)
    def to_scalar(self, stream: Any = None, mr: Any = None) -> Any:
        """Return the one value of a column of one row."""
        from .values import device_scalar

        return device_scalar(self._opened(), self._dtype)

    @staticmethod
    @simulated("pylibcudf.column.Column.from_scalar")
    def from_scalar(slr: Any, size: int, stream: Any = None, mr: Any = None) -> Column:
        """Repeat a scalar."""
        array = slr._opened()
        return _made(array.take(pa.array([0] * size, pa.int32())) if size else array.slice(0, 0), slr.type())

    @staticmethod
    @simulated("pylibcudf.column.Column.all_null_like")
    def all_null_like(like: Column, size: int, stream: Any = None, mr: Any = None) -> Column:
        """Return nulls of the type of a column."""
        return _made(pa.nulls(size, like._opened().type), like._dtype)

    @staticmethod
    @simulated("pylibcudf.column.Column.struct_from_children")
    def struct_from_children(children: Any) -> Column:
        """Return structs, none of them null, over columns as fields."""
        arrays = [child._opened() for child in children]
        joined = pa.StructArray.from_arrays(arrays, [str(place) for place in range(len(arrays))])
        return _sharing(children[0], joined, joined.type)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise HostAccess(f"{name} of a device column was asked for on the host")
        raise AttributeError(f"pylibcudf's Column has no {name} in the simulator")

    def __len__(self) -> NoReturn:
        raise HostAccess("a device column has no len(); ask size()")

    def __iter__(self) -> NoReturn:
        raise HostAccess("a device column cannot be iterated")


class ListsColumnView:
    """A column of lists, taken apart."""

    def __init__(self, column: Column) -> None:
        if column.type().id() != TypeId.LIST:
            raise TypeError("not a column of lists")
        self._column = column

    @simulated("pylibcudf.column.ListsColumnView.child", method=True)
    def child(self) -> Column:
        """Return the values of all lists, also of those outside the slice."""
        return self._column.child(1)

    @simulated("pylibcudf.column.ListsColumnView.offsets", method=True)
    def offsets(self) -> Column:
        """Return where each list starts."""
        return self._column.child(0)

    @simulated("pylibcudf.column.ListsColumnView.get_sliced_child", method=True)
    def get_sliced_child(self, stream: Any = None) -> Column:
        """Return the values of the lists of the slice."""
        array = self._column._opened()
        first, last = array.offsets[0].as_py(), array.offsets[len(array)].as_py()
        return _sharing(self._column, array.values.slice(first, last - first), array.type.value_type)


def _made(array: pa.Array, dtype: DataType) -> Column:
    from .values import device

    return device(array, dtype)


def _sharing(owner: Column, array: pa.Array, arrow: pa.DataType) -> Column:
    """Return a column inside another: it costs nothing, and keeps all of the other's memory."""
    call = current()
    assert call is not None
    inner = Buffer(array, 0, owner._buffer.mr, owner._buffer.stream)
    inner.ticket = owner._buffer.ticket
    return Column._of(inner, DataType.from_arrow(arrow), 0, len(array))


def uploaded(obj: Any) -> Column:
    """Return host data as a new column, counted."""
    if isinstance(obj, pa.ChunkedArray):
        obj = pa.concat_arrays(obj.chunks) if obj.num_chunks else pa.nulls(0, obj.type)
    dtype = DataType.from_arrow(obj.type)  # raises for what libcudf has not
    held = held_type(obj.type)
    array = obj if obj.type == held else obj.cast(held)
    machine().moved(to_device=array.nbytes)
    _check_bits(array)
    return _made(array, dtype)


def _check_bits(array: pa.Array) -> None:
    """Refuse what the driver refuses: bits that begin within a byte, copied to a buffer that is too short for them.

    So does ``from_arrow_host.cu`` of 26.10, whose buffers have whole words for values and 64 bytes at a time for nulls.
    """
    needed = -(-(len(array) + array.offset % 8) // 8)
    values = pa.types.is_boolean(array.type) and needed > -(-len(array) // 32) * 4
    if values or (array.null_count and needed > -(-len(array) // 512) * 64):
        raise RuntimeError("CUDA error encountered at: from_arrow_host.cu: 1 cudaErrorInvalidValue invalid argument")


__all__ = ["BOOL8", "Column", "ListsColumnView", "uploaded"]
