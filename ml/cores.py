"""Fitted models as functions of the feature matrix: scores and SHAP values; they know no frames."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from .blocks import FloatArray
from .cuda import arrays_refusal, load_cupy, trees_refusal
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


Refusal: TypeAlias = Callable[[], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAttribution:
    """SHAP values in a GPU's memory: CuPy's array of shape (n, K, p + 1), the base values last.

    ``to_host`` and ``to_device`` are the bytes that crossed the bus to make them.
    """

    values: Any
    to_host: int = 0
    to_device: int = 0


class Core(Protocol):
    """What a fitted model can do with a matrix.

    Attributes
    ----------
    dtype, method
        Type of the matrix, and how it is explained.
    """

    dtype: ClassVar[FloatName]
    method: ClassVar[Method]

    @staticmethod
    def fit_refusal() -> str | None:
        """Return why such a model cannot be fitted in a GPU's memory in this process; None where it can."""
        ...

    @staticmethod
    def refusal() -> str | None:
        """Return why such a model cannot be applied in a GPU's memory in this process; None where it can."""
        ...

    def scores(self, matrix: FeatureMatrix) -> FloatArray:
        """Predictions (n,), probabilities of the positive class (n,), or of K classes (n, K)."""
        ...

    def attribution(self, matrix: FeatureMatrix, *, threads: int) -> Attribution:
        """SHAP values per column of the matrix, on up to so many threads."""
        ...

    def device_scores(self, matrix: Any, names: Sequence[str]) -> Any:
        """`scores` of a matrix in a GPU's memory, as CuPy's array of ``dtype`` there."""
        ...

    def device_attribution(self, matrix: Any, names: Sequence[str]) -> DeviceAttribution:
        """`attribution` of a matrix in a GPU's memory."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearCore:
    """A linear model: coefficients, and the features' means over the training rows as background for SHAP."""

    dtype: ClassVar[FloatName] = "float64"
    method: ClassVar[Method] = "linear"
    task: Task
    solution: LinearSolution
    mean: FloatArray

    @staticmethod
    def fit_refusal() -> str | None:
        """Return why it cannot be fitted in a GPU's memory."""
        return arrays_refusal()

    @staticmethod
    def refusal() -> str | None:
        """Return why it cannot be applied in a GPU's memory."""
        return arrays_refusal()

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

    def device_scores(self, matrix: Any, names: Sequence[str]) -> Any:
        """Predictions or probabilities as CuPy's array."""
        cupy = load_cupy()
        X = cupy.asarray(matrix)
        margin = X @ cupy.asarray(self.solution.coef).T + cupy.asarray(self.solution.intercept)
        if not bool(cupy.isfinite(margin).all()):
            refuse_unusable(count_on_device(X, names), PredictError)
        if self.task == "regression":
            return margin
        return expit(margin) if self.task == "binary" else softmax(margin)

    def device_attribution(self, matrix: Any, names: Sequence[str]) -> DeviceAttribution:
        """SHAP values as CuPy's array."""
        cupy = load_cupy()
        X = cupy.asarray(matrix)
        if not bool(cupy.isfinite(X).all()):
            refuse_unusable(count_on_device(X, names), PredictError)
        coef = np.atleast_2d(self.solution.coef)
        base = np.atleast_1d(self.solution.intercept) + coef @ self.mean
        phi = (X - cupy.asarray(self.mean))[:, None, :] * cupy.asarray(coef)
        bases = cupy.broadcast_to(cupy.asarray(base)[:, None], (*phi.shape[:2], 1))
        return DeviceAttribution(values=cupy.concatenate((phi, bases), axis=-1))


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
        self._boosters: dict[tuple[str, int], xgboost.Booster] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return (_boosted, (self.task, self.raw))

    @staticmethod
    def fit_refusal() -> str | None:
        """Return why it cannot be fitted in a GPU's memory."""
        return trees_refusal()

    @staticmethod
    def refusal() -> str | None:
        """Return why it cannot be applied in a GPU's memory."""
        return trees_refusal()

    def scores(self, matrix: FeatureMatrix) -> FloatArray:
        """Predictions (n,), probabilities of the positive class (n,), or of K classes (n, K)."""
        found: npt.NDArray[np.float32] = self.booster(threads=1).inplace_predict(matrix.numpy())
        return found.astype(np.float64)

    def attribution(self, matrix: FeatureMatrix, *, threads: int) -> Attribution:
        """SHAP values per column of the matrix, on up to so many threads."""
        xgboost = load_xgboost()
        return tree_shap(self.booster(threads), xgboost.DMatrix(matrix.numpy(), nthread=threads))

    def device_scores(self, matrix: Any, names: Sequence[str]) -> Any:
        """Predictions or probabilities as CuPy's array."""
        return self.booster(threads=1, device="cuda").inplace_predict(matrix)

    def device_attribution(self, matrix: Any, names: Sequence[str]) -> DeviceAttribution:
        """SHAP values: XGBoost computes them on the device, and gives them in the host's memory."""
        xgboost, cupy = load_xgboost(), load_cupy()
        found = self.booster(threads=1, device="cuda").predict(xgboost.DMatrix(matrix), pred_contribs=True)
        values = found if found.ndim == 3 else found[:, None, :]
        return DeviceAttribution(values=cupy.asarray(values), to_host=values.nbytes, to_device=values.nbytes)

    def booster(self, threads: int, device: str = "cpu") -> xgboost.Booster:
        """Return the trees, opened to run each call on so many threads, or on a GPU."""
        with self._lock:
            place = device, threads
            if place not in self._boosters:
                options = {"nthread": threads, "device": device}
                self._boosters[place] = load_xgboost().Booster(options, model_file=bytearray(self.raw))
            return self._boosters[place]


def count_unusable(matrix: FeatureMatrix) -> dict[str, int]:
    """Return for each column of a matrix in how many rows it holds no number."""
    columns = matrix.columns(0, len(matrix.names)).T
    counts = (int(np.count_nonzero(~np.isfinite(column))) for column in columns)
    return dict(zip(matrix.names, counts, strict=True))


def count_on_device(X: Any, names: Sequence[str]) -> dict[str, int]:
    """Return the same for a matrix in a GPU's memory."""
    cupy = load_cupy()
    return {name: int(cupy.count_nonzero(~cupy.isfinite(X[:, place]))) for place, name in enumerate(names)}


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
