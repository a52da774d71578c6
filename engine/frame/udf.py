"""Functions of users as expressions: ``vl.udf`` and ``Series.apply``.

A call stays an expression, so that it stands wherever a column does, until a plan is made of it: then it moves into a
`MapBatches` node below, as window functions do.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, overload

from ..dtypes import DataType
from ..errors import PlanError, TypeMismatch, suggestion
from ..expr import Column, Expr, NamedExpr
from ..plan import MapBatches, Plan, Project, plan_windows
from ..plan.window import WindowExpr, has_window
from ..records import dataclass, replace
from ..schema import Field
from ..traversal import transform_up, walk_once
from .applied import OfColumns, OfRows
from .compiled import Compiled, compiled
from .types import parse_dtype


class UserFunction:
    """A Python function of values that takes columns as well; see `udf`.

    Called with columns it gives a column; called with plain values it is the function itself.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        dtype: Any = None,
        compile: bool | None = None,  # noqa: A002  # as users say
        vectorized: bool = False,
        takes_nulls: bool = False,
    ) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.label = str(getattr(function, "__name__", type(function).__name__))
        self.declared = _annotated(function) if dtype is None else parse_dtype(dtype)
        self.compile, self.vectorized, self.takes_nulls = compile, vectorized, takes_nulls

    def __call__(self, *args: Any) -> Any:
        """Return the column that the function makes of columns and constants, or its value for plain values."""
        from .series import Series

        first = next((arg for arg in args if isinstance(arg, Series)), None)
        if first is None:
            return self.function(*args)
        expr = self.on(tuple(first.operand(arg) for arg in args))
        return first.derive(expr, first.name if len(args) == 1 else self.label)

    def on(self, args: tuple[Expr, ...]) -> Expr:
        """Return the call on expressions.

        Raises
        ------
        PlanError
            If its type is neither given nor found by compiling it.
        """
        if self.vectorized:
            return UserCall(function=self, args=args, dtype=self._known(None), compiles=False)
        if self.compile is False:
            return UserCall(function=self, args=args, dtype=self._known(None), compiles=False)
        found = compiled(self.function, tuple(arg.dtype.kind for arg in args))
        if isinstance(found, Compiled):
            compiles = self.compile is True or not found.wraps
            return UserCall(function=self, args=args, dtype=self._known(found.dtype), compiles=compiles)
        if self.compile:
            raise PlanError(f"{self.label} is to be compiled, and cannot be: {found}")
        return UserCall(function=self, args=args, dtype=self._known(None, found), compiles=False)

    def _known(self, found: DataType | None, reason: str = "") -> DataType:
        dtype = self.declared or found
        if dtype is None:
            raise PlanError(
                "a plan must know its types: give the type that the function returns, such as dtype='int64'"
                f" or def {self.label}(…) -> int{reason and f' (compiling it would find it, but {reason})'}"
            )
        return dtype


@overload
def udf(function: Callable[..., Any]) -> UserFunction: ...
@overload
def udf(
    *, dtype: Any = None, compile: bool | None = None, vectorized: bool = False
) -> Callable[[Callable[..., Any]], UserFunction]: ...
def udf(
    function: Callable[..., Any] | None = None,
    *,
    dtype: Any = None,
    compile: bool | None = None,  # noqa: A002  # as users say
    vectorized: bool = False,
) -> Any:
    """Make a Python function one that takes columns: ``@vl.udf``, ``vl.udf(function)`` or ``@vl.udf(dtype=…)``.

    A null argument gives null, and the function is not called. Functions of numbers are compiled by numba and then run
    on all threads; others run in the interpreter, one value at a time.

    Parameters
    ----------
    function
        Takes values: Python objects, or numbers where it is compiled.
    dtype
        Type of what it returns; by default its return annotation, or what compiling it finds.
    compile
        True: compile it or raise; in ``agg``, it then gets an array of the group's values that are not null, in place
        of a pandas Series. False: never. By default where it can be and gives what Python would: a function that
        adds, subtracts, multiplies or raises integers stays in Python, since those of a machine wrap around. Compiled
        functions of floats follow IEEE where Python raises: ``math.log(0.0)`` is minus infinity.
    vectorized
        The function takes ``pyarrow`` arrays, nulls included, and returns an array as long.

    Raises
    ------
    PlanError
        When called with columns, if its type is not known or it cannot be compiled as wanted.
    UserFunctionError
        While running, if it raises: names the values, with the user's exception as the cause.
    """
    make = functools.partial(UserFunction, dtype=dtype, compile=compile, vectorized=vectorized)
    return make if function is None else make(function)


