"""Views: queries kept with their text, bound anew each time they are read, over the tables there are by then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlglot import exp

from ..engine.errors import PlanError, SqlError, UnsupportedOperation
from ..engine.expr import Column, NamedExpr
from ..engine.frame import DataFrame
from ..engine.plan import Plan, Project
from .bind import Catalogue, bind_tree
from .parse import SqlText


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A named query.

    Attributes
    ----------
    source, query
        The text of the statement that made the view, in its dialect, and the query in it.
    columns
        New names of the first columns.
    params
        Values of the text's parameters.
    frames, variables
        What the text could name beside the tables of the session, as they were when the view was made.
    """

    source: SqlText
    query: exp.Expr
    columns: tuple[str, ...]
    params: Mapping[str, Any] | Sequence[Any] | None
    frames: Mapping[str, Any]
    variables: Mapping[str, object]

    def bind(self, catalogue: Catalogue) -> Plan:
        """Return the plan of the query over the tables of a catalogue.

        Raises
        ------
        SqlError
            If the text is wrong now; its place is one in the view's text.
        PlanError
            If it gives fewer columns than have names.
        """
        plan = bind_tree(self.source, self.query.copy(), catalogue, self.params)
        fields = list(plan.schema)
        if len(self.columns) > len(fields):
            raise PlanError(f"the query gives {len(fields)} columns; {len(self.columns)} names are given")
        if not self.columns:
            return plan
        names = (*self.columns, *(f.name for f in fields[len(self.columns) :]))
        pairs = zip(names, fields, strict=True)
        exprs = tuple(NamedExpr(name=name, expr=Column(name=f.name, dtype=f.dtype)) for name, f in pairs)
        return Project(input=plan, exprs=exprs)

    def read(self, name: str, catalogue: Catalogue) -> Plan:
        """Return the plan as `bind`; errors name the view."""
        try:
            return self.bind(catalogue)
        except UnsupportedOperation:
            raise
        except SqlError as error:
            message = error.message if error.message.startswith("view ") else f"view {name!r}: {error.message}"
            raise SqlError(message, line=error.line, column=error.column, text=error.text) from None
        except PlanError as error:
            raise SqlError(f"view {name!r}: {error}") from None


class ViewCatalogue(Catalogue, Protocol):
    """A catalogue whose names views can keep, and that can be given further frames."""

    def with_frames(self, frames: Mapping[str, DataFrame]) -> ViewCatalogue:
        """Return this catalogue with further frames, which come first."""
        ...

    def for_view(self, name: str) -> tuple[Catalogue, Mapping[str, Any], Mapping[str, object]]:
        """Return the catalogue in which a new view is bound first, and the frames and variables for it to keep.

        The variables are filled with those that the binding uses.
        """
        ...
