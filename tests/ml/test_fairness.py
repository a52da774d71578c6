"""Fairness slices against fairlearn's MetricFrame and row resampling, and the groups that break naive audits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fairlearn.metrics import (
    MetricFrame,
    false_negative_rate,
    false_positive_rate,
    selection_rate,
    true_negative_rate,
    true_positive_rate,
)
from sklearn.metrics import accuracy_score, precision_score, roc_auc_score

from volley.engine.errors import ConfigError
from volley.ml.errors import FitError
from volley.ml.fairness import METRICS, Attribute, SliceOptions, SlicesTable, audit_arrays
from volley.ml.fairness.bootstrap import Bootstrap
from volley.ml.fairness.rates import all_metrics

RATES = {
    "fpr": false_positive_rate,
    "fnr": false_negative_rate,
    "tpr": true_positive_rate,
    "tnr": true_negative_rate,
    "precision": precision_score,
    "selection_rate": selection_rate,
    "accuracy": accuracy_score,
}
POINT = SliceOptions(ci=None, intersections=2, min_count=1)


class Sample:
    """Rows with two attributes, one of them rare in places."""

    def __init__(self, rows: int = 6000, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.sex = rng.integers(0, 2, rows).astype(np.int32)
        self.race = rng.choice(4, rows, p=[0.7, 0.2, 0.09, 0.01]).astype(np.int32)
        # scores with ties, some exactly on a threshold
        self.score = np.round(np.clip(rng.normal(0.45 + 0.05 * self.sex, 0.2, rows), 0, 1), 2)
        self.positive = rng.random(rows) < self.score

    @property
    def attributes(self) -> list[tuple[Attribute, np.ndarray]]:
        return [
            (Attribute(name="SEX", values=pa.array([1, 2])), self.sex),
            (Attribute(name="RACE", values=pa.array(["a", "b", "c", "d"])), self.race),
        ]

    def audit(self, options: SliceOptions, *, threads: int = 1) -> SlicesTable:
        return audit_arrays(self.attributes, self.score, self.positive, options, threads=threads)

    def take(self, rows: np.ndarray) -> Sample:
        other = Sample(1)
        other.sex, other.race = self.sex[rows], self.race[rows]
        other.score, other.positive = self.score[rows], self.positive[rows]
        return other


@pytest.fixture(scope="module")
def sample() -> Sample:
    return Sample()


def _row(table: pd.DataFrame, **members: object) -> pd.Series:
    chosen = table
    for name in ("SEX", "RACE"):
        column = chosen[name]
        chosen = chosen[column == members[name]] if name in members else chosen[column.isna()]
    assert len(chosen) == 1
    return chosen.iloc[0]


@pytest.mark.parametrize("by", [["SEX"], ["RACE"], ["SEX", "RACE"]])
@pytest.mark.parametrize("threshold", [0.25, 0.5, 0.77])
def test_rates_equal_fairlearn(sample: Sample, by: list[str], threshold: float) -> None:
    groups = pd.DataFrame({"SEX": sample.sex + 1, "RACE": np.array(list("abcd"))[sample.race]})
    theirs = MetricFrame(
        metrics=RATES,
        y_true=sample.positive,
        y_pred=sample.score >= threshold,
        sensitive_features=groups[by],
    )
    table = sample.audit(replace(POINT, thresholds=(0.9, threshold))).to_pandas()
    ours = table[table.threshold == threshold]
    for key, expected in theirs.by_group.iterrows():
        values = key if isinstance(key, tuple) else (key,)
        row = _row(ours, **dict(zip(by, values, strict=True)))
        for metric in RATES:
            assert row[metric] == pytest.approx(expected[metric], abs=1e-12), (key, metric)
    whole = _row(ours)
    assert whole["slice"] == "all"
    for metric in RATES:
        assert whole[metric] == pytest.approx(theirs.overall[metric], abs=1e-12)


def test_auc_is_exact_in_every_slice(sample: Sample) -> None:
    table = sample.audit(POINT).to_pandas()
    for _, row in table.iterrows():
        member = np.ones(len(sample.score), dtype=bool)
        if not pd.isna(row.SEX):
            member &= sample.sex + 1 == row.SEX
        if not pd.isna(row.RACE):
            member &= np.array(list("abcd"))[sample.race] == row.RACE
        assert row.n == member.sum()
        assert row.positives == sample.positive[member].sum()
        assert row.auc == pytest.approx(roc_auc_score(sample.positive[member], sample.score[member]), abs=1e-12)


@pytest.mark.parametrize("metric", ["fpr", "selection_rate"])
def test_gaps_equal_fairlearn(sample: Sample, metric: str) -> None:
    theirs = MetricFrame(
        metrics=RATES[metric],
        y_true=sample.positive,
        y_pred=sample.score >= 0.5,
        sensitive_features={"RACE": sample.race},
    )
    table = sample.audit(POINT)
    gap = table.difference(metric).set_index("by").loc["RACE"]
    assert gap["difference"] == pytest.approx(theirs.difference(), abs=1e-12)
    assert table.ratio(metric).set_index("by").loc["RACE", "ratio"] == pytest.approx(theirs.ratio(), abs=1e-12)
    names = [f"RACE={name}" for name in "abcd"]
    assert gap.largest == names[int(theirs.by_group.to_numpy().argmax())]
    assert gap.smallest == names[int(theirs.by_group.to_numpy().argmin())]
    assert list(table.difference(metric).by) == ["SEX", "RACE", "SEX & RACE"]


def test_columns_are_the_contract(sample: Sample) -> None:
    names = sample.audit(POINT).to_arrow().column_names
    metrics = [name + suffix for name in METRICS for suffix in ("", "_low", "_high")]
    assert names == ["slice", "SEX", "RACE", "n", "positives", "threshold", *metrics, "note"]


def test_intervals_agree_with_resampling_rows(sample: Sample) -> None:
    options = SliceOptions(n_boot=2000, thresholds=(0.5,))
    ours = sample.audit(options).to_pandas().set_index("slice")
    member = np.flatnonzero(sample.race == 1)
    rng = np.random.default_rng(1)
    draws: dict[str, list[float]] = {"fpr": [], "accuracy": [], "auc": []}
    for _ in range(600):
        rows = rng.choice(member, len(member))
        y, s = sample.positive[rows], sample.score[rows]
        draws["fpr"].append(float((s[~y] >= 0.5).mean()))
        draws["accuracy"].append(float(((s >= 0.5) == y).mean()))
        draws["auc"].append(float(roc_auc_score(y, s)))
    for metric, values in draws.items():
        low, high = np.quantile(values, [0.025, 0.975])
        width = high - low
        row = ours.loc["RACE=b"]
        assert row[f"{metric}_low"] == pytest.approx(low, abs=0.15 * width)
        assert row[f"{metric}_high"] == pytest.approx(high, abs=0.15 * width)
        assert row[f"{metric}_low"] < row[metric] < row[f"{metric}_high"]


@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_intervals_are_quantiles_of_the_replicates_that_have_a_value() -> None:
    values = np.random.default_rng(3).random((41, 4))
    values[5:9, 1] = np.nan
    values[1:, 2] = np.nan  # one replicate alone
    values[:, 3] = np.nan
    low, high = Bootstrap(n_boot=41, level=0.9, seed=0).interval(values)
    np.testing.assert_allclose(low, np.nanquantile(values, 0.05, axis=0), rtol=1e-12)
    np.testing.assert_allclose(high, np.nanquantile(values, 0.95, axis=0), rtol=1e-12)


def test_interval_of_a_difference(sample: Sample) -> None:
    gap = sample.audit(SliceOptions(n_boot=2000)).difference("selection_rate").set_index("by").loc["SEX"]
    sides = [sample.score[sample.sex == s] >= 0.5 for s in (0, 1)]
    error = np.sqrt(sum(side.var() / len(side) for side in sides))
    assert gap.high - gap.low == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert gap.low < gap["difference"] < gap.high


def test_the_seed_decides_and_the_threads_and_row_order_do_not(sample: Sample) -> None:
    options = SliceOptions(n_boot=300, intersections=2)
    first = sample.audit(options).to_arrow()
    assert sample.audit(options, threads=4).to_arrow().equals(first)
    shuffled = sample.take(np.random.default_rng(9).permutation(len(sample.score)))
    pd.testing.assert_frame_equal(shuffled.audit(options).to_pandas(), first.to_pandas())
    assert not sample.audit(replace(options, seed=1)).to_arrow().equals(first)


def test_small_and_one_sided_groups_are_rows_with_a_note() -> None:
    score = np.array([0.9] * 40 + [0.2] * 40 + [0.6] * 5)
    positive = np.array([True] * 40 + [False] * 40 + [True] * 5)
    codes = np.array([0] * 40 + [1] * 40 + [2] * 5, dtype=np.int32)
    attribute = Attribute(name="G", values=pa.array(["up", "down", None]))
    audit = audit_arrays([(attribute, codes)], score, positive, SliceOptions(n_boot=50, min_count=30))
    rows = {row["slice"]: row for row in audit.to_arrow().to_pylist()}
    assert rows["G=null"] | {"note": 0} == {
        **dict.fromkeys(rows["G=null"]),
        "slice": "G=null",
        "n": 5,
        "positives": 5,
        "threshold": 0.5,
        "note": 0,
    }
    assert rows["G=null"]["note"] == "fewer than 30 rows"
    assert rows["G=up"]["note"] == "no negative rows"
    assert (rows["G=up"]["fpr"], rows["G=up"]["fpr_low"], rows["G=up"]["auc"]) == (None, None, None)
    assert (rows["G=up"]["tpr"], rows["G=up"]["tpr_low"]) == (1.0, 1.0)
    assert rows["G=down"]["note"] == "no positive rows"
    assert rows["G=down"]["precision"] is None  # nobody selected
    gap = audit.difference("fpr")
    assert gap.loc[0, "difference"] == 0.0  # one slice has the rate
    assert np.isnan(gap.loc[0, "low"])
    assert audit.difference("auc").isna().loc[0, "difference"]


@pytest.mark.parametrize(("min_count", "note"), [(5, "no negative rows"), (6, "fewer than 6 rows")])
def test_as_many_rows_as_are_asked_for_are_enough(min_count: int, note: str) -> None:
    codes = np.array([0] * 20 + [1] * 5, dtype=np.int32)
    positive = np.array([True, False] * 10 + [True] * 5)
    attribute = Attribute(name="G", values=pa.array(["many", "few"]))
    options = SliceOptions(ci=None, min_count=min_count)
    rows = audit_arrays([(attribute, codes)], np.full(25, 0.9), positive, options).to_arrow().to_pylist()
    few = next(row for row in rows if row["slice"] == "G=few")
    assert few["note"] == note
    assert few["tpr"] == (1.0 if min_count == 5 else None)


def test_no_intervals_asked_for(sample: Sample) -> None:
    table = sample.audit(POINT)
    assert table.to_pandas().fpr_low.isna().all()
    assert table.difference("fpr")[["low", "high"]].isna().all(axis=None)


def test_float32_scores_and_edges() -> None:
    sample = Sample()
    as32 = audit_arrays(sample.attributes, sample.score.astype(np.float32), sample.positive, POINT)
    chosen = (sample.score.astype(np.float32) >= 0.5).mean()
    assert as32.to_pandas().selection_rate[0] == pytest.approx(chosen)


def test_many_thresholds_are_each_exact(sample: Sample) -> None:
    thresholds = tuple(np.linspace(0, 1, 101))
    table = sample.audit(replace(POINT, thresholds=thresholds, intersections=1)).to_pandas()
    whole = table[table.slice == "all"]
    expected = [(sample.score >= t).mean() for t in thresholds]
    np.testing.assert_allclose(whole.selection_rate, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"thresholds": ()}, "thresholds must be one or more"),
        ({"thresholds": (0.5, float("nan"))}, "finite"),
        ({"thresholds": (0.5, 0.5)}, "differ"),
        ({"intersections": 0}, "intersections"),
        ({"ci": "wald"}, "ci must be"),
        ({"n_boot": 0}, "n_boot"),
        ({"level": 1.0}, "level"),
        ({"seed": -1}, "seed"),
        ({"min_count": -1}, "min_count"),
    ],
)
def test_options_are_checked(change: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        SliceOptions(**change)  # type: ignore[arg-type] # wrong on purpose


def test_bad_rows_and_names_are_refused(sample: Sample) -> None:
    nothing = sample.take(np.array([], dtype=int))
    with pytest.raises(FitError, match="no rows"):
        nothing.audit(POINT)
    broken = sample.take(np.arange(10))
    broken.score = broken.score.copy()
    broken.score[3] = np.nan
    with pytest.raises(FitError, match="score is missing"):
        broken.audit(POINT)
    with pytest.raises(ConfigError, match="did you mean 'precision'"):
        sample.audit(POINT).difference("precison")
    with pytest.raises(ConfigError, match=r"no threshold 0\.4; it has 0\.5"):
        sample.audit(POINT).plot("fpr", threshold=0.4)


def test_metrics_of_no_rows_are_nan() -> None:
    counts = np.zeros((3, 2), dtype=np.int64)
    assert np.isnan(all_metrics(counts, np.array([1]))).all()
