"""Column chunks of row groups, as many as are wanted, opened, tested and decoded by one call of a kernel each.

What such a call cannot do, pages that are not codes and codecs that only pyarrow knows, is done chunk by chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..decoding import DamagedChunk, StoredChunk
from .buffers import array_from, empty, scratch
from .chunks import ChunkReader, Coded, bitmap_of, fixed_array
from .gather import encoded
from .keysets import IntegerKeys
from .native import chunksets, codepages, pages, snappy
from .native.arrays import Bits, Bytes, Rows
from .pages import CODECS, PageReader, checked, element_type
from .ranges import IntegerRange
from .workspace import Workspace, address_of

_PAGES_EACH = 16
_FEW = 64
"""Texts of a dictionary that is joined with those of other row groups."""
_GAP = 1 << 16
_MOST_TIMES = 64
"""Snappy makes nothing smaller than by about this factor: who states more is not believed."""
_NOTHING: Bytes = np.zeros(0, dtype=np.uint8)
_CODED = {"UNCOMPRESSED": codepages.STORED_PLAINLY, "SNAPPY": codepages.SNAPPED}

Filling: TypeAlias = Callable[[int, Any], None]
Ending: TypeAlias = Callable[[int], pa.Array]
"""Makes an array of what a kernel has written, given how many values are null."""


def read_chunks(chunks: Sequence[StoredChunk], fill: Filling, workspace: Workspace) -> list[Bytes]:
    """Return the stored bytes of chunks; those that lie close together are read at once."""
    places = sorted(range(len(chunks)), key=lambda place: chunks[place].start)
    found: list[Bytes] = [_NOTHING] * len(chunks)
    at = 0
    while at < len(places):
        first = chunks[places[at]].start
        end, stop = first, at
        while stop < len(places) and chunks[places[stop]].start <= end + _GAP * (stop > at):
            end = max(end, chunks[places[stop]].start + chunks[places[stop]].size)
            stop += 1
        memory = workspace.take(end - first)
        fill(first, memory)
        for place in places[at:stop]:
            begin = chunks[place].start - first
            found[place] = memory[begin : begin + chunks[place].size]
        at = stop
    return found


def open_chunks(
    chunks: Sequence[StoredChunk], rows: Sequence[int], fill: Filling, workspace: Workspace
) -> list[ChunkReader]:
    """Return the readers of chunks of so many rows each; dictionaries that Snappy has compressed are unpacked."""
    contents = read_chunks(chunks, fill, workspace)
    rooms = [
        workspace.take(min(chunk.unpacked, _MOST_TIMES * chunk.size) + snappy.SLACK)
        if chunk.unpacked and CODECS[chunk.spec.codec] == "snappy"
        else _NOTHING
        for chunk in chunks
    ]
    lines = [
        [0, 0, 0, 0, address_of(data), len(data), address_of(room), len(room), count, 0, 0, 0]
        for data, room, count in zip(contents, rooms, rows, strict=True)
    ]
    table = np.array(lines, dtype=np.int64)
    found = _headers(table, workspace)
    readers = []
    for chunk, data, room, line in zip(chunks, contents, rooms, table.tolist(), strict=True):
        count = checked(line[chunksets.OPEN_PAGES], "page headers")
        first = line[chunksets.OPEN_FIRST]
        unpacked = room if line[chunksets.OPEN_UNPACKED] else None
        own = found[first : first + count]
        readers.append(ChunkReader(PageReader(chunk.spec, data, own, line[: pages.CHUNK_FACTS], unpacked)))
    return readers


def _headers(table: NDArray[np.int64], workspace: Workspace) -> NDArray[np.int64]:
    """Fill in what the page headers of chunks say; return the table of all pages."""
    room = _PAGES_EACH * len(table)
    while True:
        found = workspace.take(8 * pages.PAGE_FIELDS * room).view(np.int64).reshape(-1, pages.PAGE_FIELDS)
        if chunksets.open_chunks(table, found) != pages.FULL:
            return found
        room *= 8


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a row group: ``count`` from ``start`` on, or those of them at ``rows``."""

    start: int
    count: int
    rows: Rows | None = None

    def __len__(self) -> int:
        return self.count if self.rows is None else len(self.rows)


