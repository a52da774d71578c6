"""Temporary files beside a destination, and the one step that makes them visible.

On this machine that step is a rename: of the file, or of a whole directory exchanged with the old one. On a store
without such renames a manifest is put last, and readers go by the manifest. Receipts in the temporary place say what
finished writers have made, so that writers may run in other processes and repeat what a lost one began.
"""

from __future__ import annotations

import ctypes
import errno
import glob
import json
import logging
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..engine.errors import WriteError
from ..engine.plan import WrittenFile
from .compression import COMPRESSIONS
from .filesystem import MANIFEST, Location, reason
from .lease import Lease, is_abandoned

_LOG = logging.getLogger("volley.io")
_PART = re.compile(r"part-\d{5}[\w-]*\.(parquet|csv|jsonl|arrow|orc)(" + "|".join(map(re.escape, COMPRESSIONS)) + ")?")
_TRIES, _TURN = 50, 0.1
_TOKEN = re.compile(r"[0-9a-f]{12}")
_RECEIPTS = "receipts"
_DATA = "data"
_OLD = "old"
_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)
_HERE = -100  # AT_FDCWD
_NO_EXCHANGE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


@contextmanager
def writing(path: str) -> Iterator[None]:
    """Turn what the operating system says while writing into a `WriteError` that says what to do."""
    import pyarrow as pa

    try:
        yield
    except OSError as error:
        raise WriteError(f"cannot write {path!r}: {hindrance(error, path)}; nothing was written there") from error
    except pa.ArrowException as error:
        raise WriteError(f"cannot write {path!r}: {reason(error)}") from error


