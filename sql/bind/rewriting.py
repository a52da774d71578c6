"""Comparisons with the rows of a query, and lists of a query's values, written as scalar subqueries.

``x op any (q)`` is what ``bool_or`` says of the comparisons with q's rows: true where one holds, else null where one is
open, else false.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from .operands import unwrapped

COMPARISONS = {
    "equal": exp.EQ, "not_equal": exp.NEQ, "less": exp.LT, "less_equal": exp.LTE, "greater": exp.GT,
    "greater_equal": exp.GTE,
}  # fmt: skip
_ROWS, _TEST = "rows of the query", "the test"


def any_of_rows(function: str, needle: exp.Expr, query: exp.Expr) -> exp.Expr:
    """Return whether a comparison holds for any row of a query, as a query of one value."""
    tested = unwrapped(needle)
    wanted = tested.expressions if isinstance(tested, exp.Tuple) else [needle]
    found = [exp.column(_quoted(f"value {place}"), table=_quoted(_ROWS)) for place in range(len(wanted))]
    if len(wanted) == 1:
        test: exp.Expr = COMPARISONS[function](this=exp.paren(wanted[0].copy()), expression=found[0])
    else:
        test = compared_tuples(function, [each.copy() for each in wanted], found)
    alias = exp.TableAlias(this=_quoted(_ROWS), columns=[_quoted(f"value {place}") for place in range(len(wanted))])
    rows = exp.Select(
        expressions=[exp.alias_(test, _TEST, quoted=True)],
        from_=exp.From(this=exp.Subquery(this=query.copy(), alias=alias)),
    )
    column = exp.column(_quoted(_TEST))
    known, every = exp.Count(this=column.copy()), exp.Count(this=exp.Star())
    made = exp.Case(
        ifs=[
            exp.If(this=exp.LogicalOr(this=column.copy()), true=exp.true()),
            exp.If(this=exp.LT(this=known, expression=every), true=exp.cast(exp.null(), "boolean")),
        ],
        default=exp.false(),
    )
    inner = exp.Subquery(this=rows, alias=exp.TableAlias(this=_quoted("tests")))
    return exp.Subquery(this=exp.Select(expressions=[made], from_=exp.From(this=inner)))


def compared_tuples(function: str, left: Sequence[exp.Expr], right: Sequence[exp.Expr]) -> exp.Expr:
    """Return a comparison of tuples: equal in every value, or less in the first that differs, nulls the greatest."""
    if function in ("equal", "not_equal"):
        pairs = zip(left, right, strict=True)
        equal = exp.and_(*(exp.EQ(this=exp.paren(a), expression=exp.paren(b)) for a, b in pairs))
        return equal if function == "equal" else exp.not_(equal)
    if function in ("less_equal", "greater_equal"):
        return exp.not_(compared_tuples("greater" if function == "less_equal" else "less", left, right))
    if function == "greater":
        return compared_tuples("less", right, left)
    cases: list[exp.Expr] = []
    for place in range(len(left)):
        same = [
            exp.NullSafeEQ(this=exp.paren(a.copy()), expression=exp.paren(b.copy()))
            for a, b in zip(left[:place], right[:place], strict=True)
        ]
        a, b = exp.paren(left[place].copy()), exp.paren(right[place].copy())
        known = exp.not_(exp.Is(this=a.copy(), expression=exp.null()))
        cases.append(exp.and_(*same, exp.Coalesce(this=exp.LT(this=a, expression=b), expressions=[known])))
    return exp.or_(*cases)


def list_of_rows(query: exp.Expr) -> exp.Expr | None:
    """Return the list of a query's values in its order, as a query; None where the order cannot be kept."""
    inner = unwrapped(query)
    while isinstance(inner, exp.Subquery) and list(filter(None, inner.args.values())) == [inner.this]:
        inner = unwrapped(inner.this)
    inner = inner.copy()
    order = inner.args.get("order")
    columns = [_quoted("value")]
    keys: list[exp.Expr] = []
    if order is not None and isinstance(inner, exp.Select) and not inner.args.get("distinct"):
        if len(inner.expressions) != 1:
            return None
        inner.set("expressions", [*inner.expressions, exp.alias_(_numbered(inner, order), "place", quoted=True)])
        columns.append(_quoted("place"))
        keys = [exp.Ordered(this=exp.column(_quoted("place")))]
    elif order is not None:
        if len(order.expressions) != 1 or not _orders_by_itself(order.expressions[0].this):
            return None
        own = order.expressions[0]
        keys = [exp.Ordered(this=exp.column(_quoted("value")), desc=own.args.get("desc"),
                            nulls_first=own.args.get("nulls_first"))]  # fmt: skip
    value: exp.Expr = exp.column(_quoted("value"))
    listed = exp.ArrayAgg(this=exp.Order(this=value, expressions=keys) if keys else value)
    rows = exp.Subquery(this=inner, alias=exp.TableAlias(this=_quoted("the values"), columns=columns))
    made = exp.Coalesce(this=listed, expressions=[exp.Array(expressions=[])])
    return exp.Subquery(this=exp.Select(expressions=[made], from_=exp.From(this=rows)))


def is_always(condition: exp.Expr | None) -> bool:
    """Whether a join's condition is missing or TRUE."""
    inner = None if condition is None else unwrapped(condition)
    return inner is None or (isinstance(inner, exp.Boolean) and bool(inner.this))


def behind_commas(joins: Sequence[exp.Join]) -> list[exp.Join]:
    """Return the joins of FROM with those that bind to a table behind a comma put into it.

    The parser puts all joins in one row, though a comma binds less than JOIN. But for right and full joins, and those
    by names, that is the same, and so they can read the tables before the comma.
    """
    result: list[exp.Join] = []
    place: int | None = None  # of the last comma's join
    tight = False
    for join in joins:
        comma = not any(value for key, value in join.args.items() if key != "this")
        if comma:
            place, tight = len(result), False
        tight = tight or (place is not None and _binds_tightly(join))
        result.append(join)
        if tight and place is not None:
            (first, *inner), result = result[place:], result[:place]
            item = first.this.copy()
            item.set("joins", [*(item.args.get("joins") or []), *(each.copy() for each in inner)])
            result.append(exp.Join(this=item))
    return result


def _binds_tightly(join: exp.Join) -> bool:
    """Whether a join gives something else where more tables stand on its left side."""
    return bool(join.args.get("method") or join.args.get("using")) or join.side in ("RIGHT", "FULL")


def without_alias(query: exp.Expr) -> exp.Expr:
    """Return a query in FROM without its name."""
    if query.args.get("alias") is None:
        return query
    made = query.copy()
    made.set("alias", None)
    return made


def _numbered(query: exp.Select, order: exp.Expr) -> exp.Expr:
    """Return the number of each row in the order of a query of one column."""
    (item,) = query.expressions
    written = item.this if isinstance(item, exp.Alias) else item
    keys = []
    for key in order.expressions:
        copied = key.copy()
        named = isinstance(key.this, exp.Column)
        if (item.alias == key.this.name and not key.this.table) if named else _orders_by_itself(key.this):
            copied.set("this", written.copy())
        keys.append(copied)
    return exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=keys), over="OVER")


def _orders_by_itself(key: exp.Expr) -> bool:
    """Whether a key of ORDER BY can be the only column itself."""
    return isinstance(key, exp.Column) or (isinstance(key, exp.Literal) and key.name == "1") or key.name == "ALL"


def _quoted(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=True)
