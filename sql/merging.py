"""MERGE INTO: rows of a source update, delete and add rows of a table, in one statement.

What happens is decided on the rows as they were, the table's numbered. WHEN clauses of a kind become one expression,
the number of the first clause whose condition is true; queries over the pairs that meet, and over the rows of either
side that meet none, give the rows under each.
"""

# ruff: noqa: S608  # the names put into queries below are quoted
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from ..engine import dtypes
from ..engine.errors import ExecutionError
from ..engine.expr import Column, NamedExpr, cast, literal
from ..engine.frame import DataFrame
from ..engine.plan import Project, Union
from ..engine.schema import Field
from .changes import ROW, Changes, alias_of, is_default, named, of, parsed, quoted
from .merge_errors import error_of

_ACTION, _PLACE = "merge_action", "place__"
_MATCHED, _ALONE, _APART = "matched", "not matched by source", "not matched"
"""The kinds of WHEN clauses: for pairs that meet, for rows of the table and for rows of the source that meet none."""


@dataclass(frozen=True, kw_only=True)
class _Sides:
    """The table and the source of a MERGE, and how their rows meet.

    Attributes
    ----------
    target, alias
        The table, and the name of the source.
    old, new
        Their rows, numbered.
    on, using
        The condition, or the columns that must be equal.
    """

    target: exp.Expr
    alias: str
    old: DataFrame
    new: DataFrame
    on: exp.Expr | None
    using: Sequence[exp.Expr]

    def from_(self, *, source: bool = False) -> exp.Expr:
        """Return the table, or the source, as it stands in a FROM clause."""
        name, alias = ("new__", self.alias) if source else ("old__", alias_of(self.target))
        return exp.alias_(exp.to_table(name), exp.to_identifier(alias, quoted=True), table=True)

    @property
    def join(self) -> exp.Join:
        """The source, joined to the table."""
        if self.on is None:
            return exp.Join(this=self.from_(source=True), using=[name.copy() for name in self.using])
        return exp.Join(this=self.from_(source=True), on=self.on.copy())

    def meets_none(self, *, source: bool = False) -> exp.Expr:
        """Return the condition that a row of the table, or of the source, meets none of the other side."""
        pairs = [exp.EQ(this=of(self.target, n.name), expression=of(self.alias, n.name)) for n in self.using]
        condition = exp.and_(*pairs) if self.on is None else self.on.copy()
        one = exp.Select(expressions=[exp.Literal.number(1)], from_=exp.From(this=self.from_(source=not source)))
        return exp.Not(this=exp.Exists(this=one.where(condition)))

    def rows(self, items: Sequence[exp.Expr], condition: exp.Expr, kind: str) -> exp.Select:
        """Return what expressions give for the rows of a kind for which a condition is true."""
        source = kind == _APART
        query = exp.Select(expressions=items, from_=exp.From(this=self.from_(source=source))).where(condition)
        if kind == _MATCHED:
            query.set("joins", [self.join])
            return query
        return query.where(self.meets_none(source=source))


@dataclass(frozen=True, kw_only=True)
class _Clauses:
    """The WHEN clauses of one kind.

    Attributes
    ----------
    sets
        By the number of a clause that updates, the columns' new values.
    deletes
        Numbers of the clauses that delete.
    """

    whens: Sequence[exp.When]
    sets: dict[int, dict[str, exp.Expr]]
    deletes: Sequence[int]

    def under(self, number: int) -> exp.Expr:
        """Return the condition that a row falls under a clause."""
        return _under(self.whens, number)


