"""Records what the installed pylibcudf and rmm can be asked: ``python -m volley.engine.kernels.simulator.record``.

The file beside this module, ``signatures.json``, is what the simulator binds every call to where pylibcudf is not
installed. It holds, for the modules in `MODULES`, the parameters of each function, method and constructor, the members
of each enumeration and the names of plain attributes. Nothing is taken from the stubs but the constructors: compiled
classes do not tell theirs, and the stubs are wrong about several functions.
"""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

RECORD = Path(__file__).with_name("signatures.json")
MODULES = (
    *("pylibcudf.aggregation", "pylibcudf.binaryop", "pylibcudf.column", "pylibcudf.column_factories"),
    *("pylibcudf.concatenate", "pylibcudf.contiguous_split", "pylibcudf.copying", "pylibcudf.datetime"),
    *("pylibcudf.expressions", "pylibcudf.filling", "pylibcudf.gpumemoryview", "pylibcudf.groupby"),
    *("pylibcudf.hashing", "pylibcudf.interop", "pylibcudf.join", "pylibcudf.json", "pylibcudf.labeling"),
    *("pylibcudf.lists", "pylibcudf.merge", "pylibcudf.null_mask", "pylibcudf.partitioning", "pylibcudf.quantiles"),
    *("pylibcudf.reduce", "pylibcudf.replace", "pylibcudf.reshape", "pylibcudf.rolling", "pylibcudf.round"),
    *("pylibcudf.scalar", "pylibcudf.search", "pylibcudf.sorting", "pylibcudf.span"),
    *("pylibcudf.stream_compaction", "pylibcudf.strings.attributes", "pylibcudf.strings.capitalize"),
    *("pylibcudf.strings.case", "pylibcudf.strings.char_types", "pylibcudf.strings.combine"),
    *("pylibcudf.strings.contains", "pylibcudf.strings.convert.convert_booleans"),
    *("pylibcudf.strings.convert.convert_datetime", "pylibcudf.strings.convert.convert_durations"),
    *("pylibcudf.strings.convert.convert_fixed_point", "pylibcudf.strings.convert.convert_floats"),
    *("pylibcudf.strings.convert.convert_integers", "pylibcudf.strings.convert.convert_lists"),
    *("pylibcudf.strings.extract", "pylibcudf.strings.find", "pylibcudf.strings.find_multiple"),
    *("pylibcudf.strings.findall", "pylibcudf.strings.padding", "pylibcudf.strings.regex_flags"),
    *("pylibcudf.strings.regex_program", "pylibcudf.strings.repeat", "pylibcudf.strings.replace"),
    *("pylibcudf.strings.replace_re", "pylibcudf.strings.reverse", "pylibcudf.strings.side_type"),
    *("pylibcudf.strings.slice", "pylibcudf.strings.split.partition", "pylibcudf.strings.split.split"),
    *("pylibcudf.strings.strip", "pylibcudf.strings.translate", "pylibcudf.table", "pylibcudf.traits"),
    *("pylibcudf.transform", "pylibcudf.transpose", "pylibcudf.types", "pylibcudf.unary", "pylibcudf.utilities"),
    *("pylibcudf.utils", "pylibcudf.io.csv", "pylibcudf.io.json", "pylibcudf.io.orc", "pylibcudf.io.parquet"),
    *("pylibcudf.io.parquet_metadata", "pylibcudf.io.types", "pylibcudf.io.timezone"),
    *("rmm.mr", "rmm.pylibrmm.device_buffer", "rmm.pylibrmm.stream"),
)
"""Modules recorded: all that the device uses, and what stands near it."""


def record() -> dict[str, Any]:
    """Return what is recorded, as JSON holds it, sorted by name.

    Raises
    ------
    ImportError
        If pylibcudf or rmm is not installed.
    """
    callables: dict[str, str] = {}
    members: dict[str, dict[str, int]] = {}
    attributes: dict[str, list[str]] = {}
    for name in MODULES:
        module = importlib.import_module(name)
        for path, value in _public(module):
            if isinstance(value, enum.EnumType):
                members[path] = {key: int(value[key].value) for key in value.__members__}
            elif isinstance(value, type):
                _record_class(path, value, callables, attributes)
            elif callable(value):
                callables[path] = _shown(inspect.signature(value))
    version = importlib.import_module("pylibcudf._version").__version__
    return {
        "release": ".".join(version.split(".")[:2]),
        "callables": dict(sorted(callables.items())),
        "enumerations": dict(sorted(members.items())),
        "attributes": dict(sorted(attributes.items())),
    }


