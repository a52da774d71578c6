"""From a job file to a checked ``Job``: every mistake is found here, all at once, each with its line.

Knows how sections refer to each other. Must not open any source.
"""

from __future__ import annotations

import os
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ...engine.errors import SqlError, suggestion
from .document import Document, JobSpecError, Location, Problem, read_document
from .spec import BUILT_IN_TABLES, JobSpec, ModelSpec, TrainSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A checked specification with the document it came from."""

    spec: JobSpec
    path: Path
    document: Document

    @property
    def folder(self) -> Path:
        """The folder that relative paths in the job file start from."""
        return self.path.parent

    def error(self, location: Location, message: str) -> JobSpecError:
        """Return the error that points at ``location`` of the job file."""
        return JobSpecError([Problem(position=self.document.position(location), message=message)])

    def sql_error(self, location: Location, error: SqlError) -> JobSpecError:
        """Return the error that points at the place inside the SQL text at ``location``."""
        position = self.document.position(location)
        if position.line is None or error.line is None:
            return self.error(location, str(error))
        lines = self.path.read_text(encoding="utf-8").splitlines()
        is_block = lines[position.line - 1][(position.column or 1) - 1] in "|>"
        line = position.line + error.line - (0 if is_block else 1)
        indent = _indent_of_block(lines[position.line :]) if is_block else 0
        column = None if error.column is None else error.column + indent
        place = replace(position, line=line, column=column or position.column)
        return JobSpecError([Problem(position=place, message=error.message)])

    def primary(self, chosen: str | None = None) -> str:
        """Return the model a section uses: its own choice, else ``train.primary``, else the last model."""
        train = self.spec.train
        assert train is not None
        return chosen or train.primary or list(train.models)[-1]


def load_job(path: Path | str, *, overrides: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> Job:
    """Read and check a job file.

    Parameters
    ----------
    path
        The YAML file.
    overrides
        ``key.path=value`` texts, applied before checking.
    environment
        Values for ``${NAME}``; the process's own where absent.

    Raises
    ------
    JobSpecError
        With one line per mistake: file, line, column, the key and what to do.
    """
    path = Path(path)
    document = read_document(path, environment=os.environ if environment is None else environment, overrides=overrides)
    if not isinstance(document.data, dict):
        message = "a job is a mapping (name: …, sources: …), not a single value or a list"
        raise JobSpecError([Problem(position=document.position(()), message=message)])
    try:
        spec = JobSpec.model_validate(document.data)
    except ValidationError as error:
        problems = [_translate(detail, document) for detail in error.errors(include_url=False)]
        raise JobSpecError(_in_order(problems)) from None
    problems = [
        Problem(position=document.position(location, of_key=of_key), message=message)
        for location, message, of_key in _references(spec)
    ]
    if problems:
        raise JobSpecError(_in_order(problems))
    return Job(spec=spec, path=path, document=document)


def _indent_of_block(lines: Sequence[str]) -> int:
    """Return how far the text of a block scalar, which starts with these lines, is indented."""
    first = next((line for line in lines if line.strip()), "")
    return len(first) - len(first.lstrip())


def _in_order(problems: Sequence[Problem]) -> list[Problem]:
    unique = list(dict.fromkeys(problems))
    return sorted(unique, key=lambda p: (p.position.line or 0, p.position.column or 0))


# ------------------------------------------------------------------------------------ single sections

_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list, as in [a, b]",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
}


def _translate(detail: ErrorDetails, document: Document) -> Problem:
    """Say a pydantic error in the words of the job file."""
    kind, given = detail["type"], detail["input"]
    location = _in_document(detail["loc"], document, missing=kind == "missing")
    section = ".".join(str(part) for part in location[:-1]) or "the job"
    key = str(location[-1]) if location else "the job"
    if kind == "extra_forbidden":
        allowed = _allowed_keys(location[:-1])
        message = f"unknown key {key!r} in {section}{_choices(key, allowed)}"
        return Problem(position=document.position(location, of_key=True), message=message)
    if kind == "missing":
        return Problem(position=document.position(location), message=f"missing key {key!r} in {section}")
    where = ".".join(str(part) for part in location)
    if kind == "literal_error":
        choices = detail["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        message = f"{where}: {given!r} is not a choice{_choices(str(given), choices)}"
    elif kind == "value_error":
        message = f"{where}: {detail['msg'].removeprefix('Value error, ')}"
        if detail["loc"][-1] == "[key]":
            return Problem(position=document.position(location, of_key=True), message=message)
    elif kind in _EXPECTED:
        message = f"{where}: expected {_EXPECTED[kind]}, got {_shown(given)}"
    elif kind == "too_short":
        message = f"{where}: must not be empty"
    else:
        said = detail["msg"].removeprefix("Input should be ").removeprefix("String should ")
        message = f"{where}: must be {said}, got {_shown(given)}"
    return Problem(position=document.position(location), message=message)


def _choices(name: str, allowed: Sequence[str]) -> str:
    """Return the nearest of the allowed names, if any is near, and all of them."""
    near = suggestion(name, allowed)
    every = f"allowed: {', '.join(allowed)}"
    return f"{near} {every}" if near.endswith("?") else f"; {every}"


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, tuple) else repr(value)


def _in_document(location: tuple[int | str, ...], document: Document, *, missing: bool) -> Location:
    """Drop the parts of a pydantic location that name a validator, not a key of the document."""
    kept: Location = ()
    for index, part in enumerate(location):
        is_missing_key = missing and index == len(location) - 1
        if document.has((*kept, part)) or is_missing_key:
            kept = (*kept, part)
    return kept


def _allowed_keys(location: Location) -> list[str]:
    """Return the keys that the section at ``location`` may have."""
    section: object = JobSpec
    inside_container = False
    for part in location:
        if inside_container:  # a list position or the key of a named section: the section type is known already
            inside_container = False
        elif isinstance(section, type) and issubclass(section, BaseModel):
            annotation = section.model_fields[str(part)].annotation
            inside_container = typing.get_origin(annotation) in (dict, tuple)
            section = _section_type(annotation)
    if isinstance(section, type) and issubclass(section, BaseModel):
        return list(section.model_fields)
    return []


def _section_type(annotation: object) -> object:
    """Return the section class inside an annotation such as ``dict[str, ModelSpec] | None``."""
    if typing.get_origin(annotation) is None and isinstance(annotation, type):
        return annotation if issubclass(annotation, BaseModel) else None
    for argument in typing.get_args(annotation):
        found = _section_type(argument)
        if found is not None:
            return found
    return None


# ------------------------------------------------------------------------------- between the sections

_Finding = tuple[Location, str, bool]


def _references(spec: JobSpec) -> Iterator[_Finding]:
    """Yield what does not hold between sections: location, message, whether the key (not the value) is wrong."""
    tables = list(spec.sources)
    for index, step in enumerate(spec.steps):
        for position, name in enumerate(step.inputs or ()):
            if name not in tables:
                yield ("steps", index, "inputs", position), _no_table(name, tables), False
        if step.name in tables:
            message = f"the name {step.name!r} is taken by an earlier source or step"
            yield ("steps", index, "name"), message, False
        tables.append(step.name)
    for index, check in enumerate(spec.quality):
        if check.on not in tables:
            yield ("quality", index, "on"), _no_table(check.on, tables), False
    if spec.split is not None and spec.split.table not in tables:
        yield ("split", "table"), _no_table(spec.split.table, tables), False
    yield from _model_references(spec, tables)
    made = [*tables, *_made_tables(spec)]
    for name, output in spec.outputs.tables.items():
        if name not in made:
            yield ("outputs", "tables", name), _no_table(name, made), True
        if name == "audit" and output.partition_by:
            yield ("outputs", "tables", name, "partition_by"), "the audit is one small table", False


def _model_references(spec: JobSpec, tables: list[str]) -> Iterator[_Finding]:
    if spec.train is None:
        for section in ("evaluate", "predict", "explain", "fairness"):
            if getattr(spec, section) is not None:
                yield (section,), f"{section} needs a model: add a train section", True
        return
    if spec.split is None:
        yield ("train",), "train needs a split section that names the table to learn from", True
    models = list(spec.train.models)
    if spec.train.primary is not None and spec.train.primary not in models:
        yield ("train", "primary"), _no_model(spec.train.primary, models), False
    for section in ("predict", "explain", "fairness"):
        chosen = getattr(getattr(spec, section), "model", None)
        if chosen is not None and chosen not in models:
            yield (section, "model"), _no_model(chosen, models), False
    for index, bound in enumerate(spec.evaluate.require if spec.evaluate else ()):
        if bound.model is not None and bound.model not in models:
            yield ("evaluate", "require", index, "model"), _no_model(bound.model, models), False
    if spec.predict is not None and spec.predict.table not in (allowed := [*tables, "train", "test"]):
        yield ("predict", "table"), _no_table(spec.predict.table, allowed), False
    yield from _task_references(spec, spec.train)


def _task_references(spec: JobSpec, train: TrainSpec) -> Iterator[_Finding]:
    """Yield sections and metrics that do not fit the kind of model."""
    regression = {"rmse", "mae", "r2"}
    for name, model in train.models.items():
        if _is_regression(model) and spec.fairness is not None and (spec.fairness.model or name) == name:
            yield ("train", "models", name, "type"), "fairness needs a classifier, not ridge", False
    if spec.evaluate is None or spec.evaluate.metrics is None:
        return
    kinds = {_is_regression(model) for model in train.models.values()}
    for index, metric in enumerate(spec.evaluate.metrics):
        if kinds == {False} and metric in regression:
            yield ("evaluate", "metrics", index), f"{metric} is for regression; the models classify", False
        if kinds == {True} and metric not in regression:
            yield ("evaluate", "metrics", index), f"{metric} is for classifiers; the models regress", False


def _is_regression(model: ModelSpec) -> bool:
    return model.type == "ridge"


def _made_tables(spec: JobSpec) -> list[str]:
    """Return the built-in tables that this job makes."""
    present: dict[str, Callable[[], bool]] = {
        "train": lambda: spec.split is not None,
        "test": lambda: spec.split is not None,
        "scored": lambda: spec.predict is not None,
        "explanations": lambda: spec.explain is not None,
        "audit": lambda: spec.fairness is not None,
    }
    return [name for name in BUILT_IN_TABLES if present[name]()]


def _no_table(name: str, tables: Sequence[str]) -> str:
    return f"no table {name!r} here{suggestion(name, tables)}"


def _no_model(name: str, models: Sequence[str]) -> str:
    return f"no model {name!r}{suggestion(name, models)}"
