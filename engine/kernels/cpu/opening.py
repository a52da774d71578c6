"""Column chunks of a row group, as many as are wanted, opened, tested and decoded by one call of a kernel each.

What such a call cannot do, pages that are not codes and codecs that only pyarrow knows, is done chunk by chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..decoding import ChunkSpec, DamagedChunk, StoredChunk
from .buffers import empty, scratch
from .chunks import ChunkReader, Coded, bitmap_of, fixed_array
from .native import chunksets, codepages, pages
from .native.arrays import Bits, Bytes, Rows
from .pages import CODECS, PageReader, checked, element_type
from .workspace import Workspace, address_of

_PAGES_EACH = 16
_GAP = 1 << 16
_MOST_TIMES = 64
"""Snappy makes nothing smaller than by about this factor: who states more is not believed."""
_NO_ROWS: Rows = np.zeros(0, dtype=np.int32)
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


_NOTHING: Bytes = np.zeros(0, dtype=np.uint8)


def open_chunks(chunks: Sequence[StoredChunk], rows: int, fill: Filling, workspace: Workspace) -> list[ChunkReader]:
    """Return the readers of chunks of so many rows; dictionaries that Snappy has compressed are unpacked."""
    contents = read_chunks(chunks, fill, workspace)
    rooms = [
        workspace.take(min(chunk.unpacked, _MOST_TIMES * chunk.size) + pages.SLACK)
        if chunk.unpacked and CODECS[chunk.spec.codec] == "snappy"
        else _NOTHING
        for chunk in chunks
    ]
    lines = [
        [0, 0, 0, 0, address_of(data), len(data), address_of(room), len(room), 0, 0, 0]
        for data, room in zip(contents, rooms, strict=True)
    ]
    table = np.array(lines, dtype=np.int64)
    found = _headers(table, rows, workspace)
    readers = []
    for chunk, data, room, line in zip(chunks, contents, rooms, table.tolist(), strict=True):
        count = checked(line[chunksets.OPEN_PAGES], "page headers")
        first = line[chunksets.OPEN_FIRST]
        unpacked = room if line[chunksets.OPEN_UNPACKED] else None
        own = found[first : first + count]
        readers.append(ChunkReader(PageReader(chunk.spec, data, own, line[: pages.CHUNK_FACTS], unpacked)))
    return readers


def _headers(table: NDArray[np.int64], rows: int, workspace: Workspace) -> NDArray[np.int64]:
    """Fill in what the page headers of chunks say; return the table of all pages."""
    room = _PAGES_EACH * len(table)
    while True:
        found = workspace.take(8 * pages.PAGE_FIELDS * room).view(np.int64).reshape(-1, pages.PAGE_FIELDS)
        if chunksets.open_chunks(table, rows, found) != pages.FULL:
            return found
        room *= 8


def _room(readers: Sequence[ChunkReader], workspace: Workspace) -> tuple[Bytes, Rows, Rows]:
    """Return room for the largest page, for the places of its values and for its codes."""
    size = max(reader.pages.most_bytes for reader in readers) + pages.SLACK
    count = max(reader.pages.most_values for reader in readers)
    positions, codes = (workspace.room(name, count, np.int32) for name in ("positions", "codes"))
    return workspace.room("page", size, np.uint8), positions, codes


def _line(reader: ChunkReader, values: int, width: int, out: int, flags: int) -> list[int]:
    """Return what a kernel must know of a chunk, as `chunksets` says."""
    found = reader.pages
    return [
        address_of(found.data),
        len(found.data),
        address_of(found.headers),
        len(found.headers),
        1,
        _CODED[reader.spec.codec],
        reader.nullable,
        reader.choice_count,
        values,
        width,
        out,
        flags,
        0,
    ]


def select_rows(
    tests: Sequence[tuple[ChunkReader, Bits]], start: int, count: int, workspace: Workspace
) -> Rows:
    """Return which of ``count`` rows from ``start`` on have flagged codes in all of some chunks.

    A test has a flag for each entry of its dictionary, then one for null. What is returned is void after the next call.
    """
    readers = [reader for reader, _ in tests]
    found, flags = workspace.room("found", count, np.uint32), workspace.room("flags", count, np.uint8)
    out, marks = address_of(found), address_of(flags)
    lines = [_line(reader, address_of(wanted), 4, out, marks) for reader, wanted in tests]
    table = np.array(lines, dtype=np.int64)
    rows: Rows = workspace.room("rows", count, np.int32)
    left = chunksets.select_chunks(table, start, count, rows, *_room(readers, workspace))
    for reader, result in zip(readers, table[:, chunksets.NULLS].tolist(), strict=True):
        _decoded(reader, result)
    return rows[:left]


def decode_rows(
    readers: Sequence[ChunkReader], start: int, count: int, rows: Rows | None, workspace: Workspace
) -> list[pa.Array]:
    """Return the values of ``count`` rows from ``start`` on, or of those of them at ``rows``, of each chunk."""
    length = count if rows is None else len(rows)
    together = [reader for reader in readers if reader.in_one_call]
    made = iter(_decode_together(together, start, length, rows, workspace) if together else ())
    return [next(made) if reader.in_one_call else reader.read_by_page(start, count, rows) for reader in readers]


def _decode_together(
    readers: Sequence[ChunkReader], start: int, length: int, rows: Rows | None, workspace: Workspace
) -> list[pa.Array]:
    lines, endings = [], []
    for reader in readers:
        line, ending = _wanted(reader, length)
        lines.append(line)
        endings.append(ending)
    table = np.array(lines, dtype=np.int64)
    wanted, every = (_NO_ROWS, True) if rows is None else (rows, False)
    chunksets.decode_chunks(table, start, length, wanted, every, *_room(readers, workspace))
    results = table[:, chunksets.NULLS].tolist()
    nulls = [_decoded(reader, result) for reader, result in zip(readers, results, strict=True)]
    return [ending(count) for ending, count in zip(endings, nulls, strict=True)]


def _wanted(reader: ChunkReader, length: int) -> tuple[list[int], Ending]:
    """Return what the kernel must know to decode so many rows of a chunk, and what makes an array of them."""
    dictionary, spec = reader.dictionary, reader.spec
    flags = scratch(length if reader.nullable else 0, np.uint8)
    marks = address_of(flags)
    if reader.looks_up:
        assert isinstance(dictionary, np.ndarray)
        out = empty(length, element_type(spec))
        line = _line(reader, address_of(dictionary), out.itemsize, address_of(out), marks)
        return line, lambda nulls: fixed_array(out, spec.dtype, bitmap_of(flags if nulls else None))
    codes = reader.room_for_codes(length)
    line = _line(reader, 0, 4, address_of(codes), marks)
    return line, lambda nulls: reader.looked_up(Coded(reader, codes, flags if nulls else None))


def _decoded(reader: ChunkReader, result: int) -> int:
    """Return the number of nulls that a kernel has met, or say what is wrong."""
    if result == codepages.BEYOND:
        raise DamagedChunk("a code lies beyond its dictionary")
    return checked(result, "levels or codes")
