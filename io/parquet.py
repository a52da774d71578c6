"""Parquet in: footers are read once, row groups that cannot match are left out, the rest become splits.

Column chunks of local files are decoded by the engine's decoder (``column_chunks``), which also tests the predicate;
everything else by pyarrow. Measured on 2 cores: reading ranges from an ordinary file costs no more than a memory map
(which a file cut short would turn into a crash), one open file per split no more than a shared one, and text read as
dictionaries an order of magnitude less than text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from ..engine.dtypes import Kind
from ..engine.expr import Expr, Path, all_of, columns_of, conjuncts, field_paths
from ..engine.kernels.decoding import Decoder
from ..engine.kernels.devices import open_decoder
from ..engine.machine import available_cores
from ..engine.plan import ScanPlan, ScanRequest, Statistics
from ..engine.records import dataclass, replace
from ..engine.schema import Schema
from .chunk_facts import ChunkFacts
from .column_chunks import Stored, stored_columns
from .filesystem import PathLike
from .finding import resolve
from .footer_facts import FooterFacts, facts_of
from .footers import (
    Leaf,
    field_leaves,
    plain_leaves,
)
from .pruning import ALL_NULL, Bounds, Outcomes, bounds_name, column_of_bounds, constant_bounds, outcomes
from .row_groups import ParquetSplit
from .tables import FileSource

SUFFIXES = (".parquet", ".parq", ".pq")
_SPLIT_BYTES = 16 * 1024 * 1024
_SPLIT_BYTES_LEAST = 512 * 1024
_SPLIT_ROWS = 1024 * 1024
"""Most rows of a split, however few bytes they take."""
_SPLITS_PER_CORE = 4
"""Each split costs some Python, for which threads wait for each other; too few would leave threads without work."""
_MANY_CHUNKS, _SMALL_GROUP = 32, 8192
"""From this many column chunks of fewer rows than this on, starting our decoder for each costs more than it saves."""
_BATCH_ROWS, _NARROW, _NARROW_TIMES, _LEAST_BATCHES = 128 * 1024, 8, 3, 4
_MOST_READ = 256
"""Sets of columns and row groups of which a table remembers how they are stored."""
_WORTH_COMPILING = 32 * 1024 * 1024
"""Stored bytes to read for which it pays to compile the decoder, where it is not compiled yet."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A row group that may hold matching rows, and its stored bytes of the asked-for columns."""

    index: int
    rows: int
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class _FileColumns:
    """Of the asked-for columns of one file: those read as dictionaries, how many it has, those decoded here.

    ``leaves`` has the flat ones among them, ``inside`` the dotted names of what is read of a column that is not read
    as a whole.
    """

    leaves: Mapping[str, Leaf]
    dictionaries: tuple[str, ...]
    count: int
    decoded: Mapping[str, Stored]
    inside: Mapping[str, tuple[str, ...]]


