"""A remote file system behind fsspec, so that what its library says reaches people as an `OSError` without credentials.

Knows fsspec's interface; must not know formats or what is in files.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from typing import Any

from ..engine.errors import ConfigError

_HARMLESS = frozenset({"endpoint_url", "region_name", "host", "hostname", "account_name", "project", "protocol"})
"""Options whose values may be shown; of every other one the value may be a credential."""
_SHORTEST_SECRET = 4
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss", "r2"})
WEB = ("http", "https")
_FORBIDDEN = (401, 403)
_NOT_FOUND = (404, 410)
_TRY_LATER = (408, 425, 429)


class Store:
    """The operations on a remote file system that the IO room needs.

    Parameters
    ----------
    filesystem
        Of fsspec.
    protocol
        Its name.
    options
        The ``storage_options`` it was made with, whose values no message shows.
    """

    def __init__(self, filesystem: Any, protocol: str, options: Mapping[str, Any]) -> None:
        self._fs, self._protocol = filesystem, protocol
        self._secrets = tuple(sorted(secrets(options), key=len, reverse=True))

    @property
    def is_object_store(self) -> bool:
        """Whether there are no directories to make, and a copy appears in one step."""
        return self._protocol in _OBJECT_STORES

    @property
    def is_web(self) -> bool:
        """Whether this is a web server."""
        return self._protocol in WEB

    def _call(self, name: str, *arguments: Any, **options: Any) -> Any:
        with self._translating():
            return getattr(self._fs, name)(*arguments, **options)

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            # the HTTP file system calls every failure a missing file and keeps the reason as its cause
            missing = self.is_web and isinstance(error, FileNotFoundError)
            inner = error.__cause__ if missing and isinstance(error.__cause__, Exception) else error
            clean = translated(inner, self._secrets)
            if clean is error:
                raise
            raise clean from None  # the cause would show what was masked

    def info(self, path: str) -> dict[str, Any]:
        """Return name, size, type and whatever else the store says of a path."""
        found: dict[str, Any] = self._call("info", path)
        return found

    def exists(self, path: str) -> bool:
        """Whether something is there."""
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def find(self, path: str) -> dict[str, Any]:
        """Return every file below a path, by name."""
        found: dict[str, Any] = self._call("find", path, detail=True)
        return found

    def glob(self, pattern: str) -> dict[str, Any]:
        """Return what matches a pattern, by name."""
        found: dict[str, Any] = self._call("glob", pattern, detail=True)
        return found

    def names(self, path: str) -> list[str]:
        """Return the last parts of the names in a directory."""
        return [str(name).rstrip("/").rpartition("/")[2] for name in self._call("ls", path, detail=False)]

    def forget(self) -> None:
        """Drop cached listings: other processes write too."""
        self._call("invalidate_cache")

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        content: bytes = self._call("cat_file", path)
        return content

    def write(self, path: str, content: bytes) -> None:
        """Put a small file in one step."""
        self._call("pipe_file", path, content)

    def open(self, path: str, mode: str) -> StoreFile:
        """Return an open file whose errors are translated too."""
        whole = partial(self._call, "cat_file", path) if self.is_web else None
        return StoreFile(self._call("open", path, mode), self._translating, whole)

    def make_directory(self, path: str) -> None:
        """Make a directory and its parents where the store has such things; never a bucket."""
        if not self.is_object_store:
            self._call("makedirs", path, exist_ok=True)

    def move(self, source: str, target: str) -> None:
        """Make a file appear at another place in one step, as far as the store can."""
        self._call("copy" if self.is_object_store else "mv", source, target)

    def remove(self, path: str, *, recursive: bool = False) -> None:
        """Remove a file or everything below a path."""
        self._call("rm", path, recursive=recursive)


class StoreFile:
    """An open remote file, for ``pyarrow.PythonFile``.

    Parameters
    ----------
    handle
        Of fsspec.
    translating
        Context in which errors become `OSError`.
    whole
        How to read all of it, for a server that may give no parts of files.
    """

    def __init__(
        self,
        handle: Any,
        translating: Callable[[], AbstractContextManager[None]],
        whole: Callable[[], bytes] | None = None,
    ) -> None:
        self._handle, self._translating, self._whole = handle, translating, whole

    @property
    def details(self) -> Mapping[str, Any]:
        """What the store said of the file when it was opened; empty where it says nothing."""
        with self._translating():
            return getattr(self._handle, "details", None) or {}

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return bool(self._handle.closed)

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes from the current position."""
        with self._translating():
            data: bytes
            try:
                data = self._handle.read(size)
            except ValueError:  # what fsspec says of a server that gives no parts of files
                if self._whole is None:
                    raise
                position = self._handle.tell()
                self._handle, self._whole = io.BytesIO(self._whole()), None
                self._handle.seek(position)
                data = self._handle.read(size)
            return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move the current position and return it."""
        with self._translating():
            return int(self._handle.seek(offset, whence))

    def tell(self) -> int:
        """Return the current position."""
        return int(self._handle.tell())

    def write(self, data: Any) -> int:
        """Append bytes."""
        with self._translating():
            return int(self._handle.write(data))

    def flush(self) -> None:
        """Do nothing: stores take parts when they are large enough."""

    def close(self) -> None:
        """Finish; a file that was written is there from now on."""
        try:
            with self._translating():
                self._handle.close()
        except OSError:
            with suppress(AttributeError):
                self._handle.closed = True  # or fsspec tries again, some time, in the collector of garbage
            raise


# ------------------------------------------------------------------------------------------ credentials
def secrets(options: Mapping[str, Any]) -> set[str]:
    """Return the texts in ``storage_options`` that no message may show."""
    found: set[str] = set()
    for key, value in options.items():
        if isinstance(value, Mapping):
            found |= secrets(value)
        elif isinstance(value, (list, tuple)):
            found |= {v for v in value if isinstance(v, str)}
        elif isinstance(value, str) and key not in _HARMLESS:
            found.add(value)
    return {value for value in found if len(value) >= _SHORTEST_SECRET}


def public_url(name: str) -> str:
    """Return a URL without user, password, query and fragment; what is no URL stays as it is."""
    scheme, mark, rest = name.partition("://")
    if not mark:
        return name
    authority, slash, path = rest.partition("/")
    authority = authority.rpartition("@")[2]
    if scheme in WEB:
        path = re.split(r"[?#]", path, maxsplit=1)[0]
    return f"{scheme}{mark}{authority}{slash}{path}"


def _is_unreachable(error: Exception, status: object) -> bool:
    """Tell whether a server could not be asked, or said that it cannot answer now; each library has its own classes."""
    if isinstance(status, int) and (status in _TRY_LATER or status >= 500):
        return True
    names = [kind.__name__ for kind in type(error).__mro__]
    return any(word in name for name in names for word in ("Connect", "Timeout", "Disconnected"))


def translated(error: Exception, hidden: tuple[str, ...]) -> Exception:
    """Return an error of a store's library as an `OSError` that shows no credentials; the same one if it is that."""
    said = str(error)
    text = re.sub(r"[a-z][a-z0-9+.-]*://[^\s'\"<>]+", lambda match: public_url(match[0]), said)
    for secret in hidden:
        text = text.replace(secret, "***")
    if isinstance(error, ConfigError) or (isinstance(error, OSError) and text == said):
        return error
    status = getattr(error, "status", None)
    kind: type[OSError] = OSError
    if isinstance(error, FileNotFoundError) or status in _NOT_FOUND:
        kind = FileNotFoundError
    elif isinstance(error, PermissionError) or status in _FORBIDDEN:
        kind = PermissionError
    elif _is_unreachable(error, status):
        kind = ConnectionError
    number = error.errno if isinstance(error, OSError) else None
    return kind(number, text) if number is not None else kind(text or type(error).__name__)
