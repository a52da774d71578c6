"""What stands for ``rmm.pylibrmm.device_buffer``: device memory without a type, and raw copies between addresses."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from . import rmm
from .binding import simulated
from .column import Column
from .machine import Buffer, HostAccess, SimulatorError, current, machine
from .signatures import signature
from .types import DataType


class DeviceBuffer:
    """Bytes in device memory; what they are is undefined until something is copied there."""

    __slots__ = ("_buffer",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        bound = signature("rmm.pylibrmm.device_buffer.DeviceBuffer").bind(*args, **kwargs).arguments
        self._buffer: Buffer = _allocated(**bound)

    def _buffers(self) -> Iterator[Buffer]:
        yield self._buffer

    @property
    def ptr(self) -> int:
        """The address."""
        return self._buffer.address

    @property
    def nbytes(self) -> int:
        """Bytes."""
        return self._buffer.nbytes

    size = nbytes

    def __len__(self) -> int:
        return self.nbytes

    def __bytes__(self) -> NoReturn:
        raise HostAccess("device memory was read from the host; copy it with copy_to_host")


@simulated("rmm.pylibrmm.device_buffer.DeviceBuffer")
def _allocated(*, ptr: Any = ..., size: Any = ..., stream: Any = ..., mr: Any = None) -> Buffer:
    if ptr is not ...:
        raise SimulatorError("memory made of what lies at an address is not simulated")
    call = current()
    assert call is not None
    undefined = np.full(0 if size is ... else size, 0xCD, np.uint8)
    return Buffer(undefined, len(undefined), call.mr, call.stream)


@simulated("rmm.pylibrmm.device_buffer.copy_device_to_ptr")
def copy_device_to_ptr(d_src: int, d_dst: int, count: int, stream: Any = ...) -> None:
    """Copy bytes from one address to another."""
    call = current()
    assert call is not None
    (source, start), (target, place) = machine().at(d_src, count), machine().at(d_dst, count)
    for buffer in (source, target):
        buffer.check(call.stream)
    _writable(target)[place : place + count] = _raw(source)[start : start + count]
    target.stream, target.ticket = call.stream, call.stream.launch()


@simulated("rmm.pylibrmm.device_buffer.copy_ptr_to_host")
def copy_ptr_to_host(db: int, hb: Any, stream: Any = ...) -> None:
    """Copy bytes from an address to the host, which has them once the stream is finished."""
    call = current()
    assert call is not None
    target = _host_bytes(hb)
    source, start = machine().at(db, len(target))
    source.check(call.stream)
    value = _raw(source)[start : start + len(target)].copy()
    machine().moved(to_host=len(target))
    call.stream.copies(lambda: np.copyto(target, value))


@simulated("rmm.pylibrmm.device_buffer.copy_host_to_ptr")
def copy_host_to_ptr(hb: Any, db: int, stream: Any = ...) -> None:
    """Copy bytes from the host to an address; they must stay as they are until the stream is finished."""
    call = current()
    assert call is not None
    source = _host_bytes(hb)
    target, start = machine().at(db, len(source))
    value = source.copy()
    _writable(target)[start : start + len(source)] = value
    target.stream, target.ticket = call.stream, call.stream.launch()
    machine().moved(to_device=len(source))

    def compare() -> None:
        if not np.array_equal(source, value):
            raise SimulatorError("memory of the host was changed before the copy from it was over")

    call.stream.copies(compare)


def _host_bytes(given: Any) -> NDArray[np.uint8]:
    view = memoryview(given)
    if view.format != "B" or view.ndim != 1 or not view.contiguous:  # what Cython's `unsigned char[::1]` takes
        raise TypeError("Buffer dtype mismatch, expected 'unsigned char'")
    return np.frombuffer(view, np.uint8)


def _writable(buffer: Buffer) -> NDArray[np.uint8]:
    written = buffer.open()
    if not isinstance(written, np.ndarray):
        raise SimulatorError("bytes were copied into the memory of a column, which is never changed")
    return written


class _Values:
    """The memory of a column's values: a span, as pylibcudf's ``Span``."""

    __slots__ = ("ptr", "size")

    def __init__(self, ptr: int, size: int) -> None:
        self.ptr, self.size = ptr, size


def values_of(buffer: Buffer) -> _Values | None:
    """Return where the values of a column of fixed width lie; None for a column that has none."""
    array = buffer.open()
    if not len(array):
        return None
    return _Values(buffer.address, len(_raw(buffer)))


def described_values(obj: Any) -> Column:
    """Return the column over the memory of an array; pylibcudf takes it where it is contiguous and has no mask."""
    described = obj.__cuda_array_interface__
    kind = np.dtype(described["typestr"])
    [rows] = described["shape"]
    if described.get("strides") not in (None, (kind.itemsize,)) or described.get("mask") is not None:
        raise ValueError("Data must be C-contiguous, without a mask")
    owner, start = machine().at(described["data"][0], rows * kind.itemsize) if rows else (None, 0)
    call = current()
    assert call is not None
    if owner is None:
        return Column._of(Buffer(pa.array([], pa.from_numpy_dtype(kind)), 0, call.mr, call.stream), _type(kind), 0, 0)
    owner.check(call.stream)
    values = pa.array(_raw(owner)[start : start + rows * kind.itemsize].copy().view(kind))
    inner = Buffer(values, 0, owner.mr, owner.stream)
    inner.ticket, inner.keeps = owner.ticket, (obj, owner)
    return Column._of(inner, _type(kind), 0, rows)


def _type(kind: np.dtype[Any]) -> DataType:
    return DataType.from_arrow(pa.from_numpy_dtype(kind))


def foreign_read(address: int, nbytes: int) -> NDArray[np.uint8]:
    """Return bytes at an address as a kernel of another library reads them: for the consumers of tests alone."""
    buffer, start = machine().at(address, nbytes)
    buffer.check(rmm.DEFAULT_STREAM)
    with foreign():
        return _raw(buffer)[start : start + nbytes].copy()


def foreign_view(array: Any) -> NDArray[Any]:
    """Return the values of an array as a kernel that is launched by another library sees them, to be written too."""
    described = array.__cuda_array_interface__
    kind = np.dtype(described["typestr"])
    size = int(np.prod(described["shape"])) * kind.itemsize
    if not size:
        return np.empty(0, kind)
    buffer, start = machine().at(described["data"][0], size)
    buffer.check(rmm.DEFAULT_STREAM)
    with foreign():
        return _raw(buffer)[start : start + size].view(kind)


def foreign() -> Any:
    """Let a kernel of another library run."""
    from .machine import Call, under_way

    return under_way(Call("a kernel of another library", rmm.DEFAULT_STREAM, rmm.get_current_device_resource()))


def _raw(buffer: Buffer) -> NDArray[np.uint8]:
    """Return the bytes of a piece of memory as the device has them: bools take one each."""
    array = buffer.open()
    if isinstance(array, np.ndarray):
        return array
    kind = array.type
    if pa.types.is_boolean(kind):
        return np.asarray(array.fill_null(False).to_numpy(zero_copy_only=False)).view(np.uint8)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise SimulatorError(f"the memory of {kind} was asked for, which is not laid out as the device's")
    width = kind.bit_width // 8
    held = np.frombuffer(array.buffers()[1], np.uint8)
    return held[array.offset * width : (array.offset + len(array)) * width]


rmm.pylibrmm.device_buffer = SimpleNamespace(
    DeviceBuffer=DeviceBuffer,
    copy_device_to_ptr=copy_device_to_ptr,
    copy_host_to_ptr=copy_host_to_ptr,
    copy_ptr_to_host=copy_ptr_to_host,
)
