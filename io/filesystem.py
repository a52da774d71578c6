"""Finding files: a path, list, glob, directory or fsspec URL becomes a sorted list of files on one file system.

Knows names, sizes and versions of files; must not know what is in them.
"""

from __future__ import annotations

import difflib
import glob
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from ..engine.errors import ConfigError, ReadError

PathLike: TypeAlias = str | os.PathLike[str]

MANIFEST = "_manifest.json"
"""Lists the live files of a data set on a file system that cannot rename a directory in one step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A file system, as something that pickles: opened anew wherever it arrives.

    Attributes
    ----------
    protocol
        fsspec's name of the file system; ``file`` is this machine's, which is used without fsspec.
    options
        fsspec's ``storage_options``.
    """

    protocol: str = "file"
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def is_local(self) -> bool:
        """Whether paths are those of this machine."""
        return self.protocol == "file"

    @property
    def filesystem(self) -> Any:
        """The ``fsspec`` file system (one instance per process and set of options).

        Raises
        ------
        ConfigError
            If the protocol is unknown or its package is not installed.
        """
        import fsspec

        try:
            return fsspec.filesystem(self.protocol, **self.options)
        except (ImportError, ValueError) as error:
            raise ConfigError(f"cannot use {self.protocol}:// paths: {reason(error)}") from error

    def open(self, path: str) -> Any:
        """Return a ``pyarrow.NativeFile`` for reading at any offset."""
        import pyarrow as pa

        try:
            if self.is_local:
                return pa.OSFile(path)
            return pa.PythonFile(self.filesystem.open(path, "rb"), mode="r")
        except OSError as error:
            raise unreadable(self.url(path), error) from error

    def url(self, path: str) -> str:
        """Return the path as people write it."""
        return path if self.is_local else f"{self.protocol}://{path.lstrip('/')}"


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
        Path below the directory or glob that it was found by, with ``/``; a bare name if it was named itself.
    """

    path: str
    size: int
    version: str
    relative: str


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
        return ReadError(f"cannot read {path!r}: permission denied; check the file's owner and mode")
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
        raise ReadError(f"{file.path!r} has changed since it was opened; open it again and repeat the query")


def resolve(
    paths: PathLike | Iterable[PathLike],
    *,
    suffixes: Sequence[str],
    storage_options: Mapping[str, Any] | None = None,
) -> FileSet:
    """Return the files that paths, globs, directories or URLs stand for.

    Parameters
    ----------
    paths
        One path or several; several must lie on one file system.
    suffixes
        Endings, in lower case, of the files to take from directories.
    storage_options
        Passed to fsspec for URLs.

    Raises
    ------
    ReadError
        If nothing is there; the message names the nearest existing name or what the directory holds.
    """
    texts = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    if not texts:
        raise ReadError("no path was given; give a file, directory, glob or URL")
    names = [os.fspath(text) for text in texts]
    places = {_split_url(name, storage_options or {}) for name in names}
    locations = {place.protocol: place for place, _ in places}
    if len(locations) > 1:
        raise ReadError(f"paths on different file systems ({', '.join(sorted(locations))}); read them apart")
    location = next(iter(locations.values()))
    found: list[FileInfo] = []
    for name in names:
        path = _split_url(name, storage_options or {})[1]
        endings = tuple(suffixes)
        found.extend(_expand_local(path, endings) if location.is_local else _expand_remote(location, path, endings))
    name = names[0] if len(names) == 1 else f"{names[0]}, …"
    return FileSet(location=location, files=tuple(found), name=name)


def _split_url(name: str, options: Mapping[str, Any]) -> tuple[Location, str]:
    if "://" not in name and "::" not in name:
        return Location(), str(Path(name).expanduser())
    if name.startswith("file://"):
        return Location(), name.removeprefix("file://")
    protocol, _, path = name.partition("://")
    if "::" in protocol:
        raise ConfigError(f"chained URL {name!r} is not supported; give the inner file's own URL")
    location = Location(protocol=protocol, options=dict(options))
    stripped = location.filesystem._strip_protocol(name)  # noqa: SLF001  # fsspec's documented hook for this
    return location, stripped if isinstance(stripped, str) else path


def split_url(name: PathLike, storage_options: Mapping[str, Any] | None = None) -> tuple[Location, str]:
    """Return the file system of one path or URL and the path on it."""
    return _split_url(os.fspath(name), storage_options or {})


def is_hidden(relative: str) -> bool:
    """Whether any part of a path begins with ``.`` or ``_``: temporary files, markers, manifests."""
    return any(part.startswith((".", "_")) for part in relative.split("/"))


# ------------------------------------------------------------------------------------------ this machine
def _expand_local(path: str, suffixes: tuple[str, ...]) -> list[FileInfo]:
    try:
        if Path(path).is_dir():
            return _local_directory(Path(path), suffixes)
        if Path(path).exists():
            return [_local_info(Path(path), Path(path).name)]
    except OSError as error:
        raise unreadable(path, error) from error
    if glob.has_magic(path):
        return _local_glob(path, suffixes)
    raise ReadError(f"{path!r} does not exist{_nearest(Path(path))}")


def _local_info(path: Path, relative: str) -> FileInfo:
    status = path.stat()
    return FileInfo(path=str(path), size=status.st_size, version=str(status.st_mtime_ns), relative=relative)


def _local_directory(root: Path, suffixes: tuple[str, ...]) -> list[FileInfo]:
    names = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
    if MANIFEST in names:
        names = _listed_in_manifest((root / MANIFEST).read_bytes(), str(root))
    chosen = [n for n in names if n.lower().endswith(suffixes) and not is_hidden(n)]
    if not chosen:
        raise _no_data_files(str(root), names, suffixes)
    return [_local_info(root / name, name) for name in chosen]


def _local_glob(pattern: str, suffixes: tuple[str, ...]) -> list[FileInfo]:
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  # patterns may be absolute
    root = _glob_root(pattern)
    files: list[FileInfo] = []
    for match in matches:
        path = Path(match)
        below = path.relative_to(root).as_posix() if root != Path() else path.as_posix()
        if path.is_dir():
            inner = [p for p in sorted(path.rglob("*")) if p.is_file()]
            inside = [(p, f"{below}/{p.relative_to(path).as_posix()}") for p in inner]
            # a directory that another match lies in would give its files twice
            files.extend(
                _local_info(p, relative)
                for p, relative in inside
                if relative.lower().endswith(suffixes) and str(p) not in matches and not is_hidden(relative)
            )
        elif not is_hidden(path.name):
            files.append(_local_info(path, below))
    if not files:
        where = root if root.is_dir() else None
        tail = f"; {_holds(str(where), [p.name for p in where.iterdir()])}" if where else _nearest(root)
        raise ReadError(f"no file matches {pattern!r}{tail}")
    return sorted({f.path: f for f in files}.values(), key=lambda f: f.path)


def _glob_root(pattern: str) -> Path:
    fixed: list[str] = []
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return Path(*fixed) if fixed else Path()


def _nearest(path: Path) -> str:
    """Say what is nearest to a missing path, as the tail of a message."""
    folder, missing = path.parent, path.name
    while not folder.is_dir() and folder != folder.parent:
        folder, missing = folder.parent, folder.name
    try:
        names = sorted(p.name for p in folder.iterdir())
    except OSError:
        return ""
    near = difflib.get_close_matches(missing, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {str(folder / near[0])!r}?"
    return f"; {_holds(str(folder), names)}"


# ------------------------------------------------------------------------------------------ fsspec stores
def _expand_remote(location: Location, path: str, suffixes: tuple[str, ...]) -> list[FileInfo]:
    fs, url = location.filesystem, location.url(path)
    try:
        if glob.has_magic(path) and not fs.exists(path):
            root = path[: path.index(next(c for c in path if c in "*?["))].rpartition("/")[0]
            matches = fs.glob(path, detail=True)
            details = {n: d for n, d in matches.items() if d.get("type") == "file"}
            if not details:
                raise ReadError(f"no file matches {url!r}")
        elif fs.isdir(path):
            root, details = path, _remote_directory(location, path, suffixes)
        elif fs.exists(path):
            root, details = path.rpartition("/")[0], {path: fs.info(path)}
        else:
            raise ReadError(f"{url!r} does not exist{_nearest_remote(fs, path)}")
    except OSError as error:
        raise unreadable(url, error) from error
    return [_remote_info(name, details[name], root) for name in sorted(details)]


def _remote_directory(location: Location, path: str, suffixes: tuple[str, ...]) -> dict[str, Any]:
    fs, root = location.filesystem, path.rstrip("/")
    details: dict[str, Any] = fs.find(root, detail=True)
    below = {name: name[len(root) :].lstrip("/") for name in details}
    if MANIFEST in below.values():
        listed = set(_listed_in_manifest(fs.cat_file(f"{root}/{MANIFEST}"), location.url(root)))
        below = {name: relative for name, relative in below.items() if relative in listed}
    chosen = {n: details[n] for n, r in below.items() if r.lower().endswith(suffixes) and not is_hidden(r)}
    if not chosen:
        raise _no_data_files(location.url(root), list(below.values()), suffixes)
    return chosen


def _remote_info(name: str, detail: Mapping[str, Any], root: str) -> FileInfo:
    stamps = (detail.get(key) for key in ("ETag", "etag", "version_id", "md5Hash", "mtime", "created"))
    version = str(next((stamp for stamp in stamps if stamp), ""))
    relative = name[len(root) :].lstrip("/") if name.startswith(root) else name.rpartition("/")[2]
    return FileInfo(path=name, size=int(detail["size"] or 0), version=version, relative=relative)


def _nearest_remote(fs: Any, path: str) -> str:
    folder, _, missing = path.rstrip("/").rpartition("/")
    try:
        names = [str(name).rstrip("/").rpartition("/")[2] for name in fs.ls(folder, detail=False)]
    except OSError:
        return ""
    near = difflib.get_close_matches(missing, names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; {_holds(folder, sorted(names))}"


# ------------------------------------------------------------------------------------------ both
def _listed_in_manifest(content: bytes, where: str) -> list[str]:
    import json

    try:
        return sorted(str(entry["path"]) for entry in json.loads(content)["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise ReadError(f"{where}/{MANIFEST} is damaged ({error}); write the data set again") from error


def _no_data_files(root: str, names: Sequence[str], suffixes: Sequence[str]) -> ReadError:
    shown = [name for name in names if not is_hidden(name)]
    return ReadError(f"directory {root!r} has no {' or '.join(suffixes)} files; {_holds('it', shown)}")


def _holds(subject: str, names: Sequence[str]) -> str:
    if not names:
        return f"{subject} is empty"
    return f"{subject} holds {', '.join(sorted(names)[:5])}{', …' if len(names) > 5 else ''}"
