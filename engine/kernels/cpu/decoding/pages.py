"""One Parquet page at a time: decompressed, its nulls found, its values in memory that kernels can take from.

Knows the layout of pages and the encodings; the loops over values are in ``native.encodings``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....dtypes import Kind
from ....records import dataclass
from ...decoding import ChunkSpec, DamagedChunk, UnknownEncoding
from ..buffers import scratch
from ..native import encodings, levels, pages, snappy
from ..native.arrays import Bytes, Rows

PLAIN, RLE = 0, 3
DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY, BYTE_STREAM_SPLIT = 5, 6, 7, 9

CODECS = {"UNCOMPRESSED": "", "SNAPPY": "snappy", "GZIP": "gzip", "ZSTD": "zstd", "BROTLI": "brotli", "LZ4": "lz4_raw"}
TOGETHER = ("UNCOMPRESSED", "SNAPPY")
"""Codecs that compiled code undoes, so that several pages are one call."""

_STORED = {"INT32": np.int32, "INT64": np.int64, "FLOAT": np.float32, "DOUBLE": np.float64}
_MOST_BYTES = 2**31 - 1
_NO_BYTES = np.zeros(0, dtype=np.uint8)

Region: TypeAlias = tuple[Bytes, int, int]
"""Bytes with the start and the end of the part that is meant."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Byte strings somewhere in ``data``."""

    starts: Rows
    lengths: Rows
    data: Bytes

    def __len__(self) -> int:
        return len(self.starts)


Values: TypeAlias = NDArray[Any] | Texts


@dataclass(frozen=True, slots=True)
class Page:
    """The values of one page.

    Attributes
    ----------
    rows
        Number of rows.
    positions
        For each row the position of its value, -1 where it is null; None where no row is null.
    values
        The values that are not null, or the dictionary where there are codes.
    codes
        Positions in the dictionary, by position of the value; None where values stand for themselves.
    """

    rows: int
    positions: Rows | None
    values: Values
    codes: Rows | None


def element_type(spec: ChunkSpec) -> np.dtype[Any]:
    """Return the numpy type in which values of fixed width are given: bools as bytes, small decimals as integers."""
    if spec.dtype.kind is Kind.BOOL:
        return np.dtype(np.uint8)
    if spec.dtype.is_decimal:
        return np.dtype(np.int64)
    if spec.dtype.is_integer and spec.dtype.bits < 32:
        narrow: np.dtype[Any] = np.dtype(spec.dtype.kind.value)
        return narrow
    return np.dtype(_STORED[spec.physical])


def stored_type(spec: ChunkSpec) -> np.dtype[Any] | None:
    """Return the numpy type in which values of fixed width are stored, None where numpy has none."""
    return np.dtype(_STORED[spec.physical]) if spec.physical in _STORED else None


@cache
def _codec(name: str) -> Any:
    return pa.Codec(name)


