"""Bytes in files that have no name: nobody else can open them, and they are gone with the process, however it ends."""

from __future__ import annotations

import mmap
import os
import tempfile
import threading

from ..errors import SpillError
from ..kernels.protocol import PackedTables

FILE_BYTES = 256 * 1024 * 1024
"""Bytes after which another file is begun: room on the disk comes back when nothing in a file is needed any more."""


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
        """Return where bytes now lie in a file.

        Raises
        ------
        SpillError
            Where the folder or its disk does not take them.
        """
        view = memoryview(content).cast("B")
        try:
            file, offset = self._room(view.nbytes)
            try:
                _write_all(file.handle.fileno(), view, offset)
            except BaseException:
                file.free()
                raise
        except OSError as error:
            raise SpillError(
                f"cannot spill to {self.folder!r}: {error.strerror or error}; "
                "make room there, or give the session another spill_dir or more memory_limit"
            ) from error
        with self._lock:
            self.written += view.nbytes
        return Extent(file, offset, view.nbytes)

    def close(self) -> None:
        """Begin no other file, and let go of the last one once nothing in it is needed."""
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
        """Return the bytes where the system has them: they come from the disk as they are looked at."""
        handle = self._file.handle.fileno()
        return memoryview(mmap.mmap(handle, self.size, access=mmap.ACCESS_READ, offset=self._offset))

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
