"""Sorting over order-preserving words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate, pairwise, product
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from ...dtypes import DataType, Kind, int64
from ...expr import Column, SortKey
from ...schema import Schema
from .buffers import array_from, bits_of, empty, present, storage, text_of, validity, values_of
from .gather import encoded, is_shared_out, take_column
from .native import (
    NO_BITS,
    BucketSort,
    Calls,
    add_key,
    argsort,
    break_ties,
    extent_later,
    order_floats_later,
    order_integers_later,
    order_nulls_later,
    pack_bits,
    set_key,
    spans_of,
)
from .native.arrays import Longs, Rows, Words
from .native.parallel import Threads, each, each_later, mapped, turns_of
from .native.phases import Phases, pieces_of
from .native.textsort import Texts, rank_repeated
from .native.ties import Rest
from .project import Evaluator
from .ranking import order_words, ranks
from .spread import spreadable
from .table import CpuTable, concat_column, concat_tables, is_dictionary, slice_table, take_rows
from .words import floats_of, integers_of, is_bytes, is_one_word

_MAX_BYTES = 2**31 - 1
_SIGN, _ALL = 1 << 63, (1 << 64) - 1
_ALONE = 56
"""Bits of a first word to which no others are added, as there would be few: it is sorted by as it is."""
_MOST_WORDS = 3
"""Words of a key: one for nulls, and two of a decimal."""
_LARGE = 1 << 17
"""Rows from which a sort is worth threads of its own, and columns follow their keys by way of buckets."""


def sort_tables(tables: Sequence[CpuTable], keys: Sequence[SortKey], schema: Schema, *, threads: int = 1) -> CpuTable:
    """Return all rows in order, ties in input order."""
    filled = [table for table in tables if table.num_rows]
    if sum(table.num_rows for table in filled) < _LARGE:
        table = concat_tables(filled, schema)
        return take_rows(table, sorted_rows(table, keys))
    if threads == 1:
        return sort_large(filled, keys, schema, None)
    with Threads(threads) as shared:
        return sort_large(filled, keys, schema, shared)


def sort_large(
    tables: Sequence[CpuTable], keys: Sequence[SortKey], schema: Schema, threads: Threads | None
) -> CpuTable:
    """Return the rows of at least one table in order, batch by batch, without joining them first."""
    pieces = [piece for table in tables for piece in _pieces(table)]
    given = _KeyWords(pieces, keys, threads)
    words, texts = given.words, given.texts
    layout = _Layout(words, given.extents)
    if not layout.width:
        return concat_tables(tables, schema, threads)
    sort = BucketSort(layout.packed(words, threads), layout.least, layout.packed_width, threads, follow=True)
    if layout.width > layout.packed_width:
        break_ties(sort, layout.rest(words), threads)
    following = _Following(sort, pieces, threads)
    columns: list[pa.Array | _Taken] = []
    for position, field in enumerate(schema):
        arrays = [table.columns[position] for table in pieces]
        known = [
            number
            for number, key in enumerate(keys)
            if layout.has_whole(number)
            and (_is_whole(key, field.name) or (number in texts and _names(key, field.name)))
        ]
        if known and not any(array.null_count for array in arrays):
            number = known[0]
            kind = pa.int32() if number in texts else arrays[0].type
            values = layout.read_back_later(sort, number, keys[number], kind, following.phases)
            columns.append(_Taken([texts[number]], values_of(values)) if number in texts else values)
        else:
            nulls_first = keys[0].nulls_first if _names(keys[0], field.name) else None
            whole = [table.columns[position] for table in tables]
            columns.append(following.column_later(arrays, whole, nulls_first=nulls_first))
    following.phases.run()
    return CpuTable(schema=schema, columns=_all_taken(columns, threads), num_rows=len(sort.numbers))


class _Taken(NamedTuple):
    """Values of arrays, counted through, at rows."""

    arrays: Sequence[pa.Array]
    rows: Rows

    def column(self, threads: Threads | None) -> pa.Array:
        """Return them, once the rows are known."""
        return take_column(concat_column(self.arrays, threads), self.rows, threads=threads)


def _all_taken(columns: Sequence[pa.Array | _Taken], threads: Threads | None) -> list[pa.Array]:
    """Return columns, of which some are to be taken yet: those that threads cannot share are one thread's each."""
    shared, alone = dict[int, pa.Array](), dict[int, _Taken]()
    for position, column in enumerate(columns):
        if not isinstance(column, _Taken):
            shared[position] = column
        elif is_shared_out(column.arrays[0]):
            shared[position] = column.column(threads)
        else:
            alone[position] = column
    taken = mapped(lambda column: column.column(None), alone.values(), threads)
    made = shared | dict(zip(alone, taken, strict=True))
    return [made[position] for position in range(len(columns))]


