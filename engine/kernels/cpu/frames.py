"""Where windows lie: rows sorted partition by partition, groups of peers, and the frame of each row.

Positions are those of the sorted rows, as 32-bit numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...expr import SortKey
from ...plan import Bound, Edge, Frame, FrameUnit
from ...plan.window import range_limit
from ..frames import FrameRuns
from ..specs import WindowSpec
from .buffers import empty
from .keys import KeyTable
from .native import (
    NO_BITS,
    BucketSort,
    add_groups,
    add_key,
    argsort,
    count_valid,
    mark_changes,
    order_integers,
    rows_away,
    search_sorted,
    set_key,
    sort_groups,
    spans,
    spread_groups,
    unsigned_extent,
)
from .native.arrays import Rows, Words, rows_out
from .native.radix import FINER_BITS
from .native.stretches import lay_out_stretches
from .native.windowing import SCRATCH_WORDS, SPARE_KEYS
from .project import Evaluator
from .ranking import order_words, ranks
from .words import is_one_word, words_of

_WORD_BITS = 64
Positions: TypeAlias = NDArray[np.int64]
Run: TypeAlias = tuple[Rows, Rows]
"""First positions and positions after the last, per row."""


@dataclass(frozen=True)
class Layout:
    """Rows in the order of partition and ordering keys.

    Attributes
    ----------
    rows
        Row number at each sorted position.
    sorted
        Whether rows moved at all.
    partition_flags, peer_flags
        Whether a partition, and a group of peers, starts at a position, as bytes.
    """

    rows: Rows
    sorted: bool
    partition_flags: NDArray[np.uint8]
    peer_flags: NDArray[np.uint8]

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.rows)

    @cached_property
    def positions(self) -> Positions:
        """The positions themselves: 0, 1, 2 and so on."""
        return np.arange(len(self.rows), dtype=np.int64)

    @cached_property
    def partitions(self) -> Run:
        """Where each row's partition starts and ends."""
        return _spans(self.partition_flags)

    @cached_property
    def peers(self) -> Run:
        """Where each row's group of peers starts and ends."""
        return self.partitions if self.peer_flags is self.partition_flags else _spans(self.peer_flags)

    @cached_property
    def group_numbers(self) -> Positions:
        """Number of each row's group of peers, over all partitions."""
        return np.cumsum(self.peer_flags, dtype=np.int64) - 1

    @cached_property
    def group_starts(self) -> Rows:
        """Where each group of peers starts, and the number of rows."""
        return np.append(np.flatnonzero(self.peer_flags), len(self.rows)).astype(np.int32)


_SMALL_GROUP = 1_024
"""Partitions of at most so many rows are sorted one by one, in a core's cache."""
_UNDIVIDED_ROWS = 1 << 16
"""Rows that all fit the cache, as they lie."""
_FEW_GROUPS = 16
"""If the first rows have fewer different keys, partitions have too many rows to be sorted one by one."""
STRETCH_BITS = 4 + FINER_BITS
"""First bits of the hashes of keys, by which rows lie: of a partition of sixteen, and of its stretches."""
_FEW_KEYS, _FIRST_ROWS = 1 << 16, 1 << 8
"""Keys that a partition of many rows has room for at first, and rows whose keys tell how these lie, or how many."""


def lay_out(evaluator: Evaluator, spec: WindowSpec) -> Layout:
    """Sort the rows of a table (stably) and mark where partitions and groups of peers start."""
    count = evaluator.table.num_rows
    columns = evaluator.columns([key.expr for key in spec.order_by])
    words = [word for column, key in zip(columns, spec.order_by, strict=True) for word in order_words(column, key)]
    partition_words: list[Words] = []
    if spec.partition_by and count:
        keys = evaluator.columns(spec.partition_by)
        if len(words) <= 1 and (layout := _by_stretches(keys, spec, words)) is not None:
            return layout
        ids, groups = _numbered(keys, spec)
        if words and count > groups * _SMALL_GROUP and (layout := _by_one_word(ids, groups, words)) is not None:
            return layout
        counts = np.zeros(groups, dtype=np.int64)
        count_valid(ids, NO_BITS, 0, counts)
        if len(words) <= 1 and (not words or counts.max() <= _SMALL_GROUP):
            return _group_by_group(ids, counts, words, ordered=bool(spec.order_by))
        partition_words = [empty(count, np.uint64)]
        np.copyto(partition_words[0].view(np.int64), ids)
        partition_flags = _begun(counts)
    else:
        partition_flags = np.zeros(count, dtype=np.uint8)
        partition_flags[:1] = 1
    every = [*partition_words, *words]
    rows = argsort(every) if every else np.arange(len(rows_out(None, count)), dtype=np.int32)
    if not spec.order_by:
        return Layout(rows, sorted=bool(every), partition_flags=partition_flags, peer_flags=partition_flags)
    peer_flags = partition_flags.copy()
    for word in words:
        mark_changes(word, rows, peer_flags)
    return Layout(rows, sorted=bool(every), partition_flags=partition_flags, peer_flags=peer_flags)


