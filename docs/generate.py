"""Writes the parts of the documentation that repeat the code: tables of methods, functions, options, and help texts.

A page holds them between ``<!-- generated: NAME -->`` and ``<!-- end of NAME -->``. Run this file after changing what
they show: ``python docs/generate.py``. A test runs it too and compares.
"""
# ruff: noqa: INP001  # a script among pages, no package

from __future__ import annotations

import argparse
import datetime as dt
import html
import inspect
import itertools
import os
import re
import runpy
import typing
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from unittest import mock

import pandas as pd
from pandas.core.groupby import DataFrameGroupBy
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import volley as vl
from volley import ml
from volley.cli.arguments import build_parser
from volley.cli.display import Display
from volley.deploy.job.spec import JobSpec
from volley.engine import dtypes, errors
from volley.engine.expr.catalogue import AGGREGATES, FUNCTIONS, WINDOW_FUNCTIONS, Aggregate, Function
from volley.engine.frame import GroupBy
from volley.engine.frame.accessors import TextAccessor
from volley.engine.frame.categories import CategoryAccessor
from volley.engine.frame.datetimes import DatetimeAccessor
from volley.engine.frame.nested import ListAccessor, StructAccessor
from volley.engine.frame.replacements import REPLACEMENTS
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.cpu.functions.registry import KERNELS
from volley.engine.kernels.devices import functions_without_kernel, types_on_host
from volley.io import CsvOptions, JsonOptions
from volley.ml import errors as ml_errors
from volley.sql.bind.own_macros import OWN_MACROS
from volley.sql.shell import Shell

PAGES = Path(__file__).parent
_BLOCK = re.compile(
    r"(?P<start><!-- generated: (?P<name>[\w. -]+) -->\n).*?(?P<end><!-- end of (?P=name) -->)", re.DOTALL
)
_HELP_WIDTH = "100"


def filled(text: str) -> str:
    """Return a page's text with its generated blocks made anew.

    Raises
    ------
    KeyError
        If a block has a name that is none of `BLOCKS`.
    """
    return _BLOCK.sub(lambda block: f"{block['start']}\n{BLOCKS[block['name']]()}\n\n{block['end']}", text)


def generated_names(text: str) -> list[str]:
    """Return the names of the generated blocks of a page."""
    return [block["name"] for block in _BLOCK.finditer(text)]


# --------------------------------------------------------------------------------------------- tables


def _table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(heading)
    lines = [names, ["---"] * len(names), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    """Escape bars, for which inside code GitHub and Python-Markdown agree on nothing but the HTML element."""
    in_code = re.sub(r"`([^`]*\|[^`]*)`", lambda code: f"<code>{html.escape(code[1])}</code>", text)
    return in_code.replace("|", "&#124;")


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _left_to_the_cpu() -> str:
    with mock.patch.dict(os.environ, {"VOLLEY_SIMULATE_GPU": "1"}):
        missing = functions_without_kernel("gpu")
    by_reason: dict[str, list[str]] = {}
    for name, reason in missing.items():
        by_reason.setdefault(reason, []).append(_code(name))
    return _table(["why", "functions"], ((reason, ", ".join(names)) for reason, names in by_reason.items()))


def _types_on_host() -> str:
    with mock.patch.dict(os.environ, {"VOLLEY_SIMULATE_GPU": "1"}):
        operators = types_on_host("gpu")
    return _table(["operator", "types"], ((operator, _code(types)) for operator, types in operators.items()))


def _summary(documented: Any) -> str:
    """Return the first paragraph of a docstring on one line, in Markdown."""
    text = " ".join(inspect.cleandoc(documented.__doc__ or "").split("\n\n")[0].split())
    return text.replace("``", "`")


# -------------------------------------------------------------------------------------------- methods


def _methods(kind: type) -> Callable[[], str]:
    def block() -> str:
        return _table(["method", "what it does"], ((_code(text), _summary(member)) for text, member in _members(kind)))

    return block


def _members(kind: type) -> Iterator[tuple[str, Any]]:
    """Yield each public method or property in the order of the class, as it is called; aliases stand together."""
    spelled: dict[int, list[str]] = {}
    found: dict[int, Any] = {}
    members = {name: member for part in reversed(kind.__mro__) for name, member in vars(part).items()}
    for name, member in members.items():
        if name.startswith("_") or not (inspect.isfunction(member) or isinstance(member, property | classmethod)):
            continue
        spelled.setdefault(id(member), []).append(name)
        found[id(member)] = member
    for key, member in found.items():
        yield "`, `".join(name + _signature(member) for name in spelled[key]), member


def _signature(member: Any) -> str:
    """Return the parameters with their defaults, without types; nothing for a property."""
    if isinstance(member, property):
        return ""
    called = inspect.signature(member.__func__ if isinstance(member, classmethod) else member)
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in called.parameters.values() if p.name not in _BOUND]
    return str(inspect.Signature(plain))


