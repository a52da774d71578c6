"""JSON in SQL: documents are texts, and paths into them are constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp, jsonpath
from sqlglot.errors import SqlglotError

from ...engine import dtypes
from ...engine.dtypes import Kind
from ...engine.expr import Expr, call, case, cast, literal
from ...engine.expr.functions.documents import EVERY_ITEM, EVERY_VALUE
from .arguments import arguments, constant_text, counted_arguments
from .json_shapes import from_json

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

Path = tuple[str | int | tuple[str], ...]
"""Keys, places, `EVERY_ITEM` and `EVERY_VALUE`."""


def one_path(binder: ExpressionBinder, node: exp.Expr) -> Path:
    """Return a path to one part: without wildcards."""
    path = _path(binder, node)
    wild = next((step[0] for step in path if isinstance(step, tuple)), None)
    if wild is not None:
        raise binder.source.unsupported(node, f"{wild} in this path into JSON", "json_extract takes it")
    return path


def _path(binder: ExpressionBinder, node: exp.Expr) -> Path:
    """Return the keys, places and wildcards of a path, which is constant."""
    if isinstance(node, exp.JSONPath):
        return _steps(binder, node, node)
    value = binder.statement.constant(binder.bind(node))
    if value is not None and isinstance(value.value, int) and not isinstance(value.value, bool):
        return (value.value,)
    text = constant_text(binder, node, "a path into JSON")
    if text.startswith("/"):
        return tuple(int(step) if step.isdecimal() else step for step in text[1:].split("/"))
    if not text.startswith("$"):
        return (text,)
    try:
        return _steps(binder, node, jsonpath.parse(text))
    except SqlglotError:
        raise binder.source.error(node, f"{text!r} is not a path; write it like '$.a[0]'") from None


def _steps(binder: ExpressionBinder, node: exp.Expr, path: exp.JSONPath) -> Path:
    steps: list[str | int | tuple[str]] = []
    for part in path.expressions:
        if isinstance(part, exp.JSONPathRoot):
            continue
        if isinstance(part, exp.JSONPathKey | exp.JSONPathSubscript) and isinstance(part.this, str | int):
            steps.append(part.this)
        elif isinstance(part, exp.JSONPathKey | exp.JSONPathSubscript) and isinstance(part.this, exp.JSONPathWildcard):
            steps.append(EVERY_VALUE if isinstance(part, exp.JSONPathKey) else EVERY_ITEM)
        elif isinstance(part, exp.JSONPathWildcard):
            steps.append(EVERY_VALUE)
        else:
            written = ".." if isinstance(part, exp.JSONPathRecursive) else part.sql()
            raise binder.source.unsupported(node, f"{written} in a path into JSON")
    return tuple(steps)


def document(binder: ExpressionBinder, node: exp.Expr) -> Expr:
    """Bind a document: a text, or the document of another value."""
    value = binder.bind(node)
    return value if value.dtype.is_text or value.dtype.kind is Kind.NULL else call("to_json", value)


def _extract(*, plain: bool, scalar: bool = False) -> Callable[[ExpressionBinder, Any], Expr]:
    def handler(binder: ExpressionBinder, node: Any) -> Expr:
        given = arguments(node)[:2] if isinstance(node, exp.Anonymous) else [node.this, node.expression]
        if len(given) != 2:
            raise binder.source.error(node, f"{binder.source.written(node)} takes a document and a path")
        value = document(binder, given[0])
        if scalar:
            return call("json_extract", value, path=one_path(binder, given[1]), plain=plain, scalar=True)
        if not isinstance(given[1], exp.Array):
            return _parts(value, _path(binder, given[1]), plain=plain)
        found = [_parts(value, _path(binder, path), plain=plain) for path in given[1].expressions]
        return case([(call("is_not_null", value), call("list_value", *found))])

    return handler


def _parts(document: Expr, path: Path, *, plain: bool) -> Expr:
    """Return the part at a path, or the list of parts at one with wildcards."""
    if any(isinstance(step, tuple) for step in path):
        return call("json_extract_all", document, path=path, plain=plain)
    return call("json_extract", document, path=path, plain=plain, scalar=False)


def _at_path(name: str) -> Callable[[ExpressionBinder, Any], Expr]:
    """Return a handler for a function of a document, or of its part at a path."""

    def handler(binder: ExpressionBinder, node: Any) -> Expr:
        given = counted_arguments(binder, node, 1, 2)
        value = document(binder, given[0])
        if len(given) > 1:
            value = call("json_extract", value, path=one_path(binder, given[1]), plain=False, scalar=False)
        return call(name, value)

    return handler


def _exists(binder: ExpressionBinder, node: Any) -> Expr:
    written, path = counted_arguments(binder, node, 2)
    bound = document(binder, written)
    found = call("json_extract", bound, path=one_path(binder, path), plain=False, scalar=False)
    return case([(call("is_not_null", bound), call("is_not_null", found))])


def _object(binder: ExpressionBinder, node: Any) -> Expr:
    pairs = [(part.this, part.expression) for part in node.expressions]
    if not pairs:
        return literal("{}")
    names = tuple(constant_text(binder, key, "a key") for key, _ in pairs)
    return call("to_json", call("struct_value", *(binder.bind(value) for _, value in pairs), names=names))


def _array(binder: ExpressionBinder, node: Any) -> Expr:
    parts: list[Expr] = []
    for item in node.expressions:
        parts += [literal("," if parts else "["), _or_null(call("to_json", binder.bind(item)))]
    return call("concat", *parts, literal("]")) if parts else literal("[]")


def _or_null(document: Expr) -> Expr:
    return call("coalesce", document, literal("null"))


def _parse(binder: ExpressionBinder, node: Any) -> Expr:
    return call("json_extract", document(binder, node.this), path=(), plain=False, scalar=False)


def _merged(binder: ExpressionBinder, node: Any) -> Expr:
    """Bind ``json_merge_patch``: documents patched from left to right; nothing patched is the patch."""
    first, *patches = arguments(node) or [node]
    if not patches:
        raise binder.source.error(node, "json_merge_patch takes a document and a patch or more")
    made = document(binder, first)
    for patch in patches:
        bound = document(binder, patch)
        made = case([(call("is_null", made), bound)], call("json_merge_patch", made, bound))
    return made


def as_document(value: Expr) -> Expr:
    """Return what a cast to JSON gives: a text as the document that it is, others as documents of them."""
    if value.dtype.kind is Kind.NULL:
        return cast(value, dtypes.string)
    return call("json_checked" if value.dtype.is_text else "to_json", value)


Handler = Callable[["ExpressionBinder", Any], Expr]
BY_NAME: dict[str, Handler] = {
    "from_json": from_json,
    "json_transform": from_json,
    "json_merge_patch": _merged,
    "json_array_length": _at_path("json_array_length"),
    "json_exists": _exists,
    "json_value": _extract(plain=True, scalar=True),
    "json_extract_path": _extract(plain=False),
    "json_extract_string": _extract(plain=True),
}
SPECIAL: dict[type[exp.Expr], Handler] = {
    exp.JSONExtract: _extract(plain=False),
    exp.JSONExtractScalar: _extract(plain=True),
    exp.JSONKeys: _at_path("json_keys"),
    exp.JSONType: _at_path("json_type"),
    exp.JSONObject: _object,
    exp.JSONArray: _array,
    exp.FromJson: from_json,
    exp.ParseJSON: _parse,
}
