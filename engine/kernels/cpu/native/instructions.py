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
def count_lesser(typingctx: Any, words: Any, start: Any, count: Any, at: Any, counts: Any) -> Any:
    """Count for each of the 8 words from ``at`` on how many of ``words[start : start + count]`` are less.

    The counts are written to ``counts[0:8]``.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        first = _element(context, builder, signature.args[0], args[0], args[1])
        own = builder.load(_lanes_at(builder, _element(context, builder, words, args[0], args[3]), _WORD(0), _WORD))
        own.align = 8
        found = cgutils.alloca_once_value(builder, ir.Constant(_LONGS, [0] * _LANES))
        with cgutils.for_range(builder, args[2]) as loop:
            other = _splat(builder, builder.load(builder.gep(first, [loop.index])), _LONGS)
            less = builder.sext(builder.icmp_unsigned("<", other, own), _LONGS)
            builder.store(builder.sub(builder.load(found), less), found)
        into = _lanes_at(builder, _element(context, builder, counts, args[4], _WORD(0)), _WORD(0), _WORD)
        builder.store(builder.load(found), into).align = 8
        return context.get_dummy_value()

    return types.void(words, types.int64, types.int64, types.int64, counts), generate


@intrinsic
def within_among_64(typingctx: Any, array: Any, index: Any, limit: Any) -> Any:
    """Return which of the 64 elements from ``index`` on are at most a limit: bit ``j`` for the one at ``index + j``."""
    return types.uint64(array, types.int64, array.dtype), _among_64("<=")


@intrinsic
def not_below_among_64(typingctx: Any, array: Any, index: Any, limit: Any) -> Any:
    """Return which of the 64 elements from ``index`` on are not less than a limit, as NaN is not."""
    return types.uint64(array, types.int64, array.dtype), _among_64(">=")


def _among_64(comparison: str) -> Any:
    """Return what generates the comparison of elements, eight at once, with one value; NaN is at least any."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = signature.args[0].dtype
        start = _element(context, builder, signature.args[0], args[0], args[1])
        scalar = context.get_data_type(kind)
        lanes = ir.VectorType(scalar, _LANES)
        limit = _splat(builder, args[2], lanes)
        compare = builder.icmp_signed
        if isinstance(kind, types.Float):
            compare = builder.fcmp_ordered if comparison == "<=" else builder.fcmp_unordered
        found = _WORD(0)
        for part in range(_LANES):
            loaded = builder.load(_lanes_at(builder, start, _WORD(part * _LANES), scalar))
            loaded.align = kind.bitwidth // 8
            some = builder.zext(builder.bitcast(compare(comparison, loaded, limit), ir.IntType(8)), _WORD)
            found = builder.or_(found, builder.shl(some, _WORD(part * _LANES)))
        return found

    return generate


@intrinsic
def lowest_bit(typingctx: Any, word: Any) -> Any:
    """Return the number of the lowest bit that is set, 64 where none is."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.IntType(1)(0))

    return types.uint64(types.uint64), generate


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


_LANES = 8
_LONGS, _INTS = ir.VectorType(_WORD, _LANES), ir.VectorType(ir.IntType(32), _LANES)


@intrinsic
def unpack_groups(typingctx: Any, source: Any, start: Any, width: Any, groups: Any, target: Any, position: Any) -> Any:
    """Write packed codes, eight in each group of ``width`` bytes, to ``target[position:]``; return the greatest.

    ``source`` is a byte array, of which 8 bytes beyond the groups are read; ``target`` has elements of 32 bits or more.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        into = _element(context, builder, signature.args[4], args[4], args[5])
        kind = ir.IntType(signature.args[4].dtype.bitwidth)

        def give(index: Any, codes: Any) -> Any:
            builder.store(_resized(builder, codes, kind), _lanes_at(builder, into, index, kind)).align = kind.width // 8
            return codes

        return _each_group(context, builder, signature, args, give)

    return types.uint64(source, types.int64, types.int64, types.int64, target, types.int64), generate


