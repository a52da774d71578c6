"""What CuPy, torch, JAX and XGBoost do with memory that they are offered, without a GPU.

Both consumers read the descriptions by the letter of their specifications and look at the memory through the
simulator, as a kernel of another library would: what was freed, or is still being written, raises there.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt


class CudaArray:
    """An array taken by the CUDA array interface, version 3, as ``cupy.asarray`` and ``numba.cuda.as_cuda_array`` do.

    https://numba.readthedocs.io/en/stable/cuda/cuda_array_interface.html
    """

    def __init__(self, producer: Any) -> None:
        described = producer.__cuda_array_interface__
        assert {"shape", "typestr", "data", "version"} <= set(described)
        assert described["version"] == 3
        assert described.get("mask") is None, "no consumer takes masks"
        assert described.get("stream") is None, "nothing is left to wait for"
        self.shape = described["shape"]
        assert isinstance(self.shape, tuple)
        self.dtype = np.dtype(described["typestr"])
        self.address, read_only = described["data"]
        assert read_only is False, "torch refuses what is read-only"
        self.strides = described["strides"]
        self.owner = producer

    def values(self) -> npt.NDArray[Any]:
        return _read(self.address, self.shape, self.strides, self.dtype)


class DlpackArray:
    """An array taken from a DLPack capsule as ``torch.from_dlpack`` and ``jax.dlpack.from_dlpack`` do.

    https://dmlc.github.io/dlpack/latest/python_spec.html
    """

    def __init__(self, producer: Any) -> None:
        kind, number = producer.__dlpack_device__()
        self.device = (int(kind), int(number))
        capsule = producer.__dlpack__(stream=None, max_version=(1, 0))
        self._managed = _pointer(capsule, b"dltensor")
        assert self._managed, "the capsule must be named dltensor"
        _rename(capsule, b"used_dltensor")
        # int64 words: data, device, ndim and dtype, shape, strides, offset; then the manager and its deleter
        words = ctypes.cast(self._managed, ctypes.POINTER(ctypes.c_int64))
        halves = ctypes.cast(self._managed, ctypes.POINTER(ctypes.c_int32))
        self.address = words[0] & (1 << 64) - 1
        assert (halves[2], halves[3]) == self.device
        ndim = halves[4]
        code, bits, lanes = halves[5] & 0xFF, halves[5] >> 8 & 0xFF, halves[5] >> 16
        assert lanes == 1
        self.dtype = np.dtype(f"{({0: 'i', 1: 'u', 2: 'f', 6: 'b'})[code]}{bits // 8}")
        shape, strides = (ctypes.cast(words[place], ctypes.POINTER(ctypes.c_int64)) for place in (3, 4))
        self.shape = tuple(shape[i] for i in range(ndim))
        compact = np.empty(self.shape, self.dtype).strides  # what no strides mean
        self.strides = tuple(strides[i] * self.dtype.itemsize for i in range(ndim)) if words[4] else compact
        assert words[5] == 0
        self._deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(words[7])

    def values(self) -> npt.NDArray[Any]:
        return _read(self.address, self.shape, self.strides, self.dtype)

    def delete(self) -> None:
        self._deleter(self._managed)


_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
_rename = ctypes.pythonapi.PyCapsule_SetName
_rename.restype, _rename.argtypes = ctypes.c_int, (ctypes.py_object, ctypes.c_char_p)


def _read(address: int, shape: tuple[int, ...], strides: tuple[int, ...] | None, dtype: Any) -> npt.NDArray[Any]:
    from volley.engine.kernels.simulator.device_buffer import foreign_read

    if not np.prod(shape):
        return np.empty(shape, dtype)
    wanted = strides or np.empty(shape, dtype).strides
    size = sum((length - 1) * step for length, step in zip(shape, wanted, strict=True)) + dtype.itemsize
    return np.ndarray(shape, dtype, foreign_read(address, size), strides=wanted)


def host_values(array: Any) -> npt.NDArray[Any]:
    """Return the values of an array of any device."""
    if isinstance(array, np.ndarray):
        return array
    from volley.engine.kernels.gpu.library import SIMULATED

    if SIMULATED:
        return CudaArray(array).values()
    import cupy  # which cuDF needs as well

    return np.asarray(cupy.asnumpy(cupy.asarray(array)))
