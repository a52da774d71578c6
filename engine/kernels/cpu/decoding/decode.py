"""Row groups decoded late: first what the conditions read, then for the rows that pass them everything else.

A condition on one column that is stored as codes is computed on the column's dictionary, once per row group; where no
entry passes, no page is opened. All other conditions are computed by the device's own expression kernels on the rows
that are left, so their meaning is the same as in a filter above the scan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import accumulate, pairwise

import numpy as np
import pyarrow as pa

from ....arrow import empty_batch
from ....dtypes import INT64_DIGITS
from ....expr import Expr, columns_of
from ....plan.source import KeyFilter, KeySet
from ....records import dataclass, replace
from ...decoding import ChunkSpec, GivenColumn, StoredChunk, StoredRows
from ...evaluation import can_raise, shared
from ..adopting import from_arrow
from ..buffers import bits_of, flags_of
from ..functions.compare import conjunction
from ..gather import take_column
from ..keysets import IntegerKeys
from ..native import chunksets, select_bits
from ..native.arrays import Bits, Rows
from ..project import Evaluator
from ..table import CpuTable
from .chunks import ChunkReader
from .opening import CodeTest, ColumnChunks, Part, are_decoded_together, decode_columns, open_columns, select_rows
from .pages import CODECS
from .ranges import Comparison, IntegerRange, comparison_of, range_of
from .workspace import Workspace, borrowed

_INTEGERS = {"INT32": 32, "INT64": 64}
_TESTED_TIMES = 2
"""How many rows more than a batch has are tested at once where that takes more than their codes: few may pass."""
_UNKNOWN = 0.5
"""The share of a test of which only the kernel will know how much passes."""


class CpuDecoder:
    """Decodes row groups with the compiled kernels of this package."""

    def is_compiled(self, *, tests: bool) -> bool:
        """Whether the kernels that most files need, with those that test rows or without, are kept on disk."""
        reading = chunksets.open_chunks.is_kept and chunksets.decode_chunks.is_kept
        return reading and (not tests or chunksets.select_chunks.is_kept)

    def accepts(self, condition: Expr) -> bool:
        """Return whether a condition reads a column and raises on no value."""
        return bool(columns_of(condition)) and not can_raise(condition)

    def can_decode(self, spec: ChunkSpec) -> bool:
        """Return whether values of this type, stored so, can be decoded."""
        return spec.codec in CODECS and _is_known(spec)

    def decode(
        self,
        stored: Sequence[StoredRows],
        columns: Sequence[str],
        conditions: Sequence[Expr],
        batch_rows: int,
        filters: Sequence[KeyFilter] = (),
    ) -> Iterator[pa.RecordBatch]:
        """Yield record batches of the rows for which every condition is true, without those that filters leave out."""
        with borrowed() as workspace:
            run = _Run(stored, workspace)
            parts, useful = _parts(conditions), [each for each in filters if each.keys.is_useful]
            early = {name for part in parts if len(part.columns) == 1 or part.comparison for name in part.columns}
            run.open(sorted(early | {each.column for each in useful}), run.numbers)
            tests = _tests(run, parts, useful, run.numbers)
            if all(test.codes is not None for test in tests):
                for some in _pieces(run, run.numbers, tests, batch_rows):
                    yield from _Batch(run, columns, some).passing(tests)
                return
            for numbers in _runs_together(run, tests, batch_rows):
                tests = _tests(run, parts, useful, numbers)
                needed = [test for test in tests if any(test.share(number) != 1 for number in numbers)]
                for some in _pieces(run, numbers, tests, _TESTED_TIMES * batch_rows):
                    yield from _Batch(run, columns, some).passing(needed)


def _pieces(run: _Run, numbers: Sequence[int], tests: Sequence[_Test], batch_rows: int) -> Iterator[Sequence[Part]]:
    """Yield what to read at once of the row groups that may pass: all of several, a batch after the other of one."""
    left = [number for number in numbers if all(test.share(number) > 0 for test in tests)]
    if len(left) > 1:
        yield [Part(number, 0, run.rows[number]) for number in left]
    for number in left if len(left) == 1 else ():
        rows = run.rows[number]
        size = -(-rows // max(1, -(-rows // batch_rows)))
        for start in range(0, rows, size):
            yield [Part(number, start, min(size, rows - start))]


def _runs_together(run: _Run, tests: Sequence[_Test], batch_rows: int) -> Iterator[Sequence[int]]:
    """Yield row groups whose values can be tested at once, as many as make a batch of some size."""
    names = {name for test in tests if test.codes is None for name in test.columns}
    if len(run.numbers) > 1:
        run.open(sorted(names), run.numbers)
    together = not any(test.wanted and test.codes is None for test in tests) and run.are_together(names, run.numbers)
    some: list[int] = []
    for number in run.numbers:
        rows = run.rows[number] + sum(run.rows[other] for other in some)
        if some and not (together and rows <= _TESTED_TIMES * batch_rows):
            yield some
            some = []
        some.append(number)
    yield some


def _is_known(spec: ChunkSpec) -> bool:
    dtype = spec.dtype
    match spec.physical:
        case "BOOLEAN":
            return dtype.kind.value == "bool"
        case "INT32" | "INT64":
            if dtype.is_decimal:
                return dtype.precision <= INT64_DIGITS
            width = _INTEGERS[spec.physical]
            if dtype.is_integer:
                return dtype.bits == width or (width == 32 and dtype.bits < 32)
            if dtype.kind.value == "date":
                return width == 32
            if dtype.kind.value == "time":
                return width == (32 if dtype.unit in ("s", "ms") else 64)
            return width == 64 and dtype.kind.value in ("timestamp", "duration")
        case "FLOAT":
            return dtype.kind.value == "float32"
        case "DOUBLE":
            return dtype.kind.value == "float64"
        case "BYTE_ARRAY":
            return dtype.kind.value in ("string", "binary")
        case "FIXED_LEN_BYTE_ARRAY":
            return dtype.is_decimal and dtype.precision <= INT64_DIGITS and 0 < spec.width <= 16
    return False


class _Run:
    """Row groups that are read at once, by their number among them, and the columns of theirs that are open."""

    def __init__(self, stored: Sequence[StoredRows], workspace: Workspace) -> None:
        self.stored, self.workspace = stored, workspace
        self.numbers, self.rows = range(len(stored)), [each.rows for each in stored]
        self.columns: dict[str, ColumnChunks] = {}
        self._given: dict[tuple[str, int], pa.Array] = {}

    def open(self, names: Iterable[str], numbers: Sequence[int]) -> None:
        """Open columns of row groups, those to be decoded together; an unknown encoding shows here."""
        wanted: list[tuple[ColumnChunks, int, StoredChunk]] = []
        for name in names:
            column = self.columns.get(name)
            for number in numbers:
                source = self.stored[number].columns[name]
                if not isinstance(source, StoredChunk):
                    self._give(name, number, source)
                    continue
                if column is None:
                    column = self.columns[name] = ColumnChunks(source.spec, len(self.stored))
                if not column.is_open(number):
                    wanted.append((column, number, source))
        if wanted:
            fill = self.stored[0].fill
            assert fill is not None
            open_columns(wanted, self.rows, fill, self.workspace)

    def _give(self, name: str, number: int, source: GivenColumn) -> None:
        if (name, number) not in self._given:
            alone = pa.RecordBatch.from_arrays([source.read()], names=[name])
            self._given[name, number] = from_arrow(alone, self.stored[number].schema.select([name])).columns[0]

    def are_together(self, names: Iterable[str], numbers: Sequence[int]) -> bool:
        """Return whether columns, which are open, are decoded together of some row groups."""
        found = [self.columns.get(name) for name in names]
        return all(each is not None and are_decoded_together(each, numbers) for each in found)

    def chunk(self, name: str, number: int) -> ChunkReader | pa.Array:
        """Return the reader of a column of a row group, or its values where they are given."""
        self.open([name], [number])
        column = self.columns.get(name)
        return self._given[name, number] if column is None else column.reader(number)

    def passes(self, conditions: Sequence[Expr], columns: Sequence[str], arrays: Sequence[pa.Array], rows: int) -> Rows:
        """Return the rows of some columns for which conditions are true."""
        table = CpuTable(schema=self.stored[0].schema.select(columns), columns=arrays, num_rows=rows)
        mask = conjunction(*Evaluator(table).columns(conditions))
        values, offset = flags_of(mask)
        bits, bit_offset = bits_of(mask)
        return select_bits(values, offset, rows, bits=bits, bit_offset=bit_offset)


@dataclass(frozen=True, slots=True)
class _Test:
    """The conditions that read the same columns, and what the dictionaries of their one column say, if there are any.

    Attributes
    ----------
    columns
        What they read, sorted.
    wanted
        By the number of the row group, a flag for each entry of the dictionary, then one for null; none where they must
        be computed by row.
    unknown
        What `share` is where there are no flags.
    keys
        What the one column's values must be among, instead of conditions.
    codes
        The same test as one of codes, where it can be made in one call with others.
    """

    conditions: tuple[Expr, ...]
    columns: tuple[str, ...]
    wanted: Mapping[int, Bits] = field(default_factory=dict)
    unknown: float = 2.0
    keys: KeySet | None = None
    codes: CodeTest | None = None

    def share(self, number: int) -> float:
        """Return which share of a dictionary passes, or 2 to 4 without one: cheap and selective tests go first."""
        flags = self.wanted.get(number)
        return self.unknown if flags is None else np.count_nonzero(flags) / len(flags)


@dataclass(frozen=True, slots=True)
class _Part:
    """The conditions that read the same columns.

    Attributes
    ----------
    columns
        What they read, sorted.
    range
        The values of the one column for which they are true, where that can be said.
    comparison
        How the values of the two columns must compare, where that is all there is to it.
    known
        What they say of dictionaries met before, by the dictionaries' identity, and these dictionaries.
    """

    conditions: tuple[Expr, ...]
    columns: tuple[str, ...]
    range: IntegerRange | None
    comparison: Comparison | None
    known: dict[int, tuple[pa.Array, Bits]]


_MOST_KNOWN, _REMEMBERED_BYTES, _MOST_BYTES = 64, 16 * 1024, 1 << 24
_known_parts: dict[int, tuple[Sequence[Expr], tuple[_Part, ...]]] = {}


def _parts(conditions: Sequence[Expr]) -> tuple[_Part, ...]:
    """Return the conditions by what they read; the answer is remembered, since every row group asks again."""
    known = _known_parts.get(id(conditions))
    if known is None or known[0] is not conditions:
        if len(_known_parts) >= _MOST_KNOWN:
            _known_parts.clear()
        by_columns: dict[tuple[str, ...], list[Expr]] = {}
        for condition in shared(tuple(conditions)):
            by_columns.setdefault(tuple(sorted(columns_of(condition))), []).append(condition)
        parts = tuple(
            _Part(
                tuple(together),
                columns,
                range_of(together) if len(columns) == 1 else None,
                comparison_of(together) if len(columns) == 2 else None,
                {},
            )
            for columns, together in by_columns.items()
        )
        # The originals are kept so that their identity stays theirs.
        known = _known_parts[id(conditions)] = (conditions, parts)
    return known[1]


def _tests(run: _Run, parts: Sequence[_Part], filters: Sequence[KeyFilter], numbers: Sequence[int]) -> list[_Test]:
    """Return what the rows of row groups have to pass."""
    return [_test(run, part, numbers) for part in parts] + [_key_test(run, each, numbers) for each in filters]


def _test(run: _Run, part: _Part, numbers: Sequence[int]) -> _Test:
    if part.comparison is not None:
        left, right = run.columns.get(part.comparison.left), run.columns.get(part.comparison.right)
        if (
            left is None
            or right is None
            or not all(each.is_signed and each.are_codes(numbers) for each in (left, right))
        ):
            return _Test(part.conditions, part.columns)
        codes = CodeTest(left, other=right, way=part.comparison.way)
        return _Test((), part.columns, unknown=_UNKNOWN, codes=codes)
    column = run.columns.get(part.columns[0]) if len(part.columns) == 1 else None
    if column is None or not column.has_codes(numbers) or column.are_mostly_different(numbers):
        return _Test(part.conditions, part.columns)
    if part.range is not None and column.is_signed and column.are_codes(numbers):
        return _Test((), part.columns, unknown=_UNKNOWN, codes=CodeTest(column, range=part.range))
    return _dictionary_test(part.columns, column, _flags(run, part, [column.reader(n) for n in numbers], numbers))


def _dictionary_test(columns: tuple[str, ...], column: ColumnChunks, wanted: Mapping[int, Bits]) -> _Test:
    """Return the test that dictionaries have been put to."""
    codes = CodeTest(column, wanted) if column.are_codes(list(wanted)) else None
    return _Test((), columns, wanted, codes=codes)


def _flags(run: _Run, part: _Part, readers: Sequence[ChunkReader], numbers: Sequence[int]) -> dict[int, Bits]:
    """Return, by row group, what conditions say of the entries of its dictionary, and of null."""
    found: dict[int, Bits] = {}
    unknown: dict[int, pa.Array] = {}
    for number, reader in zip(numbers, readers, strict=True):
        if part.range is not None and isinstance(reader.dictionary, np.ndarray):
            wanted: Bits = np.zeros(len(reader.dictionary) + 1, dtype=np.uint8)
            wanted[:-1] = part.range.contains(reader.dictionary)
            wanted[-1] = not reader.nullable and wanted[:-1].all()
            found[number] = wanted
        elif id(reader.choices) not in part.known:
            unknown[id(reader.choices)] = reader.choices
    told = _flags_of(run, part, list(unknown.values()))
    for number, reader in zip(numbers, readers, strict=True):
        if number not in found:
            key = id(reader.choices)
            found[number] = told[key] if key in told else part.known[key][1]
    return found


def _flags_of(run: _Run, part: _Part, dictionaries: Sequence[pa.Array]) -> dict[int, Bits]:
    """Return what conditions say of dictionaries, by their identities: of all of them computed at once."""
    if not dictionaries:
        return {}
    if len(dictionaries) > 1 and sum(each.nbytes for each in dictionaries) > _MOST_BYTES:
        return _flags_of(run, part, dictionaries[:1]) | _flags_of(run, part, dictionaries[1:])
    choices = pa.concat_arrays([*dictionaries, pa.nulls(1, dictionaries[0].type)])
    every: Bits = np.zeros(len(choices), dtype=np.uint8)
    every[run.passes(part.conditions, part.columns, [choices], len(choices))] = 1
    told: dict[int, Bits] = {}
    start = 0
    for dictionary in dictionaries:
        stop = start + len(dictionary)
        wanted = told[id(dictionary)] = np.append(every[start:stop], every[-1])
        if len(part.known) < _MOST_KNOWN and dictionary.nbytes <= _REMEMBERED_BYTES:
            part.known[id(dictionary)] = (dictionary, wanted)
        start = stop
    return told


def _key_test(run: _Run, given: KeyFilter, numbers: Sequence[int]) -> _Test:
    columns, column = (given.column,), run.columns.get(given.column)
    if given.keys.learns:
        return _Test((), columns, unknown=4.0, keys=given.keys)  # after all others
    if column is None or not column.has_codes(numbers):
        return _Test((), columns, unknown=3.0, keys=given.keys)
    if isinstance(given.keys, IntegerKeys) and column.is_signed and column.are_codes(numbers):
        return _Test((), columns, unknown=_UNKNOWN, codes=CodeTest(column, keys=given.keys))
    wanted = {}
    for number in numbers:
        choices = column.reader(number).choices
        wanted[number] = np.zeros(len(choices) + 1, dtype=np.uint8)
        wanted[number][given.keys.select(choices)] = 1
    return _dictionary_test(columns, column, wanted)


class _Batch:
    """Rows of row groups, fewer with each test; remembers what of theirs has been decoded.

    Of several row groups the columns that tests read must be decoded together.
    """

    def __init__(self, run: _Run, names: Sequence[str], parts: Sequence[Part]) -> None:
        self._run, self._names, self._parts = run, names, parts
        self._kept: dict[str, pa.Array] = {}

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def passing(self, tests: Sequence[_Test]) -> Iterator[pa.RecordBatch]:
        """Yield the rows that pass all tests: as one batch where their columns are decoded together."""
        codes = [test.codes for test in tests if test.codes is not None]
        self._parts = [part for part in select_rows(codes, self._parts, self._run.workspace) if len(part)]
        values = [test for test in tests if test.codes is None]
        for test in sorted(values, key=lambda test: test.share(self._parts[0].group)) if self._parts else ():
            self._keep(self._passing(test))
            if not self._parts:
                return
        if self._parts:
            yield from self._given()

    def _keep(self, passed: Rows) -> None:
        """Keep some of the rows."""
        if len(passed) == len(self):
            return
        self._kept = {name: take_column(array, passed) for name, array in self._kept.items()}
        ends = list(accumulate(map(len, self._parts)))
        cuts = [0, *np.searchsorted(passed, ends).tolist()]
        left = []
        for part, end, (start, stop) in zip(self._parts, ends, pairwise(cuts), strict=True):
            if stop > start:
                own = passed[start:stop] - np.int32(end - len(part))
                left.append(replace(part, rows=own if part.rows is None else part.rows[own]))
        self._parts = left

    def _passing(self, test: _Test) -> Rows:
        """Return which of the rows pass a test that is not one of codes."""
        if test.wanted:
            (part,) = self._parts
            codes = self._run.columns[test.columns[0]].reader(part.group)
            return codes.codes_by_page(part.start, part.count, part.rows).select(test.wanted[part.group])
        if test.keys is not None:
            among: Rows = test.keys.select(self._values(test.columns[0]))
            return among
        arrays = [self._values(name) for name in test.columns]
        return self._run.passes(test.conditions, test.columns, arrays, len(self))

    def _given(self) -> Iterator[pa.RecordBatch]:
        """Yield the columns that are wanted; an unknown encoding must show before the first batch."""
        if not self._names:
            yield empty_batch(len(self))
            return
        numbers = [part.group for part in self._parts]
        rest = [name for name in self._names if name not in self._kept]
        self._run.open(rest, numbers)
        if len(self._parts) > 1 and not self._run.are_together(rest, numbers):
            yield from self._one_by_one()
            return
        stored = {name: self._run.columns[name] for name in rest if name in self._run.columns}
        made = decode_columns(list(stored.values()), self._parts, self._run.workspace)
        found = {**self._kept, **dict(zip(stored, made, strict=True))}
        arrays = [found[name] if name in found else self._values(name) for name in self._names]
        yield pa.RecordBatch.from_arrays(arrays, names=list(self._names))

    def _one_by_one(self) -> Iterator[pa.RecordBatch]:
        at = 0
        for part in self._parts:
            alone = _Batch(self._run, self._names, [part])
            alone._kept = {name: array.slice(at, len(part)) for name, array in self._kept.items()}
            at += len(part)
            yield from alone._given()

    def _values(self, name: str) -> pa.Array:
        """Return the rows of a column; kept where it is given too, so that it is decoded once."""
        if name in self._kept:
            return self._kept[name]
        values = self._run.chunk(name, self._parts[0].group)
        if isinstance(values, ChunkReader):
            (made,) = decode_columns([self._run.columns[name]], self._parts, self._run.workspace)
        else:
            (part,) = self._parts
            piece = values.slice(part.start, part.count)
            made = piece if part.rows is None else take_column(piece, part.rows)
        if name in self._names:
            self._kept[name] = made
        return made
