"""Lazily compiled, disk-cached numba kernels with explicit signatures.

Knows how a plain Python function becomes machine code and where that code is kept; knows nothing of what the kernels
compute. Importing this module does not import numba (0.2 s); the first call of a kernel does.

A kernel's signature is written in a C-like notation, for example ``"i64(const i32[], const f64[], f64[,])"``:
``[]`` is a contiguous one-dimensional array, ``[,]`` a C-contiguous two-dimensional one, and ``const`` promises that
the kernel does not write to it, which lets read-only arrays (Arrow buffers) in.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import pickle
import re
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Generic, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")

_SIGNATURE = re.compile(r"^(\w+)\((.*)\)$")
_ARGUMENT = re.compile(r"^(const )?(\w+?)(\[,?\])?$")
_SCALARS = {
    "i8": "int8",
    "i16": "int16",
    "i32": "int32",
    "i64": "int64",
    "u8": "uint8",
    "u16": "uint16",
    "u32": "uint32",
    "u64": "uint64",
    "f64": "float64",
    "bool": "boolean",
    "void": "void",
}
_compile_lock = threading.RLock()
_registry: list[Kernel[..., Any]] = []


class Kernel(Generic[P, R]):
    """A function that is compiled, or loaded from the disk cache, when it is first called. Thread-safe.

    Kernels release the GIL. They may call functions marked with `device` and other kernels.
    """

    def __init__(self, function: Callable[P, R], signatures: tuple[str, ...]) -> None:
        self.function = cast("FunctionType", function)
        self.signatures = signatures
        self.__doc__ = function.__doc__
        self.__wrapped__ = function
        self._compiled: Callable[P, R] | None = None
        _registry.append(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the kernel."""
        run = self._compiled
        if run is None:
            run = self.compiled()
        return run(*args, **kwargs)

    def compiled(self) -> Callable[P, R]:
        """Return the numba dispatcher behind this kernel, compiling or loading it if need be."""
        with _compile_lock:
            if self._compiled is None:
                self._compiled = _compile(self.function, self.signatures)
            return self._compiled


class _Device:
    """A function that exists only inside kernels, where it is inlined."""

    def __init__(self, function: FunctionType | None, *, module: str = "", name: str = "") -> None:
        self.function = function
        self.module = module
        self.name = name
        self._resolved: object = None

    def resolve(self) -> object:
        """Return what numba must see in this function's place."""
        with _compile_lock:
            if self._resolved is None:
                if self.function is None:
                    self._resolved = getattr(importlib.import_module(self.module, __package__), self.name)
                else:
                    from numba import njit

                    options = {"nogil": True, "error_model": "numpy", "forceinline": True}
                    self._resolved = njit(**options)(_with_numba_globals(self.function))
            return self._resolved


def kernel(*signatures: str) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Make a function a kernel with the given signatures; all of them are compiled at its first call.

    Parameters
    ----------
    *signatures
        For example ``"void(const u64[], i64, u64[])"``; see the module's docstring.
    """

    def decorate(function: Callable[P, R]) -> Kernel[P, R]:
        return Kernel(function, signatures)

    return decorate


def device(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a function as callable from kernels (only), where it is inlined."""
    return cast("Callable[P, R]", _Device(cast("FunctionType", function)))


def intrinsic(name: str) -> Callable[..., Any]:
    """Name a function of the module ``instructions``, which is imported only when a kernel that uses it compiles."""
    return cast("Callable[..., Any]", _Device(None, module=".instructions", name=name))


def warm() -> dict[str, float]:
    """Compile, or load from the disk cache, every kernel of this package; return seconds per kernel.

    Worth calling when a worker starts or an image is built, so that no query waits for the compiler.
    """
    for module in ("hashing", "grouping", "accumulate", "radix", "joining", "sorting", "textsort", "gathering"):
        importlib.import_module(f".{module}", __package__)
    seconds: dict[str, float] = {}
    for each in tuple(_registry):
        start = time.perf_counter()
        each.compiled()
        seconds[f"{each.function.__module__.rpartition('.')[2]}.{each.function.__name__}"] = (
            time.perf_counter() - start
        )
    return seconds


def _compile(function: FunctionType, signatures: tuple[str, ...]) -> Any:
    from numba import njit

    options = {"nogil": True, "error_model": "numpy", "boundscheck": False}
    dispatcher = njit(**options)(_with_numba_globals(function))
    dispatcher._cache = _cache_class()(function)  # noqa: SLF001 - numba has no public way to choose a cache
    for signature in signatures:
        dispatcher.compile(_parse(signature))
    dispatcher.disable_compile()
    return dispatcher


def _with_numba_globals(function: FunctionType) -> FunctionType:
    """Copy a function so that the kernels and device functions it names are numba's objects."""
    namespace = dict(function.__globals__)
    for name in function.__code__.co_names:
        value = namespace.get(name)
        if isinstance(value, _Device):
            namespace[name] = value.resolve()
        elif isinstance(value, Kernel):
            namespace[name] = value.compiled()
    copy = FunctionType(function.__code__, namespace, function.__name__, function.__defaults__)
    copy.__qualname__ = function.__qualname__
    copy.__module__ = function.__module__
    return copy


