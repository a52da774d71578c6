"""``pivot_table``: a group-by whose aggregates are filtered by the values of a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import PlanError, suggestion
from ..expr import Column, Expr, NamedAggregate, NamedExpr, SortKey, aggregate, call, case, literal
from ..expr.catalogue import AGGREGATES
from ..plan import Aggregate, Project, Sort

if TYPE_CHECKING:
    from .frame import DataFrame

MOST_COLUMNS = 2_000
"""More are refused: a column with so many values was hardly meant."""


def pivoted(
    frame: DataFrame,
    values: str | Sequence[str] | None,
    index: str | Sequence[str],
    columns: str,
    aggfunc: Any,
    fill_value: Any,
) -> DataFrame:
    """Return a frame's pivot table; see `DataFrame.pivot_table`."""
    keys = (index,) if isinstance(index, str) else tuple(index)
    if not keys:
        raise PlanError("pivot_table needs index, and often columns, such as index='city', columns='year'")
    if not columns:
        return _grouped(frame, values, keys, aggfunc, fill_value)
    if not isinstance(aggfunc, str) or aggfunc not in AGGREGATES:
        raise PlanError(f"unknown aggregate {aggfunc!r}{suggestion(str(aggfunc), AGGREGATES)}")
    names = _values(frame, values, (*keys, columns), aggfunc)
    labels = sorted(frame[columns].dropna().unique())
    if len(labels) > MOST_COLUMNS:
        raise PlanError(f"{columns!r} has {len(labels):,} distinct values; a pivot table has at most {MOST_COLUMNS:,}")
    cells = {
        f"{name}_{label}" if len(names) > 1 else str(label): (frame[name].expr, _is(frame, columns, label))
        for name in names
        for label in labels
    }
    return _table(frame.dropna([*keys, columns]), keys, cells, aggfunc, fill_value)


def _grouped(
    frame: DataFrame, values: str | Sequence[str] | None, keys: tuple[str, ...], aggfunc: Any, fill_value: Any
) -> DataFrame:
    """Return aggregates of some columns for each group of the keys: a pivot table without columns."""
    spec = aggfunc if isinstance(aggfunc, Mapping) else dict.fromkeys(_values(frame, values, keys, ""), aggfunc)
    made = frame.groupby(list(keys)).agg(spec)
    return made if fill_value is None else made.fillna(fill_value)


def _is(frame: DataFrame, columns: str, label: Any) -> Expr:
    return call("equal", frame[columns].expr, literal(label, frame.schema[columns].dtype))


def _table(
    frame: DataFrame, keys: tuple[str, ...], cells: dict[str, tuple[Expr, Expr]], aggfunc: str, fill_value: Any
) -> DataFrame:
    """Group by the keys and aggregate each cell's value over the rows where its test is true; null where none is."""
    named = tuple(NamedExpr(name=key, expr=frame[key].expr) for key in keys)
    aggregates = []
    exprs = [NamedExpr(name=key, expr=frame[key].expr) for key in keys]
    for number, (name, (value, test)) in enumerate(cells.items()):
        args = () if aggfunc == "size" else (value,)
        made = NamedAggregate(name=f"__cell_{number}", call=aggregate(aggfunc, *args, filter=test))
        rows = NamedAggregate(name=f"__rows_{number}", call=aggregate("size", filter=test))
        aggregates += [made, rows]
        found = _column(made)
        if aggfunc == "sum":
            found = call("coalesce", found, literal(0))
        known = call("greater", _column(rows), literal(0))
        expr = case([(known, found)], None if fill_value is None else literal(fill_value))
        exprs.append(NamedExpr(name=name, expr=expr))
    grouped = Aggregate(input=frame.plan, keys=named, aggregates=tuple(aggregates))
    ordered = Sort(input=grouped, keys=tuple(SortKey(expr=key.expr) for key in named))
    return frame.with_plan(Project(input=ordered, exprs=tuple(exprs)), index=keys)


def _column(made: NamedAggregate) -> Expr:
    return Column(name=made.name, dtype=made.call.dtype)


def _values(frame: DataFrame, values: str | Sequence[str] | None, keys: tuple[str, ...], aggfunc: str) -> list[str]:
    frame.schema.select(keys)
    if isinstance(values, str):
        return [values]
    if values is not None:
        return list(values)
    if aggfunc == "size":
        return [keys[0]]
    names = [f.name for f in frame.schema if f.name not in (*keys, *frame.index) and f.dtype.is_numeric]
    if not names:
        raise PlanError("there is no numeric column to aggregate; name one with values=")
    return names
