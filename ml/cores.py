"""Fitted models as functions of the feature matrix: scores and SHAP values; they know no frames."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt

from .blocks import FloatArray
from .errors import PredictError
from .explanation.attribution import Attribution, linear_shap, tree_shap
from .handoff import FeatureMatrix, FloatName
from .linear.logistic import expit
from .linear.softmax import softmax
from .linear.solution import LinearSolution
from .parallelism import load_xgboost, one_blas_thread
from .target import Task

if TYPE_CHECKING:
    import xgboost

Method = Literal["linear", "tree"]


class Core(Protocol):
    """What a fitted model can do with a matrix."""

    dtype: ClassVar[FloatName]
    method: ClassVar[Method]

    def scores(self, matrix: FeatureMatrix) -> FloatArray:
        """Predictions (n,), probabilities of the positive class (n,), or of K classes (n, K)."""
        ...

    def attribution(self, matrix: FeatureMatrix, *, threads: int) -> Attribution:
        """SHAP values per column of the matrix, on up to so many threads."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearCore:
    """A linear model: coefficients, and the features' means over the training rows as background for SHAP."""

    dtype: ClassVar[FloatName] = "float64"
    method: ClassVar[Method] = "linear"
    task: Task
    solution: LinearSolution
    mean: FloatArray

    def scores(self, matrix: FeatureMatrix) -> FloatArray:
        """Predictions (n,), probabilities of the positive class (n,), or of K classes (n, K)."""
        X = matrix.numpy()
        with one_blas_thread:
            margin = self.solution.decision(X)
        if not np.isfinite(margin).all():
            refuse_unusable(count_unusable(matrix), PredictError)
        if self.task == "regression":
            return margin
        return expit(margin) if self.task == "binary" else softmax(margin)

    def attribution(self, matrix: FeatureMatrix, *, threads: int) -> Attribution:  # one pass suffices
        """SHAP values per column of the matrix."""
        refuse_unusable(count_unusable(matrix), PredictError)
        return linear_shap(self.solution, matrix.numpy(), self.mean)


class BoostedCore:
    """Boosted trees of XGBoost, kept as their serialised bytes and opened once per process.

    The engine predicts many batches at a time, each on one thread. SHAP values cost hundreds of times as much, so that
    a few rows are worth all threads.
    """

    dtype: ClassVar[FloatName] = "float32"
    method: ClassVar[Method] = "tree"
    __slots__ = ("_boosters", "_lock", "raw", "task")

    def __init__(self, *, task: Task, raw: bytes) -> None:
        self.task = task
        self.raw = raw
        self._boosters: dict[int, xgboost.Booster] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return (_boosted, (self.task, self.raw))

    def scores(self, matrix: FeatureMatrix) -> FloatArray:
        """Predictions (n,), probabilities of the positive class (n,), or of K classes (n, K)."""
        found: npt.NDArray[np.float32] = self.booster(threads=1).inplace_predict(matrix.numpy())
        return found.astype(np.float64)

    def attribution(self, matrix: FeatureMatrix, *, threads: int) -> Attribution:
        """SHAP values per column of the matrix, on up to so many threads."""
        xgboost = load_xgboost()
        return tree_shap(self.booster(threads), xgboost.DMatrix(matrix.numpy(), nthread=threads))

    def booster(self, threads: int) -> xgboost.Booster:
        """Return the trees, opened to run each call on so many threads."""
        with self._lock:
            if threads not in self._boosters:
                opened = load_xgboost().Booster({"nthread": threads}, model_file=bytearray(self.raw))
                self._boosters[threads] = opened
            return self._boosters[threads]


def count_unusable(matrix: FeatureMatrix) -> dict[str, int]:
    """Return for each column of a matrix in how many rows it holds no number."""
    columns = matrix.columns(0, len(matrix.names)).T
    counts = (int(np.count_nonzero(~np.isfinite(column))) for column in columns)
    return dict(zip(matrix.names, counts, strict=True))


def refuse_unusable(counts: Mapping[str, int], error: type[Exception]) -> None:
    """Raise ``error``, naming the column, when a linear model is given something that is no number."""
    for name, bad in counts.items():
        if bad:
            raise error(
                f"feature {name!r} is missing, infinite or of an unseen category in {bad:,} rows, and a linear model "
                "needs numbers: put ml.SimpleImputer() into the pipeline, or drop such rows"
            )


def _boosted(task: Task, raw: bytes) -> BoostedCore:
    return BoostedCore(task=task, raw=raw)
