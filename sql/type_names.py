"""CREATE TYPE and DROP TYPE: other names of types, put in the place of what they name before anything is bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlglot import exp

from ..engine.errors import suggestion
from .bind.datatypes import INSTEAD_OF_ENUM, data_type
from .parse import SqlText, from_offset, parse
from .trees import parts_of

if TYPE_CHECKING:
    import re


def create_type(source: SqlText, types: dict[str, exp.DataType], match: re.Match[str], shift: int) -> tuple[str, str]:
    """Remember the name of a type; the match holds ``or replace``, ``if not exists``, the name and the type."""
    name = match[3].strip('"').lower()
    if match[4].lower().startswith("enum"):
        raise source.unsupported_at(shift + match.start(4), "ENUM", INSTEAD_OF_ENUM)
    if name in types and match[2]:
        return match[3], "exists already"
    if name in types and not match[1]:
        raise source.error_at(
            shift + match.start(3), f"the type {match[3]!r} exists already; write create or replace type"
        )
    inner = from_offset(source, shift + match.start(4), shift + match.end(4), before="select null::")
    made = with_types(parse(inner), types).find(exp.Cast)
    written = None if made is None else made.args["to"]
    if not isinstance(written, exp.DataType):
        raise source.error_at(shift + match.start(4), "a type is missing, as in: create type price as decimal(12, 2)")
    data_type(inner, written)
    types[name] = written
    return match[3], "type created"


def drop_type(source: SqlText, types: dict[str, exp.DataType], match: re.Match[str], shift: int) -> tuple[str, str]:
    """Forget the name of a type; the match holds ``if exists`` and the name. Columns of it keep their type."""
    name = match[2].strip('"').lower()
    if types.pop(name, None) is not None:
        return match[2], "dropped"
    if not match[1]:
        hint = suggestion(name, types) if types else "; none is there"
        raise source.error_at(shift + match.start(2), f"unknown type {match[2]!r}{hint}")
    return match[2], "not there"


def with_types(tree: exp.Expr, types: Mapping[str, exp.DataType]) -> exp.Expr:
    """Put the types in the place of their names."""
    if not types:
        return tree
    for node in list(parts_of(tree)):
        if isinstance(node, exp.DataType) and node.this is exp.DType.USERDEFINED:
            found = types.get(str(node.args.get("kind") or "").strip('"').lower())
            if found is not None:
                node.replace(found.copy())
    return tree
