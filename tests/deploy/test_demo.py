"""The demo on its real data agrees with XGBoost, scikit-learn, fairlearn and itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import volley as vl
from volley import ml
from volley.deploy.job.load import load_job
from volley.deploy.job.run import run_job

ROOT = Path(__file__).resolve().parents[2]
TREES = 40
NUMERIC = ["age", "schooling"]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the census job once, with fewer trees and replicates."""
    folder = tmp_path_factory.mktemp("census")
    changed = (f"train.models.boosting.params.n_trees={TREES}", "fairness.n_boot=100", "explain.rows=1000")
    bounds = ("evaluate.require=[]", "session.threads=2")
    job = load_job(ROOT / "examples" / "census" / "job.yaml", overrides=(*changed, *bounds), environment={})
    outcome = run_job(job, out=folder)
    assert outcome.verdict == "warnings"
    return folder


@pytest.fixture(scope="module")
def manifest(out: Path) -> Any:
    return json.loads((out / "manifest.json").read_text())


@pytest.fixture(scope="module")
def parts(out: Path, manifest: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return training and test rows, the split done again, with categories as pandas has them."""
    decoded = vl.read_parquet(str(out / ".work" / "step-decoded" / "table.parquet"))
    spec = manifest["job"]["spec"]
    split = spec["split"]
    train, test = ml.train_test_split(
        decoded, test_size=split["test_size"], stratify=split["stratify"], key=split["key"], seed=spec["seed"]
    )
    both = pd.concat([train.to_pandas(), test.to_pandas()], keys=["train", "test"])
    for name in spec["train"]["features"]["categorical"]:
        both[name] = both[name].astype("category")
    return both.loc["train"], both.loc["test"].sort_values("id")


@pytest.fixture(scope="module")
def scored(out: Path) -> pd.DataFrame:
    frame: pd.DataFrame = pd.read_parquet(out / "scored.parquet").sort_values("id")
    return frame


def categorical(manifest: Any) -> list[str]:
    names: list[str] = manifest["job"]["spec"]["train"]["features"]["categorical"]
    return names


def test_the_split_is_the_one_the_job_used(parts: tuple[pd.DataFrame, pd.DataFrame], scored: pd.DataFrame) -> None:
    train, test = parts
    assert np.array_equal(test["id"], scored["id"])
    assert set(train["id"]).isdisjoint(test["id"])
    assert len(test) / (len(train) + len(test)) == pytest.approx(0.25, abs=0.001)
    assert test["employed"].mean() == pytest.approx(train["employed"].mean(), abs=0.001)


def test_boosting_is_as_good_as_xgboost_alone(parts: tuple[pd.DataFrame, pd.DataFrame], manifest: Any) -> None:
    import xgboost
    from sklearn.metrics import roc_auc_score

    train, test = parts
    names = [*NUMERIC, *categorical(manifest)]
    parameters = {"objective": "binary:logistic", "max_depth": 6, "learning_rate": 0.1, "seed": 0, "nthread": 2}

    def matrix(rows: pd.DataFrame) -> np.ndarray[Any, Any]:
        coded = rows[names].copy()
        for name in categorical(manifest):
            coded[name] = coded[name].cat.codes
        return coded.to_numpy(dtype=np.float32)

    booster = xgboost.train(parameters, xgboost.QuantileDMatrix(matrix(train), train["employed"]), TREES)
    direct = roc_auc_score(test["employed"], booster.predict(xgboost.DMatrix(matrix(test))))
    assert manifest["metrics"]["boosting"]["auc"] == pytest.approx(direct, abs=0.002)


def test_logistic_probabilities_are_those_of_scikit_learn(
    out: Path, parts: tuple[pd.DataFrame, pd.DataFrame], manifest: Any
) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    train, test = parts
    both = pd.concat([train, test])
    numbers = StandardScaler().fit(train[NUMERIC]).transform(both[NUMERIC])
    X = np.hstack([numbers, pd.get_dummies(both[categorical(manifest)]).to_numpy(dtype=np.float64)])
    # scikit-learn's penalty is C times the sum of losses, as ours.
    oracle = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-10, max_iter=100)
    with threadpool_limits(1):  # BLAS threads that wait by spinning take minutes on a busy machine
        oracle.fit(X[: len(train)], train["employed"])
    expected = pd.Series(oracle.predict_proba(X[len(train) :])[:, 1], index=test["id"].to_numpy())
    decoded = vl.read_parquet(str(out / ".work" / "step-decoded" / "table.parquet"))
    ours = ml.load(out / "models" / "logistic").predict(decoded)[["id", "score"]].to_pandas()
    ours = ours.set_index("id")["score"].loc[expected.index]
    assert np.abs(ours - expected).max() < 1e-6


def test_shap_values_add_up_to_the_margin(out: Path, scored: pd.DataFrame) -> None:
    explained = pd.read_parquet(out / "explanations.parquet").set_index("id")
    phi = explained.filter(like="phi_").sum(axis=1) + explained["base_value"]
    score = scored.set_index("id")["score"].loc[explained.index]
    assert 700 < len(explained) < 1300
    assert np.abs(phi - np.log(score / (1 - score))).max() < 1e-4


def test_slices_are_those_of_fairlearn(out: Path, scored: pd.DataFrame) -> None:
    from fairlearn.metrics import MetricFrame, false_negative_rate, false_positive_rate, selection_rate

    audit = pd.read_csv(out / "audit.csv")
    metrics = {"fpr": false_positive_rate, "fnr": false_negative_rate, "selection_rate": selection_rate}
    for by in (["sex"], ["race"], ["disability"], ["sex", "race"]):
        frame = MetricFrame(
            metrics=metrics,
            y_true=scored["employed"],
            y_pred=(scored["score"] >= 0.5).astype(int),
            sensitive_features=scored[by],
        )
        others = [name for name in ("sex", "race", "disability") if name not in by]
        ours = audit[audit[by].notna().all(axis=1) & audit[others].isna().all(axis=1)].set_index(by)
        ours = ours[ours["n"] >= 100]
        assert len(ours) >= 2
        expected = frame.by_group.loc[ours.index, list(metrics)]
        assert np.abs(ours[list(metrics)] - expected).to_numpy().max() < 1e-12


def test_report_and_manifest_tell_the_same(out: Path, manifest: Any) -> None:
    page = (out / "report.html").read_text(encoding="utf-8")
    assert f"{manifest['metrics']['boosting']['auc']:.3f}" in page
    assert manifest["inputs"][0]["sha256"][:16] in page
    assert "Employment in Massachusetts" in page
    assert 50_000 < len(page) < 1_000_000
    assert manifest["handoff"]["boosting"]["copied_total"] > 0