def _public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield the functions and classes that a module defines, or, like ``rmm.mr``, collects.

    ``__all__`` is not believed to hold all that a module defines: that of ``pylibcudf.io.parquet`` misspells a class.
    """
    listed = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    for name in sorted({*listed, *(name for name in vars(module) if not name.startswith("_"))}):
        value = getattr(module, name, None)
        home = getattr(value, "__module__", None) or ""
        if name not in listed and home != module.__name__:
            continue
        # Enumerations of libcudf are defined in modules of declarations, but everyone asks the module beside them.
        own = home == module.__name__ or "libcudf." in home.removeprefix("py") or module.__name__ == "rmm.mr"
        if own and (isinstance(value, type) or callable(value)):
            yield f"{module.__name__}.{name}", value


def _record_class(path: str, value: type, callables: dict[str, str], attributes: dict[str, list[str]]) -> None:
    callables[path] = _constructor(value)
    plain: list[str] = []
    for name, member in _members(value):
        if inspect.isgetsetdescriptor(member) or isinstance(member, property):
            plain.append(name)
            continue
        found = getattr(value, name)
        try:
            signature = inspect.signature(found)
        except (TypeError, ValueError):
            continue
        bound = isinstance(member, (staticmethod, classmethod)) or inspect.isbuiltin(member)
        callables[f"{path}.{name}"] = _shown(signature) if bound else _shown(_without_self(signature))
    if plain:
        attributes[path] = sorted(plain)


def _members(value: type) -> Iterator[tuple[str, Any]]:
    """Yield public members, those of the library's base classes included."""
    seen: set[str] = set()
    for base in value.__mro__:
        if base.__module__.split(".")[0] in ("pylibcudf", "rmm"):
            for name, member in vars(base).items():
                if not name.startswith("_") and name not in seen:
                    seen.add(name)
                    yield name, member


def _without_self(signature: inspect.Signature) -> inspect.Signature:
    return signature.replace(parameters=[*signature.parameters.values()][1:])


def _shown(signature: inspect.Signature) -> str:
    """Return parameters without annotations; a default that is no plain value is shown as ``...``."""
    parameters = []
    for one in signature.parameters.values():
        kept = one.replace(annotation=inspect.Parameter.empty)
        if one.default is not inspect.Parameter.empty:
            plain = one.default is None or type(one.default) in (bool, int, float, str)
            kept = kept.replace(default=one.default if plain else ...)
        parameters.append(kept)
    text = str(inspect.Signature(parameters))
    return text.replace("Ellipsis", "...")


def _constructor(value: type) -> str:
    """Return a constructor's parameters: from the class, or else from the stub beside its module."""
    try:
        return _shown(inspect.signature(value))
    except (TypeError, ValueError):
        pass
    home = importlib.import_module(value.__module__)
    stub = Path(str(home.__file__)).parent / (value.__module__.rpartition(".")[2] + ".pyi")
    text = stub.read_text("utf-8") if stub.exists() else ""
    found = re.search(rf"^class {value.__name__}\b.*\n(?:[ \t].*\n|\n)*", text, re.MULTILINE)
    return _stubbed(found.group()) if found else "(*args, **kwargs)"


def _stubbed(source: str) -> str:
    """Return the parameters of the constructor in a class's stub; other methods may need a newer Python to parse."""
    found = re.search(r"^    def __c?init__\((.*?)\)(?: -> None)?:\s", source, re.MULTILINE | re.DOTALL)
    if not found:
        return "()"
    [function] = ast.parse(f"def constructor({found.group(1)}): ...").body
    assert isinstance(function, ast.FunctionDef)
    arguments = function.args
    for one in (*arguments.posonlyargs, *arguments.args, arguments.vararg, *arguments.kwonlyargs, arguments.kwarg):
        if one is not None:
            one.annotation = None
    for position, default in enumerate(arguments.defaults):
        if not isinstance(default, ast.Constant):
            arguments.defaults[position] = ast.Constant(...)
    return "(" + ast.unparse(arguments).removeprefix("self").removeprefix(", ") + ")"


def write() -> int:
    """Write the record; return how many callables it holds."""
    found = record()
    RECORD.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return len(found["callables"])


if __name__ == "__main__":
    sys.stdout.write(f"{write()} callables recorded in {RECORD}\n")