def _by_stretches(columns: Sequence[pa.Array], spec: WindowSpec, words: Sequence[Words]) -> Layout | None:
    """Lay out rows that lie by the hashes of their keys, or are few; None where they do not, or keys have few rows."""
    [column, *others], dtype = columns, spec.partition_by[0].dtype
    if others or column.null_count or not is_one_word(dtype):
        return None
    bits, keys = 0 if len(column) <= _UNDIVIDED_ROWS else STRETCH_BITS, words_of(column, dtype)
    if bits and len(np.unique(keys[:_FIRST_ROWS])) < _FEW_GROUPS:
        return None
    made = lay_out_stretches(keys, next(iter(words), None), bits, _SMALL_GROUP)
    if made is None:
        return None
    rows, partitions, peers = made
    return Layout(rows, sorted=True, partition_flags=partitions, peer_flags=peers)


def _numbered(columns: Sequence[pa.Array], spec: WindowSpec) -> tuple[Rows, int]:
    """Return the number of each row's partition, and how many there are.

    A table of keys makes room for as many as the rows that it is given first: of these there are few.
    """
    many = len(columns[0]) > _FEW_KEYS
    keys = KeyTable([expr.dtype for expr in spec.partition_by], _FEW_KEYS if many else 0)
    if many:
        keys.insert([column.slice(0, _FIRST_ROWS) for column in columns])
    return keys.insert(columns), len(keys)


def _by_one_word(ids: Rows, groups: int, words: Sequence[Words]) -> Layout | None:
    """Lay out rows by one sort of all keys in one word, which then tells where they change; None where it is too short.

    The partition's number is in its highest bits.
    """
    shift, packed = 0, empty(len(ids), np.uint64)
    for word in reversed(words):
        least, greatest = unsigned_extent(word)
        if shift + (greatest - least).bit_length() > _WORD_BITS:
            return None
        (add_key if shift else set_key)(word, least, shift, packed)
        shift += (greatest - least).bit_length()
    width = shift + max((groups - 1).bit_length(), 1)
    if width > _WORD_BITS:
        return None
    add_groups(ids, shift, packed)
    sort = BucketSort([packed], 0, width)
    return Layout(sort.numbers, sorted=True, partition_flags=sort.begins(shift), peer_flags=sort.begins(0))


def _group_by_group(ids: Rows, counts: Positions, words: Sequence[Words], *, ordered: bool) -> Layout:
    """Lay out rows by spreading them over their partitions, and sorting each by at most one word."""
    offsets = np.append(np.zeros(1, dtype=np.int64), np.cumsum(counts))
    rows, keys = empty(len(ids), np.int32), empty(len(ids) + SPARE_KEYS, np.uint64)
    spread_groups(ids, words[0] if words else keys, offsets[:-1].copy(), rows, keys)
    partition_flags = _begun(counts)
    peer_flags = partition_flags.copy() if ordered else partition_flags
    if words:
        in_order, scratch = empty(len(ids), np.int32), np.empty(SCRATCH_WORDS, dtype=np.uint64)
        sort_groups(offsets, keys, rows, empty(len(ids), np.uint64), in_order, peer_flags, scratch)
        rows = in_order
    return Layout(rows, sorted=True, partition_flags=partition_flags, peer_flags=peer_flags)


