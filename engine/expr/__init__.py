"""Expressions and the one function catalogue. Knows types and names; must not know plans, devices or files."""

from .build import aggregate, call, case, cast, in_list, literal
from .nodes import (
    AggregateCall,
    Call,
    Case,
    Cast,
    Column,
    Expr,
    InList,
    Literal,
    NamedAggregate,
    NamedExpr,
    SortKey,
    all_of,
    columns_of,
    conjuncts,
    substitute,
)

__all__ = [
    "AggregateCall",
    "Call",
    "Case",
    "Cast",
    "Column",
    "Expr",
    "InList",
    "Literal",
    "NamedAggregate",
    "NamedExpr",
    "SortKey",
    "aggregate",
    "all_of",
    "call",
    "case",
    "cast",
    "columns_of",
    "conjuncts",
    "in_list",
    "literal",
    "substitute",
]
