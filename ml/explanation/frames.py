"""SHAP values as lazy columns of a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from ...engine.dtypes import float64
from ...engine.errors import ConfigError
from ...engine.expr import Column, Expr, NamedExpr, call, cast
from ...engine.frame import DataFrame
from ...engine.plan.functions import LibraryColumns, MatrixFunction
from ...engine.schema import Field
from ..cores import Core
from ..cuda import columns_of
from ..expressions import FLOATS, matrix_columns
from ..model import Model, refuse_clashes
from ..preparation import Preparation
from .attribution import sum_by_feature


def explain(model: Model, frame: DataFrame, *, method: Literal["auto", "linear", "tree"] = "auto") -> DataFrame:
    """Add SHAP values to a frame, lazily: how much each feature moved each row's prediction.

    Adds ``base_value``, the margin of the average row, and ``phi_<feature>`` for every feature of the model, float64.
    Their sum is the row's margin: log-odds of the positive class, or the prediction in regression. With three or more
    classes there is one set per class: ``base_value_<class>`` and ``phi_<feature>_<class>``. A one-hot encoded feature
    has one value, the sum over its categories.

    Parameters
    ----------
    model
        A fitted model.
    frame
        Rows with the model's features.
    method
        ``linear`` is exact for linear models (background: the training rows, features taken as independent); ``tree``
        is path-dependent TreeSHAP; ``auto`` takes the one that fits the model.

    Raises
    ------
    ConfigError
        When the method does not fit the model.
    ColumnNotFound, TypeMismatch, PlanError
        When a feature is missing or of the wrong type, or the frame already has one of the new columns.
    """
    if method not in ("auto", model.core.method):
        raise ConfigError(f'method={method!r} does not fit {model.name}; use "{model.core.method}" or "auto"')
    model.features.check_inputs(frame.schema)
    names = attribution_columns(model)
    adds = dict.fromkeys(names, float64)
    refuse_clashes(frame, adds, "explain", "another name for it")
    function = _Explain(
        preparation=model.preparation,
        core=model.core,
        names=tuple(names),
        threads=frame.session.threads,
        matrix=_on_device(model, frame, names),
    )
    reads = list(model.features.names)
    return frame.map_batches(function, adds, reads=reads, keeps=True, label=f"explain({model.name})")


def _on_device(model: Model, frame: DataFrame, names: Sequence[str]) -> MatrixFunction | str:
    """Return the explanation of a matrix in the memory of the frame's device, or why the host must explain."""
    inputs = matrix_columns(model.preparation, frame)
    if isinstance(inputs, str):
        return inputs
    kind, owners = FLOATS[model.core.dtype], model.preparation.owners
    features, width = len(model.features.names), len(owners) + 1
    sets = len(names) // (features + 1)
    made = [Field(str(place), kind) for place in range(sets * width)]
    columns = [cast(Column(name=f.name, dtype=kind), float64) for f in made]
    outputs: list[Expr] = []
    for first in range(0, sets * width, width):
        outputs.append(columns[first + width - 1])
        for feature in range(features):
            own = [columns[first + place] for place, owner in enumerate(owners) if owner == feature]
            outputs.append(reduce(lambda a, b: call("add", a, b), own))
    return MatrixFunction(
        inputs=inputs,
        dtype=kind,
        function=_Attribution(core=model.core, names=tuple(model.preparation.columns)),
        made=tuple(made),
        outputs=tuple(NamedExpr(name=name, expr=expr) for name, expr in zip(names, outputs, strict=True)),
        refusal=model.core.refusal,
    )


def attribution_columns(model: Model) -> list[str]:
    """Names of the columns that `explain` adds: per class the base value, then the features in order."""
    if model.task == "multiclass" and model.classes is not None:
        endings = [f"_{value}" for value in model.classes.to_pylist()]
    else:
        endings = [""]
    return [
        name
        for ending in endings
        for name in (f"base_value{ending}", *(f"phi_{feature}{ending}" for feature in model.features.names))
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Explain:
    """Explains a batch; small, immutable, pickles, safe to call from many threads."""

    preparation: Preparation
    core: Core
    names: tuple[str, ...]
    threads: int
    matrix: MatrixFunction | str

    def of_matrix(self) -> MatrixFunction | str:
        """Return the explanation of a matrix in a GPU's memory, or why the host must explain."""
        return self.matrix

    def __call__(self, table: pa.Table) -> pa.Table:
        if table.num_rows == 0:
            return pa.table([pa.array([], pa.float64()) for _ in self.names], names=list(self.names))
        found = self.core.attribution(self.preparation.apply(table), threads=self.threads)
        found = sum_by_feature(found, self.preparation.owners, len(self.preparation.features.names))
        values = np.concatenate((found.base[..., None], found.phi), axis=-1)
        flat = np.asarray(values.reshape(table.num_rows, -1), dtype=np.float64, order="F")
        return pa.table([pa.array(column) for column in flat.T], names=list(self.names))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attribution:
    """SHAP values of a matrix in a GPU's memory, column by column."""

    core: Core
    names: tuple[str, ...]

    def __call__(self, matrix: Any) -> LibraryColumns:
        found = self.core.device_attribution(matrix, self.names)
        values = found.values
        columns = columns_of(values.reshape(values.shape[0], -1))
        return LibraryColumns(arrays=columns, to_host=found.to_host, to_device=found.to_device)
