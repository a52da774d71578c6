"""USING and NATURAL: columns that both sides of a join have, for which one stands afterwards."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlglot import exp

from ...engine.errors import suggestion
from ...engine.expr import Column, NamedExpr, call
from ...engine.plan import Plan
from ..parse import SqlText
from .bound import with_columns
from .names import Names
from .scope import Scope, ScopeColumn


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A plan and the names by which its columns can be called."""

    plan: Plan
    columns: tuple[ScopeColumn, ...]


def shared_names(source: SqlText, node: exp.Join, left: Relation, right: Relation) -> list[str]:
    """Return the names that both sides of a NATURAL join have, of which there must be some."""
    ours = {c.name.lower() for c in left.columns if not c.merged}
    shared = [c.name for c in right.columns if not c.merged and c.name.lower() in ours]
    if not shared:
        raise source.error(node.this, "NATURAL JOIN of tables that share no column name; use ON")
    return shared


def using_pair(
    source: SqlText, node: exp.Join, name: str, left: Relation, right: Relation
) -> tuple[ScopeColumn, ScopeColumn]:
    """Return the columns of both sides that a name in USING means."""
    found = []
    for relation, where in ((left, "left"), (right, "right")):
        matches = Scope(columns=list(relation.columns)).find(name, None)
        if len(matches) != 1:
            problem = "is ambiguous" if matches else "does not exist"
            hint = "" if matches else suggestion(name, [c.name for c in relation.columns if not c.merged])
            raise source.error(node.this, f"column {name!r} of USING {problem} on the {where} side{hint}")
        found.append(matches[0])
    return found[0], found[1]


def merged(
    names: Names,
    plan: Plan,
    left: Relation,
    right: Relation,
    pairs: list[tuple[ScopeColumn, ScopeColumn]],
    side: str,
) -> Relation:
    """Let one column stand for both of each USING pair, at the place of the left one."""
    if not pairs:
        return Relation(plan=plan, columns=(*left.columns, *right.columns))
    columns = list(left.columns)
    hidden = {b.column.name for _, b in pairs}
    computed: list[NamedExpr] = []
    for a, b in pairs:
        value = b.column if side == "RIGHT" else a.column
        if side == "FULL":
            either = call("coalesce", a.column, b.column)
            value = Column(name=names.fresh(a.name), dtype=either.dtype)
            computed.append(NamedExpr(name=value.name, expr=either))
        position = columns.index(a)
        columns[position : position + 1] = [
            ScopeColumn(name=a.name, relation=None, column=value),
            replace(a, merged=True),
        ]
    columns.extend(replace(c, merged=c.merged or c.column.name in hidden) for c in right.columns)
    if computed:
        plan = with_columns(plan, computed)
    return Relation(plan=plan, columns=tuple(columns))
