"""The first rows of an order, kept while tables pass by.

Once as many rows as wanted are known, the last of them is a bound: a later row whose first key lies beyond it is out,
which one pass over that key finds, and of most tables nothing else is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...dtypes import TICKS, Kind
from ...expr import SortKey
from ...schema import Schema
from ..protocol import Table, TopK
from .buffers import bits_of, empty, present, text_of
from .chunked import ChunkedTable
from .gather import plain
from .keysets import CountingKeys
from .leading import Leaders, leads
from .native import NO_BITS, rows_within, smallest, text_prefixes, values_within
from .native.arrays import Doubles, Longs, Rows, Words, addresses, ascending
from .project import Evaluator
from .ranking import order_words
from .sort import sort_tables
from .table import CpuTable, is_dictionary, own, slice_table, take_rows, take_rows_of
from .words import floats_of, integers_of, is_bytes, is_one_word, looked_up

_HELD_ROWS, _FEW_ROWS = 4_096, 1_024
_FIRST_ROWS = 1 << 14
_ALL = 0xFFFFFFFFFFFFFFFF
_NO_ROWS = ascending(0)


class CpuTopK:
    """Keeps the first ``k`` rows of an order."""

    def __init__(self, keys: Sequence[SortKey], k: int, schema: Schema) -> None:
        self._keys, self._k, self._schema = tuple(keys), k, schema
        self._held: list[CpuTable] = []
        self._rows = 0
        self._places: list[tuple[CpuTable, Rows]] = []
        self._waiting = 0  # rows of the places
        self._bounds: list[_Bound] = []  # the last is the least; all threads' where there are several
        self._leaders: Leaders | None = None
        self._least = np.array([_ALL], dtype=np.uint64)  # the word of the first key that bounds all threads' leaders

    @property
    def _bound(self) -> _Bound | None:
        return self._bounds[-1] if self._bounds else None

    def beside(self) -> CpuTopK:
        """Return one for another thread: a bound that either finds holds for both."""
        made = CpuTopK(self._keys, self._k, self._schema)
        made._bounds, made._least = self._bounds, self._least
        return made

    def absorb(self, other: TopK) -> None:
        """Take over the rows of another thread's, without putting them in order."""
        assert isinstance(other, CpuTopK)
        self._absorb(other)

    def _absorb(self, other: CpuTopK) -> None:
        found = other._leaders
        if found is None or self._leaders is None:
            self._leaders = self._leaders or found
        elif self._leaders.chunks is found.chunks:
            self._leaders.absorb(found)
        else:
            other._gather_leaders()
        self._places += other._places
        self._waiting += other._waiting
        self._held += other._held
        self._rows += other._rows

    def scan_bound(self, *, alone: bool) -> ScanBound | None:
        """Return the values of the first key that may be among the first rows; None where only words have its order."""
        first = self._keys[0] if self._keys else None
        dtype = None if first is None else first.expr.dtype
        if first is None or dtype is None or first.nulls_first or not self._k:
            return None
        whole = dtype.is_integer and dtype.kind is not Kind.UINT64
        return ScanBound(self, first, alone=alone) if whole or dtype.is_temporal else None

    @property
    def k(self) -> int:
        """How many rows are wanted."""
        return self._k

    def limit(self) -> int | None:
        """Return the last value of the first key that may be among the first rows, where that is a whole number."""
        limit = None if self._bound is None else self._bound.limit
        return None if limit is None else int(limit[0])

    def update(self, *tables: Table) -> None:
        """Offer the rows of tables; what lies beyond the bound is found in all of them together."""
        offered = list[CpuTable]()
        for table in tables:
            offered += self._offer(table) if isinstance(table, ChunkedTable) else [own(table)]
        if offered:
            self._gather_leaders()
            self._update(offered)

    @property
    def nbytes(self) -> int:
        """About the bytes of what is kept."""
        places = sum(rows.nbytes for _, rows in self._places)
        return places + sum(table.nbytes for table in self._held) + (self._leaders.nbytes if self._leaders else 0)

    def settle(self) -> None:
        """Keep no more rows than are wanted."""
        if self._leaders is not None:
            self._leaders.settle()
        self._gather()
        if self._rows > self._k:
            self._cut()

    def _offer(self, rows: ChunkedTable) -> list[CpuTable]:
        """Offer rows by the addresses of the first key, where that will do; else return tables of them."""
        pieces = leads(rows, self._keys)
        if pieces is None:
            return rows.tables()
        bound = self._bound
        if not self._k or (bound is not None and bound.is_null and self._keys[0].nulls_first):
            return []
        if bound is not None and not bound.is_null:
            self._least[0] = min(self._least[0], np.uint64(bound.word))
        if self._leaders is None or self._leaders.chunks is not rows.chunks:
            self._gather_leaders()
            self._leaders = Leaders(rows, self._keys, self._k, self._least)
        self._leaders.look(*pieces)
        return []

    def _gather_leaders(self) -> None:
        leaders, self._leaders = self._leaders, None
        if leaders is not None:
            self._keep(leaders.table())

    def _update(self, tables: Sequence[CpuTable]) -> None:
        rest = [*tables]
        while rest and self._bound is None:
            rows = rest.pop(0)
            some = self._bound_by_some(rows)
            self._keep(rows if some is None else take_rows_of([rows], some.found([rows])))
            if some is not None:
                self._cut()  # what a whole table says spares the others more
        if self._bound is not None and rest:
            found = self._bound.found(rest)
            if len(tables) == 1:
                self._keep(take_rows_of(rest, found))
            else:
                self._remember(rest, found)

    def _remember(self, tables: Sequence[CpuTable], found: Sequence[Rows]) -> None:
        """Note rows of tables that lie in memory: all are gathered at once, when there are enough for a cut."""
        self._places += [(table, rows) for table, rows in zip(tables, found, strict=True) if len(rows)]
        self._waiting += sum(map(len, found))
        if self._is_much:
            self._gather()

    @property
    def _is_much(self) -> bool:
        """Whether enough rows wait for a cut to be worth it."""
        return self._waiting > max(4 * self._k, _FEW_ROWS)

    def _gather(self) -> None:
        places, self._places, self._waiting = self._places, [], 0
        if places:
            self._keep(take_rows_of([table for table, _ in places], [rows for _, rows in places]))

    def _bound_by_some(self, rows: CpuTable) -> _Bound | None:
        """Return a bound by the first of many rows, which spares most of the others more than a look."""
        if not 0 < 4 * self._k <= _FIRST_ROWS <= rows.num_rows or not _bounds(self._keys):
            return None
        some = slice_table(rows, 0, _FIRST_ROWS)
        column = Evaluator(some).column(self._keys[0].expr)
        if column.null_count:
            return None
        last = np.argpartition(_first_words(column, self._keys[0]), self._k - 1)[self._k - 1]
        return _Bound(self._keys[0], slice_table(some, int(last), 1))

    def _keep(self, rows: CpuTable) -> None:
        """Keep rows for the next cut, of many only those that may be among the first."""
        self._gather()
        many = rows.num_rows > max(4 * self._k, _FEW_ROWS)
        if many and self._k:
            rows = self._led_by_first_key(rows)
        if many and rows.num_rows > 4 * self._k:
            rows = take_rows(rows, smallest(self._order(rows), self._k))
        if rows.num_rows:
            self._held.append(_without_long_dictionaries(rows))
            self._rows += rows.num_rows
        if many or self._rows > (2 * self._k + _HELD_ROWS if self._bound is not None else self._k):
            self._cut()

    def result(self) -> CpuTable:
        """Return at most ``k`` rows, sorted."""
        if self._leaders is not None and not self._rows and not self._places:
            return self._leaders.table()
        self._gather_leaders()
        self._gather()
        self._cut()
        return self._held[0]

    def _led_by_first_key(self, rows: CpuTable) -> CpuTable:
        """Return the rows that the first key alone does not put behind ``k`` others, where further keys cost more."""
        key = self._keys[0] if _bounds(self._keys) else None
        if key is None or (len(self._keys) == 1 and not is_bytes(key.expr.dtype)):
            return rows
        column = Evaluator(rows).column(key.expr)
        if column.null_count:
            return rows
        words = _first_words(column, key)
        last = smallest([words], self._k)[-1]
        return take_rows(rows, rows_within(words, int(words[last])))

    def _order(self, rows: CpuTable) -> list[Words]:
        columns = Evaluator(rows).columns([key.expr for key in self._keys])
        words = [word for column, key in zip(columns, self._keys, strict=True) for word in order_words(column, key)]
        return words or [np.zeros(rows.num_rows, dtype=np.uint64)]

    def _cut(self) -> None:
        best = slice_table(sort_tables(self._held, self._keys, self._schema), 0, self._k)
        self._held, self._rows = [best], best.num_rows
        if self._k and best.num_rows == self._k and _bounds(self._keys):
            bound = _Bound(self._keys[0], slice_table(best, self._k - 1, 1))
            if self._bound is None or bound.comes_before(self._bound):
                self._bounds.append(bound)


