"""``cut``, ``qcut`` and ``get_dummies``: numbers as classes, and classes as columns of their own."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, TypeAlias

from ..dtypes import Kind
from ..errors import PlanError, TypeMismatch
from ..expr import Expr, aggregate, call, case, literal
from .arguments import explaining
from .frame import DataFrame
from .pivot import MOST_COLUMNS
from .series import Series

Labels: TypeAlias = Sequence[Any] | bool | None
_MARGIN = 0.001
"""Share of the whole range by which the outer one of equally wide bins is wider, as in pandas."""


@explaining
def cut(
    column: Series,
    bins: int | Sequence[Any],
    *,
    right: bool = True,
    labels: Labels = None,
    include_lowest: bool = False,
    precision: int = 3,
) -> Series:
    """Return the bin of each value: as a text such as ``(0, 5]``, a label or a number; null outside all of them.

    Parameters
    ----------
    bins
        Edges, ascending; or a number of equally wide bins, for which the plan runs to find the extremes.
    right
        Whether a bin holds its greater edge, else its less one.
    labels
        One for each bin; False gives their numbers, from 0.
    include_lowest
        Whether the first bin holds its less edge, too.
    precision
        Digits of an edge in a text.

    Raises
    ------
    PlanError
        If edges do not ascend or labels are not as many as bins.
    """
    if not column.dtype.is_numeric and not column.dtype.is_temporal:
        raise TypeMismatch(f"cut needs numbers or times; {column.name!r} is {column.dtype}")
    edges = _equal(column, bins, right=right) if isinstance(bins, int) else list(bins)
    names = _names(edges, labels, precision, right=right, lowest=include_lowest)
    return _binned(column, edges, names, right=right, lowest=include_lowest)


@explaining
def qcut(column: Series, q: int | Sequence[float], *, labels: Labels = None, precision: int = 3) -> Series:
    """Return the quantile bin of each value: runs the plan for the edges; see `cut`.

    Parameters
    ----------
    q
        A number of bins with about as many values each; or the shares where they end, from 0 to 1.
    """
    shares = [i / q for i in range(q + 1)] if isinstance(q, int) else list(q)
    found = column.frame.reduce(**{f"q{i}": aggregate("quantile", column.expr, q=s) for i, s in enumerate(shares)})
    edges = list(found.values())
    if None in edges:
        raise PlanError(f"qcut needs values; {column.name!r} has none")
    if len(set(edges)) < len(edges):
        raise PlanError(f"{column.name!r} has too few values for {len(edges) - 1} bins: edges {edges}; use fewer")
    return _binned(column, edges, _names(edges, labels, precision, right=True, lowest=True), right=True, lowest=True)


def _equal(column: Series, count: int, *, right: bool) -> list[float]:
    if count < 1:
        raise PlanError(f"cut needs at least one bin, not {count}")
    found = column.frame.reduce(low=aggregate("min", column.expr), high=aggregate("max", column.expr))
    if found["low"] is None:
        raise PlanError(f"cut cannot make {count} bins of no values; give the edges")
    low, high = float(found["low"]), float(found["high"])
    if not math.isfinite(low) or not math.isfinite(high):
        raise PlanError(f"cut cannot make {count} bins from {low} to {high}; give the edges")
    if low == high:
        margin = _MARGIN * abs(low) or _MARGIN
        low, high = low - margin, high + margin
        return [low + (high - low) * i / count for i in range(count)] + [high]
    edges = [low + (high - low) / count * i for i in range(count)] + [high]
    margin = (high - low) * _MARGIN
    if right:
        edges[0] -= margin
    else:
        edges[-1] += margin
    return edges


def _names(edges: list[Any], labels: Labels, precision: int, *, right: bool, lowest: bool) -> list[Any]:
    """Return what the bins are called."""
    if len(edges) < 2 or any(not a < b for a, b in itertools.pairwise(edges)):
        raise PlanError(f"bins need at least two edges that ascend, not {edges}")
    if labels is None or labels is True:
        return _texts(edges, precision, right=right, lowest=lowest)
    names = list(range(len(edges) - 1)) if labels is False else list(labels)
    if len(names) != len(edges) - 1:
        raise PlanError(f"{len(edges) - 1} bins need as many labels, not {len(names)}")
    return names


def _binned(column: Series, edges: list[Any], names: list[Any], *, right: bool, lowest: bool) -> Series:
    """Return the name of each value's bin."""
    value = column.expr

    def below(edge: Any, *, equal: bool) -> Expr:
        test: Series = column <= edge if equal else column < edge
        return test.expr

    outside = below(edges[0], equal=right and not lowest)
    cases = [(outside, literal(None, literal(names[0]).dtype))]
    cases += [(below(edge, equal=right), literal(name)) for edge, name in zip(edges[1:], names, strict=True)]
    made = case(cases)
    if value.dtype.is_float:  # NaN is greatest, and in no bin
        made = case([(call("not", call("is_nan", value)), made)])
    return column.derive(made)