def hindrance(error: OSError, path: str = "") -> str:
    """Return why the operating system or the store at a URL does not write, and what to do about it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "no space is left; free some or write elsewhere"
    if error.errno == errno.EFBIG:
        return "the file is larger than the system allows; write a directory of several files or raise the limit"
    if isinstance(error, PermissionError) and "://" in path:
        return "permission denied; check the credentials in storage_options"
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return "permission denied; check the folder's owner and mode, or write elsewhere"
    return error.strerror or reason(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A finished temporary file: its place below the stage, its final place below the destination, rows and bytes."""

    temporary: str
    final: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The temporary place of one write.

    Attributes
    ----------
    path
        Destination on its file system: a file, or the directory of a data set.
    single
        Whether the destination is one file.
    """

    location: Location
    path: str
    single: bool
    token: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    lease: Lease = field(default_factory=Lease, compare=False, repr=False)

    @property
    def url(self) -> str:
        """The destination as people write it."""
        return self.location.url(self.path)

    @property
    def root(self) -> str:
        """The temporary directory, beside the destination."""
        parent, _, name = self._target.rstrip("/").rpartition("/")
        prefix = f"{parent}/" if parent or self._target.startswith("/") else ""
        return f"{prefix}.{name}.tmp-{self.token}"

    @property
    def _target(self) -> str:
        """The destination; on this machine what a link there points to."""
        return os.path.realpath(self.path) if self.location.is_local else self.path

    # -------------------------------------------------------------------------------------- life
    def create(self) -> None:
        """Check the destination and make the temporary directory.

        Raises
        ------
        WriteError
            If the destination is of the other kind, holds files that no data set has, or cannot be written.
        """
        with writing(self.url):
            if self.location.is_local:
                self._sweep()
            existing = self._existing()
            foreign = next((name for name in existing if not _is_ours(name)), None)
            if foreign is not None:
                raise WriteError(
                    f"{self.url!r} holds {foreign!r}, which is no part of a data set; it would be lost: choose another "
                    "directory or empty this one"
                )
            if self.location.is_local:
                shutil.rmtree(self.root, ignore_errors=True)
                Path(self.root).parent.mkdir(parents=True, exist_ok=True)
                Path(self.root).mkdir(mode=0o700)  # nobody else's business until it is published
                try:
                    self.lease.take(Path(self.root))
                    Path(self.root, _RECEIPTS).mkdir()
                except OSError:
                    self.discard()
                    raise
            else:
                self.location.store.make_directory(f"{self.root}/{_RECEIPTS}")

    def _sweep(self) -> None:
        """Remove what is left of writes to the same destination whose process was killed."""
        root, target = Path(self.root), Path(self._target)
        beginning = root.name.removesuffix(self.token)
        for left in root.parent.glob(f"{glob.escape(beginning)}*"):
            if _TOKEN.fullmatch(left.name.removeprefix(beginning)) and is_abandoned(left):
                with suppress(OSError):  # it ended while it took the place of this
                    if not target.exists():
                        (left / _OLD).rename(target)
                shutil.rmtree(left, ignore_errors=True)

    def _existing(self) -> list[str]:
        """Return the files of the data set at the destination, relative to it."""
        if self.location.is_local:
            target = Path(self._target)
            is_file, is_directory = target.is_file(), target.is_dir()
            if target.exists() and not is_file and not is_directory:
                raise WriteError(f"{self.url!r} is a device, pipe or socket, which a file would replace; choose a file")
            names = [p.relative_to(target).as_posix() for p in target.rglob("*") if not p.is_dir()]
        else:
            store = self.location.store
            store.forget()
            try:
                kind = store.info(self.path).get("type")
            except FileNotFoundError:
                kind = None
            is_file, is_directory = kind == "file", kind == "directory"
            names = [n[len(self.path) :].lstrip("/") for n in store.find(self.path)] if is_directory else []
        if self.single and is_directory:
            raise WriteError(f"{self.url!r} is a directory; give the name of a file in it")
        if not self.single and is_file:
            raise WriteError(f"{self.url!r} is a file; give the name of a directory, or remove it")
        return [] if self.single else sorted(names)

    def open(self, relative: str) -> Any:
        """Return a new temporary file as a ``pyarrow.NativeFile``."""
        import pyarrow as pa

        path = f"{self.root}/{relative}"
        if self.location.is_local:
            folder = Path(self.root)
            for part in relative.split("/")[:-1]:  # the first is not made anew once the write was given up
                folder /= part
                folder.mkdir(exist_ok=True)
            return pa.OSFile(path, "wb")
        store = self.location.store
        store.make_directory(path.rpartition("/")[0])
        return pa.PythonFile(store.open(path, "wb"), mode="w")

    def size(self, relative: str) -> int:
        """Return the bytes of a temporary file."""
        path = f"{self.root}/{relative}"
        return Path(path).stat().st_size if self.location.is_local else int(self.location.store.info(path)["size"])

    def leave_receipt(self, task: int, files: list[Staged]) -> None:
        """Say that a task's files are complete; the last receipt of a task counts."""
        content = json.dumps([asdict(file) for file in files])
        path = f"{self.root}/{_RECEIPTS}/{task:05d}.json"
        with writing(self.url):
            if self.location.is_local:
                fresh = Path(f"{path}.{uuid.uuid4().hex[:8]}")
                fresh.write_text(content)
                fresh.replace(path)
            else:
                self.location.store.write(path, content.encode())

    def receipts(self) -> list[Staged]:
        """Return every finished file, by task."""
        if self.location.is_local:
            texts = [p.read_text() for p in sorted(Path(self.root, _RECEIPTS).glob("*.json"))]
        else:
            store = self.location.store
            texts = [store.read(name).decode() for name in sorted(store.find(f"{self.root}/{_RECEIPTS}"))]
        return [Staged(**entry) for text in texts for entry in json.loads(text)]

    def discard(self) -> None:
        """Remove the temporary directory, in which tasks that have been stopped may still write for a moment."""
        self.lease.end()
        if self.location.is_local:
            for _ in range(_TRIES):
                shutil.rmtree(self.root, ignore_errors=True)
                if not Path(self.root).exists():
                    return
                time.sleep(_TURN)
        else:
            with suppress(OSError):
                self.location.store.remove(self.root, recursive=True)

    # -------------------------------------------------------------------------------------- publishing
    def publish(self, files: list[Staged]) -> tuple[WrittenFile, ...]:
        """Make the files visible at the destination in place of what was there.

        Raises
        ------
        WriteError
            If that fails; what was there before stays.
        """
        with writing(self.url):
            if self.single:
                self._publish_file(files[0])
                finals = [""]
            elif self.location.is_local:
                self._publish_directory(files)
                finals = [f"/{file.final}" for file in files]
            else:
                finals = [f"/{name}" for name in self._publish_by_manifest(files)]
        self.discard()
        base = self.url.rstrip("/")
        return tuple(
            WrittenFile(path=f"{base}{final}", rows=file.rows, bytes=file.bytes)
            for file, final in zip(files, finals, strict=True)
        )

    def _publish_file(self, file: Staged) -> None:
        source = f"{self.root}/{file.temporary}"
        if self.location.is_local:
            Path(source).replace(self._target)
        else:
            self.location.store.move(source, self.path)

    def _publish_directory(self, files: list[Staged]) -> None:
        ready, target = Path(self.root, _DATA), Path(self._target)
        ready.mkdir()
        for file in files:
            place = ready / file.final
            place.parent.mkdir(parents=True, exist_ok=True)
            Path(self.root, file.temporary).replace(place)
        if not target.exists():
            ready.rename(target)
        elif not _exchanged(ready, target):
            old = Path(self.root, _OLD)
            target.rename(old)
            try:
                ready.rename(target)
            except OSError:
                old.rename(target)
                raise

    def _publish_by_manifest(self, files: list[Staged]) -> list[str]:
        store, target = self.location.store, self.path.rstrip("/")
        old = self._existing()
        named = [_with_token(file.final, self.token) for file in files]
        fresh = [] if MANIFEST in old else [MANIFEST]
        if fresh:
            self._put_manifest(old)  # so that readers do not take up new files before all are there
        try:
            for file, name in zip(files, named, strict=True):
                store.make_directory(f"{target}/{name}".rpartition("/")[0])
                store.move(f"{self.root}/{file.temporary}", f"{target}/{name}")
            self._put_manifest(named)
        except BaseException:
            for name in (*named, *fresh):
                with suppress(OSError):
                    store.remove(f"{target}/{name}")
            raise
        for name in old:
            if name != MANIFEST and name not in named:
                try:
                    store.remove(f"{target}/{name}")
                except OSError as error:  # no reader sees it, and the next write tries again
                    _LOG.warning("%s/%s is replaced but cannot be removed: %s", self.url, name, reason(error))
        return named

    def _put_manifest(self, names: list[str]) -> None:
        content = json.dumps({"files": [{"path": name} for name in names if name != MANIFEST]}).encode()
        target = self.path.rstrip("/")
        self.location.store.make_directory(target)
        self.location.store.write(f"{target}/{MANIFEST}", content)


def _is_ours(name: str) -> bool:
    *folders, last = name.split("/")
    return all("=" in folder for folder in folders) and (last == MANIFEST or bool(_PART.fullmatch(last)))


def _with_token(final: str, token: str) -> str:
    folder, slash, name = final.rpartition("/")
    stem, dot, suffix = name.partition(".")
    return f"{folder}{slash}{stem}-{token}{dot}{suffix}"


def _exchanged(first: Path, second: Path) -> bool:
    """Exchange two directories in one step; return False where the system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(first), _HERE, os.fsencode(second), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NO_EXCHANGE:
        return False
    raise OSError(number, os.strerror(number), str(second))