_BOUND = ("self", "cls")


def _names() -> str:
    """Return what `volley` itself offers."""
    functions = [(name, getattr(vl, name)) for name in vl.__all__ if inspect.isfunction(getattr(vl, name))]
    return _table(["function", "what it does"], ((_code(f"vl.{n}{_signature(f)}"), _summary(f)) for n, f in functions))


def _pandas_methods() -> str:
    """Return which of the most used names of pandas work, and what to write instead of the others."""
    tests = PAGES.parent / "tests/engine/frame"
    names = runpy.run_path(str(tests / "pandas_methods.py"))["METHODS"]
    cases = runpy.run_path(str(tests / "method_cases.py"))["CASES"]
    kinds = (("DataFrame", pd.DataFrame), ("Series", pd.Series), ("GroupBy", DataFrameGroupBy))
    rows, everywhere, somewhere, named = [], 0, 0, 0
    for name in sorted(names, key=str.lower):
        there = [hasattr(theirs, name) for _, theirs in kinds]
        works = [name in cases[kind] for kind, _ in kinds]
        cells = ["" if not t else "yes" if w else "no" for t, w in zip(there, works, strict=True)]
        everywhere += "no" not in cells
        somewhere += "yes" in cells
        named += "no" in cells and name in REPLACEMENTS
        rows.append([_code(name), *cells, REPLACEMENTS.get(name, "") if "no" in cells else ""])
    counted = (
        f"Of the {len(rows)} names {everywhere} work wherever pandas has them, each compared with pandas by a test, "
        f"and {somewhere} on at least one class. {named} say what to write instead where they do not work."
    )
    return f"{counted}\n\n{_table(['name', 'DataFrame', 'Series', 'GroupBy', 'instead'], rows)}"


# ------------------------------------------------------------------------------------------ functions


def _functions() -> str:
    rows = (
        (
            _code(f.name),
            ", ".join(map(_code, f.sql)),
            _code(frame_spelling(f.frame)),
            _types(f),
            f.nulls.value,
            CpuDevice().name if f.name in KERNELS else "",
            _compared(f.name),
            f.summary,
        )
        for f in FUNCTIONS.values()
    )
    heading = ["name", "SQL", "frames", "types, for example", "nulls", "kernels", "compared with", "what it gives"]
    return _table(heading, rows)


_EXAMPLES = (
    *(dtypes.int64, dtypes.float64, dtypes.decimal(9, 2), dtypes.bool_, dtypes.string, dtypes.date),
    *(dtypes.timestamp("us"), dtypes.list_(dtypes.int64), dtypes.list_(dtypes.string), dtypes.list_(dtypes.uint32)),
    *(dtypes.timestamp("us", "UTC"), dtypes.struct([("a", dtypes.int64)]), dtypes.list_(dtypes.list_(dtypes.int64))),
)


def _types(entry: Function | Aggregate) -> str:
    """Return what the type rule makes of some types that it takes: arguments alike first, then others."""
    found: dict[str, str] = {}
    for types in itertools.chain([()], *_alike(), *(itertools.product(_EXAMPLES, repeat=n) for n in (2, 3))):
        resolved = entry.rule(types)
        if resolved is None or (resolved[0] != types and not any(t.is_decimal for t in types)):
            continue
        typed = entry.typed is not None if isinstance(entry, Function) else False
        result = "by its options" if typed and entry.name not in _PLAINLY_TYPED else str(resolved[1])
        found.setdefault(result, f"{', '.join(map(str, types)) or 'nothing'} → {result}")
        if len(found) == 2:
            break
    if not found:  # all the types it takes are cast
        taken = ((types, entry.rule(types)) for types in itertools.chain(*_alike()))
        first = next(((types, resolved[1]) for types, resolved in taken if resolved is not None), None)
        if first is not None:
            found[""] = f"{', '.join(map(str, first[0]))} → {first[1]}"
    return "; ".join(map(_code, found.values()))


