"""What the tasks of this process have made for others: buckets of tables, spilled to files where there are too many.

An output is what one attempt of one task made. Its buckets never change once it is put; they are read any number of
times and freed with their query or stage.
"""

from __future__ import annotations

import logging
import mmap
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ..kernels.protocol import Device, PackedTables, Table
from ..schema import Schema

_LOG = logging.getLogger("volley.exchange")
PAGE_BYTES = 12 * 1024 * 1024
"""Aim of bytes per message and per spilled file: large enough that what a message costs does not count, small enough
that a few can be on their way to each task."""


class OutputId(NamedTuple):
    """One attempt of one task of one stage of one query."""

    query: str
    stage: int
    task: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Page:
    """Part of what a reader asked for.

    Attributes
    ----------
    frames
        Packed tables.
    counts
        For each frame, how many of its tables each task made: pairs of task and number, in order.
    following
        Where to read on, or None after the last page.
    """

    frames: list[PackedTables]
    counts: list[list[tuple[int, int]]]
    following: int | None


@dataclass(slots=True)
class _Piece:
    """Tables of one bucket, in memory or in a file."""

    tables: Sequence[Table]
    bytes: int
    file: Path | None = None
    dropped: bool = False

    def read(self) -> tuple[Sequence[Table], Path | None]:
        """Return the tables, or the file that has them: a thread that spills sets the file before it clears tables."""
        tables = self.tables
        return tables, self.file

    @property
    def parts(self) -> int:
        """How many pages it takes: it may be one large table."""
        return max(1, self.bytes // PAGE_BYTES)


@dataclass(slots=True)
class _Bucket:
    schema: Schema
    pieces: list[_Piece] = field(default_factory=list)


class Missing(KeyError):
    """An output is not here: it was freed, or made by a process that has ended."""


class BucketStore:
    """Outputs of tasks by identity and bucket; safe for threads.

    Parameters
    ----------
    device
        Whose tables these are.
    limit
        Most bytes held in memory before the oldest are spilled, or None.
    folder
        Where to make the folder of spilled files; the system's temporary one if None.

    Attributes
    ----------
    held, spilled
        Bytes in memory and in files.
    peak
        Most bytes that have been in memory.
    """

    def __init__(self, device: Device, *, limit: int | None = None, folder: Path | None = None) -> None:
        self.device, self.limit, self._parent = device, limit, folder
        self.held = 0
        self.spilled = 0
        self.peak = 0
        self._outputs: dict[OutputId, dict[int, _Bucket]] = {}
        self._ages: dict[int, _Piece] = {}
        self._folder: Path | None = None
        self._files = 0
        self._lock = threading.RLock()

    def put(self, output: OutputId, buckets: Sequence[Sequence[Table]]) -> None:
        """Keep what a task made; replaces what the same attempt has put before."""
        draft = self.draft(output)
        draft.add(buckets)
        draft.keep()

    def draft(self, output: OutputId) -> Draft:
        """Return an output to which rows are added until it is whole."""
        made: dict[int, _Bucket] = {}
        return Draft(partial(self._add, made), partial(self._keep, output, made), partial(self._forget, made))

    def has(self, outputs: Sequence[OutputId]) -> bool:
        """Whether all of some outputs are here."""
        with self._lock:
            return all(output in self._outputs for output in outputs)

    def tables(self, outputs: Sequence[OutputId], first: int, last: int) -> Iterator[tuple[int, Sequence[Table]]]:
        """Yield task and tables of the buckets from ``first`` up to, not including, ``last``."""
        for task, schema, piece in self._selected(outputs, first, last):
            tables, file = piece.read()
            yield task, tables if file is None else self.device.unpack(_mapped(file), schema)

    def page(
        self,
        outputs: Sequence[OutputId],
        first: int,
        last: int,
        start: int,
        size: int | None = None,
        *,
        parcels: bool = False,
    ) -> Page:
        """Return packed tables from ``start`` on, as many as make a page or ``size`` bytes; in parcels if asked for."""
        most = PAGE_BYTES if size is None else size
        pack = self.device.parcel if parcels else self.device.pack
        selected = [
            (task, schema, piece, part)
            for task, schema, piece in self._selected(outputs, first, last)
            for part in range(piece.parts)
        ]
        frames: list[PackedTables] = []
        counts: list[list[tuple[int, int]]] = []
        waiting: list[tuple[int, Sequence[Table]]] = []
        taken, position = 0, start

        def close() -> None:
            if waiting:
                frames.append(pack([table for _, tables in waiting for table in tables]))
                counts.append([(task, len(tables)) for task, tables in waiting])
                waiting.clear()

        while position < len(selected) and taken < most:
            task, schema, piece, part = selected[position]
            tables, file = piece.read()
            content = None if file is None else _mapped(file)
            if content is not None and piece.parts == 1:
                close()
                frames.append(content)
                counts.append([(task, len(self.device.unpack(content, schema)))])
            else:
                whole = tables if content is None else self.device.unpack(content, schema)
                waiting.append((task, self._part(whole, part, piece.parts)))
            taken += piece.bytes // piece.parts
            position += 1
        close()
        return Page(frames, counts, position if position < len(selected) else None)

    def _part(self, tables: Sequence[Table], part: int, parts: int) -> Sequence[Table]:
        """Return the rows of one of so many parts of tables."""
        if parts == 1:
            return tables
        rows = sum(table.num_rows for table in tables)
        first, last, passed = rows * part // parts, rows * (part + 1) // parts, 0
        found = []
        for table in tables:
            start, stop = max(first - passed, 0), min(last - passed, table.num_rows)
            if start < stop:
                found.append(self.device.slice(table, start, stop - start))
            passed += table.num_rows
        return found

    def free(self, query: str, stage: int | None = None) -> None:
        """Forget the outputs of a query, or of one of its stages; or of all queries of a client.

        The name of a query begins with its client's and a slash.
        """
        with self._lock:
            for output in [o for o in self._outputs if belongs(o.query, query) and stage in (None, o.stage)]:
                self._drop(output)

    def close(self) -> None:
        """Forget everything and remove the folder of spilled files."""
        with self._lock:
            for output in list(self._outputs):
                self._drop(output)
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None

    def _selected(self, outputs: Sequence[OutputId], first: int, last: int) -> list[tuple[int, Schema, _Piece]]:
        with self._lock:
            selected = []
            for output in outputs:
                buckets = self._outputs.get(output)
                if buckets is None:
                    raise Missing(output)
                for number in sorted(number for number in buckets if first <= number < last):
                    bucket = buckets[number]
                    selected += [(output.task, bucket.schema, piece) for piece in bucket.pieces]
            return selected

    def _add(self, made: dict[int, _Bucket], buckets: Sequence[Sequence[Table]]) -> None:
        for number, tables in enumerate(buckets):
            filled = [table for table in tables if table.num_rows]
            if not filled:
                continue
            pieces = [_Piece(piece, sum(table.nbytes for table in piece)) for piece in in_pages(filled)]
            with self._lock:
                made.setdefault(number, _Bucket(filled[0].schema)).pieces += pieces
                for piece in pieces:
                    self.held += piece.bytes
                    self._ages[id(piece)] = piece
        self.peak = max(self.peak, self.held)
        self._spill()

    def _keep(self, output: OutputId, made: dict[int, _Bucket]) -> None:
        with self._lock:
            self._drop(output)
            self._outputs[output] = made

    def _drop(self, output: OutputId) -> None:
        self._forget(self._outputs.pop(output, {}))

    def _forget(self, made: dict[int, _Bucket]) -> None:
        with self._lock:
            for bucket in made.values():
                for piece in bucket.pieces:
                    self._ages.pop(id(piece), None)
                    piece.dropped = True
                    if piece.file is None:
                        self.held -= piece.bytes
                    else:
                        self.spilled -= piece.bytes
                        piece.file.unlink(missing_ok=True)
            made.clear()

    def _spill(self) -> None:
        """Write the oldest pieces to files until what is held fits."""
        while self.limit is not None and self.held > self.limit:
            with self._lock:
                oldest = next(iter(self._ages.items()), None)
                if oldest is None:
                    return
                number, piece = oldest
                del self._ages[number]
                path = self._new_file()
            try:
                path.write_bytes(self.device.pack(piece.tables))
            except OSError as error:
                _LOG.warning("cannot spill to %s: %s; rows stay in memory", path.parent, error.strerror or error)
                path.unlink(missing_ok=True)
                return
            with self._lock:
                if piece.dropped:
                    path.unlink(missing_ok=True)
                    continue
                piece.file = path
                piece.tables = ()
                self.held -= piece.bytes
                self.spilled += piece.bytes

    def _new_file(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="volley-exchange-", dir=self._parent))  # for its owner only
        self._files += 1
        return self._folder / f"{self._files:08d}.arrow"


@dataclass(frozen=True, slots=True)
class Draft:
    """An output that is being made: spilled like others, and read by nobody before it is kept.

    Attributes
    ----------
    add
        Puts tables behind those of each bucket.
    keep
        Lets others read it; replaces what the same attempt has kept before.
    drop
        Forgets what was added and not kept.
    """

    add: Callable[[Sequence[Sequence[Table]]], None]
    keep: Callable[[], None]
    drop: Callable[[], None]


def belongs(query: str, to: str) -> bool:
    """Whether a query is the named one, or one of the named client's."""
    return query == to or query.startswith(f"{to}/")


def in_pages(tables: Sequence[Table]) -> Iterator[list[Table]]:
    """Yield tables in runs of about a page."""
    run: list[Table] = []
    size = 0
    for table in tables:
        run.append(table)
        size += table.nbytes
        if size >= PAGE_BYTES:
            yield run
            run, size = [], 0
    if run:
        yield run


def _mapped(file: Path) -> memoryview:
    with file.open("rb") as opened:
        return memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
