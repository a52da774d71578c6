"""One table from several files: columns matched by name, types widened, partition keys from directory names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ..engine import dtypes
from ..engine.dtypes import DataType, Kind
from ..engine.errors import ConfigError, TypeMismatch
from ..engine.plan import Statistics
from ..engine.schema import Field, Schema
from .filesystem import FileSet
from .hive import typed_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTable:
    """Files that make one table.

    Attributes
    ----------
    files
        The files, in the table's order.
    schema
        All columns: the files' by name in order of first appearance, then partition keys.
    keys
        Partition key values of each file; they win over a column of the same name in the file.
    stored
        Of each file, the types of the columns that it stores otherwise than the table has them.
    """

    files: FileSet
    schema: Schema
    keys: tuple[dict[str, Any], ...]
    stored: tuple[dict[str, DataType], ...]

    @classmethod
    def of(cls, files: FileSet, schemas: Sequence[Schema]) -> FileTable:
        """Combine the files' own schemas: a column has the type that holds its values of every file.

        Raises
        ------
        TypeMismatch
            If there is no such type; the message names the column and two files.
        """
        key_fields, keys = typed_keys([f.relative for f in files.files])
        by_key = {f.name: f for f in key_fields}
        columns = [by_key.pop(f.name, f) for f in _union(files, schemas)]
        schema = Schema((*columns, *by_key.values()))
        stored = tuple(
            {f.name: f.dtype for f in own if f.name not in file_keys and f.dtype != schema[f.name].dtype}
            for own, file_keys in zip(schemas, keys, strict=True)
        )
        return cls(files=files, schema=schema, keys=keys, stored=stored)

    def naming_files(self, column: str) -> FileTable:
        """Return the table with a column of the files' paths, which stands before the partition keys.

        Raises
        ------
        ConfigError
            If the files or their directories give a column of that name.
        """
        if any(name.lower() == column.lower() for name in self.schema.names):
            raise ConfigError(f"{self.files.name!r} has a column {column!r} already; write filename='another name'")
        own = [f for f in self.schema if f.name not in self.keys[0]]
        keys = [f for f in self.schema if f.name in self.keys[0]]
        schema = Schema((*own, Field(column, dtypes.string, nullable=False), *keys))
        files = zip(self.keys, self.files.files, strict=True)
        return replace(self, schema=schema, keys=tuple({**key, column: self.files.url(file)} for key, file in files))

    def keys_within(self, position: int, schema: Schema) -> dict[str, Any]:
        """Return the key values of one file for the columns of ``schema``."""
        return {name: value for name, value in self.keys[position].items() if name in schema}


class FileSource:
    """What sources of one table in files share.

    Attributes
    ----------
    form
        The files' format.
    """

    form: ClassVar[str]
    _table: FileTable

    @property
    def schema(self) -> Schema:
        """Names and types of all columns; partition keys last."""
        return self._table.schema

    @property
    def label(self) -> str:
        """Format, name and number of files."""
        return f"{self.form} {self._table.files.label}"

    def name_files(self, column: str) -> None:
        """Add a column with the path of the file that a row is from; raises as `FileTable.naming_files`."""
        self._table = self._table.naming_files(column)

    def statistics(self) -> Statistics:
        """Return stored bytes; rows are not known without reading."""
        return Statistics(bytes=sum(file.size for file in self._table.files.files))


def _union(files: FileSet, schemas: Sequence[Schema]) -> tuple[Field, ...]:
    merged: dict[str, Field] = {}
    origin: dict[str, str] = {}
    for position, (file, schema) in enumerate(zip(files.files, schemas, strict=True)):
        url = files.url(file)
        for name in merged.keys() - set(schema.names):
            merged[name] = replace(merged[name], nullable=True)
        for column in schema:
            before = merged.get(column.name)
            if before is None:
                merged[column.name] = replace(column, nullable=column.nullable or position > 0)
                origin[column.name] = url
                continue
            widened = evolved_type(before.dtype, column.dtype)
            if widened is None:
                raise TypeMismatch(
                    f"column {column.name!r} is {before.dtype} in {origin[column.name]!r} but {column.dtype} in "
                    f"{url!r}; read the files apart and cast one of them"
                )
            if widened != before.dtype:
                origin[column.name] = url
            merged[column.name] = Field(column.name, widened, before.nullable or column.nullable)
    return tuple(merged.values())


def evolved_type(left: DataType, right: DataType) -> DataType | None:
    """Return the type of a column that one file has as ``left`` and another as ``right``; None where there is none.

    It is their common type, but for whole numbers with and without sign, which keep every digit, and for structs, which
    get the fields of both, matched by name.
    """
    if left == right:
        return left
    if left.is_integer and right.is_integer and left.is_signed != right.is_signed and dtypes.uint64 in (left, right):
        return dtypes.common_type(dtypes.as_decimal(left), dtypes.as_decimal(right))
    if left.kind is right.kind is Kind.STRUCT:
        fields = dict(left.fields)
        for name, dtype in right.fields:
            merged = evolved_type(fields.get(name, dtypes.null), dtype)
            if merged is None:
                return None
            fields[name] = merged
        return dtypes.struct(fields.items())
    if left.kind is right.kind is Kind.LIST and left.value and right.value:
        value = evolved_type(left.value, right.value)
        return None if value is None else dtypes.list_(value)
    return dtypes.common_type(left, right)
