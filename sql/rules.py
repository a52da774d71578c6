"""What the rows of a table must keep, and whether they do: NOT NULL, UNIQUE, PRIMARY KEY, CHECK, FOREIGN KEY."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sqlglot import exp

from ..engine import dtypes
from ..engine.errors import ExecutionError
from ..engine.expr import Column, NamedExpr, aggregate, all_of, call, literal
from ..engine.expr.nodes import NamedAggregate
from ..engine.frame import DataFrame, Session
from ..engine.plan import Aggregate, Filter, Join, JoinKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Columns whose values, where they are not null, must be those of a row of another table."""

    columns: tuple[str, ...]
    table: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the rows of a table must keep, and what columns hold where nothing is said.

    Attributes
    ----------
    required
        Columns without nulls.
    unique
        Sets of columns without repetition.
    primary
        The set that is the primary key.
    defaults, generated
        By lower-case name, values where none is given and values that are always computed.
    checks
        Conditions that must not be false.
    references
        Foreign keys.
    """

    required: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    primary: tuple[str, ...] = ()
    defaults: dict[str, exp.Expr] = field(default_factory=dict)
    generated: dict[str, exp.Expr] = field(default_factory=dict)
    checks: tuple[exp.Expr, ...] = ()
    references: tuple[Reference, ...] = ()

    def renamed(self, old: str, new: str) -> Rules:
        """Return the rules after a column got another name."""

        def name(column: str) -> str:
            return new if column.lower() == old.lower() else column

        def names(columns: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(map(name, columns))

        return replace(
            self,
            required=names(self.required),
            unique=tuple(map(names, self.unique)),
            primary=names(self.primary),
            defaults={name(key).lower(): value for key, value in self.defaults.items()},
            generated={name(key).lower(): _renamed(value, old, new) for key, value in self.generated.items()},
            checks=tuple(_renamed(check, old, new) for check in self.checks),
            references=tuple(replace(each, columns=names(each.columns)) for each in self.references),
        )

    def without(self, column: str) -> Rules:
        """Return the rules after a column is gone, which no key and no check reads."""
        lower = column.lower()
        return replace(
            self,
            required=tuple(name for name in self.required if name.lower() != lower),
            defaults={key: value for key, value in self.defaults.items() if key != lower},
            generated={key: value for key, value in self.generated.items() if key != lower},
        )

    def readers(self, column: str) -> str | None:
        """Return what reads a column so that it cannot go; None where nothing does."""
        lower = column.lower()
        keys = (*self.unique, *(each.columns for each in self.references))
        if any(lower in {name.lower() for name in key} for key in keys):
            return "a key"
        read = (*self.checks, *self.generated.values())
        if any(lower == str(part.name).lower() for value in read for part in value.find_all(exp.Column)):
            return "a check or a generated column"
        return None


def _renamed(value: exp.Expr, old: str, new: str) -> exp.Expr:
    made = value.copy()
    for column in made.find_all(exp.Column):
        if str(column.name).lower() == old.lower():
            column.set("this", exp.to_identifier(new, quoted=True))
    return made


def check(
    session: Session, name: str, frame: DataFrame, rules: Rules, count: Callable[[DataFrame, exp.Expr], int]
) -> None:
    """Refuse rows that break the rules of a table.

    ``count`` says for how many rows of a frame a condition of SQL is true.

    Raises
    ------
    ExecutionError
        For the first rule that is broken; nothing has been changed then.
    """
    _check_required(session, name, frame, rules)
    for key in rules.unique:
        _check_unique(session, name, frame, key)
    for condition in rules.checks:
        broken = count(frame, exp.Not(this=exp.Paren(this=condition.copy())))
        if broken:
            shown = condition.sql("duckdb")
            raise ExecutionError(f"{name!r} takes no rows for which {shown} is false; there would be {broken}")
    for reference in rules.references:
        check_reference(session, name, frame, reference)


def check_references_to(session: Session, name: str, frame: DataFrame) -> None:
    """Refuse to lose rows of a table that rows of another refer to."""
    for other, rules in session.rules.items():
        for reference in rules.references:
            if reference.table == name:
                child = frame if other == name else session.tables[other]
                check_reference(session, other, child, reference, frame)


def check_reference(
    session: Session, name: str, frame: DataFrame, reference: Reference, parent: DataFrame | None = None
) -> None:
    """Refuse rows whose foreign key no row of the other table has."""
    if parent is None:
        parent = frame if reference.table == name else session.tables[reference.table]
    columns = [Column(name=column, dtype=frame.schema[column].dtype) for column in reference.columns]
    keys = [Column(name=key, dtype=parent.schema[key].dtype) for key in reference.keys]
    present = all_of(call("is_not_null", column) for column in columns)
    assert present is not None
    on = tuple(zip(columns, keys, strict=True))
    rows = Filter(input=frame.plan, predicate=present)
    lost = Join(left=rows, right=parent.plan, kind=JoinKind.ANTI, on=on)
    for row in DataFrame.from_plan(lost, session).head(1).to_arrow().to_pylist():
        shown = ", ".join(str(row[column]) for column in reference.columns)
        raise ExecutionError(
            f"{', '.join(reference.columns)} of {name!r} would be {shown}, which {reference.table!r} does not have"
        )


def _check_required(session: Session, name: str, frame: DataFrame, rules: Rules) -> None:
    if not rules.required:
        return
    counts = [NamedAggregate(name="rows", call=aggregate("size"))]
    for column in rules.required:
        values = Column(name=column, dtype=frame.schema[column].dtype)
        counts.append(NamedAggregate(name=f"known {column}", call=aggregate("count", values)))
    row = DataFrame.from_plan(Aggregate(input=frame.plan, aggregates=tuple(counts)), session).collect()
    rows, *found = (column[0].as_py() for column in row.columns)
    for column, known in zip(rules.required, found, strict=True):
        if known != rows:
            raise ExecutionError(f"column {column!r} of {name!r} takes no null; {rows - known} would be added")


def _check_unique(session: Session, name: str, frame: DataFrame, key: tuple[str, ...]) -> None:
    columns = [Column(name=column, dtype=frame.schema[column].dtype) for column in key]
    present = all_of(call("is_not_null", column) for column in columns)
    assert present is not None
    keys = tuple(NamedExpr(name=column.name, expr=column) for column in columns)
    rows = NamedAggregate(name="rows of a key", call=aggregate("size"))
    groups = Aggregate(input=Filter(input=frame.plan, predicate=present), keys=keys, aggregates=(rows,))
    several = call("greater", Column(name=rows.name, dtype=dtypes.int64), literal(1))
    twice = DataFrame.from_plan(Filter(input=groups, predicate=several), session).head(1)
    for row in twice.to_arrow().to_pylist():
        shown = ", ".join(str(row[column]) for column in key)
        raise ExecutionError(f"{', '.join(key)} of {name!r} would be {shown} in more than one row")
