"""Dot commands: what the prompt can do besides SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ...engine.errors import ConfigError, suggestion
from ...engine.frame import DataFrame, Session
from .statement_text import query_of_file

if TYPE_CHECKING:
    from .shell import Shell

STAGES = ("logical", "optimized", "physical", "analyze")
_DEVICES = ("auto", "cpu", "gpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A dot command.

    Attributes
    ----------
    usage
        Its arguments, as help shows them.
    summary
        What it does, in one line.
    run
        Is given the rest of the line; raises `VolleyError` where that is wrong.
    offers
        What Tab offers for the argument: words, names of tables, data files or scripts.
    """

    usage: str = ""
    summary: str
    run: Callable[[str], None]
    offers: tuple[str, ...] | Literal["tables", "data", "script"] = ()


class Leave(Exception):  # a signal of .quit, never seen by users
    """The user wants to leave."""


def choice(name: str, given: str, allowed: Iterable[str]) -> str:
    """Return the argument of a command in lower case.

    Raises
    ------
    ConfigError
        If it is not allowed.
    """
    known = tuple(allowed)
    if given.lower() not in known:
        shown = " or ".join(known) if len(known) < 3 else "one of " + ", ".join(known)
        raise ConfigError(f"{name} takes {shown}, not {given!r}")
    return given.lower()


def switched(name: str, given: str, *, now: bool) -> bool:
    """Return the new state of what is on or off; without an argument the other one."""
    return not now if not given else choice(name, given, ("on", "off")) == "on"


class ShellCommands:
    """The commands that concern the session; others are added by whoever knows how results look.

    Parameters
    ----------
    shell
        Whose commands they are.
    reopen
        Opens a session like the present one on another device or cluster, given by keyword; None where that is not
        offered.
    """

    def __init__(self, shell: Shell, reopen: Callable[..., Session] | None) -> None:
        self._shell, self._reopen = shell, reopen

    def table(self) -> dict[str, Command]:
        """Return the commands by name."""
        stages, on_off = "|".join(STAGES), ("on", "off")
        return {
            ".help": Command(usage="[COMMAND]", summary="this list, or one command", run=self._help),
            ".tables": Command(summary="tables known by name", run=self._tables),
            ".schema": Command(usage="[TABLE|FILE]", summary="columns and types", run=self._schema, offers="tables"),
            ".read": Command(usage="FILE", summary="run a script", run=self._read, offers="script"),
            ".export": Command(
                usage="FILE [TABLE]",
                summary="write the last result, or a table, to a file",
                run=self._export,
                offers="data",
            ),
            ".explain": Command(
                usage=f"[{stages}] [QUERY]",
                summary="the plan of a query, or of the last",
                run=self._explain,
                offers=STAGES,
            ),
            ".timer": Command(usage="[on|off]", summary="say how long each took", run=self._timer, offers=on_off),
            ".device": Command(
                usage=f"[{'|'.join(_DEVICES)}]", summary="where queries run", run=self._device, offers=_DEVICES
            ),
            ".cluster": Command(usage="[ADDRESS]", summary="the cluster that runs queries", run=self._cluster),
            ".quit": Command(summary="leave; so does Ctrl-D", run=self._quit),
        }

    def _quit(self, _: str) -> None:
        raise Leave

    def _help(self, argument: str) -> None:
        known = self._shell.commands
        if argument:
            name = argument if argument.startswith(".") else f".{argument}"
            if name not in known:
                raise ConfigError(f"unknown command {name}{suggestion(name, known)}")
            known = {name: known[name]}
        lines = [(f"{name} {command.usage}".rstrip(), command.summary) for name, command in known.items()]
        width = min(30, max(len(usage) for usage, _ in lines))
        text = "".join(
            f"{usage:<{width}}  {summary}\n" if len(usage) <= width else f"{usage}\n{'':<{width}}  {summary}\n"
            for usage, summary in lines
        )
        self._shell.say(text.rstrip("\n") if argument else text + _KEYS)

    def _tables(self, _: str) -> None:
        tables = self._shell.tables()
        if not tables:
            self._shell.say("no table has a name yet; query a file: select * from 'trips.parquet';")
            return
        width = max(map(len, tables))
        for name in sorted(tables):
            count = len(tables[name].columns)
            self._shell.say(f"{name:<{width}}  {count} column{'' if count == 1 else 's'}")

    def _schema(self, argument: str) -> None:
        tables = self._shell.tables()
        if not argument and not tables:
            self._tables("")
        chosen = {name: frame for name, frame in tables.items() if argument.lower() in ("", name.lower())}
        if argument and not chosen:
            chosen = {argument.strip("'\""): self._named(argument)}
        for name, frame in chosen.items():
            width = max((len(field.name) for field in frame.schema), default=0)
            self._shell.say("\n".join([name, *(f"  {field.name:<{width}}  {field.dtype}" for field in frame.schema)]))

    def _named(self, argument: str) -> DataFrame:
        """Return the table of a name or a path, quoted or not."""
        tables = self._shell.tables()
        known = next((frame for name, frame in tables.items() if name.lower() == argument.strip('"').lower()), None)
        if known is not None:
            return known
        if any(sign in argument for sign in "./*'"):
            return self._shell.frame_of(query_of_file(argument.strip("'\"")))
        hint = suggestion(argument, tables) if tables else "; no table has a name yet"
        raise ConfigError(f"unknown table {argument!r}{hint}")

    def _read(self, argument: str) -> None:
        if not argument:
            raise ConfigError(".read needs a file: .read queries.sql")
        self._shell.run_file(argument)

    def _export(self, argument: str) -> None:
        path, _, name = argument.partition(" ")
        if argument[:1] in ("'", '"'):
            path, _, name = argument[1:].partition(argument[0])
        if not path:
            raise ConfigError(".export needs a file: .export result.parquet")
        frame = self._named(name.strip()) if name.strip() else self._shell.last_frame()
        self._shell.export(frame, path)

    def _explain(self, argument: str) -> None:
        word, _, rest = argument.partition(" ")
        stage, query = (word.lower(), rest.strip()) if word.lower() in STAGES else ("optimized", argument)
        frame = self._shell.frame_of(query) if query else self._shell.last_frame()
        self._shell.say(frame.explain(stage))

    def _timer(self, argument: str) -> None:
        self._shell.timer = switched(".timer", argument, now=self._shell.timer)
        self._shell.say(f"timer {'on' if self._shell.timer else 'off'}")

    def _device(self, argument: str) -> None:
        if argument:
            self._move(device=choice(".device", argument, _DEVICES))
        session = self._shell.session
        threads = session.threads
        self._shell.say(f"{session.device.name}, {threads} thread{'' if threads == 1 else 's'} of this process")

    def _cluster(self, argument: str) -> None:
        if argument:
            self._move(cluster=None if argument == "off" else argument)
        self._shell.say("no cluster: queries run in this process")

    def _move(self, **where: str | None) -> None:
        """Go on in a session elsewhere, with the same tables."""
        if self._reopen is None:
            raise ConfigError("this shell cannot change where it runs")
        session = self._reopen(**where)
        tables: Mapping[str, DataFrame] = self._shell.session.tables
        for name, frame in tables.items():
            session.register(name, DataFrame.from_plan(frame.plan, session))
        session.views.update(self._shell.session.views)
        self._shell.session = session


_KEYS = """
A query ends with ; and may have several lines; Alt-Enter runs it without one.
A quoted path is a table: select * from 'data/*.parquet';
Tab completes, Up and Ctrl-R find earlier queries, Ctrl-X Ctrl-E opens an editor,
Ctrl-C drops what was typed or cancels the running query.
"""
