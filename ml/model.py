"""Fitted models: prediction as a plan node, and what explanation, evaluation and storage need."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..engine.arrow import from_arrow_type
from ..engine.dtypes import DataType, float64
from ..engine.errors import PlanError
from ..engine.frame import DataFrame
from .cores import Core
from .estimators import Pipeline
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
    """

    pipeline: Pipeline
    preparation: Preparation
    core: Core
    task: Task
    classes: pa.Array | None
    rows: int
    ledger: Ledger

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
        )
        label = f"predict({self.name})"
        return frame.map_batches(function, adds, reads=list(self.features.names), keeps=True, label=label)

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
