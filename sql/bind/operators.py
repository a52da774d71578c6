"""Operators of SQL: arithmetic, comparison, logic, LIKE, IN, BETWEEN, IS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import Kind
from ...engine.expr import Call, Expr, Literal, call, case, cast, in_list, literal
from .intervals import interval_expr, length, moved, negated
from .lengths import CLOCKS, alike, combined, difference, is_length, multiplied, negated_length
from .literals import time_constant
from .operands import as_date, differ_in_zone, unwrapped, zoned
from .rewriting import COMPARISONS, compared_tuples

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

_COMPARISONS: dict[type[exp.Expr], str] = {node: function for function, node in COMPARISONS.items()}
_ARITHMETIC: dict[type[exp.Expr], str] = {
    exp.Mul: "multiply",
    exp.Mod: "remainder",
    exp.IntDiv: "truncate_divide",
    exp.Pow: "power",
}


def balanced(function: str, parts: Sequence[Expr]) -> Expr:
    """Join conditions by ``and`` or ``or`` in a balanced tree, so that thousands of them stay shallow."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return call(function, balanced(function, parts[:middle]), balanced(function, parts[middle:]))


def flattened(node: exp.Expr, kind: type[exp.Expr]) -> list[exp.Expr]:
    """Return the operands of a chain of one connective, left to right, without recursion."""
    result: list[exp.Expr] = []
    stack = [node]
    while stack:
        part = stack.pop()
        inner = part
        while isinstance(inner, exp.Paren):
            inner = inner.this
        if isinstance(inner, kind):
            stack.extend((inner.args["expression"], inner.this))
        else:
            result.append(part)
    return result


_EQUALITIES = ("equal", "not_equal", "is_not_distinct")


def compare(binder: ExpressionBinder, node: exp.Expr, function: str, left: Expr, right: Expr) -> Expr:
    """Return a comparison; a constant text takes the other side's type, dates widened to timestamps stay dates."""
    if as_date(left).dtype.kind is Kind.DATE and as_date(right).dtype.kind is Kind.DATE:
        left, right = as_date(left), as_date(right)
    left, right = zoned(alike(binder, node, left, right))
    left, right = _read_text(binder, node, left, right), _read_text(binder, node, right, left)
    if function in _EQUALITIES:
        left, right = _cast_text(left, right), _cast_text(right, left)
    return call(function, left, right)


def _cast_text(side: Expr, other: Expr) -> Expr:
    """Return texts as values of the type that they are to equal."""
    kind = other.dtype.kind
    read = other.dtype.is_numeric or other.dtype.is_temporal or kind is Kind.BOOL
    return cast(side, other.dtype) if side.dtype.is_text and read else side


def _read_text(binder: ExpressionBinder, node: exp.Expr, side: Expr, other: Expr) -> Expr:
    if not (isinstance(side, Literal) and side.dtype.is_text) or other.dtype.is_text:
        return side
    if other.dtype.is_temporal:
        if isinstance(other, Literal):
            return time_constant(binder.source, node, str(side.value), other.dtype) or cast(side, other.dtype)
        return side if other.dtype.tz is None else cast(side, other.dtype)
    if other.dtype.is_numeric or other.dtype.kind is Kind.BOOL:
        return cast(side, other.dtype)
    return side


def _comparison(binder: ExpressionBinder, node: Any) -> Expr:
    function = _COMPARISONS[type(node)]
    if _is_quantifier(unwrapped(node.expression)):
        return _quantified(binder, node, function)
    if isinstance(unwrapped(node.this), exp.Tuple) and isinstance(unwrapped(node.expression), exp.Tuple):
        return _tuple_comparison(binder, node)
    left, right = binder.bind(node.this), binder.bind(node.expression)
    return compare(binder, node, function, left, right)


def _is_quantifier(node: exp.Expr) -> bool:
    """Return whether this is ANY, SOME or ALL of something; sqlglot reads some of them as functions of a list."""
    named = isinstance(node, exp.Anonymous) and node.name.lower() in ("all", "some") and len(node.expressions) == 1
    return named or isinstance(node, exp.Any | exp.All)


