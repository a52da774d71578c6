"""Statements that are no queries: EXPLAIN, DESCRIBE, SUMMARIZE, SHOW, SET, COPY; those of tables are in ``tables``.

Each gives a frame, as a query does. What changes tables or files is done at once; the frame then says what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlglot import exp

from ..engine import dtypes
from ..engine.errors import suggestion
from ..engine.frame import DataFrame, Session
from .alter import Alterations
from .bind import bind_tree
from .bind.file_options import file_option
from .commands import Context, command
from .deep import with_enough_stack
from .information import CATALOGUE, split_name, table_info
from .macros import macro_statement
from .models import model_statement
from .null_order import SETTINGS, Ordering, stated
from .parse import SqlText, explained, is_query, parse, parse_statement, reset_setting
from .sequences import asks_session, create_sequence, drop_sequence, taken
from .state import MAIN, state_of
from .tables import done, selected, table
from .type_names import with_types
from .views import ViewCatalogue

Parameters = Mapping[str, Any] | Sequence[Any] | None
_FORMATS = {"arrow": "ipc", "feather": "ipc", "ndjson": "json", "jsonl": "json"}
_NO_PRAGMAS = (
    "enable_verification",
    "disable_verification",
    "verify_parallelism",
    "disable_verify_parallelism",
    "enable_profiling",
    "disable_profiling",
    "enable_object_cache",
    "disable_object_cache",
    "enable_optimizer",
    "verify_external",
    "disable_verify_external",
    "force_checkpoint",
)
"""What DuckDB's tests turn on in itself; it changes no answer."""
_OPTIONS = {"delim": "delimiter", "sep": "delimiter", "row_group_size": "row_group_rows"}
_KEEPING = ("overwrite_or_ignore", "append")
_UTC = ("utc", "etc/utc", "gmt")


def execute(
    text: str, catalogue: ViewCatalogue, session: Session, *, dialect: str = "duckdb", params: Parameters = None
) -> DataFrame:
    """Return the frame of one statement: lazy for a query, EXPLAIN and SUMMARIZE; for others what they did.

    Raises
    ------
    SqlError
        If the text is wrong; carries line and column.
    UnsupportedOperation
        If the text uses SQL that Volley does not offer.
    """
    source = SqlText(text=text, dialect=dialect, ordering=Ordering.of(session.options))
    return with_enough_stack(lambda: _executed(source, catalogue, session, params))


def _executed(source: SqlText, catalogue: ViewCatalogue, session: Session, params: Parameters) -> DataFrame:
    statements = Statements(source, catalogue, session, params)
    if is_query(source):
        return statements.run(parse_statement(source))
    asked = explained(source)
    if asked is not None:
        stage, inner = asked
        frame = DataFrame.from_plan(bind_tree(inner, parse(inner), catalogue, params), session)
        return table(session, {"plan": dtypes.string}, [(line,) for line in frame.explain(stage).splitlines()])

    def again(inner: SqlText, given: Parameters) -> DataFrame:
        return execute(inner.text, catalogue, session, dialect=inner.dialect, params=given)

    ran = command(Context(source=source, session=session, run=again, value=statements.value))
    if ran is not None:
        return ran
    macro = macro_statement(source, session)
    if macro is not None:
        return macro
    made = model_statement(
        source, session, lambda inner, tree: DataFrame.from_plan(bind_tree(inner, tree, catalogue, params), session)
    )
    if made is not None:
        return made
    setting = reset_setting(source)
    return statements.run(parse_statement(source)) if setting is None else statements.reset(setting)


