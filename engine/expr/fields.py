"""Fields of structs as paths: which parts of its columns an expression reads."""

from __future__ import annotations

from typing import TypeAlias

from .nodes import Call, Column, Expr

Path: TypeAlias = tuple[str, ...]
"""A column, then the names of a field, a field of that, and so on; the column alone stands for all of it."""


def field_path(expr: Expr) -> Path | None:
    """Return the path of a column or of a field of one; None of any other expression."""
    names: list[str] = []
    while isinstance(expr, Call) and expr.function == "struct_field":
        names.append(str(expr.option("name")))
        (expr,) = expr.args
    return (expr.name, *reversed(names)) if isinstance(expr, Column) else None


def field_paths(*exprs: Expr) -> frozenset[Path]:
    """Return the paths of all columns and fields that expressions read."""
    found: set[Path] = set()
    stack = list(exprs)
    while stack:
        expr = stack.pop()
        path = field_path(expr)
        if path is None:
            stack.extend(expr.children)
        else:
            found.add(path)
    return frozenset(found)