def _pieces(table: CpuTable) -> list[CpuTable]:
    """Return a table in pieces for the threads."""
    spans = spans_of(table.num_rows, -(-table.num_rows // _LARGE))
    return [slice_table(table, start, stop - start) for start, stop in spans]


def _cut(whole: NDArray[Any], sizes: Sequence[int]) -> list[NDArray[Any]]:
    """Return an array in parts of some sizes."""
    return [whole[start:stop] for start, stop in pairwise(accumulate(sizes, initial=0))]


def _room_for(sizes: Sequence[int], kind: DTypeLike) -> list[NDArray[Any]]:
    """Return arrays of some sizes, which are parts of one: to ask for each takes longer."""
    return _cut(empty(sum(sizes), kind), sizes)


def _is_whole(key: SortKey, name: str) -> bool:
    """Return whether a key is a column of whole numbers, which its words give back."""
    dtype = key.expr.dtype
    whole = not dtype.is_float and dtype.kind not in (Kind.BOOL, Kind.UINT64)
    return _names(key, name) and whole and is_one_word(dtype)


def _names(key: SortKey, name: str) -> bool:
    return isinstance(key.expr, Column) and key.expr.name == name


_Chunk: TypeAlias = "list[list[Words | Longs]]"
"""The words of each key, of the rows of one table."""
_Extents: TypeAlias = "list[Longs]"
"""By key the least and the greatest of each, shape (words, 2): signed where their words are."""


class _KeyWords:
    """The words of keys by table, with a word for nulls in all tables if there are any in one.

    Attributes
    ----------
    words, extents
        By table.
    texts
        By the number of a key of texts that repeat the different ones in order, of which the words are places.
    """

    def __init__(self, tables: Sequence[CpuTable], keys: Sequence[SortKey], threads: Threads | None) -> None:
        self._keys, self._threads = keys, threads
        exprs = [key.expr for key in keys]
        computing = None if all(isinstance(expr, Column) for expr in exprs) else threads
        self._columns = mapped(lambda table: Evaluator(table).columns(exprs), tables, computing)
        self._nullable = [any(own[number].null_count for own in self._columns) for number in range(len(keys))]
        self.words: list[_Chunk] = [[[] for _ in keys] for _ in tables]
        bounds = np.empty((len(tables), len(keys), _MOST_WORDS, 2), dtype=np.int64)
        self.extents: list[_Extents] = [list(own) for own in bounds]
        sizes = [table.num_rows for table in tables]
        self._room = [
            [_room_for(sizes, np.uint64) for _ in range(_words_made(key, nullable=nullable))]
            for key, nullable in zip(map(_by_words, keys), self._nullable, strict=True)
        ]
        self.texts = dict[int, pa.Array]()
        ranked = [number for number, key in enumerate(keys) if _is_ranked(key.expr.dtype)]
        spans = turns_of(len(tables), threads)
        # What threads do while one of them ranks the different texts.
        waiting = [partial(self._put, span, [n for n in range(len(keys)) if n not in ranked]) for span in spans]
        left = list[int]()  # ranked, whose places are not the words
        for number in ranked:
            places = self._ranked(number, waiting)
            if number in self.texts:
                waiting = []
            if number in self.texts and not (keys[number].descending or self._nullable[number]):
                self._take(number, places)
            else:
                left.append(number)
                for own, place in zip(self._columns, places, strict=True):
                    own[number] = array_from(place, pa.int64(), validity(own[number]))
        steps = waiting + [partial(self._put, span, left) for span in spans if left]
        each(lambda step: steps[step](), len(steps), threads)

    def _put(self, span: tuple[int, int], numbers: Sequence[int]) -> None:
        """Make the words of some keys of some tables."""
        calls = Calls()
        for table, number in product(range(*span), numbers):
            own, key = self._columns[table][number], _by_words(self._keys[number])
            room = [words[table] for words in self._room[number]]
            self.words[table][number] = made = _ordered(own, key, room, calls, nullable=self._nullable[number])
            self.extents[table][number] = bounds = self.extents[table][number][: len(made)]
            for word, out in zip(made, bounds, strict=True):
                extent_later(word, out, calls)
        calls.run()

    def _ranked(self, number: int, waiting: Sequence[Callable[[], None]]) -> list[Longs]:
        """Return by table the ranks of a key's values.

        Where they are texts that repeat, which then are known, what was ``waiting`` has been done.
        """
        columns, dtype = [own[number] for own in self._columns], self._keys[number].expr.dtype
        repeated = _repeated(columns, waiting, self._threads) if is_bytes(dtype) else None
        if repeated is not None:
            self.texts[number], places = repeated
            return places
        found: Longs = ranks(concat_column(columns, self._threads), dtype, self._threads).astype(np.int64)
        return _cut(found, [len(column) for column in columns])

    def _take(self, number: int, places: Sequence[Longs]) -> None:
        """Take the places of texts as their words."""
        bounds = np.array([[0, max(len(self.texts[number]) - 1, 0)]], dtype=np.int64)
        for made, extent, place in zip(self.words, self.extents, places, strict=True):
            made[number], extent[number] = [place], bounds


def _by_words(key: SortKey) -> SortKey:
    """Return the key by whose words values are ordered: of ranked ones that of their ranks."""
    return replace(key, expr=Column(name="", dtype=int64)) if _is_ranked(key.expr.dtype) else key


def _is_ranked(dtype: DataType) -> bool:
    """Return whether the words of values are their ranks among all of them."""
    return not (is_one_word(dtype) or dtype.is_decimal or dtype.kind is Kind.NULL)


def _repeated(
    columns: Sequence[pa.Array], meanwhile: Sequence[Callable[[], None]], threads: Threads | None
) -> tuple[pa.Array, list[Longs]] | None:
    """Return the different texts of a column in order, and by table the place of each row's; None where most differ.

    Where not, other work has been done ``meanwhile``.
    """
    if any(map(is_dictionary, columns)):
        return None
    sizes = [len(column) for column in columns]
    numbers, places = (_room_for(sizes, kind) for kind in (np.int32, np.int64))
    pieces = [Texts(*text_of(column), *bits_of(column)) for column in columns]
    distinct = rank_repeated(pieces, numbers, threads, meanwhile, places)
    if distinct is None:
        return None
    offsets, data = distinct
    if len(data) > _MAX_BYTES:
        return None
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)]
    return pa.Array.from_buffers(columns[0].type, len(offsets) - 1, buffers, null_count=0), places