class Statements:
    """Runs one parsed statement."""

    def __init__(self, source: SqlText, catalogue: ViewCatalogue, session: Session, params: Parameters) -> None:
        self._source, self._catalogue, self._session, self._params = source, catalogue, session, params
        self._tables = Alterations(source, catalogue, session, self._query, params)

    def run(self, tree: exp.Expr) -> DataFrame:
        """Return the frame of the statement."""
        tree = with_types(tree, state_of(self._session).types)
        handlers: dict[type[exp.Expr], Callable[[Any], DataFrame]] = {
            exp.Show: self._show,
            exp.Create: self._create,
            exp.Drop: self._drop,
            exp.Alter: self._tables.alter,
            exp.Pragma: self._pragma,
            exp.Insert: self._tables.insert,
            exp.Update: self._tables.update,
            exp.Delete: self._tables.delete,
            exp.Merge: self._tables.merge,
            exp.TruncateTable: self._tables.truncate,
            exp.Copy: self._copy,
            exp.Set: self._set,
        }
        handler = handlers.get(type(tree))
        return self._query(tree) if handler is None else handler(tree)

    def _query(self, tree: exp.Expr, **frames: DataFrame) -> DataFrame:
        """Return the frame of a query, perhaps over further frames by name."""
        catalogue = self._catalogue.with_frames(frames) if frames else self._catalogue
        tree, finish = selected(tree), None
        if asks_session(self._source, self._session, tree):
            tree, finish = taken(self._source, self._session, tree)
        # What is computed on the way to a result need not read every parameter of the text.
        frame = DataFrame.from_plan(
            bind_tree(self._source, tree, catalogue, self._params, strict=not frames), self._session
        )
        if finish is not None:
            frame = frame.cache()
            finish(len(frame))
        return frame

    def value(self, node: exp.Expr) -> Any:
        """Return the value of an expression that reads no table."""
        made = self._query(
            exp.Select(expressions=[exp.Alias(this=node.copy(), alias=exp.to_identifier("value"))])
        ).collect()
        return made.column(0)[0].as_py()

    # --- schemas, sequences, indexes

    def _create(self, node: exp.Create) -> DataFrame:
        kind = str(node.args["kind"]).upper()
        if kind == "SEQUENCE":
            return create_sequence(self._source, self._session, node)
        if kind == "INDEX":
            return self._tables.create_index(node)
        if kind != "SCHEMA":
            return self._tables.create(node)
        name, schemas = str(node.this.db), state_of(self._session).schemas
        known = next((schema for schema in schemas if schema.lower() == name.lower()), None)
        if known is not None and not node.args.get("exists"):
            raise self._source.error(node.this, f"the schema {known!r} exists already")
        if known is None:
            schemas.append(name)
        return done(self._session, (known or name, "schema created" if known is None else "exists already"))

    def _drop(self, node: exp.Drop) -> DataFrame:
        kind = str(node.args["kind"]).upper()
        if kind == "SEQUENCE":
            return drop_sequence(self._source, self._session, node)
        if kind == "INDEX":
            raise self._source.unsupported(node, "DROP INDEX")
        return self._drop_schema(node) if kind == "SCHEMA" else self._tables.drop(node)

    def _drop_schema(self, node: exp.Drop) -> DataFrame:
        state = state_of(self._session)
        (target, *_) = node.args.get("tables") or [node.this]
        name = str(target.db or target.name)
        known = next((schema for schema in state.schemas if schema.lower() == name.lower()), None)
        if known is None and node.args.get("exists"):
            return done(self._session, (name, "not there"))
        if known is None or known == MAIN:
            what = "cannot be dropped" if known else f"is unknown{suggestion(name, state.schemas)}"
            raise self._source.error(target, f"the schema {name!r} {what}")
        held = [key for key in (*self._session.tables, *self._session.views) if split_name(key)[0] == known]
        if held and not node.args.get("cascade"):
            raise self._source.error(target, f"the schema {known!r} holds {len(held)} tables or views; write cascade")
        for key in held:
            self._session.rules.pop(key, None)
            self._session.unregister(key)
        state.schemas.remove(known)
        state.schema = MAIN if state.schema == known else state.schema
        return done(self._session, (known, "dropped"))

    def _pragma(self, node: exp.Pragma) -> DataFrame:
        call = node.this
        name = str(call.this.this.name if isinstance(call, exp.EQ) else call.name).lower()
        if isinstance(call, exp.EQ):
            return self._set(exp.Set(expressions=[exp.SetItem(this=call)]))
        if name in ("table_info", "show") and len(call.expressions) == 1:
            (argument,) = call.expressions
            target = exp.to_table(f'"{argument.name}"' if "." not in argument.name else argument.name, dialect="duckdb")
            frame = self._query(target)
            return table_info(self._session, frame, self._tables.rules(target))
        if name in _NO_PRAGMAS:
            return done(self._session, (name, "nothing to do"))
        if name == "show_tables":
            return self._show(exp.Show(this="TABLES"))
        if name == "database_list":
            kinds = {"seq": dtypes.int64, "name": dtypes.string, "file": dtypes.string}
            return table(self._session, kinds, [(0, CATALOGUE, None)])
        raise self._source.unsupported(node, f"PRAGMA {name}")

    def _show(self, node: exp.Show) -> DataFrame:
        if str(node.name).upper() != "TABLES":
            raise self._source.unsupported(node, f"SHOW {node.name.upper()}")
        schema = state_of(self._session).schema
        names = sorted(own for where, own in map(split_name, self._catalogue.names()) if where == schema)
        return table(self._session, {"name": dtypes.string}, [(name,) for name in names])

    # --- settings

    def _set(self, node: exp.Set) -> DataFrame:
        """Change settings of the session."""
        said = []
        for item in node.expressions:
            kind = str(item.args.get("kind") or "").upper()
            if kind == "VARIABLE" and isinstance(item.this, exp.EQ):
                name = str(item.this.this.name).lower()
                state_of(self._session).variables[name] = self.value(item.this.expression)
                said.append((name, "set"))
                continue
            if kind not in ("", "SESSION", "GLOBAL", "LOCAL") or not isinstance(item.this, exp.EQ):
                raise self._source.unsupported(item, f"SET {str(item.args.get('kind') or item.sql()).upper()}")
            name, value = str(item.this.this.name).lower(), item.this.expression
            if name == "timezone":
                self._zone(item, str(_option(value)))
            elif name in SETTINGS:
                kept, chosen = stated(name, _option(value))
                self._session.options[kept] = chosen
            else:
                self._session.configure(name, _option(value))
            said.append((name, "set"))
        return done(self._session, *said)

    def _zone(self, node: exp.Expr, zone: str) -> None:
        """Accept the zone in which moments are shown."""
        if zone.lower() not in _UTC:
            instead = f"moments are shown in UTC; write t at time zone '{zone}' where another zone is wanted"
            raise self._source.unsupported(node, f"the time zone {zone!r}", instead)

    def reset(self, name: str) -> DataFrame:
        """Give a setting the value that it had when the session began."""
        if name in SETTINGS:
            self._session.options.pop("default_null_order" if name == "null_order" else name, None)
        else:
            self._session.configure(name, None)
        return done(self._session, (name, "reset"))

    # --- files

    def _copy(self, node: exp.Copy) -> DataFrame:
        (target, *others) = node.args["files"]
        if others or not isinstance(target, exp.Literal) or not target.is_string:
            raise self._source.unsupported(target, "COPY to or from anything but one quoted path")
        options: dict[str, Any] = {}
        for param in node.args.get("params") or []:
            name, value = str(param.this.name).lower(), _option(param.expression)
            if node.args.get("kind"):
                options |= file_option(self._source, param, "", "nullstr" if name == "null" else name, value)
            elif name in _KEEPING:
                raise self._source.unsupported(param, f"{name}", "leave it out: COPY replaces what stands there")
            elif name != "overwrite":  # as every write does
                options[_OPTIONS.get(name, name)] = value
        by = options.get("partition_by")
        if by is not None:
            options["partition_by"] = by if isinstance(by, tuple) else (by,)
        form = str(options.pop("format", "")).lower() or None
        if node.args.get("kind"):
            return self._tables.copy_from(node, str(target.this), _FORMATS.get(form or "", form), options)
        inner = node.this.this if isinstance(node.this, exp.Subquery) else node.this
        frame = self._query(inner)
        written = frame.write(str(target.this), format=_FORMATS.get(form or "", form), **options)
        return DataFrame(written, session=self._session)


def _option(node: exp.Expr | None) -> Any:
    """Return the value of an option of COPY; one that is only named is true."""
    if node is None:
        return True
    if isinstance(node, exp.Tuple):
        return tuple(str(part.name) for part in node.expressions)
    if isinstance(node, exp.Paren):
        return (str(node.this.name),)
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Literal) and not node.is_string:
        return int(str(node.this))
    return str(node.name)
