"""What libcudf cannot do, operator by operator and type by type: asked of what decides it for each query."""

from __future__ import annotations

from collections.abc import Callable

from ... import dtypes
from ...dtypes import DataType
from ...expr import Cast, Column
from ...expr.build import call, castable
from ...plan.source import StoredForm
from ..specs import Accumulator, AccumulatorSpec
from . import accumulate, encode, keys, scan
from .functions.casts import cast_refusal
from .project import refused

TYPES: tuple[DataType, ...] = (
    *(dtypes.bool_, dtypes.int64, dtypes.uint64, dtypes.float64, dtypes.decimal(18, 2), dtypes.decimal(38, 2)),
    *(dtypes.string, dtypes.binary, dtypes.date, dtypes.timestamp("us"), dtypes.timestamp("us", "UTC")),
    *(dtypes.timestamp("us", "Europe/Berlin"), dtypes.time("us"), dtypes.duration("us"), dtypes.interval),
    *(dtypes.list_(dtypes.int64), dtypes.struct([("a", dtypes.int64)])),
)
"""One of each kind that differs from the others for libcudf."""


def by_operator() -> dict[str, str]:
    """Return for each operator, and casts from each type, the types that are left to the CPU or the host."""
    found = {name: [dtype for dtype in TYPES if refuses(dtype)] for name, refuses in _OPERATORS.items()}
    for source in TYPES:
        found[f"casts from {source} to"] = [target for target in TYPES if _casts_on_cpu(source, target)]
    return {name: ", ".join(map(str, types)) for name, types in found.items() if types}


def _of(dtype: DataType) -> Column:
    return Column(name="x", dtype=dtype)


def _casts_on_cpu(source: DataType, target: DataType) -> bool:
    if not castable(source, target):
        return False
    return cast_refusal(Cast(arg=_of(source), dtype=target)) is not None


def _accumulates(kind: Accumulator) -> Callable[[DataType], bool]:
    def refuses(dtype: DataType) -> bool:
        spec = AccumulatorSpec(name="x", kind=kind, dtype=dtype, argument=_of(dtype))
        return accumulate.refusal(spec) is not None

    return refuses


def _writes(name: str) -> Callable[[DataType], bool]:
    return lambda dtype: encode.unfit(StoredForm(name=name, compression="none"), dtype) is not None


_OPERATORS: dict[str, Callable[[DataType], bool]] = {
    "comparisons": lambda dtype: refused(call("equal", _of(dtype), _of(dtype))) is not None,
    "keys of groups, joins, orders and windows": lambda dtype: keys.refusal(dtype) is not None,
    "min, max": _accumulates(Accumulator.MIN),
    "Parquet in": lambda dtype: not scan.decodes(dtype),
    "ORC in": lambda dtype: not scan.decodes_orc(dtype),
    "Parquet out": _writes("parquet"),
    "ORC out": _writes("orc"),
    "CSV, JSON lines in and out": lambda _: True,
}
