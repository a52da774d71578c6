"""The few machine-level operations that numba does not offer: loads and stores by address, and prefetch.

Imported only when a kernel that uses them is compiled, because it imports numba. Kernels that work on any number of
columns take an array of column addresses; the Python wrapper that makes it keeps the columns alive during the call.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

_WORD = ir.IntType(64)


@intrinsic
def load_word(typingctx: Any, address: Any, index: Any) -> Any:
    """Return the 64-bit word number ``index`` of the array at ``address``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], _WORD.as_pointer())
        return builder.load(builder.gep(pointer, [args[1]]))

    return types.uint64(types.uint64, types.int64), generate


@intrinsic
def load_unaligned(typingctx: Any, array: Any, index: Any) -> Any:
    """Return the 8 bytes from ``index`` on of a byte array as a little-endian 64-bit word."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        structure = context.make_array(signature.args[0])(context, builder, args[0])
        pointer = builder.gep(structure.data, [args[1]])
        loaded = builder.load(builder.bitcast(pointer, _WORD.as_pointer()))
        loaded.align = 1
        return loaded

    return types.uint64(array, types.int64), generate


@intrinsic
def store_through(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """Write element ``index`` of an array past the caches, where nobody reads it soon."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        structure = context.make_array(signature.args[0])(context, builder, args[0])
        stored = builder.store(args[2], builder.gep(structure.data, [args[1]]))
        stored.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)]))
        return context.get_dummy_value()

    return types.void(array, types.int64, array.dtype), generate


@intrinsic
def add_shared(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """Add to an element of an array that other threads add to as well; return what it was.

    What this thread wrote before is there for one that sees the sum; 0 added is a read that sees theirs.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        structure = context.make_array(signature.args[0])(context, builder, args[0])
        return builder.atomic_rmw("add", builder.gep(structure.data, [args[1]]), args[2], "seq_cst")

    return types.int64(array, types.int64, types.int64), generate


@intrinsic
def store_unaligned(typingctx: Any, array: Any, index: Any, word: Any) -> Any:
    """Write a 64-bit word as the 8 little-endian bytes from ``index`` on of a byte array."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        structure = context.make_array(signature.args[0])(context, builder, args[0])
        pointer = builder.gep(structure.data, [args[1]])
        builder.store(args[2], builder.bitcast(pointer, _WORD.as_pointer())).align = 1
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), generate


@intrinsic
def copy8(typingctx: Any, source: Any, start: Any, target: Any, position: Any) -> Any:
    """Copy 8 bytes from ``source[start:]`` to ``target[position:]``, both byte arrays."""
    return types.void(source, types.int64, target, types.int64), _copier(_WORD)


@intrinsic
def copy4(typingctx: Any, source: Any, start: Any, target: Any, position: Any) -> Any:
    """Copy 4 bytes from ``source[start:]`` to ``target[position:]``, both byte arrays."""
    return types.void(source, types.int64, target, types.int64), _copier(ir.IntType(32))


@intrinsic
def copy16(typingctx: Any, source: Any, start: Any, target: Any, position: Any) -> Any:
    """Copy 16 bytes from ``source[start:]`` to ``target[position:]``, both byte arrays."""
    return types.void(source, types.int64, target, types.int64), _copier(ir.VectorType(_WORD, 2))


