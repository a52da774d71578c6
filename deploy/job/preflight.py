"""Finding mistakes before any work: queries that do not fit together, columns that do not exist, wrong parameters."""

from __future__ import annotations

from collections.abc import Iterator

from ...engine.errors import ColumnNotFound, ConfigError, PlanError
from ...io import sink_for
from .checks import plan_check
from .document import Location
from .load import Job
from .modelling import build_pipeline, features_of
from .tables import Tables, output_options


def preflight(job: Job) -> None:
    """Plan everything that can be planned without running anything.

    Opens the sources for their columns and types. Functions of Python steps are imported but not called: steps after
    the first of them are planned when they run.

    Raises
    ------
    JobSpecError
        For the first mistake, at its line.
    ReadError
        For a source that cannot be opened.
    """
    spec = job.spec
    for name in spec.train.models if spec.train else ():
        build_pipeline(job, name)
    tables = Tables(job, None)
    for index, step in enumerate(spec.steps):
        if step.python is not None:
            tables.find_function(step.python, ("steps", index, "python"))
    known = list(spec.sources)
    for step in spec.steps:
        if step.sql is None:
            break
        known.append(step.name)
    for name in known:
        tables[name]
        for index, check in enumerate(spec.quality):
            if check.on == name:
                plan_check(name, ("quality", index), check, tables)
    for location, column, columns in _named_columns(job, tables, known):
        if column not in columns:
            raise job.error(location, str(ColumnNotFound(column, columns)))
    _check_destinations(job)
    if spec.train is not None and spec.split is not None and spec.split.table in known:
        try:
            features_of(job).check_training(tables[spec.split.table].schema)
        except PlanError as error:
            raise job.error(("train", "features"), str(error)) from None


def _check_destinations(job: Job) -> None:
    for name, output in job.spec.outputs.tables.items():
        if output.to is not None:
            try:
                sink_for(output.to, output.format, **output_options(output))
            except ConfigError as error:
                raise job.error(("outputs", "tables", name, "to"), str(error)) from None


def _named_columns(job: Job, tables: Tables, known: list[str]) -> Iterator[tuple[Location, str, list[str]]]:
    """Yield each place outside queries that names a column, the column, and the columns that there are."""
    spec = job.spec
    made = {name: tables[name].columns for name in known}
    split = spec.split
    if split is not None and split.table in known:
        columns = made[split.table]
        made |= {"train": columns, "test": columns}
        if split.stratify is not None:
            yield ("split", "stratify"), split.stratify, columns
        for index, column in enumerate(split.key or ()):
            yield ("split", "key", index), column, columns
        for index, column in enumerate(spec.fairness.by if spec.fairness is not None else ()):
            yield ("fairness", "by", index), column, columns
    if spec.predict is not None and spec.predict.table in made:
        made["scored"] = [*made[spec.predict.table], "prediction", "score"]
    for name, output in spec.outputs.tables.items():
        for index, column in enumerate(output.partition_by if name in made else ()):
            yield ("outputs", "tables", name, "partition_by", index), column, made[name]
