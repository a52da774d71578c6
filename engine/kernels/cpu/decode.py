"""Row groups decoded late: first what the conditions read, then for the rows that pass them everything else.

A condition on one column that is stored as codes is computed on the column's dictionary, once per row group; where no
entry passes, no page is opened. All other conditions are computed by the device's own expression kernels on the rows
that are left, so their meaning is the same as in a filter above the scan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...arrow import empty_batch
from ...expr import Expr, columns_of
from ...plan.source import KeyFilter, KeySet
from ..decoding import ChunkSpec, StoredChunk, StoredRows
from ..evaluation import can_raise, shared
from .buffers import INT64_DIGITS, bits_of, flags_of
from .chunks import ChunkReader, Coded
from .compare import conjunction
from .gather import take_column
from .keysets import IntegerKeys
from .native import chunksets, select_bits
from .native.arrays import Bits, Rows
from .opening import CodeTest, Part, are_decoded_together, decode_columns, open_chunks, select_rows
from .pages import CODECS
from .project import Evaluator
from .ranges import IntegerRange, range_of
from .table import CpuTable, from_arrow
from .workspace import Workspace, borrowed

_INTEGERS = {"INT32": 32, "INT64": 64}
_UNKNOWN = 0.5
"""The share of a test of which only the kernel will know how much passes."""


class CpuDecoder:
    """Decodes row groups with the compiled kernels of this package."""

    @property
    def is_compiled(self) -> bool:
        """Whether the kernels that most files need are kept on disk."""
        return all(
            kernel.is_kept for kernel in (chunksets.open_chunks, chunksets.decode_chunks, chunksets.select_chunks)
        )

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
            groups = [_RowGroup(each, workspace) for each in stored]
            parts, useful = _parts(conditions), [each for each in filters if each.keys.is_useful]
            alone = {part.columns[0] for part in parts if len(part.columns) == 1}
            _open_all(groups, sorted(alone | {each.column for each in useful}))
            tested = []
            for group in groups:
                tests = [_test(group, each) for each in parts] + [_key_test(group, each) for each in useful]
                if all(test.can_pass for test in tests):
                    kept = (test for test in tests if not test.always_passes)
                    tested.append((group, sorted(kept, key=lambda test: test.share)))
            if len(tested) > 1 and all(test.codes is not None for _, tests in tested for test in tests):
                yield from _at_once(tested, columns)
                return
            for group, tests in tested:
                pieces = max(1, -(-group.stored.rows // batch_rows))
                size = -(-group.stored.rows // pieces)
                for start in range(0, group.stored.rows, size):
                    batch = _Batch(group, columns, start, min(size, group.stored.rows - start))
                    if (given := batch.passing(tests)) is not None:
                        yield given


def _at_once(tested: Sequence[tuple[_RowGroup, Sequence[_Test]]], names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of row groups that pass tests of codes alone: in one batch where their columns can be joined."""
    groups, parts = [group for group, _ in tested], [Part(0, group.stored.rows) for group, _ in tested]
    workspace = groups[0].workspace
    codes = [[test.codes for test in tests if test.codes is not None] for _, tests in tested]
    passed = [pair for pair in zip(groups, select_rows(codes, parts, workspace), strict=True) if len(pair[1])]
    if not passed:
        return
    groups, parts = [group for group, _ in passed], [part for _, part in passed]
    if not names:
        yield empty_batch(sum(map(len, parts)))
        return
    _open_all(groups, names)
    chunks = [[group.open(name) for group in groups] for name in names]
    readers = [[column for column in columns if isinstance(column, ChunkReader)] for columns in chunks]
    if all(len(column) == len(groups) and are_decoded_together(column) for column in readers):
        yield pa.RecordBatch.from_arrays(decode_columns(readers, parts, workspace), names=list(names))
        return
    for group, part in passed:
        given = _Batch(group, names, part.start, part.count).given(part.rows)
        yield pa.RecordBatch.from_arrays(given, names=list(names))


def _open_all(groups: Sequence[_RowGroup], names: Iterable[str]) -> None:
    """Open columns of row groups, those to be decoded together; an unknown encoding shows here."""
    closed = [(group, name) for group in groups for name in names if name not in group.opened]
    chunks: list[tuple[_RowGroup, str, StoredChunk]] = []
    for group, name in closed:
        source = group.stored.columns[name]
        if isinstance(source, StoredChunk):
            chunks.append((group, name, source))
        else:
            alone = pa.RecordBatch.from_arrays([source.read()], names=[name])
            group.opened[name] = from_arrow(alone, group.stored.schema.select([name])).columns[0]
    if chunks:
        fill = groups[0].stored.fill
        assert fill is not None
        rows = [group.stored.rows for group, _, _ in chunks]
        readers = open_chunks([source for _, _, source in chunks], rows, fill, groups[0].workspace)
        for (group, name, _), reader in zip(chunks, readers, strict=True):
            group.opened[name] = reader


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


