"""Kernels: functions compiled by numba once, kept on disk, and called without numba afterwards.

Knows how a function becomes a callable piece of machine code and where that code is kept; knows nothing of what
kernels compute. numba needs more than a second to import and set itself up, so it is only imported to compile
(``codegen``); what it compiled is kept as a plain object file with a C entry point, which llvmlite alone loads in a
millisecond.

A signature is written in a C-like notation, for example ``"i64(const i32[], const f64[], f64[,])"``: ``[]`` is a
contiguous one-dimensional array, ``[,]`` a C-contiguous two-dimensional one, and ``const`` promises that the kernel
does not write to it, which lets read-only arrays (Arrow buffers) in. The entry point checks what it is given.
"""

from __future__ import annotations

import atexit
import ctypes
import hashlib
import importlib
import importlib.metadata
import os
import re
import shutil
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any, Generic, ParamSpec, TypeVar, cast

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")

# An entry point returns this plus k (k > 0) if argument k does not fit, and this itself if the kernel failed.
REFUSED = -(2**63)
REFUSALS = REFUSED + 64
# A cache file is the SHA-256 of the object file and the object file: half a file must not reach the linker.
_CHECKSUM_BYTES = 32
# The modules of this package that define kernels, for `warm`.
_KERNEL_MODULES = (
    "hashing",
    "packing",
    "calls",
    "phases",
    "grouping",
    "hashedrows",
    "rowgroups",
    "rungroups",
    "sortedruns",
    "accumulate",
    "arithmetic",
    "radix",
    "valuelines",
    "keytable",
    "joining",
    "bounded",
    "ordering",
    "bucketsort",
    "sorting",
    "selecting",
    "leading",
    "textgroups",
    "spelling",
    "textsort",
    "picking",
    "gathering",
    "windowing",
    "stretches",
    "snappy",
    "wavelets",
    "encodings",
    "levels",
    "chunksets",
    "textchunks",
    "slicing",
)

