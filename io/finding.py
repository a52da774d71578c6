"""Finding files: a path, list, glob, directory or fsspec URL becomes a sorted list of files on one file system.

Knows names, sizes and versions of files; must not know what is in them.
"""

from __future__ import annotations

import difflib
import glob
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ..engine.errors import ReadError
from .compression import compression_of
from .filesystem import MANIFEST, FileInfo, FileSet, Location, PathLike, split_url, unreadable, version_of
from .store import WEB, public_url


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
    places = [split_url(name, storage_options) for name in names]
    location = places[0][0]
    if any(place != location for place, _ in places):
        by_protocol = {place.protocol for place, _ in places}
        shown = sorted(by_protocol if len(by_protocol) > 1 else {place.prefix for place, _ in places})
        raise ReadError(f"paths on different file systems ({', '.join(shown)}); read them apart")
    if not location.is_local:
        location.store.forget()
    expand = _expand_local if location.is_local else partial(_expand_remote, location)
    found = [_with_keys_above(file) for _, path in places for file in expand(path, tuple(suffixes))]
    first = names[0] if location.is_local else public_url(names[0])
    return FileSet(location=location, files=tuple(found), name=first if len(names) == 1 else f"{first}, …")


def _with_keys_above(file: FileInfo) -> FileInfo:
    """Add the partition directories above to where a file was found, as when one of them was named by itself."""
    above = file.path.removesuffix(file.relative).rstrip("/").split("/")
    first = len(above)
    while first and "=" in above[first - 1]:
        first -= 1
    return replace(file, relative="/".join((*above[first:], file.relative))) if first < len(above) else file


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
        if glob.has_magic(path):
            return _local_glob(path, suffixes)
    except OSError as error:
        raise unreadable(path, error) from error
    raise ReadError(f"{path!r} does not exist{_nearest(Path(path))}")


def _local_info(path: Path, relative: str) -> FileInfo:
    status = path.stat()
    return FileInfo(path=str(path), size=status.st_size, version=str(status.st_mtime_ns), relative=relative)


def files_below(root: Path) -> Iterator[Path]:
    """Yield every file below a directory.

    Raises
    ------
    OSError
        If a directory cannot be looked into: what is in it would be missing without a word.
    """

    def refuse(error: OSError) -> None:
        raise error

    for folder, _, names in os.walk(root, onerror=refuse):
        yield from (Path(folder, name) for name in names)


def _local_directory(root: Path, suffixes: tuple[str, ...]) -> list[FileInfo]:
    names = sorted(p.relative_to(root).as_posix() for p in files_below(root))
    if MANIFEST in names:
        names = _listed_in_manifest((root / MANIFEST).read_bytes(), str(root))
    chosen = [n for n in names if n.lower().endswith(suffixes) and not is_hidden(n)]
    if not chosen:
        raise _no_data_files(str(root), names, suffixes)
    return [_local_info(root / name, name) for name in chosen]


def _local_glob(pattern: str, suffixes: tuple[str, ...]) -> list[FileInfo]:
    root = _glob_root(pattern)
    names = sorted(p.name for p in root.iterdir()) if root.is_dir() else None  # glob is silent where it may not look
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  # patterns may be absolute
    files: list[FileInfo] = []
    for match in matches:
        path = Path(match)
        below = path.relative_to(root).as_posix() if root != Path() else path.as_posix()
        if path.is_dir():
            inside = [(p, f"{below}/{p.relative_to(path).as_posix()}") for p in sorted(files_below(path))]
            # a directory that another match lies in would give its files twice
            files.extend(
                _local_info(p, relative)
                for p, relative in inside
                if relative.lower().endswith(suffixes) and str(p) not in matches and not is_hidden(relative)
            )
        elif not is_hidden(path.name):
            files.append(_local_info(path, below))
    if not files:
        tail = _nearest(root) if names is None else f"; {_holds(str(root), names)}"
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
    store, url = location.store, location.url(path)
    is_web = location.protocol in WEB
    try:
        try:
            here = store.info(path)
        except FileNotFoundError:
            here = {}
        if here.get("type") == "directory" or (here and is_web and path.endswith("/")):
            root, details = path, _remote_directory(location, path, suffixes)
        elif here:
            root, details = path.rpartition("/")[0], {path: here}
        elif has_magic(path, is_web=is_web):
            root, details = _remote_glob(location, path, suffixes)
        else:
            raise ReadError(f"{url!r} does not exist{_nearest_remote(location, path)}")
    except OSError as error:
        raise unreadable(url, error) from error
    return [_remote_info(location, name, details[name], root) for name in sorted(details)]