@intrinsic
def look_up_groups(
    typingctx: Any, source: Any, start: Any, width: Any, groups: Any, values: Any, target: Any, position: Any
) -> Any:
    """Write the ``values`` of codes packed as in `unpack_groups` to ``target[position:]``; return the greatest code.

    Where that is beyond ``values``, of which there must be one, what is written means nothing.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        into = _element(context, builder, signature.args[5], args[5], args[6])
        choices = context.make_array(signature.args[4])(context, builder, args[4])
        kind = ir.IntType(signature.args[4].dtype.bitwidth)
        last = builder.sub(builder.extract_value(choices.shape, 0), _WORD(1))
        bound = _splat(builder, builder.trunc(last, ir.IntType(32)), _INTS)

        def give(index: Any, codes: Any) -> Any:
            inside = builder.select(builder.icmp_unsigned("<", codes, bound), codes, bound)
            taken = _gathered(builder, choices.data, builder.zext(inside, _LONGS), kind)
            builder.store(taken, _lanes_at(builder, into, index, kind)).align = kind.width // 8
            return codes

        return _each_group(context, builder, signature, args, give)

    return types.uint64(source, types.int64, types.int64, types.int64, values, target, types.int64), generate


@intrinsic
def take_rows(typingctx: Any, codes: Any, rows: Any, place: Any, begin: Any, groups: Any, target: Any) -> Any:
    """Write ``codes[row - begin]`` of eight ``rows`` in each group, from ``place`` on, to the same places."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        into = _element(context, builder, signature.args[5], args[5], args[2])
        kind = ir.IntType(signature.args[5].dtype.bitwidth)

        def give(index: Any, found: Any) -> None:
            builder.store(_resized(builder, found, kind), _lanes_at(builder, into, index, kind)).align = kind.width // 8

        _each_eight_rows(context, builder, signature, args, give)
        return context.get_dummy_value()

    return types.void(codes, rows, types.int64, types.int64, types.int64, target), generate