class Merges(Changes):
    """Runs MERGE INTO."""

    def merge(self, node: exp.Merge) -> DataFrame:
        """Update, delete and add rows as the first clause says whose condition is true."""
        known, sides = self._required(node.this), self._sides(node)
        matched, alone, apart = (
            [
                when
                for when in node.args["whens"].expressions
                if (when.args["matched"], bool(when.args["source"])) == kind
            ]
            for kind in ((True, False), (False, True), (False, False))
        )
        self._stop_on_errors(sides, (matched, alone, apart))
        clauses = [self._clauses(node, known, sides, whens) for whens in (matched, alone)]
        names = list(dict.fromkeys(name for each in clauses for new in each.sets.values() for name in new))
        going, changing = self._hits_of(node, known, sides, clauses, names)
        added = self._inserted(node, known, sides, apart)
        left, gone = self._divided(sides.old, going)
        updated, changed = self._applied(known, left.cache(), changing, names)
        deleted = self._without_numbers(gone).cache()
        rules = self._rules_of(known)
        self._replace(known, Union(inputs=(updated.plan, *(each.plan for each in added))), rules)
        returning = node.args.get("returning")
        if returning is None:
            return self._count(sum(map(len, (deleted, changed, *added))))
        new = [("UPDATE", changed), *(("INSERT", each) for each in added)]
        said = [("DELETE", deleted), *((action, self._with_generated(each, rules)) for action, each in new)]
        whole = Union(inputs=tuple(_with_action(each, action).plan for action, each in said))
        return self._returned(_without_action(returning), node.this, DataFrame.from_plan(whole, self._session))

    def _sides(self, node: exp.Merge) -> _Sides:
        using = node.args["using"]
        query = exp.Select(expressions=[exp.Star()], from_=exp.From(this=using.copy()))
        if node.args.get("with_"):
            query.set("with_", node.args["with_"].copy())
        rows = self._query(query)
        numbered = self._query(parsed(f"select *, row_number() over () as {_PLACE} from rows__"), rows__=rows).cache()
        return _Sides(
            target=node.this,
            alias=str(using.alias_or_name or "source__"),
            old=self._numbered(node.this),
            new=numbered,
            on=node.args.get("on") or None,
            using=node.args.get("using_cond") or [],
        )

    def _stop_on_errors(self, sides: _Sides, kinds: Sequence[Sequence[exp.When]]) -> None:
        """Raise where a row falls under a clause whose action is ERROR."""
        for whens, kind in zip(kinds, (_MATCHED, _ALONE, _APART), strict=True):
            for number, when in enumerate(whens):
                message = error_of(when)
                if message is None:
                    continue
                rows = sides.rows([named(message, "message__")], _under(whens, number), kind).limit(1)
                found = self._query(rows, old__=sides.old, new__=sides.new).collect()
                if found.num_rows:
                    condition = when.args.get("condition")
                    clause = f"when {kind}" + (f" and {condition.sql('duckdb')}" if condition is not None else "")
                    said = "" if found.column(0)[0].as_py() is None else f": {found.column(0)[0]}"
                    name = alias_of(sides.target)
                    raise ExecutionError(f"a row falls under {clause!r} of MERGE INTO {name!r}, an error{said}")

    def _clauses(self, node: exp.Merge, known: str, sides: _Sides, whens: Sequence[exp.When]) -> _Clauses:
        """Return clauses that update or delete rows of the table."""
        sets, deletes = {}, []
        for number, when in enumerate(whens):
            then = when.args["then"]
            if error_of(when) is not None:
                continue
            if isinstance(then, exp.Update):
                sets[number] = self._settings(node, known, self._assignments(node, known, sides, then))
            elif str(then.name).upper() == "DELETE":
                deletes.append(number)
            elif not isinstance(then, exp.Var):
                raise self._source.unsupported(when, "INSERT for rows that are there")
        return _Clauses(whens=whens, sets=sets, deletes=deletes)

    def _assignments(self, node: exp.Merge, known: str, sides: _Sides, then: exp.Update) -> list[exp.Expr]:
        """Return what an UPDATE sets; without a list, all columns, in order, to the source's."""
        items: list[exp.Expr] = then.expressions
        if items and not isinstance(items[0], exp.Star):
            return items
        names = self._settable(known)
        given = [name for name in sides.new.columns if name != _PLACE]
        if len(names) != len(given):
            raise self._source.error(node, f"{known!r} takes {len(names)} values; the source has {len(given)} columns")
        return [
            exp.EQ(this=exp.column(exp.to_identifier(name, quoted=True)), expression=of(sides.alias, value))
            for name, value in zip(names, given, strict=True)
        ]

    def _settable(self, known: str) -> list[str]:
        generated = self._rules_of(known).generated
        return [f.name for f in self._session.tables[known].schema if f.name.lower() not in generated]

    def _hits_of(
        self, node: exp.Merge, known: str, sides: _Sides, clauses: Sequence[_Clauses], names: Sequence[str]
    ) -> tuple[DataFrame, DataFrame]:
        """Return the numbers of the table's rows that go, and of those that change, with the columns' new values."""
        none = exp.Select(expressions=[exp.column(ROW)], from_=exp.From(this=sides.from_())).where(exp.false())
        going, changing, meeting = [self._query(none, old__=sides.old)], [], []
        for each, kind in zip(clauses, (_MATCHED, _ALONE), strict=True):
            for number in (*each.deletes, *each.sets):
                new = {name: each.sets.get(number, {}).get(name, of(sides.target, name)) for name in names}
                items = [exp.column(ROW), *(named(value, f"new{place}__") for place, value in enumerate(new.values()))]
                query = sides.rows(items, each.under(number), kind)
                rows = self._query(query, old__=sides.old, new__=sides.new)
                rows = _as_in(rows, {f"new{i}__": self._session.tables[known].schema[n] for i, n in enumerate(names)})
                numbers = rows[[ROW]]
                if number in each.sets:
                    changing.append(rows)
                else:
                    going.append(numbers)
                meeting += [numbers] if kind == _MATCHED else []
        met = _all_of(meeting or going[:1])
        if len(met) > len(met.drop_duplicates()):
            name = alias_of(sides.target)
            raise self._source.error(
                node, f"a row of {name!r} meets several rows of the source; leave one of them, or narrow the condition"
            )
        return _all_of(going), _all_of(changing or going[:1])

    def _inserted(self, node: exp.Merge, known: str, sides: _Sides, whens: Sequence[exp.When]) -> list[DataFrame]:
        """Return the rows that each clause adds."""
        added = []
        for number, when in enumerate(whens):
            then = when.args["then"]
            if error_of(when) is not None:
                continue
            if not isinstance(then, exp.Insert):
                if str(then.name).upper() == "DO NOTHING":
                    continue
                raise self._source.error(when, "a row of the source that meets none can only be inserted")
            names, values = self._values(node, known, sides, then)
            if len(names) != len(values):
                raise self._source.error(when, f"{known!r} takes {len(names)} values; {len(values)} are given")
            items = [named(value, f"new{i}__") for i, value in enumerate(values)]
            query = sides.rows(items or [exp.column(_PLACE)], _under(whens, number), _APART)
            query.set("order", exp.Order(expressions=[exp.Ordered(this=of(sides.alias, _PLACE))]))
            rows = self._query(query, old__=sides.old, new__=sides.new)
            by_name = dict(zip(names, rows.columns, strict=False))
            added.append(self._typed(self._session.tables[known].schema, by_name, rows, self._rules_of(known), node))
        return added

    def _values(self, node: exp.Merge, known: str, sides: _Sides, then: exp.Insert) -> tuple[list[str], list[exp.Expr]]:
        """Return the columns that an INSERT gives, and their values; columns that are not given have their defaults."""
        schema, rules = self._session.tables[known].schema, self._rules_of(known)
        given = [name for name in sides.new.columns if name != _PLACE]
        listed = then.this.expressions if isinstance(then.this, exp.Tuple) else []
        row = then.args.get("expression") or None
        if row is None and len(listed) == 1 and is_default(listed[0]):
            return [], []
        if row is None and len(listed) == 1 and isinstance(listed[0], exp.Alias):  # how BY NAME is parsed
            return [self._column(node, schema, name) for name in given], [of(sides.alias, name) for name in given]
        names = [self._column(node, schema, part.name) for part in listed] or self._settable(known)
        for name in names:
            if name.lower() in rules.generated:
                raise self._source.error(then, f"column {name!r} is generated; it takes no values")
        if row is None:
            return names, [of(sides.alias, name) for name in given]
        defaults = [rules.defaults.get(name.lower()) or exp.null() for name in names]
        cells = row.expressions if isinstance(row, exp.Tuple) else [row]
        return names, [
            defaults[place] if is_default(cell) and place < len(defaults) else cell for place, cell in enumerate(cells)
        ]


