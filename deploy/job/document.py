"""A YAML document in which every value still knows the line it came from.

Knows YAML, ``${NAME}`` substitution and ``key.path=value`` overrides. Must not know what a job is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from ...engine.errors import ConfigError, suggestion

Location = tuple[str | int, ...]
"""Where a value stands in a document: mapping keys and 0-based list positions from the top."""

_VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in a text, 1-based; ``line`` is None for a value given on the command line."""

    source: str
    line: int | None
    column: int | None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with a document, and where."""

    position: Position
    message: str

    def __str__(self) -> str:
        return f"{self.position}: {self.message}"


class JobSpecError(ConfigError):
    """A job specification is wrong; ``problems`` names every place, one line each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems]
        if len(lines) > 1:
            lines.insert(0, f"the job has {len(lines)} problems")
        super().__init__("\n  ".join(lines))

    def __reduce__(self) -> tuple[type[JobSpecError], tuple[tuple[Problem, ...]]]:
        return (type(self), (self.problems,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Plain data (dicts, tuples, scalars) with the position of each key and each value."""

    data: object
    keys: Mapping[Location, Position]
    values: Mapping[Location, Position]

    def position(self, location: Location, *, of_key: bool = False) -> Position:
        """Return where ``location`` stands, or its nearest ancestor that stands in the document."""
        for length in range(len(location), -1, -1):
            prefix = location[:length]
            if of_key and prefix in self.keys:
                return self.keys[prefix]
            if prefix in self.values:
                return self.values[prefix]
        raise KeyError(location)

    def has(self, location: Location) -> bool:
        """Tell whether the document itself holds a value at ``location``."""
        return location in self.values


def read_document(path: Path, *, environment: Mapping[str, str], overrides: Sequence[str] = ()) -> Document:
    """Read a YAML file, put environment values in, and apply overrides.

    Parameters
    ----------
    path
        The file, UTF-8.
    environment
        Values for ``${NAME}`` and ``${NAME:-default}``; ``$${`` stands for a literal ``${``. A plain scalar is
        read as YAML again after substitution (``${N}`` may become an integer), a quoted one stays text.
    overrides
        ``key.path=value`` texts; list items are chosen by position or by their ``name``. The value is YAML.

    Raises
    ------
    JobSpecError
        For a file that cannot be read or is not YAML, a duplicate key, an unset variable or a bad override.
    """
    root = _compose(_read_text(path), str(path))
    for override in overrides:
        root = _override(root, override)
    builder = _Builder(environment)
    data = builder.build(root, ())
    return Document(data=data, keys=builder.keys, values=builder.values)


def _read_text(path: Path) -> str:
    start = Position(source=str(path), line=None, column=None)
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        near = [entry.name for pattern in ("*.yaml", "*.yml") for entry in path.parent.glob(pattern)]
        tail = f"{suggestion(path.name, near)}" if near else ""
        raise JobSpecError([Problem(position=start, message=f"no such job file{tail}")]) from None
    except UnicodeDecodeError as error:
        message = f"the job file is not UTF-8 text (byte {error.start}); save it as UTF-8"
        raise JobSpecError([Problem(position=start, message=message)]) from None
    except OSError as error:
        message = f"the job file cannot be read: {error.strerror}"
        raise JobSpecError([Problem(position=start, message=message)]) from None


def _compose(text: str, source: str) -> yaml.Node:
    try:
        loader = yaml.SafeLoader(text)
        loader.name = source
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"not valid YAML: {error.problem or error.context}"
        if "'\\t'" in message:
            message += "; indent with spaces, not tabs"
        if mark is not None and "${" in _line(text, mark.line):
            message += "; inside { } or [ ] a ${NAME} needs quotes or a line of its own"
        position = Position(source=source, line=None, column=None) if mark is None else _at(mark)
        raise JobSpecError([Problem(position=position, message=message)]) from None
    except yaml.YAMLError as error:
        position = Position(source=source, line=None, column=None)
        raise JobSpecError([Problem(position=position, message=f"not valid YAML: {error}")]) from None
    if node is None:
        position = Position(source=source, line=1, column=1)
        raise JobSpecError([Problem(position=position, message="the document is empty")])
    return node


def _line(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number] if number < len(lines) else ""


def _at(mark: yaml.Mark) -> Position:
    if mark.name.startswith("--set "):
        return Position(source=mark.name, line=None, column=None)
    return Position(source=mark.name, line=mark.line + 1, column=mark.column + 1)


def _problem(mark: yaml.Mark, message: str) -> JobSpecError:
    return JobSpecError([Problem(position=_at(mark), message=message)])


def _override(root: yaml.Node, override: str) -> yaml.Node:
    """Put the value of ``key.path=value`` into the node tree; missing mappings on the way are made."""
    path, equals, text = override.partition("=")
    source = f"--set {path}"
    parts = path.split(".")
    if not equals or not all(parts):
        position = Position(source=f"--set {override}", line=None, column=None)
        raise JobSpecError([Problem(position=position, message="expected key.path=value, as in split.seed=7")])
    value = _compose(text if text.strip() else '""', source)
    node = root
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        node = _descend(node, part, value if last else None, source)
    return root


def _descend(node: yaml.Node, part: str, value: yaml.Node | None, source: str) -> yaml.Node:
    """Return the child ``part`` of ``node``, replaced by ``value`` where one is given."""
    position = Position(source=source, line=None, column=None)
    if isinstance(node, yaml.MappingNode):
        for index, (key, child) in enumerate(node.value):
            if key.value == part:
                node.value[index] = (key, child if value is None else value)
                return child if value is None else value
        mark = yaml.Mark(source, 0, 0, 0, None, 0)
        key = yaml.ScalarNode("tag:yaml.org,2002:str", part, mark, mark)
        child = yaml.MappingNode("tag:yaml.org,2002:map", [], mark, mark) if value is None else value
        node.value.append((key, child))
        return child
    if isinstance(node, yaml.SequenceNode):
        names = [_item_name(item) for item in node.value]
        if part in names:
            index = names.index(part)
        elif part.isdecimal() and int(part) < len(node.value):
            index = int(part)
        else:
            choices = [name for name in names if name] or [str(i) for i in range(len(node.value))]
            message = f"no list item {part!r}{suggestion(part, choices)}"
            raise JobSpecError([Problem(position=position, message=message)])
        if value is not None:
            node.value[index] = value
        return node.value[index]  # type: ignore[no-any-return]  # yaml's stubs leave node values untyped
    message = f"{part!r} cannot be set: what stands above it is a single value ({node.value!r})"
    raise JobSpecError([Problem(position=position, message=message)])


def _item_name(item: yaml.Node) -> str | None:
    if isinstance(item, yaml.MappingNode):
        for key, value in item.value:
            if key.value == "name" and isinstance(value, yaml.ScalarNode):
                return str(value.value)
    return None


class _Builder:
    """Turns nodes into plain data and notes where each key and value stands."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.keys: dict[Location, Position] = {}
        self.values: dict[Location, Position] = {}
        self._environment = environment
        self._open: list[yaml.Node] = []
        self._loader = yaml.SafeLoader("")

    def build(self, node: yaml.Node, location: Location) -> object:
        self.values[location] = _at(node.start_mark)
        with self._guard(node):
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, location)
            if isinstance(node, yaml.SequenceNode):
                return tuple(self.build(item, (*location, i)) for i, item in enumerate(node.value))
            return self._scalar(node)

    @contextmanager
    def _guard(self, node: yaml.Node) -> Iterator[None]:
        if any(node is ancestor for ancestor in self._open):
            raise _problem(node.start_mark, "an alias refers to a value that holds the alias itself")
        self._open.append(node)
        try:
            yield
        finally:
            self._open.pop()

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, object]:
        written: dict[str, yaml.Mark] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _problem(key.start_mark, "a key must be a single word")
            if key.value in written and key.value != "<<":
                first = _at(written[key.value])
                raise _problem(key.start_mark, f"duplicate key {key.value!r}; it already stands at {first}")
            written[key.value] = key.start_mark
        try:
            self._loader.flatten_mapping(node)
        except yaml.MarkedYAMLError as error:
            raise _problem(error.problem_mark or node.start_mark, f"not valid YAML: {error.problem}") from None
        built: dict[str, object] = {}
        for key, value in node.value:
            child = (*location, key.value)
            self.keys[child] = _at(key.start_mark)
            built[key.value] = self.build(value, child)
        return built

    def _scalar(self, node: yaml.Node) -> object:
        if not isinstance(node, yaml.ScalarNode):
            raise _problem(node.start_mark, "not valid YAML: unknown kind of value")
        if "${" in node.value and not node.start_mark.name.startswith("--set "):
            node = self._substitute(node)
        try:
            return self._loader.construct_object(node, deep=True)
        except (yaml.MarkedYAMLError, ValueError) as error:
            said = error.problem if isinstance(error, yaml.MarkedYAMLError) else str(error)
            raise _problem(node.start_mark, f"not a valid value: {said}") from None

    def _substitute(self, node: yaml.ScalarNode) -> yaml.ScalarNode:
        def replace(match: re.Match[str]) -> str:
            name: str | None = match.group(1)
            default: str | None = match.group(2)
            if name is None:
                return "${"
            found = self._environment.get(name, default)
            if found is None:
                message = f"environment variable {name} is not set; set it, or give a default: ${{{name}:-value}}"
                raise _problem(node.start_mark, message)
            return found

        text = _VARIABLE.sub(replace, node.value)
        tag = node.tag
        if node.style is None:
            tag = self._loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]  # stubs lack it
        return yaml.ScalarNode(tag, text, node.start_mark, node.end_mark, node.style)
