"""The recorded signatures of pylibcudf and rmm: what may be called, how, and which members enumerations have."""

from __future__ import annotations

import ast
import inspect
import json
from functools import cache
from pathlib import Path
from typing import Any

_RECORD = Path(__file__).with_name("signatures.json")


@cache
def recorded() -> dict[str, Any]:
    """Return the record: ``release``, ``callables``, ``enumerations`` and ``attributes``, each by full name."""
    content: dict[str, Any] = json.loads(_RECORD.read_text(encoding="utf-8"))
    return content


@cache
def signature(name: str) -> inspect.Signature:
    """Return the signature of a function, method (without its object) or constructor.

    Parameters
    ----------
    name
        Full name where it is defined, as in ``pylibcudf.join.inner_join`` or ``pylibcudf.table.Table.columns``.

    Raises
    ------
    AttributeError
        If the recorded release has nothing of that name.
    """
    text = recorded()["callables"].get(name)
    if text is None:
        raise AttributeError(f"RAPIDS {recorded()['release']} has no {name}")
    [function] = ast.parse(f"def recorded{text}: ...").body
    assert isinstance(function, ast.FunctionDef)
    return inspect.Signature(_parameters(function.args))


def enumeration(name: str) -> dict[str, int]:
    """Return the members of an enumeration with their values.

    Raises
    ------
    AttributeError
        If the recorded release has no enumeration of that name.
    """
    members: dict[str, int] | None = recorded()["enumerations"].get(name)
    if members is None:
        raise AttributeError(f"RAPIDS {recorded()['release']} has no enumeration {name}")
    return members


def _parameters(arguments: ast.arguments) -> list[inspect.Parameter]:
    positional = [*arguments.posonlyargs, *arguments.args]
    missing: list[Any] = [inspect.Parameter.empty] * (len(positional) - len(arguments.defaults))
    found = []
    for place, (one, default) in enumerate(zip(positional, [*missing, *map(_value, arguments.defaults)], strict=True)):
        only = place < len(arguments.posonlyargs)
        kind = inspect.Parameter.POSITIONAL_ONLY if only else inspect.Parameter.POSITIONAL_OR_KEYWORD
        found.append(inspect.Parameter(one.arg, kind, default=default))
    if arguments.vararg is not None:
        found.append(inspect.Parameter(arguments.vararg.arg, inspect.Parameter.VAR_POSITIONAL))
    for one, kept in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        default = inspect.Parameter.empty if kept is None else _value(kept)
        found.append(inspect.Parameter(one.arg, inspect.Parameter.KEYWORD_ONLY, default=default))
    if arguments.kwarg is not None:
        found.append(inspect.Parameter(arguments.kwarg.arg, inspect.Parameter.VAR_KEYWORD))
    return found


def _value(default: ast.expr) -> Any:
    return ast.literal_eval(default)