def _under(whens: Sequence[exp.When], number: int) -> exp.Expr:
    """Return the condition that a row falls under the clause of a number."""
    return exp.EQ(this=_number(whens), expression=exp.Literal.number(number))


def _number(whens: Sequence[exp.When]) -> exp.Expr:
    """Return the number of the first clause whose condition is true; null for none."""
    ifs = []
    for number, when in enumerate(whens):
        condition = when.args.get("condition")
        true = exp.true() if condition is None else condition.copy()
        ifs.append(exp.If(this=true, true=exp.Literal.number(number)))
    return exp.Case(ifs=ifs)


def _as_in(rows: DataFrame, fields: dict[str, Field]) -> DataFrame:
    """Return rows with some columns in the types of others, computed."""
    exprs = []
    for f in rows.schema:
        column = Column(name=f.name, dtype=f.dtype)
        exprs.append(NamedExpr(name=f.name, expr=cast(column, fields[f.name].dtype) if f.name in fields else column))
    return DataFrame.from_plan(Project(input=rows.plan, exprs=tuple(exprs)), rows.session).cache()


def _all_of(frames: Sequence[DataFrame]) -> DataFrame:
    """Return the rows of several frames."""
    return DataFrame.from_plan(Union(inputs=tuple(rows.plan for rows in frames)), frames[0].session).cache()


def _with_action(rows: DataFrame, action: str) -> DataFrame:
    """Return rows with a column that says what was done."""
    exprs = [NamedExpr(name=f.name, expr=Column(name=f.name, dtype=f.dtype)) for f in rows.schema]
    said = NamedExpr(name=_ACTION, expr=literal(action, dtypes.string))
    return DataFrame.from_plan(Project(input=rows.plan, exprs=(*exprs, said)), rows.session)


def _without_action(returning: exp.Expr) -> exp.Expr:
    """Return RETURNING with stars that leave out the column that says what was done."""
    (star,) = parsed(f"select * exclude ({quoted(_ACTION)})").expressions
    changed = returning.copy()
    changed.set(
        "expressions",
        [star.copy() if isinstance(e, exp.Star) and not e.args.get("except_") else e for e in changed.expressions],
    )
    return changed
