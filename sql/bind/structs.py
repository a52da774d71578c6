"""Structs: literals, fields, and the functions that make structs of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine.dtypes import DataType, Kind
from ...engine.expr import Expr, Literal, call, case, literal
from .arguments import arguments, constant_text, counted_arguments
from .operands import unwrapped

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

Handler = Callable[["ExpressionBinder", Any], Expr]


def _struct(binder: ExpressionBinder, node: Any) -> Expr:
    names, values = [], []
    for number, item in enumerate(node.expressions, start=1):
        named = isinstance(item, exp.PropertyEQ | exp.EQ | exp.Alias)
        part = item.expression if isinstance(item, exp.PropertyEQ | exp.EQ) else item.this if named else item
        key = item.args["alias"] if isinstance(item, exp.Alias) else item.this if named else item
        inner = unwrapped(key)
        names.append(str(inner.name) if named or isinstance(inner, exp.Column) else f"element_{number}")
        values.append(binder.bind(part))
    return struct_of(binder, node, names, values)


def _row(binder: ExpressionBinder, node: Any) -> Expr:
    values = [binder.bind(item) for item in node.expressions]
    return struct_of(binder, node, [f"element{number}" for number in range(1, len(values) + 1)], values)


def struct_of(binder: ExpressionBinder, node: exp.Expr, names: list[str], values: Sequence[Expr]) -> Expr:
    """Return a struct of values, after a look at the names of its fields."""
    if not names:
        raise binder.source.error(node, "a struct needs at least one field")
    lowered = [name.lower() for name in names]
    twice = next((name for name in names if lowered.count(name.lower()) > 1), None)
    if twice is not None:
        raise binder.source.error(node, f"the struct has two fields {twice!r}")
    return call("struct_value", *values, names=tuple(names))


def field_at(binder: ExpressionBinder, node: exp.Expr, value: Expr, wanted: Literal | None) -> Expr:
    """Return the field of a struct that brackets ask for: by a constant name, of ``row(1, 2)`` by its place from 1."""
    fields = value.dtype.fields
    asked = None if wanted is None else wanted.value
    unnamed = [name for name, _ in fields] == [f"element{number}" for number in range(1, len(fields) + 1)]
    if unnamed and type(asked) is int and 1 <= asked <= len(fields):
        asked = fields[asked - 1][0]
    if not isinstance(asked, str):
        places = f"; its places go from 1 to {len(fields)}" if unnamed else ""
        raise binder.source.error(node, f"a field of a struct is named by a constant text, as in s['a']{places}")
    return call("struct_field", value, name=field_name(value.dtype, asked))


def field_of(binder: ExpressionBinder, node: exp.Expr, value: Expr, name: str) -> Expr:
    """Return a field of a struct, or the value of a map at a key."""
    if value.dtype.is_map:
        from .lists import of_key

        return of_key(binder, value, literal(name))
    if value.dtype.kind is not Kind.STRUCT:
        raise binder.source.error(node, f"{name!r} is asked of {value.dtype}, which is no struct")
    return call("struct_field", value, name=field_name(value.dtype, name))


def field_name(dtype: DataType, name: str) -> str:
    """Return the name of a field as it is spelled, whose case does not matter."""
    names = [known for known, _ in dtype.fields]
    return name if name in names else next((known for known in names if known.lower() == name.lower()), name)


def _dot(binder: ExpressionBinder, node: Any) -> Expr:
    return field_of(binder, node, binder.bind(node.this), str(node.expression.name))


def _struct_extract(binder: ExpressionBinder, node: Any) -> Expr:
    value = binder.bind(node.this)
    return field_of(binder, node, value, constant_text(binder, node.expression, "the name of a struct's field"))


def _struct_insert(binder: ExpressionBinder, node: Any) -> Expr:
    names, values, more = _struct_and_fields(binder, node)
    added = [binder.bind(item.expression) for item in more]
    return struct_of(binder, node, [*names, *(str(item.this.name) for item in more)], [*values, *added])


def _struct_argument(binder: ExpressionBinder, node: Any, arg: exp.Expr) -> Expr:
    value = binder.bind(arg)
    if value.dtype.kind is not Kind.STRUCT:
        raise binder.source.error(node, f"{binder.source.written(node)} takes a struct, not {value.dtype}")
    return value


def _fields(value: Expr) -> tuple[list[str], list[Expr]]:
    names = [name for name, _ in value.dtype.fields]
    return names, [call("struct_field", value, name=name) for name in names]


def _struct_and_fields(binder: ExpressionBinder, node: Any) -> tuple[list[str], list[Expr], list[Any]]:
    """Return the fields of a struct, and the named values behind it."""
    given, written = arguments(node), binder.source.written(node)
    if not given or not all(isinstance(item, exp.PropertyEQ) for item in given[1:]):
        raise binder.source.error(node, f"{written} takes a struct and fields, as in {written}(s, a := 1)")
    return *_fields(_struct_argument(binder, node, given[0])), given[1:]


def _struct_keys(binder: ExpressionBinder, node: Any) -> Expr:
    (arg,) = counted_arguments(binder, node, 1)
    value = _struct_argument(binder, node, arg)
    names = call("list_value", *(literal(name) for name, _ in value.dtype.fields))
    return case([(call("is_not_null", value), names)])


def _struct_values(binder: ExpressionBinder, node: Any) -> Expr:
    (arg,) = counted_arguments(binder, node, 1)
    _, values = _fields(_struct_argument(binder, node, arg))
    return struct_of(binder, node, [f"element{number}" for number in range(1, len(values) + 1)], values)


def _struct_concat(binder: ExpressionBinder, node: Any) -> Expr:
    names: list[str] = []
    values: list[Expr] = []
    for arg in arguments(node):
        more, parts = _fields(_struct_argument(binder, node, arg))
        names += more
        values += parts
    return struct_of(binder, node, names, values)


def _struct_update(binder: ExpressionBinder, node: Any) -> Expr:
    names, values, more = _struct_and_fields(binder, node)
    for item in more:
        name, value = str(item.this.name), binder.bind(item.expression)
        place = next((at for at, known in enumerate(names) if known.lower() == name.lower()), None)
        if place is None:
            names.append(name)
            values.append(value)
        else:
            values[place] = value
    return struct_of(binder, node, names, values)


def _element(binder: ExpressionBinder, node: Any) -> Expr:
    """Return a list's value, a text's character or a struct's field at a place."""
    first, second = counted_arguments(binder, node, 2)
    value, place = binder.bind(first), binder.bind(second)
    if value.dtype.kind is Kind.STRUCT:
        return field_at(binder, node, value, binder.statement.constant(place))
    return call("substring", value, place, literal(1)) if value.dtype.is_text else call("list_element", value, place)


