"""Values among a list of constants: whether they are there, and where."""

from __future__ import annotations

from .... import dtypes
from ....arrow import to_arrow_type
from ....expr import InList, Place
from ...constants import array_of
from ..columns import Op, Value, chosen, constant, full, truth, where_valid
from ..keys import taken
from ..library import plc
from ..memory import run
from ..transfer import uploaded


def list_refusal(expr: InList | Place) -> str | None:
    """Return why the device cannot test membership, or None."""
    if expr.arg.dtype.is_nested or expr.arg.dtype.kind is dtypes.Kind.INTERVAL:
        return "libcudf searches no nested values"
    return None


def in_list(expr: InList, value: Value) -> plc.Column:
    """Return whether values equal one of the constants; libcudf's search finds NaN, and 0.0 for -0.0, as we do."""
    [needles] = full([value], value.size() if isinstance(value, plc.Column) else 1)
    haystack = uploaded(array_of(expr.values, to_arrow_type(expr.arg.dtype)), expr.arg.dtype)
    found = run(plc.search.contains, haystack, needles)
    if expr.has_null:
        return chosen(found, found, constant(None, dtypes.bool_))
    return where_valid(found, needles, dtypes.bool_)


def place(expr: Place, value: Value) -> plc.Column:
    """Return where values stand among the constants, which are in ascending order."""
    dtype = expr.arg.dtype
    [needles] = full([value], value.size() if isinstance(value, plc.Column) else 1)
    haystack = uploaded(array_of(expr.values, to_arrow_type(dtype)), dtype)
    order = [plc.types.Order.ASCENDING], [plc.types.NullOrder.AFTER]
    found = run(plc.search.lower_bound, plc.Table([haystack]), plc.Table([needles]), *order)
    there = truth(taken(haystack, found, outer=True), needles, Op.EQUAL)  # null after the last, and for null
    return chosen(there, found, constant(None, dtypes.int32))
