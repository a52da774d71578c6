"""Models on disk: a directory of JSON, arrays and a booster, with a checksum each and nothing that can execute.

Layout: ``model.json`` (format, version, class, configuration, checksums), ``arrays.npz`` (read without pickle), and
further files such as ``booster.ubj``. A model appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..engine.errors import WriteError
from .errors import ModelFileError

FORMAT, VERSION = "volley-model", 1
_HEADER, _ARRAYS = "model.json", "arrays.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelState:
    """A fitted model as plain data.

    Parameters
    ----------
    kind
        Name of the class that can be restored from this.
    config
        What JSON can hold.
    arrays
        Numeric arrays by name.
    files
        Contents of further files by file name.
    """

    kind: str
    config: dict[str, Any]
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


def save_state(path: str | os.PathLike[str], state: ModelState) -> None:
    """Write a model to a directory, replacing a model that is there.

    Raises
    ------
    WriteError
        When the directory holds something other than a model, or cannot be written.
    """
    target = Path(path)
    if target.exists() and not _is_replaceable(target):
        raise WriteError(f"{target} exists and is not a saved model; choose another directory")
    contents = dict(state.files)
    if state.arrays:
        contents[_ARRAYS] = _pack(state.arrays)
    header: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "class": state.kind,
        "config": state.config,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(contents.items())},
    }
    header["checksum"] = _checksum(header)
    contents[_HEADER] = json.dumps(header, indent=2, allow_nan=False).encode()
    try:
        _publish(target, contents)
    except OSError as error:
        raise WriteError(f"cannot save the model to {target}: {error.strerror or error}") from error


def load_state(path: str | os.PathLike[str]) -> ModelState:
    """Read a model's data back, checking every file.

    Raises
    ------
    ModelFileError
        When a file is missing or changed, or the model was written by a newer version.
    """
    source = Path(path)
    header = _read_header(source)
    contents = {}
    for name, expected in header["sha256"].items():
        if Path(name).name != name:
            raise ModelFileError(f"{source / _HEADER} names a file outside the model: {name!r}")
        data = _read(source / name)
        if hashlib.sha256(data).hexdigest() != expected:
            raise ModelFileError(f"{source / name} was changed after the model was saved; save the model again")
        contents[name] = data
    packed = contents.pop(_ARRAYS, None)
    arrays = {} if packed is None else _unpack(source, packed)
    return ModelState(kind=header["class"], config=header["config"], arrays=arrays, files=contents)


def array_to_bytes(values: pa.Array) -> bytes:
    """Store an Arrow array of any type, as an IPC stream of one column."""
    sink = pa.BufferOutputStream()
    batch = pa.record_batch([values], names=["values"])
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


def array_from_bytes(data: bytes) -> pa.Array:
    """Restore what `array_to_bytes` stored."""
    return pa.ipc.open_stream(data).read_all()["values"].combine_chunks()


def _read_header(source: Path) -> dict[str, Any]:
    if source.is_file():
        raise ModelFileError(
            f"{source} is a file; a saved model is a folder. Pickles and the like are not read: they can run code"
        )
    if not source.is_dir():
        raise ModelFileError(f"there is no saved model at {source}")
    place = source / _HEADER
    try:
        header = json.loads(_read(place))
    except ValueError as error:
        raise ModelFileError(f"{place} is damaged: {error}") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ModelFileError(f"{place} does not describe a Volley model")
    version = header.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise ModelFileError(
            f"{source} was saved in model format {version}, and this Volley reads up to {VERSION}; update volley-engine"
        )
    if header.pop("checksum", None) != _checksum(header):
        raise ModelFileError(f"{place} was changed after the model was saved; save the model again")
    return header


def _read(place: Path) -> bytes:
    try:
        return place.read_bytes()
    except OSError as error:
        raise ModelFileError(f"cannot read {place}: {error.strerror or error}") from error


def _checksum(header: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(header, sort_keys=True).encode()).hexdigest()


def _pack(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, array in sorted(arrays.items()):
            # A fixed date, so that the same model gives the same bytes.
            with archive.open(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), "w") as entry:
                np.lib.format.write_array(entry, np.asarray(array), allow_pickle=False)
    return bytes(out.getvalue())


def _unpack(source: Path, data: bytes) -> dict[str, npt.NDArray[Any]]:
    stream = io.BytesIO(data)
    try:
        with np.load(stream, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except ValueError as error:
        raise ModelFileError(f"{source / _ARRAYS} is damaged: {error}") from error


def _is_replaceable(target: Path) -> bool:
    return target.is_dir() and ((target / _HEADER).is_file() or not any(target.iterdir()))


def _publish(target: Path, contents: Mapping[str, bytes]) -> None:
    """Write beside the target, then move into its place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as workplace:
        fresh, old = Path(workplace) / "new", Path(workplace) / "old"
        fresh.mkdir()
        for name, data in contents.items():
            (fresh / name).write_bytes(data)
        if target.exists():
            target.rename(old)
        try:
            fresh.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
