"""Saved models: round trip, atomic replacement, and everything that must be refused."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from volley import ml
from volley.engine.errors import WriteError
from volley.ml.errors import ModelFileError
from volley.ml.persist import ModelState, array_from_bytes, array_to_bytes, load_state, save_state

STATE = ModelState(
    kind="Ridge",
    config={"alpha": 1.0, "names": ["a", "é"]},
    arrays={"coef": np.arange(3.0), "table": np.eye(2, dtype=np.float32)},
    files={"booster.ubj": b"\x00\x01"},
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_state(tmp_path / "deep" / "model", STATE)
    return tmp_path / "deep" / "model"


def test_round_trip(saved: Path) -> None:
    back = load_state(saved)
    assert (back.kind, back.config, back.files) == (STATE.kind, STATE.config, STATE.files)
    assert set(back.arrays) == set(STATE.arrays)
    for name, array in STATE.arrays.items():
        np.testing.assert_array_equal(back.arrays[name], array)
        assert back.arrays[name].dtype == array.dtype
    assert sorted(p.name for p in saved.parent.iterdir()) == ["model"]


def test_a_model_replaces_a_model_and_is_reproducible(saved: Path) -> None:
    before = {p.name: p.read_bytes() for p in saved.iterdir()}
    save_state(saved, STATE)
    assert {p.name: p.read_bytes() for p in saved.iterdir()} == before
    save_state(saved, ModelState(kind="Other", config={}))
    assert load_state(saved).kind == "Other"
    assert sorted(p.name for p in saved.iterdir()) == ["model.json"]


def test_other_peoples_directories_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(WriteError, match="not a saved model"):
        save_state(tmp_path, STATE)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(WriteError, match="not a saved model"):
        save_state(file, STATE)
    with pytest.raises(WriteError, match="cannot save the model"):
        save_state(file / "below", STATE)


@pytest.mark.parametrize("name", ["arrays.npz", "booster.ubj"])
def test_a_changed_file_is_refused(saved: Path, name: str) -> None:
    data = bytearray((saved / name).read_bytes())
    data[-1] ^= 1
    (saved / name).write_bytes(data)
    with pytest.raises(ModelFileError, match=rf"{name} was changed"):
        load_state(saved)


@pytest.mark.parametrize("name", ["arrays.npz", "model.json"])
def test_a_missing_file_is_refused(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(ModelFileError, match=rf"cannot read .*{name}"):
        load_state(saved)


def test_changed_configuration_is_refused(saved: Path) -> None:
    header = json.loads((saved / "model.json").read_text())
    header["config"]["alpha"] = 2.0
    (saved / "model.json").write_text(json.dumps(header))
    with pytest.raises(ModelFileError, match=r"model\.json was changed"):
        load_state(saved)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is damaged"),
        ("[]", "does not describe"),
        ('{"format": "onnx"}', "does not describe"),
        ('{"format": "volley-model", "version": 99}', "saved in model format 99.*update"),
        ('{"format": "volley-model"}', "model format None"),
    ],
)
def test_strange_headers_are_refused(saved: Path, text: str, words: str) -> None:
    (saved / "model.json").write_text(text)
    with pytest.raises(ModelFileError, match=words):
        load_state(saved)


def test_no_model_there(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no saved model"):
        load_state(tmp_path / "nothing")


def test_objects_are_never_stored(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        save_state(tmp_path / "m", ModelState(kind="x", config={}, arrays={"a": np.array([{}], dtype=object)}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "values", [pa.array(["a", None, "ü"]), pa.array([1, 2], pa.int8()), pa.array([], pa.timestamp("us", "UTC"))]
)
def test_arrow_arrays_keep_their_type(values: pa.Array) -> None:
    assert array_from_bytes(array_to_bytes(values)).equals(values)


class Payload:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return (Path.touch, (self.mark,))


def test_a_pickle_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(Payload(tmp_path / "executed")))
    with pytest.raises(ModelFileError, match=r"a saved model is a folder. Pickles and the like are not read"):
        ml.load(tmp_path / "model.pkl")
    assert not (tmp_path / "executed").exists()


def test_objects_in_a_model_are_refused_though_all_checksums_are_right(tmp_path: Path, saved: Path) -> None:
    np.savez(saved / "arrays.npz", coef=np.array([Payload(tmp_path / "executed")], dtype=object))
    sign(saved)
    with pytest.raises(ModelFileError, match=r"arrays.npz is damaged: Object arrays cannot be loaded"):
        load_state(saved)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd"])
def test_files_outside_of_a_model_are_not_read(saved: Path, name: str) -> None:
    header = json.loads((saved / "model.json").read_text())
    header["sha256"][name] = "0"
    (saved / "model.json").write_text(json.dumps(header))
    sign(saved)
    with pytest.raises(ModelFileError, match="names a file outside the model"):
        load_state(saved)


def test_classes_are_taken_from_a_list(saved: Path) -> None:
    """What a model says of its steps is a name to look up, nothing to import."""
    header = json.loads((saved / "model.json").read_text())
    with pytest.raises(ModelFileError, match="holds a 'Ridge', which this Volley does not know"):
        ml.load(saved)
    header |= {"class": "Model", "config": {"core": {"class": "os.system"}, "task": "binary"}}
    (saved / "model.json").write_text(json.dumps(header))
    sign(saved)
    with pytest.raises(ModelFileError, match=r"class 'os.system', which this Volley does not know"):
        ml.load(saved)


def sign(saved: Path) -> None:
    """Put right checksums into a model that was changed, as somebody who means harm would."""
    header = json.loads((saved / "model.json").read_text())
    header.pop("checksum")
    for name in header["sha256"]:
        if (saved / name).is_file() and Path(name).name == name:
            header["sha256"][name] = hashlib.sha256((saved / name).read_bytes()).hexdigest()
    header["checksum"] = hashlib.sha256(json.dumps(header, sort_keys=True).encode()).hexdigest()
    (saved / "model.json").write_text(json.dumps(header))