def _alike() -> list[list[tuple[dtypes.DataType, ...]]]:
    return [[(dtype,) * n for dtype in _EXAMPLES] for n in (1, 2, 3, 6)]


_PLAINLY_TYPED = ("date_diff", "strftime", "strptime", "try_strptime", "regexp_extract")
"""Functions whose options are checked, but do not decide the type."""


def _compared(name: str) -> str:
    """Return what a test compares a function or aggregate with."""
    tests = PAGES.parent / "tests/engine/catalogue"
    scalars, aggregates = (runpy.run_path(str(tests / f"{part}.py")) for part in ("scalars", "aggregates"))
    cases = scalars["CASES"].get(name, ())
    kinds = ["Python" if callable(case.oracle) else "DuckDB" for case in cases]
    if name in aggregates["AGGREGATES"]:
        kinds.append("DuckDB")
    return ", ".join(dict.fromkeys(kinds)) or "its definition"


def frame_spelling(spelled: str) -> str:
    """Return how a function is called on frames, or nothing where columns have no such method."""
    method = re.match(r"a(?:\.(str|dt|list|struct))?\.(\w+)", spelled)
    if method is None:
        return spelled
    home: Any = vl.Series
    if method[1] is not None:
        accessor = getattr(vl.Series, method[1], None)
        make = getattr(accessor, "fget", None)
        home = make and make.__globals__.get(inspect.signature(make).return_annotation)
    return spelled if hasattr(home, method[2]) else ""


def _aggregates() -> str:
    rows = (
        (
            _code(a.name),
            ", ".join(map(_code, a.sql)),
            _code(a.frame),
            _types(a),
            ", ".join(map(_code, a.partial)),
            _compared(a.name),
            a.summary,
        )
        for a in AGGREGATES.values()
    )
    heading = ["name", "SQL", "frames", "types, for example", "merged by", "compared with", "what it gives"]
    return _table(heading, rows)


def _own_macros() -> str:
    """Return a table of functions that SQL says by others."""
    lines = [
        line.partition(" AS ") for line in OWN_MACROS.strip().splitlines() if "__(" not in line.partition(" AS ")[0]
    ]
    return _table(
        ("function", "means"), [(_code(head), _code(body.replace("__", ""))) for head, _, body in sorted(lines)]
    )


def _window_functions() -> str:
    rows = (
        (_code(w.name), ", ".join(map(_code, w.sql)), _code(w.frame), "yes" if w.framed else "", w.summary)
        for w in WINDOW_FUNCTIONS.values()
    )
    return _table(["name", "SQL", "frames", "reads the frame", "what it gives"], rows)


# -------------------------------------------------------------------------------------------- options


def _options(kind: type) -> Callable[[], str]:
    def block() -> str:
        parameters = inspect.signature(kind).parameters
        described = _described(inspect.cleandoc(kind.__doc__ or ""))
        return _table(
            ["option", "default", "meaning"],
            ((_code(name), _default(parameters[name]), text) for names, text in described for name in names),
        )

    return block


def _described(docstring: str) -> Iterator[tuple[list[str], str]]:
    """Yield the names and the description of each entry under Parameters or Attributes of a numpydoc text."""
    section = re.search(r"(?:Parameters|Attributes)\n-+\n(.*?)(?=\n\n\w+\n-+\n|\Z)", docstring, re.DOTALL)
    for entry in re.finditer(r"^(\S.*)\n((?:[ ]+.*\n?|\n(?=[ ]))+)", section[1] if section else "", re.MULTILINE):
        yield [name.strip() for name in entry[1].split(",")], " ".join(entry[2].split()).replace("``", "`")


def _default(parameter: inspect.Parameter) -> str:
    if parameter.default is inspect.Parameter.empty:
        return "required"
    factory = "factory" in repr(parameter.default)  # a dataclass field that makes its default anew
    return _code("{}" if factory else repr(parameter.default))


# ----------------------------------------------------------------------------------------------- jobs


def _job_keys() -> str:
    """Return one table per section of a job file, each under the key where it stands."""
    return "\n\n".join(
        f"### {title}\n\n{_summary(section)}\n\n"
        + _table(
            ["key", "value", "default", "meaning"],
            (
                (_code(name), _value(field.annotation), _job_default(field), field.description or "")
                for name, field in section.model_fields.items()
            ),
        )
        for title, section in _sections("The whole file", JobSpec)
    )