def _without_long_dictionaries(rows: CpuTable) -> CpuTable:
    """Return rows without dictionaries that have more texts than there are rows: each cut would put all in order."""
    columns = [
        plain(column) if is_dictionary(column) and len(column.dictionary) > len(column) else column
        for column in rows.columns
    ]
    return rows.with_columns(columns, rows.num_rows)


def _bounds(keys: Sequence[SortKey]) -> bool:
    """Whether the first key tells rows apart at all, by words that are the same in every table."""
    dtype = keys[0].expr.dtype if keys else None
    return dtype is not None and (is_bytes(dtype) or is_one_word(dtype)) and dtype.kind is not Kind.NULL


class _Bound:
    """The first key of the last row that is wanted so far; ``limit`` has it as a number, where that has its order."""

    def __init__(self, key: SortKey, row: CpuTable) -> None:
        self._key = key
        column = Evaluator(row).column(key.expr)
        self.is_null = bool(column.null_count)
        self.word = 0 if self.is_null else int(_first_words(column, key)[0])
        self.limit = None if self.is_null else _comparable(column, key)
        if self.limit is not None and np.isnan(self.limit[0]):
            self.limit = None

    def comes_before(self, other: _Bound) -> bool:
        """Return whether this bound leaves out more than another does."""
        if self.is_null or other.is_null:
            return self.is_null != other.is_null and self.is_null is self._key.nulls_first
        return self.word < other.word

    def found(self, tables: Sequence[CpuTable]) -> Sequence[Rows]:
        """Return the rows of each table whose first key does not lie beyond the bound."""
        if self.is_null and not self._key.nulls_first:
            return [ascending(table.num_rows) for table in tables]
        columns = [Evaluator(table).column(self._key.expr) for table in tables]
        found = self._compared(columns)
        if found is None:
            found = [self._nulls(column) if self.is_null else self._rows_within(column) for column in columns]
        return found

    def _compared(self, columns: Sequence[pa.Array]) -> list[Rows] | None:
        """Return the rows found by comparing values as they are; None where that does not tell."""
        if self.limit is None or any(column.null_count for column in columns):
            return None
        values = [_comparable(column, self._key) for column in columns]
        known = [one for one in values if one is not None]
        if len(known) < len(values):
            return None
        lengths = np.array(list(map(len, known)), dtype=np.int64)
        found = dict(values_within(addresses(known), lengths, self.limit, greatest=self._key.descending))
        return [found.get(number, _NO_ROWS) for number in range(len(known))]

    @staticmethod
    def _nulls(column: pa.Array) -> Rows:
        return np.flatnonzero(np.asarray(column.is_null())).astype(np.int32)

    def _rows_within(self, column: pa.Array) -> Rows:
        coded = column.indices if isinstance(column, pa.DictionaryArray) else column
        bits, offset = bits_of(coded) if column.null_count else (NO_BITS, 0)
        words = _first_words(column, self._key)
        return rows_within(words, self.word, bits=bits, bit_offset=offset, nulls=self._key.nulls_first)