def _texts(edges: list[Any], precision: int, *, right: bool, lowest: bool) -> list[str]:
    """Return the bins as pandas spells them: with as many digits as tell the edges apart."""
    shown = edges
    if all(isinstance(edge, int | float) for edge in edges):
        for digits in itertools.count(precision):
            shown = [_rounded(edge, digits) for edge in edges]
            if len(set(shown)) == len(edges):
                break
        if lowest and right:
            shown = [shown[0] - 10 ** (-digits), *shown[1:]]
        if any(isinstance(edge, float) for edge in shown):
            shown = [float(edge) for edge in shown]
    start, end = ("(", "]") if right else ("[", ")")
    return [f"{start}{a}, {b}{end}" for a, b in itertools.pairwise(shown)]


def _rounded(value: float, digits: int) -> float:
    if isinstance(value, int) or value == 0 or not math.isfinite(value):
        return value
    part, whole = math.modf(value)
    return round(value, digits if whole else digits - 1 - math.floor(math.log10(abs(part))))


@explaining
def get_dummies(
    data: DataFrame | Series,
    columns: Sequence[str] | None = None,
    *,
    prefix: str | None = None,
    prefix_sep: str = "_",
    drop_first: bool = False,
    dummy_na: bool = False,
) -> DataFrame:
    """Return, instead of columns of classes, a column of truths for each class; runs the plan to find them.

    Parameters
    ----------
    columns
        Columns to replace; by default those of text. A series gives the new columns alone.
    prefix
        What their names begin with instead of the column's.
    drop_first
        Leave out the first class of each column.
    dummy_na
        Add a column for nulls, which otherwise are of no class.

    Raises
    ------
    PlanError
        If a column has too many classes.
    """
    if isinstance(data, Series):
        found = _dummies(data, prefix, prefix_sep, drop_first=drop_first, dummy_na=dummy_na)
        return data.frame.select(**found)
    names = [f.name for f in data.schema if f.dtype.kind is Kind.STRING] if columns is None else list(columns)
    data.schema.select(names)
    made: dict[str, Series] = {}
    for name in names:
        made |= _dummies(data[name], prefix or name, prefix_sep, drop_first=drop_first, dummy_na=dummy_na)
    return data.select(*(name for name in data.columns if name not in names), **made)


def _dummies(
    column: Series, prefix: str | None, separator: str, *, drop_first: bool, dummy_na: bool
) -> dict[str, Series]:
    classes = sorted(column.dropna().unique())[int(drop_first) :]
    if len(classes) > MOST_COLUMNS:
        raise PlanError(f"{column.name!r} has {len(classes):,} classes; get_dummies makes at most {MOST_COLUMNS:,}")
    start = f"{prefix}{separator}" if prefix else ""
    made = {f"{start}{one}": (column == one).fillna(False) for one in classes}  # noqa: FBT003
    return made | ({f"{start}nan": column.isna()} if dummy_na else {})
