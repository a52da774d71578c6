"""Saved models: round trip, atomic replacement, and everything that must be refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

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
