"""Names and types of a table's columns, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import field

from .dtypes import DataType
from .errors import ColumnNotFound, PlanError
from .records import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One column: its name, type and whether nulls may occur."""

    name: str
    dtype: DataType
    nullable: bool = True

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype}{'' if self.nullable else ' not null'}"


@dataclass(frozen=True, slots=True)
class Schema:
    """An ordered set of uniquely named fields.

    Attributes
    ----------
    names
        Column names in order; derived.

    Raises
    ------
    PlanError
        If two fields have the same name.
    """

    fields: tuple[Field, ...]
    names: tuple[str, ...] = field(init=False, repr=False, compare=False, hash=False)
    _index: dict[str, int] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        names = tuple([f.name for f in self.fields])
        index = dict(zip(names, range(len(names)), strict=True))
        if len(index) != len(names):
            twice = next(name for position, name in enumerate(names) if name in names[:position])
            raise PlanError(f"duplicate column name {twice!r}; give one of them another name")
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "_index", index)

    @classmethod
    def of(cls, columns: Iterable[tuple[str, DataType]]) -> Schema:
        """Build a schema from ``(name, type)`` pairs, all nullable."""
        return cls(tuple(Field(name, dtype) for name, dtype in columns))

    def __len__(self) -> int:
        return len(self.fields)

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def __getitem__(self, name: str) -> Field:
        """Return the field called ``name``; raise `ColumnNotFound` with the nearest names otherwise."""
        position = self._index.get(name)
        if position is None:
            raise ColumnNotFound(name, self.names)
        return self.fields[position]

    def check(self, names: AbstractSet[str]) -> None:
        """Raise `ColumnNotFound` unless there is a column of each of the names."""
        if not names <= self._index.keys():
            raise ColumnNotFound(next(name for name in names if name not in self._index), self.names)

    def position(self, name: str) -> int:
        """Return the 0-based position of a column."""
        self[name]
        return self._index[name]

    def select(self, names: Iterable[str]) -> Schema:
        """Return the schema of the named columns, in the order asked for."""
        return Schema(tuple([self[name] for name in names]))

    def extend(self, fields: Iterable[Field]) -> Schema:
        """Return this schema with more fields at its end."""
        return Schema((*self.fields, *fields))

    @property
    def row_width(self) -> int:
        """Estimated bytes per row."""
        return sum(f.dtype.byte_width for f in self.fields)

    def __str__(self) -> str:
        return ", ".join(str(f) for f in self.fields)

    def __reduce__(self) -> tuple[type[Schema], tuple[tuple[Field, ...]]]:
        return (Schema, (self.fields,))
