"""What a session knows by name beside tables: functions of users, and models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import ConfigError
from .udf import UserFunction

if TYPE_CHECKING:
    from .frame import DataFrame


class Role(Enum):
    """What a named thing is to a query."""

    SCALAR = "scalar"
    AGGREGATE = "aggregate"
    TABLE = "table"
    MODEL = "model"
    MACRO = "macro"


@dataclass(frozen=True, slots=True)
class Registered:
    """A function, a model or SQL's macro with its role; scalar functions and aggregates are `UserFunction` values."""

    role: Role
    value: Any


def registered_function(function: Callable[..., Any], kind: str, dtype: Any) -> Registered:
    """Return a user's function to be known by name; see ``volley.register_function``.

    Raises
    ------
    ConfigError
        If there is no such kind of function.
    """
    if kind == Role.TABLE.value:
        return Registered(Role.TABLE, function)
    if kind == Role.SCALAR.value:
        scalar = function if isinstance(function, UserFunction) else UserFunction(function, dtype=dtype)
        return Registered(Role.SCALAR, scalar)
    if kind == Role.AGGREGATE.value:
        inner = function.function if isinstance(function, UserFunction) else function
        declared = function.declared if isinstance(function, UserFunction) and dtype is None else dtype
        return Registered(Role.AGGREGATE, UserFunction(inner, dtype=declared, compile=False))
    raise ConfigError(f"kind={kind!r}: a function is 'scalar', 'aggregate' or 'table'")


class Models(Protocol):
    """Fits and applies models for queries."""

    def is_model(self, value: object) -> bool:
        """Return whether this is a fitted model."""
        ...

    def train(self, frame: DataFrame, options: Mapping[str, Any]) -> Any:
        """Fit a model to the rows of a frame, as the options of CREATE MODEL say."""
        ...

    def predict(self, model: Any, frame: DataFrame) -> DataFrame:
        """Add predictions, lazily."""
        ...

    def explain(self, model: Any, frame: DataFrame) -> DataFrame:
        """Add what moved each prediction, lazily."""
        ...


_models: list[Models] = []


def use_models(models: Models) -> None:
    """Say who fits and applies models from now on."""
    _models[:] = [models]


def models() -> Models:
    """Return who fits and applies models."""
    if not _models:
        raise ConfigError("no models are known; import volley rather than its engine alone")
    return _models[0]
