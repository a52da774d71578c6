"""Decoding of stored columns on the host: what a file format's room may ask, without knowing any kernel.

A source hands over the stored bytes of flat Parquet column chunks and what its footer says of them; it gets Arrow
record batches of the rows that pass a condition. Columns that the
condition does not read are decoded for these rows only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from ..dtypes import DataType
from ..expr import Expr
from ..plan.source import KeyFilter
from ..records import dataclass
from ..schema import Schema

ArrowArray: TypeAlias = Any
"""A ``pyarrow.Array``; opaque here."""
ArrowBatch: TypeAlias = Any
"""A ``pyarrow.RecordBatch``; opaque here."""


class DamagedChunk(Exception):
    """The bytes of a column chunk are not what they must be; says what is wrong, not in which file."""


class UnknownEncoding(Exception):
    """A column chunk is stored in a way that the decoder does not know; nothing of its rows has been given yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkSpec:
    """How the values of one flat column are stored in one row group.

    Attributes
    ----------
    dtype
        Volley's type of the values.
    physical
        Parquet's name of the stored type, e.g. ``INT64``.
    codec
        Parquet's name of the compression, e.g. ``SNAPPY``.
    width
        Bytes per value of ``FIXED_LEN_BYTE_ARRAY``.
    optional
        Whether values may be null, and levels are stored that say so.
    as_codes
        Give text as dictionary codes where the whole chunk is stored so.
    """

    dtype: DataType
    physical: str
    codec: str
    width: int = 0
    optional: bool = False
    as_codes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChunk:
    """A column chunk to decode.

    Attributes
    ----------
    start, size
        Which bytes it is of what `StoredRows.fill` reads.
    unpacked
        Most bytes that its dictionary has when it is not compressed; 0 where it has none, or it is not known.
    """

    spec: ChunkSpec
    start: int
    size: int
    unpacked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenColumn:
    """A column that is not decoded here; ``read`` gives all of the row group's values, and is called once if at all."""

    read: Callable[[], ArrowArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRows:
    """One row group: its rows, names and types of the columns that may be read, and where each one's values are.

    ``fill`` reads stored bytes from a position on into the memory that it is given, all of it.
    """

    rows: int
    schema: Schema
    columns: Mapping[str, StoredChunk | GivenColumn]
    fill: Callable[[int, Any], None] | None = None


class Decoder(Protocol):
    """Decodes row groups; stateless, for any number of threads."""

    def is_compiled(self, *, tests: bool) -> bool:
        """Whether the decoder's kernels, with those that test rows, are ready: none has to be compiled first."""
        ...

    def accepts(self, condition: Expr) -> bool:
        """Return whether this condition may be given to `decode`: it raises on no value."""
        ...

    def can_decode(self, spec: ChunkSpec) -> bool:
        """Return whether a column chunk stored so can be decoded; its pages may still be in an unknown encoding."""
        ...

    def decode(
        self,
        stored: Sequence[StoredRows],
        columns: Sequence[str],
        conditions: Sequence[Expr],
        batch_rows: int,
        filters: Sequence[KeyFilter] = (),
    ) -> Iterator[ArrowBatch]:
        """Yield record batches of columns of row groups, of the rows for which every condition is true, in order.

        Of several row groups the rows may come as one batch, so their rows that pass should not be too many for that.

        Conditions may read any column of ``stored``, and must not raise on any value. Rows that ``filters`` leave out
        may be missing. Small decimals come as ``decimal64``, text possibly as dictionaries; no batch is empty.

        Raises
        ------
        DamagedChunk
            If the stored bytes contradict themselves.
        UnknownEncoding
            If a chunk is stored in a way that is not known; raised before the first batch.
        """
        ...
