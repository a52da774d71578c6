"""``pivot_table``: a group-by whose aggregates are filtered by the values of a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

from .. import dtypes
from ..errors import PlanError, suggestion
from ..expr import Column, Expr, NamedAggregate, NamedExpr, SortKey, aggregate, call, case, literal
from ..expr.catalogue import AGGREGATES
from ..plan import Aggregate, Project, Sort, Union

if TYPE_CHECKING:
    from .frame import DataFrame

_NULL_OF_NOTHING = ("mean", "avg", "min", "max", "median", "std", "var", "first", "last", "quantile", "mode")
MOST_COLUMNS = 2_000
"""More are refused: a column with so many values was hardly meant."""


def pivoted(
    frame: DataFrame,
    values: str | Sequence[str] | None,
    index: str | Sequence[str],
    columns: str,
    aggfunc: Any,
    fill_value: Any,
    totals: str | None = None,
    *,
    reshapes: bool = False,
) -> DataFrame:
    """Return a frame's pivot table, with ``totals`` if they have a name; see `DataFrame.pivot_table`.

    Rows and columns of nothing but nulls are left out unless it only ``reshapes``.
    """
    keys = (index,) if isinstance(index, str) else tuple(index)
    if not keys:
        raise PlanError("pivot_table needs index, and often columns, such as index='city', columns='year'")
    if not columns:
        names = list(aggfunc) if isinstance(aggfunc, Mapping) else _values(frame, values, keys, "")
        frame = _with_values(frame, names, aggfunc)
        made = _grouped(frame, names, keys, aggfunc, fill_value)
        if totals is None:
            return made
        every = _grouped(_as_one(frame, keys, names, totals), names, keys, aggfunc, fill_value)
        return _below(made, every, keys)
    if not isinstance(aggfunc, str) or aggfunc not in AGGREGATES:
        raise PlanError(f"unknown aggregate {aggfunc!r}{suggestion(str(aggfunc), AGGREGATES)}")
    names = _values(frame, values, (*keys, columns), aggfunc)
    frame = frame.dropna([*keys, columns])
    if not reshapes:
        names = sorted(names)
        frame = _with_values(frame, names, aggfunc)
    labels = sorted(frame[columns].unique())
    if len(labels) > MOST_COLUMNS:
        raise PlanError(f"{columns!r} has {len(labels):,} distinct values; a pivot table has at most {MOST_COLUMNS:,}")
    whole = reduce(partial(call, "and"), (call("is_not_null", frame[name].expr) for name in names))
    cells: dict[str, tuple[Expr, Expr]] = {}
    for name in names:
        before = f"{name}_" if len(names) > 1 else ""
        for label in labels:
            cells[f"{before}{label}"] = (frame[name].expr, _is(frame, columns, label))
        if totals is not None:
            cells[f"{before}{totals}"] = (frame[name].expr, whole)
    if totals is None:
        return _table(frame, keys, cells, aggfunc, fill_value)
    every = _table(_as_one(frame, keys, names, totals), keys, cells, aggfunc, fill_value)
    return _below(_table(frame, keys, cells, aggfunc, fill_value), every, keys)


def _with_values(frame: DataFrame, names: Sequence[str], aggfunc: Any) -> DataFrame:
    """Return the rows that make a difference to aggregates that pass over nulls, and are null without them."""
    return frame.dropna(list(names), how="all") if isinstance(aggfunc, str) and aggfunc in _NULL_OF_NOTHING else frame


def _grouped(frame: DataFrame, names: Sequence[str], keys: tuple[str, ...], aggfunc: Any, fill_value: Any) -> DataFrame:
    """Return aggregates of some columns for each group of the keys: a pivot table without columns."""
    spec = aggfunc if isinstance(aggfunc, Mapping) else dict.fromkeys(names, aggfunc)
    spec = {name: spec[name] for name in sorted(spec)}
    made = frame.groupby(list(keys)).agg(spec)
    return made if fill_value is None else made.fillna(fill_value)


def _as_one(frame: DataFrame, keys: tuple[str, ...], values: Sequence[str], name: str) -> DataFrame:
    """Return the rows without nulls as one group, which is called so."""
    labels = dict.fromkeys(keys, "") | {keys[0]: name}
    present = frame.dropna([*keys, *(value for value in values if value not in keys)])
    return present.assign(**labels)


def _below(table: DataFrame, totals: DataFrame, keys: tuple[str, ...]) -> DataFrame:
    """Return a table with the row of totals as its last one; its keys are texts, as the totals' name is one."""
    texts = {key: table[key].astype("string") for key in keys if table.schema[key].dtype != dtypes.string}
    return table.with_plan(Union(inputs=(table.assign(**texts).plan, totals.plan)), index=keys)


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
