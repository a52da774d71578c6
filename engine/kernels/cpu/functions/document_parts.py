"""Documents taken apart: a row for each part, numbered and placed as SQLite and DuckDB have it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ....expr import Call
from .documents import on_texts, parsed, type_of, written
from .registry import Value, scalar

_PLAIN_KEY = re.compile("[A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class _Part:
    """A value in a document, its key there and its number, which counts keys and values in the order of the text."""

    value: Any
    key: str | None
    number: int
    fullkey: str

    def parts(self) -> Iterator[_Part]:
        """Yield what stands right in it."""
        number = self.number + 1
        if isinstance(self.value, dict):
            for key, value in self.value.items():
                yield _Part(value, key, number + 1, f"{self.fullkey}.{_shown_key(key)}")
                number += 1 + _size(value)
        elif isinstance(self.value, list):
            for place, value in enumerate(self.value):
                yield _Part(value, str(place), number, f"{self.fullkey}[{place}]")
                number += _size(value)

    def row(self, parent: int | None, path: str) -> dict[str, Any]:
        """Return what is said of it."""
        text = written(self.value)
        return {
            "key": self.key,
            "value": text,
            "type": type_of(self.value),
            "atom": None if self.value is None or isinstance(self.value, dict | list) else text,
            "id": self.number,
            "parent": parent,
            "fullkey": self.fullkey,
            "path": path,
        }


def _shown_key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) else written(key)


def _size(value: Any) -> int:
    """Return how many numbers a value takes: its own, those of its keys and those of what stands in it."""
    if isinstance(value, dict):
        return 1 + sum(1 + _size(part) for part in value.values())
    return 1 + sum(map(_size, value)) if isinstance(value, list) else 1


def _found(root: _Part, path: Sequence[str | int]) -> _Part | None:
    for step in path:
        wanted = dict if isinstance(step, str) else list
        if not isinstance(root.value, wanted):
            return None
        behind = len(root.value) if isinstance(step, int) and step < 0 else 0
        key = step if isinstance(step, str) else str(step + behind)
        part = next((each for each in root.parts() if each.key == key), None)
        if part is None:
            return None
        root = part
    return root


def _all_below(part: _Part) -> Iterator[dict[str, Any]]:
    for each in part.parts():
        yield each.row(part.number, part.fullkey)
        yield from _all_below(each)


@scalar("json_each")
def json_each(call: Call, args: list[Value]) -> pa.Array:
    """Parts of a document, or of its part at a path: those right in it, or all and itself."""
    path, deep = call.option("path"), bool(call.option("deep"))

    def rows(text: str) -> list[dict[str, Any]]:
        start = _found(_Part(parsed(text), None, 0, "$"), path)
        if start is None:
            return []
        own = _Part(start.value, None, start.number, start.fullkey)
        if not isinstance(own.value, dict | list):
            return [own.row(None, own.fullkey)]
        if deep:
            return [own.row(None, own.fullkey), *_all_below(own)]
        return [part.row(None, own.fullkey) for part in own.parts()]

    return on_texts(call, args, rows)
