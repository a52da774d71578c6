"""Lists and maps: literals, slices, lambdas, and the functions that are made of these; structs are in ``structs``.

A map is a list of structs of a key and a value; what maps do is written with the functions of lists.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import Kind
from ...engine.expr import Expr, Literal, call, case, literal
from ...engine.expr.functions.lists import STATISTICS
from ...engine.expr.lambdas import ListMethod, list_lambda
from .arguments import arguments, constant_text, counted_arguments
from .operands import unwrapped
from .operators import as_text
from .rewriting import list_of_rows
from .structs import BY_NAME as STRUCTS_BY_NAME
from .structs import SPECIAL as STRUCTS
from .structs import field_at

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

Handler = Callable[["ExpressionBinder", Any], Expr]
_KEY, _VALUE = "key", "value"
_FOLDS = {
    "sum": "sum",
    "avg": "mean",
    "mean": "mean",
    "product": "product",
    "count": "count",
    "bool_and": "all",
    "bool_or": "any",
    "variance": "var_samp",
    "stddev": "stddev_samp",
    **{name: name for name in (*STATISTICS, "bit_and", "bit_or", "bit_xor")},
}
FOLDED = frozenset((*_FOLDS, "median"))
"""Aggregates of numbers that `fold` knows."""


# --- literals


def _array(binder: ExpressionBinder, node: Any) -> Expr:
    items = node.expressions
    if len(items) == 1 and isinstance(items[0], exp.Comprehension):
        return _comprehension(binder, items[0])
    if len(items) == 1 and isinstance(unwrapped(items[0]), exp.Query):
        listed = list_of_rows(items[0])
        if listed is None:
            raise binder.source.unsupported(node, "ARRAY of a query with this ORDER BY")
        return binder.bind(listed)
    return call("list_value", *(binder.bind(item) for item in items)) if items else _empty(literal(None))


def _empty(value: Expr) -> Expr:
    """Return a list without values, of the type of one; that of a plain null is that of whatever it is joined with."""
    return call("list_slice", call("list_value", value), literal(2), literal(1))


def _map_literal(binder: ExpressionBinder, node: Any) -> Expr:
    pairs = node.this.expressions
    keys = [binder.bind(pair.this) for pair in pairs]
    values = [binder.bind(pair.expression) for pair in pairs]
    if not pairs:
        return _empty(call("struct_value", literal(None), literal(None), names=(_KEY, _VALUE)))
    return _zipped(call("list_value", *keys), call("list_value", *values), binder)


def _map_of_lists(binder: ExpressionBinder, node: Any) -> Expr:
    return _zipped(binder.bind(node.args["keys"]), binder.bind(node.args["values"]), binder)


def _zipped(keys: Expr, values: Expr, binder: ExpressionBinder) -> Expr:
    """Return the list of the pairs of two lists."""
    place = binder.variable("place", dtypes.int64)
    key, value = call("list_element", keys, place), call("list_element", values, place)
    pair = call("struct_value", key, value, names=(_KEY, _VALUE))
    places = call("list_range", literal(1), call("list_length", keys), literal(1), inclusive=True)
    return list_lambda(ListMethod.TRANSFORM, places, pair, (place,))


def _zip(binder: ExpressionBinder, node: Any) -> Expr:
    lists = [binder.bind(arg) for arg in arguments(node)]
    last = lists[-1] if len(lists) > 1 else None
    shortest = isinstance(last, Literal) and last.value is True
    if isinstance(last, Literal) and isinstance(last.value, bool):
        lists.pop()
    if not lists or any(each.dtype.kind is not Kind.LIST for each in lists):
        raise binder.source.error(node, "list_zip takes lists, and perhaps true to end with the shortest")
    sizes = [call("coalesce", call("list_length", each), literal(0)) for each in lists]
    size = call("least" if shortest else "greatest", *sizes) if len(sizes) > 1 else sizes[0]
    place = binder.variable("place", dtypes.int64)
    names = tuple(f"element{number}" for number in range(1, len(lists) + 1))
    row = call("struct_value", *(call("list_element", each, place) for each in lists), names=names)
    places = call("list_range", literal(1), size, literal(1), inclusive=True)
    return list_lambda(ListMethod.TRANSFORM, places, row, (place,))


# --- parts


def _bracket(binder: ExpressionBinder, node: Any) -> Expr:
    inner = node.this
    if isinstance(inner, exp.Struct) and isinstance(node.parent, exp.ToMap):
        return _bracket_of(binder, node, _map_literal(binder, exp.ToMap(this=inner)))
    return _bracket_of(binder, node, binder.bind(inner))


def _bracket_of(binder: ExpressionBinder, node: Any, value: Expr) -> Expr:
    if len(node.expressions) != 1:
        raise binder.source.unsupported(node, "several places in brackets")
    (item,) = node.expressions
    if isinstance(item, exp.Slice):
        return _sliced(binder, node, value, item)
    place = binder.bind(item)
    if _counted_from_zero(node, item):
        place = call("add", place, literal(1))
    if value.dtype.kind is Kind.STRUCT:
        return field_at(binder, node, value, binder.statement.constant(place))
    if value.dtype.is_map:
        return of_key(binder, value, place)
    if value.dtype.is_text:
        return call("substring", value, place, literal(1))
    return call("list_element", value, place)


def _counted_from_zero(node: exp.Expr, item: exp.Expr) -> bool:
    """Whether sqlglot has made a place count from 0: a constant number, where it does not know that this is no list."""
    known = node.this.type
    listed = known is None or known.this in (exp.DType.UNKNOWN, exp.DType.ARRAY, exp.DType.LIST)
    return listed and item.find(exp.Column, exp.Identifier) is None and not (item.is_string)


def _sliced(binder: ExpressionBinder, node: Any, value: Expr, item: Any) -> Expr:
    if item.args.get("step") is not None and not value.dtype.is_text:
        return _stepped(binder, node, value, item)
    begin = literal(1) if item.this is None else binder.bind(item.this)
    end = literal(-1) if item.expression is None else binder.bind(item.expression)
    if value.dtype.is_text:
        length = call("length", value)
        first = case([(call("less", begin, literal(0)), call("add", call("add", length, begin), literal(1)))], begin)
        last = case([(call("less", end, literal(0)), call("add", call("add", length, end), literal(1)))], end)
        first = call("greatest", first, literal(1))
        count = call("greatest", call("add", call("subtract", last, first), literal(1)), literal(0))
        return call("substring", value, first, count)
    return call("list_slice", value, begin, end)


def _stepped(binder: ExpressionBinder, node: Any, value: Expr, item: Any) -> Expr:
    """Return every so-manieth value of a slice, backwards where the step is negative."""
    step = binder.statement.constant(binder.bind(item.args["step"]))
    if step is None or not isinstance(step.value, int) or step.value == 0:
        raise binder.source.error(node, "the step of a slice is a constant whole number other than 0")
    begin, end = (None if part is None else binder.bind(part) for part in (item.this, item.expression))
    if step.value < 0:
        begin, end = end, begin
    first, last = literal(1) if begin is None else begin, literal(-1) if end is None else end
    part = call("list_slice", value, first, last)
    part = call("list_reverse", part) if step.value < 0 else part
    return every_nth(binder, part, abs(step.value))


def every_nth(binder: ExpressionBinder, value: Expr, step: int) -> Expr:
    """Return the first value of a list and those so many places further on."""
    assert value.dtype.value is not None
    variables = binder.variable("x", value.dtype.value), binder.variable("place", dtypes.int64)
    chosen = call("equal", call("remainder", variables[1], literal(step)), literal(1 % step))
    return list_lambda(ListMethod.FILTER, value, chosen, variables)


def _map_from_entries(binder: ExpressionBinder, node: Any) -> Expr:
    value = binder.bind(node.this)
    pair = value.dtype.value
    if pair is None or len(pair.fields) != 2:
        raise binder.source.error(node, f"map_from_entries takes a list of pairs, not {value.dtype}")
    names = [name for name, _ in pair.fields]

    def renamed(entry: Expr) -> Expr:
        return call("struct_value", *(call("struct_field", entry, name=n) for n in names), names=(_KEY, _VALUE))

    return _each(binder, value, renamed, ListMethod.TRANSFORM)


def _list_slice(binder: ExpressionBinder, node: Any) -> Expr:
    first, begin, end, *step = counted_arguments(binder, node, 3, 4)
    bounds = exp.Slice(this=begin, expression=end, step=step[0] if step else None)
    return _sliced(binder, node, binder.bind(first), bounds)


# --- maps


def _map_argument(binder: ExpressionBinder, node: Any, value: Expr) -> Expr:
    if not value.dtype.is_map:
        raise binder.source.error(node, f"{binder.source.written(node)} takes a map, not {value.dtype}")
    return value


def _each(binder: ExpressionBinder, value: Expr, body: Callable[[Expr], Expr], method: ListMethod) -> Expr:
    assert value.dtype.value is not None
    variable = binder.variable("x", value.dtype.value)
    return list_lambda(method, value, body(variable), (variable,))


def _map_part(part: str) -> Handler:
    def handler(binder: ExpressionBinder, node: Any) -> Expr:
        (arg,) = counted_arguments(binder, node, 1)
        value = _map_argument(binder, node, binder.bind(arg))
        return _each(binder, value, lambda pair: call("struct_field", pair, name=part), ListMethod.TRANSFORM)

    return handler


def _values_of_key(binder: ExpressionBinder, value: Expr, key: Expr) -> Expr:
    def is_key(pair: Expr) -> Expr:
        return call("equal", call("struct_field", pair, name=_KEY), key)

    found = _each(binder, value, is_key, ListMethod.FILTER)
    return _each(binder, found, lambda pair: call("struct_field", pair, name=_VALUE), ListMethod.TRANSFORM)


def of_key(binder: ExpressionBinder, value: Expr, key: Expr) -> Expr:
    """Return the value of a map at a key; null where it has none."""
    return call("list_element", _values_of_key(binder, value, key), literal(1))


def _map_get(binder: ExpressionBinder, node: Any, *, whole: bool) -> Expr:
    first, second = counted_arguments(binder, node, 2)
    value, key = _map_argument(binder, node, binder.bind(first)), binder.bind(second)
    return _values_of_key(binder, value, key) if whole else of_key(binder, value, key)


def _map_contains(binder: ExpressionBinder, node: Any) -> Expr:
    return call("greater", call("list_length", _map_get(binder, node, whole=True)), literal(0))


# --- lambdas


def _with_lambda(method: ListMethod) -> Handler:
    def handler(binder: ExpressionBinder, node: Any) -> Expr:
        first, function, *more = counted_arguments(binder, node, 2, 3)
        if not isinstance(function, exp.Lambda) or (more and method is not ListMethod.REDUCE):
            raise binder.source.error(
                node, f"{binder.source.written(node)} takes a list and a lambda, as in lambda x : x + 1"
            )
        lists = binder.bind(first)
        initial = binder.bind(more[0]) if more else None
        return _applied(binder, function.this, function.expressions, method, lists, initial)

    return handler


def _applied(
    binder: ExpressionBinder,
    body: exp.Expr,
    parameters: list[Any],
    method: ListMethod,
    lists: Expr,
    initial: Expr | None = None,
) -> Expr:
    value = lists.dtype.value
    if value is None:
        raise binder.source.error(body, f"a lambda is applied to the values of a list, not to {lists.dtype}")
    state = [] if method is not ListMethod.REDUCE else [value if initial is None else initial.dtype]
    kinds = [*state, value, dtypes.int64]
    if not len(kinds) - 1 <= len(parameters) <= len(kinds):
        raise binder.source.error(
            body, f"this lambda takes {len(kinds) - 1} or {len(kinds)} parameters; {len(parameters)} are given"
        )
    names = [str(parameter.name) for parameter in parameters]
    variables = tuple(binder.variable(name, kind) for name, kind in zip(names, kinds, strict=False))
    with binder.with_variables(dict(zip((name.lower() for name in names), variables, strict=True))):
        made = binder.bind(body)
    return list_lambda(method, lists, made, variables, initial)


def _comprehension(binder: ExpressionBinder, node: Any) -> Expr:
    lists, condition = binder.bind(node.args["iterator"]), node.args.get("condition")
    place = node.args.get("position")
    parameters = [node.expression] if place is None else [node.expression, place]
    if condition is None:
        return _applied(binder, node.this, parameters, ListMethod.TRANSFORM, lists)
    if place is None:
        kept = _applied(binder, condition, parameters, ListMethod.FILTER, lists)
        return _applied(binder, node.this, parameters, ListMethod.TRANSFORM, kept)
    tests = _applied(binder, condition, parameters, ListMethod.TRANSFORM, lists)  # places are those before the test
    made = _applied(binder, node.this, parameters, ListMethod.TRANSFORM, lists)
    number = binder.variable("place", dtypes.int64)
    places = call("list_range", literal(1), call("list_length", lists), literal(1), inclusive=True)
    passed = list_lambda(ListMethod.FILTER, places, call("list_element", tests, number), (number,))
    return list_lambda(ListMethod.TRANSFORM, passed, call("list_element", made, number), (number,))


def _identifier(binder: ExpressionBinder, node: Any) -> Expr:
    """Resolve a name in a lambda, which the parser leaves bare where it is one of the parameters."""
    return binder.bind(exp.Column(this=node.copy()))


# --- functions made of others


def _sort(binder: ExpressionBinder, node: Any) -> Expr:
    value = binder.bind(node.this)
    ascending, nulls_first = node.args.get("asc"), node.args.get("nulls_first")
    return _sorted(value, descending=_is(ascending, flag=False), nulls_first=_is(nulls_first, flag=True))


def _is(node: Any, *, flag: bool) -> bool:
    return isinstance(node, exp.Boolean) and bool(node.this) is flag


def _sorted(value: Expr, *, descending: bool, nulls_first: bool) -> Expr:
    return call("list_sorted", value, descending=descending, nulls_first=nulls_first)


def _concat(binder: ExpressionBinder, node: Any) -> Expr:
    return call("list_concat", *(binder.bind(item) for item in [node.this, *node.expressions]))


def _append(binder: ExpressionBinder, node: Any) -> Expr:
    return call("list_concat", binder.bind(node.this), call("list_value", binder.bind(node.expression)))


def _prepend(binder: ExpressionBinder, node: Any) -> Expr:
    return call("list_concat", call("list_value", binder.bind(node.expression)), binder.bind(node.this))


def fold(binder: ExpressionBinder, node: exp.Expr, value: Expr, name: str, more: exp.Expr | None = None) -> Expr:
    """Return an aggregate of the values of a list."""
    if value.dtype.kind is not Kind.LIST:
        raise binder.source.error(node, f"list_{name} takes a list, not {value.dtype}")
    if name in ("min", "max"):
        ordered = _sorted(value, descending=name == "max", nulls_first=False)
        return call("list_element", ordered, literal(1))
    if name in ("first", "last"):
        return call("list_element", value, literal(1 if name == "first" else -1))
    if name == "any_value":
        return call("list_element", _present(binder, value), literal(1))
    if name in ("median", "mode"):
        return call("list_mode", value) if name == "mode" else call("list_quantile", value, q=0.5, discrete=False)
    if name in ("string_agg", "group_concat", "listagg"):
        separator = "," if more is None else constant_text(binder, more, "a separator")
        return call("list_join", _each(binder, value, as_text, ListMethod.TRANSFORM), separator=separator)
    if name in ("quantile", "quantile_cont", "quantile_disc") and more is not None:
        share = binder.statement.constant(binder.bind(more))
        if share is None or not share.dtype.is_numeric or share.value is None:
            raise binder.source.error(more, f"{name} takes a constant share from 0 to 1")
        return call("list_quantile", value, q=float(share.value), discrete=name != "quantile_cont")
    if name == "histogram":
        return call("list_histogram", value)
    if name == "approx_count_distinct":
        return call("list_length", call("list_distinct", value))
    if name not in _FOLDS:
        raise binder.source.unsupported(node, f"the aggregate {name} of a list")
    return call("list_fold", value, fold=_FOLDS[name])


def _present(binder: ExpressionBinder, value: Expr) -> Expr:
    return _each(binder, value, lambda x: call("is_not_null", x), ListMethod.FILTER)


def _list_aggregate(binder: ExpressionBinder, node: Any) -> Expr:
    first, second, *more = counted_arguments(binder, node, 2, 3)
    name = constant_text(binder, second, "the name of an aggregate").lower()
    return fold(binder, node, binder.bind(first), name, more[0] if more else None)


def _fold_named(name: str) -> Handler:
    def handler(binder: ExpressionBinder, node: Any) -> Expr:
        (arg,) = counted_arguments(binder, node, 1)
        return fold(binder, node, binder.bind(arg), name)

    return handler


def _unique(binder: ExpressionBinder, node: Any) -> Expr:
    (arg,) = counted_arguments(binder, node, 1)
    return call("list_length", call("list_distinct", binder.bind(arg)))


def _has_any(binder: ExpressionBinder, node: Any) -> Expr:
    first, second = (binder.bind(arg) for arg in counted_arguments(binder, node, 2))
    return call("greater", call("list_length", call("list_intersect", first, second)), literal(0))


def _has_all(binder: ExpressionBinder, node: Any) -> Expr:
    first, second = (binder.bind(arg) for arg in counted_arguments(binder, node, 2))
    return _all_in(second, first)


def _intersect(binder: ExpressionBinder, node: Any) -> Expr:
    first, second = (binder.bind(arg) for arg in counted_arguments(binder, node, 2))
    return call("list_intersect", first, call("coalesce", second, _empty(literal(None))))


def _contained(binder: ExpressionBinder, node: Any) -> Expr:
    return _all_in(binder.bind(node.this), binder.bind(node.expression))


def _all_in(wanted: Expr, found: Expr) -> Expr:
    shared = call("list_length", call("list_intersect", wanted, found))
    return call("equal", shared, call("list_length", call("list_distinct", wanted)))


def any_of_list(value: Expr, lists: Expr) -> Expr:
    """Return whether a value is among those of a list, or null where a null leaves it open."""
    size = call("list_length", lists)
    open_ = call("or", call("is_null", value), call("less", call("list_fold", lists, fold="count"), size))
    return case(
        [
            (call("list_contains", lists, value), literal(value=True)),
            (call("and", open_, call("greater", size, literal(0))), literal(None, dtypes.bool_)),
        ],
        literal(value=False),
    )


def holds_in_list(binder: ExpressionBinder, lists: Expr, test: Callable[[Expr], Expr], *, every: bool) -> Expr:
    """Return whether a test holds for any, or every, value of a list, or null where a null leaves it open."""
    tests = _each(binder, lists, test, ListMethod.TRANSFORM)
    open_ = call("less", call("list_fold", tests, fold="count"), call("list_length", tests))
    decided = literal(value=not every)
    return case(
        [(call("list_contains", tests, decided), decided), (open_, literal(None, dtypes.bool_))], literal(value=every)
    )


_NAMED_FOLDS = (
    "sum", "avg", "product", "count", "bool_and", "bool_or", "first", "last", "any_value", "median", "mode",
    "string_agg", "histogram", "approx_count_distinct", "bit_and", "bit_or", "bit_xor", *STATISTICS,
)  # fmt: skip

BY_NAME: dict[str, Handler] = {
    **STRUCTS_BY_NAME,
    "list_pack": _array,
    "list_value": _array,
    "list_transform": _with_lambda(ListMethod.TRANSFORM),
    "list_apply": _with_lambda(ListMethod.TRANSFORM),
    "array_transform": _with_lambda(ListMethod.TRANSFORM),
    "array_apply": _with_lambda(ListMethod.TRANSFORM),
    "list_zip": _zip,
    "array_zip": _zip,
    "list_reduce": _with_lambda(ListMethod.REDUCE),
    "array_reduce": _with_lambda(ListMethod.REDUCE),
    "list_aggregate": _list_aggregate,
    "list_aggr": _list_aggregate,
    "array_aggregate": _list_aggregate,
    "list_unique": _unique,
    "array_unique": _unique,
    "list_has_all": _has_all,
    "array_has_any": _has_any,
    "array_value": _array,
    "list_intersect": _intersect,
    "array_intersect": _intersect,
    "list_slice": _list_slice,
    "map_values": _map_part(_VALUE),
    "map_entries": lambda binder, node: _map_argument(binder, node, binder.bind(*counted_arguments(binder, node, 1))),
    "cardinality": lambda binder, node: call("list_length", binder.bind(*counted_arguments(binder, node, 1))),
    "element_at": lambda binder, node: _map_get(binder, node, whole=True),
    "map_extract": lambda binder, node: _map_get(binder, node, whole=True),
    "map_extract_value": lambda binder, node: _map_get(binder, node, whole=False),
    "map_contains": _map_contains,
    **{f"list_{name}": _fold_named(name) for name in _NAMED_FOLDS},
}

SPECIAL: dict[type[exp.Expr], Handler] = {
    **STRUCTS,
    exp.Array: _array,
    exp.ArrayAppend: _append,
    exp.ArrayConcat: _concat,
    exp.ArrayContainedBy: _contained,
    exp.ArrayContainsAll: _has_all,
    exp.ArrayDistinct: lambda binder, node: call("list_distinct", binder.bind(node.this)),
    exp.ArrayFilter: _with_lambda(ListMethod.FILTER),
    exp.ArrayMax: _fold_named("max"),
    exp.ArrayMin: _fold_named("min"),
    exp.ArrayOverlaps: _has_any,
    exp.ArrayPrepend: _prepend,
    exp.ArrayReverse: lambda binder, node: call("list_reverse", binder.bind(node.this)),
    exp.ArraySlice: _list_slice,
    exp.ArraySort: _sort,
    exp.Bracket: _bracket,
    exp.MapFromEntries: _map_from_entries,
    exp.Flatten: lambda binder, node: call("list_flatten", binder.bind(node.this)),
    exp.Identifier: _identifier,
    exp.Map: _map_of_lists,
    exp.MapKeys: _map_part(_KEY),
    exp.Transform: _with_lambda(ListMethod.TRANSFORM),
    exp.ToMap: lambda binder, node: (
        binder.bind(node.this) if isinstance(node.this, exp.Bracket) else _map_literal(binder, node)
    ),
}
