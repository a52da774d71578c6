"""Fitted models: prediction as a plan node, and what explanation, evaluation and storage need."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ..engine.arrow import from_arrow_type
from ..engine.dtypes import DataType, float64, int64
from ..engine.errors import PlanError
from ..engine.expr import Column, Expr, NamedExpr, call, cast, literal
from ..engine.frame import DataFrame
from ..engine.plan.functions import LibraryColumns, MatrixFunction
from ..engine.schema import Field
from .cores import Core
from .cuda import columns_of
from .estimators import Pipeline
from .expressions import FLOATS, class_values, matrix_columns
from .features import Features
from .handoff import Ledger
from .preparation import Preparation
from .target import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A fitted pipeline; immutable.

    Parameters
    ----------
    pipeline
        The configuration it was fitted from.
    preparation
        What was learned about the features.
    core
        The fitted estimator.
    task
        ``regression``, ``binary`` or ``multiclass``.
    classes
        Values of the label in the order of their scores, the positive one last of two; None in regression.
    rows
        Training rows.
    ledger
        Bytes copied and shared between the engine's buffers and the training matrix.
    trained_on
        Name of the device in whose memory it was fitted; ``cpu``, with the reason, where a GPU session could not.
    """

    pipeline: Pipeline
    preparation: Preparation
    core: Core
    task: Task
    classes: pa.Array | None
    rows: int
    ledger: Ledger
    trained_on: str = "cpu"

    @property
    def features(self) -> Features:
        """The columns the model reads and predicts."""
        return self.preparation.features

    @property
    def name(self) -> str:
        """The estimator's name."""
        return type(self.pipeline.estimator).__name__

    def score_columns(self, score: str = "score") -> list[str]:
        """Names of the score columns that `predict` adds: one, one per class, or none in regression."""
        if self.task == "regression":
            return []
        if self.task == "binary" or self.classes is None:
            return [score]
        return [f"{score}_{value}" for value in self.classes.to_pylist()]

    def predict(self, frame: DataFrame, *, prediction: str = "prediction", score: str = "score") -> DataFrame:
        """Add predictions to a frame, lazily; filters on its own columns and column pruning pass through.

        Parameters
        ----------
        frame
            Rows with the model's features; the label is not needed.
        prediction
            Name of the column for the predicted value or class.
        score
            Name of the column for the probability of the positive class, as float64; with three or more classes
            there is one column ``<score>_<class>`` each, in regression none.

        Raises
        ------
        ColumnNotFound, TypeMismatch
            When a feature is missing or of the wrong type.
        PlanError
            When the frame already has a column of a name to be added.
        PredictError, UnseenCategory
            While running, for rows that the model cannot take.
        """
        self.features.check_inputs(frame.schema)
        label_type = float64 if self.classes is None else from_arrow_type(self.classes.type)
        adds: dict[str, DataType] = {prediction: label_type}
        adds |= dict.fromkeys(self.score_columns(score), float64)
        refuse_clashes(frame, adds, "predict", 'model.predict(frame, prediction="…", score="…")')
        function = _Predict(
            preparation=self.preparation,
            core=self.core,
            task=self.task,
            classes=self.classes,
            names=tuple(adds),
            matrix=self._on_device(frame, tuple(adds)),
        )
        label = f"predict({self.name})"
        return frame.map_batches(function, adds, reads=list(self.features.names), keeps=True, label=label)

    def _on_device(self, frame: DataFrame, names: Sequence[str]) -> MatrixFunction | str:
        """Return the prediction of a matrix in the memory of the frame's device, or why the host must predict."""
        inputs = matrix_columns(self.preparation, frame)
        if isinstance(inputs, str):
            return inputs
        kind = FLOATS[self.core.dtype]
        prediction, *scores = names
        made = [Field(name, kind) for name in scores or [prediction]]
        outputs = [NamedExpr(name=f.name, expr=cast(Column(name=f.name, dtype=kind), float64)) for f in made]
        if self.classes is not None:
            number: Expr = Column(name=_NUMBER, dtype=int64)
            if self.task == "binary":
                number = cast(call("greater_equal", outputs[0].expr, literal(0.5)), int64)
            else:
                made.append(Field(_NUMBER, int64))
            outputs.insert(0, NamedExpr(name=prediction, expr=class_values(number, self.classes)))
        columns = tuple(self.preparation.columns)
        return MatrixFunction(
            inputs=inputs,
            dtype=kind,
            function=_Scores(core=self.core, names=columns, numbered=self.task == "multiclass"),
            made=tuple(made),
            outputs=tuple(outputs),
            refusal=self.core.refusal,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save to a directory of JSON, arrays and trees with checksums; see `ml.load`.

        Raises
        ------
        WriteError
            When the directory holds something else, or cannot be written; what was there stays.
        """
        from .storage import save_model

        save_model(path, self)

    def __repr__(self) -> str:
        steps = ", ".join(map(repr, self.pipeline.steps))
        return (
            f"<fitted {steps}; {len(self.features.names)} features, label {self.features.label!r}, {self.rows:,} rows>"
        )


def refuse_clashes(frame: DataFrame, adds: dict[str, DataType], what: str, remedy: str) -> None:
    """Raise `PlanError` when a frame has one of the columns to be added."""
    for name in adds:
        if name in frame.schema:
            raise PlanError(f"{what} adds a column {name!r}, which the frame already has; drop it, or use {remedy}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Predict:
    """Predicts a batch; small, immutable, pickles, safe to call from many threads."""

    preparation: Preparation
    core: Core
    task: Task
    classes: pa.Array | None
    names: tuple[str, ...]
    matrix: MatrixFunction | str

    def of_matrix(self) -> MatrixFunction | str:
        """Return the prediction of a matrix in a GPU's memory, or why the host must predict."""
        return self.matrix

    def __call__(self, table: pa.Table) -> pa.Table:
        if table.num_rows == 0:
            shape = (0, len(self.names) - 1) if self.task == "multiclass" else (0,)
            scores = np.empty(shape)
        else:
            scores = self.core.scores(self.preparation.apply(table))
        if self.classes is None:
            return pa.table([pa.array(scores)], names=list(self.names))
        if self.task == "binary":
            number = (scores >= 0.5).astype(np.int64)
            columns = [pa.array(scores)]
        else:
            number = scores.argmax(axis=1) if len(scores) else np.empty(0, dtype=np.int64)
            columns = [pa.array(np.ascontiguousarray(column)) for column in scores.T]
        return pa.table([self.classes.take(pa.array(number)), *columns], names=list(self.names))


_NUMBER = "class number"
"""Column of the classes' numbers between a model and its predictions; no other has such a name beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scores:
    """Scores of a matrix in a GPU's memory, column by column, and the numbers of the likeliest classes."""

    core: Core
    names: tuple[str, ...]
    numbered: bool

    def __call__(self, matrix: Any) -> LibraryColumns:
        scores = self.core.device_scores(matrix, self.names)
        columns = columns_of(scores)
        return LibraryColumns(arrays=[*columns, *columns_of(scores.argmax(axis=1))] if self.numbered else columns)
