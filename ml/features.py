"""Which columns a model reads, and as what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..engine.dtypes import DataType, Kind
from ..engine.errors import ColumnNotFound, ConfigError, TypeMismatch
from ..engine.schema import Schema

_UNORDERED = (Kind.LIST, Kind.STRUCT, Kind.BINARY, Kind.INTERVAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """The columns of a model.

    Parameters
    ----------
    numeric
        Numbers and booleans, used by value.
    categorical
        Columns whose values only name a category: text, codes, dates.
    label
        What is to be predicted.
    weight
        Column of non-negative row weights, or None.
    positive
        The label's positive value where it has two; by default the greater.

    Raises
    ------
    ConfigError
        When no feature is named, or a column is named twice.
    """

    numeric: Sequence[str] = ()
    categorical: Sequence[str] = ()
    label: str
    weight: str | None = None
    positive: object = None

    def __post_init__(self) -> None:
        for role in ("numeric", "categorical"):
            names = getattr(self, role)
            if isinstance(names, str):
                raise ConfigError(f'{role} must be a list of column names: ["{names}"] instead of "{names}"')
            object.__setattr__(self, role, tuple(names))
        if not self.names:
            raise ConfigError("Features names no column; list some under `numeric` or `categorical`")
        used = [*self.names, self.label] + ([] if self.weight is None else [self.weight])
        twice = [name for name, count in Counter(used).items() if count > 1]
        if twice:
            raise ConfigError(f"Features uses column {twice[0]!r} twice; give each column one role")

    @property
    def names(self) -> tuple[str, ...]:
        """The features in order: numeric, then categorical."""
        return (*self.numeric, *self.categorical)

    @property
    def training_columns(self) -> tuple[str, ...]:
        """Every column that a fit reads."""
        return (*self.names, self.label) + (() if self.weight is None else (self.weight,))

    def check_inputs(self, schema: Schema) -> None:
        """Check that a frame has the features, with types that can be used.

        Raises
        ------
        ColumnNotFound, TypeMismatch
            Naming the column, and what to do.
        """
        for name in self.numeric:
            kind = _field(schema, name, "feature")
            if not (kind.is_numeric or kind.kind is Kind.BOOL):
                raise TypeMismatch(
                    f"numeric feature {name!r} is {kind}; list it under `categorical`, or cast it to a number"
                )
        for name in self.categorical:
            kind = _field(schema, name, "feature")
            if kind.kind in _UNORDERED:
                raise TypeMismatch(f"categorical feature {name!r} is {kind}, which has no categories")

    def check_training(self, schema: Schema) -> None:
        """Check the features and also the label and the weight."""
        self.check_inputs(schema)
        kind = _field(schema, self.label, "label")
        if kind.kind in _UNORDERED:
            raise TypeMismatch(f"label {self.label!r} is {kind}, which cannot be predicted")
        if self.weight is not None and not _field(schema, self.weight, "weight").is_numeric:
            raise TypeMismatch(f"weight {self.weight!r} is {schema[self.weight].dtype}, not a number")


def _field(schema: Schema, name: str, role: str) -> DataType:
    if name not in schema:
        raise ColumnNotFound(name, schema.names, f" (a {role} of the model)")
    return schema[name].dtype
