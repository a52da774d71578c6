"""Finding mistakes before any work: queries that do not fit together, columns that do not exist, wrong parameters."""

from __future__ import annotations

from ...engine.errors import PlanError
from .checks import plan_check
from .load import Job
from .modelling import build_pipeline, features_of
from .tables import Tables


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
    if spec.train is not None and spec.split is not None and spec.split.table in known:
        try:
            features_of(job).check_training(tables[spec.split.table].schema)
        except PlanError as error:
            raise job.error(("train", "features"), str(error)) from None
