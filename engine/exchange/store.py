"""What the tasks of this process have made for others: buckets of tables, spilled to files where there are too many.

An output is what one attempt of one task made. Its buckets never change once it is put; they are read any number of
times and freed with their query or stage.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeAlias

from ..kernels.protocol import Device, PackedTables, Table
from . import pieces
from .files import Missing
from .memory import MemoryAccount
from .pieces import Piece, Pieces, in_pages

_LOG = logging.getLogger("volley.exchange")
_Buckets: TypeAlias = dict[int, list[Piece]]


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


class BucketStore:
    """Outputs of tasks by identity and bucket; safe for threads.

    Parameters
    ----------
    device
        Whose tables these are.
    limit
        Most bytes held in memory before the oldest are spilled, or None.
    folder
        Where files are made; the system's folder for temporary files if None.

    Attributes
    ----------
    memory
        Account of the bytes in memory.
    """

    def __init__(self, device: Device, *, limit: int | None = None, folder: str | None = None) -> None:
        self.device, self.limit = device, limit
        self.memory = MemoryAccount()  # what is to be kept is: the limit says when to spill, not what to refuse
        self._pieces = Pieces(device, self.memory, folder)
        self._outputs: dict[OutputId, _Buckets] = {}
        self._lock = threading.RLock()

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return self._pieces.held

    @property
    def spilled(self) -> int:
        """Bytes in files."""
        return self._pieces.spilled

    def put(self, output: OutputId, buckets: Sequence[Sequence[Table]]) -> None:
        """Keep what a task made; replaces what the same attempt has put before."""
        draft = self.draft(output)
        draft.add(buckets)
        draft.keep()

    def draft(self, output: OutputId) -> Draft:
        """Return an output to which rows are added until it is whole."""
        made: _Buckets = {}
        return Draft(partial(self._add, made), partial(self._keep, output, made), partial(self._forget, made))

    def has(self, outputs: Sequence[OutputId]) -> bool:
        """Whether all of some outputs are here."""
        with self._lock:
            return all(output in self._outputs for output in outputs)

    def tables(self, outputs: Sequence[OutputId], first: int, last: int) -> Iterator[tuple[int, Sequence[Table]]]:
        """Yield task and tables of the buckets from ``first`` up to, not including, ``last``."""
        for task, piece in self._selected(outputs, first, last):
            yield task, piece.unpacked(self.device)

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
        most = pieces.PAGE_BYTES if size is None else size
        pack = self.device.parcel if parcels else self.device.pack
        selected = [
            (task, piece, part) for task, piece in self._selected(outputs, first, last) for part in range(piece.pages)
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
            task, piece, part = selected[position]
            tables, packed = piece.read()
            if packed is not None:
                tables = self.device.unpack(packed, piece.schema)
            if packed is not None and piece.pages == 1:
                close()
                frames.append(packed)
                counts.append([(task, len(tables))])
            else:
                waiting.append((task, self._part(tables, part, piece.pages)))
            taken += piece.bytes // piece.pages
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
        """Forget everything and let go of the files."""
        with self._lock:
            for output in list(self._outputs):
                self._drop(output)
        self._pieces.close()

    def _selected(self, outputs: Sequence[OutputId], first: int, last: int) -> list[tuple[int, Piece]]:
        with self._lock:
            selected = []
            for output in outputs:
                buckets = self._outputs.get(output)
                if buckets is None:
                    raise Missing(output)
                for number in sorted(number for number in buckets if first <= number < last):
                    selected += [(output.task, piece) for piece in buckets[number]]
            return selected

    def _add(self, made: _Buckets, buckets: Sequence[Sequence[Table]]) -> None:
        for number, tables in enumerate(buckets):
            for piece in map(Piece, in_pages(tables)):
                self.memory.reserve(piece.bytes, "exchange")
                self._pieces.hold(piece)
                with self._lock:
                    made.setdefault(number, []).append(piece)
        self._spill()

    def _keep(self, output: OutputId, made: _Buckets) -> None:
        with self._lock:
            self._drop(output)
            self._outputs[output] = made

    def _drop(self, output: OutputId) -> None:
        self._forget(self._outputs.pop(output, {}))

    def _forget(self, made: _Buckets) -> None:
        with self._lock:
            for bucket in made.values():
                for piece in bucket:
                    self._pieces.drop(piece)
            made.clear()

    def _spill(self) -> None:
        """Write the oldest pieces to files until what is held fits."""
        try:
            while self.limit is not None and self.held > self.limit and self._pieces.spill_oldest():
                pass
        except OSError as error:
            _LOG.warning("cannot spill to %s: %s; rows stay in memory", self._pieces.folder, error.strerror or error)


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
