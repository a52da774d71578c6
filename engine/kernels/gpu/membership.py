"""``in`` over a list of constants."""

from __future__ import annotations

from ... import dtypes
from ...arrow import to_arrow_type
from ...expr import InList
from ..constants import array_of
from .columns import Value, chosen, constant, full, where_valid
from .library import plc
from .memory import run
from .transfer import uploaded


def list_refusal(expr: InList) -> str | None:
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
