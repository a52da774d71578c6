"""Models are trained on the workers that hold the rows, and predict, explain and are audited there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import volley as vl
from tests.ml import census
from tests.support.clusters import in_small_tasks, started
from tests.support.faults import FIT_MOMENTS, arm
from tests.support.workers import let_parts_go, remains, wait_until
from volley import ml
from volley.engine.frame import DataFrame
from volley.engine.runners import Part, PartsLost

FEATURES = {
    "employed": ml.Features(numeric=["age", "sex"], categorical=["state"], label="employed", weight="weight"),
    "income": ml.Features(numeric=["age", "hours"], categorical=["state"], label="income"),
    "party": ml.Features(numeric=["age", "hours"], categorical=["sex", "state"], label="party"),
}
PIPELINES: dict[str, tuple[str, Any]] = {
    "trees": ("employed", ml.GradientBoosting(n_trees=10, max_depth=4)),
    "logistic": ("employed", ml.Pipeline([ml.StandardScaler(), ml.LogisticRegression()])),
    "softmax": ("party", ml.Pipeline([ml.StandardScaler(), ml.LogisticRegression()])),
    "ridge": ("income", ml.Pipeline([ml.SimpleImputer(strategy="median"), ml.Ridge()])),
}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    rows = census.table(6000)
    for part in range(6):
        vl.from_arrow(rows.slice(part * 1000, 1000)).to_parquet(folder / f"{part}.parquet")
    return folder


@pytest.fixture(autouse=True)
def divided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tasks of a few rows be worth another worker."""
    in_small_tasks(monkeypatch)


def on(session: vl.Session, people: Path) -> DataFrame:
    return DataFrame.from_plan(vl.read_parquet(people).plan, session)


def sorted_rows(frame: DataFrame) -> pa.Table:
    return frame.to_arrow().sort_by("id")


def count_rows(part: Part) -> tuple[int, int]:
    part.kept["calls"] = part.kept.get("calls", 0) + 1
    return sum(table.num_rows for table in part.tables), part.kept["calls"]


def test_parts_stay_with_their_workers_until_the_end(cluster: vl.Session, people: Path) -> None:
    with cluster.parts(on(cluster, people)[["id"]].plan) as parts:
        first, second = parts.map(count_rows), parts.map(count_rows)
        assert parts.count == 2
        assert sum(rows for rows, _ in first) == 6000
        assert [calls for _, calls in second] == [2, 2]
        with pytest.raises(KeyError, match="nothing"):
            parts.map(wanting)
    assert cluster.cluster is not None
    client = cluster.cluster.client
    wait_until(lambda: not any(left["parts"] for left in client.run(remains).values()))


def wanting(part: Part) -> object:
    return part.kept["nothing"]


@pytest.mark.parametrize("name", PIPELINES)
def test_a_model_trained_on_workers_is_the_one_trained_here(name: str, cluster: vl.Session, people: Path) -> None:
    label, pipeline = PIPELINES[name]
    here, there = vl.read_parquet(people), on(cluster, people)
    ours, theirs = pipeline.fit(there, FEATURES[label]), pipeline.fit(here, FEATURES[label])
    assert ours.rows == theirs.rows == 6000
    local, remote = sorted_rows(theirs.predict(here)), sorted_rows(ours.predict(there))
    for column in theirs.score_columns() or ["prediction"]:
        np.testing.assert_allclose(remote[column].to_numpy(), local[column].to_numpy(), rtol=1e-6, atol=1e-7)
    ours_of, theirs_of = (sorted_rows(ml.explain(m, f)) for m, f in ((ours, there), (theirs, here)))
    for column in [c for c in theirs_of.column_names if c.startswith("phi_")]:
        np.testing.assert_allclose(ours_of[column].to_numpy(), theirs_of[column].to_numpy(), atol=1e-4)


def test_slices_and_evaluation_are_those_of_one_process(cluster: vl.Session, people: Path) -> None:
    here, there = vl.read_parquet(people), on(cluster, people)
    model = PIPELINES["logistic"][1].fit(here, FEATURES["employed"])
    assert ml.evaluate(model, there).metrics == pytest.approx(ml.evaluate(model, here).metrics, rel=1e-12)
    local, remote = (
        ml.fairness.slices(model.predict(frame), by=["sex", "state"], label="employed", n_boot=50).to_pandas()
        for frame in (here, there)
    )
    assert local.equals(remote)


@pytest.fixture
def mortals() -> Iterator[vl.Session]:
    """Return a session over workers that may be killed: new ones take their place."""
    with started() as session:
        yield session


@pytest.mark.cluster
@pytest.mark.parametrize(("name", "moment"), list(zip(("ridge", "logistic", "trees"), FIT_MOMENTS, strict=True)))
def test_a_fit_begins_again_when_a_worker_dies(
    name: str, moment: str, mortals: vl.Session, people: Path, tmp_path: Path
) -> None:
    label, pipeline = PIPELINES[name]
    assert mortals.cluster is not None
    client = mortals.cluster.client
    client.wait_for_workers(2, timeout=60)
    flag = tmp_path / "flag"
    flag.touch()
    client.run(arm, moment, str(flag))
    ours = pipeline.fit(on(mortals, people), FEATURES[label])
    assert not flag.exists(), "nobody died"
    here = vl.read_parquet(people)
    theirs = pipeline.fit(here, FEATURES[label])
    for column in theirs.score_columns() or ["prediction"]:
        found, expected = (sorted_rows(model.predict(here))[column].to_numpy() for model in (ours, theirs))
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_parts_that_are_gone_say_so(cluster: vl.Session, people: Path) -> None:
    with cluster.parts(on(cluster, people)[["id"]].plan) as parts:
        assert cluster.cluster is not None
        cluster.cluster.client.run(let_parts_go)
        with pytest.raises(PartsLost, match="the rows were freed"):
            parts.map(count_rows)
