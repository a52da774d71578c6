"""Rows by the page, in memory or in files. Knows tables and bytes; must not know whose they are or who reads them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from ..kernels.protocol import Device, PackedTables, Table
from .files import Extent, Missing, SpillFiles
from .memory import MemoryAccount

PAGE_BYTES = 12 * 1024 * 1024
"""Aim of bytes per message and per spilled piece: large enough that what a message costs does not count, small enough
that a few can be on their way to each task."""


def in_pages(tables: Sequence[Table]) -> Iterator[list[Table]]:
    """Yield tables in runs of about a page; those without rows are left out."""
    run: list[Table] = []
    size = 0
    for table in tables:
        if table.num_rows:
            run.append(table)
            size += table.nbytes
        if size >= PAGE_BYTES:
            yield run
            run, size = [], 0
    if run:
        yield run


class Piece:
    """About a page of tables of one schema, in memory or in a file."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = tables
        self.schema = tables[0].schema
        self.bytes = sum(table.nbytes for table in tables)
        self.rows = sum(table.num_rows for table in tables)
        self.extent: Extent | None = None
        self.dropped = False

    @property
    def pages(self) -> int:
        """How many pages it takes: it may be one large table."""
        return max(1, self.bytes // PAGE_BYTES)

    def read(self) -> tuple[Sequence[Table], PackedTables | None]:
        """Return the tables, or the bytes of a file that hold them; raises `Missing` where they are forgotten."""
        tables, extent = self.tables, self.extent  # in this order: who spills says where before it lets go of them
        if extent is None and not tables:
            raise Missing("the rows were freed")
        return tables, None if extent is None else extent.read()

    def unpacked(self, device: Device) -> Sequence[Table]:
        """Return the tables, wherever they are."""
        tables, packed = self.read()
        return tables if packed is None else device.unpack(packed, self.schema)


class Pieces:
    """Which pieces are in memory, the oldest first, and which in files; safe for threads.

    Parameters
    ----------
    memory
        The account that is charged with what is in memory.
    folder
        Where files are made; the system's folder for temporary files if None.

    Attributes
    ----------
    held, spilled
        Bytes of pieces in memory and in files.
    """

    def __init__(self, device: Device, memory: MemoryAccount, folder: str | None = None) -> None:
        self.device, self.memory = device, memory
        self.held = 0
        self.spilled = 0
        self._files = SpillFiles(folder)
        self._ages: dict[int, Piece] = {}
        self._lock = threading.Lock()

    @property
    def folder(self) -> str:
        """Where files are made."""
        return self._files.folder

    @property
    def written(self) -> int:
        """Bytes ever spilled."""
        return self._files.written

    def hold(self, piece: Piece) -> None:
        """Have a piece in memory, with whose bytes the account has been charged."""
        with self._lock:
            self.held += piece.bytes
            self._ages[id(piece)] = piece

    def spill_oldest(self) -> bool:
        """Move the piece that has been in memory for the longest to a file; return whether there was one.

        Raises `OSError`, and leaves it in memory, where the disk does not take it.
        """
        with self._lock:
            oldest = next(iter(self._ages.values()), None)
            if oldest is None:
                return False
            del self._ages[id(oldest)]
        try:
            self.write(oldest)
        except BaseException:
            with self._lock:
                if _wanted(oldest):
                    self._ages[id(oldest)] = oldest
                else:
                    self._give_back(oldest)
            raise
        with self._lock:
            self._give_back(oldest)
        return True

    def write(self, piece: Piece) -> None:
        """Put a piece into a file; raises `OSError` where the disk does not take it."""
        tables = piece.tables
        if not _wanted(piece):
            return
        extent = self._files.write(self.device.pack(tables))
        with self._lock:
            if _wanted(piece):
                piece.extent, piece.tables = extent, ()
                self.spilled += piece.bytes
                return
        extent.free()

    def drop(self, piece: Piece) -> None:
        """Forget a piece; the disk has room again for those in files."""
        with self._lock:
            piece.dropped = True
            if piece.extent is not None:
                piece.extent.free()
                piece.extent = None
                self.spilled -= piece.bytes
            elif self._ages.pop(id(piece), None) is not None:
                self._give_back(piece)
            # else it is being written, and whoever does it will see that nobody wants it
            if not self.spilled:
                self._files.close()

    def close(self) -> None:
        """Let go of the files once nothing in them is needed."""
        self._files.close()

    def _give_back(self, piece: Piece) -> None:
        self.held -= piece.bytes
        self.memory.release(piece.bytes)


def _wanted(piece: Piece) -> bool:
    """Whether nobody has dropped a piece, which other threads may do at any time."""
    return not piece.dropped