class ScanBound(CountingKeys):
    """Values of an order's first key that scans still have to give: none beyond those of as many rows as are wanted.

    While rows are looked for these are the values that the rows' own bound lets pass. Where every row that a scan gives
    is looked at, so many values that it has come by are a bound as well, before anything else is read of their rows.
    """

    learns = True
    nbytes = 0

    def __init__(self, top: CpuTopK, key: SortKey, *, alone: bool) -> None:
        super().__init__()
        self._top, self._alone, self._descending = top, alone, key.descending
        dtype = key.expr.dtype
        self._unit = TICKS["ns"] // TICKS[dtype.unit] if dtype.kind is Kind.TIMESTAMP else 1
        self._seen: int | None = None

    def _limit(self) -> int | None:
        known = [limit for limit in (self._seen, self._top.limit()) if limit is not None]
        return (max(known) if self._descending else min(known)) if known else None

    def may_hold(self, minimum: Any, maximum: Any) -> bool:
        """Return whether a value within two bounds may be among the first."""
        limit = self._limit()
        nearest = maximum if self._descending else minimum
        if limit is None or nearest is None:
            return True
        return bool(nearest >= limit * self._unit if self._descending else nearest <= limit * self._unit)

    def select(self, values: pa.Array) -> Rows:
        """Return the positions of the values that may be among the first, of rows that have passed every other test."""
        numbers, rows = integers_of(values), ascending(len(values))
        known = rows[present(values)] if values.null_count else rows
        limit = self._limit()
        if limit is not None:
            known = rows = known[self._passes(numbers[known], limit)]
        if self._alone and len(known) > self._top.k:
            own = numbers[known]
            place = len(own) - self._top.k if self._descending else self._top.k - 1
            self._seen = int(np.partition(own, place)[place])
            rows = known[self._passes(own, self._seen)]
        self.count(passed=len(rows), tested=len(values))
        return rows

    def _passes(self, numbers: Longs, limit: int) -> NDArray[np.bool_]:
        return numbers >= limit if self._descending else numbers <= limit


def _comparable(column: pa.Array, key: SortKey) -> Longs | Doubles | None:
    """Return values that compare as they are; None where only words have the order."""
    dtype = key.expr.dtype
    if dtype.is_float:
        return floats_of(column)
    return integers_of(column) if is_one_word(dtype) and dtype.kind is not Kind.UINT64 else None


def _first_words(column: pa.Array, key: SortKey) -> Words:
    """Return a word per row whose order is the wanted one as far as it goes; nulls hold anything."""
    if not is_bytes(key.expr.dtype):
        return order_words(column, key)[-1]
    flip = 0xFFFFFFFFFFFFFFFF if key.descending else 0
    texts = column.dictionary if isinstance(column, pa.DictionaryArray) else column
    offsets, data = text_of(texts)
    words = empty(len(texts), np.uint64)
    text_prefixes(offsets, data, 0, flip, words)
    if texts is column:
        return words
    return looked_up(np.append(words, np.uint64(0)), column.indices)
