"""What crosses a device's border: arrays for other libraries, what was copied for them, and the account of the bus."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from ..dtypes import Kind
from ..errors import TypeMismatch
from ..quantities import format_bytes
from ..schema import Field

DeviceArray: TypeAlias = Any
"""An array in a device's memory: a ``numpy.ndarray``, or an object with ``__cuda_array_interface__``; both have
``__dlpack__``, ``dtype``, ``shape`` and ``nbytes``."""

CopyReason: TypeAlias = Literal["cast", "null fill", "gather"]
"""Another type, NaN for nulls, or only brought together."""

_CONTAINERS = (Kind.INTERVAL, Kind.LIST, Kind.STRUCT)


@dataclass(slots=True, kw_only=True)
class Shared:
    """Arrays over a device's memory, and the bytes that had to be copied for them, by reason.

    Attributes
    ----------
    arrays
        By name.
    copied
        By `CopyReason`.
    in_place
        Bytes that are handed on as they lie.
    """

    arrays: dict[str, DeviceArray] = field(default_factory=dict)
    copied: dict[CopyReason, int] = field(default_factory=dict)
    in_place: int = 0

    def count(self, reason: CopyReason, size: int) -> None:
        """Count bytes written for a reason."""
        self.copied[reason] = self.copied.get(reason, 0) + size


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a device with memory of its own has moved since the process began, in bytes, and what it holds now.

    Attributes
    ----------
    to_device, to_host
        Bytes across the bus, spilled tables among them.
    spilled, to_files
        Bytes of tables that made room: all of them, and those that went on into files.
    kept
        Bytes of device memory in use now; of a difference, at its end.
    retries, splits
        Calls that were made again after memory had run out, and computations in halves.
    """

    to_device: int = 0
    to_host: int = 0
    spilled: int = 0
    to_files: int = 0
    kept: int = 0
    retries: int = 0
    splits: int = 0

    @property
    def crossed(self) -> int:
        """Bytes across the bus, both ways."""
        return self.to_device + self.to_host

    def since(self, before: Account) -> Account:
        """Return what was moved after another account was taken."""
        return Account(
            to_device=self.to_device - before.to_device,
            to_host=self.to_host - before.to_host,
            spilled=self.spilled - before.spilled,
            to_files=self.to_files - before.to_files,
            kept=self.kept,
            retries=self.retries - before.retries,
            splits=self.splits - before.splits,
        )

    def __str__(self) -> str:
        parts = [
            f"{format_bytes(self.to_device)} to the device",
            f"{format_bytes(self.to_host)} to the host",
            f"{format_bytes(self.kept)} kept",
        ]
        if self.spilled:
            files = f", {format_bytes(self.to_files)} of it to files" if self.to_files else ""
            parts.append(f"{format_bytes(self.spilled)} spilled{files}")
        if self.retries:
            parts.append(f"{self.retries:,} calls repeated, {self.splits:,} in halves")
        return "; ".join(parts)


def check_shareable(column: Field, nulls: int) -> None:
    """Refuse a column that no array library can hold as it is.

    Raises
    ------
    TypeMismatch
        Naming the column, and what to do.
    """
    kind = column.dtype
    if not (kind.is_numeric or kind.kind is Kind.BOOL) or kind.is_decimal:
        container = kind.kind in _CONTAINERS
        remedy = "leave it out" if container else "cast it to a number, or leave it out"
        raise TypeMismatch(f"column {column.name!r} is {kind}, which arrays of numbers cannot hold; {remedy}")
    if nulls and not kind.is_float:
        raise TypeMismatch(
            f"column {column.name!r} is {kind} with {nulls:,} nulls, which its array cannot hold; fill them "
            "(fillna) or cast it to float64, where they become NaN"
        )
