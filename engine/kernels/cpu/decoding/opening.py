"""Column chunks of row groups, as many as are wanted, opened, tested and decoded by one call of a kernel each.

What a call needs to know of a chunk is a line of a table of integers. The lines of a column's chunks are written by the
column, not by the chunk: Python between two calls is what threads wait for. What such a call cannot do, pages that are
not codes and codecs that only pyarrow knows, is done chunk by chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import partial
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....dtypes import DataType
from ....records import dataclass
from ...decoding import ChunkSpec, DamagedChunk, StoredChunk
from ..buffers import array_from, empty, scratch
from ..gather import encoded
from ..keysets import IntegerKeys
from ..native import chunksets, codepages, pages, snappy
from ..native.arrays import Bits, Bytes, Longs, Rows, Words
from ..native.levels import words_for
from ..native.textchunks import decode_texts
from .chunks import ChunkReader, Coded, bitmap_of, fixed_array
from .joined import joined_choices
from .pages import TOGETHER, PageReader, checked, element_type, stored_type
from .ranges import IntegerRange
from .textchunks import decoded_texts
from .workspace import Workspace, address_of

_PAGES_EACH = 16
_FEW = 64
"""Texts of a dictionary that is joined with those of other row groups."""
_GAP = 1 << 16
_WORTH_COMPILING = 1 << 20
"""Stored bytes of text of a row group for which it pays to compile the kernel that copies it."""
_MOST_TIMES = 64
"""Snappy makes nothing smaller than by about this factor: who states more is not believed."""
_CODED = {"UNCOMPRESSED": codepages.STORED_PLAINLY, "SNAPPY": codepages.SNAPPED}
_PAGE_BYTES = 8 * pages.PAGE_FIELDS
_NOTHING: Bytes = np.zeros(0, dtype=np.uint8)

Filling: TypeAlias = Callable[[int, Any], None]
Ending: TypeAlias = Callable[[int], pa.Array]
"""Makes an array of what a kernel has written, given how many values are null."""


class ColumnChunks:
    """The chunks of one column in some row groups.

    Parameters
    ----------
    spec
        How the values are stored.
    count
        How many row groups there are.

    Attributes
    ----------
    lines
        A line for each chunk, as `chunksets` says; that of a chunk that is not opened means nothing.
    is_signed
        Whether dictionaries are signed integers of 32 or 64 bits, or are held as such.
    """

    def __init__(self, spec: ChunkSpec, count: int) -> None:
        self.spec = spec
        self.lines: Longs = np.zeros((count, chunksets.FIELDS), dtype=np.int64)
        kind = None if spec.physical in ("BYTE_ARRAY", "BOOLEAN") else element_type(spec)
        self._looked_up = None if kind is None or kind.itemsize not in (4, 8) else kind
        stored = None if self._looked_up is None else stored_type(spec)
        self._widened = stored == np.int32 and kind == np.int64
        self._entry = stored.itemsize if stored is not None and (self._widened or stored == kind) else 0
        unsigned = spec.dtype.is_integer and not spec.dtype.is_signed
        self.is_signed = self._looked_up is not None and self._looked_up.kind == "i" and not unsigned
        self._parts: dict[int, tuple[Bytes, Bytes, Longs]] = {}
        self._not_coded: set[int] = set()
        self._not_known: set[int] = set()
        self._readers: dict[int, ChunkReader] = {}

    def is_open(self, number: int) -> bool:
        """Return whether a chunk has been opened."""
        return number in self._parts

    def prepare(self, lines: Longs) -> None:
        """Write what is the same for each chunk to lines that `chunksets.open_chunks` is given."""
        lines[:, chunksets.CODEC] = _CODED.get(self.spec.codec, codepages.STORED_PLAINLY)
        lines[:, chunksets.OPTIONAL] = self.spec.optional
        lines[:, chunksets.WIDTH] = 4 if self._looked_up is None else self._looked_up.itemsize
        lines[:, chunksets.ENTRY] = self._entry

    def room_for(self, chunk: StoredChunk) -> int:
        """Return the bytes of room for the dictionary of a chunk, 0 where it is not unpacked with others."""
        if not chunk.unpacked or self.spec.codec not in TOGETHER:
            return 0
        times = _MOST_TIMES if self.spec.codec == "SNAPPY" else 1
        most = min(chunk.unpacked, times * chunk.size)
        return (most + most // 2 if self._widened else most) + snappy.SLACK

    def take_up(self, number: int, line: Longs, coded: int, content: Bytes, room: Bytes, headers: Longs) -> None:
        """Take up a chunk that has been opened, of which all pages have codes, or not."""
        self.lines[number] = line
        if coded != pages.ALL_CODES:
            self._not_coded.add(number)
        if coded == 0 or (line[pages.HAS_DICTIONARY] and not line[chunksets.VALUES]):
            self._not_known.add(number)
        self._parts[number] = content, room, headers

    def reader(self, number: int) -> ChunkReader:
        """Return what reads a chunk page by page."""
        found = self._readers.get(number)
        if found is None:
            content, room, headers = self._parts[number]
            line = self.lines[number]
            facts = line[pages.HAS_DICTIONARY : pages.FACTS_END].tolist()
            unpacked = room if line[chunksets.VALUES] and not self._widened else None
            reader = PageReader(self.spec, content, headers, facts, unpacked)
            found = self._readers[number] = ChunkReader(reader)
        return found

    def has_codes(self, numbers: Sequence[int]) -> bool:
        """Return whether all pages of some chunks have codes."""
        return self._not_coded.isdisjoint(numbers)

    def are_codes(self, numbers: Sequence[int]) -> bool:
        """Return whether all pages of some chunks have codes, and kernels open them."""
        return self.spec.codec in TOGETHER and self.has_codes(numbers)

    def are_texts(self, numbers: Sequence[int]) -> bool:
        """Return whether some chunks are plain texts, or codes of texts, that one call of a kernel copies."""
        if self.spec.physical != "BYTE_ARRAY" or self.spec.codec not in TOGETHER:
            return False
        if not self._not_known.isdisjoint(numbers) or (self.spec.as_codes and self.has_codes(numbers)):
            return False
        return decode_texts.is_kept or int(self.lines[numbers, chunksets.DATA_BYTES].sum()) > _WORTH_COMPILING

    def are_mostly_different(self, numbers: Sequence[int]) -> bool:
        """Return whether some chunks are texts whose dictionaries are so large that rows are read as quickly."""
        if not self.are_texts(numbers):
            return False
        choices, rows = self.lines[numbers][:, [chunksets.CHOICES, chunksets.ROW_COUNT]].sum(axis=0).tolist()
        return bool(2 * choices > rows)

    @property
    def looks_up(self) -> bool:
        """Whether the kernel that decodes codes can put values of the dictionary in their place."""
        return not self.spec.as_codes and self._looked_up is not None

    def values_at(self, numbers: Sequence[int]) -> list[int]:
        """Return where the values of the dictionaries of some chunks are, in the type in which they are given."""
        places: list[int] = self.lines[numbers, chunksets.VALUES].tolist()
        if not self._entry or 0 in places:
            places = [address_of(self.reader(number).numbers) for number in numbers]
        return places


def open_columns(
    wanted: Sequence[tuple[ColumnChunks, int, StoredChunk]], rows: Sequence[int], fill: Filling, workspace: Workspace
) -> None:
    """Open chunks, each of them given with its column and the number of its row group, of which ``rows`` are all.

    The chunks of a column come one after the other. Dictionaries are unpacked.
    """
    chunks = [chunk for _, _, chunk in wanted]
    contents, addresses = read_chunks(chunks, fill, workspace)
    sizes = [column.room_for(chunk) for column, _, chunk in wanted]
    rooms, places = workspace.take_each(sizes)
    table: Longs = np.zeros((len(wanted), chunksets.FIELDS), dtype=np.int64)
    table[:, chunksets.DATA] = addresses
    table[:, chunksets.DATA_BYTES] = [chunk.size for chunk in chunks]
    table[:, chunksets.ROOM] = places
    table[:, chunksets.ROOM_BYTES] = sizes
    table[:, chunksets.ROW_COUNT] = [rows[number] for _, number, _ in wanted]
    start = 0
    while start < len(wanted):
        column, stop = wanted[start][0], start + 1
        while stop < len(wanted) and wanted[stop][0] is column:
            stop += 1
        column.prepare(table[start:stop])
        start = stop
    found = _headers(table, workspace)
    counts, firsts, coded = table[:, [chunksets.PAGE_COUNT, chunksets.PAGES, pages.CODED]].T.tolist()
    checked(min(counts), "page headers")
    table[:, chunksets.PAGES] *= _PAGE_BYTES
    table[:, chunksets.PAGES] += address_of(found)
    for place, (column, number, _) in enumerate(wanted):
        headers = found[firsts[place] : firsts[place] + counts[place]]
        column.take_up(number, table[place], coded[place], contents[place], rooms[place], headers)


def read_chunks(chunks: Sequence[StoredChunk], fill: Filling, workspace: Workspace) -> tuple[list[Bytes], list[int]]:
    """Return the stored bytes of chunks, and where they are; those that lie close together are read at once."""
    places = sorted(range(len(chunks)), key=lambda place: chunks[place].start)
    found: list[Bytes] = [_NOTHING] * len(chunks)
    addresses = [0] * len(chunks)
    at = 0
    while at < len(places):
        first = chunks[places[at]].start
        end, stop = first, at
        while stop < len(places) and chunks[places[stop]].start <= end + _GAP * (stop > at):
            end = max(end, chunks[places[stop]].start + chunks[places[stop]].size)
            stop += 1
        memory = workspace.take(end - first)
        fill(first, memory)
        address = address_of(memory)
        for place in places[at:stop]:
            begin = chunks[place].start - first
            found[place] = memory[begin : begin + chunks[place].size]
            addresses[place] = address + begin
        at = stop
    return found, addresses


def _headers(table: Longs, workspace: Workspace) -> Longs:
    """Fill in what the page headers of chunks say; return the table of all pages."""
    room = _PAGES_EACH * len(table)
    while True:
        found = workspace.take(_PAGE_BYTES * room).view(np.int64).reshape(-1, pages.PAGE_FIELDS)
        if chunksets.open_chunks(table, found) != pages.FULL:
            return found
        room *= 8


@dataclass(frozen=True, slots=True)
class CodeTest:
    """What the codes of a column are tested for: flags, a range of values, keys, or how they compare with another's.

    Attributes
    ----------
    wanted
        By the number of the row group, a flag for each entry of its dictionary and one for null.
    other, way
        The column that it is compared with, and the way, as `chunksets` names it.
    """

    column: ColumnChunks
    wanted: Mapping[int, Bits] = field(default_factory=dict)
    range: IntegerRange | None = None
    keys: IntegerKeys | None = None
    other: ColumnChunks | None = None
    way: int = chunksets.LESS

    @property
    def columns(self) -> list[ColumnChunks]:
        """The columns that have a line each."""
        return [self.column] if self.other is None else [self.column, self.other]

    def write(self, lines: Longs, numbers: Sequence[int]) -> None:
        """Write the test of row groups to the line of its column, of shape (row groups, fields)."""
        if self.wanted:
            lines[:, chunksets.KEYS] = [address_of(self.wanted[number]) for number in numbers]
            lines[:, chunksets.KIND] = chunksets.GIVEN
            return
        lines[:, chunksets.VALUES] = self.column.values_at(numbers)
        if self.other is not None:
            lines[:, chunksets.KIND], lines[:, chunksets.LOW] = chunksets.PAIR, self.way
            return
        if self.range is not None:
            lines[:, chunksets.KIND] = chunksets.RANGE
            lines[:, chunksets.LOW], lines[:, chunksets.HIGH] = self.range.low, self.range.high
            return
        assert self.keys is not None
        low, slots, shift, flags = self.keys.slots()
        lines[:, chunksets.KIND] = chunksets.SET
        lines[:, chunksets.LOW], lines[:, chunksets.HIGH] = low, slots
        lines[:, chunksets.KEYS], lines[:, chunksets.SHIFT] = address_of(flags), shift


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a row group: ``count`` from ``start`` on, or those of them at ``rows``.

    Attributes
    ----------
    group
        The row group's number among those that are read at once.
    """

    group: int
    start: int
    count: int
    rows: Rows | None = None

    def __len__(self) -> int:
        return self.count if self.rows is None else len(self.rows)


