"""Users' functions of values in plans: compiled by numba to PTX, which libcudf puts into a kernel of its own.

libcudf takes one function by itself: one that calls others, or looks numbers up in tables beside it as the sine does
for large angles, is left to the host. Functions are called for rows without nulls only, as everywhere: what
stands under a null might keep one in a loop for ever.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ...dtypes import Kind
from ...plan.functions import ValueFunction
from ...schema import Schema
from .batch import GpuTable, concat_tables
from .columns import Op, any_true, is_valid, nulls, truth
from .keys import masked_rows
from .library import plc, stand_in_code
from .memory import in_halves, run
from .types import device_type
from .udf import OLDEST, CudaFunction, compiling, refusal, require, row_function

_BESIDE = re.compile(r"^\s*\.(visible\s+)?(global|const|extern)\b", re.MULTILINE)
"""Variables and functions outside of the function, but for numba's own environment, which is ``.common``."""


def call_refusal(function: ValueFunction) -> str | None:
    """Return why the host must call a function; None where a kernel can."""
    return refusal(_compiled(function), function.result, _unfit, stood_in_for=stand_in_code is not None)


def called(table: GpuTable, function: ValueFunction) -> GpuTable:
    """Return the column that a function makes of a table of its arguments; for half of the rows where memory is out."""
    schema = Schema((function.result,))
    made = require(_compiled(function), function.result.name)
    return in_halves(
        table,
        lambda part: GpuTable(schema, [_column(part, made, function)], part.num_rows),
        lambda parts: concat_tables(parts, schema),
    )


def _compiled(function: ValueFunction) -> CudaFunction | str:
    kinds: tuple[Kind, ...] = tuple(dtype.kind for dtype in function.arguments)
    return row_function(function.function, kinds, wraps=True)  # that they may wrap was settled when it was planned


def _column(table: GpuTable, made: CudaFunction, function: ValueFunction) -> plc.Column:
    nothing = nulls(function.result.dtype, table.num_rows)
    present = _present(table)
    if present is None:
        return _transformed(table.columns, made) if table.num_rows else nothing
    if not any_true(present):
        return nothing
    values = _transformed(masked_rows(table.table, present).columns(), made)
    put = run(plc.copying.boolean_mask_scatter, plc.Table([values]), plc.Table([nothing]), present)
    return put.columns()[0]


def _present(table: GpuTable) -> plc.Column | None:
    """Return in which rows no argument is null; None: in all."""
    mask: plc.Column | None = None
    for column in table.columns:
        if column.null_count():
            valid = is_valid(column)
            mask = valid if mask is None else truth(mask, valid, Op.LOGICAL_AND)
    return mask


def _transformed(columns: tuple[plc.Column, ...], made: CudaFunction) -> plc.Column:
    types = plc.types
    return run(
        plc.transform.transform,
        list(columns),
        _code(made),
        device_type(made.dtype),
        True,  # noqa: FBT003  # it is PTX; by position, since the stubs name what follows otherwise
        types.NullAware.NO,
        types.OutputNullability.PRESERVE,
    )


@lru_cache(maxsize=256)
def _code(made: CudaFunction) -> str:
    if stand_in_code is not None:
        return stand_in_code(made.function, made.scalars)
    return made.device_ptx(_capability())


def _capability() -> tuple[int, int]:
    from numba import cuda

    major, minor = cuda.get_current_device().compute_capability
    return int(major), int(minor)


@compiling
def _unfit(made: CudaFunction) -> str | None:
    """Return why libcudf does not take a function's PTX."""
    text = made.device_ptx(OLDEST)
    if text.count(".func") != 1 or _BESIDE.search(text):
        return "it calls functions or reads tables of the math library that libcudf does not take along"
    return None
