"""Models that are fitted, applied and explained in the memory of a GPU, beside the same on the CPU.

On the simulator stand-ins for CuPy and XGBoost's CUDA build take part, so that every line runs; on a GPU the real ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import volley as vl
from tests.support import cuda_libraries
from tests.support.cut_session import CutSession
from tests.support.real_gpu import real_device
from tests.support.simulated_gpu import simulated_device
from volley import ml
from volley.engine.kernels.protocol import Device
from volley.ml import blocks
from volley.ml.linear import logistic

ROWS = 5_000
_random = np.random.default_rng(5)
_a, _b = _random.random(ROWS), _random.integers(0, 9, ROWS)
_c = np.array(["x", "y", "z"])[_random.integers(0, 3, ROWS)]
_signal = 3 * _a + (_b > 4) + (_c == "y") + _random.random(ROWS)
DATA = pa.table(
    {
        "a": pa.array(_a, mask=_random.random(ROWS) < 0.1),
        "b": _b,
        "c": pa.array(_c, mask=_random.random(ROWS) < 0.1),
        "d": pa.array(_b).cast(pa.decimal128(21, 2)),
        "f": pa.array(_random.integers(0, 2, ROWS) == 1),
        "two": pa.array(np.where(_signal > 3, "yes", "no")),
        "three": pa.array(np.digitize(_signal, [2, 3.5]), pa.int32()),
        "number": _signal,
        "w": 1.0 + _random.random(ROWS),
    }
)
LABELS = ("two", "three", "number")
TREES = ml.GradientBoosting(n_trees=8, max_depth=4)
STEPS = (ml.SimpleImputer(), ml.StandardScaler(), ml.OneHotEncoder())


def features(label: str) -> ml.Features:
    return ml.Features(numeric=["a", "b", "d", "f"], categorical=["c"], label=label, weight="w")


def on(session: vl.Session) -> vl.DataFrame:
    return vl.DataFrame(DATA, session=session)


@pytest.fixture
def libraries(device: Device, monkeypatch: pytest.MonkeyPatch) -> Any:
    """XGBoost for CUDA and CuPy: stand-ins on the simulator."""
    if device.name != "gpu":
        return cuda_libraries.install(monkeypatch)
    from volley.ml import cuda

    if why := cuda.trees_refusal():
        pytest.skip(why)
    return None


@pytest.fixture
def arrays(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """CuPy alone, which linear models need."""
    if device.name != "gpu":
        cuda_libraries.install(monkeypatch)
        return
    from volley.ml import cuda

    if why := cuda.arrays_refusal():
        pytest.skip(why)


def assert_same(found: pa.Table, expected: pa.Table, close: float) -> None:
    assert found.column_names == expected.column_names
    for name in expected.column_names:
        if pa.types.is_floating(expected[name].type):
            np.testing.assert_allclose(found[name].to_numpy(), expected[name].to_numpy(), rtol=0, atol=close)
        else:
            assert found[name].equals(expected[name]), name


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("steps", [(), STEPS], ids=["plain", "steps"])
def test_the_rows_stay_on_the_device(
    libraries: Any, session: vl.Session, device: Device, steps: tuple[Any, ...], label: str
) -> None:
    pipeline = ml.Pipeline([*steps, TREES])
    here = pipeline.fit(on(vl.Session(device="cpu")), features(label))
    there = pipeline.fit(on(session), features(label))
    assert there.trained_on == device.name
    assert there.ledger.to_host + there.ledger.to_device < 4096, "counts and categories, and no rows"
    assert there.ledger.copied_bytes == 4 * ROWS * (len(there.preparation.columns) + 2)
    assert there.preparation.columns == here.preparation.columns
    if libraries is not None:
        assert libraries.seen == ["train"]
        assert_same(there.predict(on(session)).to_arrow(), here.predict(on(session)).to_arrow(), 1e-5)
        return
    # XGBoost sketches the features in another way there, so that it tries other cuts: what is lost must be as little.
    lost = [ml.evaluate(model, on(vl.Session(device="cpu"))).metrics for model in (there, here)]
    name = "rmse" if label == "number" else "log_loss"
    assert lost[0][name] == pytest.approx(lost[1][name], rel=0.02)


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("steps", [(), STEPS], ids=["plain", "steps"])
def test_one_model_gives_the_same_on_both(
    libraries: Any, session: vl.Session, steps: tuple[Any, ...], label: str
) -> None:
    cpu = vl.Session(device="cpu")
    model = ml.Pipeline([*steps, TREES]).fit(on(cpu), features(label))
    assert_same(model.predict(on(session)).to_arrow(), model.predict(on(cpu)).to_arrow(), 1e-5)
    assert_same(ml.explain(model, on(session)).to_arrow(), ml.explain(model, on(cpu)).to_arrow(), 1e-4)
    if libraries is not None:
        assert libraries.seen == ["predict", "explain"]


@pytest.mark.parametrize("weight", ["w", None])
@pytest.mark.parametrize("label", LABELS)
def test_linear_models_are_fitted_on_the_device(
    arrays: None, session: vl.Session, device: Device, label: str, weight: str | None
) -> None:
    estimator = ml.Ridge() if label == "number" else ml.LogisticRegression()
    pipeline = ml.Pipeline([*STEPS, estimator])
    wanted = ml.Features(numeric=["a", "b", "d", "f"], categorical=["c"], label=label, weight=weight)
    here = pipeline.fit(on(vl.Session(device="cpu")), wanted)
    there = pipeline.fit(on(session), wanted)
    assert there.trained_on == device.name
    assert there.ledger.to_host + there.ledger.to_device < 4096
    for name in ("coef", "intercept"):
        pair = (getattr(model.core.solution, name) for model in (there, here))
        np.testing.assert_allclose(*pair, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(there.core.mean, here.core.mean, rtol=1e-9, atol=1e-12)


def test_a_linear_fit_names_what_it_cannot_take(arrays: None, session: vl.Session) -> None:
    with pytest.raises(ml.FitError, match=r"feature 'a' is missing, infinite .* in \d+ rows"):
        ml.Ridge().fit(on(session), ml.Features(numeric=["b", "a"], label="number"))


def test_a_fit_of_many_rows_begins_with_a_sample_on_the_device(
    arrays: None, session: vl.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logistic, "WARM_START_ROWS", 100)
    monkeypatch.setattr(blocks, "DEVICE_BLOCK_ROWS", 1000)
    pipeline = ml.Pipeline([*STEPS, ml.LogisticRegression()])
    here = pipeline.fit(on(vl.Session(device="cpu")), features("two"))
    there = pipeline.fit(on(session), features("two"))
    np.testing.assert_allclose(there.core.solution.coef, here.core.solution.coef, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("label", LABELS)
def test_linear_models_are_applied_on_the_device(arrays: None, session: vl.Session, label: str) -> None:
    cpu = vl.Session(device="cpu")
    estimator = ml.Ridge() if label == "number" else ml.LogisticRegression()
    model = ml.Pipeline([*STEPS, estimator]).fit(on(cpu), features(label))
    assert_same(model.predict(on(session)).to_arrow(), model.predict(on(cpu)).to_arrow(), 1e-9)
    assert_same(ml.explain(model, on(session)).to_arrow(), ml.explain(model, on(cpu)).to_arrow(), 1e-9)


def test_a_linear_model_names_what_it_cannot_take(arrays: None, session: vl.Session) -> None:
    bare = ml.Features(numeric=["b"], label="number")
    model = ml.Ridge().fit(on(vl.Session(device="cpu")), bare)
    rows = vl.DataFrame(pa.table({"b": [1.0, None, 2.0]}), session=session)
    for asked in (model.predict(rows), ml.explain(model, rows)):
        with pytest.raises(ml.PredictError, match=r"feature 'b' is missing, infinite .* in 1 rows"):
            asked.to_arrow()


@pytest.mark.parametrize("label", LABELS)
def test_evaluation_is_summed_up_on_the_device(libraries: Any, session: vl.Session, device: Device, label: str) -> None:
    model = ml.GradientBoosting(n_trees=30, max_depth=6).fit(on(vl.Session(device="cpu")), features(label))
    scored = on(vl.Session(device="cpu"))
    scored = vl.DataFrame(model.predict(scored).to_arrow(), session=scored.session)  # the same scores for both
    resident = vl.DataFrame(scored.to_arrow(), session=session)
    before = device.account
    there = ml.evaluate(model, resident)
    after = device.account
    here = ml.evaluate(model, scored)
    assert there.metrics == pytest.approx(here.metrics, rel=1e-9)
    assert (there.task, there.rows) == (here.task, here.rows)
    assert before is not None
    assert after is not None
    assert after.since(before).to_host < 48 * 1024, "sums and corners"
    if label == "two":
        assert there.roc is not None
        assert here.roc is not None
        corners = [np.column_stack((r.thresholds, r.fpr, r.tpr)) for r in (there.roc, here.roc)]
        np.testing.assert_allclose(*corners, rtol=1e-9)
        for name in ("predicted", "observed", "weight"):
            pair = (getattr(one.calibration, name) for one in (there, here))
            np.testing.assert_allclose(*pair, rtol=1e-9)
        assert there.confusion is not None
        assert there.confusion.f1 == pytest.approx(here.metrics["f1"])


def test_what_cannot_be_evaluated_is_told_by_the_host(libraries: Any, session: vl.Session) -> None:
    model = TREES.fit(on(vl.Session(device="cpu")), features("two"))
    for position, label, message in ((5, "maybe", "label 'two' holds 'maybe'"), (8, None, "weight 'w' is null in 1 ")):
        values = [label, *DATA.column(position).to_pylist()[1:]]
        rows = DATA.set_column(position, DATA.column_names[position], pa.array(values, DATA.schema.types[position]))
        with pytest.raises(ml.FitError, match=message):
            ml.evaluate(model, vl.DataFrame(rows, session=session))


def test_only_the_answer_crosses(libraries: Any, session: vl.Session) -> None:
    model = TREES.fit(on(session), features("two"))
    scored = model.predict(on(session))
    scored = scored[scored.score >= 0.0].groupby("c").agg(mean=("score", "mean"))
    moved = session.run(scored.plan).metrics.bus.moved
    assert moved is not None
    assert moved.to_host < 4096
    before = DATA.select(["a", "b", "c", "d", "f"]).nbytes
    assert moved.to_device < before + 4096
    explained = ml.explain(model, on(session)).groupby("b").agg(mean=("phi_a", "mean"))
    moved = session.run(explained.plan).metrics.bus.moved
    assert moved is not None
    shap = 4 * ROWS * (len(features("two").names) + 1)  # which XGBoost gives in the host's memory
    assert shap <= moved.to_host < shap + 4096
    assert shap <= moved.to_device < shap + before + 4096


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant"])
def test_what_steps_learn_on_the_device(libraries: Any, session: vl.Session, strategy: Any) -> None:
    imputer = ml.SimpleImputer(strategy=strategy, fill_value=0.5 if strategy == "constant" else None)
    pipeline = ml.Pipeline([imputer, ml.MinMaxScaler(), TREES])
    here = pipeline.fit(on(vl.Session(device="cpu")), features("two")).preparation
    there = pipeline.fit(on(session), features("two")).preparation
    for mine, theirs in zip(here.steps, there.steps, strict=True):
        for name in mine.__dataclass_fields__:
            np.testing.assert_allclose(getattr(theirs, name), getattr(mine, name), rtol=1e-6)
    assert [e.categories.values for e in there.encoders] == [e.categories.values for e in here.encoders]


def _bad(**columns: Any) -> pa.Table:
    return pa.table({"x": np.arange(6.0), "y": np.arange(6) % 2, "w": np.ones(6), **columns})


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (_bad(y=pa.array([0, None, 1, 0, 1, None])), "label 'y' is null in 2 of 6 rows"),
        (_bad(y=np.zeros(6, int)), "one class only"),
        (_bad(y=np.array([0.5, np.nan, 1, 0, 1, np.inf])), "label 'y' is NaN or infinite in 2 rows"),
        (_bad(w=pa.array([1.0, None, 1, 1, 1, None])), "weight 'w' is null in 2 rows"),
        (_bad(w=np.array([1.0, np.nan, 1, 1, 1, 1])), "weight 'w' is NaN or infinite in 1 rows"),
        (_bad(w=np.array([-1.0, 1, 1, 1, 1, -1])), "negative in 2 rows"),
        (_bad(w=np.zeros(6)), "zero in every row"),
        (_bad().slice(0, 0), "no rows to fit GradientBoosting"),
    ],
)
def test_what_cannot_be_learned_from(libraries: Any, session: vl.Session, rows: pa.Table, message: str) -> None:
    with pytest.raises(ml.FitError, match=message):
        TREES.fit(vl.DataFrame(rows, session=session), ml.Features(numeric=["x"], label="y", weight="w"))


def test_parts_on_devices_train_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the simulator alone: each part of a real cluster has a GPU of its own."""
    device = simulated_device()
    libraries = cuda_libraries.install(monkeypatch)
    whole = ml.Features(numeric=["b", "d"], categorical=["c"], label="three", weight="w")
    here = TREES.fit(on(vl.Session(device="cpu")), whole)
    there = TREES.fit(on(CutSession(3, device)), whole)
    assert libraries.seen == ["train"] * 3
    cpu = vl.Session(device="cpu")
    assert_same(there.predict(on(cpu)).to_arrow(), here.predict(on(cpu)).to_arrow(), 1e-5)
    assert there.ledger.copied_bytes == 4 * ROWS * 5
    assert there.ledger.to_host + there.ledger.to_device < 3 * 3 * 4096


@pytest.mark.gpu
def test_workers_train_on_their_gpus() -> None:
    pytest.importorskip("dask_cuda")
    from volley.ml import cuda

    device = real_device()
    if why := cuda.trees_refusal():
        pytest.skip(why)
    with vl.Session(device=device, cluster="local-gpu") as session:
        model = TREES.fit(on(session), features("two"))
        assert model.trained_on == "gpu"
        assert ml.evaluate(model, on(session)).metrics["auc"] > 0.9