class _RowGroup:
    """The columns of one row group, each opened when it is first needed."""

    def __init__(self, stored: StoredRows, workspace: Workspace) -> None:
        self.stored, self.workspace = stored, workspace
        self.opened: dict[str, ChunkReader | pa.Array] = {}

    def open(self, name: str) -> ChunkReader | pa.Array:
        """Return a column's reader, or its values where they are given."""
        _open_all([self], [name])
        return self.opened[name]

    def passes(self, conditions: Sequence[Expr], columns: Sequence[str], arrays: Sequence[pa.Array], rows: int) -> Rows:
        """Return the rows of some columns for which conditions are true."""
        table = CpuTable(schema=self.stored.schema.select(columns), columns=arrays, num_rows=rows)
        mask = conjunction(*Evaluator(table).columns(conditions))
        values, offset = flags_of(mask)
        bits, bit_offset = bits_of(mask)
        return select_bits(values, offset, rows, bits=bits, bit_offset=bit_offset)


@dataclass(frozen=True, slots=True)
class _Test:
    """The conditions that read the same columns, and what the dictionary of their one column says, if there is one.

    Attributes
    ----------
    columns
        What they read, sorted.
    wanted
        A flag for each entry of the dictionary, then one for null; None where they must be computed by row.
    share
        Share of the dictionary that passes, or 2 or 3 without one: cheap and selective tests go first.
    keys
        What the one column's values must be among, instead of conditions.
    codes
        The same test as one of codes, where it can be made in one call with others.
    """

    conditions: tuple[Expr, ...]
    columns: tuple[str, ...]
    wanted: Bits | None
    share: float = 2.0
    keys: KeySet | None = None
    codes: CodeTest | None = None

    @classmethod
    def of_dictionary(cls, columns: tuple[str, ...], wanted: Bits, reader: ChunkReader) -> _Test:
        """Return the test that a dictionary has been put to."""
        codes = CodeTest(reader, wanted) if reader.in_one_call else None
        return cls((), columns, wanted, np.count_nonzero(wanted) / len(wanted), codes=codes)

    @property
    def can_pass(self) -> bool:
        """Whether any row may pass."""
        return self.share > 0

    @property
    def always_passes(self) -> bool:
        """Whether every row passes."""
        return self.share == 1


@dataclass(frozen=True, slots=True)
class _Part:
    """The conditions that read the same columns.

    Attributes
    ----------
    columns
        What they read, sorted.
    range
        The values of the one column for which they are true, where that can be said.
    known
        What they say of dictionaries met before, by the dictionaries' identity, and these dictionaries.
    """

    conditions: tuple[Expr, ...]
    columns: tuple[str, ...]
    range: IntegerRange | None
    known: dict[int, tuple[pa.Array, Bits]]


_MOST_KNOWN, _REMEMBERED_BYTES = 64, 16 * 1024
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
            _Part(tuple(together), columns, range_of(together) if len(columns) == 1 else None, {})
            for columns, together in by_columns.items()
        )
        # The originals are kept so that their identity stays theirs.
        known = _known_parts[id(conditions)] = (conditions, parts)
    return known[1]


def _test(group: _RowGroup, part: _Part) -> _Test:
    opened = [group.open(name) for name in part.columns]
    reader = opened[0] if len(opened) == 1 else None
    if not isinstance(reader, ChunkReader) or not reader.coded:
        return _Test(part.conditions, part.columns, None)
    if part.range is not None and reader.in_one_call and reader.is_signed:
        return _Test((), part.columns, None, _UNKNOWN, codes=CodeTest(reader, range=part.range))
    if part.range is not None and isinstance(reader.dictionary, np.ndarray):
        wanted = np.zeros(len(reader.dictionary) + 1, dtype=np.uint8)
        wanted[:-1] = part.range.contains(reader.dictionary)
        wanted[-1] = not reader.nullable and wanted[:-1].all()
    else:
        wanted = _wanted(group, part, reader.choices)
    return _Test.of_dictionary(part.columns, wanted, reader)


