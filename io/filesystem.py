"""Where files are: a path or fsspec URL is a place on a file system, whose files may change while a query runs.

Must not know what is in files, nor which of them make a table.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, TypeAlias

from ..engine.errors import ConfigError, ReadError
from ..engine.records import dataclass
from .store import Store, public_url, secrets, translated

PathLike: TypeAlias = str | os.PathLike[str]

MANIFEST = "_manifest.json"
"""Lists the live files of a data set on a file system that cannot rename a directory in one step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """One file as it was when it was found.

    Attributes
    ----------
    path
        Path on its file system.
    size
        Bytes.
    version
        Changes when the file is replaced: modification time in nanoseconds or what the store offers.
    relative
        Path below the directory or glob that it was found by, with ``/``; a bare name if it was named itself. Partition
        directories right above (``year=2024/``) are part of it.
    """

    path: str
    size: int
    version: str
    relative: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A file system, as something that pickles: opened anew wherever it arrives.

    Attributes
    ----------
    protocol
        fsspec's name of the file system; ``file`` is this machine's, which is used without fsspec.
    options
        fsspec's ``storage_options``; never shown, since credentials are among them.
    prefix
        What stands before a path in a URL, without user and password: ``s3://``, ``sftp://host``.
    """

    protocol: str = "file"
    options: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)
    prefix: str = ""

    @property
    def is_local(self) -> bool:
        """Whether paths are those of this machine."""
        return self.protocol == "file"

    @property
    def is_of_process(self) -> bool:
        """Whether nobody but this process has its files."""
        return self.protocol == "memory"

    @property
    def store(self) -> Store:
        """The remote file system.

        Raises
        ------
        ConfigError
            If the protocol is unknown, its package is not installed or it does not take the options.
        """
        import fsspec

        try:
            return Store(fsspec.filesystem(self.protocol, **self.options), self.protocol, self.options)
        except Exception as error:  # noqa: BLE001  # each file system refuses options in its own way
            said = reason(translated(error, tuple(secrets(self.options))))
            hint = "" if isinstance(error, (ImportError, ValueError)) else "; check storage_options"
            raise ConfigError(f"cannot use {self.protocol}:// paths: {said}{hint}") from None

    def open(self, path: str) -> Any:
        """Return a ``pyarrow.NativeFile`` for reading at any offset."""
        import pyarrow as pa

        try:
            return pa.OSFile(path) if self.is_local else pa.PythonFile(self.store.open(path, "rb"), mode="r")
        except OSError as error:
            raise unreadable(self.url(path), error) from error

    def open_unchanged(self, file: FileInfo) -> Any:
        """Return a file as `open` does, having made sure that it is still the one that was found.

        Raises
        ------
        ReadError
            If it is not, or cannot be opened.
        """
        if self.is_local:
            check_unchanged(self, file)
            return self.open(file.path)
        import pyarrow as pa

        url = self.url(file.path)
        try:
            handle = self.store.open(file.path, "rb")
            now = handle.details
        except OSError as error:
            raise unreadable(url, error) from error
        seen = (file.version, file.size)
        if now and (version_of(now) or file.version, now.get("size", file.size)) != seen and file.version:
            handle.close()
            raise changed(url)
        return pa.PythonFile(handle, mode="r")

    def url(self, path: str) -> str:
        """Return the path as people write it, without credentials."""
        return path if self.is_local else public_url(self.prefix + path)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSet:
    """Sorted files on one file system, and how the user named them."""

    location: Location
    files: tuple[FileInfo, ...]
    name: str

    @property
    def label(self) -> str:
        """The name, with the number of files where there are several."""
        return self.name if len(self.files) == 1 else f"{self.name} ({len(self.files)} files)"

    def url(self, file: FileInfo) -> str:
        """Return a file's path as people write it."""
        return self.location.url(file.path)


def reason(error: Exception) -> str:
    """Return a library's message as part of one line."""
    return " ".join(str(error).split()).rstrip(".")


def unreadable(path: str, error: Exception) -> ReadError:
    """Return the error for a path that the operating system or store refuses."""
    if isinstance(error, PermissionError):
        remedy = "check the credentials in storage_options" if "://" in path else "check the file's owner and mode"
        return ReadError(f"cannot read {path!r}: permission denied; {remedy}")
    if isinstance(error, FileNotFoundError):
        return ReadError(f"{path!r} has gone; it was there when the query was planned: run it again")
    if isinstance(error, IsADirectoryError):
        return ReadError(f"cannot read {path!r}: it is a directory")
    return ReadError(f"cannot read {path!r}: {reason(error)}")


def check_unchanged(location: Location, file: FileInfo) -> None:
    """Raise `ReadError` if a file of this machine is no longer the one that the query was planned with."""
    if not location.is_local:
        return
    try:
        status = os.stat(file.path)  # noqa: PTH116  # a path object would only be thrown away
    except OSError as error:
        raise unreadable(file.path, error) from error
    if (status.st_size, str(status.st_mtime_ns)) != (file.size, file.version):
        raise changed(file.path)


def changed(url: str) -> ReadError:
    """Return the error for a file that is no longer the one that the query was planned with."""
    return ReadError(f"{url!r} has changed since it was opened; open it again and repeat the query")


def version_of(detail: Mapping[str, Any]) -> str:
    """Return what a store says of a file that changes when the file is replaced; empty where it says nothing."""
    stamps = (detail.get(key) for key in ("ETag", "etag", "version_id", "md5Hash", "mtime", "created"))
    return str(next((stamp for stamp in stamps if stamp), ""))


def split_url(name: PathLike, storage_options: Mapping[str, Any] | None = None) -> tuple[Location, str]:
    """Return the file system of one path or URL and the path on it.

    Raises
    ------
    ConfigError
        If the URL's protocol is unknown or its package is not installed.
    """
    text = os.fspath(name)
    if "://" not in text and "::" not in text:
        return Location(), str(Path(text).expanduser())
    if text.startswith("file://"):
        return Location(), text.removeprefix("file://")
    protocol = text.partition("://")[0]
    if "::" in protocol:
        raise ConfigError(f"chained URL {public_url(text)!r} is not supported; give the inner file's own URL")
    import fsspec

    try:
        kind = fsspec.get_filesystem_class(protocol)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"cannot use {protocol}:// paths: {reason(error)}") from error
    # fsspec's documented hooks: what is path and what is an option (host, user, …) in a URL of this kind
    options = {**kind._get_kwargs_from_urls(text), **(storage_options or {})}  # noqa: SLF001
    path = str(kind._strip_protocol(text))  # noqa: SLF001
    before = text.partition(path)[0] if path and path in text else f"{protocol}://"
    return Location(protocol=protocol, options=options, prefix=public_url(before)), path
