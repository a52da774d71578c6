"""The hand-off from Arrow columns to one column-major buffer that numpy, BLAS and XGBoost read in place.

Features are written once, cast on the way; after that every reader sees the same bytes. A ledger counts what was
copied, and why, and what was only looked at.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..engine.errors import TypeMismatch
from ..engine.runners import Part

CopyReason: TypeAlias = Literal["cast", "null fill", "gather", "encode"]
FloatName: TypeAlias = Literal["float32", "float64"]


@dataclass(slots=True)
class Ledger:
    """Bytes at the hand-off, counted in the destination; safe to share between threads.

    Parameters
    ----------
    copied
        Bytes written per reason: ``cast`` (another type), ``null fill`` (NaN for nulls), ``gather`` (the type was
        right and the values only had to be brought together), ``encode`` (categories).
    shared
        Bytes handed on without a copy.
    to_device, to_host
        Bytes that crossed between the host's memory and a device's.
    """

    copied: dict[str, int] = field(default_factory=dict)
    shared: int = 0
    to_device: int = 0
    to_host: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add_copied(self, reason: CopyReason, size: int) -> None:
        """Count ``size`` bytes written."""
        with self._lock:
            self.copied[reason] = self.copied.get(reason, 0) + size

    def add_shared(self, size: int) -> None:
        """Count ``size`` bytes handed on in place."""
        with self._lock:
            self.shared += size

    def add_crossed(self, *, to_device: int, to_host: int) -> None:
        """Count bytes that crossed between host and device."""
        with self._lock:
            self.to_device += to_device
            self.to_host += to_host

    def __reduce__(self) -> tuple[Any, ...]:
        return (Ledger, (self.copied, self.shared, self.to_device, self.to_host))

    def merged(self, other: Ledger) -> Ledger:
        """Return the counts of both together."""
        reasons = dict.fromkeys([*self.copied, *other.copied])
        return Ledger(
            {reason: self.copied.get(reason, 0) + other.copied.get(reason, 0) for reason in reasons},
            self.shared + other.shared,
            self.to_device + other.to_device,
            self.to_host + other.to_host,
        )

    @property
    def copied_bytes(self) -> int:
        """Bytes copied for all reasons."""
        return sum(self.copied.values())

    def as_dict(self) -> dict[str, int]:
        """Return counts by name for a manifest: ``copied_cast``, …, ``copied_total``, ``shared``.

        With a device, also ``to_device`` and ``to_host``.
        """
        counts = {f"copied_{reason.replace(' ', '_')}": size for reason, size in sorted(self.copied.items())}
        crossed = {"to_device": self.to_device, "to_host": self.to_host} if self.to_device or self.to_host else {}
        return counts | {"copied_total": self.copied_bytes, "shared": self.shared} | crossed


def table_of(part: Part) -> pa.Table:
    """Return the rows of a part as one Arrow table: without copying, but for those in another memory."""
    if part.device is not None:
        part.tables = [part.device.to_arrow(table) for table in part.tables]
        part.device = None
    if len(part.tables) > 1:
        part.tables = [pa.concat_tables(part.tables, promote_options="default")]
    table: pa.Table = part.tables[0]
    return table


class FeatureMatrix:
    """A feature matrix of shape (rows, columns), column-major, filled block by block.

    Missing values are NaN. Made by `allocate`, or by `adopt` over columns that already lie side by side.
    """

    __slots__ = ("_array", "ledger", "names")

    def __init__(self, array: npt.NDArray[Any], names: Sequence[str], ledger: Ledger) -> None:
        self._array = array
        self.names = tuple(names)
        self.ledger = ledger

    @classmethod
    def allocate(cls, rows: int, names: Sequence[str], dtype: FloatName, ledger: Ledger | None = None) -> FeatureMatrix:
        """Reserve memory for ``rows`` rows of the named columns; its contents are undefined until written."""
        array = np.empty((rows, len(names)), dtype=dtype, order="F")
        return cls(array, names, ledger if ledger is not None else Ledger())

    @classmethod
    def adopt(
        cls, columns: Sequence[pa.Array], names: Sequence[str], ledger: Ledger | None = None
    ) -> FeatureMatrix | None:
        """View Arrow columns as a matrix without copying, or return None where that is impossible.

        It is possible when all are float32, or all float64, hold no null, and start at equal distances in one buffer,
        as the columns of `to_arrow` do, sliced or not. The view is read-only.
        """
        if not columns or any(column.null_count for column in columns):
            return None
        kind = columns[0].type
        if kind not in (pa.float32(), pa.float64()) or any(column.type != kind for column in columns):
            return None
        width = kind.bit_width // 8
        addresses = [column.buffers()[1].address + column.offset * width for column in columns]
        buffer = columns[0].buffers()[1]
        strides = set(np.diff(addresses).tolist()) or {len(columns[0]) * width}
        inside = addresses[-1] + len(columns[0]) * width <= buffer.address + buffer.size
        if len(strides) != 1 or min(strides) < len(columns[0]) * width or not inside:
            return None
        array: npt.NDArray[Any] = np.ndarray(
            (len(columns[0]), len(columns)),
            dtype=kind.to_pandas_dtype(),
            buffer=buffer,
            offset=addresses[0] - buffer.address,
            strides=(width, strides.pop()),
        )
        array.flags.writeable = False
        matrix = cls(array, names, ledger if ledger is not None else Ledger())
        matrix.ledger.add_shared(array.nbytes)
        return matrix

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self._array.shape[0])

    def write(self, row0: int, column: int, values: pa.Array | pa.ChunkedArray | npt.NDArray[Any]) -> None:
        """Write values into a column from row ``row0`` on, casting, with NaN for nulls.

        Integers beyond 2**53 (float64) or 2**24 (float32) are rounded.

        Raises
        ------
        TypeMismatch
            When the values are neither numbers nor booleans.
        """
        if isinstance(values, pa.ChunkedArray):
            for chunk in values.chunks:
                self.write(row0, column, chunk)
                row0 += len(chunk)
            return
        target = self._array[row0 : row0 + len(values), column]
        if isinstance(values, pa.Array):
            self._write_arrow(target, self.names[column], values)
        else:
            np.copyto(target, values, casting="unsafe")
            self._count(target, "gather" if values.dtype == target.dtype else "cast")

    def columns(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Return a range of columns to be computed on in place, shape (rows, stop - start)."""
        return self._array[:, start:stop]

    def numpy(self) -> npt.NDArray[Any]:
        """Return the matrix itself, shape (rows, columns), column-major: no copy."""
        self.ledger.add_shared(self._array.nbytes)
        return self._array

    def to_arrow(self) -> pa.Table:
        """Arrow columns over the same bytes: no copy, NaN stays NaN."""
        kind = pa.from_numpy_dtype(self._array.dtype)
        buffer = pa.py_buffer(self._array.reshape(-1, order="F").data)
        columns = [
            pa.Array.from_buffers(kind, self.rows, [None, buffer], 0, j * self.rows) for j in range(len(self.names))
        ]
        self.ledger.add_shared(self._array.nbytes)
        return pa.table(columns, names=list(self.names))

    def _write_arrow(self, target: npt.NDArray[Any], name: str, values: pa.Array) -> None:
        kind = values.type
        if pa.types.is_decimal(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
            values = values.cast(pa.float64())
        elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise TypeMismatch(
                f"feature {name!r} is {kind}, not a number; list it under `categorical` or cast it first"
            )
        plain = values.fill_null(0) if values.null_count else values
        np.copyto(target, plain.to_numpy(zero_copy_only=True), casting="unsafe")
        if values.null_count:
            target[pc.is_null(values).to_numpy(zero_copy_only=False)] = np.nan
            self._count(target, "null fill")
        else:
            same = kind == pa.from_numpy_dtype(target.dtype)
            self._count(target, "gather" if same else "cast")

    def _count(self, target: npt.NDArray[Any], reason: CopyReason) -> None:
        self.ledger.add_copied(reason, target.nbytes)
