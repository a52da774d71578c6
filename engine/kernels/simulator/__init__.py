"""A dev room: pylibcudf and rmm on the CPU, behind the real signatures, for machines without a GPU.

This package stands in for the module ``pylibcudf``: ``simulator.binaryop`` answers as ``pylibcudf.binaryop`` does, one
file per module, with the same classes, functions, parameters and enumerations. ``simulator.rmm`` stands in for ``rmm``.
``engine/kernels/gpu/library.py`` chooses it where ``VOLLEY_SIMULATE_GPU=1`` is set, and nothing else may import it;
``device="auto"`` never does, and the device then calls itself ``gpu (simulated)`` everywhere.

What it is strict about, since code that ran here must run there:

- Every call is bound to the signature that was recorded from the installed release (``signatures.json``), and counted.
- A call that takes a stream or a memory resource must be given it by keyword; forgetting one raises `MissingStream`.
- Device memory is opaque. Columns and scalars show size, type and null count; their values leave by ``to_arrow`` and
  ``to_py`` only, which count the bytes (`machine().traffic`). Code of the simulator itself opens a column with
  ``values.host``, which raises outside a call.
- Streams are asynchronous: a column made on one stream and read on another before ``synchronize`` raises `StreamRace`.
- A released table raises `UseAfterFree`; memory is accounted per resource, and may be limited.
- Allocations fail where a `FaultPlan` says so, by rate and by number, with ``MemoryError`` as rmm's do.
- No order where libcudf promises none: joins, hash groupings and ``distinct`` shuffle rows (`machine().shuffled`).
- Rows of a column are limited to 2**31 - 1; tests lower the limit (`machine().row_limit`).
- What an H100 did with 26.10: arrays whose bits begin within a byte may be refused, NaNs are turned around where one
  column of floats is sorted in descending order, a thread without a context cannot wait for the default stream, and
  streams must never be destroyed (``Stream.destroyed``).
- Comparison of floats is IEEE's, integers wrap, decimals need one scale and 128 bits, division of integers by zero
  (undefined in libcudf) raises, Arrow types that libcudf has not are refused.

How to add a call: write the function in the file of its module with the recorded parameters, decorate it with
``@simulated("pylibcudf.<module>.<name>")``, open the arguments with ``values.host``, and return
``values.device(array)``. Cite libcudf's rule in a comment where it is not what Arrow does.

What it cannot show: speed; whether a kernel exists for each pair of types, unless pylibcudf is installed (``real``);
libcudf's own defects and limits of regular expressions and Unicode tables; races between streams that share a buffer
for writing; what PTX computes (``ptx`` runs the function compiled for the CPU); fragmentation of the pool; that
pinned memory is pinned; the driver.
"""

from __future__ import annotations

from . import (
    aggregation,
    binaryop,
    column,
    concatenate,
    contiguous_split,
    copying,
    datetime,
    device_buffer,
    expressions,
    filling,
    groupby,
    hashing,
    interop,
    io,
    join,
    lists,
    partitioning,
    ptx,
    reduce,
    replace,
    rmm,
    rolling,
    scalar,
    search,
    sorting,
    stream_compaction,
    strings,
    table,
    transform,
    types,
    unary,
)
from .binding import calls
from .column import Column
from .gpumemoryview import gpumemoryview
from .machine import (
    FaultPlan,
    HostAccess,
    MissingStream,
    SimulatorError,
    StreamRace,
    UseAfterFree,
    machine,
)
from .scalar import Scalar
from .table import Table
from .types import DataType, TypeId

__all__ = [
    "Column",
    "DataType",
    "FaultPlan",
    "HostAccess",
    "MissingStream",
    "Scalar",
    "SimulatorError",
    "StreamRace",
    "Table",
    "TypeId",
    "UseAfterFree",
    "aggregation",
    "binaryop",
    "calls",
    "column",
    "concatenate",
    "contiguous_split",
    "copying",
    "datetime",
    "device_buffer",
    "expressions",
    "filling",
    "gpumemoryview",
    "groupby",
    "hashing",
    "interop",
    "io",
    "join",
    "lists",
    "machine",
    "partitioning",
    "ptx",
    "reduce",
    "replace",
    "rmm",
    "rolling",
    "scalar",
    "search",
    "sorting",
    "stream_compaction",
    "strings",
    "table",
    "transform",
    "types",
    "unary",
]