def _parse(signature: str) -> tuple[Any, ...] | Any:
    from numba import types

    match = _SIGNATURE.match(signature)
    if match is None:
        raise ValueError(f"kernel signature {signature!r} is not of the form 'result(argument, …)'")
    result, inside = match.groups()
    arguments = []
    for text in filter(None, (part.strip() for part in inside.split(", "))):
        parsed = _ARGUMENT.match(text)
        if parsed is None or parsed[2] not in _SCALARS:
            raise ValueError(f"kernel signature {signature!r} has an unknown argument type {text!r}")
        scalar = getattr(types, _SCALARS[parsed[2]])
        if parsed[3] is None:
            arguments.append(scalar)
        else:
            dimensions = 2 if "," in parsed[3] else 1
            arguments.append(types.Array(scalar, dimensions, "C", readonly=parsed[1] is not None))
    return getattr(types, _SCALARS[result])(*arguments)


def cache_directory() -> Path:
    """Return the directory that holds compiled kernels; created if absent.

    ``$VOLLEY_CACHE_DIR/kernels`` if set, else ``__pycache__`` beside this file if writable, else
    ``$XDG_CACHE_HOME/volley/kernels`` (``~/.cache``). Where none of them can be written, a temporary directory of this
    process, with one line on standard error, because every new process will then compile afresh.
    """
    global _directory  # noqa: PLW0603 - decided once per process
    with _compile_lock:
        if _directory is None:
            _directory = _choose_directory()
        return _directory


_directory: Path | None = None


def _choose_directory() -> Path:
    chosen = os.environ.get("VOLLEY_CACHE_DIR")
    home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    candidates = [Path(__file__).parent / "__pycache__", Path(home) / "volley" / "kernels"]
    if chosen:
        candidates = [Path(chosen) / "kernels"]
    for candidate in candidates:
        try:
            candidate.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=candidate):
                return candidate
        except OSError:
            continue
    temporary = Path(tempfile.mkdtemp(prefix="volley-kernels-"))
    tried = " and ".join(str(candidate) for candidate in candidates)
    sys.stderr.write(
        f"volley: compiled kernels cannot be kept in {tried}; every process will compile its own (some seconds). "
        "Set VOLLEY_CACHE_DIR to a writable directory.\n"
    )
    return temporary


_sources_digest: bytes = b""


def _source_stamp() -> bytes:
    """Digest of this package's sources: a kernel inlines functions of other files, so any change makes all stale."""
    global _sources_digest  # noqa: PLW0603 - computed once per process
    if not _sources_digest:
        digest = hashlib.sha256()
        for path in sorted(Path(__file__).parent.glob("*.py")):
            digest.update(path.read_bytes())
        _sources_digest = digest.digest()
    return _sources_digest


def _code_digest(code: CodeType) -> str:
    return hashlib.sha256(code.co_code + repr(code.co_consts).encode()).hexdigest()


def _cache_class() -> Any:
    """Return the cache class; made here because its base is numba's."""
    global _cache_type  # noqa: PLW0603 - made once per process
    if _cache_type is None:
        _cache_type = _make_cache_class()
    return _cache_type


_cache_type: Any = None


def _make_cache_class() -> Any:
    import numba
    from numba.core.caching import _Cache
    from numba.core.compiler import CompileResult
    from numba.core.serialize import dumps

    class KernelCache(_Cache):  # type: ignore[misc]  # numba ships no types
        """One file per kernel, signature, CPU, numba and sources, named by their digest and replaced atomically.

        numba's own cache numbers the files of one function in an index that two processes starting at once can
        leave pointing at each other's code; here a name has only one possible content.
        """

        def __init__(self, function: FunctionType) -> None:
            self.function = function

        @property
        def cache_path(self) -> str:
            return str(cache_directory())

        def load_overload(self, signature: Any, target_context: Any) -> Any:
            target_context.refresh()
            try:
                payload = pickle.loads(self._path(signature, target_context.codegen()).read_bytes())  # noqa: S301 - our own file
                return CompileResult._rebuild(target_context, *payload)
            except FileNotFoundError:
                return None
            except Exception:  # noqa: BLE001 - a damaged file costs a compilation, never the query
                return None

        def save_overload(self, signature: Any, data: Any) -> None:
            path = self._path(signature, data.codegen)
            temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex[:12]}")
            try:
                temporary.write_bytes(dumps(data._reduce()))
                temporary.replace(path)
            except OSError:
                temporary.unlink(missing_ok=True)

        def enable(self) -> None:
            """Nothing to do: this cache is always on."""

        def disable(self) -> None:
            """Nothing to do: this cache is always on."""

        def flush(self) -> None:
            """Nothing to do: files of older sources are never read again."""

        def _path(self, signature: Any, codegen: Any) -> Path:
            code = self.function.__code__
            key = (str(signature), codegen.magic_tuple(), _code_digest(code), numba.__version__, sys.version)
            digest = hashlib.sha256(repr(key).encode() + _source_stamp()).hexdigest()[:24]
            return cache_directory() / f"{self.function.__name__}-{digest}.kernel"

    return KernelCache
