"""``query`` and ``eval``: pandas' expression texts, read by Python's own parser, made into typed columns.

As in pandas, ``&`` and ``|`` bind like ``and`` and ``or``, backticks quote column names, and ``@name`` is a variable of
the caller.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ColumnNotFound, PlanError
from ..expr import literal
from .accessor import Accessor
from .series import Series

if TYPE_CHECKING:
    from .frame import DataFrame

_SPECIAL = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?P<quoted>[^`]*)`|@(?P<variable>\w+)|(?P<logic>[&|])""")
_LOGIC = {"&": " and ", "|": " or "}
_MATHEMATICS = ("abs", "ceil", "exp", "floor", "log", "log10", "sqrt")
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def queried(frame: DataFrame, text: str, variables: Mapping[str, Any]) -> DataFrame:
    """Return the rows where a condition is true; see `DataFrame.query`."""
    reader = _Reader(text, variables)
    statement, *more = reader.statements()
    if more or not isinstance(statement, ast.Expr):
        raise PlanError(f"a query is one condition, such as 'x > 1 and y == 2', not {text!r}")
    return frame.filter(_column(frame, reader.value(frame, statement.value)))


def evaluated(frame: DataFrame, text: str, variables: Mapping[str, Any]) -> Any:
    """Return the column that an expression makes, or the frame with what assignments add; see `DataFrame.eval`."""
    reader = _Reader(text, variables)
    statements = reader.statements()
    if len(statements) == 1 and isinstance(statements[0], ast.Expr):
        return _column(frame, reader.value(frame, statements[0].value))
    for statement in statements:
        if not (isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)):
            raise reader.refused(statement, "eval takes one expression, or lines such as 'total = price * count'")
        name = reader.columns.get(statement.targets[0].id, statement.targets[0].id)
        frame = frame.assign(**{name: reader.value(frame, statement.value)})
    return frame


def _column(frame: DataFrame, value: Any) -> Series:
    return value if isinstance(value, Series) else Series(frame, literal(value))