_SIGNATURE = re.compile(r"^(\w+)\((.*)\)$")
_ARGUMENT = re.compile(r"^(const )?(\w+?)(\[,?\])?$")
_SCALARS = frozenset({"i32", "i64", "u8", "u16", "u32", "u64", "f64", "bool"})
_lock = threading.RLock()
_registry: list[Kernel[..., Any]] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One parsed argument type: scalar name, 0 to 2 dimensions, and whether the kernel promises not to write."""

    scalar: str
    dimensions: int
    constant: bool


class Kernel(Generic[P, R]):
    """A function that is compiled, or loaded from the disk cache, when it is first called. Thread-safe.

    The GIL is released during a call, unless it is made in `holding_lock`. Kernels may use functions marked with
    `device`; they must not allocate, raise or touch Python objects. Of several signatures the first that the arguments
    fit is used.
    """

    def __init__(self, function: Callable[P, R], signatures: tuple[str, ...]) -> None:
        self.function = cast("FunctionType", function)
        self.signatures = signatures
        self.__doc__ = function.__doc__
        self.__wrapped__ = function
        self._entry: Callable[..., int] = self._first_call
        self._entries: dict[int, Callable[..., int]] = {}
        self._addresses: dict[tuple[int, ...], int] = {}  # by the numbers of the arguments' dtypes
        self._holding: dict[int, Callable[..., int]] = {}  # by address
        self._kept = False
        _registry.append(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the kernel; arguments are positional."""
        result = self._holding_for(args)(*args) if _calling.holds else self._entry(*args, **kwargs)
        if result > REFUSALS:
            return result  # type: ignore[return-value]  # an integer, or 0 for None
        return self._retry(result, args)

    def load(self) -> tuple[Callable[..., int], ...]:
        """Return the entry points, one per signature, compiling or loading them if need be."""
        return tuple(self._entry_for(position) for position in range(len(self.signatures)))

    @property
    def is_kept(self) -> bool:
        """Whether no signature has to be compiled: each has been loaded or stands in the disk cache."""
        self._kept = self._kept or all(
            position in self._entries or _path_of(self.function, signature)[1].exists()
            for position, signature in enumerate(self.signatures)
        )
        return self._kept

    def _entry_for(self, position: int) -> Callable[..., int]:
        with _lock:
            if position not in self._entries:
                self._entries[position] = _load(self.function, self.signatures[position])
            return self._entries[position]

    def address_for(self, args: tuple[object, ...]) -> int:
        """Return the address of the entry point whose signature has the dtypes of the arguments."""
        one = len(self.signatures) == 1
        kinds = () if one else tuple([arg.dtype.num if isinstance(arg, np.ndarray) else -1 for arg in args])
        address = self._addresses.get(kinds)
        if address is None:
            position = next((number for number in range(len(self.signatures)) if self._has_dtypes(number, args)), 0)
            address = ctypes.cast(cast("Any", self._entry_for(position)), ctypes.c_void_p).value or 0
            self._addresses[kinds] = address
        return address

    def _holding_for(self, args: tuple[object, ...]) -> Callable[..., int]:
        """Return the entry point for arguments, called without releasing the GIL."""
        address = self.address_for(args)
        if address not in self._holding:
            self._holding[address] = ctypes.PYFUNCTYPE(ctypes.c_int64, *_kinds(self.signatures[0]))(address)
        return self._holding[address]

    def _has_dtypes(self, position: int, args: tuple[object, ...]) -> bool:
        arguments = parse_signature(self.signatures[position])[1]
        return all(
            np.dtype(argument.scalar[0] + str(int(argument.scalar[1:]) // 8)) == arg.dtype
            for argument, arg in zip(arguments, args, strict=True)
            if isinstance(arg, np.ndarray)
        )

    def _first_call(self, *args: object) -> int:
        self._entry = self._entry_for(0)
        return self._entry(*args)

    def _retry(self, result: int, args: tuple[object, ...]) -> R:
        """Try the other signatures, or say what is wrong with the arguments."""
        for position in range(1, len(self.signatures)):
            result = self._entry_for(position)(*args)
            if result > REFUSALS:
                return cast("R", result)
        raise TypeError(self._explain(result, args))

    def _explain(self, result: int, args: tuple[object, ...]) -> str:
        name = self.function.__name__
        if result == REFUSED:
            return f"kernel {name} failed"
        given = args[result - REFUSED - 1]
        shown = type(given).__name__
        if isinstance(given, np.ndarray):
            shown = f"{given.dtype} array of {given.ndim} dimensions, writeable {given.flags.writeable}, "
            shown += f"contiguous {given.flags.c_contiguous}, aligned {given.flags.aligned}"
        return f"kernel {name} is {' or '.join(self.signatures)}: argument {result - REFUSED} does not fit ({shown})"


class Device:
    """A function that exists only inside kernels, where it is inlined; resolved by ``codegen``."""

    def __init__(self, function: FunctionType | None, instruction: str = "") -> None:
        self.function = function
        self.instruction = instruction


class _Calling(threading.local):
    """How this thread calls kernels."""

    holds = False


_calling = _Calling()


@contextmanager
def holding_lock() -> Iterator[None]:
    """Have this thread's kernels keep the GIL, for calls that take microseconds.

    To get the lock back from a thread that runs Python takes longer than they do.
    """
    before, _calling.holds = _calling.holds, True
    try:
        yield
    finally:
        _calling.holds = before


def kernel(*signatures: str) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Make a function a kernel with the given signatures; each is made ready when it is first needed.

    Parameters
    ----------
    *signatures
        For example ``"void(const u64[], i64, u64[])"``; see the module's docstring. Results are integers or nothing.
    """

    def decorate(function: Callable[P, R]) -> Kernel[P, R]:
        return Kernel(function, signatures)

    return decorate


def device(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a function as callable from kernels (only), where it is inlined."""
    return cast("Callable[P, R]", Device(cast("FunctionType", function)))


def instruction(name: str) -> Callable[..., Any]:
    """Name a function of ``instructions`` or ``lanes``, which are imported only to compile a kernel that uses it."""
    return cast("Callable[..., Any]", Device(None, name))


def warm() -> dict[str, float]:
    """Compile, or load from the disk cache, every kernel of this package; return seconds per kernel.

    Worth calling when an image is built or a package installed, so that no query waits for the compiler.
    """
    for module in _KERNEL_MODULES:
        importlib.import_module(f".{module}", __package__)
    seconds: dict[str, float] = {}
    for each in tuple(_registry):
        start = time.perf_counter()
        each.load()
        seconds[f"{each.function.__module__.rpartition('.')[2]}.{each.function.__name__}{each.signatures[0]}"] = (
            time.perf_counter() - start
        )
    return seconds


@cache
def parse_signature(signature: str) -> tuple[str, tuple[Argument, ...]]:
    """Return the result type's name and the arguments of a signature."""
    match = _SIGNATURE.match(signature)
    if match is None:
        raise ValueError(f"kernel signature {signature!r} is not of the form 'result(argument, …)'")
    arguments = []
    for text in filter(None, match[2].split(", ")):
        parsed = _ARGUMENT.match(text)
        if parsed is None or parsed[2] not in _SCALARS:
            raise ValueError(f"kernel signature {signature!r} has an unknown argument type {text!r}")
        dimensions = len(parsed[3] or "[") - 1
        arguments.append(Argument(scalar=parsed[2], dimensions=dimensions, constant=parsed[1] is not None))
    return match[1], tuple(arguments)


def _load(function: FunctionType, signature: str) -> Callable[..., int]:
    symbol, path = _path_of(function, signature)
    machine_code = _kept(path)
    if machine_code is None:
        machine_code = _compiled(function, signature, symbol)
        _keep(path, machine_code)
    address = _linker().link(machine_code, symbol)
    return ctypes.CFUNCTYPE(ctypes.c_int64, *_kinds(signature))(address)


def _kinds(signature: str) -> list[Any]:
    """Return how each argument is given to the entry point."""
    return [ctypes.py_object if argument.dimensions else ctypes.c_int64 for argument in parse_signature(signature)[1]]


def _path_of(function: FunctionType, signature: str) -> tuple[str, Path]:
    """Return the symbol of a kernel's code, and the file that it is kept in."""
    symbol = _symbol(function, signature)
    return symbol, cache_directory() / f"{symbol}.o"


@cache
def _symbol(function: FunctionType, signature: str) -> str:
    """Return a name for a kernel's code; each scan asks whether some are on disk, and a digest takes a while."""
    digest = hashlib.sha256(_environment_stamp() + signature.encode())
    _digest_code(function, digest)
    return f"volley_{function.__name__}_{digest.hexdigest()[:24]}"


def _compiled(function: FunctionType, signature: str, symbol: str) -> bytes:
    from .codegen import compile_object

    return compile_object(function, signature, symbol)


def _digest_code(function: FunctionType, digest: Any) -> None:
    """Add to a digest all of a function that reaches machine code: bytecode, constants, device functions it inlines."""
    code = function.__code__
    digest.update(repr((code.co_name, code.co_code, code.co_consts, code.co_names, code.co_varnames)).encode())
    for name in code.co_names:
        value = function.__globals__.get(name)
        if isinstance(value, Device):
            digest.update(value.instruction.encode())
            if value.function is not None:
                _digest_code(value.function, digest)
        elif isinstance(value, int | float | np.generic):
            digest.update(repr(value).encode())


def _kept(path: Path) -> bytes | None:
    """Return the object file kept at a path, None where there is none or it is damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    machine_code = content[_CHECKSUM_BYTES:]
    return machine_code if hashlib.sha256(machine_code).digest() == content[:_CHECKSUM_BYTES] else None


def _keep(path: Path, machine_code: bytes) -> None:
    """Write a cache file atomically; its name has only one possible content, so writers cannot disagree."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex[:12]}")
    try:
        temporary.write_bytes(hashlib.sha256(machine_code).digest() + machine_code)
        temporary.replace(path)
    except OSError:  # a full disk costs the next process a compilation, never this one its query
        temporary.unlink(missing_ok=True)


class _Linker:
    """Links object files into this process. One per process, used under the module's lock."""

    def __init__(self) -> None:
        from llvmlite import binding

        binding.initialize_native_target()
        binding.initialize_native_asmprinter()
        binding.add_symbol("volley_ndarray_type", id(np.ndarray))
        machine = binding.Target.from_default_triple().create_target_machine(jit=True)
        self._binding = binding
        self._engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)

    def link(self, machine_code: bytes, symbol: str) -> int:
        """Return the address of the symbol after linking the object file."""
        self._engine.add_object_file(self._binding.ObjectFileRef.from_data(machine_code))
        self._engine.finalize_object()
        return int(self._engine.get_function_address(symbol))


