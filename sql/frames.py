"""SQL over frames: the catalogue of a call, and the lazy frame that comes out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ..engine.errors import SqlError, TypeMismatch, UserFunctionError, VolleyError
from ..engine.frame import DataFrame, Session, current_session
from ..engine.frame.files import files
from ..engine.frame.registered import Registered, Role, models
from ..engine.frame.udf import UserFunction
from ..engine.plan import Plan, Scan
from .information import system_table
from .rules import Rules
from .state import qualified
from .statements import execute
from .views import View


def sql(
    text: str,
    /,
    params: Mapping[str, Any] | Sequence[Any] | None = None,
    *,
    dialect: str = "duckdb",
    scope: Callable[[str], object | None] | None = None,
    **frames: Any,
) -> DataFrame:
    """Return a lazy frame for one query, or a frame that says what another statement did.

    EXPLAIN [ANALYZE], DESCRIBE, SHOW TABLES, SUMMARIZE, CREATE [OR REPLACE] TABLE or VIEW … AS, DROP and COPY … TO are
    the other statements; tables and views are names registered with the session.

    Parameters
    ----------
    text
        The query. A table name means, in this order: a CTE, one of ``frames``, a table registered with the session,
        a variable that ``scope`` knows; a quoted path such as ``'flights/*.parquet'`` reads files.
    params
        Values for ``$name`` (a mapping) or for ``?`` and ``$1`` (a sequence).
    dialect
        Any dialect that sqlglot reads.
    scope
        Finds a variable of the caller by name; None where there is none.
    **frames
        Tables by name: frames, pandas DataFrames, or anything that exports Arrow.

    Raises
    ------
    SqlError
        If the text is wrong; carries line and column.
    UnsupportedOperation
        If the text uses SQL that Volley does not offer.
    TypeMismatch
        If one of ``frames`` is no table.
    ReadError
        If a file that the text names cannot be read.
    """
    return query(text, frames, params=params, dialect=dialect, scope=scope)


def query(
    text: str,
    tables: Mapping[str, Any],
    *,
    params: Mapping[str, Any] | Sequence[Any] | None = None,
    dialect: str = "duckdb",
    scope: Callable[[str], object | None] | None = None,
) -> DataFrame:
    """Return the frame of one statement over a mapping of tables, whose names may be any; otherwise as `sql`."""
    catalogue = FrameCatalogue(tables, scope)
    return execute(text, catalogue, catalogue.session, dialect=dialect, params=params)


class FrameCatalogue:
    """The tables of one query.

    Parameters
    ----------
    frames
        Tables given by name.
    scope
        Finds a variable by name.
    session
        Whose registered tables are known; by default that of the first frame given, else the current one.
    within
        Views that are being bound: they cannot read themselves.
    """

    def __init__(
        self,
        frames: Mapping[str, Any],
        scope: Callable[[str], object | None] | None = None,
        session: Session | None = None,
        within: tuple[str, ...] = (),
    ) -> None:
        self._frames = {name: _given(name, value) for name, value in frames.items()}
        self._scope, self._within = scope, within
        first = next(iter(self._frames.values()), None)
        self.session = session or (first.session if first is not None else current_session())

    def table(self, name_parts: tuple[str, ...]) -> Plan | None:
        """Return the plan of a table by its name, whose case does not matter."""
        if len(name_parts) > 1:
            system = system_table(self.session, name_parts)
            if system is not None:
                return system.plan
        keys = _keys(self.session, name_parts)
        for key in keys[:-1]:
            found = self._table(key)
            if found is not None:
                return found
        return self._table(keys[-1]) if keys else None

    def rules(self, name_parts: tuple[str, ...]) -> Rules:
        """Return what the rows of a table must keep; nothing where the session has made no such table."""
        known = (_spelled(key, self.session.tables) for key in _keys(self.session, name_parts))
        key = next((key for key in known if key is not None), None)
        return self.session.rules.get(key, Rules()) if key is not None else Rules()

    def _table(self, name: str) -> Plan | None:
        """Return the plan of a table by the key it is registered under."""
        for tables in (self._frames, self.session.tables):
            # `or` would ask a frame whether it is true, which runs it.
            spelled = _spelled(name, tables)
            if spelled is not None:
                return tables[spelled].plan
        spelled = _spelled(name, self._within)
        if spelled is not None:
            raise SqlError(f"view {spelled!r} would read itself; give one of the two another name")
        spelled = _spelled(name, self.session.views)
        if spelled is not None:
            return self._view(spelled)
        variable = None if self._scope is None else self._scope(name)
        return _frame(variable).plan if _is_table(variable) else None

    def _view(self, name: str) -> Plan:
        view: View = self.session.views[name]
        within = (*self._within, name)
        return view.read(name, FrameCatalogue(view.frames, view.variables.get, self.session, within))

    def with_frames(self, frames: Mapping[str, DataFrame]) -> FrameCatalogue:
        """Return this catalogue with further frames, which come first."""
        return FrameCatalogue({**self._frames, **frames}, self._scope, self.session, self._within)

    def for_view(self, name: str) -> tuple[FrameCatalogue, dict[str, DataFrame], dict[str, object]]:
        """Return the catalogue in which a new view is bound first, and the frames and variables for it to keep."""
        kept: dict[str, object] = {}

        def scope(variable: str) -> object | None:
            value = None if self._scope is None else self._scope(variable)
            if _is_table(value):
                value = _frame(value)
            if isinstance(value, DataFrame | UserFunction):
                kept[variable] = value
            return value

        within = (*self._within, name)
        return FrameCatalogue(self._frames, scope, self.session, within), self._frames, kept

    def readable(self) -> dict[str, DataFrame]:
        """Return the session's tables and views by name, without the views that cannot be read at present."""
        found = dict(self.session.tables)
        for name in self.session.views:
            with suppress(VolleyError):
                found[name] = DataFrame.from_plan(self._view(name), self.session)
        return found

    def file(self, path: str | list[str], format: str | None = None, **options: Any) -> Plan | None:  # noqa: A002
        """Return the plan that reads a path; None for a plain name without a dot, slash or star."""
        if format is None and not any(sign in path for sign in "./*"):
            return None
        return Scan(source=files().open_source(path, format=format, **options))

    def rows(self, plan: Plan) -> list[tuple[Any, ...]]:
        """Return the rows of a plan, run now."""
        table = self.session.collect(plan)
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    def registered(self, name: str) -> Registered | None:
        """Return a function or model registered with the session, or a function of ``vl.udf`` among the variables."""
        known = next((key for key in self.session.registered if key.lower() == name.lower()), None)
        if known is not None:
            return self.session.registered[known]
        variable = None if self._scope is None else self._scope(name)
        return Registered(Role.SCALAR, variable) if isinstance(variable, UserFunction) else None

    def models(self) -> list[str]:
        """Return the names of the session's models."""
        return [name for name, each in self.session.registered.items() if each.role is Role.MODEL]

    def call(self, found: Registered, task: str, args: Sequence[Any]) -> Plan:
        """Call a function of tables or a model; plans become frames for it."""
        given = [DataFrame.from_plan(arg, self.session) if isinstance(arg, Plan) else arg for arg in args]
        if found.role is Role.MODEL:
            run = models().explain if task == "explain" else models().predict
            return run(found.value, *given).plan
        try:
            made = found.value(*given)
        except VolleyError:
            raise
        except Exception as error:
            raise UserFunctionError(f"{task} raised {type(error).__name__}: {error}") from error
        if not _is_table(made) and not isinstance(made, Mapping | list):
            raise TypeMismatch(f"{task} returned a {type(made).__name__}, not a table; return a frame or Arrow data")
        return _frame(made).plan

    def names(self) -> list[str]:
        """Return the names given and registered."""
        return list(dict.fromkeys((*self._frames, *self.session.tables, *self.session.views)))


def _keys(session: Session, parts: tuple[str, ...]) -> list[str]:
    """Return the keys by which a table may be registered, the likeliest first."""
    key = qualified(session, parts)
    own = [key] if key is not None else []
    return [*own, parts[0]] if len(parts) == 1 and parts[0] not in own else own


def _spelled(name: str, names: Collection[str]) -> str | None:
    """Return a name as it is spelled among others, whose case does not matter; None where there is none."""
    return name if name in names else next((key for key in names if key.lower() == name.lower()), None)


def _is_table(value: object) -> bool:
    return isinstance(value, DataFrame) or hasattr(value, "__arrow_c_stream__")


def _frame(value: Any) -> DataFrame:
    return value if isinstance(value, DataFrame) else DataFrame(value)


def _given(name: str, value: Any) -> DataFrame:
    if not _is_table(value) and not isinstance(value, Mapping):
        raise TypeMismatch(f"{name} is a {type(value).__name__}, not a table; pass a frame or Arrow data")
    return _frame(value)
