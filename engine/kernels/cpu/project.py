"""Expression evaluation over one table.

Columns are computed at most once per table: equal sub-expressions of one projection share their value. Branches of a
``case`` that could raise are computed on the rows that take them only; arithmetic is tried on all rows first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...dtypes import DataType
from ...errors import ArithmeticOverflow, CastError, UnsupportedOperation
from ...expr import Call, Case, Cast, Column, Expr, InList, Literal, NamedExpr, Place
from ...expr.lambdas import ListLambda
from ...schema import Schema
from ..constants import array_of, scalar_of
from ..evaluation import Evaluation, can_raise, is_quick
from .buffers import bools_of, is_small, physical_type, values_of
from .functions import (  # noqa: F401 - they register the kernels
    arithmetic,
    calendar_parts,
    codings,
    document_parts,
    documents,
    intervals,
    mathematics,
    temporal,
    text,
    textparts,
)
from .functions.casts import cast_array
from .functions.compare import known_true
from .functions.decimals import integers, narrowed
from .functions.registry import KERNELS, Registered, Value
from .functions.remembered import borrow, give_back, is_remembered
from .gather import encoded, plain, take_column
from .table import CpuTable, PendingColumns

_DECIMAL_AWARE = frozenset(
    {"add", "subtract", "multiply", "negate", "abs", "sign", "round", "floor", "ceil", "trunc"}
    | {
        "is_null",
        "is_not_null",
        "pair",
        "list_contains",
        "list_position",
        "list_value",
        "struct_value",
        "hash",
        "format_text",
        "to_json",
    }
)
_MIN_DICTIONARY = 64
_MIN_REPEATS = 1024
"""Rows from which it is worth looking for texts that repeat."""
_UNLIKE = 0.95
"""Share of distinct values among the first rows from which texts count as all different."""


def project(table: CpuTable, exprs: Sequence[NamedExpr]) -> CpuTable:
    """Compute one column per expression; columns that wait to be made go on waiting."""
    schema = Schema(tuple(named.field for named in exprs))
    waiting = table.columns
    columns: Sequence[pa.Array]
    if isinstance(waiting, PendingColumns) and all(isinstance(named.expr, Column) for named in exprs):
        names = [named.expr.name for named in exprs if isinstance(named.expr, Column)]
        pending = [waiting.pending[table.schema.position(name)] for name in names]
        columns = PendingColumns(pending, waiting.nbytes * len(pending) // max(len(waiting), 1))
    else:
        columns = tuple(Evaluator(table).columns([named.expr for named in exprs]))
    return CpuTable(schema=schema, columns=columns, num_rows=table.num_rows)


class Evaluator(Evaluation[CpuTable, pa.Array, pa.Scalar]):
    """Evaluates expressions over one table."""

    def column(self, expr: Expr) -> pa.Array:
        """Return the value per row as an array; text may come dictionary-encoded."""
        value = self.value(expr)
        return pa.repeat(value, self.table.num_rows) if isinstance(value, pa.Scalar) else value

    def _compute(self, expr: Expr) -> Value:
        match expr:
            case Literal():
                return constant(expr.value, expr.dtype)
            case Call():
                return self._call(expr)
            case Cast():
                return self._unary(expr, lambda value: cast_array(expr, value), per_value=not expr.strict)
            case InList():
                return self._unary(expr, lambda value: _in_list(expr, value), per_value=True)
            case Place():
                return self._unary(expr, lambda value: _place(expr, value), per_value=False)
            case Case():
                return self._case(expr)
            case ListLambda():
                from .functions.lambdas import evaluated  # it stands on sorting, which evaluates expressions

                return evaluated(expr, self.table, lambda table, part: Evaluator(table).column(part))
        raise UnsupportedOperation(f"the cpu device cannot evaluate {expr}")

    def _unary(self, expr: Cast | InList | Place, run: Any, *, per_value: bool) -> Value:
        value = self.value(expr.arg)
        if isinstance(value, pa.Scalar):
            return run(pa.repeat(value, 1))[0]
        if per_value and isinstance(value, pa.DictionaryArray) and worth_per_value(value):
            return remapped(value, run(value.dictionary))
        return run(plain(value))

    def _call(self, expr: Call) -> Value:
        kernel = KERNELS.get(expr.function)
        if kernel is None:
            raise UnsupportedOperation(f"the cpu device has no function {expr.function!r}")
        values = [self.value(arg) for arg in expr.args]
        if expr.function not in _DECIMAL_AWARE:
            values = [integers(value) for value in values]
        return self._restored(self._applied(expr, kernel, values), expr.dtype)

    def _applied(self, expr: Call, kernel: Registered, values: list[Value]) -> Value:
        if all(isinstance(value, pa.Scalar) for value in values):
            return _array(kernel.run(expr, [pa.repeat(value, 1) for value in values]))[0]
        if expr.function in ("is_null", "is_not_null"):
            return kernel.run(expr, values)
        arrays = sum(isinstance(value, pa.Array) for value in values)
        if kernel.costly and arrays == 1:
            (position,) = (i for i, value in enumerate(values) if isinstance(value, pa.Array))
            if _repeats(expr, values[position]):
                return _remembered(expr, kernel, values, position)
        encoded = [value for value in values if isinstance(value, pa.DictionaryArray)]
        if kernel.per_value and len(encoded) == arrays == 1 and worth_per_value(encoded[0]):
            on_dictionary = [v.dictionary if isinstance(v, pa.DictionaryArray) else v for v in values]
            return remapped(encoded[0], _array(kernel.run(expr, on_dictionary)))
        return _array(kernel.run(expr, [plain(v) if isinstance(v, pa.Array) else v for v in values]))

    def _case(self, expr: Case) -> Value:
        raising = [part for part in expr.children[1:] if can_raise(part)]
        if not all(map(is_quick, raising)):
            return self._lazy_case(expr)
        try:
            return self._eager_case(expr)
        except (ArithmeticOverflow, CastError):
            if not raising:
                raise
            return self._lazy_case(expr)  # it may have come from rows that do not take the branch

    def _eager_case(self, expr: Case) -> Value:
        """Evaluate each part on all rows; parts of other expressions that are equal have the same values."""
        if self.table.num_rows == 0:
            return pa.nulls(0, physical_type(expr.dtype))
        result = self._plain(expr.default)
        for condition, value in reversed(expr.branches):
            chosen = self.value(condition)
            if isinstance(chosen, pa.Scalar):
                result = self._plain(value) if chosen.as_py() else result
                continue
            result = pc.if_else(known_true(chosen), self._plain(value), result)
        return self._restored(result, expr.dtype)

    def _restored(self, value: Value, dtype: DataType) -> Value:
        """Return scaled integers as the small decimals that an expression of this type must give."""
        wanted = physical_type(dtype)
        if not is_small(wanted) or is_small(value.type):
            return value
        rows = value if isinstance(value, pa.Array) else pa.repeat(value, 1)
        restored = narrowed(rows) if pa.types.is_decimal128(rows.type) else rows.view(wanted)
        return restored if isinstance(value, pa.Array) else restored[0]

    def _plain(self, expr: Expr) -> Value:
        """Return a value in the form that Arrow's kernels know: no dictionary, small decimals as integers."""
        value = integers(self.value(expr))
        return plain(value) if isinstance(value, pa.Array) else value

    def _lazy_case(self, expr: Case) -> Value:
        """Evaluate each part on the rows that reach it, then bring the pieces back into row order."""
        rest = self.table
        places = np.arange(self.table.num_rows, dtype=np.int32)
        pieces: list[pa.Array] = []
        order: list[Any] = []
        for condition, value in expr.branches:
            if rest.num_rows == 0:
                break
            chosen = known_true(Evaluator(rest).column(condition))
            taken = bools_of(chosen)
            if taken.any():
                pieces.append(plain(Evaluator(_masked(rest, chosen)).column(value)))
                order.append(places[taken])
                rest, places = _masked(rest, pc.invert(chosen)), places[~taken]
        if rest.num_rows or not pieces:
            pieces.append(plain(Evaluator(rest).column(expr.default)))
            order.append(places)
        back = np.empty(self.table.num_rows, dtype=np.int32)
        back[np.concatenate(order)] = np.arange(self.table.num_rows, dtype=np.int32)
        return take_column(pa.concat_arrays(pieces), back)