class ParquetSource(FileSource):
    """One table in Parquet files.

    Columns are matched by name; one that a file lacks is null there, one that files store with different types has the
    type that holds them all. Directories named ``key=value`` below a given
    directory or glob give key columns.

    Parameters
    ----------
    paths
        Path, list of paths, glob, directory or URL.
    storage_options
        Passed to fsspec for URLs.

    Raises
    ------
    ReadError
        If a file is missing or broken.
    TypeMismatch
        If no type holds a column's values of two files.
    """

    form = "parquet"

    def __init__(
        self, paths: PathLike | Iterable[PathLike], *, storage_options: Mapping[str, Any] | None = None
    ) -> None:
        self._files = resolve(paths, suffixes=SUFFIXES, storage_options=storage_options)
        self._facts: FooterFacts | None = facts_of(self._files)
        self._table = replace(self._facts.table, files=self._files)
        self._read: dict[tuple[Any, ...], _FileColumns] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_facts": None, "_read": {}}

    def _known(self) -> FooterFacts:
        if self._facts is None:
            self._facts = facts_of(self._files)
        return self._facts

    def statistics(self) -> Statistics:
        """Return rows, stored bytes, bounds and nulls, from the footers."""
        return self._known().statistics

    def scan(self, request: ScanRequest) -> ScanPlan:
        """Return splits of the row groups that may match, and the conjuncts that still have to be applied."""
        parts = list(conjuncts(request.predicate)) if request.predicate is not None else []
        schema = self.schema.select(request.columns)
        undecided: set[int] = set()
        kept_files: list[tuple[int, list[_Kept]]] = []
        total = 0
        for position, footer in enumerate(self._known().footers):
            total += footer.num_row_groups
            kept = self._kept(position, parts, undecided)
            if kept:
                kept_files.append((position, kept))
        kept_total = sum(len(kept) for _, kept in kept_files)
        decoder = open_decoder()
        applied = tuple(part for i, part in enumerate(parts) if i in undecided and decoder.accepts(part))
        residual = all_of(part for i, part in enumerate(parts) if i in undecided and part not in applied)
        spared = request.only_tested - (columns_of(residual) if residual is not None else frozenset())
        given = Schema(tuple(f for f in schema if f.name not in spared))
        tested = self.schema.select(sorted(columns_of(*applied) - set(given.names)))
        limit = None if undecided else request.limit
        chosen = _first_rows(kept_files, limit)
        read = given.extend(tested)
        chosen = [(position, self._sized(position, kept, read, request.fields)) for position, kept in chosen]
        stored = [self._stored(position, kept, read, request.fields, decoder) for position, kept in chosen]
        splits = self._splits(chosen, stored, given, tested, applied, request)
        if limit is not None:
            splits = _limited(splits, limit)
        return ScanPlan(
            splits=tuple(splits),
            residual=residual,
            columns=given.names,
            applied=all_of(applied),
            skipped=f"{total - kept_total} of {total} row groups" if kept_total < total else "",
            remark=_by_arrow(chosen, stored),
        )

    def _stored(
        self, position: int, kept: list[_Kept], schema: Schema, fields: Sequence[Path], decoder: Decoder
    ) -> _FileColumns:
        """Return how a file's columns are stored and who will decode them; remembered for the next query.

        Files elsewhere are pyarrow's, and so are those of many small column chunks: opening a file costs it some
        0.5 ms and each chunk 5 to 20 us, where ours takes 45 us a chunk and then up to half of its time a value.
        """
        groups = tuple([group.index for group in kept])
        key = (position, schema.names, tuple(fields), groups)
        known = self._read.get(key)
        if known is None:
            if len(self._read) >= _MOST_READ:
                self._read.clear()
            known = self._read[key] = self._stored_anew(position, kept, schema, fields, decoder)
        return known

    def _stored_anew(
        self, position: int, kept: list[_Kept], schema: Schema, fields: Sequence[Path], decoder: Decoder
    ) -> _FileColumns:
        footer, layout, keys = (
            self._known().footers[position],
            self._known().layouts[position],
            self._table.keys[position],
        )
        own = Schema(tuple(f for f in schema if f.name not in keys))
        leaves = plain_leaves(footer, layout, own, self._table.stored[position])
        facts, groups = self._known().chunks[position], [group.index for group in kept]
        dictionaries = _dictionary_columns(leaves, facts, groups)
        inside = {name: tuple(layout.parts(name, fields)) for name in {path[0] for path in fields} & set(own.names)}
        count = len(layout.chunks.keys() & set(own.names))
        tiny = len(kept) * count >= _MANY_CHUNKS and sum(group.rows for group in kept) < _SMALL_GROUP * len(kept)
        if tiny or not self._files.location.is_local:
            return _FileColumns(leaves, dictionaries, count, {}, inside)
        decoded = stored_columns(footer, leaves, dictionaries, facts, groups, decoder)
        return _FileColumns(leaves, dictionaries, count, decoded, inside)

    def _sized(self, position: int, kept: list[_Kept], schema: Schema, fields: Sequence[Path]) -> list[_Kept]:
        """Return row groups with the stored bytes of the columns that are read of them."""
        layout, keys = self._known().layouts[position], self._table.keys[position]
        read = [layout.parts(f.name, fields).values() for f in schema if f.name not in keys]
        chunks = {j for parts in read for part in parts for j in part}
        if not chunks:
            return kept
        sizes = [self._known().chunks[position].sizes(j) for j in chunks]
        return [_Kept(group.index, group.rows, sum([size[group.index] for size in sizes])) for group in kept]

    def _kept(self, position: int, parts: list[Expr], undecided: set[int]) -> list[_Kept]:
        """Return a file's row groups that may match; add to ``undecided`` each conjunct not true of all their rows."""
        keys = {name: constant_bounds(v, self.schema[name].dtype) for name, v in self._table.keys[position].items()}
        needed = sorted(columns_of(*parts) - keys.keys())
        if keys and not all(outcomes(part, keys).may_be_true for part in parts):
            return []
        footer, layout = self._known().footers[position], self._known().layouts[position]
        leaves = plain_leaves(footer, layout, self.schema.select(needed), self._table.stored[position])
        inner = [path for path in field_paths(*parts) if len(path) > 1 and path[0] not in keys]
        leaves |= field_leaves(footer, layout, self.schema, inner, self._table.stored[position])
        needed += [bounds_name(path) for path in inner]
        facts = self._known().chunks[position]
        stored = {name: facts.bounds(leaves[name]) for name in needed if name in leaves}
        absent = {n: ALL_NULL for n in needed if n not in leaves and column_of_bounds(n) not in layout.chunks}
        tests = [_Pruning(part, stored, {**keys, **absent}) for part in parts]
        kept = []
        for index, rows in enumerate(facts.rows()):
            if rows == 0:
                continue
            possible = [test.outcomes(index) for test in tests]
            if all(values.may_be_true for values in possible):
                undecided.update([i for i, values in enumerate(possible) if values is not Outcomes.TRUE])
                kept.append(_Kept(index, rows))
        return kept

    def _splits(
        self,
        kept_files: list[tuple[int, list[_Kept]]],
        stored: list[_FileColumns],
        schema: Schema,
        tested: Schema,
        conditions: tuple[Expr, ...],
        request: ScanRequest,
    ) -> list[ParquetSplit]:
        total = sum(group.bytes for _, kept in kept_files for group in kept)
        even = total // (_SPLITS_PER_CORE * (available_cores()))
        target = min(_SPLIT_BYTES, max(_SPLIT_BYTES_LEAST, even))
        rows = sum(group.rows for _, kept in kept_files for group in kept)
        target = max(1, min(target, total * _SPLIT_ROWS // max(rows, 1)))
        target = max(target, total * request.task_rows // max(rows, 1))
        patient = total >= _WORTH_COMPILING
        decode = patient or open_decoder().is_compiled(tests=bool(conditions))
        splits: list[ParquetSplit] = []
        for (position, kept), columns in zip(kept_files, stored, strict=True):
            footer = self._known().footers[position]
            whole = ParquetSplit(
                location=self._files.location,
                file=self._files.files[position],
                schema=schema,
                tested=tested,
                conditions=conditions,
                stored=columns.decoded if decode else {},
                patient=patient,
                inside=columns.inside,
                keys=self._table.keys_within(position, schema.extend(tested)),
                row_groups=(),
                group_rows=(),
                dictionaries=columns.dictionaries,
                batch_rows=_batch_rows(request.batch_rows, len(schema), rows),
                group_bytes=(),
                leaves=columns.leaves,
                footer=footer,
                facts=self._known().chunks[position],
            )
            splits.extend(
                replace(
                    whole,
                    row_groups=tuple(g.index for g in groups),
                    group_rows=tuple(g.rows for g in groups),
                    group_bytes=tuple(g.bytes for g in groups),
                )
                for groups in _balanced(kept, target)
            )
        return splits


class _Pruning:
    """What a condition can be in each row group: computed once for groups that have the same bounds.

    Parameters
    ----------
    stored
        Bounds by name, of each row group; equal ones are one object.
    fixed
        Those that all row groups have.
    """

    def __init__(self, part: Expr, stored: Mapping[str, Sequence[Bounds]], fixed: Mapping[str, Bounds]) -> None:
        self._part, self._fixed = part, fixed
        read = {bounds_name(path) for path in field_paths(part)} | columns_of(part)
        self._stored = {name: each for name, each in stored.items() if name in read}
        self._known: dict[tuple[int, ...], Outcomes] = {}

    def outcomes(self, index: int) -> Outcomes:
        """Return which values the condition can have in a row group."""
        bounds = {name: each[index] for name, each in self._stored.items()}
        key = tuple(map(id, bounds.values()))
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = outcomes(self._part, {**self._fixed, **bounds})
        return known


def _dictionary_columns(leaves: Mapping[str, Leaf], facts: ChunkFacts, groups: Sequence[int]) -> tuple[str, ...]:
    return tuple(
        name
        for name, leaf in leaves.items()
        if leaf.dtype.kind is Kind.STRING and all(facts.worth_a_dictionary(leaf.index)[number] for number in groups)
    )


def _batch_rows(wanted: int, columns: int, rows: int) -> int:
    """Return the rows of a batch: more than are wanted of few columns, where these are as many as a processor gets.

    There must be so many ``rows`` that progress is still told, and work cut, often enough.
    Python between kernels costs the same for a batch of any size, once its data are beyond the cache of the processor.
    """
    more = _NARROW_TIMES * wanted
    return more if wanted == _BATCH_ROWS and columns <= _NARROW and rows >= _LEAST_BATCHES * more else wanted


def _balanced(kept: list[_Kept], target: int) -> Iterator[list[_Kept]]:
    """Yield runs of row groups of about ``target`` bytes each, as even as whole row groups allow.

    A run ends where the next row group would lead farther away from its end: of two that are nearly alike, each is one.
    """
    total = sum(group.bytes for group in kept)
    pieces = min(len(kept), max(1, round(total / target)))
    run: list[_Kept] = []
    done = made = 0
    for group, following in zip(kept, [*kept[1:], None], strict=True):
        run.append(group)
        done += group.bytes
        if following is None or (made + 1 < pieces and done + following.bytes / 2 >= total * (made + 1) / pieces):
            yield run
            run, made = [], made + 1


def _first_rows(kept_files: list[tuple[int, list[_Kept]]], limit: int | None) -> list[tuple[int, list[_Kept]]]:
    """Return the row groups that hold the first ``limit`` rows."""
    if limit is None:
        return kept_files
    needed = []
    before = 0
    for position, kept in kept_files:
        starts = accumulate((group.rows for group in kept), initial=before)
        chosen = [group for group, start in zip(kept, starts, strict=False) if start < limit]
        before += sum(group.rows for group in kept)
        if chosen:
            needed.append((position, chosen))
    return needed


def _by_arrow(kept_files: list[tuple[int, list[_Kept]]], stored: list[_FileColumns]) -> str:
    """Say how many column chunks pyarrow decodes, if any."""
    pairs = [(len(kept), columns) for (_, kept), columns in zip(kept_files, stored, strict=True)]
    chunks = sum(groups * columns.count for groups, columns in pairs)
    ours = sum(groups * len(columns.decoded) for groups, columns in pairs)
    return f"{chunks - ours} of {chunks} column chunks by pyarrow" if ours < chunks else ""


def _limited(splits: list[ParquetSplit], limit: int) -> list[ParquetSplit]:
    chosen = []
    left = limit
    for split in splits:
        if left <= 0:
            break
        chosen.append(replace(split, take=left) if split.rows > left else split)
        left -= split.rows
    return chosen
