"""Thrift's compact protocol, as far as Parquet's footers use it: structures are read and written without their types.

Follows ``thrift-compact-protocol.md`` of Apache Thrift. A structure is a dictionary by field number; what a field is
named, and means, is in ``parquet.thrift`` of the Parquet format. Knows nothing of either.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple, TypeAlias

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
"""What a value is."""
_LONG_LIST = 15
_LONG_JUMP = 15


class Value(NamedTuple):
    """A value of a structure: what it is, and as Python has it (of a list, a `Values`; of true and false, nothing)."""

    kind: int
    value: Any


class Values(NamedTuple):
    """A list: what its values are, and these."""

    kind: int
    values: list[Any]


Struct: TypeAlias = dict[int, Value]


def read(data: bytes | memoryview) -> Struct:
    """Return the structure that bytes begin with.

    Raises
    ------
    ValueError
        If they are no such structure, or hold maps, which footers do not.
    """
    try:
        return _Reader(memoryview(data)).struct()
    except (IndexError, struct.error) as error:
        raise ValueError("a Thrift structure is cut short") from error


def write(fields: Struct) -> bytes:
    """Return a structure's bytes."""
    out = bytearray()
    _put_struct(out, fields)
    return bytes(out)


class _Reader:
    def __init__(self, data: memoryview) -> None:
        self._data, self._at = data, 0

    def struct(self) -> Struct:
        fields: Struct = {}
        number = 0
        while (head := self._byte()) != 0:
            kind, jump = head & 15, head >> 4
            number = number + jump if jump else self._zigzag()
            fields[number] = Value(kind, None if kind in (TRUE, FALSE) else self._value(kind))
        return fields

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _value(self, kind: int) -> Any:
        match kind:
            case 1 | 2 | 3:  # of lists
                return self._byte()
            case 4 | 5 | 6:
                return self._zigzag()
            case 7:
                self._at += 8
                return struct.unpack_from("<d", self._data, self._at - 8)[0]
            case 8:
                size = self._varint()
                self._at += size
                if self._at > len(self._data):
                    raise ValueError("a Thrift structure is cut short")
                return bytes(self._data[self._at - size : self._at])
            case 9 | 10:
                head = self._byte()
                count = head >> 4 if head >> 4 != _LONG_LIST else self._varint()
                return Values(head & 15, [self._value(head & 15) for _ in range(count)])
            case 12:
                return self.struct()
            case _:
                raise ValueError(f"a Thrift structure has a value of kind {kind}")


def _put_struct(out: bytearray, fields: Struct) -> None:
    last = 0
    for number, (kind, value) in sorted(fields.items()):
        jump = number - last
        if 0 < jump <= _LONG_JUMP:
            out.append(jump << 4 | kind)
        else:
            out.append(kind)
            _put_zigzag(out, number)
        if kind not in (TRUE, FALSE):
            _put(out, kind, value)
        last = number
    out.append(0)


def _put(out: bytearray, kind: int, value: Any) -> None:
    match kind:
        case 1 | 2 | 3:
            out.append(value)
        case 4 | 5 | 6:
            _put_zigzag(out, value)
        case 7:
            out += struct.pack("<d", value)
        case 8:
            _put_varint(out, len(value))
            out += value
        case 9 | 10:
            count = len(value.values)
            out.append(min(count, _LONG_LIST) << 4 | value.kind)
            if count >= _LONG_LIST:
                _put_varint(out, count)
            for each in value.values:
                _put(out, value.kind, each)
        case 12:
            _put_struct(out, value)
        case _:
            raise ValueError(f"no Thrift value is of kind {kind}")


def _put_varint(out: bytearray, value: int) -> None:
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)


def _put_zigzag(out: bytearray, value: int) -> None:
    _put_varint(out, value << 1 if value >= 0 else (-value << 1) - 1)
