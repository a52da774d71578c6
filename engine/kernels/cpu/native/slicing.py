"""Parts of texts by their bytes, for texts of which each byte is a character."""

from __future__ import annotations

import numpy as np

from .arrays import Bytes, Rows, copy_bytes
from .compile import kernel


@kernel("i64(const i32[], const u8[], i64, i64, i32[], u8[])")
def slice_texts(offsets: Rows, data: Bytes, start: int, stop: int, places: Rows, out: Bytes) -> int:
    """Copy the bytes from ``start`` to ``stop`` - 1 of each text; return how many they are, -1 where there is no room.

    Parameters
    ----------
    offsets
        Where texts begin in ``data``, and where the last one ends.
    places
        Room for where the parts begin, and for where the last one ends.
    out
        Room for the parts.
    """
    used = np.int64(0)
    for i in range(len(offsets) - 1):
        places[i] = np.int32(used)
        first = np.int64(offsets[i])
        length = np.int64(offsets[i + 1]) - first
        begin = min(np.int64(start), length)
        wanted = min(np.int64(stop), length) - begin
        if wanted > len(out) - used:
            return -1
        copy_bytes(data, first + begin, out, used, wanted)
        used += wanted
    places[len(offsets) - 1] = np.int32(used)
    return int(used)