@dataclass(frozen=True, slots=True)
class CodeTest:
    """What a chunk's codes are tested for: flags of its dictionary's entries and null, a range of values, or keys."""

    reader: ChunkReader
    wanted: Bits | None = None
    range: IntegerRange | None = None
    keys: IntegerKeys | None = None

    def line(self, out: int, flags: int, wanted: Bits) -> list[int]:
        """Return what the kernel must know; ``wanted`` is room for flags."""
        own = _line(self.reader, out, flags, Part(0, 0))
        if self.wanted is not None:
            return [*own, address_of(self.wanted), chunksets.GIVEN, 0, 0, 0, 0, 0]
        own[chunksets.VALUES] = address_of(self.reader.numbers)
        own[chunksets.WIDTH] = self.reader.numbers.itemsize
        if self.range is not None:
            return [*own, address_of(wanted), chunksets.RANGE, self.range.low, self.range.high, 0, 0, 0]
        assert self.keys is not None
        low, shift, slots = self.keys.slots()
        return [*own, address_of(wanted), chunksets.SET, low, len(slots), address_of(slots), shift, 0]


def select_rows(tests: Sequence[Sequence[CodeTest]], parts: Sequence[Part], workspace: Workspace) -> list[Part]:
    """Return the rows of parts of row groups that pass all tests of their group; they are void after the next call."""
    together = [test for group in tests for test in group]
    if not together:
        return list(parts)
    most = max(part.count for part in parts)
    out = address_of(workspace.room("found", most, np.uint32))
    marks = address_of(workspace.room("flags", most, np.uint8))
    choices = [test.reader.choice_count + 1 for test in together]
    wanted = workspace.room("wanted", sum(choices), np.uint8)
    places = accumulate(choices, initial=0)
    lines = [test.line(out, marks, wanted[place:]) for test, place in zip(together, places, strict=False)]
    at = 0
    for group, part in zip(tests, parts, strict=True):
        for line in lines[at : at + len(group)]:
            line[chunksets.SKIPPED] = part.start
        at += len(group)
    table = np.array(lines, dtype=np.int64)
    groups = np.array([[len(group), part.count, 0] for group, part in zip(tests, parts, strict=True)], dtype=np.int64)
    rows: Rows = workspace.room("rows", sum(part.count for part in parts), np.int32)
    chunksets.select_chunks(table, groups, rows, *_room([test.reader for test in together], workspace))
    _check(table)
    for test, line in zip(together, table[:, [chunksets.FLAGGED, chunksets.CHOICES]].tolist(), strict=True):
        if test.keys is not None:
            test.keys.count(passed=-1 - line[0] if line[0] < 0 else line[0], tested=line[1])
    passed = groups[:, chunksets.GROUP_PASSED].tolist()
    starts = accumulate(passed, initial=0)
    return [
        part if count == part.count else Part(part.start, part.count, rows[start : start + count])
        for part, count, start in zip(parts, passed, starts, strict=False)
    ]


def are_decoded_together(column: Sequence[ChunkReader]) -> bool:
    """Return whether the chunks that a column has in several row groups can be decoded as one array."""
    if not all(reader.in_one_call for reader in column):
        return False
    if column[0].spec.as_codes:
        first = column[0].choices
        return all(reader.choices is first or reader.choice_count <= _FEW for reader in column)
    return all(reader.looks_up for reader in column)


def decode_columns(
    columns: Sequence[Sequence[ChunkReader]], parts: Sequence[Part], workspace: Workspace
) -> list[pa.Array]:
    """Return parts of row groups, one after the other, of columns, each with its chunks by row group.

    Where there are several, `are_decoded_together` must say that they can be.
    """
    together = [column for column in columns if column[0].in_one_call]
    made = iter(_decoded_together(together, parts, workspace) if together else ())
    return [
        next(made) if column[0].in_one_call else column[0].read_by_page(parts[0].start, parts[0].count, parts[0].rows)
        for column in columns
    ]


