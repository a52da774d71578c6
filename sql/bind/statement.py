"""What one statement shares while it is bound: its text, the catalogue, the parameters and the names given out."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from sqlglot import exp

from ...engine.errors import SqlError, VolleyError, suggestion
from ...engine.expr import Expr, Literal, NamedExpr, columns_of, literal
from ...engine.frame.registered import Registered
from ...engine.plan import Plan, Project, Scan
from ..parse import SqlText
from ..rules import Rules
from .names import Names
from .rows import one_row


class Catalogue(Protocol):
    """The tables that a statement can name."""

    def table(self, name_parts: tuple[str, ...]) -> Plan | None:
        """Return the plan behind a name (``("schema", "table")`` or ``("table",)``), or None where there is none."""
        ...

    def rules(self, name_parts: tuple[str, ...]) -> Rules:
        """Return what the rows of a table must keep."""
        ...

    def file(self, path: str | list[str], format: str | None = None, **options: Any) -> Plan | None:  # noqa: A002
        """Return the plan that reads a file, glob or directory named in quotes, or None where that cannot be one.

        Functions such as ``read_csv`` name the format and its options as well, and may name several paths.
        """
        ...

    def rows(self, plan: Plan) -> list[tuple[Any, ...]]:
        """Run a plan at once and return its rows: what a plan depends on, such as the columns of a PIVOT."""
        ...

    def registered(self, name: str) -> Registered | None:
        """Return the function or model of a name, whose case does not matter, or None where there is none."""
        ...

    def models(self) -> list[str]:
        """Return the names of all models."""
        ...

    def call(self, found: Registered, task: str, args: Sequence[Any]) -> Plan:
        """Call a function of tables, or a model's ``task``, on plans and plain values."""
        ...

    def names(self) -> list[str]:
        """Return the names of all tables, for error messages and completion."""
        ...


class Statement:
    """One statement on its way to a plan."""

    def __init__(
        self, *, source: SqlText, catalogue: Catalogue, params: Mapping[str, Any] | Sequence[Any] | None
    ) -> None:
        self.source = source
        self.catalogue = catalogue
        self.names = Names()
        self.started = dt.datetime.now(dt.UTC)
        self._params = _by_name(params)
        self._used: set[str] = set()

    def seed(self) -> int:
        """Return a seed for numbers by chance, another each time."""
        return random.SystemRandom().getrandbits(62)

    def parameter(self, node: exp.Expr, name: str) -> Literal:
        """Return the constant given for a parameter."""
        for key, value in self._params.items():
            if key.lower() == name.lower():
                self._used.add(key)
                try:
                    return literal(value)
                except VolleyError as error:
                    raise self.source.error(node, f"parameter ${name}: {error}") from None
        given = [f"${key}" for key in self._params]
        hint = suggestion("$" + name, given) if given else "; pass it in params"
        message = f"parameter ${name} has no value{hint}"
        offset = self.source.text.find(f"${name}")  # sqlglot keeps no place for parameters
        raise self.source.error_at(offset, message) if offset >= 0 else self.source.error(node, message)

    def constant(self, expr: Expr) -> Literal | None:
        """Return the value of an expression that reads no column; None where it reads one."""
        if isinstance(expr, Literal):
            return expr
        if columns_of(expr):
            return None
        one = Scan(source=one_row(self.names.fresh("one_row")))
        ((value,),) = self.catalogue.rows(Project(input=one, exprs=(NamedExpr(name="value", expr=expr),)))
        return Literal(value=value, dtype=expr.dtype)

    def check_params_used(self) -> None:
        """Refuse values for parameters that the text does not have: most often a misspelt name."""
        unused = [key for key in self._params if key not in self._used]
        if unused:
            shown = ", ".join(f"${key}" for key in unused)
            raise SqlError(f"the text has no parameter {shown}; remove the value or name it in the text")

    def allow_only(self, node: exp.Expr, known: Collection[str], what: str) -> None:
        """Refuse a node that carries syntax which nobody here reads, rather than to ignore it."""
        for key, value in node.args.items():
            if value and key not in known:
                shown = key.strip("_").replace("_", " ").upper()
                inner = value[0] if isinstance(value, list) else value
                place = inner if isinstance(inner, exp.Expr) else node
                raise self.source.unsupported(place, f"{shown} in {what}")


def _by_name(params: Mapping[str, Any] | Sequence[Any] | None) -> dict[str, Any]:
    if params is None:
        return {}
    if isinstance(params, Mapping):
        return {str(key): value for key, value in params.items()}
    if isinstance(params, str | bytes):
        raise SqlError("params must be a mapping of names or a sequence of values, not a text")
    return {str(position): value for position, value in enumerate(params, start=1)}
