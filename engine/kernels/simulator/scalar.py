"""What stands for ``pylibcudf.scalar``: one value on the device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import pyarrow as pa

from .binding import simulated
from .machine import Buffer, HostAccess, SimulatorError, machine
from .types import TIMESTAMPS, DataType, held_type


class Scalar:
    """One value in device memory."""

    __slots__ = ("__weakref__", "_buffer", "_dtype")
    _buffer: Buffer
    _dtype: DataType

    def __init__(self, *_: Any, **__: Any) -> None:
        raise ValueError("Scalar should be constructed with a factory")

    @classmethod
    def _of(cls, buffer: Buffer, dtype: DataType) -> Scalar:
        scalar = object.__new__(cls)
        scalar._buffer, scalar._dtype = buffer, dtype
        return scalar

    def _opened(self) -> pa.Array:
        return self._buffer.open()

    def _buffers(self) -> Iterator[Buffer]:
        yield self._buffer

    @simulated("pylibcudf.scalar.Scalar.type", method=True)
    def type(self) -> DataType:
        """Return the type."""
        return self._dtype

    @simulated("pylibcudf.scalar.Scalar.is_valid", method=True)
    def is_valid(self, stream: Any = None) -> bool:
        """Return whether it is not null, which must be fetched."""
        machine().moved(to_host=1)
        return bool(self._opened().null_count == 0)

    @staticmethod
    @simulated("pylibcudf.scalar.Scalar.from_arrow")
    def from_arrow(pa_val: Any, dtype: Any = None, stream: Any = None) -> Scalar:
        """Copy an Arrow scalar to the device."""
        from .values import device_scalar

        if not isinstance(pa_val, pa.Scalar):
            raise TypeError(f"{pa_val!r} is not an Arrow scalar")
        own = DataType.from_arrow(pa_val.type)
        if dtype is not None and dtype != own:
            raise NotImplementedError(f"an Arrow scalar of {pa_val.type} as {dtype}")
        array = pa.array([pa_val.as_py()], pa_val.type) if not pa_val.is_valid else pa.array([pa_val])
        held = held_type(pa_val.type)
        machine().moved(to_device=max(array.nbytes, 1))
        return device_scalar(array if array.type == held else array.cast(held), own)

    @simulated("pylibcudf.scalar.Scalar.to_py", method=True)
    def to_py(self, stream: Any = None) -> Any:
        """Copy the value to the host."""
        array = self._opened()
        if self._dtype.id() in TIMESTAMPS:
            raise NotImplementedError(f"Converting to Python scalar for type {self._dtype!r} is not supported.")
        machine().moved(to_host=max(array.nbytes, 1))
        return array[0].as_py()

    @simulated("pylibcudf.scalar.Scalar.to_arrow", method=True)
    def to_arrow(self, metadata: Any = None, stream: Any = None) -> pa.Scalar:
        """Copy the value to the host as Arrow's."""
        from .interop import arrow_column

        array = self._opened()
        machine().moved(to_host=max(array.nbytes, 1))
        return arrow_column(array, metadata)[0]

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise HostAccess(f"{name} of a device scalar was asked for on the host")
        raise AttributeError(f"pylibcudf's Scalar has no {name} in the simulator")

    def __bool__(self) -> NoReturn:
        raise SimulatorError("a device scalar has no truth value on the host; fetch it with to_py")
