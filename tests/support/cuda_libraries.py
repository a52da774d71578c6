"""CuPy and XGBoost's CUDA build on the simulated GPU, for tests.

Both look at the simulator's memory as kernels of theirs would (`cuda_consumers`), and compute with numpy and with
XGBoost's CPU build. They are as strict as the real ones where that can be wrong unseen: CuPy's arrays do not mix with
numpy's and give nothing to the host by themselves, and what trains or predicts on ``cuda`` takes device memory alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.support.cuda_consumers import CudaArray


class Array(np.lib.mixins.NDArrayOperatorsMixin):
    """What stands for ``cupy.ndarray``."""

    __slots__ = ("_memory", "_values")
    __array_priority__ = 100

    def __init__(self, values: npt.NDArray[Any]) -> None:
        self._values = values
        self._memory: Any = None

    shape = property(lambda self: self._values.shape)
    ndim = property(lambda self: self._values.ndim)
    dtype = property(lambda self: self._values.dtype)
    size = property(lambda self: self._values.size)
    nbytes = property(lambda self: self._values.nbytes)
    T = property(lambda self: Array(self._values.T))

    def __len__(self) -> int:
        return len(self._values)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def get(self) -> npt.NDArray[Any]:
        return self._values.copy()

    def __bool__(self) -> bool:
        return bool(self._values)

    def __int__(self) -> int:
        return int(self._values)

    def __float__(self) -> float:
        return float(self._values)

    def __getitem__(self, key: Any) -> Array:
        return Array(self._values[_opened(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        self._values[_opened(key)] = _opened(value)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", None)
        if out is not None:
            options["out"] = tuple(map(_opened, out))
        made = getattr(ufunc, method)(*map(_opened, inputs), **options)
        return out[0] if out is not None else Array(np.asarray(made))

    def __array_function__(self, function: Any, _: Any, args: Any, kwargs: Any) -> Any:
        return _wrapped(function(*_opened(args), **_opened(kwargs)))

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._values, name)
        return lambda *args, **kwargs: _wrapped(method(*_opened(args), **_opened(kwargs)))

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        if self._memory is None:
            self._memory = _stored(np.ascontiguousarray(self._values))
        strides = None if self._values.flags.c_contiguous else self._values.strides
        data = (self._memory.ptr if self.size else 0, False)
        return {"shape": self.shape, "typestr": self.dtype.str, "data": data, "strides": strides, "version": 3}


def _stored(values: npt.NDArray[Any]) -> Any:
    """Return simulated memory that holds some values."""
    from volley.engine.kernels.simulator import machine, rmm
    from volley.engine.kernels.simulator.device_buffer import DeviceBuffer, copy_host_to_ptr

    stream = rmm.DEFAULT_STREAM
    memory = DeviceBuffer(size=max(values.nbytes, 1), stream=stream, mr=rmm.get_current_device_resource())
    traffic = machine().traffic
    before = traffic.to_device, traffic.copies_to_device
    copy_host_to_ptr(values.reshape(-1).view(np.uint8), memory.ptr, stream=stream)
    stream.synchronize()
    traffic.to_device, traffic.copies_to_device = before  # it was made on the device
    return memory


def _opened(value: Any) -> Any:
    if isinstance(value, Array):
        return value._values
    if isinstance(value, np.ndarray) and value.ndim:
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    if isinstance(value, tuple | list):
        return type(value)(_opened(part) for part in value)
    return {key: _opened(part) for key, part in value.items()} if isinstance(value, dict) else value


def _wrapped(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(map(_wrapped, value))
    return Array(np.asarray(value)) if isinstance(value, np.ndarray | np.generic) else value


class Cupy(ModuleType):
    """What stands for ``cupy``: numpy's functions over its arrays."""

    def __init__(self) -> None:
        super().__init__("cupy")
        self.__spec__ = ModuleSpec("cupy", None)
        self.ndarray = Array
        self.cuda = SimpleNamespace(get_current_stream=lambda: SimpleNamespace(synchronize=lambda: None))
        self.uploaded = 0

    def asarray(self, given: Any, dtype: Any = None, order: Any = None) -> Array:
        if isinstance(given, Array):
            return given
        if hasattr(given, "__cuda_array_interface__"):
            return Array(CudaArray(given).values())
        values = np.array(given, dtype=dtype, order=order or "K")
        self.uploaded += values.nbytes
        return Array(values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        function = getattr(np, name)
        return function if isinstance(function, type) else lambda *a, **k: _wrapped(function(*_opened(a), **_opened(k)))


def _device_values(given: Any) -> Any:
    """Return what XGBoost sees of an array that must be on the device."""
    return None if given is None else CudaArray(given).values()


class Xgboost(ModuleType):
    """What stands for XGBoost's CUDA build, over its CPU build.

    Attributes
    ----------
    seen
        What was asked of it on ``cuda``, in order.
    """

    def __init__(self, real: ModuleType) -> None:
        super().__init__("xgboost")
        self.__spec__ = real.__spec__
        self._real = real
        self.seen: list[str] = []
        self._resident: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_real"], name)

    def build_info(self) -> dict[str, Any]:
        return {**self._real.build_info(), "USE_CUDA": True}

    def QuantileDMatrix(self, data: Any, *, label: Any, weight: Any, **options: Any) -> Any:  # noqa: N802 - its name
        if isinstance(data, np.ndarray):
            return self._real.QuantileDMatrix(data, label=label, weight=weight, **options)
        arrays = map(_device_values, (data, label, weight))
        values, labels, weights = arrays
        made = self._real.QuantileDMatrix(values, label=labels, weight=weights, **options)
        self.seen.append("train")
        self._resident.append(made)
        return made

    def DMatrix(self, data: Any, **options: Any) -> Any:  # noqa: N802 - its name
        return self._real.DMatrix(data if isinstance(data, np.ndarray) else _device_values(data), **options)

    def train(self, parameters: dict[str, Any], data: Any, **options: Any) -> Any:
        on_device = any(data is one for one in self._resident)
        assert parameters["device"] == ("cuda" if on_device else "cpu")
        return self._real.train({**parameters, "device": "cpu"}, data, **options)

    def Booster(self, parameters: dict[str, Any], model_file: Any = None) -> Any:  # noqa: N802 - its name
        opened = self._real.Booster({**parameters, "device": "cpu"}, model_file=model_file)
        if parameters["device"] == "cpu":
            return opened
        return SimpleNamespace(
            inplace_predict=self._noted("predict", lambda X: Array(opened.inplace_predict(_device_values(X)))),
            predict=self._noted("explain", opened.predict),
        )

    def _noted(self, what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.seen.append(what)
            return function(*args, **kwargs)

        return call


def install(monkeypatch: pytest.MonkeyPatch) -> Xgboost:
    """Put both in the place of the real ones, for code that runs on the simulated GPU."""
    import xgboost

    from tests.support.simulated_gpu import simulated_device
    from volley.ml import cuda

    simulated_device()
    from volley.engine.kernels.gpu import matrices

    stand_in = Xgboost(xgboost)
    monkeypatch.setitem(sys.modules, "xgboost", stand_in)
    monkeypatch.setitem(sys.modules, "cupy", Cupy())
    monkeypatch.setattr(matrices, "reachable", True)
    for refusal in (cuda.arrays_refusal, cuda.trees_refusal):
        refusal.cache_clear()
        monkeypatch.setattr(refusal, "__wrapped__", refusal.__wrapped__)  # so that undoing it comes after this one
    return stand_in
