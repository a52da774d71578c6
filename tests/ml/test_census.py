"""The demo's data through both surfaces: our models beside scikit-learn's and XGBoost's on the same split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import volley as vl
from volley import ml

DATA = Path(__file__).parents[2] / "examples" / "census" / "data"
FEATURES = ml.Features(
    numeric=["AGEP", "SCHL"], categorical=["SEX", "RAC1P", "MAR", "RELP", "DIS", "CIT"], label="EMPLOYED"
)


@pytest.fixture(scope="module")
def sides() -> tuple[vl.DataFrame, vl.DataFrame]:
    people = vl.read_parquet(str(DATA / "features.parquet")).merge(
        vl.read_parquet(str(DATA / "target.parquet")), on="id"
    )
    train, test = ml.train_test_split(people, stratify="EMPLOYED", key=["id"], seed=0)
    return train.cache(), test.cache()


@pytest.fixture(scope="module")
def pandas_sides(sides: tuple[vl.DataFrame, vl.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    return sides[0].to_pandas(), sides[1].to_pandas()


def test_logistic_probabilities_are_scikit_learns(
    sides: tuple[vl.DataFrame, vl.DataFrame], pandas_sides: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    model = ml.Pipeline([ml.StandardScaler(), ml.LogisticRegression()]).fit(sides[0], FEATURES)
    theirs = make_pipeline(
        make_column_transformer(
            (StandardScaler(), list(FEATURES.numeric)),
            (OneHotEncoder(handle_unknown="ignore"), list(FEATURES.categorical)),
        ),
        LogisticRegression(solver="newton-cholesky", tol=1e-10),
    )
    train, test = pandas_sides
    theirs.fit(train, train.EMPLOYED)
    ours = model.predict(sides[1]).to_pandas()
    assert (ours.id == test.id).all()
    np.testing.assert_allclose(ours.score, theirs.predict_proba(test)[:, 1], atol=1e-6)


def test_boosting_is_as_good_as_xgboost_run_directly(
    sides: tuple[vl.DataFrame, vl.DataFrame], pandas_sides: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    model = ml.GradientBoosting(n_trees=40, max_depth=5).fit(sides[0], FEATURES)
    train, test = pandas_sides
    columns = list(FEATURES.names)
    direct = xgb.train(
        {"objective": "binary:logistic", "max_depth": 5, "learning_rate": 0.1, "nthread": 2},
        xgb.QuantileDMatrix(train[columns], label=train.EMPLOYED),
        num_boost_round=40,
    )
    theirs = roc_auc_score(test.EMPLOYED, direct.predict(xgb.DMatrix(test[columns])))
    assert ml.evaluate(model, sides[1]).metrics["auc"] == pytest.approx(theirs, abs=0.002)
