"""A report with every section filled by made-up but plausible numbers."""

from __future__ import annotations

import numpy as np
import pytest

from volley.deploy.report.contents import (
    CalibrationBin,
    CheckResult,
    ColumnProfile,
    Distribution,
    Explanation,
    Fact,
    Fairness,
    FeatureEffect,
    Gap,
    InputFile,
    Interval,
    ModelResult,
    OutputFile,
    PlanText,
    ReportData,
    SliceResult,
    StepResult,
    TableProfile,
)


@pytest.fixture
def report_data() -> ReportData:
    return full_report()


def full_report() -> ReportData:
    random = np.random.default_rng(7)
    return ReportData(
        name="Employment in Massachusetts",
        description="Who is employed, by the American Community Survey: two models, explained and audited.",
        verdict="warnings",
        summary="11 of 12 checks passed, 1 warning",
        finished="2026-11-23 13:05 UTC",
        headline=(
            Fact(label="Rows", value="277,677"),
            Fact(label="Test AUC", value="0.893"),
            Fact(label="Checks passed", value="11 / 12"),
            Fact(label="Largest FPR gap", value="0.182"),
            Fact(label="Wall time", value="14.2 s"),
        ),
        inputs=(
            InputFile(table="features", path="data/features.parquet", bytes=3_412_019, sha256="9f" * 32),
            InputFile(table="target", path="data/target.parquet", bytes=612_332, sha256="1c" * 32),
            InputFile(table="labels", path="data/labels.csv", bytes=1_204, sha256="a7" * 32),
        ),
        profile=TableProfile(table="people", rows=277_677, profiled=277_677, columns=_columns(random)),
        checks=_checks(),
        models=(_model("logistic", 0.861, random), _model("boosting", 0.893, random, primary=True)),
        explanation=_explanation(random),
        fairness=_fairness(random),
        plans=(
            PlanText(
                table="people",
                text="Filter AGEP >= 16\n└─ Join features.id = target.id\n   ├─ Scan <features>\n   └─ Scan target",
            ),
        ),
        steps=tuple(
            StepResult(name=name, kind=kind, rows=rows, bytes=size, seconds=seconds, reused=index < 2)
            for index, (name, kind, rows, size, seconds) in enumerate(
                [
                    ("people", "sql", 277_677, 5_123_456, 0.84),
                    ("quality", "quality", None, None, 0.21),
                    ("split", "split", 277_677, 5_223_456, 0.31),
                    ("train logistic", "train", None, 14_200, 1.92),
                    ("train boosting", "train", None, 2_212_000, 5.84),
                    ("evaluate", "evaluate", None, None, 0.66),
                    ("explain", "explain", 20_000, 3_800_000, 2.4),
                    ("fairness", "fairness", 41, 9_000, 0.5),
                ]
            )
        ),
        outputs=(
            OutputFile(name="scored", path="scored.parquet", bytes=2_000_000, rows=69_419),
            OutputFile(name="model boosting", path="models/boosting", bytes=2_212_000),
        ),
        environment=(
            Fact(label="Volley", value="0.1.0"),
            Fact(label="Python", value="3.11.7"),
            Fact(label="pyarrow", value="26.0.1"),
            Fact(label="Seed", value="0"),
            Fact(label="Job hash", value="5be0cd19137e2179"),
            Fact(label="Copied at ML hand-off", value="53.3 MB"),
        ),
    )


def _columns(random: np.random.Generator) -> tuple[ColumnProfile, ...]:
    ages = np.histogram(random.normal(48, 19, 20_000).clip(0, 95), bins=24)[0] * 14
    bars = Distribution(
        labels=tuple(f"{4 * i} – {4 * i + 4}" for i in range(24)), counts=tuple(map(int, ages)), numeric=True
    )
    sex = Distribution(labels=("Female", "Male"), counts=(143_000, 134_677), numeric=False)
    race = Distribution(
        labels=("White", "Black", "Asian"), counts=(222_000, 20_000, 15_000), numeric=False, other=20_677
    )
    return (
        ColumnProfile(
            name="AGEP",
            type="int64",
            nulls=0,
            distinct=95,
            low="16",
            middle="47",
            high="95",
            role="numeric",
            distribution=bars,
        ),
        ColumnProfile(name="SEX", type="string", nulls=0, distinct=2, role="categorical", distribution=sex),
        ColumnProfile(name="RAC1P", type="string", nulls=132, distinct=9, role="categorical", distribution=race),
        ColumnProfile(name="EMPLOYED", type="bool", nulls=0, distinct=2, role="label"),
    )