class Row(dict[str, Any]):
    """The values of a row by name, as items and as attributes; null is None."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the row has no {name!r}{suggestion(name, self)}") from None


@dataclass(frozen=True, slots=True)
class _OfRow:
    """A function of a row as one of its values."""

    function: Callable[[Row], Any]
    names: tuple[str, ...]

    def __call__(self, *values: Any) -> Any:
        return self.function(Row(zip(self.names, values, strict=True)))


def row_function(function: Callable[[Row], Any], dtype: Any, names: tuple[str, ...]) -> UserFunction:
    """Return a function of a row as one of the columns that it has; it is called for nulls too."""
    user = UserFunction(_OfRow(function, names), dtype=dtype, compile=False, takes_nulls=True)
    user.label = str(getattr(function, "__name__", "apply"))
    user.declared = user.declared or _annotated(function)
    return user


def _annotated(function: Callable[..., Any]) -> DataType | None:
    try:
        hint = inspect.get_annotations(function, eval_str=True).get("return")
        return None if hint is None else parse_dtype(hint)
    except (NameError, SyntaxError, TypeError, TypeMismatch, PlanError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCall(Expr):
    """A user's function inside an expression; `placed` moves it into a `MapBatches` node, since no device has it."""

    function: UserFunction
    args: tuple[Expr, ...]
    compiles: bool

    @property
    def children(self) -> tuple[Expr, ...]:
        """Arguments."""
        return self.args

    def with_children(self, children: tuple[Expr, ...]) -> UserCall:
        """Return the call on other arguments."""
        return replace(self, args=children)

    def __str__(self) -> str:
        return f"{self.function.label}({', '.join(map(str, self.args))})"


def placed(plan: Plan, exprs: Sequence[Expr]) -> tuple[Plan, tuple[Expr, ...]]:
    """Move users' functions and window functions out of expressions over a plan into nodes above it.

    Innermost first, whichever it is. Window functions take rows in the plan's order and keep it.
    """
    current = tuple(exprs)
    while any(map(_has_call, current)):
        nodes = list(dict.fromkeys(node for expr in current for node in walk_once(expr)))
        ready = [n for n in nodes if isinstance(n, UserCall) and not any(_has_call(a) or has_window(a) for a in n.args)]
        columns: dict[Expr, Expr] = {}
        if ready:
            for one in ready:
                plan, columns[one] = _applied(plan, one)
        else:  # every call waits for a window
            windows = [node for node in nodes if isinstance(node, WindowExpr) and not _has_call(node)]
            plan, made = plan_windows(plan, windows, keeps_order=True)
            columns.update(zip(windows, made, strict=True))
        current = tuple(transform_up(expr, lambda node: columns.get(node, node)) for expr in current)  # noqa: B023  # called at once
    return plan_windows(plan, current, keeps_order=True)


def _has_call(expr: Expr) -> bool:
    return any(isinstance(node, UserCall) for node in walk_once(expr))


def _applied(plan: Plan, own: UserCall) -> tuple[Plan, Column]:
    """Put a call's result beside a plan's rows."""
    given = plan
    # A column that is given twice is read under another name: the columns of a batch have names of their own.
    plain = [isinstance(arg, Column) and arg not in own.args[:number] for number, arg in enumerate(own.args)]
    computed = [
        NamedExpr(name=fresh(plan, f"__argument_{number}"), expr=arg)
        for number, arg in enumerate(own.args)
        if not plain[number]
    ]
    if computed:
        kept = [NamedExpr(name=f.name, expr=Column(name=f.name, dtype=f.dtype)) for f in given.schema]
        plan = Project(input=given, exprs=(*kept, *computed))
    names = iter(computed)
    reads = tuple(
        arg.name if is_plain and isinstance(arg, Column) else next(names).name
        for arg, is_plain in zip(own.args, plain, strict=True)
    )
    result = Field(fresh(plan, f"__{own.function.label}"), own.dtype)
    user = own.function
    arguments = tuple((str(arg), arg.dtype) for arg in own.args)
    function: Callable[[Any], Any] = (
        OfColumns(user.function, user.label, result)
        if user.vectorized
        else OfRows(user.function, user.label, arguments, result, own.compiles, user.takes_nulls)
    )
    plan = MapBatches(input=plan, label=user.label, function=function, adds=(result,), reads=reads, keeps=True)
    return plan, Column(name=result.name, dtype=result.dtype)


def fresh(plan: Plan, name: str) -> str:
    """Return a name that no column of a plan has."""
    while name in plan.schema:
        name += "_"
    return name
