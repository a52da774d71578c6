"""What stands for ``pylibcudf.hashing``: digests of rows."""

from __future__ import annotations

import hashlib
from typing import Any

import pyarrow as pa

from .binding import simulated
from .column import Column
from .machine import SimulatorError
from .table import Table
from .values import device, host


def _digests(input: Table, name: str) -> Column:
    [column] = input.columns()
    values = host(column).to_pylist()
    if any(value is not None and not isinstance(value, str) for value in values):
        raise SimulatorError("digests of strings only are simulated")
    # A null adds no bytes, so it has the digest of nothing, and the result has no nulls.
    return device(pa.array([hashlib.new(name, (value or "").encode()).hexdigest() for value in values], pa.string()))


@simulated("pylibcudf.hashing.md5")
def md5(input: Table, stream: Any = None, mr: Any = None) -> Column:
    """Return MD5 digests in hexadecimal digits."""
    return _digests(input, "md5")


@simulated("pylibcudf.hashing.sha1")
def sha1(input: Table, stream: Any = None, mr: Any = None) -> Column:
    """Return SHA-1 digests in hexadecimal digits."""
    return _digests(input, "sha1")


@simulated("pylibcudf.hashing.sha256")
def sha256(input: Table, stream: Any = None, mr: Any = None) -> Column:
    """Return SHA-256 digests in hexadecimal digits."""
    return _digests(input, "sha256")
