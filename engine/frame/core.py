"""What every part of a frame stands on: its plan, its columns, and new frames made of both."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

from ..dtypes import DataType
from ..errors import PlanError, TypeMismatch
from ..expr import Column, Expr, NamedExpr, literal
from ..plan import Filter, Plan, Project
from ..schema import Schema
from . import show
from .reaching import reaching
from .replacements import not_found
from .series import Series, carried
from .session import Session, current_session
from .udf import placed
from .window import keeps_rows, projected

if TYPE_CHECKING:
    from .frame import DataFrame


class Core:
    """A plan, the session it runs in, and the columns that ``to_pandas`` makes the index.

    The parts of `DataFrame` are classes over this one, none of which is made alone.
    """

    __slots__ = ("_first", "index", "plan", "session")

    _first: show.First

    plan: Plan
    session: Session
    index: tuple[str, ...]

    def _fill(self, plan: Plan, session: Session, index: tuple[str, ...]) -> None:
        object.__setattr__(self, "plan", plan)
        object.__setattr__(self, "session", session)
        object.__setattr__(self, "index", index)

    @classmethod
    def from_plan(cls, plan: Plan, session: Session | None = None, index: tuple[str, ...] = ()) -> Self:
        """Return a frame over a plan."""
        frame = cls.__new__(cls)
        frame._fill(plan, session or current_session(), index)  # noqa: SLF001  # its own class
        return frame

    @property
    def _own(self) -> DataFrame:
        return typing.cast("DataFrame", self)

    def with_plan(self, plan: Plan, *, index: tuple[str, ...] = ()) -> DataFrame:
        """Return a frame of the same session over another plan."""
        return self._own.from_plan(plan, self.session, index)

    def __setattr__(self, name: str, value: object) -> None:
        raise PlanError(f"frames are immutable; use frame = frame.assign({name}=…)")

    def __setitem__(self, name: object, value: object) -> None:
        raise PlanError(f"frames are immutable; use frame = frame.assign({name}=…)")

    @property
    def schema(self) -> Schema:
        """Names and types of the columns."""
        return self.plan.schema

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.schema.names)

    @property
    def dtypes(self) -> dict[str, DataType]:
        """Types of the columns by name."""
        return {field.name: field.dtype for field in self.schema}

    def __repr__(self) -> str:
        return show.as_text(self._own, types=True)

    def __str__(self) -> str:
        return show.as_text(self._own, types=False)

    def _repr_html_(self) -> str:
        return show.as_html(self._own)

    def __contains__(self, name: object) -> bool:
        return name in self.schema

    def __iter__(self) -> Iterator[str]:
        return iter(self.schema.names)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(name for name in self.schema.names if name.isidentifier())]

    @property
    def _unmarked(self) -> list[str]:
        """Columns that methods of whole frames take: all but those marked as index, which are the rows' labels."""
        return [name for name in self.schema.names if name not in self.index]

    def _only(self, method: str) -> str:
        """Return the one column that is not marked as index, which a method that is told of none is about."""
        if len(self._unmarked) != 1 or not self.index:
            raise PlanError(f"{method} needs the name of a column, such as {method}({self.columns[:1] or ['x']!r})")
        return self._unmarked[0]

    def _compared(self, subset: str | Sequence[str] | None) -> list[str]:
        """Return the columns by which rows are compared: some, or all but the index (all, if there are no others)."""
        if subset is None:
            return self._unmarked or self.columns
        return [subset] if isinstance(subset, str) else list(subset)

    def _column(self, name: str) -> Column:
        return Column(name=name, dtype=self.schema[name].dtype)

    def __getattr__(self, name: str) -> Series:
        if name.startswith("__") or name in Core.__slots__:
            raise AttributeError(name)
        if name in self.schema:
            return Series(self._own, self._column(name))
        raise not_found("DataFrame", name, [*self.columns, *dir(type(self))])

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return Series(self._own, self._column(key))
        if isinstance(key, Series | Core):
            return self.filter(typing.cast("Series | DataFrame", key))
        if isinstance(key, slice):
            return self._own.iloc[key]
        if isinstance(key, int) and str(key) in self.schema:  # what ``str.split(expand=True)`` calls its columns
            return Series(self._own, self._column(str(key)))
        if isinstance(key, Sequence) and all(isinstance(name, str) for name in key):
            return self.select(*key)
        raise TypeMismatch(
            "index a frame with a column name, a list of names, a slice of rows, or a condition such as frame.x > 1"
        )

    def filter(
        self,
        condition: Series | DataFrame | Callable[[DataFrame], Series] | Sequence[str] | None = None,
        *,
        items: Sequence[str] | None = None,
        like: str | None = None,
        regex: str | None = None,
    ) -> DataFrame:
        """Return the rows where a condition is true (not false, not null), or columns by name as in pandas.

        Parameters
        ----------
        condition
            Such as ``frame.x > 1``, or a function of the frame that gives one. Where one column stands beside those
            marked as index, the frame itself compared: ``totals[totals > 1]``.
        items, like, regex
            Instead: names of columns (unknown ones are passed over), a text that names contain, or a regular
            expression that is found in them.
        """
        if isinstance(condition, list | tuple):
            condition, items = None, condition
        if sum(given is not None for given in (condition, items, like, regex)) != 1:
            raise TypeMismatch("a filter needs a condition such as frame.x > 1, or one of items=, like= and regex=")
        if condition is None:
            if items is not None:
                return self.select(*(name for name in dict.fromkeys(items) if name in self.schema))
            return self.select(*(name for name in self.columns if _is_wanted(name, like, regex)))
        made = condition(self._own) if callable(condition) else condition
        if isinstance(made, Core) and isinstance(made.plan, Project) and made.plan.input is self.plan:
            name = made._only("a filter")  # noqa: SLF001  # its own class
            made = Series(self._own, next(one.expr for one in made.plan.exprs if one.name == name))
        if not isinstance(made, Series):
            raise TypeMismatch(f"a filter needs a condition such as frame.x > 1, not {type(made).__name__}")
        frame = reaching(self._own, [made])
        plan, (test,) = placed(frame.plan, [frame._operand(made)])  # noqa: SLF001  # its own class
        kept = self.with_plan(Filter(input=plan, predicate=test), index=self.index)
        return kept if plan is self.plan else kept.select(*self.columns)

    def select(self, *columns: str | Series, **named: Any) -> DataFrame:
        """Return the named columns and expressions, in order; ``new=expression`` names what it adds."""
        exprs = [self._named(column) for column in columns]
        exprs += [NamedExpr(name=name, expr=self._operand(value)) for name, value in named.items()]
        return self._project(exprs)

    def _named(self, column: str | Series) -> NamedExpr:
        if isinstance(column, str):
            return NamedExpr(name=column, expr=self._column(column))
        return NamedExpr(name=column.name, expr=self._operand(column))

    def _operand(self, value: Any) -> Expr:
        if callable(value) and not isinstance(value, Series):
            value = value(self._own)
        return Series(self._own, literal(None)).operand(value)

    def _project(self, exprs: Iterable[NamedExpr]) -> DataFrame:
        plan = projected(self.plan, exprs)
        return self.with_plan(plan, index=tuple(name for name in self.index if name in plan.schema))

    def assign(self, **columns: Any) -> DataFrame:
        """Add or replace columns: constants, expressions, or functions of the frame; later ones see earlier ones."""
        frame = self._own
        for name, value in columns.items():
            frame = frame._with(name, value)  # noqa: SLF001  # its own class
        return frame

    def _with(self, name: str, value: Any) -> DataFrame:
        if isinstance(value, Series) and keeps_rows(value.frame.plan, self.plan) and not self._chose(value.frame.plan):
            return self._beside(name, value)
        value = value(self._own) if callable(value) and not isinstance(value, Series) else value
        frame = reaching(self._own, [value])
        expr = frame._operand(value)  # noqa: SLF001  # its own class
        exprs = [
            NamedExpr(name=f.name, expr=expr if f.name == name else Column(name=f.name, dtype=f.dtype))
            for f in self.schema
        ]
        if name not in self.schema:
            exprs.append(NamedExpr(name=name, expr=expr))
        return frame._project(exprs)  # noqa: SLF001  # its own class

    def _chose(self, plan: Plan) -> bool:
        """Return whether a plan only chooses columns of this one's, and computes with them."""
        while isinstance(plan, Project) and plan is not self.plan:
            plan = plan.input
        return plan is self.plan

    def _beside(self, name: str, column: Series) -> DataFrame:
        """Add a column of a frame that only added columns to this one, such as what `Series.apply` makes."""
        wide = column.frame
        places = carried(wide.plan, self.plan) or {}
        if lost := [old for old in self.columns if old not in places and old != name]:
            raise PlanError(f"column {column.name!r} belongs to a frame without {lost[0]!r}; assign there instead")
        exprs = {old: Series(wide, wide[places[old]].expr) for old in self.columns if old in places}
        return self.with_plan(wide.select(**{**exprs, name: column}).plan, index=self.index)


def _is_wanted(name: str, like: str | None, regex: str | None) -> bool:
    return like in name if like is not None else re.search(regex or "", name) is not None