def _words_made(key: SortKey, *, nullable: bool) -> int:
    """Return how many words `_ordered` writes to memory that it is given."""
    dtype = key.expr.dtype
    if dtype.is_float or (_is_signed(dtype) and key.descending and not nullable):
        return 1
    return 2 if _is_signed(dtype) and nullable else 0


def _ordered(
    column: pa.Array, key: SortKey, room: Sequence[Words], calls: Calls, *, nullable: bool
) -> list[Words | Longs]:
    """Return the words of a key, once calls are made; integers that have their own order as they are, and signed.

    Floats leave the first and the last word to nulls, which so need none of their own.
    """
    if key.expr.dtype.is_float:
        bits, offset = bits_of(column)
        values, last = floats_of(column), not key.nulls_first
        order_floats_later(values, bits, offset, room[0], calls, descending=key.descending, nulls_last=last)
        return [*room]
    if not _is_signed(key.expr.dtype):
        return [*order_words(column, key, nullable=nullable)]
    if not room:
        return [integers_of(column)]
    bits, offset = bits_of(column) if nullable else (NO_BITS, 0)
    if nullable:
        order_nulls_later(bits, offset, room[0], calls, nulls_first=key.nulls_first)
    order_integers_later(integers_of(column), bits, offset, room[-1], calls, descending=key.descending)
    return [*room]


