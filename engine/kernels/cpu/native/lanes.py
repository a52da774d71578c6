"""Operations on eight lanes at once that numba makes of no loop: packed codes, values and bits at rows, comparisons.

They are instructions, like those of the module of that name: written as LLVM's, for any processor.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_WORD = ir.IntType(64)
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
def take_word_bits(typingctx: Any, word: Any, rows: Any, groups: Any, out: Any) -> Any:
    """Write the bits of a word at eight ``rows`` in each group to a byte of ``out``; return how many are set.

    Rows of -1 give 0.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        first = _element(context, builder, signature.args[1], args[1], _WORD(0))
        into = _element(context, builder, signature.args[3], args[3], _WORD(0))
        words, most = _splat(builder, args[0], _LONGS), ir.Constant(_LONGS, [63] * _LANES)
        total, byte = cgutils.alloca_once_value(builder, _WORD(0)), ir.IntType(8)
        kind = ir.FunctionType(byte, [byte])
        ones = cgutils.get_or_insert_function(builder.module, kind, "llvm.ctpop.i8")
        with cgutils.for_range(builder, args[2]) as loop:
            lanes = builder.load(_lanes_at(builder, first, builder.mul(loop.index, _WORD(_LANES)), ir.IntType(32)))
            lanes.align = 4
            known = builder.icmp_signed(">=", lanes, ir.Constant(_INTS, [0] * _LANES))
            shifted = builder.lshr(words, builder.and_(builder.zext(lanes, _LONGS), most))
            found = builder.and_(builder.trunc(shifted, ir.VectorType(ir.IntType(1), _LANES)), known)
            bits = builder.bitcast(found, byte)
            builder.store(bits, builder.gep(into, [loop.index]))
            builder.store(builder.add(builder.load(total), builder.zext(builder.call(ones, [bits]), _WORD)), total)
        return builder.load(total)

    return types.int64(types.uint64, rows, types.int64, out), generate


@intrinsic
def spread_eight(typingctx: Any, values: Any, start: Any, known: Any, fill: Any, target: Any, position: Any) -> Any:
    """Write eight elements to ``target[position:]``.

    Where a bit is set it is the next one from ``values[start]`` on, else ``fill``. No more values are read than bits of
    ``known``, a byte, are set.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        first = _element(context, builder, signature.args[0], args[0], args[1])
        into = _element(context, builder, signature.args[4], args[4], args[5])
        kind = ir.IntType(signature.args[4].dtype.bitwidth)
        lanes = ir.VectorType(kind, _LANES)
        flags = builder.bitcast(builder.trunc(args[2], ir.IntType(8)), ir.VectorType(ir.IntType(1), _LANES))
        form = ir.FunctionType(lanes, [kind.as_pointer(), flags.type, lanes])
        name = f"llvm.masked.expandload.v{_LANES}i{kind.width}"
        expand = cgutils.get_or_insert_function(builder.module, form, name)
        made = builder.call(expand, [first, flags, _splat(builder, args[3], lanes)])
        builder.store(made, _lanes_at(builder, into, _WORD(0), kind)).align = kind.width // 8
        return context.get_dummy_value()

    kind = target.dtype
    return types.void(values, types.int64, types.uint64, kind, target, types.int64), generate


@intrinsic
def bits_of_bytes(typingctx: Any, flags: Any, index: Any) -> Any:
    """Return a byte with a bit for each of eight bytes from ``index`` on, set where it is not 0."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        byte = ir.IntType(8)
        first = _element(context, builder, signature.args[0], args[0], args[1])
        loaded = builder.load(_lanes_at(builder, first, _WORD(0), byte))
        loaded.align = 1
        found = builder.icmp_unsigned("!=", loaded, ir.Constant(ir.VectorType(byte, _LANES), [0] * _LANES))
        return builder.bitcast(found, byte)

    return types.uint8(flags, types.int64), generate


@intrinsic
def fill_eight(typingctx: Any, value: Any, target: Any, position: Any) -> Any:
    """Write one value to eight elements from ``target[position]`` on."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        into = _element(context, builder, signature.args[1], args[1], args[2])
        kind = ir.IntType(signature.args[1].dtype.bitwidth)
        made = _splat(builder, args[0], ir.VectorType(kind, _LANES))
        builder.store(made, _lanes_at(builder, into, _WORD(0), kind)).align = kind.width // 8
        return context.get_dummy_value()

    return types.void(target.dtype, target, types.int64), generate


@intrinsic
def spread_bits(typingctx: Any, bits: Any, target: Any, position: Any) -> Any:
    """Write the eight bits of a byte as bytes of 0 and 1 to ``target[position:]``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        into = _element(context, builder, signature.args[1], args[1], args[2])
        byte = ir.IntType(8)
        flags = builder.bitcast(builder.trunc(args[0], byte), ir.VectorType(ir.IntType(1), _LANES))
        made = builder.zext(flags, ir.VectorType(byte, _LANES))
        builder.store(made, _lanes_at(builder, into, _WORD(0), byte)).align = 1
        return context.get_dummy_value()

    return types.void(types.uint64, target, types.int64), generate


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


def _element(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Return the address of an array's element."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])


def _lanes_at(builder: Any, into: Any, index: Any, kind: Any) -> Any:
    return builder.bitcast(builder.gep(into, [index]), ir.VectorType(kind, _LANES).as_pointer())


def _resized(builder: Any, codes: Any, kind: Any) -> Any:
    if kind.width == 32:
        return codes
    return (builder.zext if kind.width > 32 else builder.trunc)(codes, ir.VectorType(kind, _LANES))


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
