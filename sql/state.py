"""What SQL keeps in a session beside tables, views and functions: sequences, variables, schemas, what is prepared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp

from ..engine.errors import ExecutionError
from ..engine.frame import Session
from .parse import SqlText

MAIN = "main"


@dataclass(slots=True, kw_only=True)
class Sequence:
    """Numbers given out one after the other."""

    start: int = 1
    increment: int = 1
    least: int = 1
    most: int = 2**63 - 1
    cycle: bool = False
    last: int | None = None

    def next(self, name: str) -> int:
        """Return the next number.

        Raises
        ------
        ExecutionError
            If there is none left.
        """
        value = self.following
        if not self.least <= value <= self.most:
            if not self.cycle:
                raise ExecutionError(f"the sequence {name!r} has no number left after {self.last}")
            value = self.least if self.increment > 0 else self.most
        self.last = value
        return value

    @property
    def following(self) -> int:
        """The number that comes next, if there is one."""
        return self.start if self.last is None else self.last + self.increment

    def skip(self, name: str, count: int) -> None:
        """Count so many numbers as given out."""
        if count == 0:
            return
        last = self.following + (count - 1) * self.increment
        if not self.least <= last <= self.most:
            raise ExecutionError(f"the sequence {name!r} has fewer than {count} numbers left after {self.last}")
        self.last = last


@dataclass(slots=True, kw_only=True)
class State:
    """What SQL keeps in one session.

    Attributes
    ----------
    schema
        Where names without a schema are looked up, and made.
    saved
        What a transaction began with; None outside one.
    """

    schema: str = MAIN
    schemas: list[str] = field(default_factory=lambda: [MAIN])
    sequences: dict[str, Sequence] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    prepared: dict[str, SqlText] = field(default_factory=dict)
    types: dict[str, exp.DataType] = field(default_factory=dict)
    saved: Saved | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """The names of a session at one time; what they name never changes."""

    tables: dict[str, Any]
    views: dict[str, Any]
    rules: dict[str, Any]
    registered: dict[str, Any]
    sequences: dict[str, Sequence]
    schemas: list[str]
    schema: str


def state_of(session: Session) -> State:
    """Return what SQL keeps in a session."""
    state: State | None = session.kept.get("sql")
    if state is None:
        state = session.kept["sql"] = State()
    return state


def begin(session: Session) -> None:
    """Remember what there is, for `rollback`."""
    state = state_of(session)
    if state.saved is not None:
        raise ExecutionError("a transaction has begun already; end it with commit or rollback")
    state.saved = Saved(
        tables=dict(session.tables),
        views=dict(session.views),
        rules=dict(session.rules),
        registered=dict(session.registered),
        sequences={name: replace(sequence) for name, sequence in state.sequences.items()},
        schemas=list(state.schemas),
        schema=state.schema,
    )


def commit(session: Session) -> None:
    """Keep what was done since `begin`."""
    state = state_of(session)
    if state.saved is None:
        raise ExecutionError("there is no transaction to commit; begin one")
    state.saved = None


def rollback(session: Session) -> None:
    """Bring back what there was at `begin`."""
    state = state_of(session)
    saved = state.saved
    if saved is None:
        raise ExecutionError("there is no transaction to roll back; begin one")
    session.tables, session.views = dict(saved.tables), dict(saved.views)
    session.rules, session.registered = dict(saved.rules), dict(saved.registered)
    state.sequences, state.schemas, state.schema = saved.sequences, saved.schemas, saved.schema
    state.saved = None


def qualified(session: Session, parts: tuple[str, ...]) -> str | None:
    """Return the key by which the session knows a table's name of one to three parts; None where there is no schema."""
    state = state_of(session)
    if len(parts) == 3 and parts[0].lower() == "memory":
        parts = parts[1:]
    if len(parts) == 1:
        return parts[0] if state.schema == MAIN else f"{state.schema}.{parts[0]}"
    if len(parts) != 2:
        return None
    if parts[0].lower() in (MAIN, "temp", "memory"):
        return parts[1]
    schema = next((known for known in state.schemas if known.lower() == parts[0].lower()), None)
    return None if schema is None else f"{schema}.{parts[1]}"
