"""Fitted models as functions of the feature matrix: scores and SHAP values; they know no frames."""

from __future__ import annotations

import threading
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

    def attribution(self, matrix: FeatureMatrix) -> Attribution:
        """SHAP values per column of the matrix."""
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
        margin = self.solution.decision(X)
        if not np.isfinite(margin).all():
            check_finite(matrix, PredictError)
        if self.task == "regression":
            return margin
        return expit(margin) if self.task == "binary" else softmax(margin)

    def attribution(self, matrix: FeatureMatrix) -> Attribution:
        """SHAP values per column of the matrix."""
        check_finite(matrix, PredictError)
        return linear_shap(self.solution, matrix.numpy(), self.mean)


class BoostedCore:
    """Boosted trees of XGBoost, kept as their serialised bytes and opened once per process."""

    dtype: ClassVar[FloatName] = "float32"
    method: ClassVar[Method] = "tree"
    __slots__ = ("_booster", "_lock", "raw", "task")

    def __init__(self, *, task: Task, raw: bytes) -> None:
        self.task = task
        self.raw = raw
        self._booster: xgboost.Booster | None = None
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return (_boosted, (self.task, self.raw))

    def scores(self, matrix: FeatureMatrix) -> FloatArray:
        """Predictions (n,), probabilities of the positive class (n,), or of K classes (n, K)."""
        found: npt.NDArray[np.float32] = self.booster.inplace_predict(matrix.numpy())
        return found.astype(np.float64)

    def attribution(self, matrix: FeatureMatrix) -> Attribution:
        """SHAP values per column of the matrix."""
        import xgboost

        return tree_shap(self.booster, xgboost.DMatrix(matrix.numpy(), nthread=1))

    @property
    def booster(self) -> xgboost.Booster:
        """The trees; each call runs on one thread, as the engine calls from many."""
        import xgboost

        with self._lock:
            if self._booster is None:
                self._booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(self.raw))
            return self._booster


def check_finite(matrix: FeatureMatrix, error: type[Exception]) -> None:
    """Raise ``error``, naming the column, when a linear model is given something that is no number."""
    for name, column in zip(matrix.names, matrix.columns(0, len(matrix.names)).T, strict=True):
        bad = int(np.count_nonzero(~np.isfinite(column)))
        if bad:
            raise error(
                f"feature {name!r} is missing, infinite or of an unseen category in {bad:,} rows, and a linear model "
                "needs numbers: put ml.SimpleImputer() into the pipeline, or drop such rows"
            )


def _boosted(task: Task, raw: bytes) -> BoostedCore:
    return BoostedCore(task=task, raw=raw)
