"""Configurations of what is done to features before a model sees them. Immutable; fitting makes something else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from ..engine.errors import ConfigError
from .preprocessing.categories import UnknownPolicy
from .preprocessing.impute import NumericStrategy


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardScaler:
    """Scale numeric features to zero mean and unit population variance; missing values stay missing.

    Parameters
    ----------
    columns
        Numeric features to scale; by default all.
    """

    columns: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MinMaxScaler:
    """Scale numeric features into the interval from 0 to 1 (of the training rows).

    Parameters
    ----------
    columns
        Numeric features to scale; by default all.
    """

    columns: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimpleImputer:
    """Fill missing values: nulls and, in numbers, NaN.

    Parameters
    ----------
    strategy
        ``mean`` and ``median`` fill numeric features; ``most_frequent`` (the smallest of equals) both
        kinds; ``constant`` those of the kind of ``fill_value``: numeric for a number, categorical for a text.
    fill_value
        For ``constant``.
    columns
        Features to fill; by default all of the kind that the strategy fills.
    """

    strategy: NumericStrategy = "mean"
    fill_value: float | str | None = None
    columns: Sequence[str] | None = None

    def __post_init__(self) -> None:
        allowed = ("mean", "median", "most_frequent", "constant")
        if self.strategy not in allowed:
            raise ConfigError(f"SimpleImputer: strategy must be one of {', '.join(allowed)}, not {self.strategy!r}")
        if (self.strategy == "constant") != (self.fill_value is not None):
            raise ConfigError('SimpleImputer: strategy="constant" needs a fill_value, and only it takes one')


@dataclass(frozen=True, slots=True, kw_only=True)
class OneHotEncoder:
    """Turn each categorical feature into one 0/1 column per category; null is a category if it occurs.

    Parameters
    ----------
    unknown
        For a category that the training rows did not have: ``ignore`` gives zeros, ``error`` raises.
    columns
        Categorical features to encode; by default all that are not encoded yet.
    """

    unknown: UnknownPolicy = "ignore"
    columns: Sequence[str] | None = None
    one_hot: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check_policy("OneHotEncoder", self.unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdinalEncoder:
    """Turn each categorical feature into the number of its category in sorted order, null last.

    Parameters
    ----------
    unknown
        For a category that the training rows did not have: ``ignore`` gives a missing value, ``error`` raises.
    columns
        Categorical features to encode; by default all that are not encoded yet.
    """

    unknown: UnknownPolicy = "ignore"
    columns: Sequence[str] | None = None
    one_hot: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check_policy("OrdinalEncoder", self.unknown)


Scaler: TypeAlias = StandardScaler | MinMaxScaler
Encoder: TypeAlias = OneHotEncoder | OrdinalEncoder
Transformer: TypeAlias = Scaler | SimpleImputer | Encoder
TRANSFORMERS = (StandardScaler, MinMaxScaler, SimpleImputer, OneHotEncoder, OrdinalEncoder)

FeatureKind: TypeAlias = Literal["numeric", "categorical"]


def _check_policy(name: str, unknown: str) -> None:
    if unknown not in ("ignore", "error"):
        raise ConfigError(f'{name}: unknown must be "ignore" or "error", not {unknown!r}')
