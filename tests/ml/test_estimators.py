"""Estimators on lazy frames against scikit-learn's pipelines and XGBoost run directly."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xgboost as xgb
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

from volley import ml
from volley.engine.errors import ConfigError

from . import census

TASKS = [("employed", "score"), ("party", None), ("income", "prediction")]


def _sklearn(final: Any, *numeric: Any, impute_text: bool = False, encoder: Any = None) -> Any:
    one_hot = encoder or OneHotEncoder(handle_unknown="ignore")
    text = make_pipeline(SimpleImputer(strategy="most_frequent"), one_hot) if impute_text else one_hot
    steps = make_pipeline(*numeric) if numeric else "passthrough"
    return make_pipeline(make_column_transformer((steps, census.NUMERIC), (text, census.CATEGORICAL)), final)


def _sorted(frame: ml.Model | Any) -> pd.DataFrame:
    return frame.to_arrow().sort_by("id").to_pandas()


@pytest.mark.parametrize("weight", [None, "weight"])
def test_logistic_regression_equals_scikit_learn(weight: str | None) -> None:
    rows = census.table()
    pandas = rows.to_pandas()
    model = ml.Pipeline([ml.StandardScaler(), ml.LogisticRegression(C=0.5)]).fit(
        census.frame(rows, 3), census.features("employed", weight)
    )
    theirs = _sklearn(LogisticRegression(C=0.5, tol=1e-12, solver="newton-cholesky"), StandardScaler())
    fit_options = {} if weight is None else {"logisticregression__sample_weight": pandas.weight}
    theirs.fit(pandas, pandas.employed, **fit_options)
    ours = _sorted(model.predict(census.frame(rows, 2)))
    np.testing.assert_allclose(ours.score, theirs.predict_proba(pandas)[:, 1], atol=1e-7)
    assert (ours.prediction == theirs.predict(pandas)).all()


def test_multinomial_and_ridge_equal_scikit_learn() -> None:
    rows = census.table()
    pandas = rows.to_pandas()
    party = ml.Pipeline([ml.MinMaxScaler(), ml.LogisticRegression()]).fit(census.frame(rows), census.features("party"))
    theirs = _sklearn(LogisticRegression(tol=1e-10, max_iter=1000, solver="newton-cg"), MinMaxScaler())
    theirs.fit(pandas, pandas.party)
    scored = _sorted(party.predict(census.frame(rows)))
    np.testing.assert_allclose(
        scored[["score_blue", "score_green", "score_red"]], theirs.predict_proba(pandas), atol=1e-6
    )
    assert (scored.prediction == theirs.predict(pandas)).mean() > 0.999
    income = ml.Ridge(alpha=2.0).fit(census.frame(rows), census.features("income"))
    theirs = _sklearn(Ridge(alpha=2.0)).fit(pandas, pandas.income)
    np.testing.assert_allclose(_sorted(income.predict(census.frame(rows))).prediction, theirs.predict(pandas))


def test_imputers_and_encoders_equal_scikit_learn() -> None:
    rows, later = census.table(missing=0.1), census.table(500, seed=1, missing=0.3)
    model = ml.Pipeline(
        [
            ml.SimpleImputer(strategy="median"),
            ml.SimpleImputer(strategy="most_frequent", columns=["state"]),
            ml.StandardScaler(columns=["age"]),
            ml.OneHotEncoder(columns=["state"]),
            ml.OrdinalEncoder(),
            ml.LogisticRegression(),
        ]
    ).fit(census.frame(rows), census.features("employed"))
    impute = SimpleImputer(strategy="median")
    theirs = make_pipeline(
        make_column_transformer(
            (make_pipeline(impute, StandardScaler()), ["age"]),
            (impute, ["hours"]),
            (OrdinalEncoder(), ["sex"]),
            (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), ["state"]),
        ),
        LogisticRegression(tol=1e-12, solver="newton-cholesky"),
    )
    pandas = rows.to_pandas()
    pandas["state"] = pandas.state.astype(object).where(pandas.state.notna(), np.nan)
    theirs.fit(pandas, pandas.employed)
    unseen = later.to_pandas()
    unseen["state"] = unseen.state.astype(object).where(unseen.state.notna(), np.nan)
    ours = _sorted(model.predict(census.frame(later)))
    np.testing.assert_allclose(ours.score, theirs.predict_proba(unseen)[:, 1], atol=1e-7)
    assert model.preparation.columns[2:] == ["sex", "state=CA", "state=MA", "state=NY", "state=VT"]


def test_boosting_equals_xgboost_run_directly() -> None:
    rows = census.table(missing=0.05)
    model = ml.GradientBoosting(n_trees=30, max_depth=4).fit(census.frame(rows), census.features("employed"))
    pandas = rows.to_pandas()
    X = pandas[census.NUMERIC].astype(np.float32)
    X["sex"] = pandas.sex - 1
    X["state"] = pandas.state.map({"CA": 0, "MA": 1, "NY": 2, "VT": 3}).fillna(4)  # null is the last category
    parameters = {"objective": "binary:logistic", "max_depth": 4, "learning_rate": 0.1, "nthread": 2}
    direct = xgb.train(parameters, xgb.QuantileDMatrix(X, label=pandas.employed), num_boost_round=30)
    ours = _sorted(model.predict(census.frame(rows, 3)))
    np.testing.assert_allclose(ours.score, direct.predict(xgb.DMatrix(X)), atol=1e-6)


@pytest.mark.parametrize(("label", "column"), [("employed", "score"), ("party", "score_red"), ("income", "prediction")])
def test_boosting_learns_every_kind_of_label(label: str, column: str) -> None:
    rows = census.table()
    model = ml.GradientBoosting(n_trees=20).fit(census.frame(rows), census.features(label))
    scored = _sorted(model.predict(census.frame(rows)))
    if label == "income":
        assert np.corrcoef(scored[column], scored.income)[0, 1] > 0.6
        assert scored.prediction.dtype == np.float64
    else:
        assert (scored.prediction == scored[label]).mean() > 0.6
        assert scored[column].between(0, 1).all()


@pytest.mark.parametrize("estimator", [ml.LogisticRegression(), ml.GradientBoosting(n_trees=10, max_depth=3)])
def test_the_same_model_for_any_partitions_and_threads(estimator: Any) -> None:
    rows = census.table()
    scores = []
    for partitions, threads in [(1, 1), (2, 2), (7, 3)]:
        frame = census.frame(rows, partitions, threads)
        model = estimator.fit(frame, census.features("employed"))
        scores.append(_sorted(model.predict(frame)).score)
    np.testing.assert_allclose(scores[1], scores[0], atol=1e-6)
    np.testing.assert_allclose(scores[2], scores[0], atol=1e-6)


@pytest.mark.parametrize("label", [pa.array([0, 1] * 50), pa.array(["no", "yes"] * 50), pa.array([0.0, 1.0] * 50)])
def test_labels_of_every_type_come_back_as_they_were(label: pa.Array) -> None:
    rows = pa.table({"x": np.arange(100.0), "y": label})
    features = ml.Features(numeric=["x"], label="y")
    scored = ml.LogisticRegression().fit(census.frame(rows), features).predict(census.frame(rows)).to_arrow()
    assert scored["prediction"].type == label.type
    assert set(scored["prediction"].to_pylist()) <= set(label.to_pylist())


def test_the_positive_class_can_be_chosen() -> None:
    rows = census.table()
    usual = ml.LogisticRegression().fit(census.frame(rows), census.features("employed"))
    other = ml.LogisticRegression().fit(census.frame(rows), census.features("employed", positive=False))
    a, b = (_sorted(model.predict(census.frame(rows))) for model in (usual, other))
    np.testing.assert_allclose(a.score, 1 - b.score, atol=1e-9)
    assert (a.prediction == b.prediction).all()


def test_dictionary_encoded_columns_make_no_difference() -> None:
    rows = census.table()
    coded = rows.set_column(rows.schema.get_field_index("state"), "state", rows["state"].dictionary_encode())
    coded = coded.set_column(coded.schema.get_field_index("party"), "party", coded["party"].dictionary_encode())
    plain, other = (
        _sorted(ml.GradientBoosting(n_trees=5).fit(census.frame(t), census.features("party")).predict(census.frame(t)))
        for t in (rows, coded)
    )
    pd.testing.assert_frame_equal(plain, other)


def test_filters_and_pruning_pass_through_prediction_and_explanation() -> None:
    rows = census.table()
    model = ml.LogisticRegression().fit(census.frame(rows), census.features("employed"))
    for made, column in [
        (model.predict(census.frame(rows)), "score"),
        (ml.explain(model, census.frame(rows)), "phi_age"),
    ]:
        plan = made[made.age > 60].select("id", column).explain("optimized")
        lines = plan.splitlines()
        node = next(i for i, line in enumerate(lines) if "MapBatches" in line)
        assert any("age > 60" in line for line in lines[node + 1 :]), plan
        assert "income" not in plan
        assert made[made.age > 60].to_arrow().num_rows == (rows["age"].to_numpy() > 60).sum()


def test_fitting_reads_only_what_the_features_name() -> None:
    rows = census.table(200).append_column("junk", pa.array([["nested"]] * 200))
    model = ml.Ridge().fit(census.frame(rows), census.features("income"))
    assert "junk" in model.predict(census.frame(rows)).columns


def test_models_and_their_plans_pickle() -> None:
    rows = census.table()
    for estimator in (ml.LogisticRegression(), ml.GradientBoosting(n_trees=3)):
        model = estimator.fit(census.frame(rows), census.features("employed"))
        plan = model.predict(census.frame(rows)).plan
        again = pickle.loads(pickle.dumps(plan.function))(rows.select(model.features.names))
        np.testing.assert_array_equal(again["score"], model.predict(census.frame(rows)).to_arrow()["score"])


def test_the_ledger_counts_the_hand_off() -> None:
    rows = census.table(1000, missing=0.1)
    model = ml.GradientBoosting(n_trees=2).fit(census.frame(rows), census.features("employed"))
    counts = model.ledger.as_dict()
    assert counts["copied_null_fill"] == 2 * 1000 * 4
    assert counts["copied_encode"] == 2 * 1000 * 4
    assert counts["shared"] == 4 * 1000 * 4  # XGBoost reads the matrix where it lies


@pytest.mark.parametrize(("label", "column"), TASKS)
def test_prediction_of_no_rows_and_of_one(label: str, column: str | None) -> None:
    rows = census.table(300)
    model = ml.GradientBoosting(n_trees=2).fit(census.frame(rows), census.features(label))
    for count in (0, 1):
        some = census.frame(rows.slice(0, count))
        scored = model.predict(some).to_arrow()
        assert scored.num_rows == count
        assert ml.explain(model, some).to_arrow().num_rows == count
        if column:
            assert column in scored.column_names


def test_two_models_score_one_frame() -> None:
    rows = census.table(500)
    a = ml.LogisticRegression().fit(census.frame(rows), census.features("employed"))
    b = ml.GradientBoosting(n_trees=2).fit(census.frame(rows), census.features("employed"))
    both = b.predict(a.predict(census.frame(rows)), prediction="tree", score="tree_score")
    assert both.columns[-4:] == ["prediction", "score", "tree", "tree_score"]


def test_a_bare_estimator_is_a_pipeline_of_one() -> None:
    rows = census.table(500)
    frame, features = census.frame(rows), census.features("employed")
    bare, piped = (
        ml.LogisticRegression().fit(frame, features),
        ml.Pipeline([ml.LogisticRegression()]).fit(frame, features),
    )
    assert bare.pipeline == piped.pipeline
    assert repr(bare).startswith(
        "<fitted LogisticRegression(C=1.0, max_iter=100); 4 features, label 'employed', 500 rows"
    )


def test_columns_that_lie_side_by_side_are_read_where_they_are() -> None:
    matrix = ml.FeatureMatrix.allocate(500, ["a", "b", "c"], "float32")
    rng = np.random.default_rng(0)
    for column in range(3):
        matrix.write(0, column, rng.normal(size=500))
    rows = matrix.to_arrow().append_column("y", pa.array(rng.random(500) < 0.5))
    features = ml.Features(numeric=["a", "b", "c"], label="y")
    model = ml.GradientBoosting(n_trees=3).fit(census.frame(rows), features)
    assert model.ledger.copied == {}
    assert model.ledger.shared > 0
    read = model.preparation.apply(rows).numpy()
    assert read.ctypes.data == matrix.numpy().ctypes.data
    # the same model reads columns that have to be gathered, with the same result
    scattered = pa.table({name: pa.array(rows[name].to_numpy().copy()) for name in rows.column_names})
    np.testing.assert_array_equal(
        model.predict(census.frame(rows)).to_arrow()["score"],
        model.predict(census.frame(scattered)).to_arrow()["score"],
    )
    linear = ml.Ridge().fit(census.frame(rows), ml.Features(numeric=["a", "b"], label="c"))
    assert linear.ledger.copied  # float64 is another type


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: ml.GradientBoosting(n_estimators=3),
            "GradientBoosting has no parameter 'n_estimators'; it is called n_trees",
        ),
        (lambda: ml.GradientBoosting(n_tress=3), "has no parameter 'n_tress'; did you mean 'n_trees'?"),
        (lambda: ml.LogisticRegression(max_iterations=3), "it is called max_iter here"),
        (lambda: ml.Ridge(n_estimators=3), "Ridge has no parameter 'n_estimators'; available: alpha"),
    ],
)
def test_parameters_that_there_are_not_say_what_is_meant(make, message):
    with pytest.raises(ConfigError) as error:
        make()
    assert message in str(error.value)
