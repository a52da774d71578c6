"""The tables of a job by name: sources, steps, parts of the split, and what the models made; all lazy."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ... import io
from ...engine.errors import ConfigError, PlanError, SqlError, UserFunctionError, VolleyError
from ...engine.frame import DataFrame
from ...engine.frame.files import use_files
from ...engine.plan import Scan, Write
from ...sql import sql
from .document import Location
from .load import Job
from .spec import SourceSpec, StepSpec, TableOutput
from .workspace import Workspace

use_files(io)  # a query may name files too, also where the package's facade was never loaded

TABLE_FILE = "table.parquet"
"""Name of the file in which a step stores the table that it makes."""


class Tables:
    """Finds the tables of one job.

    Parameters
    ----------
    job
        Says what the sources and steps are.
    workspace
        Holds the tables that steps stored; without one every step is planned through, which shows whether the
        queries fit together before anything runs.
    """

    def __init__(self, job: Job, workspace: Workspace | None) -> None:
        self._job = job
        self._workspace = workspace
        self._known: dict[str, DataFrame] = {}
        self._makers: dict[str, Callable[[], DataFrame]] = {}
        for name, source in job.spec.sources.items():
            self._makers[name] = partial(self._open, name, source)
        for index, step in enumerate(job.spec.steps):
            if step.view or workspace is None:
                self._makers[step.name] = partial(self.plan_step, index, step)
            else:
                self.add_stored(step.name, step_key(step))

    def add(self, name: str, make: Callable[[], DataFrame]) -> None:
        """Say how a table is made; nothing is made before it is asked for."""
        self._makers[name] = make

    def add_stored(self, name: str, key: str) -> None:
        """Say that a table is stored by the step whose folder is ``key``."""
        assert self._workspace is not None
        path = self._workspace.folder(key) / TABLE_FILE
        self.add(name, lambda: read(str(path), "parquet"))

    def __getitem__(self, name: str) -> DataFrame:
        if name not in self._known:
            self._known[name] = self._makers[name]()
        return self._known[name]

    def plan_step(self, index: int, step: StepSpec) -> DataFrame:
        """Return what a step makes, without running it.

        Raises
        ------
        JobSpecError
            For a query that is wrong, at its line of the job file.
        UserFunctionError
            For a function that raises.
        """
        if step.sql is not None:
            earlier = [*self._job.spec.sources, *(other.name for other in self._job.spec.steps[:index])]
            return self.query(step.sql, ("steps", index, "sql"), tables=earlier)
        assert step.python is not None
        function = self.find_function(step.python, ("steps", index, "python"))
        inputs = [self[name] for name in step.inputs or ()]
        try:
            made = function(*inputs)
        except VolleyError:
            raise
        except Exception as error:
            raise UserFunctionError(f"{step.python} raised {type(error).__name__}: {error}") from error
        if not isinstance(made, DataFrame):
            raise UserFunctionError(f"{step.python} must return a frame, not {type(made).__name__}")
        return made

    def query(self, text: str, location: Location, *, tables: list[str], written: bool = True) -> DataFrame:
        """Return the frame of a query over the named tables; its errors point into the job file.

        ``written`` says that the query is the text at ``location``, not one made from what stands there.
        """
        try:
            frames: dict[str, Any] = {name: self[name] for name in tables}
            return sql(text, **frames)
        except SqlError as error:
            if written:
                raise self._job.sql_error(location, error) from None
            raise self._job.error(location, error.message) from None
        except PlanError as error:
            raise self._job.error(location, str(error)) from None

    def _open(self, name: str, source: SourceSpec) -> DataFrame:
        paths = [self.resolve(path) for path in source.path]
        try:
            return read(paths[0] if len(paths) == 1 else paths, source.format, **source.options)
        except (ConfigError, TypeError) as error:
            raise self._job.error(("sources", name), str(error)) from None

    def resolve(self, path: str) -> str:
        """Return a source's path: URLs and absolute paths as they are, others from the job file's folder."""
        return path if "://" in path else str(self._job.folder / path)

    def find_function(self, target: str, location: Location) -> Callable[..., object]:
        """Import ``module:function`` with the job file's folder first on the path."""
        module_name, _, name = target.partition(":")
        with _first_on_path(self._job.folder):
            try:
                module = importlib.import_module(module_name)
            except ModuleNotFoundError as error:
                message = f"no module {error.name!r}; modules are looked up in {self._job.folder} first"
                raise self._job.error(location, message) from None
            except Exception as error:
                raise UserFunctionError(f"importing {module_name} raised {type(error).__name__}: {error}") from error
        _let_travel(self._job.folder)
        function: Callable[..., object] | None = getattr(module, name, None)
        if function is None or not callable(function):
            raise self._job.error(location, f"module {module_name} has no function {name!r}")
        return function


def read(paths: str | list[str], file_format: str | None, **options: object) -> DataFrame:
    """Return the lazy frame of files."""
    return DataFrame.from_plan(Scan(source=io.open_source(paths, file_format, **options)))


def output_options(output: TableOutput) -> dict[str, object]:
    """Return the options of the sink that writes a table."""
    named = {"partition_by": output.partition_by, "storage_options": output.storage_options}
    return {name: option for name, option in named.items() if option}


def write(frame: DataFrame, path: Path | str, file_format: str, **options: object) -> int:
    """Run a frame into a file, folder or URL, all or nothing; return how many rows it has."""
    sink = io.sink_for(str(path), file_format, **options)
    written = frame.session.collect(Write(input=frame.plan, sink=sink))
    return int(sum(written.column("rows").to_pylist()))


def _let_travel(folder: Path) -> None:
    """Let functions of modules beside the job file go to the workers of a cluster with their code."""
    try:
        import cloudpickle
    except ImportError:  # no cluster without it
        return
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file is not None and Path(file).is_relative_to(folder.resolve()) and "site-packages" not in file:
            cloudpickle.register_pickle_by_value(module)


def step_key(step: StepSpec) -> str:
    """Return the name of a step's folder."""
    return f"step-{step.name}"


@contextmanager
def _first_on_path(folder: Path) -> Iterator[None]:
    entry = str(folder.resolve())
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        sys.path.remove(entry)
