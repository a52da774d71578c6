"""Expression evaluation over one table.

Columns are computed at most once per table: equal sub-expressions of one projection share their value. Branches of a
``case`` that could raise are computed on the rows that take them only. What the device cannot compute goes to the CPU
device, argument by argument, and comes back (``fallback``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...errors import UnsupportedOperation
from ...expr import Call, Case, Cast, Column, Expr, InList, Literal, NamedExpr, Place
from ...expr.lambdas import ListLambda
from ...schema import Schema
from ...traversal import walk
from ..evaluation import Evaluation, can_raise
from .batch import GpuTable, concat_tables
from .columns import Op, Value, any_true, chosen, constant, flags, full, known_true, negated, nulls, repeated, truth
from .fallback import on_cpu
from .functions import arithmetic, compare, mathematics, nested, temporal, text  # noqa: F401 - they register the kernels
from .functions.casts import cast_column, cast_refusal
from .functions.membership import in_list, list_refusal, place
from .functions.registry import KERNELS, NO_KERNEL, refusal
from .fused import computed as fused
from .fused import gathered, is_fused
from .keys import kept, masked_rows
from .library import plc
from .memory import in_halves, run


def project(table: GpuTable, exprs: Sequence[NamedExpr]) -> GpuTable:
    """Compute one column per expression; for half of the rows at a time where memory runs out."""
    schema = Schema(tuple(named.field for named in exprs))
    roots = [named.expr for named in exprs]

    def computed(part: GpuTable) -> GpuTable:
        return GpuTable(schema, Evaluator(part).columns(roots), part.num_rows)

    return in_halves(table, computed, lambda parts: concat_tables(parts, schema))


def refused(expr: Expr) -> str | None:
    """Return why the CPU must compute a part of an expression, naming the part; None where the device can do all."""
    for node in walk(expr):
        why = _node_refusal(node)
        if why is not None:
            name = node.function if isinstance(node, Call) else str(node)
            return f"{name}: {why}"
    return None


def without_kernel(functions: Iterable[str]) -> dict[str, str]:
    """Return those of some functions that have no kernel here, with the reasons."""
    return {name: NO_KERNEL.get(name, "there is no kernel for it") for name in functions if name not in KERNELS}


def _node_refusal(node: Expr) -> str | None:
    match node:
        case Call():
            return refusal(node)
        case Cast():
            return cast_refusal(node)
        case InList() | Place():
            return list_refusal(node)
        case ListLambda():
            return "libcudf evaluates no lambda over lists"
    return None


class Evaluator(Evaluation[GpuTable, "plc.Column", "plc.Scalar"]):
    """Evaluates expressions over one table."""

    def column(self, expr: Expr) -> plc.Column:
        """Return the value per row as a column."""
        value = self.value(expr)
        return repeated(value, self.table.num_rows) if isinstance(value, plc.Scalar) else value

    def _compute(self, expr: Expr) -> Value:
        if isinstance(expr, Literal):
            return constant(expr.value, expr.dtype)
        if isinstance(expr, Case):
            return self._case(expr)
        if isinstance(expr, ListLambda):
            return on_cpu(expr, self._table_columns(expr), self.table.num_rows)
        if is_fused(expr):
            return fused(expr, self.table)
        expr = gathered(expr)
        arguments = [(child, self.value(child)) for child in expr.children]
        if _node_refusal(expr) is not None:
            return on_cpu(expr, arguments, self.table.num_rows)
        values = [value for _, value in arguments]
        if all(isinstance(value, plc.Scalar) for value in values):
            values = [*full(values[:1], self.table.num_rows), *values[1:]]
        match expr:
            case Call():
                return KERNELS[expr.function].run(expr, values, self.table.num_rows)
            case Cast():
                return cast_column(expr, values[0])
            case InList():
                return in_list(expr, values[0])
            case Place():
                return place(expr, values[0])
        raise UnsupportedOperation(f"the gpu device cannot evaluate {expr}")

    def _table_columns(self, expr: Expr) -> list[tuple[Expr, Value]]:
        """Return the columns of the table that a lambda and its list read."""
        names = dict.fromkeys(node.name for node in walk(expr) if isinstance(node, Column))
        fields = self.table.schema
        return [(Column(name=n, dtype=fields[n].dtype), self.table.column(n)) for n in names if n in fields]

    def _case(self, expr: Case) -> Value:
        if any(can_raise(part) for part in expr.children[1:]):
            return self._lazy_case(expr)
        rows = self.table.num_rows
        result = self.value(expr.default)
        for condition, value in reversed(expr.branches):
            [mask] = full([self.value(condition)], rows)
            result = chosen(mask, self.value(value), result)
        return result

    def _lazy_case(self, expr: Case) -> Value:
        """Evaluate each part on the rows that reach it, and put its values among those of the others."""
        rows = self.table.num_rows
        result = nulls(expr.dtype, rows)
        rest = flags(rows, value=True)
        for condition, value in expr.branches:
            reached = masked(self.table, rest)
            if reached.num_rows == 0:
                return result
            taken = known_true(Evaluator(reached).column(condition))
            mask = _scattered(taken, rest)
            result = self._placed(result, mask, value)
            rest = truth(rest, negated(mask), Op.LOGICAL_AND)
        return self._placed(result, rest, expr.default)

    def _placed(self, result: plc.Column, mask: plc.Column, value: Expr) -> plc.Column:
        """Put the values of an expression, computed where the mask is true, into a column."""
        if not any_true(mask):
            return result
        values = Evaluator(masked(self.table, mask)).column(value)
        return _put(values, mask, result)


def _scattered(truths: plc.Column, mask: plc.Column) -> plc.Column:
    """Spread flags of the rows where a mask is true over all rows, false elsewhere."""
    return _put(truths, mask, flags(mask.size(), value=False))


def _put(values: plc.Column, mask: plc.Column, target: plc.Column) -> plc.Column:
    """Return a column with values put, one after the other, where a mask is true."""
    return run(plc.copying.boolean_mask_scatter, plc.Table([values]), plc.Table([target]), mask).columns()[0]


def masked(table: GpuTable, mask: plc.Column) -> GpuTable:
    """Keep the rows where a mask is true, not null, in order."""
    if not len(table.schema):
        return GpuTable(table.schema, (), kept(mask, mask).size())
    return table.like(masked_rows(table.table, mask))
