"""Texts of lists, structs and maps read as Python lists and dicts of texts."""

from __future__ import annotations

from typing import Any

from ....dtypes import DataType, Kind

_CLOSING = {"[": "]", "{": "}", "(": ")"}


class _Malformed(Exception):
    """The text is not a value of the type."""


def parsed(text: str, dtype: DataType) -> Any:
    """Return the value that a text means, plain values as texts; None where it means none of the type."""
    try:
        reader = _Reader(text)
        value = reader.value(dtype, stops="")
        reader.skip()
    except _Malformed:
        return None
    return value if reader.place == len(text) else None


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0

    def skip(self) -> None:
        while self.place < len(self.text) and self.text[self.place].isspace():
            self.place += 1

    def peek(self) -> str:
        self.skip()
        return self.text[self.place : self.place + 1]

    def take(self, sign: str) -> None:
        if self.peek() != sign:
            raise _Malformed
        self.place += 1

    def value(self, dtype: DataType, stops: str) -> Any:
        """Read one value up to one of some signs."""
        if dtype.kind is Kind.LIST:
            assert dtype.value is not None
            if self._null(stops):
                return None
            return self._map(dtype.value) if dtype.is_map and self.peek() == "{" else self._list(dtype.value)
        if dtype.kind is Kind.STRUCT:
            return None if self._null(stops) else self._struct(dtype)
        word, quoted = self._word(stops)
        return None if not quoted and word.lower() == "null" else word

    def _null(self, stops: str) -> bool:
        if self.peek().lower() != "n":
            return False
        if self._word(stops)[0].lower() != "null":
            raise _Malformed
        return True

    def _items(self, opening: str) -> Any:
        """Yield before each item between brackets."""
        self.take(opening)
        closing = _CLOSING[opening]
        first = True
        while self.peek() != closing:
            if not first:
                self.take(",")
            first = False
            yield closing
        self.take(closing)

    def _list(self, value: DataType) -> list[Any]:
        return [self.value(value, "," + closing) for closing in self._items("[")]

    def _map(self, pair: DataType) -> list[dict[str, Any]]:
        (_, key), (_, value) = pair.fields
        made = []
        for closing in self._items("{"):
            name = self.value(key, "=")
            self.take("=")
            made.append({"key": name, "value": self.value(value, "," + closing)})
        return made

    def _struct(self, dtype: DataType) -> dict[str, Any]:
        if self.peek() == "(":
            names = iter(dtype.fields)
            made = {}
            for closing in self._items("("):
                name, field = next(names, ("", None))
                if field is None:
                    raise _Malformed
                made[name] = self.value(field, "," + closing)
            return made
        known = {name.lower(): (name, field) for name, field in dtype.fields}
        found: dict[str, Any] = {}
        for closing in self._items("{"):
            word, _ = self._word(":")
            self.take(":")
            if word.lower() not in known:
                raise _Malformed
            name, field = known[word.lower()]
            found[name] = self.value(field, "," + closing)
        return found

    def _word(self, stops: str) -> tuple[str, bool]:
        """Read a word, in quotes or up to one of some signs; with it, whether it is in quotes."""
        sign = self.peek()
        if sign in ("'", '"') and sign:
            self.place += 1
            made = []
            while self.place < len(self.text) and self.text[self.place] != sign:
                self.place += self.text[self.place] == "\\"
                made.append(self.text[self.place : self.place + 1])
                self.place += 1
            self.take(sign)
            return "".join(made), True
        start = self.place
        while self.place < len(self.text) and self.text[self.place] not in stops:
            self.place += 1
        word = self.text[start : self.place].rstrip()
        if not word:
            raise _Malformed
        return word, False