def _checks() -> tuple[CheckResult, ...]:
    return (
        CheckResult(subject="people", rule="id, AGEP not null", state="passed", detail="0 of 277,677 rows failed"),
        CheckResult(subject="people", rule="AGEP from 0 to 99", state="passed", detail="0 of 277,677 rows failed"),
        CheckResult(subject="boosting", rule="AUC at least 0.85", state="passed", detail="0.893"),
        CheckResult(subject="RAC1P", rule="FPR gap at most 0.1", state="warning", detail="0.182"),
    )


def _model(name: str, auc: float, random: np.random.Generator, *, primary: bool = False) -> ModelResult:
    steepness = auc / (1 - auc)
    x = np.linspace(0, 1, 80) ** 2
    bins = [
        CalibrationBin(
            predicted=0.05 + 0.1 * i,
            observed=float(np.clip(0.05 + 0.1 * i + random.normal(0, 0.02 if primary else 0.04), 0, 1)),
            count=int(random.integers(2_000, 20_000)),
        )
        for i in range(10)
    ]
    return ModelResult(
        name=name,
        type="gradient_boosting" if primary else "logistic_regression",
        primary=primary,
        metrics={"auc": auc, "log_loss": 1.25 - auc, "brier": 1.02 - auc, "accuracy": auc - 0.06, "f1": auc - 0.05},
        seconds=5.84 if primary else 1.92,
        parameters="n_trees 200, max_depth 6" if primary else "C 1",
        roc=tuple((float(a), float(b)) for a, b in zip(x, 1 - (1 - x) ** steepness, strict=True)),
        calibration=tuple(bins),
    )


def _explanation(random: np.random.Generator) -> Explanation:
    names = ["AGEP", "SCHL", "DIS", "RELP", "MAR", "ESP", "SEX", "MIL", "RAC1P", "CIT", "NATIVITY", "MIG"]
    made = []
    for index, name in enumerate(names):
        rank = random.random(300)
        spread = 1.6 * 0.7**index
        phi = spread * (rank - 0.5) * 2 + random.normal(0, spread * 0.25, 300)
        ordered = name not in ("RAC1P", "RELP")
        points = tuple((float(p), float(r) if ordered else None) for p, r in zip(phi, rank, strict=True))
        made.append(FeatureEffect(name=name, mean_size=float(np.abs(phi).mean()), points=points))
    return Explanation(
        model="boosting", method="tree", rows=20_000, base_value=0.213, unit="log-odds", effects=tuple(made)
    )


def _fairness(random: np.random.Generator) -> Fairness:
    metrics = {
        "fpr": 0.21,
        "fnr": 0.14,
        "tpr": 0.86,
        "tnr": 0.79,
        "precision": 0.81,
        "selection_rate": 0.55,
        "accuracy": 0.83,
        "auc": 0.89,
    }

    def one(label: str, by: tuple[str, ...], n: int) -> SliceResult:
        values = {}
        for name, middle in metrics.items():
            value = float(np.clip(middle + random.normal(0, 0.05), 0.01, 0.99))
            half = 1.0 / n**0.5
            values[name] = Interval(value=value, low=max(value - half, 0), high=min(value + half, 1))
        return SliceResult(label=label, by=by, n=n, positives=int(n * 0.53), metrics=values if n >= 30 else {})

    overall = SliceResult(
        label="All rows", by=(), n=69_419, positives=36_000, metrics={k: Interval(value=v) for k, v in metrics.items()}
    )
    slices = (
        one("Female", ("SEX",), 35_812),
        one("Male", ("SEX",), 33_607),
        one("White", ("RAC1P",), 55_310),
        one("Black", ("RAC1P",), 5_121),
        one("Asian", ("RAC1P",), 4_460),
        one("American Indian", ("RAC1P",), 91),
        one("Native Hawaiian", ("RAC1P",), 12),
        one("Female, Black", ("SEX", "RAC1P"), 2_711),
        one("Male, Black", ("SEX", "RAC1P"), 2_410),
    )
    gaps = (
        Gap(
            column="SEX",
            metric="fpr",
            difference=Interval(value=0.081, low=0.07, high=0.092),
            lowest="Female 0.174",
            highest="Male 0.255",
        ),
        Gap(
            column="RAC1P",
            metric="fpr",
            difference=Interval(value=0.182, low=0.151, high=0.21),
            lowest="Asian 0.131",
            highest="Black 0.313",
        ),
    )
    return Fairness(
        model="boosting",
        threshold=0.5,
        interval="95% bootstrap intervals (1,000 replicates)",
        min_count=30,
        overall=overall,
        slices=slices,
        gaps=gaps,
    )