def has_magic(path: str, *, is_web: bool) -> bool:
    """Whether a path is a pattern; in a web address ``?`` begins a query and ``[`` an IPv6 host."""
    return "*" in path if is_web else glob.has_magic(path)


def _remote_glob(location: Location, pattern: str, suffixes: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    root = pattern[: pattern.index(next(c for c in pattern if c in "*?["))].rpartition("/")[0]
    found: dict[str, Any] = {}
    for name, detail in location.store.glob(pattern).items():
        if detail.get("type") == "directory":
            inside = {n: d for n, d in location.store.find(name).items() if n.lower().endswith(suffixes)}
            found.update({n: d for n, d in inside.items() if not is_hidden(n[len(root) :].lstrip("/"))})
        elif not is_hidden(name.rpartition("/")[2]):
            found[name] = detail
    live = _live_files(location, root)
    shown = {name: detail for name, detail in found.items() if live is None or name in live}
    if not shown:
        raise ReadError(f"no file matches {location.url(pattern)!r}{_nearest_remote(location, f'{root}/')}")
    return root, shown


def _remote_directory(location: Location, path: str, suffixes: tuple[str, ...]) -> dict[str, Any]:
    root = path.rstrip("/")
    details = location.store.find(root)
    live = _live_files(location, root)
    below = {n: n[len(root) :].lstrip("/") for n in details if live is None or n in live}
    chosen = {n: details[n] for n, r in below.items() if r.lower().endswith(suffixes) and not is_hidden(r)}
    if not chosen:
        raise _no_data_files(location.url(root), list(below.values()), suffixes)
    return chosen


def _live_files(location: Location, root: str) -> set[str] | None:
    """Return the files that the manifest of the data set around a directory lists, or None where there is none."""
    store = location.store
    while True:
        if store.exists(f"{root}/{MANIFEST}"):
            return {
                f"{root}/{name}" for name in _listed_in_manifest(store.read(f"{root}/{MANIFEST}"), location.url(root))
            }
        root, _, last = root.rpartition("/")
        if "=" not in last:
            return None


def _remote_info(location: Location, name: str, detail: Mapping[str, Any], root: str) -> FileInfo:
    if detail.get("size") is None:
        detail = location.store.info(name)  # listings of web servers tell names only
    if detail.get("size") is None:
        raise ReadError(f"the server does not say how long {location.url(name)!r} is; download it and read the copy")
    relative = name[len(root) :].lstrip("/") if name.startswith(root) else name.rpartition("/")[2]
    return FileInfo(path=name, size=int(detail["size"]), version=version_of(detail), relative=relative)


def _nearest_remote(location: Location, path: str) -> str:
    folder, _, missing = path.rpartition("/") if path.endswith("/") else path.rstrip("/").rpartition("/")
    try:
        names = sorted(location.store.names(folder))
    except OSError:
        return ""
    near = difflib.get_close_matches(missing, names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; {_holds(location.url(folder), names)}"


# ------------------------------------------------------------------------------------------ both
def _listed_in_manifest(content: bytes, where: str) -> list[str]:
    import json

    try:
        return sorted(str(entry["path"]) for entry in json.loads(content)["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise ReadError(f"{where}/{MANIFEST} is damaged ({error}); write the data set again") from error


def _no_data_files(root: str, names: Sequence[str], suffixes: Sequence[str]) -> ReadError:
    shown = [name for name in names if not is_hidden(name)]
    endings = [suffix for suffix in suffixes if not compression_of(suffix)]
    return ReadError(f"directory {root!r} has no {' or '.join(endings)} files; {_holds('it', shown)}")


def _holds(subject: str, names: Sequence[str]) -> str:
    if not names:
        return f"{subject} is empty"
    return f"{subject} holds {', '.join(sorted(names)[:5])}{', …' if len(names) > 5 else ''}"