def _quantified(binder: ExpressionBinder, node: Any, function: str) -> Expr:
    quantifier = unwrapped(node.expression)
    named = isinstance(quantifier, exp.Anonymous)
    query = unwrapped(quantifier.expressions[0] if named else quantifier.this)
    every = quantifier.name.lower() == "all" if named else isinstance(quantifier, exp.All)
    if not isinstance(query, exp.Query):
        return _over_list(binder, node, function, binder.bind(query), every=every)
    if function == "equal" and not every:
        return binder.subqueries.contains(binder, node, node.this, query)
    if function == "not_equal" and every:
        return call("not", binder.subqueries.contains(binder, node, node.this, query))
    return binder.subqueries.compares(binder, node, function, node.this, query, every=every)


def _over_list(binder: ExpressionBinder, node: Any, function: str, lists: Expr, *, every: bool) -> Expr:
    from .lists import any_of_list, holds_in_list

    if lists.dtype.kind is not Kind.LIST:
        word = "ALL" if every else "ANY"
        raise binder.source.error(node, f"{word} takes a list or a query in parentheses, not {lists.dtype}")
    value = binder.bind(node.this)
    if function == "equal" and not every:
        return any_of_list(value, lists)
    return holds_in_list(binder, lists, lambda item: compare(binder, node, function, value, item), every=every)


def _tuple_comparison(binder: ExpressionBinder, node: Any) -> Expr:
    left, right = unwrapped(node.this).expressions, unwrapped(node.expression).expressions
    if len(left) != len(right):
        raise binder.source.error(node, f"tuples of {len(left)} and {len(right)} values cannot be compared")
    if not isinstance(node, exp.EQ | exp.NEQ):
        return binder.bind(compared_tuples(_COMPARISONS[type(node)], left, right))
    pairs = [compare(binder, node, "equal", binder.bind(a), binder.bind(b)) for a, b in zip(left, right, strict=True)]
    equal = balanced("and", pairs)
    return call("not", equal) if isinstance(node, exp.NEQ) else equal


def _additive(binder: ExpressionBinder, node: Any) -> Expr:
    minus = isinstance(node, exp.Sub)
    right = length(binder, node.expression)
    if right is not None:
        moment = binder.bind(node.this)
        if moment.dtype.is_temporal:
            return moved(binder, node, moment, negated(right) if minus else right)
        return combined(binder, node, moment, interval_expr(right), minus=minus)
    left = None if minus else length(binder, node.this)
    if left is not None:
        moment = binder.bind(node.expression)
        return (
            moved(binder, node, moment, left)
            if moment.dtype.is_temporal
            else combined(binder, node, interval_expr(left), moment, minus=False)
        )
    a, b = binder.bind(node.this), binder.bind(node.expression)
    if a.dtype.kind in CLOCKS or b.dtype.kind in CLOCKS:
        return combined(binder, node, a, b, minus=minus)
    if a.dtype.is_temporal or b.dtype.is_temporal:
        return _date_arithmetic(binder, node, a, b, minus=minus)
    return call("subtract" if minus else "add", a, b)


def _date_arithmetic(binder: ExpressionBinder, node: exp.Expr, a: Expr, b: Expr, *, minus: bool) -> Expr:
    if minus and isinstance(b, Literal) and b.dtype.is_text:
        b = time_constant(binder.source, node, str(b.value), a.dtype) or b
    if minus and a.dtype.is_temporal and b.dtype.is_temporal:
        return difference(*zoned([a, b]))
    moment, days = (a, b) if a.dtype.is_temporal else (b, a)
    if moment.dtype.kind is Kind.DATE and days.dtype.is_integer and (a is moment or not minus):
        if not isinstance(days, Literal):
            count = call("negate", days) if minus else days
            return call("later_by", moment, literal(0), cast(count, dtypes.int64), literal(0))
        return call("add_interval", moment, months=0, days=-days.value if minus else days.value, microseconds=0)
    symbol = "-" if minus else "+"
    raise binder.source.error(
        node, f"{a.dtype} {symbol} {b.dtype} is not defined; add an interval, as in d + interval 3 day"
    )