def select_rows(tests: Sequence[CodeTest], parts: Sequence[Part], workspace: Workspace) -> list[Part]:
    """Return the rows of parts of row groups that pass all tests; they are void after the next call."""
    if not tests or not parts:
        return list(parts)
    numbers, counts = [part.group for part in parts], [part.count for part in parts]
    columns = [column for test in tests for column in test.columns]
    each: Longs = np.empty((len(parts), len(columns), chunksets.FIELDS), dtype=np.int64)
    for place, column in enumerate(columns):
        each[:, place] = column.lines[numbers]
        each[:, place, chunksets.VALUES] = 0
    table = each.reshape(-1, chunksets.FIELDS)
    sizes = (4 * table[:, chunksets.CHOICES] + 4).tolist()
    wanted = workspace.room("wanted", sum(sizes) // 4, np.uint32)
    most = max(counts)
    table[:, chunksets.WANTED] = list(accumulate(sizes[:-1], initial=address_of(wanted)))
    table[:, chunksets.OUT] = address_of(workspace.room("found", most, np.uint32))
    table[:, chunksets.FLAGS] = address_of(workspace.room("flags", most, np.uint8))
    table[:, chunksets.ROWS] = 0
    table[:, chunksets.NULLS] = 0
    each[:, :, chunksets.SKIPPED] = np.array([part.start for part in parts])[:, None]
    places = list(accumulate((len(test.columns) for test in tests[:-1]), initial=0))
    for place, test in zip(places, tests, strict=True):
        test.write(each[:, place], numbers)
        if test.other is not None:
            partner = each[:, place + 1]
            partner[:, chunksets.KIND], partner[:, chunksets.VALUES] = chunksets.PARTNER, test.other.values_at(numbers)
            partner[:, chunksets.OUT] = address_of(workspace.room("others", most, np.uint32))
    groups = np.array([[len(columns), count, 0] for count in counts], dtype=np.int64)
    rows: Rows = workspace.room("rows", sum(counts), np.int32)
    if chunksets.select_chunks(table, groups, rows, *_room(table, workspace)) < 0:
        _check(table)
    for place, test in zip(places, tests, strict=True):
        if test.keys is not None:
            flagged, choices = each[:, place, [chunksets.FLAGGED, chunksets.CHOICES]].T.tolist()
            test.keys.count(passed=sum([max(count, -1 - count) for count in flagged]), tested=sum(choices))
    found, at = [], 0
    for part, passed in zip(parts, groups[:, chunksets.GROUP_PASSED].tolist(), strict=True):
        own = None if passed == part.count else rows[at : at + passed]
        found.append(Part(part.group, part.start, part.count, own))
        at += passed
    return found


def are_decoded_together(column: ColumnChunks, numbers: Sequence[int]) -> bool:
    """Return whether the chunks that a column has in several row groups can be decoded as one array."""
    if column.are_texts(numbers):
        return True
    if not column.are_codes(numbers):
        return False
    if not column.spec.as_codes:
        return column.looks_up
    lengths = column.lines[numbers, chunksets.CHOICES].tolist()
    first = column.reader(numbers[0]).choices
    return all(
        length <= _FEW or column.reader(number).choices is first
        for number, length in zip(numbers, lengths, strict=True)
    )


def decode_columns(columns: Sequence[ColumnChunks], parts: Sequence[Part], workspace: Workspace) -> list[pa.Array]:
    """Return parts of row groups, one after the other, of columns.

    Where there are several parts, `are_decoded_together` must say that they can be.
    """
    first, numbers = parts[0], [part.group for part in parts]
    texts = [column.are_texts(numbers) for column in columns]
    coded = [not text and column.are_codes(numbers) for column, text in zip(columns, texts, strict=True)]
    together = [column for column, each in zip(columns, coded, strict=True) if each]
    made = iter(_decoded_together(together, parts, workspace) if together else ())
    found = []
    for column, is_text, is_coded in zip(columns, texts, coded, strict=True):
        if is_text:
            found.append(_decoded_texts(column, parts, workspace))
        elif is_coded:
            found.append(next(made))
        else:
            found.append(column.reader(first.group).read_by_page(first.start, first.count, first.rows))
    return found


def _decoded_texts(column: ColumnChunks, parts: Sequence[Part], workspace: Workspace) -> pa.Array:
    lines = column.lines[[part.group for part in parts]]
    lines[:, chunksets.SKIPPED] = [part.start for part in parts]
    lines[:, chunksets.ROWS] = [0 if part.rows is None else address_of(part.rows) for part in parts]
    lines[:, chunksets.COUNT] = [len(part) for part in parts]
    made = decoded_texts(lines, column.spec, _room(lines, workspace), workspace)
    _check(lines)
    return made


def _decoded_together(columns: Sequence[ColumnChunks], parts: Sequence[Part], workspace: Workspace) -> list[pa.Array]:
    numbers, lengths = [part.group for part in parts], [len(part) for part in parts]
    length = sum(lengths)
    each: Longs = np.empty((len(columns), len(parts), chunksets.FIELDS), dtype=np.int64)
    begins = np.array([0, *accumulate(lengths[:-1])], dtype=np.int64)
    wanted = [_wanted(column, numbers, length) for column in columns]
    for lines, column, room in zip(each, columns, wanted, strict=True):
        lines[:] = column.lines[numbers]
        lines[:, chunksets.VALUES] = room.values
        lines[:, chunksets.OUT] = begins * room.out.itemsize + address_of(room.out)
        lines[:, chunksets.FLAGS] = begins + address_of(room.flags)
    each[:, :, chunksets.SKIPPED] = [part.start for part in parts]
    each[:, :, chunksets.ROWS] = [0 if part.rows is None else address_of(part.rows) for part in parts]
    each[:, :, chunksets.COUNT] = lengths
    table = each.reshape(-1, chunksets.FIELDS)
    if chunksets.decode_chunks(table, *_room(table, workspace)) < len(table):
        _check(table)
    nulls = each[:, :, chunksets.NULLS].tolist()
    return [room.ending(sum(counts)) for room, counts in zip(wanted, nulls, strict=True)]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Room for rows of a column, and what makes an array of it.

    Attributes
    ----------
    flags
        A byte for each row, where any may be null.
    values
        Where that is which stands in the place of the codes of each chunk; 0 where codes are wanted.
    kept
        What must stay alive meanwhile.
    """

    out: NDArray[Any]
    flags: Bits
    ending: Ending
    values: list[int] | int = 0
    kept: object = None


def _wanted(column: ColumnChunks, numbers: Sequence[int], length: int) -> _Wanted:
    """Return room for so many rows of the chunks of some row groups."""
    spec = column.spec
    flags: Bits = scratch(length if spec.optional else 0, np.uint8)
    if column.looks_up:
        out = empty(length, element_type(spec))
        return _Wanted(out, flags, partial(_fixed, out, flags, spec.dtype), column.values_at(numbers))
    first = column.reader(numbers[0])
    codes = first.room_for_codes(length)
    if not spec.as_codes:
        return _Wanted(codes, flags, lambda nulls: first.looked_up(Coded(codes, flags if nulls else None)))
    choices, places = joined_choices([column.reader(number).choices for number in numbers])
    values = [address_of(each) for each in places] if places else 0
    return _Wanted(codes, flags, partial(_coded, codes, flags, choices), values, places)


def _fixed(values: NDArray[Any], flags: Bits, dtype: DataType, nulls: int) -> pa.Array:
    return fixed_array(values, dtype, bitmap_of(flags if nulls else None))


def _coded(codes: Rows, flags: Bits, choices: pa.Array, nulls: int) -> pa.Array:
    return encoded(array_from(codes, pa.int32(), bitmap_of(flags if nulls else None)), choices)


def _room(table: Longs, workspace: Workspace) -> tuple[Bytes, Words, Rows]:
    """Return room for the largest page, for what is known of its rows and for its codes."""
    size, count = map(max, table[:, pages.MOST_BYTES : pages.MOST_VALUES + 1].T.tolist())
    known = workspace.room("known", words_for(count), np.uint64)
    return workspace.room("page", size + snappy.SLACK, np.uint8), known, workspace.room("codes", count, np.int32)


def _check(table: Longs) -> None:
    """Raise where a kernel has found something wrong with a chunk."""
    worst = int(table[:, chunksets.NULLS].min())
    if worst == codepages.BEYOND:
        raise DamagedChunk("a code lies beyond its dictionary")
    checked(worst, "levels or codes")
