"""What stands for ``pylibcudf.expressions``: trees that one kernel evaluates per row."""

from __future__ import annotations

from typing import Any

from .binding import enumerated
from .scalar import Scalar
from .signatures import signature
from .types import TypeId

ASTOperator = enumerated("pylibcudf.expressions.ASTOperator")
TableReference = enumerated("pylibcudf.expressions.TableReference")


class Expression:
    """A node; made by its subclasses."""


class Literal(Expression):
    """The value of a scalar, which must live as long as the tree."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        value = signature("pylibcudf.expressions.Literal").bind(*args, **kwargs).arguments["value"]
        if not isinstance(value, Scalar) or value.type().id() in (TypeId.LIST, TypeId.STRUCT):
            raise NotImplementedError("a literal of this type")
        self.value = value


class ColumnReference(Expression):
    """The value of a column by its position."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        bound = signature("pylibcudf.expressions.ColumnReference").bind(*args, **kwargs).arguments
        self.index: int = bound["index"]
        self.source = TableReference(bound.get("table_source", TableReference.LEFT))


class Operation(Expression):
    """An operator on one or two expressions."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        bound = signature("pylibcudf.expressions.Operation").bind(*args, **kwargs).arguments
        self.op = ASTOperator(bound["op"])
        self.left: Expression = bound["left"]
        self.right: Expression | None = bound.get("right")
