"""Where a job keeps the results of its steps, so that a run that stopped can go on.

``<output folder>/.work/<step>/`` holds what one finished step made, and ``step.json`` says what it was made from.
A step writes into ``.work/.unfinished-<step>/`` and one rename makes it a finished one: half a result never has its
name.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Self

from ...engine.errors import TemporaryFailure, WriteError

_RECORD = "step.json"
_UNFINISHED = ".unfinished-"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """A finished step.

    ``fingerprint`` covers the step, everything before it and the inputs; ``bytes`` is the size of what it stored;
    ``facts`` is plain data that later steps and the report read; ``files`` maps stored paths to sizes.
    """

    key: str
    name: str
    kind: str
    fingerprint: str
    rows: int | None
    bytes: int
    seconds: float
    facts: Mapping[str, object] = field(default_factory=dict)
    files: Mapping[str, int] = field(default_factory=dict)


class Workspace:
    """The stored steps of one output folder, locked against a second run; use as a context manager."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.root = out / ".work"
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            self.root.mkdir(mode=0o700, exist_ok=True)  # rows of every step, also of those that are not published
            self._lock = (self.root / "lock").open("w")
        except OSError as error:
            raise WriteError(f"the output folder {self.out} cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise TemporaryFailure(
                f"another run is writing to {self.out}; wait for it, or choose another folder with --out"
            ) from None
        self._drop_unfinished()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._lock is not None
        self._lock.close()

    def folder(self, key: str) -> Path:
        """Return the folder of a finished step."""
        return self.root / key

    def record(self, key: str) -> StepRecord:
        """Return the record of a finished step."""
        return StepRecord(**json.loads((self.folder(key) / _RECORD).read_text(encoding="utf-8")))

    def finished(self, key: str, fingerprint: str) -> StepRecord | None:
        """Return the record of a step that was finished from the same things and is still whole, or None."""
        try:
            record = self.record(key)
        except (OSError, ValueError, TypeError):
            return None
        whole = record.files == _sizes(self.folder(key))
        return record if whole and record.fingerprint == fingerprint else None

    @contextmanager
    def unfinished(self, key: str) -> Iterator[Path]:
        """Give an empty folder to write a step into; it is removed unless ``finish`` was called."""
        folder = self.root / (_UNFINISHED + key)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def finish(self, record: StepRecord) -> StepRecord:
        """Make the unfinished step a finished one, in one rename; return the record with the files in it."""
        folder = self.root / (_UNFINISHED + record.key)
        files = _sizes(folder)
        whole = {**asdict(record), "files": files, "bytes": sum(files.values())}
        write_atomically(folder / _RECORD, json.dumps(whole, indent=1, default=str))
        final = self.folder(record.key)
        shutil.rmtree(final, ignore_errors=True)
        folder.replace(final)
        # Read back, so that a fresh result and a reused one are the same plain data.
        return self.record(record.key)

    def keep_only(self, keys: Sequence[str]) -> None:
        """Remove the stored steps that the job no longer has."""
        for folder in self.root.iterdir():
            if folder.is_dir() and folder.name not in keys:
                shutil.rmtree(folder, ignore_errors=True)

    def clear(self) -> None:
        """Forget every stored step."""
        self.keep_only(())

    def _drop_unfinished(self) -> None:
        for folder in self.root.glob(_UNFINISHED + "*"):
            shutil.rmtree(folder, ignore_errors=True)


def write_atomically(path: Path, text: str) -> None:
    """Write a text file so that readers see the old one or the whole new one."""
    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _sizes(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != _RECORD
    }
