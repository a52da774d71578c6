"""Explanation, evaluation, slices and storage of models fitted to frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fairlearn.metrics import MetricFrame, false_positive_rate
from sklearn import metrics as sk

from volley import ml
from volley.engine.errors import ColumnNotFound, ConfigError, TypeMismatch
from volley.ml.persist import ModelState, load_state, save_state

from . import census

ROWS = census.table(2000, missing=0.05)
FRAME = census.frame(ROWS, 3)
LINEAR = [ml.SimpleImputer(), ml.StandardScaler()]


def _models(label: str) -> list[ml.Model]:
    linear = ml.Ridge() if label == "income" else ml.LogisticRegression()
    boosted = ml.GradientBoosting(n_trees=10, max_depth=3)
    return [ml.Pipeline(steps).fit(FRAME, census.features(label)) for steps in ([*LINEAR, linear], [boosted])]


def _logit(p: np.ndarray) -> np.ndarray:
    return np.log(p) - np.log1p(-p)


@pytest.mark.parametrize("kind", [0, 1], ids=["linear", "tree"])
def test_shap_values_add_up_to_the_margin(kind: int) -> None:
    tolerance = 1e-9 if kind == 0 else 2e-5
    for label in ("employed", "income", "party"):
        model = _models(label)[kind]
        rows = ml.explain(model, model.predict(FRAME)).to_pandas()
        names = model.features.names
        if label == "party":
            margins = np.column_stack(
                [
                    rows[f"base_value_{c}"] + rows[[f"phi_{n}_{c}" for n in names]].sum(axis=1)
                    for c in model.classes.to_pylist()
                ]
            )
            odds = np.exp(margins - margins.max(axis=1, keepdims=True))
            found = odds / odds.sum(axis=1, keepdims=True)
            expected = rows[model.score_columns()].to_numpy()
        else:
            found = (rows.base_value + rows[[f"phi_{n}" for n in names]].sum(axis=1)).to_numpy()
            expected = rows.prediction.to_numpy() if label == "income" else _logit(rows.score.to_numpy())
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(found, expected, atol=tolerance * scale)


def test_one_hot_columns_are_explained_as_one_feature_whose_mean_is_zero() -> None:
    model = _models("employed")[0]
    rows = ml.explain(model, FRAME).to_pandas()
    assert [c for c in rows if c.startswith("phi_")] == ["phi_age", "phi_hours", "phi_sex", "phi_state"]
    # over the training rows, the background, every linear effect averages to zero
    assert rows[["phi_age", "phi_state", "phi_sex"]].mean().abs().max() < 1e-9


def test_evaluation_equals_scikit_learn() -> None:
    model = _models("employed")[0]
    scored = model.predict(FRAME)
    result = ml.evaluate(model, FRAME)
    y, s = scored.to_pandas().employed, scored.to_pandas().score
    assert result.metrics == pytest.approx(
        {
            "auc": sk.roc_auc_score(y, s),
            "log_loss": sk.log_loss(y, s),
            "brier": sk.brier_score_loss(y, s),
            "accuracy": sk.accuracy_score(y, s >= 0.5),
            "precision": sk.precision_score(y, s >= 0.5),
            "recall": sk.recall_score(y, s >= 0.5),
            "f1": sk.f1_score(y, s >= 0.5),
        }
    )
    assert result.rows == 2000
    assert result.roc is not None
    assert result.calibration is not None
    assert ml.evaluate(model, scored).metrics == result.metrics  # columns that are there are used
    income, party = _models("income")[0], _models("party")[0]
    rows = income.predict(FRAME).to_pandas()
    assert ml.evaluate(income, FRAME).metrics["r2"] == pytest.approx(sk.r2_score(rows.income, rows.prediction))
    rows = party.predict(FRAME).to_pandas()
    assert ml.evaluate(party, FRAME).metrics == pytest.approx(
        {
            "log_loss": sk.log_loss(rows.party, rows[party.score_columns()]),
            "accuracy": sk.accuracy_score(rows.party, rows.prediction),
        }
    )


def test_weights_count_in_evaluation() -> None:
    model = ml.Pipeline([*LINEAR, ml.LogisticRegression()]).fit(FRAME, census.features("employed", "weight"))
    rows = model.predict(FRAME).to_pandas()
    expected = sk.roc_auc_score(rows.employed, rows.score, sample_weight=rows.weight)
    assert ml.evaluate(model, FRAME).metrics["auc"] == pytest.approx(expected)


def test_evaluation_says_what_is_wrong() -> None:
    model = _models("party")[1]
    with pytest.raises(ml.FitError, match="no rows to evaluate"):
        ml.evaluate(model, census.frame(ROWS.slice(0, 0)))
    strange = ROWS.set_column(ROWS.schema.get_field_index("party"), "party", pa.array(["pirate"] * 2000))
    with pytest.raises(ml.FitError, match=r"'party' holds 'pirate'.*'blue', 'green', 'red'"):
        ml.evaluate(model, census.frame(strange))


def test_slices_of_a_frame_equal_fairlearn_for_any_partitions() -> None:
    model = _models("employed")[1]
    tables = []
    for partitions in (1, 2, 7):
        scored = model.predict(census.frame(ROWS, partitions))
        audit = ml.fairness.slices(scored, label="employed", by=["sex", "state"], intersections=2, n_boot=100)
        tables.append(audit.to_pandas())
    pd.testing.assert_frame_equal(tables[0], tables[1])
    pd.testing.assert_frame_equal(tables[0], tables[2])
    rows = model.predict(FRAME).to_pandas()
    theirs = MetricFrame(
        metrics=false_positive_rate,
        y_true=rows.employed,
        y_pred=rows.score >= 0.5,
        sensitive_features=rows.state.fillna("null"),
    ).by_group
    ours = tables[0].set_index("slice").fpr
    for state, expected in theirs.items():
        assert ours[f"state={state}"] == pytest.approx(expected)


def test_slices_with_the_other_class_as_positive() -> None:
    scored = _models("employed")[0].predict(FRAME)
    usual = ml.fairness.slices(scored, label="employed", by=["sex"], ci=None).to_pandas()
    other = ml.fairness.slices(scored, label="employed", by=["sex"], ci=None, positive=False).to_pandas()
    np.testing.assert_array_equal(usual.n - usual.positives, other.positives)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"by": ["sexx"]}, ColumnNotFound, "did you mean 'sex'"),
        ({"by": "sex"}, ConfigError, r'\["sex"\]'),
        ({"by": []}, ConfigError, "by names no column"),
        ({"score": "party"}, TypeMismatch, "score 'party' is string"),
        ({"label": "party"}, ml.FitError, "3 distinct values"),
        ({"thresholds": []}, ConfigError, "thresholds"),
        ({"score": "hours"}, ml.FitError, "'hours' is null in"),
        ({"by": ["n"]}, ConfigError, "'n' has the name of a column of the result"),
    ],
)
def test_slices_say_what_is_wrong(options: dict[str, Any], error: type[Exception], words: str) -> None:
    frame = FRAME.assign(n=1, score=0.5)
    with pytest.raises(error, match=words):
        ml.fairness.slices(frame, **({"label": "employed", "by": ["sex"]} | options))


def test_slices_of_no_rows() -> None:
    frame = census.frame(ROWS.slice(0, 0)).assign(score=0.5)
    with pytest.raises(ml.FitError, match="no rows to audit"):
        ml.fairness.slices(frame, label="employed", by=["sex"])


@pytest.mark.parametrize("label", ["employed", "party", "income"])
@pytest.mark.parametrize("kind", [0, 1], ids=["linear", "tree"])
def test_a_loaded_model_is_the_model(label: str, kind: int, tmp_path: Path) -> None:
    model = _models(label)[kind]
    model.save(tmp_path / "model")
    back = ml.load(tmp_path / "model")
    assert back.predict(FRAME).to_arrow().equals(model.predict(FRAME).to_arrow())
    assert ml.explain(back, FRAME).to_arrow().equals(ml.explain(model, FRAME).to_arrow())
    assert back.pipeline == model.pipeline
    assert back.features.names == model.features.names
    assert back.ledger == model.ledger
    back.save(tmp_path / "again")
    for file in (tmp_path / "model").iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()


def test_an_infinite_penalty_and_every_transformer_are_stored(tmp_path: Path) -> None:
    steps = [
        ml.SimpleImputer(strategy="constant", fill_value=0.0, columns=["hours"]),
        ml.SimpleImputer(strategy="constant", fill_value="none"),
        ml.SimpleImputer(strategy="median"),
        ml.MinMaxScaler(),
        ml.OrdinalEncoder(columns=["sex"]),
        ml.OneHotEncoder(unknown="error"),
        ml.LogisticRegression(C=float("inf")),
    ]
    features = ml.Features(numeric=["age", "hours"], categorical=["sex", "state"], label="employed")
    sex = ROWS["sex"].cast(pa.string())
    frame = census.frame(ROWS.set_column(ROWS.schema.get_field_index("sex"), "sex", sex))
    model = ml.Pipeline(steps).fit(frame, features)
    model.save(tmp_path / "m")
    back = ml.load(tmp_path / "m")
    assert back.pipeline.estimator == ml.LogisticRegression(C=float("inf"))
    assert back.predict(frame).to_arrow().equals(model.predict(frame).to_arrow())


def test_strange_models_are_refused(tmp_path: Path) -> None:
    save_state(tmp_path / "other", ModelState(kind="Forest", config={}))
    with pytest.raises(ml.ModelFileError, match="'Forest', which this Volley does not know"):
        ml.load(tmp_path / "other")
    _models("income")[0].save(tmp_path / "m")
    state = load_state(tmp_path / "m")
    for change, words in [
        ({"core": {"class": "neural"}}, "class 'neural'"),
        ({"pipeline": [{"class": "os.system"}]}, "step 'os.system'"),
        ({"numeric_steps": ["eval"]}, "preparation 'eval'"),
        ({"encoders": [{}]}, "not complete"),
    ]:
        changed = ModelState(kind=state.kind, config=state.config | change, arrays=state.arrays, files=state.files)
        save_state(tmp_path / "m", changed)
        with pytest.raises(ml.ModelFileError, match=words):
            ml.load(tmp_path / "m")
