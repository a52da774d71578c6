"""Rows between the stages of a local run: in memory while the run's account has room for them, the oldest in files."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from ..kernels.protocol import Device, Table
from ..schema import Schema
from .files import Extent, SpillFiles
from .memory import MemoryAccount
from .store import in_pages

_SHARE = 2
"""Rows between stages may take one in so many bytes of the limit: the others are for what cannot be spilled."""

LEAST_TASK_BYTES = 256 * 1024
"""A thread works on so many bytes at once, however low the limit is: smaller pieces cost more than the work on them."""


class Spools:
    """What the stages of one run keep for later ones; safe for threads.

    Parameters
    ----------
    memory
        The run's account, which spills from here where something else needs room.
    folder
        Where files are made; the system's folder for temporary files if None.
    threads
        How many work for the run.

    Attributes
    ----------
    held
        Bytes in memory.
    most
        How many these may be.
    task_bytes
        Bytes of rows that a thread should work on at once: with what is made of them and what a kernel needs
        meanwhile, which no account counts, these become about three times as many.
    """

    def __init__(self, device: Device, memory: MemoryAccount, folder: str | None = None, threads: int = 1) -> None:
        self.device, self.memory = device, memory
        self.held = 0
        self.task_bytes = max(LEAST_TASK_BYTES, (memory.limit or 0) // (8 * threads))
        self._files = SpillFiles(folder)
        self._ages: dict[int, Piece] = {}
        self._opened: set[Spool] = set()
        self._lock = threading.Lock()
        self._spilling = threading.Lock()
        self.most = (memory.limit or 0) // _SHARE
        memory.make_room = self._make_room

    @property
    def written(self) -> int:
        """Bytes ever spilled."""
        return self._files.written

    @property
    def free(self) -> int:
        """Bytes of the limit that nothing takes which cannot be spilled."""
        return max(0, (self.memory.limit or 0) - self.memory.used + self.held)

    def open(self) -> Spool:
        """Return room for the rows of a stage."""
        made = Spool(self)
        with self._lock:
            self._opened.add(made)
        return made

    def close(self) -> None:
        """Forget all rows and let go of the files."""
        for spool in list(self._opened):
            spool.close()
        self._files.close()

    def closed(self, spool: Spool) -> None:
        """Take note that the rows of a stage are forgotten."""
        with self._lock:
            self._opened.discard(spool)

    def keep(self, piece: Piece) -> None:
        """Take tables, into memory if older ones can make room for them."""
        fits = piece.bytes <= self.most
        while fits and self.held + piece.bytes > self.most and self._spill_oldest():
            pass
        if not fits or not self.memory.try_reserve(piece.bytes):
            self._write(piece)
            return
        with self._lock:
            self.held += piece.bytes
            self._ages[id(piece)] = piece

    def drop(self, piece: Piece) -> None:
        """Forget tables."""
        with self._lock:
            piece.dropped = True
            if piece.extent is not None:
                piece.extent.free()
                piece.extent = None
            elif self._ages.pop(id(piece), None) is not None:
                self._give_back(piece)
            # else it is being written, and whoever does it will see that nobody wants it
            piece.tables = ()

    def _give_back(self, piece: Piece) -> None:
        self.held -= piece.bytes
        self.memory.release(piece.bytes)

    def _make_room(self, size: int) -> bool:
        with self._spilling:  # one after the other: who finds nothing to spill knows that nothing is on its way
            return self.memory.has_room(size) or self._spill_next()

    def _spill_oldest(self) -> bool:
        with self._spilling:
            return self._spill_next()

    def _spill_next(self) -> bool:
        with self._lock:
            oldest = next(iter(self._ages.values()), None)
            if oldest is None:
                return False
            del self._ages[id(oldest)]
        try:
            self._write(oldest)
        finally:
            with self._lock:
                self._give_back(oldest)
        return True

    def _write(self, piece: Piece) -> None:
        tables = piece.tables
        if not tables:  # dropped meanwhile
            return
        extent = self._files.write(self.device.pack(tables))
        with self._lock:
            if piece.dropped:
                extent.free()
                return
            piece.extent = extent
            piece.tables = ()


class Spool:
    """Rows of a stage by bucket and task; tasks may be added by several threads, each by one at a time.

    Attributes
    ----------
    divided
        Whether its buckets have been made so that each may be worked on alone.
    """

    def __init__(self, spools: Spools) -> None:
        self.divided = False
        self._spools = spools
        self._buckets: dict[int, dict[int, list[Piece]]] = {}
        self._lock = threading.Lock()

    @property
    def buckets(self) -> list[int]:
        """Numbers of those that have rows."""
        return sorted(self._buckets)

    @property
    def spilled(self) -> bool:
        """Whether some rows lie in files."""
        return any(piece.extent is not None for bucket in self._buckets for piece in self._pieces(bucket))

    def bytes(self, bucket: int) -> int:
        """Return the bytes of a bucket's rows in memory, wherever they are."""
        return sum(piece.bytes for piece in self._pieces(bucket))

    def rows(self, bucket: int) -> int:
        """Return how many rows a bucket has."""
        return sum(piece.rows for piece in self._pieces(bucket))

    def add(self, task: int, buckets: Sequence[Sequence[Table]]) -> None:
        """Put tables, of which there are some for each bucket, behind those of the same task."""
        for number, tables in enumerate(buckets):
            for piece in in_pages([table for table in tables if table.num_rows]):
                made = Piece(piece)
                with self._lock:
                    self._buckets.setdefault(number, {}).setdefault(task, []).append(made)
                self._spools.keep(made)

    def tables(self, bucket: int, *, last: bool = False) -> Iterator[Sequence[Table]]:
        """Yield a bucket's tables, some at a time, in the order of tasks; ``last`` forgets them while they are read."""
        for piece in self._pieces(bucket):
            yield piece.read(self._spools.device)
            if last:
                self._spools.drop(piece)

    def parts(self, bucket: int, size: int) -> list[Part]:
        """Return a bucket in parts of about so many bytes, in the order of tasks."""
        parts: list[Part] = []
        for piece in self._pieces(bucket):
            if not parts or parts[-1].bytes >= size:
                parts.append(Part(self._spools))
            parts[-1].add(piece)
        return parts

    def close(self) -> None:
        """Forget all rows."""
        for bucket in self.buckets:
            for piece in self._pieces(bucket):
                self._spools.drop(piece)
        self._buckets.clear()
        self._spools.closed(self)

    def _pieces(self, bucket: int) -> list[Piece]:
        tasks = self._buckets.get(bucket, {})
        return [piece for task in sorted(tasks) for piece in tasks[task]]


class Part:
    """Some pieces of a bucket next to each other."""

    def __init__(self, spools: Spools) -> None:
        self.bytes = 0
        self._spools = spools
        self._pieces: list[Piece] = []

    def add(self, piece: Piece) -> None:
        """Add a piece behind the others."""
        self._pieces.append(piece)
        self.bytes += piece.bytes

    def tables(self) -> list[Table]:
        """Return all tables."""
        return [table for piece in self._pieces for table in piece.read(self._spools.device)]

    def drop(self) -> None:
        """Forget the rows."""
        for piece in self._pieces:
            self._spools.drop(piece)


class Piece:
    """About a page of tables, in memory or in a file."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = tables
        self.schema: Schema = tables[0].schema
        self.bytes = sum(table.nbytes for table in tables)
        self.rows = sum(table.num_rows for table in tables)
        self.extent: Extent | None = None
        self.dropped = False

    def read(self, device: Device) -> Sequence[Table]:
        """Return the tables: a thread that spills says where they are before it lets go of them."""
        tables, extent = self.tables, self.extent
        return tables if extent is None else device.unpack(extent.read(), self.schema)