def order_within(starts: Positions, words: Words) -> Rows:
    """Return the stable order of words between bounds each."""
    sizes, count = np.diff(starts), len(words)
    if sizes.max(initial=0) > _SMALL_GROUP:
        numbers = np.repeat(np.arange(len(sizes), dtype=np.uint64), sizes)
        return argsort([words] if len(sizes) == 1 else [numbers, words])
    keys, rows, order = empty(count + SPARE_KEYS, np.uint64), np.arange(count, dtype=np.int32), empty(count, np.int32)
    keys[:count] = words
    begins, scratch = np.zeros(count, dtype=np.uint8), np.empty(SCRATCH_WORDS, dtype=np.uint64)
    sort_groups(starts, keys, rows, empty(count, np.uint64), order, begins, scratch)
    return order


def _begun(counts: Positions) -> NDArray[np.uint8]:
    """Return which rows are the first of their partition, when those of one stand after those of the other."""
    flags = np.zeros(int(counts.sum()), dtype=np.uint8)
    flags[np.cumsum(counts) - counts] = 1
    return flags


def _spans(flags: NDArray[np.uint8]) -> Run:
    starts, ends = empty(len(flags), np.int32), empty(len(flags), np.int32)
    spans(flags, starts, ends)
    return starts, ends


class Frames(FrameRuns[Layout, Evaluator, Rows]):
    """The frames of a window's rows, as runs of sorted rows."""

    def hold_partitions(self, frame: Frame) -> bool:
        """Return whether each row's frame is its partition."""
        all_are_peers = not self.order_by and frame.unit is FrameUnit.RANGE
        up_to_peers = frame.begins_with_partition and frame.end.edge is Edge.CURRENT_ROW
        return frame.is_partition or (all_are_peers and up_to_peers)

    def _rows_away(self, distance: int) -> Rows:
        found = empty(self.layout.count, np.int32)
        rows_away(*self.layout.partitions, distance, found)
        return found

    def _groups_away(self, distance: int) -> Rows:
        group = self.layout.group_numbers + distance
        first: Rows = self.layout.group_starts[np.clip(group, 0, len(self.layout.group_starts) - 1)]
        starts, ends = self.layout.partitions
        return self._least(self._greatest(first, starts), ends)

    def _in_range(self, bound: Bound, end: int) -> Rows:
        exprs = range_limit(self.order_by[0], bound)
        value, limit = self.evaluator.columns(exprs)
        # The two are of one type, which need not be the key's.
        words, limits = _comparable([value, limit], replace(self.order_by[0], expr=exprs[0]))
        rows = self.layout.rows
        starts, ends = self.layout.partitions
        absent = None
        if value.null_count:
            absent = value.is_null().to_numpy(zero_copy_only=False)[rows]
            flags = self.layout.partition_flags.copy()
            flags[1:] |= absent[1:] != absent[:-1]
            starts, ends = _spans(flags)
        found = np.empty(len(rows), dtype=np.int32)
        search_sorted(words[rows], limits[rows], starts, ends, end, found)
        return found if absent is None else np.where(absent, self.layout.peers[end], found)

    def _own_rows(self) -> Run:
        here = self.layout.positions.astype(np.int32)
        return here, here + np.int32(1)

    def _least(self, left: Rows, right: Rows) -> Rows:
        return np.minimum(left, right)

    def _greatest(self, left: Rows, right: Rows) -> Rows:
        return np.maximum(left, right)


def _comparable(columns: list[pa.Array], key: SortKey) -> list[Words]:
    """Return one word per value of columns of one type, in the key's direction; what nulls have means nothing."""
    words = [value_words(column, key) for column in columns]
    if all(len(each) == 1 for each in words):
        return [each[0] for each in words]
    both = pa.concat_arrays(columns)
    (ranked,) = _rank_words(both, key)
    return [ranked[: len(columns[0])], ranked[len(columns[0]) :]]


def value_words(column: pa.Array, key: SortKey) -> list[Words]:
    """Return a column's words in the key's direction, without that of its nulls."""
    words = order_words(column, key)
    return words[1:] if column.null_count else words


def one_word(column: pa.Array, key: SortKey) -> Words:
    """Return one word per value in the key's direction; what nulls have means nothing."""
    words = value_words(column, key)
    if not words:
        return np.zeros(len(column), dtype=np.uint64)
    return words[0] if len(words) == 1 else _rank_words(column, key)[0]


def _rank_words(column: pa.Array, key: SortKey) -> list[Words]:
    rank = ranks(column, key.expr.dtype).astype(np.int64)
    return [order_integers(rank, descending=key.descending)]