@intrinsic
def look_up_rows(
    typingctx: Any, codes: Any, rows: Any, place: Any, begin: Any, groups: Any, values: Any, target: Any
) -> Any:
    """Do as `take_rows` does, but write the ``values`` of the codes, none of which is beyond them."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        into = _element(context, builder, signature.args[6], args[6], args[2])
        choices = context.make_array(signature.args[5])(context, builder, args[5])
        kind = ir.IntType(signature.args[5].dtype.bitwidth)

        def give(index: Any, found: Any) -> None:
            taken = _gathered(builder, choices.data, builder.zext(found, _LONGS), kind)
            builder.store(taken, _lanes_at(builder, into, index, kind)).align = kind.width // 8

        _each_eight_rows(context, builder, signature, args, give)
        return context.get_dummy_value()

    return types.void(codes, rows, types.int64, types.int64, types.int64, values, target), generate


def _each_eight_rows(context: Any, builder: Any, signature: Any, args: Any, give: Any) -> None:
    """Give the codes of eight rows after eight."""
    data = context.make_array(signature.args[0])(context, builder, args[0]).data
    first = _element(context, builder, signature.args[1], args[1], args[2])
    less = _splat(builder, args[3], _LONGS)
    with cgutils.for_range(builder, args[4]) as loop:
        index = builder.mul(loop.index, _WORD(_LANES))
        rows = builder.load(_lanes_at(builder, first, index, ir.IntType(32)))
        rows.align = 4
        where = builder.sub(builder.sext(rows, _LONGS), less)
        give(index, _gathered(builder, data, where, ir.IntType(32)))


def _each_group(context: Any, builder: Any, signature: Any, args: Any, give: Any) -> Any:
    """Unpack group by group, give each its eight codes, and return the greatest of all."""
    start = _element(context, builder, signature.args[0], args[0], args[1])
    width, groups = args[2], args[3]
    top = cgutils.alloca_once_value(builder, ir.Constant(_INTS, [0] * _LANES))
    # So many codes come with one load of 64 bits, whichever bit of a byte the first begins at.
    narrow, middle = (builder.icmp_unsigned("<=", width, _WORD(most)) for most in (8, 16))
    with builder.if_else(narrow) as (then, otherwise):
        with then:
            _unpack_loop(builder, start, width, groups, 8, give, top)
        with otherwise, builder.if_else(middle) as (four, two_or_one):
            with four:
                _unpack_loop(builder, start, width, groups, 4, give, top)
            with two_or_one:
                _unpack_loop(builder, start, width, groups, 1, give, top)
    kind = ir.FunctionType(ir.IntType(32), [_INTS])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.vector.reduce.umax.v8i32")
    return builder.zext(builder.call(function, [builder.load(top)]), _WORD)


def _unpack_loop(builder: Any, start: Any, width: Any, groups: Any, together: int, give: Any, top: Any) -> None:
    """Unpack groups with a load for each ``together`` codes."""
    mask = builder.sub(builder.shl(_WORD(1), width), _WORD(1))
    places, shifts = [], ir.Constant(_LONGS, ir.Undefined)
    for lane in range(_LANES):
        first = builder.mul(width, _WORD(lane - lane % together))
        shift = builder.add(builder.and_(first, _WORD(7)), builder.mul(width, _WORD(lane % together)))
        shifts = builder.insert_element(shifts, shift, ir.IntType(32)(lane))
        if lane % together == 0:
            places.append(builder.lshr(first, _WORD(3)))
    masks = _splat(builder, mask, _LONGS)
    with cgutils.for_range(builder, groups) as loop:
        group = builder.gep(start, [builder.mul(loop.index, width)])
        words = ir.Constant(_LONGS, ir.Undefined)
        for number, place in enumerate(places):
            word = builder.load(builder.bitcast(builder.gep(group, [place]), _WORD.as_pointer()))
            word.align = 1
            words = builder.insert_element(words, word, ir.IntType(32)(number))
        order = ir.Constant(ir.VectorType(ir.IntType(32), _LANES), [lane // together for lane in range(_LANES)])
        words = builder.shuffle_vector(words, ir.Constant(_LONGS, ir.Undefined), order)
        codes = builder.trunc(builder.and_(builder.lshr(words, shifts), masks), _INTS)
        given = give(builder.mul(loop.index, _WORD(_LANES)), codes)
        best = builder.load(top)
        builder.store(builder.select(builder.icmp_unsigned(">", given, best), given, best), top)


def _element(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Return the address of an array's element."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])


def _lanes_at(builder: Any, into: Any, index: Any, kind: Any) -> Any:
    return builder.bitcast(builder.gep(into, [index]), ir.VectorType(kind, _LANES).as_pointer())


def _resized(builder: Any, codes: Any, kind: Any) -> Any:
    return codes if kind.width == 32 else builder.zext(codes, ir.VectorType(kind, _LANES))


def _splat(builder: Any, value: Any, kind: Any) -> Any:
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.IntType(32)(0))
    order = ir.Constant(ir.VectorType(ir.IntType(32), _LANES), [0] * _LANES)
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), order)


def _gathered(builder: Any, base: Any, indices: Any, kind: Any) -> Any:
    """Return the elements of ``kind`` at eight indices."""
    bytes_apart = ir.Constant(_LONGS, [kind.width // 8] * _LANES)
    address = _splat(builder, builder.ptrtoint(base, _WORD), _LONGS)
    pointers = ir.VectorType(kind.as_pointer(), _LANES)
    where = builder.inttoptr(builder.add(address, builder.mul(indices, bytes_apart)), pointers)
    values, flags = ir.VectorType(kind, _LANES), ir.VectorType(ir.IntType(1), _LANES)
    signature = ir.FunctionType(values, [pointers, flags, values])
    name = f"llvm.masked.gather.v{_LANES}i{kind.width}.v{_LANES}p0"
    gather = cgutils.get_or_insert_function(builder.module, signature, name)
    every = ir.Constant(flags, [1] * _LANES)
    return builder.call(gather, [where, every, ir.Constant(values, ir.Undefined)])


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
