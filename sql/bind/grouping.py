"""GROUP BY: plain keys, and ROLLUP, CUBE and GROUPING SETS as a union of one aggregation for each set."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from typing import TypeAlias

from sqlglot import exp

from ...engine.expr import Column, Expr, NamedExpr, call, literal
from ...engine.plan import Aggregate, Join, JoinKind, Plan, Project, Union
from ...engine.records import dataclass
from .aggregates import Aggregates, has_aggregate
from .attachment import Domain
from .expressions import ExpressionBinder
from .names import Names

GroupingSet: TypeAlias = tuple[Expr, ...]

_MOST_SETS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A column of the SELECT list: a node, or a column that ``*`` stands for."""

    name: str
    node: exp.Expr
    column: Column | None = None


class GroupBinder:
    """Binds the GROUP BY clause of one SELECT."""

    def __init__(self, binder: ExpressionBinder, outputs: list[Output]) -> None:
        self._binder = binder
        self._source = binder.source
        self._outputs = outputs

    def sets(self, node: exp.Select) -> tuple[GroupingSet, ...]:
        """Return the sets of keys to group by; one without keys where there is no GROUP BY."""
        group = node.args.get("group")
        if group is None:
            return ((),)
        self._binder.statement.allow_only(group, ("expressions", "all"), "GROUP BY")
        if group.args.get("all"):
            free = [o for o in self._outputs if o.column is not None or not _is_computed_after(o.node)]
            return (tuple(o.column or self._binder.bind(o.node) for o in free),)
        choices = [self._element(item) for item in group.expressions]
        count = 1
        for choice in choices:
            count *= len(choice)
        if count > _MOST_SETS:
            raise self._source.error(group, f"GROUP BY makes {count:,} grouping sets; at most {_MOST_SETS:,} can be")
        return tuple(tuple(dict.fromkeys(key for part in parts for key in part)) for parts in product(*choices))

    def _element(self, node: exp.Expr) -> list[GroupingSet]:
        """Return the sets that one element of GROUP BY stands for."""
        if isinstance(node, exp.GroupingSets):
            return [found for item in node.expressions for found in self._element(item)]
        if not isinstance(node, exp.Rollup | exp.Cube):
            return [self._keys(node)]
        parts = [self._keys(item) for item in node.expressions]
        if isinstance(node, exp.Rollup):
            chosen: list[tuple[GroupingSet, ...]] = [tuple(parts[:n]) for n in range(len(parts), -1, -1)]
        elif 2 ** len(parts) > _MOST_SETS:
            raise self._source.error(node, f"CUBE of {len(parts)} columns makes more than {_MOST_SETS:,} grouping sets")
        else:
            chosen = [c for n in range(len(parts), -1, -1) for c in combinations(parts, n)]
        return [tuple(key for part in choice for key in part) for choice in chosen]

    def _keys(self, node: exp.Expr) -> GroupingSet:
        parts = node.expressions if isinstance(node, exp.Tuple) else [node]
        return tuple(self._key(part) for part in parts)

    def _key(self, node: exp.Expr) -> Expr:
        from .query import ordinal

        position = ordinal(node)
        if position is None:
            return self._binder.bind(node)
        if not 1 <= position <= len(self._outputs):
            raise self._source.error(node, f"GROUP BY {position}: the SELECT list has {len(self._outputs)} columns")
        output = self._outputs[position - 1]
        return output.column or self._binder.bind(output.node)


def grouped(
    plan: Plan,
    sets: Sequence[GroupingSet],
    ties: Sequence[Expr],
    by_key: dict[Expr, Column],
    aggregates: Aggregates,
    names: Names | None = None,
) -> Plan:
    """Return the groups of every set: all keys, null where a set lacks them, the aggregates, and GROUPING's numbers.

    ``ties`` are keys of every set, and ``by_key`` says which column holds a key. With ``names`` the ties are a domain's
    columns, and the group of all rows is there for each of its values.
    """
    groupings = aggregates.groupings()
    if len(sets) == 1 and not groupings and names is None:
        return _of_set(plan, [*sets[0], *ties], by_key, aggregates)
    inputs = []
    for keys in sets:
        present = {*keys, *ties}
        values: list[tuple[Column, Expr]] = [
            (column, column if key in present else literal(None, column.dtype)) for key, column in by_key.items()
        ]
        values += [(Column(name=a.name, dtype=a.call.dtype),) * 2 for a in aggregates.named()]
        values += [(column, literal(_grouping_number(args, present))) for args, column in groupings.items()]
        exprs = tuple(NamedExpr(name=column.name, expr=value) for column, value in values)
        groups = _of_set(plan, [*keys, *ties], by_key, aggregates)
        if names is not None and not keys:
            groups = _of_all_rows(names, groups, [by_key[tie] for tie in ties], aggregates)
        inputs.append(Project(input=groups, exprs=exprs))
    return inputs[0] if len(inputs) == 1 else Union(inputs=tuple(inputs))


def _of_set(plan: Plan, keys: list[Expr], by_key: dict[Expr, Column], aggregates: Aggregates) -> Plan:
    named = tuple(NamedExpr(name=by_key[key].name, expr=key) for key in dict.fromkeys(keys))
    return Aggregate(input=plan, keys=named, aggregates=aggregates.named())


def _of_all_rows(names: Names, groups: Plan, ties: list[Column], aggregates: Aggregates) -> Plan:
    """Return the groups of all rows of each value of a domain, those of values without rows among them."""
    found = [Column(name=names.fresh(tie.name), dtype=tie.dtype) for tie in ties]
    known = [Column(name=names.fresh(a.name), dtype=a.call.dtype) for a in aggregates.named()]
    named = [Column(name=a.name, dtype=a.call.dtype) for a in aggregates.named()]
    pairs = zip((*found, *known), (*ties, *named), strict=True)
    right = Project(input=groups, exprs=tuple(NamedExpr(name=new.name, expr=old) for new, old in pairs))
    joined = Join(
        left=Domain(columns=tuple(ties)),
        right=right,
        kind=JoinKind.LEFT,
        on=tuple(zip(ties, found, strict=True)),
        nulls_equal=True,
    )
    nothing = aggregates.of_no_rows()
    exprs = [NamedExpr(name=tie.name, expr=tie) for tie in ties]
    for old, new in zip(named, known, strict=True):
        default = nothing[old.name]
        value = new if default is None else call("coalesce", new, literal(default, new.dtype))
        exprs.append(NamedExpr(name=old.name, expr=value))
    return Project(input=joined, exprs=tuple(exprs))


def _grouping_number(args: Sequence[Expr], present: set[Expr]) -> int:
    """Return one bit for each argument, the first the highest: 1 where the set lacks it."""
    number = 0
    for arg in args:
        number = number * 2 + (arg not in present)
    return number


def _is_computed_after(node: exp.Expr) -> bool:
    """Whether a column of the SELECT list is computed from groups, and so is no key of GROUP BY ALL."""
    return has_aggregate(node) or node.find(exp.Window, exp.Grouping, exp.GroupingId) is not None