def _arithmetic(binder: ExpressionBinder, node: Any) -> Expr:
    left, right = binder.bind(node.this), binder.bind(node.expression)
    if isinstance(node, exp.Mul) and (is_length(left) or is_length(right)):
        return multiplied(binder, node, *((left, right) if is_length(left) else (right, left)))
    return call(_ARITHMETIC[type(node)], left, right)


def _division(binder: ExpressionBinder, node: Any) -> Expr:
    a, b = binder.bind(node.this), binder.bind(node.expression)
    if is_length(a):
        return multiplied(binder, node, a, b, divide=True)
    # Dialects such as PostgreSQL's divide integers to integers; sqlglot marks their `/` as typed.
    whole = node.args.get("typed") and a.dtype.is_integer and b.dtype.is_integer
    return call("truncate_divide" if whole else "divide", a, b)


def _negation(binder: ExpressionBinder, node: Any) -> Expr:
    arg = binder.bind(node.this)
    if isinstance(arg, Literal) and arg.dtype.is_numeric and arg.value is not None:
        return Literal(value=-arg.value, dtype=arg.dtype)
    return negated_length(arg) if is_length(arg) else call("negate", arg)


def _connective(binder: ExpressionBinder, node: Any) -> Expr:
    kind, function = (exp.And, "and") if isinstance(node, exp.And) else (exp.Or, "or")
    return balanced(function, [binder.condition(part) for part in flattened(node, kind)])


def _not(binder: ExpressionBinder, node: Any) -> Expr:
    arg = binder.condition(node.this)
    if isinstance(arg, Call) and arg.function == "is_null":
        return call("is_not_null", *arg.args)
    return call("not", arg)


def _between(binder: ExpressionBinder, node: Any) -> Expr:
    binder.statement.allow_only(node, ("this", "low", "high"), "BETWEEN")
    arg = binder.bind(node.this)
    low, high = binder.bind(node.args["low"]), binder.bind(node.args["high"])
    return call("and", compare(binder, node, "greater_equal", arg, low), compare(binder, node, "less_equal", arg, high))


def _in(binder: ExpressionBinder, node: Any) -> Expr:
    binder.statement.allow_only(node, ("this", "expressions", "query", "field"), "IN")
    if node.args.get("field") is not None:
        return _in_whole(binder, node)
    query = node.args.get("query")
    if query is not None:
        return binder.subqueries.contains(binder, node, node.this, query)
    if isinstance(unwrapped(node.this), exp.Tuple):
        tests = [_tuple_comparison(binder, exp.EQ(this=node.this, expression=item)) for item in node.expressions]
        return balanced("or", tests)
    arg = binder.bind(node.this)
    values = [binder.bind(item) for item in node.expressions]
    constants = [value for value in values if isinstance(value, Literal)]
    if len(constants) == len(values) and not any(_needs_cast(arg, value) for value in constants):
        days = all(value.dtype.kind is Kind.DATE or value.dtype.is_text for value in constants)
        return in_list(as_date(arg) if days else arg, [value.value for value in constants])
    return balanced("or", [compare(binder, node, "equal", arg, value) for value in values])


def _in_whole(binder: ExpressionBinder, node: Any) -> Expr:
    """Return whether a list holds a value, a map a key, or a text another: what stands behind IN is one expression."""
    value, whole = binder.bind(node.this), binder.bind(node.args["field"])
    if whole.dtype.is_map:
        return binder.bind(exp.Anonymous(this="map_contains", expressions=[node.args["field"], node.this]))
    if whole.dtype.is_text:
        return call("contains", whole, as_text(value))
    if whole.dtype.kind is not Kind.LIST:
        raise binder.source.error(node, f"IN looks into a list, a map, a text or (…), not into {whole.dtype}")
    return call("list_contains", whole, value)


