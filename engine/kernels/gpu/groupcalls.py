"""Users' functions of whole groups in plans: one thread of a CUDA kernel, which numba compiles, for each group.

The groups' values lie one after the other, as the lists that were collected have them. As on the CPU, an index beyond a
group's values means what it does in C.
"""

from __future__ import annotations

import numpy as np

from ... import dtypes
from ...dtypes import DataType, Kind
from ...plan.functions import GroupFunction, GroupFunctions
from ...schema import Schema
from . import memory, sharing
from .batch import GpuTable, concat_tables
from .columns import cast, constant, is_valid, repeated
from .interchange import DeviceArray
from .keys import kept, taken
from .library import DeviceBuffer, plc, stand_in_launch
from .memory import in_halves, run
from .types import INT32
from .udf import OLDEST, CudaFunction, compiling, group_function, refusal, require


def groups_refusal(functions: GroupFunctions) -> str | None:
    """Return why the host must call functions of groups; None where kernels can."""
    return next((why for call in functions.calls if (why := _refusal(call)) is not None), None)


def called_for_groups(table: GpuTable, functions: GroupFunctions) -> GpuTable:
    """Return the columns that functions make of groups; for half of the groups at a time where memory is out."""
    schema = Schema(tuple(call.result for call in functions.calls))

    def computed(part: GpuTable) -> GpuTable:
        columns = [_column(part.column(call.lists), call) for call in functions.calls]
        return GpuTable(schema, columns, part.num_rows)

    return in_halves(table, computed, lambda parts: concat_tables(parts, schema))


def _refusal(call: GroupFunction) -> str | None:
    return refusal(_compiled(call), call.result, _unfit, stood_in_for=stand_in_launch is not None)


def _compiled(call: GroupFunction) -> CudaFunction | str:
    kinds: tuple[Kind, ...] = (call.kind,)
    return group_function(call.function, kinds, wraps=True)  # that they may wrap was settled when it was planned


@compiling
def _unfit(made: CudaFunction) -> str | None:
    made.ptx(OLDEST)
    return None


def _column(lists: plc.Column, call: GroupFunction) -> plc.Column:
    made = require(_compiled(call), call.result.name)
    groups = lists.size()
    kind = sharing.numpy_type(made.dtype)
    out = run(DeviceBuffer, size=groups * kind.itemsize)
    result = DeviceArray(out, out.ptr, (groups,), kind)
    if groups:
        offsets, values = _present(lists)
        numbers = DeviceArray(offsets, sharing.address(offsets, np.dtype(np.int32)), (groups + 1,), np.dtype(np.int32))
        given = sharing.numpy_type(DataType(call.kind))
        array = DeviceArray(values, sharing.address(values, given), (values.size(),), given)
        _launch(made, result, numbers, array)
    return sharing.taken([result], Schema((call.result,))).columns[0]


def _present(lists: plc.Column) -> tuple[plc.Column, plc.Column]:
    """Return where the values of each list that are not null begin, and after the last; and these values."""
    if lists.offset() or lists.child(0).size() != lists.size() + 1:
        lists = run(lists.copy)  # what is inside is not sliced with it
    view = lists.list_view()
    offsets, values = view.offsets(), view.child()
    if not values.null_count():
        return offsets, values
    valid = is_valid(values)
    ends = run(plc.reduce.scan, cast(valid, INT32), plc.aggregation.sum(), plc.reduce.ScanType.INCLUSIVE)
    none = repeated(constant(0, dtypes.int32), 1)
    before = run(plc.concatenate.concatenate, [none, ends])  # how many are present before each place
    return taken(before, offsets), kept(values, valid)


def _launch(made: CudaFunction, out: DeviceArray, offsets: DeviceArray, values: DeviceArray) -> None:
    """Run a kernel to its end: numba has a stream of its own."""
    memory.stream().synchronize()
    if stand_in_launch is not None:
        stand_in_launch(made.function, out, offsets, values)
        return
    from numba import cuda

    made(out, offsets, values)
    cuda.default_stream().synchronize()