class PageReader:
    """Opens the pages of one column chunk. A page's memory is used again for the next one, a dictionary's is not.

    Parameters
    ----------
    spec
        How the values are stored.
    data
        The stored bytes.
    table
        What the headers of the pages say, shape (pages, `pages.PAGE_FIELDS`).
    facts
        What is known of all of them, from `pages.HAS_DICTIONARY` on.
    dictionary
        The bytes of the first page, a dictionary, where they have been decompressed already.
    """

    def __init__(
        self, spec: ChunkSpec, data: Bytes, table: NDArray[np.int64], facts: Sequence[int], dictionary: Bytes | None
    ) -> None:
        self.spec = spec
        self.data, self.headers = data, table
        self._unpacked = dictionary
        has_dictionary, coded, self.most_bytes, self.most_values = facts
        self.has_dictionary, self.coded = bool(has_dictionary), coded == pages.ALL_CODES
        self._scratch = _NO_BYTES
        if has_dictionary and (encoding := int(table[0, pages.ENCODING])) not in (PLAIN, pages.PLAIN_DICTIONARY):
            raise UnknownEncoding(f"a dictionary in encoding {encoding}")

    @cached_property
    def table(self) -> list[list[int]]:
        """What the headers of the pages say."""
        found: list[list[int]] = self.headers.tolist()
        return found

    def dictionary(self, number: int) -> Values:
        """Return the values of the dictionary page ``number``."""
        start, stored, size, count = self.headers[number, pages.START : pages.VALUES + 1].tolist()
        if self._unpacked is not None and number == 0:
            return self._plain((self._unpacked, 0, size), count)
        return self._plain(self._decompressed((self.data, start, start + stored), size, keep=True), count)

    def stored_dictionary(self, most: int) -> bytes | None:
        """Return the bytes of the first page, a dictionary, as they are stored; None where these are more than so many.

        The number of its values stands before them, so that they are equal only where the values are.
        """
        row: list[int] = self.headers[0].tolist()
        start, size = row[pages.START], row[pages.STORED]
        if size > most:
            return None
        return row[pages.VALUES].to_bytes(8, "little") + self.data[start : start + size].tobytes()

    def open(self, number: int, dictionary: Values | None) -> Page:
        """Return a data page; what the last one held is gone then."""
        row = self.table[number]
        rows = row[pages.VALUES]
        region, values = self._regions(row)
        positions, count = None, rows
        if region is not None:
            positions, known = scratch(rows, np.int32), scratch(levels.words_for(rows), np.uint64)
            count = checked(levels.value_rows(*region, rows, known, positions), "levels")
            positions = None if count == rows else positions
        if row[pages.ENCODING] in (pages.PLAIN_DICTIONARY, pages.RLE_DICTIONARY):
            if dictionary is None:
                raise DamagedChunk("codes without a dictionary")
            return Page(rows, positions, dictionary, _codes(values, count, len(dictionary)))
        return Page(rows, positions, self._values(values, count, row[pages.ENCODING]), None)

    def _regions(self, row: list[int]) -> tuple[Region | None, Region]:
        """Return the levels, None where there are none, and the decompressed values of a data page."""
        start, stored, size = row[pages.START], row[pages.STORED], row[pages.SIZE]
        if row[pages.KIND] == pages.DATA_PAGE_V2:
            levels_size = row[pages.DEFINITION_BYTES]
            if row[pages.REPETITION_BYTES] != 0 or not 0 <= levels_size <= min(stored, size):
                raise DamagedChunk("a page header contradicts itself")
            begin = start + levels_size
            values: Region = (self.data, begin, start + stored)
            if row[pages.COMPRESSED] and stored > levels_size:
                values = self._decompressed(values, size - levels_size)
            return ((self.data, start, begin) if self.spec.optional else None), values
        buffer, at, end = self._decompressed((self.data, start, start + stored), size)
        if not self.spec.optional:
            return None, (buffer, at, end)
        if row[pages.LEVEL_ENCODING] != RLE:
            raise UnknownEncoding(f"levels in encoding {row[pages.LEVEL_ENCODING]}")
        first, begin = _after_size((buffer, at, end))
        return (buffer, first, begin), (buffer, begin, end)

    def _decompressed(self, region: Region, size: int, *, keep: bool = False) -> Region:
        """Return a region's bytes decompressed; ``keep`` them apart from the memory that the next page uses."""
        data, start, end = region
        codec = CODECS[self.spec.codec]
        if not codec:
            return region
        if codec == "snappy":
            target = self._scratch
            if keep or len(target) < size + snappy.SLACK:
                target = scratch(size + snappy.SLACK, np.uint8)
                self._scratch = self._scratch if keep else target
            checked(snappy.unsnap(data, start, end, target, size), "compressed bytes")
            return target, 0, size
        if size == 0:
            return data, end, end
        try:
            buffer = _codec(codec).decompress(pa.py_buffer(data[start:end]), size)
        except (pa.ArrowException, OSError) as error:
            raise DamagedChunk(f"compressed bytes: {error}") from error
        return np.frombuffer(buffer, dtype=np.uint8), 0, size

    def _values(self, region: Region, count: int, encoding: int) -> Values:
        """Return the values that are not null of a page without codes."""
        physical = self.spec.physical
        if encoding == PLAIN:
            return self._plain(region, count)
        if encoding == RLE and physical == "BOOLEAN":
            data, _, _ = region
            start, end = _after_size(region)
            return _codes((data, start, end), count, 2, width=1).astype(np.uint8)
        if encoding == DELTA_BINARY_PACKED and physical in ("INT32", "INT64"):
            return _deltas(region, count)[0].astype(_STORED[physical]).astype(element_type(self.spec), copy=False)
        if encoding == BYTE_STREAM_SPLIT and physical in _STORED:
            kind = np.dtype(_STORED[physical])
            split = _exactly(region, count * kind.itemsize).reshape(kind.itemsize, count)
            return np.ascontiguousarray(split.T).reshape(-1).view(kind).astype(element_type(self.spec), copy=False)
        if encoding == DELTA_LENGTH_BYTE_ARRAY and physical == "BYTE_ARRAY":
            return _delta_lengths(region, count)
        if encoding == DELTA_BYTE_ARRAY and physical == "BYTE_ARRAY":
            return _delta_texts(region, count)
        raise UnknownEncoding(f"{physical} in encoding {encoding}")

    def _plain(self, region: Region, count: int) -> Values:
        physical = self.spec.physical
        if physical == "BYTE_ARRAY":
            starts, lengths = scratch(count, np.int32), scratch(count, np.int32)
            checked(encodings.find_texts(*region, count, starts, lengths), "text lengths")
            return Texts(starts, lengths, region[0])
        if physical == "BOOLEAN":
            return np.unpackbits(_exactly(region, (count + 7) // 8), bitorder="little")[:count]
        if physical == "FIXED_LEN_BYTE_ARRAY":
            _exactly(region, count * self.spec.width)
            numbers = scratch(count, np.int64)
            if not encodings.big_endian(region[0], region[1], self.spec.width, count, numbers):
                raise DamagedChunk("a decimal has more digits than its type")
            return numbers
        kind = np.dtype(_STORED[physical])
        values = _exactly(region, count * kind.itemsize).view(kind)
        if not values.flags.aligned:
            values = values.copy()
        return values.astype(element_type(self.spec), copy=False)


def checked(result: int, what: str) -> int:
    """Return what a kernel returned, or say what it found damaged or does not know."""
    if result == pages.UNSUPPORTED:
        raise UnknownEncoding(f"{what} of an unknown form")
    if result < 0:
        raise DamagedChunk(f"{what} contradict themselves")
    return result


def _exactly(region: Region, size: int) -> Bytes:
    """Return the first ``size`` bytes of a region, which must have them."""
    data, start, end = region
    if size > end - start:
        raise DamagedChunk("a page is shorter than its values")
    return data[start : start + size]


def _after_size(region: Region) -> tuple[int, int]:
    """Return start and end of what follows a size of 4 bytes at a region's start."""
    _, start, end = region
    size = int.from_bytes(_exactly(region, 4).tobytes(), "little")
    if size > end - start - 4:
        raise DamagedChunk("a page is shorter than its levels")
    return start + 4, start + 4 + size


def _codes(region: Region, count: int, choices: int, *, width: int | None = None) -> Rows:
    """Return codes below ``choices``; their width stands before them where it is not given."""
    codes: Rows = scratch(count, np.int32)
    if count:
        data, start, end = region
        if width is None:
            width = int(_exactly(region, 1)[0])
            start += 1
        if checked(encodings.unpack_codes(data, start, end, width, count, codes), "codes") >= choices:
            raise DamagedChunk("a code lies beyond its dictionary")
    return codes


def _deltas(region: Region, count: int) -> tuple[NDArray[np.int64], int]:
    """Return integers and the position after them."""
    numbers = scratch(count, np.int64)
    data, start, end = region
    if count == 0 and start == end:
        return numbers, end
    return numbers, checked(encodings.unpack_deltas(data, start, end, count, numbers), "deltas")


def _delta_lengths(region: Region, count: int) -> Texts:
    lengths, at = _deltas(region, count)
    data, _, end = region
    if count and (lengths.min() < 0 or lengths.max() > end - at or int(lengths.sum()) > end - at):
        raise DamagedChunk("text lengths contradict themselves")
    starts = np.cumsum(lengths) - lengths + at
    return Texts(starts.astype(np.int32), lengths.astype(np.int32), data)


def _delta_texts(region: Region, count: int) -> Texts:
    shared, at = _deltas(region, count)
    data, _, end = region
    fresh, at = _deltas((data, at, end), count)
    starts, lengths = scratch(count, np.int32), scratch(count, np.int32)
    if count and (shared.min() < 0 or shared.max() > _MOST_BYTES or fresh.min() < 0 or fresh.max() > _MOST_BYTES):
        raise DamagedChunk("text lengths contradict themselves")
    size = int(shared.sum() + fresh.sum())
    if size > _MOST_BYTES:
        raise DamagedChunk("a page has more than 2 GiB of text")
    joined = scratch(size, np.uint8)
    checked(encodings.join_texts(data, at, end, shared, fresh, starts, lengths, joined), "text lengths")
    return Texts(starts, lengths, joined)
