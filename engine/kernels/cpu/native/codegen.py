"""From a Python function to an object file with a C entry point, by numba. Imported only to compile.

The entry point takes ``PyObject *`` for arrays and ``int64_t`` for scalars. It reads address and shape from numpy's
array struct, whose layout is part of numpy's stable ABI, after checking type, dimensions, dtype, contiguity, alignment
and writability; so a call costs about a microsecond and a wrong argument is refused, not read. The object file refers
to nothing of numba or Python but the type object of arrays, so it is loaded without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import compiler
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.np import arrayobj
from numba.np.arrayobj import populate_array

from . import instructions, lanes
from .compile import REFUSED, Argument, Device, parse_signature

_I8, _I32, _I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_BYTES = _I8.as_pointer()

_TYPES = {
    "i32": types.int32,
    "i64": types.int64,
    "u8": types.uint8,
    "u16": types.uint16,
    "u32": types.uint32,
    "u64": types.uint64,
    "f64": types.float64,
    "bool": types.boolean,
    "void": types.void,
}
# numpy's type numbers; long and long long are both 64-bit.
_TYPE_NUMBERS = {"u8": (2,), "u16": (4,), "i32": (5,), "u32": (6,), "i64": (7, 9), "u64": (8, 10), "f64": (12,)}

# Offsets in PyArrayObject and PyArray_Descr (numpy/ndarraytypes.h, the same in numpy 1 and 2), after the object head.
_HEAD = object.__basicsize__
_OBJECT_TYPE = _HEAD - 8
_DATA, _DIMENSIONS, _SHAPE, _STRIDES, _DESCR, _FLAGS = (_HEAD + offset for offset in (0, 8, 16, 24, 40, 48))
_BYTE_ORDER, _TYPE_NUMBER = _HEAD + 10, _HEAD + 12
_CONTIGUOUS, _ALIGNED, _WRITEABLE = 0x1, 0x100, 0x400


def compile_object(function: FunctionType, signature: str, symbol: str) -> bytes:
    """Return an object file that exports ``function``, compiled for one signature, as ``symbol``."""
    result_name, arguments = parse_signature(signature)
    numba_types = tuple(_numba_type(argument) for argument in arguments)
    with global_compiler_lock:
        flags: Any = compiler.Flags()
        flags.nrt = False
        flags.error_model = "numpy"
        flags.no_cpython_wrapper = True
        flags.no_cfunc_wrapper = True
        flags.no_compile = True
        context = cpu_target.target_context
        context.refresh()
        codegen = context.codegen()
        with _optimised_once(codegen), _indices_as_they_are():
            compiled = compiler.compile_extra(
                cpu_target.typing_context,
                context,
                _with_numba_globals(function),
                numba_types,
                _TYPES[result_name],
                flags,
                {},
            )
        library = codegen.create_library(symbol)
        module = library.create_ir_module(symbol)
        _Entry(context, module, symbol, arguments, numba_types).build(compiled.fndesc)
        library.add_ir_module(module)
        # numba's own `finalize` would also hand the module to its engine, to be compiled once more there.
        linked = library._final_module  # noqa: SLF001 - numba has no public way to emit an object file
        linked.link_in(compiled.library._get_module_for_linking(), preserve=True)  # noqa: SLF001
        passes, builder = codegen._module_pass_manager()  # noqa: SLF001
        passes.run(linked, builder)
        linked = library._final_module  # noqa: SLF001
        linked.verify()
        return bytes(library._codegen._tm.emit_object(linked))  # noqa: SLF001


class _PlainLibrary(JITCodeLibrary):
    """Code that is optimised after it is linked into a kernel, and not before."""

    def _optimize_final_module(self) -> None:
        """Leave the code as it is."""


@contextmanager
def _optimised_once(codegen: Any) -> Iterator[None]:
    """Let numba make code without optimising each function on its own; the compiler lock must be held."""
    usual = codegen._library_class  # noqa: SLF001 - numba has no public way
    codegen._library_class = _PlainLibrary  # noqa: SLF001
    try:
        yield
    finally:
        codegen._library_class = usual  # noqa: SLF001


@contextmanager
def _indices_as_they_are() -> Iterator[None]:
    """Let a negative index mean what it does in C; the compiler lock must be held.

    numba makes it count from the end of an array. To find out whether one is negative takes two instructions wherever
    the compiler cannot tell, and keeps it from seeing that a loop runs along memory: up to half of a kernel's time.
    """
    usual = arrayobj.fix_integer_index
    arrayobj.fix_integer_index = _index_as_it_is
    try:
        yield
    finally:
        arrayobj.fix_integer_index = usual


def _index_as_it_is(context: Any, builder: Any, kind: Any, index: Any, _size: Any) -> Any:
    return context.cast(builder, index, kind, types.intp if kind.signed else types.uintp)


def _numba_type(argument: Argument) -> Any:
    scalar = _TYPES[argument.scalar]
    if not argument.dimensions:
        return scalar
    return types.Array(scalar, argument.dimensions, "C", readonly=argument.constant)


def _with_numba_globals(function: FunctionType) -> FunctionType:
    """Copy a function so that the device functions it names are numba's objects."""
    namespace = dict(function.__globals__)
    for name in function.__code__.co_names:
        value = namespace.get(name)
        if isinstance(value, Device):
            namespace[name] = _resolve(value)
    copy = FunctionType(function.__code__, namespace, function.__name__, function.__defaults__)
    copy.__qualname__ = function.__qualname__
    copy.__module__ = function.__module__
    return copy


