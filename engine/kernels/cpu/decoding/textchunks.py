"""Texts of column chunks as an Arrow array: memory for one call of a kernel, or for a few where it is short."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import pyarrow as pa

from ...decoding import ChunkSpec, DamagedChunk
from ..buffers import empty, physical_type, scratch
from ..native import chunksets, pages, textchunks
from ..native.arrays import Bits, Bytes, Longs, Rows, Words
from .chunks import bitmap_of
from .workspace import Workspace, address_of

_MOST_BYTES = 2**31 - 1
_UNPACKED_TIMES = 3
"""How many times as many bytes as are stored texts are taken to have, before it is known."""


def decoded_texts(lines: Longs, spec: ChunkSpec, room: tuple[Bytes, Words, Rows], workspace: Workspace) -> pa.Array:
    """Return the texts of chunks, one after the other.

    Parameters
    ----------
    lines
        A line for each chunk, which say what rows are wanted; takes up what is wrong.
    room
        For the largest page, what is known of its rows and its codes.
    """
    counts = lines[:, chunksets.COUNT].tolist()
    rows = sum(counts)
    offsets: Rows = empty(rows + 1, np.int32)
    flags: Bits = scratch(rows if spec.optional else 0, np.uint8)
    begins = np.array([0, *accumulate(counts[:-1])], dtype=np.int64)
    lines[:, chunksets.OUT] = 4 * begins + address_of(offsets)
    lines[:, chunksets.FLAGS] = begins + address_of(flags)
    lines[:, chunksets.NULLS] = 0
    values = int(lines[:, pages.MOST_VALUES].max())
    entries = int(lines[:, chunksets.CHOICES].max())
    found = [workspace.room(name, values, np.int32) for name in ("starts", "lengths")]
    found += [workspace.room(name, entries, np.int32) for name in ("entry starts", "entry lengths")]
    state: Longs = np.zeros(textchunks.STATE_FIELDS, dtype=np.int64)
    share = (lines[:, chunksets.COUNT] / np.maximum(lines[:, chunksets.ROW_COUNT], 1)).max()
    data: Bytes = empty(_likely(lines, float(share)), np.uint8)
    while textchunks.decode_texts(lines, state, data, *room, *found) == pages.FULL:
        data = _enlarged(data, int(state[textchunks.USED]), sum(counts[: int(state[textchunks.CHUNK])]), rows)
    used = int(state[textchunks.USED])
    offsets[rows] = used
    nulls = int(lines[:, chunksets.NULLS].sum())
    kept = data[:used].copy() if 4 * used < 3 * len(data) else data[:used]
    buffers = [bitmap_of(flags if nulls > 0 else None), pa.py_buffer(offsets), pa.py_buffer(kept)]
    return pa.Array.from_buffers(physical_type(spec.dtype), rows, buffers)


def _likely(lines: Longs, share: float) -> int:
    stored = int(lines[:, chunksets.DATA_BYTES].sum())
    return min(_MOST_BYTES, int(stored * _UNPACKED_TIMES * share) + 4096)


def _enlarged(data: Bytes, used: int, done: int, rows: int) -> Bytes:
    """Return more room for texts, of which those of the first rows are known."""
    if len(data) == _MOST_BYTES:
        raise DamagedChunk("a batch of one column has more than 2 GiB of text")
    likely = used * rows // done * 17 // 16 if done else 0
    grown: Bytes = empty(min(_MOST_BYTES, max(2 * len(data), likely)), np.uint8)
    grown[:used] = data[:used]
    return grown