def _sections(title: str, section: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield a section, then those in it, each with the path of keys that leads to it."""
    yield title, section
    above = "" if section is JobSpec else f"{title}."
    for name, field in section.model_fields.items():
        inner = next((part for part in _parts(field.annotation) if _is_section(part)), None)
        if inner is not None:
            yield from _sections(f"{above}{name}", inner)


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield a type and the types in it."""
    yield annotation
    for part in typing.get_args(annotation):
        yield from _parts(part)


def _is_section(kind: Any) -> bool:
    return inspect.isclass(kind) and issubclass(kind, BaseModel)


def _value(annotation: Any) -> str:
    """Return in words what a key takes."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return ", ".join(_code(str(choice)) for choice in inner)
    if origin is Annotated:
        return _value(inner[0])
    if origin is tuple:
        return f"list of: {_value(inner[0])}"
    if origin is dict:
        return f"name: {_value(inner[1])}"
    if inner:  # one of several types
        return " or ".join(dict.fromkeys(_value(kind) for kind in inner if kind is not type(None)))
    return "section" if _is_section(annotation) else _VALUES[annotation]


_VALUES = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true, false",
    object: "value",
    dt.date: "date",
    dt.datetime: "timestamp",
}


def _job_default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    empty = field.default_factory is not None or value is None or value in ("", ()) or isinstance(value, BaseModel)
    if empty:
        return ""
    shown = list(value) if isinstance(value, tuple) else value
    return _code(str(shown).lower() if isinstance(shown, bool) else str(shown))


# --------------------------------------------------------------------------------------------- errors


def _errors() -> str:
    classes = [
        kind
        for module in (errors, ml_errors)
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, errors.VolleyError) and kind.__module__ == module.__name__
    ]
    return _table(["error", "is a", "when"], ((_code(k.__name__), _bases(k), _summary(k)) for k in classes))


def _bases(kind: type) -> str:
    return ", ".join(_code(base.__name__) for base in kind.__bases__)


# ----------------------------------------------------------------------------------------- help texts


def help_text(command: str = "") -> str:
    """Return what ``volley COMMAND --help`` prints on a terminal of 100 columns."""
    with mock.patch.dict(os.environ, {"COLUMNS": _HELP_WIDTH, "NO_COLOR": "1"}):
        parser = build_parser()
        if command:
            (actions,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))  # noqa: SLF001
            parser = actions.choices[command]
        return parser.format_help()


def _help(command: str) -> Callable[[], str]:
    return lambda: f"```text\n{help_text(command).rstrip()}\n```"


def _dot_commands() -> str:
    """Return a table of what the prompt can do besides SQL."""
    display = Display(mode=None, rows=50, interactive=False)
    shell = Shell(vl.Session(device="cpu"), display, commands=display.commands())
    rows = [(_code(f"{name} {command.usage}".rstrip()), command.summary) for name, command in shell.commands.items()]
    return _table(("command", "does"), rows)


COMMANDS = ("", "run", "demo", "sql", "explain", "doctor", "render", "completion")

BLOCKS: dict[str, Callable[[], str]] = {
    "volley": _names,
    "DataFrame": _methods(vl.DataFrame),
    "Series": _methods(vl.Series),
    "Series.str": _methods(TextAccessor),
    "Series.dt": _methods(DatetimeAccessor),
    "Series.cat": _methods(CategoryAccessor),
    "Series.list": _methods(ListAccessor),
    "Series.struct": _methods(StructAccessor),
    "GroupBy": _methods(GroupBy),
    "pandas methods": _pandas_methods,
    "Session options": _options(vl.Session),
    "functions": _functions,
    "left to the cpu": _left_to_the_cpu,
    "types left to the host": _types_on_host,
    "aggregates": _aggregates,
    "window functions": _window_functions,
    "functions said by others": _own_macros,
    "CSV options": _options(CsvOptions),
    "JSON options": _options(JsonOptions),
    "job keys": _job_keys,
    "errors": _errors,
    "dot commands": _dot_commands,
    **{
        f"{kind.__name__} options": _options(kind)
        for kind in (
            ml.Features,
            ml.Ridge,
            ml.LogisticRegression,
            ml.GradientBoosting,
            ml.StandardScaler,
            ml.SimpleImputer,
            ml.OneHotEncoder,
        )
    },
    **{f"volley {command} help".replace("  ", " "): _help(command) for command in COMMANDS},
}


def main() -> None:
    """Write every page that has generated blocks."""
    for page in sorted(PAGES.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        if (made := filled(text)) != text:
            page.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