class _Reader:
    """Reads one text.

    Parameters
    ----------
    text
        What the user wrote.
    variables
        Values by name for ``@name``.
    """

    def __init__(self, text: str, variables: Mapping[str, Any]) -> None:
        self.text = text
        self.variables = variables
        self.columns: dict[str, str] = {}
        self._known: dict[str, Any] = {}
        self._shifts: list[tuple[int, int]] = []
        self._lines = _SPECIAL.sub(self._plain, text).splitlines(keepends=True)

    def _plain(self, match: re.Match[str]) -> str:
        """Return plain Python for what only this language has; a name stands for a quoted column or a variable."""
        if match["quoted"] is not None:
            made = f"__column_{len(self.columns)}"
            self.columns[made] = match["quoted"]
        elif match["variable"]:
            name = match["variable"]
            if name not in self.variables:
                raise PlanError(f"no variable {name!r} for {match[0]} {self._at(match.start())}")
            made = f"__variable_{name}"
            self._known[made] = self.variables[name]
        else:
            made = _LOGIC.get(match[0], match[0])
        self._shifts.append((match.end(), len(made) - len(match[0])))
        return made

    def _at(self, offset: int) -> str:
        return f"(character {offset + 1} of {self.text!r})"

    def _place(self, line: int, column: int) -> str:
        """Say where in the user's text a place of the translated one lies."""
        text = self._lines[line - 1]
        offset = sum(map(len, self._lines[: line - 1])) + len(text) - len(text.lstrip()) + column
        moved = 0
        for end, shift in self._shifts:
            if end + moved + shift <= offset:
                moved += shift
        return self._at(offset - moved)

    def refused(self, node: ast.stmt | ast.expr, reason: str) -> PlanError:
        """Return an error that points at a node."""
        column = len(self._lines[node.lineno - 1].lstrip().encode()[: node.col_offset].decode())
        return PlanError(f"{reason} {self._place(node.lineno, column)}")

    def statements(self) -> list[ast.stmt]:
        """Return what the text says."""
        try:
            parsed = ast.parse("\n".join(line.strip() for line in self._lines)).body
        except SyntaxError as error:
            place = self._place(min(error.lineno or 1, len(self._lines)), max(0, (error.offset or 1) - 1))
            raise PlanError(f"cannot read the expression: {error.msg} {place}") from error
        if not parsed:
            raise PlanError("the expression is empty; write one such as 'x > 1 and y == 2'")
        return parsed

    def value(self, frame: DataFrame, node: ast.expr) -> Any:
        """Return a node's value: a column, or a constant."""
        match node:
            case ast.Constant():
                return node.value
            case ast.List() | ast.Tuple() | ast.Set():
                return [self.value(frame, one) for one in node.elts]
            case ast.Name():
                return self._named(frame, node)
            case ast.UnaryOp():
                return self._unary(node.op, self.value(frame, node.operand))
            case ast.BoolOp():
                return self._logical(node.op, [self.value(frame, one) for one in node.values])
            case ast.BinOp() if type(node.op) in _ARITHMETIC:
                return _ARITHMETIC[type(node.op)](self.value(frame, node.left), self.value(frame, node.right))
            case ast.Compare():
                return self._compared(frame, node)
            case ast.Attribute():
                return self._attribute(frame, node)
            case ast.Call():
                return self._called(frame, node)
        raise self.refused(node, f"an expression cannot have {_described(node)}; use frame[...] with columns instead")

    def _named(self, frame: DataFrame, node: ast.Name) -> Any:
        if node.id in self._known:
            return self._known[node.id]
        name = self.columns.get(node.id, node.id)
        if name not in frame.schema:
            raise ColumnNotFound(name, frame.columns, str(self.refused(node, "")))
        return frame[name]

    def _unary(self, op: ast.unaryop, value: Any) -> Any:
        if isinstance(op, ast.USub):
            return -value
        if isinstance(op, ast.UAdd):
            return value
        return ~value if isinstance(value, Series) else not value

    def _logical(self, op: ast.boolop, values: list[Any]) -> Any:
        result = values[0]
        for value in values[1:]:
            if isinstance(result, Series) or isinstance(value, Series):
                result = result & value if isinstance(op, ast.And) else result | value
            else:
                result = (result and value) if isinstance(op, ast.And) else (result or value)
        return result

    def _compared(self, frame: DataFrame, node: ast.Compare) -> Any:
        values = [self.value(frame, one) for one in (node.left, *node.comparators)]
        tests = [
            self._comparison(node, op, left, right)
            for op, left, right in zip(node.ops, values, values[1:], strict=False)
        ]
        return self._logical(ast.And(), tests)

    def _comparison(self, node: ast.Compare, op: ast.cmpop, left: Any, right: Any) -> Any:
        listed = isinstance(right, list | tuple | set | frozenset | range)
        if isinstance(op, ast.In | ast.NotIn) or (listed and isinstance(op, ast.Eq | ast.NotEq)):
            if not (isinstance(left, Series) and listed):
                raise self.refused(node, "'in' and 'not in' need a column on the left and a list on the right")
            test = left.isin(right)
            return test if isinstance(op, ast.In | ast.Eq) else ~test
        if type(op) not in _COMPARISONS:
            raise self.refused(node, "'is' compares no columns; use == and !=, or x.isna()")
        return _COMPARISONS[type(op)](left, right)

    def _attribute(self, frame: DataFrame, node: ast.Attribute) -> Any:
        value = self.value(frame, node.value)
        if not isinstance(value, Series | Accessor) or node.attr.startswith("_"):
            raise self.refused(node, f"only columns have methods in an expression, not what stands before .{node.attr}")
        return getattr(value, node.attr)

    def _called(self, frame: DataFrame, node: ast.Call) -> Any:
        args = [self.value(frame, one) for one in node.args]
        options = {one.arg: self.value(frame, one.value) for one in node.keywords if one.arg is not None}
        if isinstance(node.func, ast.Attribute):
            return self._attribute(frame, node.func)(*args, **options)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in _MATHEMATICS or len(args) != 1 or not isinstance(args[0], Series):
            known = ", ".join(_MATHEMATICS)
            raise self.refused(node, f"an expression calls methods of columns, or {known} with one column")
        return getattr(args[0], name)()


def _described(node: ast.expr) -> str:
    match node:
        case ast.Lambda():
            return "a function"
        case ast.Subscript():
            return "square brackets behind a value"
        case ast.IfExp():
            return "if and else (where() of a column chooses)"
        case ast.BinOp():
            return f"the operator {type(node.op).__name__}"
    return f"a {type(node).__name__}"