def _needs_cast(arg: Expr, value: Literal) -> bool:
    if arg.dtype.is_nested or arg.dtype.kind in CLOCKS:
        return True
    if value.dtype.kind is Kind.NULL or arg.dtype.kind is Kind.NULL:
        return False
    if differ_in_zone(value.dtype, arg.dtype):
        return True
    return value.dtype.is_text is not arg.dtype.is_text and not arg.dtype.is_temporal


def _is(binder: ExpressionBinder, node: Any) -> Expr:
    target = unwrapped(node.expression)
    if isinstance(target, exp.Null):
        return call("is_null", binder.bind(node.this))
    if isinstance(target, exp.Boolean):
        arg = binder.condition(node.this)
        return call("coalesce", arg if target.this else call("not", arg), literal(value=False))
    if isinstance(target, exp.Not) and isinstance(target.this, exp.Null):
        return call("is_not_null", binder.bind(node.this))
    raise binder.source.unsupported(node, f"IS {target.sql()}")


def _null_safe(binder: ExpressionBinder, node: Any) -> Expr:
    left, right = binder.bind(node.this), binder.bind(node.expression)
    equal = compare(binder, node, "is_not_distinct", left, right)
    return call("not", equal) if isinstance(node, exp.NullSafeNEQ) else equal


def _concat(binder: ExpressionBinder, node: Any) -> Expr:
    left, right = binder.bind(node.this), binder.bind(node.expression)
    if Kind.LIST in (left.dtype.kind, right.dtype.kind):
        missing = call("or", call("is_null", left), call("is_null", right))
        joined = call("list_concat", left, right)
        return case([(missing, literal(None, joined.dtype))], joined)
    if left.dtype.kind is right.dtype.kind is Kind.BINARY:
        return call("from_hex", call("concat", call("to_hex", left), call("to_hex", right)))
    return call("concat", as_text(left), as_text(right))


def as_text(expr: Expr) -> Expr:
    """Return an expression as text, as ``||`` and ``concat`` read it."""
    return expr if expr.dtype.is_text else cast(expr, dtypes.string)


def _like(binder: ExpressionBinder, node: Any, escape: str | None = None) -> Expr:
    arg, pattern = binder.bind(node.this), binder.bind(node.expression)
    fold = isinstance(node, exp.ILike)
    if isinstance(pattern, Literal) and pattern.value is None:
        return literal(None, dtypes.bool_)
    if not pattern.dtype.is_text:
        raise binder.source.error(node.expression, f"the pattern of LIKE must be text, not {pattern.dtype}")
    if isinstance(pattern, Literal):
        test = call("like", arg, pattern=pattern.value, escape=escape, fold=fold)
    else:
        test = call("like_pattern", arg, pattern, escape=escape, fold=fold)
    return call("not", test) if node.args.get("negate") else test


def _escape(binder: ExpressionBinder, node: Any) -> Expr:
    if not isinstance(node.this, exp.Like | exp.ILike):
        raise binder.source.unsupported(node, "ESCAPE after something other than LIKE or ILIKE")
    escape = binder.bind(node.expression)
    if not isinstance(escape, Literal) or not isinstance(escape.value, str) or len(escape.value) != 1:
        raise binder.source.error(node.expression, "ESCAPE needs one character, as in: like '10!%' escape '!'")
    return _like(binder, node.this, escape.value)


OPERATORS: dict[type[exp.Expr], Callable[[ExpressionBinder, Any], Expr]] = {
    **dict.fromkeys(_COMPARISONS, _comparison),
    **dict.fromkeys(_ARITHMETIC, _arithmetic),
    exp.Add: _additive,
    exp.Sub: _additive,
    exp.Div: _division,
    exp.Neg: _negation,
    exp.And: _connective,
    exp.Or: _connective,
    exp.Not: _not,
    exp.Between: _between,
    exp.In: _in,
    exp.Is: _is,
    exp.NullSafeEQ: _null_safe,
    exp.NullSafeNEQ: _null_safe,
    exp.DPipe: _concat,
    exp.Like: _like,
    exp.ILike: _like,
    exp.Escape: _escape,
}
