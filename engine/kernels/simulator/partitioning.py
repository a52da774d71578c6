"""What stands for ``pylibcudf.partitioning``."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pyarrow as pa

from .binding import simulated
from .machine import machine
from .table import Table
from .values import columns_of, device_table, host, numbers, present


@simulated("pylibcudf.partitioning.hash_partition")
def hash_partition(
    input: Table,
    keys: Any,
    num_partitions: int,
    hash_function: Any = None,
    seed: int = 0,
    stream: Any = None,
    mr: Any = None,
) -> tuple[Table, list[int]]:
    """Return the rows by partition, in no order within one, and where each partition starts, and the last one ends.

    The hash is another than libcudf's: it only agrees that equal keys have equal ones.
    """
    if hash_function is not None:
        raise NotImplementedError("a hash other than the default one is not simulated")
    arrays = columns_of(keys) if isinstance(keys, Table) else [columns_of(input)[key] for key in keys]
    if not arrays:
        raise ValueError("Input table must have at least one column to hash")
    hashes = np.full(input.num_rows(), seed, dtype=np.uint64)
    for array in arrays:
        hashes = _mixed(hashes * np.uint64(31) + _hashed(array))
    return _split(input, (hashes % np.uint64(num_partitions)).astype(np.int64), num_partitions)


@simulated("pylibcudf.partitioning.partition")
def partition(
    t: Table, partition_map: Any, num_partitions: int, stream: Any = None, mr: Any = None
) -> tuple[Table, list[int]]:
    """Return the rows by the partition that is said for each."""
    places = host(partition_map)
    if places.null_count:
        raise ValueError("Unexpected null values in partition_map.")
    return _split(t, numbers(places).astype(np.int64), num_partitions)


def _split(table: Table, places: Any, partitions: int) -> tuple[Table, list[int]]:
    mixed = machine().shuffled(len(places))
    order = mixed[np.argsort(places[mixed], kind="stable")]
    offsets = np.searchsorted(places[order], np.arange(partitions + 1)).tolist()
    moved = [array.take(pa.array(order)) for array in columns_of(table)]
    return device_table(moved, len(places)), offsets


def _hashed(array: pa.Array) -> Any:
    """Return a hash of each value that is the same in every call and process."""
    if pa.types.is_struct(array.type):
        found = np.full(len(array), 7, dtype=np.uint64)
        for place in range(array.type.num_fields):
            found = found * np.uint64(31) + _hashed(array.field(place))
    elif pa.types.is_list(array.type) or pa.types.is_string(array.type):
        plain = array.cast(pa.binary()) if pa.types.is_string(array.type) else array  # any bytes may stand in texts
        found = np.array([zlib.crc32(repr(value).encode()) for value in plain.to_pylist()], dtype=np.uint64)
    else:
        values = numbers(array)
        if values.dtype == object:
            values = np.array([hash(value) for value in values], dtype=np.int64)
        if values.dtype.kind == "f":  # one NaN, one zero
            values = np.where(np.isnan(values), np.nan, values + 0.0).astype(np.float64)
            found = values.view(np.uint64)
        else:
            found = values.astype(np.int64).view(np.uint64)
        found = _mixed(found)
    return np.where(present(array), found, np.uint64(0))


def _mixed(words: Any) -> Any:
    """Spread what words differ in over all of their bits."""
    words = (words ^ (words >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
    return words ^ (words >> np.uint64(29))