_resolved: dict[Device, Any] = {}


def _resolve(value: Device) -> Any:
    """Return what numba must see in place of a device function; one object per function, so it compiles once."""
    if value not in _resolved:
        if value.function is None:
            module = lanes if hasattr(lanes, value.instruction) else instructions
            _resolved[value] = getattr(module, value.instruction)
        else:
            options: dict[str, Any] = {
                "_nrt": False,
                "error_model": "numpy",
                "forceinline": True,
                "no_cpython_wrapper": True,
            }
            _resolved[value] = njit(**options)(_with_numba_globals(value.function))
    return _resolved[value]


class _Entry:
    """Builds the entry point's code."""

    def __init__(
        self, context: Any, module: ir.Module, symbol: str, arguments: tuple[Argument, ...], numba_types: Any
    ) -> None:
        kinds = [_BYTES if argument.dimensions else _I64 for argument in arguments]
        self.context = context
        self.module = module
        self.arguments = arguments
        self.numba_types = numba_types
        self.function = ir.Function(module, ir.FunctionType(_I64, kinds), name=symbol)
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))

    def build(self, inner: Any) -> None:
        """Check and convert the arguments, call the kernel, return its result as a 64-bit integer."""
        values = []
        for number, (argument, given) in enumerate(zip(self.arguments, self.function.args, strict=True), start=1):
            numba_type = self.numba_types[number - 1]
            if argument.dimensions:
                self._check(argument, given, number)
                values.append(self._array(argument, numba_type, given))
            else:
                values.append(self._scalar(numba_type, given))
        callee = self.context.declare_function(self.module, inner)
        status, result = self.context.call_conv.call_function(
            self.builder, callee, inner.restype, self.numba_types, values
        )
        self._return(_I64(REFUSED), when=status.is_error)
        if inner.restype == types.void:
            self.builder.ret(_I64(0))
        elif inner.restype == types.boolean:
            self.builder.ret(self.builder.zext(result, _I64))
        else:
            self.builder.ret(result)

    def _load(self, address: Any, offset: int, kind: Any) -> Any:
        pointer = self.builder.gep(address, [_I64(offset)])
        return self.builder.load(self.builder.bitcast(pointer, kind.as_pointer()))

    def _return(self, result: Any, *, when: Any) -> None:
        with self.builder.if_then(when, likely=False):
            self.builder.ret(result)

    def _check(self, argument: Argument, given: Any, number: int) -> None:
        builder = self.builder
        refusal = _I64(REFUSED + number)
        try:
            array_type = self.module.get_global("volley_ndarray_type")
        except KeyError:
            array_type = ir.GlobalVariable(self.module, _I8, "volley_ndarray_type")
        kind = self._load(given, _OBJECT_TYPE, _I64)
        self._return(refusal, when=builder.icmp_unsigned("!=", kind, builder.ptrtoint(array_type, _I64)))
        wanted = _I32(_CONTIGUOUS | _ALIGNED | (0 if argument.constant else _WRITEABLE))
        flags = builder.and_(self._load(given, _FLAGS, _I32), wanted)
        self._return(refusal, when=builder.icmp_unsigned("!=", flags, wanted))
        dimensions = self._load(given, _DIMENSIONS, _I32)
        self._return(refusal, when=builder.icmp_unsigned("!=", dimensions, _I32(argument.dimensions)))
        descr = self._load(given, _DESCR, _BYTES)
        number_given = self._load(descr, _TYPE_NUMBER, _I32)
        wrong = builder.icmp_unsigned("==", self._load(descr, _BYTE_ORDER, _I8), _I8(ord(">")))
        wrong_number = ir.Constant(ir.IntType(1), 1)
        for allowed in _TYPE_NUMBERS[argument.scalar]:
            wrong_number = builder.and_(wrong_number, builder.icmp_unsigned("!=", number_given, _I32(allowed)))
        self._return(refusal, when=builder.or_(wrong, wrong_number))

    def _array(self, argument: Argument, numba_type: Any, given: Any) -> Any:
        builder, context = self.builder, self.context
        array = context.make_array(numba_type)(context, builder)
        data = self._load(given, _DATA, _BYTES)
        sizes = self._load(given, _SHAPE, _BYTES)
        steps = self._load(given, _STRIDES, _BYTES)
        populate_array(
            array,
            data=builder.bitcast(data, array.data.type),
            shape=[self._load(sizes, 8 * axis, _I64) for axis in range(argument.dimensions)],
            strides=[self._load(steps, 8 * axis, _I64) for axis in range(argument.dimensions)],
            itemsize=_I64(numba_type.dtype.bitwidth // 8),
            meminfo=None,
        )
        return array._getvalue()  # noqa: SLF001 - numba's way to read a struct proxy

    def _scalar(self, numba_type: Any, given: Any) -> Any:
        if numba_type == types.boolean:
            return self.builder.icmp_signed("!=", given, _I64(0))
        width = numba_type.bitwidth
        return given if width == 64 else self.builder.trunc(given, ir.IntType(width))
