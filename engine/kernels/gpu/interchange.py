"""Arrays in device memory as other libraries take them, in place: the CUDA array interface and DLPack.

Both only describe memory: an address, a shape, strides and a type. Whoever takes an array keeps it alive, and with it
the column or buffer that owns the memory. Kernels that made it have finished, so nobody has a stream to wait for.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

CUDA = 2
"""DLPack's number for this kind of device."""
_DEVICE = 0
"""Number of the device: a process uses the first one that it sees (``CUDA_VISIBLE_DEVICES``)."""
_NAME = b"dltensor"


class DeviceArray:
    """Values in device memory.

    Parameters
    ----------
    owner
        What the memory belongs to; kept as long as the array, or what was made of it, is.
    address
        Of the first value.
    shape
        One or two lengths; two are laid out column by column.
    dtype
        Of numpy, for a bool, integer or float.
    """

    __slots__ = ("_address", "_owner", "dtype", "shape")

    def __init__(self, owner: Any, address: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._owner, self._address = owner, address
        self.shape, self.dtype = shape, dtype

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
        return self.size * self.dtype.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        """Bytes from one row to the next, and from one column to the next."""
        width = self.dtype.itemsize
        return (width,) if self.ndim == 1 else (width, width * self.shape[0])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: tuple[slice, slice | int]) -> DeviceArray:
        """Return a column, ``[:, 3]``, or some, ``[:, 1:3]``, of a matrix: in place."""
        rows, columns = key
        if self.ndim != 2 or rows != slice(None):
            raise IndexError("only whole columns of a matrix are taken in place: array[:, 1:3] or array[:, 0]")
        width = self.shape[1]
        first, last, step = (columns, columns + 1, 1) if isinstance(columns, int) else columns.indices(width)
        if step != 1 or not 0 <= first <= last <= width:
            raise IndexError(f"columns {columns!r} of {width}")
        shape = self.shape[:1] if isinstance(columns, int) else (self.shape[0], last - first)
        return DeviceArray(self._owner, self._address + first * self.strides[1], shape, self.dtype)

    def __repr__(self) -> str:
        return f"<DeviceArray {self.dtype} {' x '.join(map(str, self.shape))} on the GPU>"

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            # Not read-only: torch takes nothing that is.
            "data": (self._address if self.size else 0, False),
            "strides": None if self.ndim == 1 else self.strides,
            "version": 3,
            "stream": None,
        }

    def __dlpack_device__(self) -> tuple[int, int]:
        return CUDA, _DEVICE

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        """Return a capsule over the memory, of DLPack before version 1, which every consumer takes.

        Raises
        ------
        BufferError
            If a copy, or memory of another device, is asked for.
        """
        if dl_device is not None and tuple(dl_device) != (CUDA, _DEVICE):
            raise BufferError("the values are on the GPU; to_arrow and to_pandas copy them to the host")
        if copy:
            raise BufferError("the values are handed on in place; copy them with the library that takes them")
        return _capsule(self)


class _Described:
    """Memory as numpy takes it, which reads nothing of it."""

    def __init__(self, array: DeviceArray) -> None:
        described = array.__cuda_array_interface__
        self._array = array
        self.__array_interface__ = {
            name: described[name] for name in ("shape", "typestr", "data", "strides", "version")
        }


def _capsule(array: DeviceArray) -> Any:
    """Return a capsule over an array's memory.

    A consumer may let go of one while an error is raised, on a thread without Python, or after Python has ended, where
    a destructor in Python would do harm. So numpy makes the capsule, which has its own in C: of an array that it takes
    to be the host's, and never sees; then the capsule is told where the memory is.
    """
    made = np.asarray(_Described(array)).__dlpack__()
    tensor = ctypes.cast(_pointer(made, _NAME), ctypes.POINTER(_Tensor)).contents
    tensor.kind, tensor.number = CUDA, _DEVICE
    return made


class _Tensor(ctypes.Structure):
    """The start of DLPack's ``DLTensor``."""

    _fields_ = (("data", ctypes.c_void_p), ("kind", ctypes.c_int32), ("number", ctypes.c_int32))


_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
