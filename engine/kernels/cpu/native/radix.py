"""Radix partitioning: send rows to ``2 ** bits`` partitions by the top bits of a hash, keeping their order.

Over many batches: `count_partitions` per batch, `start_positions` over all, then `partition_positions` per batch and
``gathering.put`` per column, each batch into its own part of the output. For one batch: `partition_order`, and takes.
"""

from __future__ import annotations

import numpy as np

from .arrays import Longs, Rows, Words, rows_out
from .compile import kernel


@kernel("void(const u64[], u64, i64[])")
def _count_partitions(hashes: Words, shift: int, counts: Longs) -> None:
    for i in range(len(hashes)):
        counts[hashes[i] >> shift] += 1


@kernel("void(const u64[], u64, i64[], i32[])")
def _partition_order(hashes: Words, shift: int, positions: Longs, order: Rows) -> None:
    for i in range(len(hashes)):
        partition = hashes[i] >> shift
        order[positions[partition]] = np.int32(i)
        positions[partition] += 1


@kernel("void(const u64[], u64, i64[], i32[])")
def _partition_positions(hashes: Words, shift: int, positions: Longs, out: Rows) -> None:
    for i in range(len(hashes)):
        partition = hashes[i] >> shift
        out[i] = np.int32(positions[partition])
        positions[partition] += 1


def _shift(bits: int) -> int:
    if not 1 <= bits <= 16:
        raise ValueError(f"bits must be 1 to 16, not {bits}")
    return 64 - bits


def count_partitions(hashes: Words, bits: int, *, out: Longs | None = None) -> Longs:
    """Add to (or return) the number of rows of each of the ``2 ** bits`` partitions."""
    out = np.zeros(1 << bits, dtype=np.int64) if out is None else out
    _count_partitions(hashes, _shift(bits), out)
    return out


def start_positions(counts: Longs) -> tuple[Longs, Longs]:
    """Turn counts of shape (batches, partitions) into where each batch's rows of each partition begin.

    Returns
    -------
    positions
        Shape (batches, partitions): partition-major, so that a partition's rows are contiguous and in batch order.
    offsets
        Shape (partitions + 1,): where each partition begins.
    """
    running = np.cumsum(counts.T.reshape(-1))
    starts = np.concatenate([np.zeros(1, dtype=np.int64), running])
    positions = starts[:-1].reshape(counts.shape[1], counts.shape[0]).T.copy()
    return positions, np.ascontiguousarray(starts[:: counts.shape[0]])


def partition_order(hashes: Words, bits: int, *, out: Rows | None = None) -> tuple[Rows, Longs]:
    """Return the gather index that brings one batch into partition order, and the partitions' offsets."""
    counts = count_partitions(hashes, bits)
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])
    order = rows_out(out, len(hashes))
    _partition_order(hashes, _shift(bits), offsets[:-1].copy(), order)
    return order, offsets


def partition_positions(hashes: Words, bits: int, positions: Longs, *, out: Rows | None = None) -> Rows:
    """Return the position of each row of a batch in partition order, for ``gathering.put``.

    ``positions`` (the next of each partition) is advanced.
    """
    placed = rows_out(out, len(hashes))
    _partition_positions(hashes, _shift(bits), positions, placed)
    return placed
