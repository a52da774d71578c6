"""Runs of equal words in rows that are in their order: each run is a group, found without looking anything up."""

from __future__ import annotations

import numpy as np

from .arrays import Longs, Rows
from .compile import kernel

_BLOCK = 4096


@kernel("i64(const i64[], i32[], i32[])")
def number_sorted_runs(words: Longs, ids: Rows, ends: Rows) -> int:
    """Write the number of each row's run, and where each run ends; return how many there are, -1 of unordered rows.

    ``ids`` and ``ends`` have room for as many elements as there are rows. No branch depends on the words, but one for
    each block.
    """
    rows = len(words)
    if rows == 0:
        return 0
    before, run = words[0], np.int64(0)
    for start in range(0, rows, _BLOCK):
        ordered = True
        for i in range(start, min(start + _BLOCK, rows)):
            word = words[i]
            ordered &= before <= word
            run += np.int64(before != word)
            before = word
            ids[i] = np.int32(run)
            ends[run] = np.int32(i + 1)
        if not ordered:
            return -1
    return int(run + 1)
