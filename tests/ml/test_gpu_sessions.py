"""Fits and predictions of a GPU session where the host must do them: it says why, and gives the CPU's answers."""

from __future__ import annotations

import pyarrow as pa
import pytest

import volley as vl
from tests.support import cuda_libraries
from tests.support.simulated_gpu import simulated_session
from volley import ml
from volley.engine.errors import UnsupportedOperation

from . import census

ROWS = census.table(400, missing=0.1)
FEATURES = census.features("employed", None)
TREES = ml.GradientBoosting(n_trees=3)


def reason(asked: vl.DataFrame) -> str:
    lines = asked.explain("physical").splitlines()
    return next((line.partition("on the cpu ")[2] for line in lines if "on the cpu" in line), "")


def test_the_host_trains_where_no_library_can() -> None:
    session = simulated_session()
    frame = vl.DataFrame(ROWS, session=session)
    here = TREES.fit(census.frame(ROWS), FEATURES)
    there = TREES.fit(frame, FEATURES)
    assert there.core.raw == here.core.raw
    assert there.trained_on == "cpu (other libraries cannot look into a simulated GPU)"
    assert here.trained_on == "cpu"
    asked = there.predict(frame)
    assert reason(asked).startswith("predict(GradientBoosting): other libraries cannot look into a simulated GPU")
    assert asked.to_arrow().equals(here.predict(census.frame(ROWS)).to_arrow())
    strict = simulated_session(cpu_fallback=False)
    with pytest.raises(UnsupportedOperation, match="cannot compute predict"):
        there.predict(vl.DataFrame(ROWS, session=strict)).to_arrow()


def test_the_cpu_build_of_xgboost_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    libraries = cuda_libraries.install(monkeypatch)
    monkeypatch.setattr(libraries, "build_info", lambda: {"USE_CUDA": False})
    model = TREES.fit(vl.DataFrame(ROWS, session=simulated_session()), FEATURES)
    assert "XGBoost is its CPU build (pip uninstall xgboost-cpu, then pip install xgboost)" in model.trained_on


def test_what_an_encoder_must_tell_is_encoded_on_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda_libraries.install(monkeypatch)
    frame = vl.DataFrame(ROWS, session=simulated_session())
    checked = ml.Pipeline([ml.OrdinalEncoder(unknown="error"), TREES]).fit(frame, FEATURES)
    assert "raises for what it does not know" in reason(checked.predict(frame))
    plain = TREES.fit(frame, FEATURES)
    assert reason(plain.predict(frame)) == ""
    name = FEATURES.categorical[0]
    position = ROWS.column_names.index(name)
    dates = ROWS.set_column(position, name, pa.array(["2020-01-01"] * len(ROWS)).cast(pa.date32()))
    changed = vl.DataFrame(dates, session=simulated_session())
    assert "is date and was int8 in the fit" in reason(plain.predict(changed))
