"""A hash of each row's values that does not depend on batches, encodings, threads or the order of rows."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Words: TypeAlias = npt.NDArray[np.uint64]

_NULL = np.uint64(0x9E3779B97F4A7C15)
_BASE = np.uint64(0x5851F42D4C957F2D)
"""Odd, so that it has an inverse modulo 2**64."""
_INVERSE = np.uint64(pow(int(_BASE), -1, 1 << 64))


def hash_rows(table: pa.Table, *, seed: int) -> Words:
    """Hash the rows of a table: shape (n,), uniform over 64 bits.

    Equal rows have equal hashes whatever their encoding: dictionaries, views and chunks make no difference, ``-0.0``
    is ``0.0`` and all NaN are one. Column names do not enter, their order does.

    Parameters
    ----------
    table
        Columns of any type but nested ones.
    seed
        Another seed gives an independent hash.
    """
    mixed = np.full(table.num_rows, _scramble(np.array([seed], dtype=np.uint64))[0])
    for column in table.columns:
        mixed = _scramble(mixed + _column_words(column))
    return mixed


def _scramble(words: Words) -> Words:
    """Finish SplitMix64 (Steele, Lea and Flood, 2014): every input bit changes every output bit half the time."""
    x = words + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _column_words(column: pa.ChunkedArray) -> Words:
    parts = [_array_words(chunk) for chunk in column.chunks if len(chunk)]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)


def _array_words(values: pa.Array) -> Words:
    kind = values.type
    if pa.types.is_dictionary(kind):
        table = np.append(_array_words(values.dictionary), _NULL)
        codes = values.indices.cast(pa.int64()).fill_null(len(table) - 1)
        return _as_words(table[codes.to_numpy(zero_copy_only=True)])
    if pa.types.is_null(kind):
        return np.full(len(values), _NULL)
    words = _scramble(_plain_words(values))
    if values.null_count:
        words[pc.is_null(values).to_numpy(zero_copy_only=False)] = _NULL
    return words


def _plain_words(values: pa.Array) -> Words:
    kind = values.type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        whole = values.cast(pa.uint64() if kind == pa.uint64() else pa.int64())
        return _as_words(whole.fill_null(0).to_numpy(zero_copy_only=True).view(np.uint64))
    if pa.types.is_floating(kind):
        numbers = values.cast(pa.float64()).fill_null(0).to_numpy(zero_copy_only=True) + 0.0  # -0.0 becomes 0.0
        numbers[np.isnan(numbers)] = np.nan
        return _as_words(numbers.view(np.uint64))
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        whole = values.view(pa.int32() if kind.bit_width == 32 else pa.int64())
        return _plain_words(whole)
    if pa.types.is_decimal(kind):
        return _text_words(values.cast(pa.string()))
    return _text_words(values)


def _text_words(values: pa.Array) -> Words:
    """Hash byte strings as polynomials in ``_BASE``, all at once by prefix sums modulo 2**64."""
    plain = values.cast(pa.large_binary()).fill_null(b"")
    size = np.dtype(np.int64).itemsize
    offsets = np.frombuffer(plain.buffers()[1], np.int64, len(plain) + 1, plain.offset * size)
    start, length = int(offsets[0]), int(offsets[-1] - offsets[0])
    bounds = offsets - start
    lengths = np.diff(bounds).astype(np.uint64)
    if length == 0:
        return lengths
    data = np.frombuffer(plain.buffers()[2], np.uint8, length, start)
    terms = data.astype(np.uint64) + np.uint64(1)
    terms *= _powers(_BASE, length)
    prefix = np.concatenate((np.zeros(1, dtype=np.uint64), np.cumsum(terms, dtype=np.uint64)))
    sums = prefix[bounds[1:]] - prefix[bounds[:-1]]
    return _as_words(sums * _powers(_INVERSE, length + 1)[bounds[:-1]] + lengths)


def _powers(base: np.uint64, count: int) -> Words:
    factors = np.full(count, base)
    factors[:1] = 1
    return np.cumprod(factors, dtype=np.uint64)


def _as_words(values: npt.NDArray[np.uint64]) -> Words:
    return values
