"""COLLATE, written as the functions that make texts alike: ``a collate nocase = b`` is ``lower(a) = lower(b)``.

That holds for the two sides of a comparison and for the keys of an ORDER BY. Elsewhere a collation would be a property
of a column's type, which Volley's types do not have; there it is refused, and the functions are named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from .trees import parts_of

if TYPE_CHECKING:
    from .parse import SqlText

_BYTES = ("binary", "c", "posix")
"""How texts are compared without a collation."""
_FOLDS = {"nocase": "lower", "noaccent": "strip_accents"}
_COMPARED = exp.EQ | exp.NEQ | exp.LT | exp.LTE | exp.GT | exp.GTE | exp.NullSafeEQ | exp.NullSafeNEQ
_FOLDING = _COMPARED | exp.Like | exp.ILike | exp.Between | exp.In | exp.Ordered
_SIDES = ("this", "expression", "low", "high", "expressions")
_INSTEAD = "write lower(x) or strip_accents(x)"


def without_collations(source: SqlText, tree: exp.Expr) -> exp.Expr:
    """Return a statement whose collations are calls of functions; `UnsupportedOperation` where that says less."""
    holder = exp.Paren(this=tree)
    for node in parts_of(tree):
        if isinstance(node, exp.Collate) and node.parent is not None:
            _fold(source, node)
    made: exp.Expr = holder.this
    made.parent = None
    return made


def _fold(source: SqlText, node: exp.Collate) -> None:
    names = [str(part.name).lower() for part in node.expression.find_all(exp.Identifier, exp.Var)]
    unknown = next((name for name in names if name not in (*_BYTES, *_FOLDS)), None)
    if unknown is not None:
        raise source.unsupported(node, f"the collation {unknown!r}", "known are nocase and noaccent")
    folds = [_FOLDS[name] for name in names if name in _FOLDS]
    around = node.parent
    while isinstance(around, exp.Paren):
        around = around.parent
    value = node.this
    node.replace(value)
    if not folds:
        return
    place = isinstance(around, exp.Ordered) and isinstance(value, exp.Literal)
    if not isinstance(around, _FOLDING) or around.args.get("query") or place:
        raise source.unsupported(around, "COLLATE outside a comparison or ORDER BY", _INSTEAD)
    for key in _SIDES:
        side = around.args.get(key)
        if isinstance(side, exp.Expr):
            around.set(key, _folded(side, folds))
        elif isinstance(side, list):
            around.set(key, [_folded(each, folds) for each in side])


def _folded(node: exp.Expr, folds: list[str]) -> exp.Expr:
    for function in folds:
        node = exp.Lower(this=node) if function == "lower" else exp.Anonymous(this=function, expressions=[node])
    return node