def constant(value: Any, dtype: DataType) -> pa.Scalar:
    """Return a plain Python value as an Arrow scalar of a type."""
    return scalar_of(value, physical_type(dtype))


def worth_per_value(array: pa.DictionaryArray) -> bool:
    """Return whether computing on the dictionary is less work than computing on the rows."""
    return len(array.dictionary) <= max(_MIN_DICTIONARY, len(array) // 2)


def _repeats(call: Call, texts: pa.Array) -> bool:
    """Return whether it pays to compute each different text once; some are looked at for the first batch of a run."""
    if not pa.types.is_string(texts.type) or len(texts) < _MIN_REPEATS:
        return False
    return is_remembered(call) or len(texts.slice(0, _MIN_REPEATS).unique()) <= _MIN_REPEATS * _UNLIKE


def _remembered(call: Call, kernel: Registered, values: Sequence[Value], position: int) -> pa.Array:
    """Return the results of a call, whose one array is at a position, computed of texts not met before in this run."""
    results = borrow(call)
    made = results.applied(
        values[position], lambda texts: _array(kernel.run(call, [*values[:position], texts, *values[position + 1 :]]))
    )
    give_back(results)
    return made


def remapped(array: pa.DictionaryArray, values: pa.Array) -> pa.Array:
    """Return the rows of a dictionary-encoded array with each dictionary value replaced by its result."""
    if pa.types.is_string(values.type) and not values.null_count:
        return encoded(array.indices, values)
    if array.null_count:
        return values.take(array.indices)
    return take_column(values, values_of(array.indices))


def _array(value: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Arrow's text kernels answer in chunks where a result might not fit one; join them."""
    if isinstance(value, pa.ChunkedArray):
        return value.chunk(0) if value.num_chunks == 1 else pa.concat_arrays(value.chunks)
    return value


def _masked(table: CpuTable, mask: pa.Array) -> CpuTable:
    columns = [column.filter(mask) for column in table.columns]
    return table.with_columns(columns, pc.sum(mask).as_py() or 0)


def _in_list(expr: InList, value: pa.Array) -> pa.Array:
    choices = integers(_choices(expr, value.type))
    value = integers(value)
    if pa.types.is_floating(value.type):
        # Adding zero turns -0.0 into 0.0, which is_in would tell apart.
        zero = scalar_of(0.0, value.type)
        value, choices = pc.add(value, zero), pc.add(choices, zero)
    found = pc.is_in(value, value_set=choices)
    if expr.has_null:
        return pc.if_else(found, found, scalar_of(None, pa.bool_()))
    return pc.if_else(pc.is_valid(value), found, scalar_of(None, pa.bool_())) if value.null_count else found


def _place(expr: Place, value: pa.Array) -> pa.Array:
    choices, value = integers(array_of(expr.values, value.type)), integers(value)
    if pa.types.is_floating(value.type):
        # Adding zero turns -0.0 into 0.0, which index_in would tell apart; NaN is never a category.
        zero = scalar_of(0.0, value.type)
        value, choices = pc.add(value, zero), pc.add(choices, zero)
    return pc.index_in(value, value_set=choices, skip_nulls=True)


_choice_arrays: dict[int, tuple[InList, pa.Array]] = {}
_MAX_CHOICES = 4096


def _choices(expr: InList, arrow: pa.DataType) -> pa.Array:
    """Return a list's constants as an array, made once for all batches."""
    known = _choice_arrays.get(id(expr))
    if known is None:
        if len(_choice_arrays) >= _MAX_CHOICES:
            _choice_arrays.clear()
        # The expression is kept so that its identity stays its own.
        known = _choice_arrays[id(expr)] = (expr, array_of(expr.values, arrow))
    return known[1]