def _struct_position(binder: ExpressionBinder, node: Any) -> Expr:
    """Return the place of the first field that holds a value, null where none does."""
    first, second = counted_arguments(binder, node, 2)
    _, values = _fields(_struct_argument(binder, node, first))
    wanted = binder.bind(second)
    tests = [(call("is_not_distinct", value, wanted), literal(place)) for place, value in enumerate(values, start=1)]
    return case(tests)


def _struct_contains(binder: ExpressionBinder, node: Any) -> Expr:
    return call("is_not_null", _struct_position(binder, node))


def _struct_extract_at(binder: ExpressionBinder, node: Any) -> Expr:
    first, second = counted_arguments(binder, node, 2)
    value, place = _struct_argument(binder, node, first), binder.statement.constant(binder.bind(second))
    fields = value.dtype.fields
    if place is None or not isinstance(place.value, int) or not 1 <= place.value <= len(fields):
        raise binder.source.error(second, f"the place of a field is a constant from 1 to {len(fields)}")
    return call("struct_field", value, name=fields[place.value - 1][0])


BY_NAME: dict[str, Handler] = {
    "row": _row,
    "struct_insert": _struct_insert,
    "struct_keys": _struct_keys,
    "array_extract": _element,
    "list_extract": _element,
    "list_element": _element,
    "struct_position": _struct_position,
    "struct_indexof": _struct_position,
    "struct_contains": _struct_contains,
    "struct_has": _struct_contains,
    "struct_values": _struct_values,
    "struct_concat": _struct_concat,
    "struct_update": _struct_update,
    "struct_extract_at": _struct_extract_at,
}
SPECIAL: dict[type[exp.Expr], Handler] = {
    exp.Dot: _dot,
    exp.Struct: _struct,
    exp.StructExtract: _struct_extract,
    exp.Tuple: _row,
}
