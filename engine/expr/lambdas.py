"""Functions of lists that take an expression: what becomes of each value, which stay, how they add up."""

from __future__ import annotations

import re
from enum import Enum

from .. import dtypes
from ..dtypes import Kind, common_type
from ..errors import TypeMismatch
from ..records import dataclass, replace
from ..traversal import transform_up, walk_once
from .build import cast
from .nodes import Expr

_HEIGHT = "^"
"""Stands before the number of lambdas in each other in the names of their variables, and in no other name."""
_NUMBER = re.compile(r"(_\d+)?(\^\d+)?$")


class ListMethod(Enum):
    """What is done with the value that the body has for each value of a list."""

    TRANSFORM = "list_transform"
    FILTER = "list_filter"
    REDUCE = "list_reduce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable(Expr):
    """A parameter of a lambda; its name is unique among those of the lambdas around it and in it."""

    name: str

    def __str__(self) -> str:
        return self.name.partition(_HEIGHT)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLambda(Expr):
    """A list function with a lambda.

    Attributes
    ----------
    arg
        The list.
    body
        Expression over the variables and, as columns, over the row that the list stands in.
    variables
        The value, and perhaps its place counted from 1; of a reduction first what has been made of the values before.
    initial
        Of a reduction: what it begins with; by default the first value.
    """

    method: ListMethod
    arg: Expr
    body: Expr
    variables: tuple[Variable, ...]
    initial: Expr | None = None

    @property
    def height(self) -> int:
        """How many lambdas stand in each other here."""
        return int(self.variables[0].name.rpartition(_HEIGHT)[2])

    @property
    def children(self) -> tuple[Expr, ...]:
        """The list, the body, the initial value."""
        return (self.arg, self.body) if self.initial is None else (self.arg, self.body, self.initial)

    def with_children(self, children: tuple[Expr, ...]) -> ListLambda:
        """Return the same function over other expressions."""
        return replace(self, arg=children[0], body=children[1], initial=children[2] if self.initial else None)

    def __str__(self) -> str:
        parameters = ", ".join(str(variable) for variable in self.variables)
        initial = "" if self.initial is None else f", {self.initial}"
        return f"{self.method.value}({self.arg}, ({parameters}) -> {self.body}{initial})"


def list_lambda(
    method: ListMethod, arg: Expr, body: Expr, variables: tuple[Variable, ...], initial: Expr | None = None
) -> Expr:
    """Return a list function with a lambda, typed by its body.

    Raises
    ------
    TypeMismatch
        If the argument is no list, the test of a filter is not boolean, or a reduction does not keep its type.
    """
    if arg.dtype.kind is not Kind.LIST or arg.dtype.value is None:
        raise TypeMismatch(f"{method.value} takes a list; {arg} is {arg.dtype}")
    if method is ListMethod.TRANSFORM:
        dtype = dtypes.list_(body.dtype)
    elif method is ListMethod.FILTER:
        if body.dtype.kind not in (Kind.BOOL, Kind.NULL):
            raise TypeMismatch(f"the test of list_filter must be boolean; {body} is {body.dtype}")
        body, dtype = cast(body, dtypes.bool_), arg.dtype
    else:
        dtype = variables[0].dtype
        if common_type(body.dtype, dtype) != dtype:
            raise TypeMismatch(
                f"list_reduce makes {body.dtype} of {dtype}; cast what it begins with, or the result of its lambda"
            )
        body = cast(body, dtype)
    body, variables = _alike(body, variables)
    return ListLambda(method=method, arg=arg, body=body, variables=variables, initial=initial, dtype=dtype)


def _alike(body: Expr, variables: tuple[Variable, ...]) -> tuple[Expr, tuple[Variable, ...]]:
    """Name variables by how many lambdas the body holds in each other, so that equal lambdas are equal.

    Those of a lambda in the body have other names, and what the body reads of lambdas around it is renamed with these.
    """
    inner = [node.height for node in walk_once(body) if isinstance(node, ListLambda)]
    height = 1 + max(inner, default=0)
    bases = [_NUMBER.sub("", variable.name) for variable in variables]
    if len(set(bases)) < len(bases):
        bases = [f"{base}{place}" for place, base in enumerate(bases)]
    made = tuple(
        replace(variable, name=f"{base}{_HEIGHT}{height}") for variable, base in zip(variables, bases, strict=True)
    )
    renamed = {old: new for old, new in zip(variables, made, strict=True) if old != new}
    if renamed:
        body = transform_up(body, lambda node: renamed.get(node, node) if isinstance(node, Variable) else node)
    return body, made