@cache
def _linker() -> _Linker:
    return _Linker()


@cache
def _environment_stamp() -> bytes:
    """Digest of what all machine code depends on: processor, library versions, object layout, how code is generated."""
    from llvmlite import binding

    facts = (
        binding.get_process_triple(),
        binding.get_host_cpu_name(),
        binding.get_host_cpu_features().flatten(),
        importlib.metadata.version("numba"),
        importlib.metadata.version("llvmlite"),
        sys.implementation.cache_tag,
        object.__basicsize__,
    )
    digest = hashlib.sha256(repr(facts).encode())
    for module in ("codegen.py", "instructions.py", "lanes.py"):
        digest.update(Path(__file__).with_name(module).read_bytes())
    return digest.digest()


@cache
def cache_directory() -> Path:
    """Return the directory that holds compiled kernels; created if absent.

    ``$VOLLEY_CACHE_DIR/kernels`` if set, else ``__pycache__`` beside this file if writable, else
    ``$XDG_CACHE_HOME/volley/kernels`` (``~/.cache``). Where none of them can be written, a temporary directory of this
    process, with one line on standard error, because every new process will then compile afresh.
    """
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
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    tried = " and ".join(str(candidate) for candidate in candidates)
    sys.stderr.write(
        f"volley: compiled kernels cannot be kept in {tried}; every process will compile its own (some seconds). "
        "Set VOLLEY_CACHE_DIR to a writable directory.\n"
    )
    return temporary
