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

_WORD = ir.IntType(64)


@intrinsic
def load_word(typingctx: Any, address: Any, index: Any) -> Any:
    """Return the 64-bit word number ``index`` of the array at ``address``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], _WORD.as_pointer())
        return builder.load(builder.gep(pointer, [args[1]]))

    return types.uint64(types.uint64, types.int64), generate


@intrinsic
def store_word(typingctx: Any, address: Any, index: Any, word: Any) -> Any:
    """Write the 64-bit word number ``index`` of the array at ``address``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], _WORD.as_pointer())
        builder.store(args[2], builder.gep(pointer, [args[1]]))
        return context.get_dummy_value()

    return types.void(types.uint64, types.int64, types.uint64), generate


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
        pointer = builder.gep(structure.data, [args[1]])
        byte = builder.bitcast(pointer, cgutils.voidptr_t)
        i32 = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, i32, i32, i32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [byte, i32(write), i32(3), i32(1)])
        return context.get_dummy_value()

    return generate