def _wanted(group: _RowGroup, part: _Part, dictionary: pa.Array) -> Bits:
    """Return what conditions say of the entries of a dictionary, and of null."""
    known = part.known.get(id(dictionary))
    if known is not None:
        return known[1]
    choices = pa.concat_arrays([dictionary, pa.nulls(1, dictionary.type)])
    wanted = np.zeros(len(choices), dtype=np.uint8)
    wanted[group.passes(part.conditions, part.columns, [choices], len(choices))] = 1
    if len(part.known) < _MOST_KNOWN and dictionary.nbytes <= _REMEMBERED_BYTES:
        part.known[id(dictionary)] = (dictionary, wanted)
    return wanted


def _key_test(group: _RowGroup, given: KeyFilter) -> _Test:
    reader = group.open(given.column)
    if not isinstance(reader, ChunkReader) or not reader.coded:
        return _Test((), (given.column,), None, 3.0, given.keys)
    if isinstance(given.keys, IntegerKeys) and reader.in_one_call and reader.is_signed:
        return _Test((), (given.column,), None, _UNKNOWN, codes=CodeTest(reader, keys=given.keys))
    wanted = np.zeros(len(reader.choices) + 1, dtype=np.uint8)
    wanted[given.keys.select(reader.choices)] = 1
    return _Test.of_dictionary((given.column,), wanted, reader)


class _Batch:
    """A run of a row group's rows; remembers what has been decoded for it."""

    def __init__(self, group: _RowGroup, names: Sequence[str], start: int, count: int) -> None:
        self._group, self._names, self._start, self._count = group, names, start, count
        self._kept: dict[str, pa.Array] = {}

    def passing(self, tests: Sequence[_Test]) -> pa.RecordBatch | None:
        """Return the rows that pass all tests, None where there are none."""
        rows, rest = self._select(tests)
        if rows is not None and not len(rows):
            return None
        for test in rest:
            if test.wanted is not None:
                passed = self._codes(test.columns[0], rows).select(test.wanted)
            elif test.keys is not None:
                passed = test.keys.select(self._values(test.columns[0], rows))
            else:
                arrays = [self._values(name, rows) for name in test.columns]
                left = self._count if rows is None else len(rows)
                passed = self._group.passes(test.conditions, test.columns, arrays, left)
            if not len(passed):
                return None
            if rows is not None:
                rows = rows[passed]
            elif len(passed) < self._count:
                rows = passed
        if not self._names:
            return empty_batch(self._count if rows is None else len(rows))
        return pa.RecordBatch.from_arrays(self.given(rows), names=list(self._names))

    def _select(self, tests: Sequence[_Test]) -> tuple[Rows | None, list[_Test]]:
        """Return the rows that pass the tests one call of a kernel can make, None for all, and the other tests."""
        codes = [test.codes for test in tests if test.codes is not None]
        (part,) = select_rows([codes], [Part(self._start, self._count)], self._group.workspace)
        return part.rows, [test for test in tests if test.codes is None]

    def _codes(self, name: str, rows: Rows | None) -> Coded:
        """Return some rows of a coded column (None: all)."""
        column = self._group.open(name)
        assert isinstance(column, ChunkReader)
        return column.codes_by_page(self._start, self._count, rows)

    def given(self, rows: Rows | None) -> list[pa.Array]:
        """Return some rows of all columns that are given (None: all)."""
        _open_all([self._group], self._names)  # an unknown encoding must show before the first batch
        stored = {name: self._group.open(name) for name in self._names if name not in self._kept}
        readers = {name: [column] for name, column in stored.items() if isinstance(column, ChunkReader)}
        made = decode_columns(list(readers.values()), [self._part(rows)], self._group.workspace)
        found = dict(zip(readers, made, strict=True))
        return [found[name] if name in found else self._values(name, rows) for name in self._names]

    def _part(self, rows: Rows | None) -> Part:
        return Part(self._start, self._count, rows)

    def _values(self, name: str, rows: Rows | None) -> pa.Array:
        """Return some rows of a column (None: all); kept whole where it is given too, so that it is decoded once."""
        if name in self._kept or name not in self._names:
            kept = self._kept.get(name)
            return self._read(name, rows) if kept is None else kept if rows is None else take_column(kept, rows)
        self._kept[name] = self._read(name, None)
        return self._values(name, rows)

    def _read(self, name: str, rows: Rows | None) -> pa.Array:
        column = self._group.open(name)
        if isinstance(column, ChunkReader):
            return decode_columns([[column]], [self._part(rows)], self._group.workspace)[0]
        piece = column.slice(self._start, self._count)
        return piece if rows is None else take_column(piece, rows)
