"""What stands for ``pylibcudf.gpumemoryview``: bytes in device memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

from .device_buffer import DeviceBuffer
from .machine import Buffer, HostAccess
from .signatures import signature


class gpumemoryview:  # noqa: N801 - its name there
    """A view of device memory that anything that owns some was made from."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        data = signature("pylibcudf.gpumemoryview.gpumemoryview").bind(*args, **kwargs).arguments["data"]
        if not isinstance(data, (gpumemoryview, Buffer, DeviceBuffer)):
            raise TypeError(f"{type(data).__name__} does not implement __cuda_array_interface__")
        self._buffer: Buffer = data if isinstance(data, Buffer) else data._buffer

    @property
    def ptr(self) -> int:
        """The address."""
        return self._buffer.address

    @property
    def nbytes(self) -> int:
        """Number of bytes."""
        return self._buffer.nbytes

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self._buffer.nbytes

    def _buffers(self) -> Iterator[Buffer]:
        yield self._buffer

    def __len__(self) -> int:
        return self._buffer.nbytes

    def __bytes__(self) -> NoReturn:
        raise HostAccess("device memory was read from the host; copy it with to_arrow")
