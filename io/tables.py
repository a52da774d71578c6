"""One table from several files: columns matched by name, partition keys from directory names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..engine.dtypes import Kind
from ..engine.errors import TypeMismatch
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
    """

    files: FileSet
    schema: Schema
    keys: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, files: FileSet, schemas: Sequence[Schema]) -> FileTable:
        """Combine the files' own schemas.

        Raises
        ------
        TypeMismatch
            If two files give a column different types; the message names both.
        """
        key_fields, keys = typed_keys([f.relative for f in files.files])
        by_key = {f.name: f for f in key_fields}
        columns = [by_key.pop(f.name, f) for f in _union(files, schemas)]
        return cls(files=files, schema=Schema((*columns, *by_key.values())), keys=keys)

    def keys_within(self, position: int, schema: Schema) -> dict[str, Any]:
        """Return the key values of one file for the columns of ``schema``."""
        return {name: value for name, value in self.keys[position].items() if name in schema}


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
            elif before.dtype.kind is Kind.NULL:
                merged[column.name] = replace(column, nullable=True)
                origin[column.name] = url
            elif column.dtype.kind is not Kind.NULL and column.dtype != before.dtype:
                raise TypeMismatch(
                    f"column {column.name!r} is {before.dtype} in {origin[column.name]!r} but {column.dtype} in "
                    f"{url!r}; read the files apart and cast one of them"
                )
            elif column.nullable and not before.nullable:
                merged[column.name] = replace(before, nullable=True)
    return tuple(merged.values())
