"""``from_json``: values of a JSON document as structs, lists and plain values, of a shape that is constant."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from ...engine import dtypes
from ...engine.dtypes import DataType, Kind
from ...engine.expr import Expr, call, case, cast, in_list, literal
from ...engine.expr.functions.documents import EVERY_ITEM
from ...engine.expr.lambdas import ListMethod, list_lambda
from .arguments import constant_text, counted_arguments
from .datatypes import data_type

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

_HINT = """write it like '{"a": "INT", "b": ["VARCHAR"]}'"""
_DOCUMENT = "JSON"


def from_json(binder: ExpressionBinder, node: Any) -> Expr:
    """Bind ``from_json(document, shape)``; what is of another type becomes null."""
    document, shape = counted_arguments(binder, node, 2)
    text = constant_text(binder, shape, "the shape of a document")
    try:
        shaped = json.loads(text)
    except ValueError as error:
        raise binder.source.error(shape, f"{text!r} is no shape of a document ({error}); {_HINT}") from None
    bound = binder.bind(document)
    bound = bound if bound.dtype.is_text or bound.dtype.kind is Kind.NULL else call("to_json", bound)
    return _Shapes(binder, shape).value(cast(bound, dtypes.string), shaped)


class _Shapes:
    """Makes expressions of shapes; ``node`` is where mistakes are shown."""

    def __init__(self, binder: ExpressionBinder, node: exp.Expr) -> None:
        self._binder, self._node = binder, node

    def value(self, document: Expr, shape: Any) -> Expr:
        """Return a document, or a part of one, as a value of a shape; null where it is null."""
        if isinstance(shape, dict) and shape:
            parts = [self.value(_part(document, str(key)), item) for key, item in shape.items()]
            made = call("struct_value", *parts, names=tuple(map(str, shape)))
            return case([(_is_there(document), made)])
        if isinstance(shape, list) and len(shape) == 1:
            items = call("json_extract_all", document, path=(EVERY_ITEM,), plain=False)
            return case([(_is(document, "ARRAY"), self._each(items, lambda item: self.value(item, shape[0])))])
        if not isinstance(shape, str):
            raise self._binder.source.error(self._node, f"{shape!r} is no shape of a document; {_HINT}")
        if shape.upper() == _DOCUMENT:
            return case([(_is_there(document), document)])
        text = call("json_extract", document, path=(), plain=True, scalar=False)
        return self._plain(text, document, self._type(shape))

    def _plain(self, text: Expr, document: Expr, dtype: DataType) -> Expr:
        if dtype.is_text:
            return text
        if dtype.is_nested:
            shown = 'a list as ["INT"], a struct as {"a": "INT"}'
            raise self._binder.source.unsupported(self._node, f"{dtype} as a type in a shape", f"write {shown}")
        made = cast(text, dtype, strict=False)
        number = cast(text, dtypes.float64, strict=False)
        if dtype.kind is Kind.BOOL:
            counted = in_list(call("json_type", document), ["UBIGINT", "BIGINT", "DOUBLE"])
            return case([(counted, call("not_equal", number, literal(0.0)))], made)
        if not dtype.is_numeric:
            return made
        flag = cast(cast(text, dtypes.bool_, strict=False), dtype)
        branches = [(_is(document, "BOOLEAN"), flag)]
        if dtype.is_integer:
            branches.append((_is(document, "DOUBLE"), cast(number, dtype, strict=False)))
        return case(branches, made)

    def _type(self, name: str) -> DataType:
        try:
            tree = sqlglot.exp.DataType.build(name, dialect=self._binder.source.dialect)
        except SqlglotError:
            raise self._binder.source.error(self._node, f"{name!r} is no type; {_HINT}") from None
        tree.parent = self._node
        return data_type(self._binder.source, tree)

    def _each(self, lists: Expr, body: Callable[[Expr], Expr]) -> Expr:
        variable = self._binder.variable("x", dtypes.string)
        return list_lambda(ListMethod.TRANSFORM, lists, body(variable), (variable,))


def _part(document: Expr, key: str) -> Expr:
    return call("json_extract", document, path=(key,), plain=False, scalar=False)


def _is(document: Expr, kind: str) -> Expr:
    return call("equal", call("json_type", document), literal(kind))


def _is_there(document: Expr) -> Expr:
    return call("not_equal", call("json_type", document), literal("NULL"))
