"""Rows between the stages of a local run: in memory while the run's account has room for them, the oldest in files."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..errors import SpillError
from ..kernels.protocol import Device, Table
from .memory import MemoryAccount
from .pieces import Piece, Pieces, in_pages

_SHARE = 2
"""Rows between stages may take one in so many bytes of the limit: the others are for what cannot be spilled."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

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
    most
        How many bytes of rows may be in memory.
    task_bytes
        Bytes of rows that a thread should work on at once: with what is made of them and what a kernel needs
        meanwhile, which no account counts, these become about three times as many.
    """

    def __init__(self, device: Device, memory: MemoryAccount, folder: str | None = None, threads: int = 1) -> None:
        self.device, self.memory = device, memory
        self.task_bytes = max(LEAST_TASK_BYTES, (memory.limit or 0) // (8 * threads))
        self._pieces = Pieces(device, memory, folder)
        self._opened: set[Spool] = set()
        self._lock = threading.Lock()
        self._spilling = threading.Lock()
        self.most = (memory.limit or 0) // _SHARE
        memory.make_room = self._make_room

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return self._pieces.held

    @property
    def written(self) -> int:
        """Bytes ever spilled."""
        return self._pieces.written

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
        self._pieces.close()

    def closed(self, spool: Spool) -> None:
        """Take note that the rows of a stage are forgotten."""
        with self._lock:
            self._opened.discard(spool)

    def keep(self, piece: Piece) -> None:
        """Take tables, into memory if older ones can make room for them."""
        fits = piece.bytes <= self.most
        while fits and self.held + piece.bytes > self.most and self._spill_oldest():
            pass
        if fits and self.memory.try_reserve(piece.bytes):
            self._pieces.hold(piece)
        else:
            with self._explained():
                self._pieces.write(piece)

    def drop(self, piece: Piece) -> None:
        """Forget tables."""
        self._pieces.drop(piece)
        piece.tables = ()

    def _make_room(self, size: int) -> bool:
        with self._spilling:  # one after the other: who finds nothing to spill knows that nothing is on its way
            return self.memory.has_room(size) or self._spill_next()

    def _spill_oldest(self) -> bool:
        with self._spilling:
            return self._spill_next()

    def _spill_next(self) -> bool:
        with self._explained():
            return self._pieces.spill_oldest()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what to do where the disk takes no more."""
        try:
            yield
        except OSError as error:
            room = "make room there, or " if error.errno in _FULL else ""
            raise SpillError(
                f"cannot spill to {self._pieces.folder!r}: {error.strerror or error}; "
                f"{room}give the session another spill_dir or more memory_limit"
            ) from error


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
            for made in map(Piece, in_pages(tables)):
                with self._lock:
                    self._buckets.setdefault(number, {}).setdefault(task, []).append(made)
                self._spools.keep(made)

    def tables(self, bucket: int, *, last: bool = False) -> Iterator[Sequence[Table]]:
        """Yield a bucket's tables, some at a time, in the order of tasks; ``last`` forgets them while they are read."""
        for piece in self._pieces(bucket):
            yield piece.unpacked(self._spools.device)
            if last:
                self._spools.drop(piece)

    def parts(self, bucket: int, size: int) -> list[BucketPart]:
        """Return a bucket in parts of about so many bytes, in the order of tasks."""
        parts: list[BucketPart] = []
        for piece in self._pieces(bucket):
            if not parts or parts[-1].bytes >= size:
                parts.append(BucketPart(self._spools))
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


class BucketPart:
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
        return [table for piece in self._pieces for table in piece.unpacked(self._spools.device)]

    def drop(self) -> None:
        """Forget the rows."""
        for piece in self._pieces:
            self._spools.drop(piece)
