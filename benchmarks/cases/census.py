"""The census demo's work from files to audit, in one go, beside the libraries that people put together for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..case import Bench, Call, Case

if TYPE_CHECKING:
    import pandas as pd

    import volley as vl

DATA = Path(__file__).parents[2] / "examples" / "census" / "data"
NUMERIC = ["AGEP", "SCHL"]
CATEGORICAL = ["SEX", "MAR", "RAC1P", "RELP", "CIT", "DIS", "DEAR", "DEYE", "DREM", "MIG", "MIL", "NATIVITY"]
LABEL, BY = "EMPLOYED", ["SEX", "MAR"]
TREES, DEPTH, RATE = 200, 6, 0.1
EXPLAINED = 64
"""One in so many rows is explained; one in four is a test row."""


def by_volley(bench: Bench) -> Call:
    import volley as vl
    from volley import ml

    def answer() -> dict[str, Any]:
        with vl.Session(threads=bench.threads):
            return volley_census(vl, ml)

    return answer


def volley_census(vl: Any, ml: Any) -> dict[str, Any]:
    """Return what both sides must agree on, per group of the audit."""
    rows = _people(vl.read_parquet)
    train, test = rows[rows.id % 4 != 0].cache(), rows[rows.id % 4 == 0].cache()
    features = ml.Features(numeric=NUMERIC, categorical=CATEGORICAL, label=LABEL)
    linear = ml.Pipeline([ml.StandardScaler(), ml.LogisticRegression(C=1.0)]).fit(train, features)
    boosting = ml.GradientBoosting(n_trees=TREES, max_depth=DEPTH, learning_rate=RATE).fit(train, features)
    scored = linear.predict(test).cache()
    phi = ml.explain(boosting, test[test.id % EXPLAINED == 0]).collect()
    audit = ml.fairness.slices(scored, label=LABEL, by=BY, intersections=2, ci=None).to_pandas()
    audit = audit[audit.SEX.notna() & audit.MAR.notna()]
    return {
        **{name.lower(): audit[name].astype(int).tolist() for name in BY},
        **{name: audit[name].tolist() for name in ("n", "fpr", "fnr", "selection_rate")},
        "train_rows": [len(train)] * len(audit),
        "auc_logistic": [ml.evaluate(linear, scored).metrics["auc"]] * len(audit),
        "auc_boosting": [ml.evaluate(boosting, test).metrics["auc"]] * len(audit),
        "phi_age": [_mean_size(phi["phi_AGEP"].to_numpy())] * len(audit),
    }


def _people(read: Callable[[str], vl.DataFrame]) -> vl.DataFrame:
    features, target = (read(str(DATA / f"{name}.parquet")) for name in ("features", "target"))
    joined: vl.DataFrame = features[features.AGEP >= 16].merge(target, on="id")
    return joined


def _mean_size(values: Any) -> float:
    return float(abs(values).mean())


def by_pydata(bench: Bench) -> Call:
    import pandas as pd
    from fairlearn.metrics import MetricFrame, count, false_negative_rate, false_positive_rate, selection_rate
    from sklearn.metrics import roc_auc_score

    rates = {"n": count, "fpr": false_positive_rate, "fnr": false_negative_rate, "selection_rate": selection_rate}

    def answer() -> pd.DataFrame:
        features, target = (pd.read_parquet(DATA / f"{name}.parquet") for name in ("features", "target"))
        rows = features[features.AGEP >= 16].merge(target, on="id")
        train, test = rows[rows.id % 4 != 0], rows[rows.id % 4 == 0]
        score = _logistic_by_scikit_learn(train, test)
        trees, phi = _boosting_by_xgboost(train, test, bench.threads)
        groups = MetricFrame(metrics=rates, y_true=test[LABEL], y_pred=score >= 0.5, sensitive_features=test[BY])
        made: pd.DataFrame = groups.by_group.reset_index()
        return made.assign(
            n=made["n"].astype(int),
            train_rows=len(train),
            auc_logistic=roc_auc_score(test[LABEL], score),
            auc_boosting=roc_auc_score(test[LABEL], trees),
            phi_age=_mean_size(phi[:, NUMERIC.index("AGEP")]),
        )

    return answer


def _logistic_by_scikit_learn(train: pd.DataFrame, test: pd.DataFrame) -> Any:
    """Return the test rows' probabilities."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    prepare = make_column_transformer(
        (StandardScaler(), NUMERIC), (OneHotEncoder(handle_unknown="ignore"), CATEGORICAL)
    )
    model = make_pipeline(prepare, LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-8))
    return model.fit(train, train[LABEL]).predict_proba(test)[:, 1]


def _boosting_by_xgboost(train: pd.DataFrame, test: pd.DataFrame, threads: int) -> tuple[Any, Any]:
    """Return the test rows' probabilities, and the SHAP values of the explained ones."""
    import shap
    import xgboost as xgb

    columns = NUMERIC + CATEGORICAL
    settings = {"objective": "binary:logistic", "max_depth": DEPTH, "learning_rate": RATE, "nthread": threads}
    rows = xgb.QuantileDMatrix(train[columns], label=train[LABEL], nthread=threads)
    model = xgb.train(settings, rows, num_boost_round=TREES)
    explained = test[test.id % EXPLAINED == 0]
    phi = shap.TreeExplainer(model).shap_values(explained[columns])
    return model.inplace_predict(test[columns]), phi


CASES = (
    Case(
        name="census",
        about=(
            "the demo in one go: two files joined, logistic regression, 200 boosted trees, 3,600 SHAP explanations, "
            "error rates by sex and marital status"
        ),
        keys=tuple(name.lower() for name in BY),
        # Boosted trees may cut a feature elsewhere; a score that is 0.5 to the last digits may fall on either side.
        tolerances={"auc_boosting": 2e-3, "phi_age": 0.05, "fpr": 1e-3, "fnr": 1e-3, "selection_rate": 1e-3},
        engines={"volley": by_volley, "pydata": by_pydata},
    ),
)
