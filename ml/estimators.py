"""Configurations of models. Immutable; `fit` makes a `Model`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias

from ..engine.errors import ConfigError, suggestion
from ..engine.frame import DataFrame
from .features import Features
from .transformers import TRANSFORMERS, Encoder, OneHotEncoder, OrdinalEncoder, Transformer

if TYPE_CHECKING:
    from .model import Model


_ELSEWHERE = {
    **dict.fromkeys(("n_estimators", "num_boost_round", "num_rounds", "iterations"), "n_trees"),
    **dict.fromkeys(("eta", "lr"), "learning_rate"),
    **dict.fromkeys(("random_state", "random_seed"), "seed"),
    **dict.fromkeys(("colsample_bytree", "max_features", "feature_fraction"), "colsample"),
    **dict.fromkeys(("lambda_l2", "l2_regularization", "l2_leaf_reg"), "reg_lambda"),
    **dict.fromkeys(("max_bins", "border_count"), "max_bin"),
    "max_iterations": "max_iter",
}
"""Parameters as other libraries call them."""


@dataclass(frozen=True, kw_only=True)
class _Configured:
    """What the configurations of estimators have in common."""

    __slots__ = ()

    def __new__(cls, *_: Any, **given: Any) -> Self:
        names = [field.name for field in fields(cls)]
        for name in given:
            if name not in names:
                meant = _ELSEWHERE.get(name)
                hint = f"; it is called {meant} here" if meant in names else suggestion(name, names)
                raise ConfigError(f"{cls.__name__} has no parameter {name!r}{hint}")
        return super().__new__(cls)

    def fit(self, frame: DataFrame, features: Features) -> Model:
        """Fit to a frame; see `Pipeline.fit`."""
        assert isinstance(self, ESTIMATORS)
        return Pipeline([self]).fit(frame, features)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ridge(_Configured):
    """Linear regression with a squared penalty; categorical features are one-hot encoded unless a step does it.

    Parameters
    ----------
    alpha
        Strength of the penalty on the coefficients, not on the intercept; 0 is ordinary least squares.
    """

    alpha: float = 1.0
    default_encoder: ClassVar[Encoder] = OneHotEncoder()

    def __post_init__(self) -> None:
        _check(self, "alpha", at_least=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticRegression(_Configured):
    """Classification by a linear model of the log-odds, for two classes or more.

    Categorical features are one-hot encoded unless a step does it.

    Parameters
    ----------
    C
        Inverse strength of the squared penalty on the coefficients, positive; infinity fits without.
    max_iter
        Newton steps allowed; ten are rarely needed.
    """

    C: float = 1.0
    max_iter: int = 100
    default_encoder: ClassVar[Encoder] = OneHotEncoder()

    def __post_init__(self) -> None:
        _check(self, "C", above=0.0, finite=False)
        _check(self, "max_iter", at_least=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientBoosting(_Configured):
    """Boosted regression trees by XGBoost's histogram method; missing values are used as they are.

    Categorical features become category numbers unless a step does otherwise.

    Parameters
    ----------
    n_trees
        Boosting rounds (for K > 2 classes, K trees each).
    max_depth
        Greatest depth of a tree.
    learning_rate
        Weight of each tree, in (0, 1].
    min_child_weight
        Least sum of second derivatives in a leaf.
    reg_lambda
        Squared penalty on leaf values.
    subsample, colsample
        Share of rows per round, of features per tree, in (0, 1].
    max_bin
        Histogram bins per feature.
    task
        ``classification`` or ``regression``; by default regression for fractional labels (floats, decimals) and
        classification for all others.
    seed
        For subsampling.
    """

    n_trees: int = 200
    max_depth: int = 6
    learning_rate: float = 0.1
    min_child_weight: float = 1.0
    reg_lambda: float = 1.0
    subsample: float = 1.0
    colsample: float = 1.0
    max_bin: int = 256
    task: Literal["classification", "regression"] | None = None
    seed: int = 0
    default_encoder: ClassVar[Encoder] = OrdinalEncoder()

    def __post_init__(self) -> None:
        for name, least in (("n_trees", 1), ("max_depth", 1), ("max_bin", 2), ("seed", 0)):
            _check(self, name, at_least=least)
        for name in ("min_child_weight", "reg_lambda"):
            _check(self, name, at_least=0.0)
        for name in ("learning_rate", "subsample", "colsample"):
            _check(self, name, above=0.0, at_most=1.0)
        if self.task not in (None, "classification", "regression"):
            raise ConfigError(f'GradientBoosting: task must be "classification" or "regression", not {self.task!r}')


Estimator: TypeAlias = Ridge | LogisticRegression | GradientBoosting
ESTIMATORS = (Ridge, LogisticRegression, GradientBoosting)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Transformers in order, then one estimator.

    Raises
    ------
    ConfigError
        When the last step is no estimator, or another one is.
    """

    steps: Sequence[Transformer | Estimator]

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        allowed = ", ".join(cls.__name__ for cls in ESTIMATORS)
        if not self.steps or not isinstance(self.steps[-1], ESTIMATORS):
            raise ConfigError(f"a Pipeline must end with an estimator: {allowed}")
        for step in self.steps[:-1]:
            if not isinstance(step, TRANSFORMERS):
                raise ConfigError(
                    "before its estimator a Pipeline holds transformers, as instances such as ml.StandardScaler(); "
                    f"{step!r} is none"
                )

    @property
    def transformers(self) -> tuple[Transformer, ...]:
        """All steps but the last."""
        return tuple(step for step in self.steps if isinstance(step, TRANSFORMERS))

    @property
    def estimator(self) -> Estimator:
        """The last step."""
        last = self.steps[-1]
        assert isinstance(last, ESTIMATORS)
        return last

    def fit(self, frame: DataFrame, features: Features) -> Model:
        """Fit to the rows of a frame, which runs its plan.

        Parameters
        ----------
        frame
            The training rows; only the columns that ``features`` names are read.
        features
            Which columns to use, and as what.

        Raises
        ------
        ColumnNotFound, TypeMismatch, ConfigError
            When the features do not fit the frame or the steps.
        FitError
            When the rows cannot be learned from: none, a null label, one class, nothing to impute from.
        """
        from .fitting import fit_pipeline

        return fit_pipeline(self, frame, features)


def _check(
    config: Estimator,
    name: str,
    *,
    above: float = -math.inf,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    finite: bool = True,
) -> None:
    value = getattr(config, name)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not above < value or not at_least <= value <= at_most or (finite and math.isinf(value)):
        bounds = [f"above {above:g}"] if above > -math.inf else []
        bounds += [f"at least {at_least:g}"] if at_least > -math.inf else []
        bounds += [f"at most {at_most:g}"] if at_most < math.inf else []
        raise ConfigError(f"{type(config).__name__}: {name} must be {' and '.join(bounds)}, not {value!r}")
