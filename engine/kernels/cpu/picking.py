"""States that keep a value of some row: the first, the least or the greatest of any type."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ...dtypes import DataType
from . import native
from .batch import Batch
from .buffers import bits_of, physical_type, text_of, values_of
from .gather import take_column
from .native.arrays import Rows
from .ranking import ranks
from .table import concat_columns
from .words import is_bytes


class Picked:
    """One row's value per group, of any type: the first met (order 0), the least (1) or the greatest (-1).

    Each batch contributes one candidate per group it touches; candidates are reduced when they outnumber the groups.
    """

    def __init__(self, dtype: DataType, *, order: int) -> None:
        self._dtype, self._order = dtype, order
        # The dictionary last met and the places of its texts in the order.
        self._known: tuple[tuple[int, int, int], pa.Array, Rows] | None = None
        self._ids: list[Rows] = []
        self._values: list[pa.Array] = []
        self._pending = 0
        self._kept = 0

    def update(self, batch: Batch, values: pa.Array | None) -> None:
        """Add values."""
        assert values is not None
        self._push(*self._reduced(batch.ids, batch.groups, values))
        if self._pending > 2 * self._kept + 4096:
            self._compact(batch.groups)

    def merge(self, batch: Batch, partial: pa.Array) -> None:
        """Add partial states, which have the values' form."""
        self.update(batch, partial)

    def finish(self, groups: int) -> pa.Array:
        """Return each group's value."""
        where = np.full(groups, -1, dtype=np.int32)
        if not self._values:
            return pa.nulls(groups, physical_type(self._dtype))
        self._compact(groups)
        where[self._ids[0]] = np.arange(len(self._ids[0]), dtype=np.int32)
        return take_column(self._values[0], where, outer=True)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(ids.nbytes for ids in self._ids) + sum(int(values.nbytes) for values in self._values)

    def _push(self, ids: Rows, values: pa.Array) -> None:
        self._ids.append(ids)
        self._values.append(values)
        self._pending += len(ids)

    def _compact(self, groups: int) -> None:
        ids, values = np.concatenate(self._ids), concat_columns(self._values)
        self._ids, self._values, self._pending = [], [], 0
        self._push(*self._reduced(ids, groups, values))
        self._kept = self._pending

    def _reduced(self, ids: Rows, groups: int, values: pa.Array) -> tuple[Rows, pa.Array]:
        """Return the best candidate of each group that has one."""
        if groups > 2 * len(ids):
            # Most groups are not in this batch: number those that are.
            met, local = np.unique(ids, return_inverse=True)
            shift = int(len(met) > 0 and met[0] < 0)
            chosen, best = self._reduced(local.astype(np.int32) - np.int32(shift), len(met) - shift, values)
            return met[shift:][chosen], best
        rows = np.full(groups, -1, dtype=np.int32)
        if self._order and is_bytes(self._dtype):
            self._pick_text(ids, values, rows)
        else:
            self._pick_ranked(ids, values, rows)
        chosen = np.flatnonzero(rows >= 0).astype(np.int32)
        return chosen, take_column(values, rows[chosen])

    def _pick_text(self, ids: Rows, values: pa.Array, rows: Rows) -> None:
        """Write the row of each group's least or greatest text, held as codes or not."""
        greatest = self._order < 0
        if isinstance(values, pa.DictionaryArray):
            bits, offset = bits_of(values.indices)
            places = self._places(values.dictionary)
            native.extreme_codes(ids, values_of(values.indices), bits, offset, places, np.empty_like(rows), rows)
            return
        bits, offset = bits_of(values)
        prefixes = np.empty(len(rows), dtype=np.uint64)
        native.extreme_texts(ids, *text_of(values), bits, offset, greatest, prefixes, rows)

    def _places(self, dictionary: pa.Array) -> Rows:
        """Return the place of each text of a dictionary in the order; batches of one row group share theirs."""
        data = dictionary.buffers()[2]
        identity = (0 if data is None else data.address, dictionary.offset, len(dictionary))
        if self._known is None or self._known[0] != identity:
            rank = ranks(dictionary, self._dtype)
            self._known = (identity, dictionary, rank if self._order > 0 else np.int32(len(rank)) - rank)
        return self._known[2]

    def _pick_ranked(self, ids: Rows, values: pa.Array, rows: Rows) -> None:
        """Write the row of each group's first, least or greatest value of any type."""
        bits, offset = bits_of(values)
        if self._order:
            rank = ranks(values, self._dtype).astype(np.int64)
            info = np.iinfo(np.int64)
            # One more state, so that rows left out (-1) find one where there is no group yet.
            extremes = np.full(len(rows) + 1, info.min if self._order < 0 else info.max)
            run = native.max_i64 if self._order < 0 else native.min_i64
            run(ids, rank, bits, offset, extremes)
            ids = np.where(rank == extremes[ids], ids, np.int32(-1))
        native.first_row(ids, bits, offset, rows)