def _copier(kind: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        places = []
        for which in (0, 2):
            structure = context.make_array(signature.args[which])(context, builder, args[which])
            pointer = builder.gep(structure.data, [args[which + 1]])
            places.append(builder.bitcast(pointer, kind.as_pointer()))
        loaded = builder.load(places[0])
        loaded.align = 1
        builder.store(loaded, places[1]).align = 1
        return context.get_dummy_value()

    return generate


@intrinsic
def equal_among_8(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """Return which of the 8 elements from ``index`` on equal a value: bit ``j`` for the one at ``index + j``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = signature.args[0]
        structure = context.make_array(kind)(context, builder, args[0])
        lanes = ir.VectorType(context.get_data_type(kind.dtype), 8)
        loaded = builder.load(builder.bitcast(builder.gep(structure.data, [args[1]]), lanes.as_pointer()))
        loaded.align = kind.dtype.bitwidth // 8
        wanted = ir.Constant(lanes, ir.Undefined)
        for lane in range(8):
            wanted = builder.insert_element(wanted, args[2], ir.IntType(32)(lane))
        equal = builder.icmp_unsigned("==", loaded, wanted)
        return builder.zext(builder.bitcast(equal, ir.IntType(8)), _WORD)

    return types.uint64(array, types.int64, array.dtype), generate


@intrinsic
def lowest_bit(typingctx: Any, word: Any) -> Any:
    """Return the number of the lowest bit that is set, 64 where none is."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.IntType(1)(0))

    return types.uint64(types.uint64), generate


@intrinsic
def ones_of(typingctx: Any, word: Any) -> Any:
    """Return how many bits are set."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), generate


@intrinsic
def prefetch_read(typingctx: Any, array: Any, index: Any) -> Any:
    """Ask the processor to bring element ``index`` of an array into its cache, to be read soon."""
    return types.void(array, types.int64), _prefetcher(0)


@intrinsic
def prefetch_write(typingctx: Any, array: Any, index: Any) -> Any:
    """Ask the processor to bring element ``index`` of an array into its cache, to be written soon."""
    return types.void(array, types.int64), _prefetcher(1)


def _prefetcher(write: int) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        structure = context.make_array(signature.args[0])(context, builder, args[0])
        _prefetch(builder, builder.gep(structure.data, [args[1]]), write)
        return context.get_dummy_value()

    return generate


def _prefetch(builder: Any, pointer: Any, write: int) -> None:
    i32 = ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, i32, i32, i32])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(function, [builder.bitcast(pointer, cgutils.voidptr_t), i32(write), i32(3), i32(1)])


@intrinsic
def load_row(typingctx: Any, address: Any, index: Any) -> Any:
    """Return the 32-bit integer number ``index`` of the array at ``address``."""
    return types.int32(types.uint64, types.int64), _loader(ir.IntType(32))


@intrinsic
def load_byte(typingctx: Any, address: Any, index: Any) -> Any:
    """Return the byte number ``index`` of the array at ``address``."""
    return types.uint8(types.uint64, types.int64), _loader(ir.IntType(8))


@intrinsic
def prefetch_word(typingctx: Any, address: Any, index: Any) -> Any:
    """Ask the processor to bring the 64-bit word number ``index`` of the array at ``address`` into its cache."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.gep(builder.inttoptr(args[0], _WORD.as_pointer()), [args[1]])
        _prefetch(builder, pointer, 0)
        return context.get_dummy_value()

    return types.void(types.uint64, types.int64), generate


def _loader(kind: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], kind.as_pointer())
        return builder.load(builder.gep(pointer, [args[1]]))

    return generate


CALLED_ARGUMENTS = 16


@intrinsic
def call_entry(typingctx: Any, entry: Any, arguments: Any, start: Any) -> Any:
    """Call the entry point at an address with `CALLED_ARGUMENTS` words of an array from ``start`` on.

    An entry point that takes fewer finds its own where it looks for them: C leaves the others to the caller.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        structure = context.make_array(signature.args[1])(context, builder, args[1])
        first = builder.gep(structure.data, [args[2]])
        words = [builder.load(builder.gep(first, [_WORD(k)])) for k in range(CALLED_ARGUMENTS)]
        kind = ir.FunctionType(_WORD, [_WORD] * CALLED_ARGUMENTS)
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), words)

    return types.int64(types.uint64, arguments, types.int64), generate


def _making(kind: Any) -> Any:
    """Return what generates the array of a kind from its address and shape."""
    size = kind.dtype.bitwidth // 8

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(kind)(context, builder)
        shape = list(args[1 : 1 + kind.ndim])
        steps = [_WORD(size)] if kind.ndim == 1 else [builder.mul(args[2], _WORD(size)), _WORD(size)]
        data = builder.inttoptr(args[0], array.data.type)
        populate_array(array, data=data, shape=shape, strides=steps, itemsize=_WORD(size), meminfo=None)
        return array._getvalue()  # noqa: SLF001 - numba's way to read a struct proxy

    return generate


def _view(element: Any, dimensions: int) -> Any:
    """Return a function of an address and a shape that gives the array there."""
    kind = types.Array(element, dimensions, "C")

    if dimensions == 1:

        @intrinsic
        def line(typingctx: Any, address: Any, length: Any) -> Any:
            return kind(types.uint64, types.int64), _making(kind)

        return line

    @intrinsic
    def table(typingctx: Any, address: Any, rows: Any, columns: Any) -> Any:
        return kind(types.uint64, types.int64, types.int64), _making(kind)

    return table


@intrinsic
def array_at(typingctx: Any, address: Any, length: Any, like: Any) -> Any:
    """Return the array of so many values at an address, of the type that another array's have."""
    kind = types.Array(like.dtype, 1, "C")
    return kind(types.uint64, types.int64, like), _making(kind)


bytes_at, ints_at, longs_at = (_view(element, 1) for element in (types.uint8, types.int32, types.int64))
halves_at, words_at = _view(types.uint32, 1), _view(types.uint64, 1)
longs_table_at = _view(types.int64, 2)
