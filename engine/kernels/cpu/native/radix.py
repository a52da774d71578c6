"""Radix partitioning: send rows to ``2 ** bits`` partitions by the top bits of a hash of a word, keeping their order.

The hash is one multiplication, whose result is never stored. Its constant is not that of the tables, in which the keys
of one partition would otherwise crowd.

Over many batches: `count_partitions_later`, `start_positions` over all, then `partition_positions` per batch and
``gathering.put`` per column, each batch into its own part of the output. For one batch: `partition_order`, and takes.
"""

from __future__ import annotations

import numpy as np

from .arrays import Longs, Number, Rows, Words, rows_out
from .calls import Calls
from .compile import device, instruction, kernel

prefetch_write = instruction("prefetch_write")

_ODD = np.uint64(0xD6E8FEB86659FD93)
_S32 = np.uint64(32)
FINER_BITS = 3
"""Bits of the hash by which rows of a partition may lie apart, behind those that tell it."""


@device
def hash_of(word: Number) -> Number:
    """Return the hash whose first bits are a word's partition."""
    return (word ^ (word >> _S32)) * _ODD


@device
def partition_of(word: Number, shift: Number) -> Number:
    """Return the partition of a word."""
    return hash_of(word) >> shift


@kernel("void(const u64[], u64, i64[])")
def _count_partitions(words: Words, shift: int, counts: Longs) -> None:
    for i in range(len(words)):
        counts[partition_of(words[i], shift)] += 1


@kernel("void(const u64[], u64, i64[], i32[])")
def _partition_order(words: Words, shift: int, positions: Longs, order: Rows) -> None:
    for i in range(len(words)):
        partition = partition_of(words[i], shift)
        order[positions[partition]] = np.int32(i)
        positions[partition] += 1


@kernel("void(const u64[], u64, i64[], i32[])")
def _partition_positions(words: Words, shift: int, positions: Longs, out: Rows) -> None:
    for i in range(len(words)):
        partition = partition_of(words[i], shift)
        out[i] = np.int32(positions[partition])
        positions[partition] += 1


@kernel("void(const u64[], u64, i64[], const u64[], const u64[], u64[], u64[], i32[])")
def _move_pairs(
    words: Words,
    shift: int,
    positions: Longs,
    first: Words,
    second: Words,
    first_out: Words,
    second_out: Words,
    rows: Rows,
) -> None:
    """Move two columns to their partitions, and note the positions of rows in ``rows`` if it is given.

    The end of each partition is out of the processor's sight, so the lines that come next there are asked for.
    """
    noted = len(rows) > 0
    for i in range(len(words)):
        partition = partition_of(words[i], shift)
        position = positions[partition]
        positions[partition] = position + 1
        first_out[np.uint64(position)] = first[i]
        second_out[np.uint64(position)] = second[i]
        if position & 7 == 0:
            prefetch_write(first_out, position + 8)
            prefetch_write(second_out, position + 8)
        if noted:
            rows[i] = np.int32(position)


@kernel("void(const u64[], u64, i64[], const u64[], u64[], i32[])")
def _move_column(words: Words, shift: int, positions: Longs, values: Words, out: Words, rows: Rows) -> None:
    """Do what `_move_pairs` does with one column."""
    noted = len(rows) > 0
    for i in range(len(words)):
        partition = partition_of(words[i], shift)
        position = positions[partition]
        positions[partition] = position + 1
        out[np.uint64(position)] = values[i]
        if position & 7 == 0:
            prefetch_write(out, position + 8)
        if noted:
            rows[i] = np.int32(position)


def _shift(bits: int) -> int:
    if not 1 <= bits <= 16:
        raise ValueError(f"bits must be 1 to 16, not {bits}")
    return 64 - bits


def count_partitions(words: Words, bits: int, *, out: Longs | None = None) -> Longs:
    """Add to (or return) the number of rows of each of the ``2 ** bits`` partitions."""
    out = np.zeros(1 << bits, dtype=np.int64) if out is None else out
    _count_partitions(words, _shift(bits), out)
    return out


def count_partitions_later(words: Words, bits: int, out: Longs, calls: Calls) -> None:
    """Have a call add to the number of rows of each of the ``2 ** bits`` partitions."""
    calls.add(_count_partitions, words, _shift(bits), out)


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


def partition_order(words: Words, bits: int, *, out: Rows | None = None) -> tuple[Rows, Longs]:
    """Return the gather index that brings one batch into partition order, and the partitions' offsets."""
    counts = count_partitions(words, bits)
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])
    order = rows_out(out, len(words))
    _partition_order(words, _shift(bits), offsets[:-1].copy(), order)
    return order, offsets


def partition_positions(words: Words, bits: int, positions: Longs, *, out: Rows | None = None) -> Rows:
    """Return the position of each row of a batch in partition order, for ``gathering.put``.

    ``positions`` (the next of each partition) is advanced.
    """
    placed = rows_out(out, len(words))
    _partition_positions(words, _shift(bits), positions, placed)
    return placed


def partition_positions_later(words: Words, bits: int, positions: Longs, out: Rows, calls: Calls) -> None:
    """Have a call write what `partition_positions` returns."""
    calls.add(_partition_positions, words, _shift(bits), positions, out)


def move_pairs(
    words: Words,
    bits: int,
    positions: Longs,
    columns: tuple[Words, Words],
    out: tuple[Words, Words],
    rows: Rows,
    calls: Calls,
) -> None:
    """Have two columns of 8 bytes moved to their partitions, and written what `partition_positions` returns.

    It is written to ``rows`` unless that is empty. ``positions`` (the next of each partition) is advanced.
    """
    calls.add(_move_pairs, words, _shift(bits), positions, *columns, *out, rows)


def move_column(words: Words, bits: int, positions: Longs, values: Words, out: Words, rows: Rows, calls: Calls) -> None:
    """Have done what `move_pairs` does with one column."""
    calls.add(_move_column, words, _shift(bits), positions, values, out, rows)