def _is_signed(dtype: DataType) -> bool:
    return is_one_word(dtype) and not dtype.is_float and dtype.kind is not Kind.UINT64


class _Layout:
    """Where the words of the keys stand in one word of all, each less its least; by chunk, key and word of the key.

    Words are unsigned, or signed if their dtype is.

    Attributes
    ----------
    width
        So many bits the words have together.
    least, packed_width
        The packed words less ``least`` have so many bits: at most 64, the first ones.
    """

    def __init__(self, chunks: Sequence[_Chunk], measured: Sequence[_Extents]) -> None:
        self._shape = [len(key) for key in chunks[0]]
        self._signed = [word.dtype == np.int64 for key in chunks[0] for word in key]
        bounds = np.stack([np.concatenate(own) for own in measured], axis=2)  # (words, 2, chunks)
        kinds = [np.int64 if signed else np.uint64 for signed in self._signed]
        extents = [(own[0].view(kind).min(), own[1].view(kind).max()) for own, kind in zip(bounds, kinds, strict=True)]
        self._leasts = [int(low) for low, _ in extents]
        self._widths: list[int] = [(int(high) - int(low)).bit_length() for low, high in extents]
        self.width = sum(self._widths)
        self.packed_width = min(self.width, 64)
        varying = [number for number, width in enumerate(self._widths) if width]
        self._only = varying[0] if len(varying) == 1 else None
        if self.width > 64 and self._widths[varying[0]] >= _ALONE:
            self._only, self.packed_width = varying[0], self._widths[varying[0]]
        self.least = 0 if self._only is None else self._leasts[self._only]

    def packed(self, chunks: Sequence[Sequence[Sequence[Words | Longs]]], threads: Threads | None) -> list[Words]:
        """Return one word per row of each chunk."""
        flat = [[word.view(np.uint64) for key in chunk for word in key] for chunk in chunks]
        if self._only is not None:
            return [own[self._only] for own in flat]
        packed = _room_for([len(own[0]) for own in flat], np.uint64)
        parts = [number for number, width in enumerate(self._widths) if width and self._shift(number) > -width]

        def pack(chunk: int, calls: Calls) -> None:
            for number in parts:
                put = set_key if number == parts[0] else add_key
                calls.add(put, flat[chunk][number], self._leasts[number], self._shift(number), packed[chunk])

        each_later(pack, len(chunks), threads)
        return packed

    def rest(self, chunks: Sequence[_Chunk]) -> list[Rest]:
        """Return the words that packed ones lack some bits of."""
        flat = [[word.view(np.uint64) for key in chunk for word in key] for chunk in chunks]
        return [
            Rest([own[number] for own in flat], least, width)
            for number, (least, width) in enumerate(zip(self._leasts, self._widths, strict=True))
            if self._shift(number) < 0
        ]

    def has_whole(self, number: int) -> bool:
        """Return whether packed words have all bits of a key's last word."""
        return self._shift(sum(self._shape[: number + 1]) - 1) >= 0

    def read_back_later(
        self, sort: BucketSort, number: int, key: SortKey, kind: pa.DataType, phases: Phases
    ) -> pa.Array:
        """Return a key's column, of whole numbers without nulls, which are there in order when phases have run."""
        word = sum(self._shape[: number + 1]) - 1
        stored = storage(kind)
        values = empty(len(sort.numbers), stored)
        flip = 0 if self._signed[word] else _SIGN ^ (_ALL if key.descending else 0)
        sort.integers_later(self._shift(word), self._widths[word], self._leasts[word], flip, values, phases)
        return array_from(values, kind)

    def _shift(self, number: int) -> int:
        """Return from which bit on a packed word has a word's bits; its lowest ones are missing below 0."""
        below = sum(self._widths[number + 1 :])
        return below - (self.width - self.packed_width)


