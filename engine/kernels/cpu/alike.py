"""Which pieces of columns are alike, so that the same calls of kernels do for them, but for where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .buffers import is_small, memory_of
from .native.arrays import Longs, Words


class Alike(NamedTuple):
    """Which pieces of a table are alike, and where some of its columns lie.

    Attributes
    ----------
    stops
        For each piece the number after the last of those that come after it and are like it.
    memory
        Addresses: shape (pieces, addresses).
    told
        Whether kernels are told of them, of the same shape: where nothing is null there is no validity.
    """

    stops: Longs
    memory: Words
    told: NDArray[np.bool_]

    def after(self, piece: int, stop: int) -> Words:
        """Return the addresses of a piece, and of those after it, up to a number, that are like it.

        Of each column these are the address of values, or those of offsets and bytes of texts, then that of the byte in
        which validity begins if something is null.
        """
        return self.memory[piece : min(stop, int(self.stops[piece])), self.told[piece]]


def alike(columns: Sequence[Sequence[pa.Array]]) -> Alike:
    """Compare the pieces of columns, which are cut alike."""
    lying = [_lying(pieces) for pieces in columns]
    forms = np.column_stack([[len(piece) for piece in columns[0]], *(form for _, form in lying)])
    begun = np.flatnonzero((forms[1:] != forms[:-1]).any(axis=1) | (forms[1:] < 0).any(axis=1)) + 1
    stops = np.append(begun, len(forms))[np.searchsorted(begun, np.arange(len(forms)), side="right")]
    told = [np.ones(memory.shape, dtype=np.bool_) for memory, _ in lying]
    for own, (_, form) in zip(told, lying, strict=True):
        own[:, -1] = form > 0
    return Alike(stops, np.concatenate([memory for memory, _ in lying], axis=1), np.concatenate(told, axis=1))


def _lying(pieces: Sequence[pa.Array]) -> tuple[Words, Longs]:
    """Return the addresses of a column's pieces, and their form.

    The last address is that of validity. The form is 0 where nothing is null, else one more than the first bit's number
    in its byte; -1 where there is other memory than `memory_of` knows, or none.
    """
    kind = pieces[0].type
    texts = bool(pa.types.is_string(kind) or pa.types.is_binary(kind))
    known = texts or (pa.types.is_primitive(kind) and kind.bit_width in (32, 64)) or is_small(kind)
    memory, form = np.zeros((len(pieces), 2 + texts), dtype=np.uint64), np.full(len(pieces), -1, dtype=np.int64)
    for number, piece in enumerate(pieces):
        own = memory_of(piece) if known else None
        if own is None:
            continue
        form[number] = 0
        if piece.null_count:
            form[number] = 1 + (piece.offset & 7)
            memory[number, -1] = own.pop()[1] + (piece.offset >> 3)
        memory[number, :-1] = [address for _, address in own]
    return memory, form
