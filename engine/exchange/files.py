"""Bytes in files that have no name: nobody else can open them, and they are gone with the process, however it ends."""

from __future__ import annotations

import mmap
import os
import tempfile
import threading

from ..kernels.protocol import PackedTables

FILE_BYTES = 256 * 1024 * 1024
"""Bytes after which another file is begun: room on the disk comes back when nothing in a file is needed any more."""


class Missing(KeyError):
    """What is asked for is not here: it was freed, or made by a process that has ended."""


class SpillFiles:
    """Files that take runs of bytes one behind the other.

    Parameters
    ----------
    folder
        Where to make them; the system's folder for temporary files if None.

    Attributes
    ----------
    written
        Bytes ever written.
    """

    def __init__(self, folder: str | None = None) -> None:
        self.folder = folder or tempfile.gettempdir()
        self.written = 0
        self._file: _File | None = None
        self._lock = threading.Lock()

    def write(self, content: PackedTables) -> Extent:
        """Return where bytes now lie in a file; raises `OSError` where the folder or its disk does not take them."""
        view = memoryview(content).cast("B")
        file, offset = self._room(view.nbytes)
        try:
            _write_all(file.handle.fileno(), view, offset)
        except BaseException:
            file.free()
            raise
        with self._lock:
            self.written += view.nbytes
        return Extent(file, offset, view.nbytes)

    def close(self) -> None:
        """Let go of the last file once nothing in it is needed; the next bytes go to another."""
        with self._lock:
            self._begin(None)

    def _room(self, size: int) -> tuple[_File, int]:
        with self._lock:
            if self._file is None or self._file.end >= FILE_BYTES:
                self._begin(_File(self.folder))
            assert self._file is not None
            return self._file, self._file.take(size)

    def _begin(self, file: _File | None) -> None:
        previous, self._file = self._file, file
        if previous is not None:
            previous.free()


class Extent:
    """Some bytes in a file."""

    def __init__(self, file: _File, offset: int, size: int) -> None:
        self._file, self._offset, self.size = file, offset, size

    def read(self) -> memoryview:
        """Return the bytes where the system has them: they come from the disk as they are looked at.

        Raises `Missing` where they were freed, and their file is closed.
        """
        return memoryview(self._file.mapped(self._offset, self.size))

    def free(self) -> None:
        """Say that the bytes are needed no more, unless somebody has them already."""
        self._file.free()


class _File:
    """A file that is closed when neither a writer nor a run of bytes in it needs it."""

    def __init__(self, folder: str) -> None:
        self.handle = tempfile.TemporaryFile(prefix="volley-spill-", dir=folder, buffering=0)  # noqa: SIM115  # see free
        self.end = 0
        self._users = 1
        self._lock = threading.Lock()

    def take(self, size: int) -> int:
        """Return where so many bytes may be written, where a page of memory may begin."""
        with self._lock:
            self._users += 1
            offset, page = self.end, mmap.ALLOCATIONGRANULARITY
            self.end = -(-(offset + size) // page) * page
            return offset

    def mapped(self, offset: int, size: int) -> mmap.mmap:
        """Return some bytes."""
        with self._lock:  # or the file's number might be another's by now
            if self.handle.closed:
                raise Missing("the bytes were freed")
            return mmap.mmap(self.handle.fileno(), size, access=mmap.ACCESS_READ, offset=offset)

    def free(self) -> None:
        """Take note that a user is done."""
        with self._lock:
            self._users -= 1
            if not self._users:
                self.handle.close()


def _write_all(handle: int, view: memoryview, offset: int) -> None:
    while view.nbytes:
        written = os.pwrite(handle, view, offset)
        view, offset = view[written:], offset + written