class _Following:
    """Columns put into the order of their rows' keys.

    Attributes
    ----------
    phases
        What has to run before the columns are there.
    """

    def __init__(self, sort: BucketSort, tables: Sequence[CpuTable], threads: Threads | None) -> None:
        self.phases = Phases(threads)
        self._sort = sort
        self._sizes = [table.num_rows for table in tables]
        self._rows: Rows | None = None

    def column_later(
        self, arrays: Sequence[pa.Array], given: Sequence[pa.Array], *, nulls_first: bool | None = None
    ) -> pa.Array | _Taken:
        """Return what will be the values of a column, given by chunk, and in as few pieces as there are.

        Of the first key ``nulls_first`` tells where nulls are.
        """
        first = arrays[0]
        if not spreadable(arrays):
            return _Taken(given, self._order_later())
        if isinstance(first, pa.DictionaryArray):
            indices = self._spread_later([array.indices for array in arrays], nulls_first=nulls_first)
            return encoded(indices, first.dictionary)
        return self._spread_later(arrays, nulls_first=nulls_first)

    def _spread_later(self, arrays: Sequence[pa.Array], *, nulls_first: bool | None) -> pa.Array:
        first = arrays[0]
        values = self._followed_later([values_of(array) for array in arrays], storage(first.type))
        nulls = sum(array.null_count for array in arrays)
        if not nulls:
            return array_from(values, first.type)
        if nulls_first is not None:
            valid = slice(nulls, len(values)) if nulls_first else slice(len(values) - nulls)
            return array_from(values, first.type, pa.py_buffer(_bitmap(len(values), valid)), nulls)
        flags = self._followed_later([present(array).view(np.uint8) for array in arrays], np.dtype(np.uint8))
        bits = empty(-(-len(flags) // 8), np.uint8)
        self.phases.add(pack_bits, flags, bits, numbers=pieces_of(len(bits)))
        return array_from(values, first.type, pa.py_buffer(bits), nulls)

    def _followed_later(self, chunks: Sequence[NDArray[Any]], dtype: np.dtype[Any]) -> NDArray[Any]:
        out = empty(sum(self._sizes), dtype)
        self._sort.follow_later(chunks, out, self.phases)
        return out

    def _order_later(self) -> Rows:
        if self._rows is None:
            starts = np.cumsum([0, *self._sizes])
            numbers = [np.arange(*span, dtype=np.int32) for span in pairwise(starts.tolist())]
            self._rows = self._followed_later(numbers, np.dtype(np.int32))
        return self._rows


def _bitmap(length: int, valid: slice) -> NDArray[np.uint8]:
    """Return the bitmap of so many rows of which those of a slice are valid."""
    start, stop, _ = valid.indices(length)
    bits = np.zeros(-(-length // 8), dtype=np.uint8)
    if start < stop:
        bits[start // 8 : -(-stop // 8)] = 0xFF
        bits[start // 8] &= 0xFF << start % 8 & 0xFF
        bits[(stop - 1) // 8] &= 0xFF >> -stop % 8
    return bits


def sorted_rows(table: CpuTable, keys: Sequence[SortKey]) -> Any:
    """Return the stable order of the rows."""
    return argsort(_words(table, keys))


def _words(table: CpuTable, keys: Sequence[SortKey]) -> list[Words]:
    """Return at least one word column whose order, most significant first, is the wanted one."""
    columns = Evaluator(table).columns([key.expr for key in keys])
    words = [word for column, key in zip(columns, keys, strict=True) for word in order_words(column, key)]
    return words or [np.zeros(table.num_rows, dtype=np.uint64)]