def _decoded_together(
    columns: Sequence[Sequence[ChunkReader]], parts: Sequence[Part], workspace: Workspace
) -> list[pa.Array]:
    lines, endings = [], []
    kept: list[list[Rows]] = []  # the kernel has only addresses
    length = sum(map(len, parts))
    for column in columns:
        flags = scratch(length if any(reader.nullable for reader in column) else 0, np.uint8)
        out, ending = _wanted(column[0], length, flags)
        places: list[Rows] = []
        if column[0].spec.as_codes and any(reader.choices is not column[0].choices for reader in column):
            choices, places = _joined_choices([reader.choices for reader in column])
            ending = partial(_coded, out, flags, choices)
            kept.append(places)
        into, marks = address_of(out), address_of(flags)
        at = 0
        for number, (reader, part) in enumerate(zip(column, parts, strict=True)):
            line = _line(reader, into + at * out.itemsize, marks + at, part)
            if places:
                line[chunksets.VALUES] = address_of(places[number])
            if reader.looks_up:
                line[chunksets.VALUES], line[chunksets.WIDTH] = address_of(reader.numbers), out.itemsize
            lines.append(line)
            at += len(part)
        endings.append(ending)
    table = np.array(lines, dtype=np.int64)
    chunksets.decode_chunks(table, *_room([reader for column in columns for reader in column], workspace))
    _check(table)
    nulls = table[:, chunksets.NULLS].reshape(len(columns), -1).sum(axis=1).tolist()
    return [ending(count) for ending, count in zip(endings, nulls, strict=True)]


def _room(readers: Sequence[ChunkReader], workspace: Workspace) -> tuple[Bytes, Rows, Rows]:
    """Return room for the largest page, for the places of its values and for its codes."""
    size = max(reader.pages.most_bytes for reader in readers) + snappy.SLACK
    count = max(reader.pages.most_values for reader in readers)
    positions, codes = (workspace.room(name, count, np.int32) for name in ("positions", "codes"))
    return workspace.room("page", size, np.uint8), positions, codes


def _line(reader: ChunkReader, out: int, flags: int, part: Part) -> list[int]:
    """Return what a kernel must know of a chunk to give its codes, as `chunksets` says."""
    found = reader.pages
    return [
        address_of(found.data),
        len(found.data),
        address_of(found.headers),
        len(found.headers),
        part.start,
        _CODED[reader.spec.codec],
        reader.nullable,
        reader.choice_count,
        0,
        4,
        out,
        flags,
        0 if part.rows is None else address_of(part.rows),
        len(part),
        0,
    ]


def _wanted(reader: ChunkReader, length: int, flags: Bits) -> tuple[NDArray[Any], Ending]:
    """Return room for so many rows of a column, and what makes an array of it."""
    if reader.looks_up:
        out = empty(length, element_type(reader.spec))
        return out, lambda nulls: fixed_array(out, reader.spec.dtype, bitmap_of(flags if nulls else None))
    codes = reader.room_for_codes(length)
    return codes, lambda nulls: reader.looked_up(Coded(codes, flags if nulls else None))


def _joined_choices(dictionaries: Sequence[pa.Array]) -> tuple[pa.Array, list[Rows]]:
    """Return a dictionary with all entries of several, and for each of these the places of its own there."""
    numbers: dict[bytes, int] = {}  # damaged texts are no Python texts
    places: list[Rows] = [
        np.array(
            [numbers.setdefault(text, len(numbers)) for text in each.view(pa.binary()).to_pylist()], dtype=np.int32
        )
        for each in dictionaries
    ]
    return pa.array(list(numbers), pa.binary()).view(dictionaries[0].type), places


def _coded(codes: Rows, flags: Bits, choices: pa.Array, nulls: int) -> pa.Array:
    return encoded(array_from(codes, pa.int32(), bitmap_of(flags if nulls else None)), choices)


def _check(table: NDArray[np.int64]) -> None:
    """Raise where a kernel has found something wrong with a chunk."""
    worst = int(table[:, chunksets.NULLS].min())
    if worst == codepages.BEYOND:
        raise DamagedChunk("a code lies beyond its dictionary")
    checked(worst, "levels or codes")
