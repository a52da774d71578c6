"""From the facts of finished steps to what the report shows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ..report.contents import (
    CalibrationBin,
    CheckResult,
    CheckState,
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
    Verdict,
)
from ..report.figures import EMPTY, byte_size, count, duration, metric
from .context import JobContext, train_key
from .manifest import Ending, job_hash
from .runner import FinishedStep
from .spec import ModelSpec

_AUDITED = ("selection_rate", "fpr", "fnr", "tpr", "tnr", "precision", "accuracy", "auc")
Facts = Mapping[str, Any]


def verdict_of(checks: Sequence[CheckResult]) -> Verdict:
    """Return failed where a check failed, warnings where one warned, else passed."""
    states = {check.state for check in checks}
    if "failed" in states:
        return "failed"
    return "warnings" if "warning" in states else "passed"


def checks_of(done: Sequence[FinishedStep]) -> list[CheckResult]:
    """Return every check that was made, in order."""
    found = []
    for step in done:
        facts: Facts = step.record.facts
        for check in facts.get("checks", ()):
            state: CheckState = "passed" if check["passed"] else "failed" if check["severity"] == "error" else "warning"
            found.append(CheckResult(subject=check["subject"], rule=check["rule"], state=state, detail=check["detail"]))
    return found


def report_of(context: JobContext, done: Sequence[FinishedStep], ending: Ending) -> ReportData:
    """Put everything together; sections whose step did not run are left out."""
    facts: dict[str, Facts] = {step.record.key: step.record.facts for step in done}
    checks = checks_of(done)
    models = _models(context, done, facts)
    fairness = _fairness(context, facts["fairness"]) if "fairness" in facts else None
    profile = _profile(facts["profile"]["profile"]) if "profile" in facts else None
    plans = [(step.record.name, step.record.facts["plan"]) for step in done if "plan" in step.record.facts]
    spec = context.job.spec
    return ReportData(
        name=spec.name,
        description=spec.description,
        verdict=ending.verdict,
        summary=_summary(checks),
        finished=ending.finished,
        headline=_headline(profile, models, checks, fairness, sum(step.record.seconds for step in done)),
        inputs=tuple(InputFile(**asdict(one)) for one in ending.inputs),
        profile=profile,
        checks=tuple(checks),
        models=models,
        explanation=_explanation(context, facts["explain"]) if "explain" in facts else None,
        fairness=fairness,
        plans=tuple(PlanText(table=table, text=str(text)) for table, text in plans),
        steps=tuple(_step(step) for step in done),
        outputs=tuple(OutputFile(name=o.name, path=o.path, bytes=o.bytes, rows=o.rows) for o in ending.outputs),
        environment=_environment(context, ending.environment, facts),
    )


def _summary(checks: Sequence[CheckResult]) -> str:
    if not checks:
        return "the job has no checks"
    passed = sum(check.state == "passed" for check in checks)
    parts = [f"{passed} of {len(checks)} checks passed"]
    for state, word in (("failed", "failed"), ("warning", "warned")):
        number = sum(check.state == state for check in checks)
        if number:
            parts.append(f"{number} {word}")
    return ", ".join(parts)


def _headline(
    profile: TableProfile | None,
    models: Sequence[ModelResult],
    checks: Sequence[CheckResult],
    fairness: Fairness | None,
    seconds: float,
) -> tuple[Fact, ...]:
    facts = []
    if profile is not None:
        facts.append(Fact(label="Rows", value=count(profile.rows)))
    primary = next((model for model in models if model.primary), None)
    if primary is not None:
        name = "auc" if "auc" in primary.metrics else next(iter(primary.metrics), None)
        if name is not None:
            label = "Test AUC" if name == "auc" else f"Test {name}"
            facts.append(Fact(label=label, value=metric(primary.metrics[name])))
    if checks:
        passed = sum(check.state == "passed" for check in checks)
        facts.append(Fact(label="Checks passed", value=f"{passed} / {len(checks)}"))
    gaps = [gap for gap in fairness.gaps if gap.metric == "fpr"] if fairness else []
    if gaps:
        largest = max(gaps, key=lambda gap: gap.difference.value)
        facts.append(Fact(label=f"FPR gap by {largest.column}", value=metric(largest.difference.value)))
    facts.append(Fact(label="Time in steps", value=duration(seconds)))
    return tuple(facts)


def _profile(data: Facts) -> TableProfile:
    columns = []
    for column in data["columns"]:
        bars = column["distribution"]
        drawn = None
        if bars is not None:
            drawn = Distribution(**{**bars, "labels": tuple(bars["labels"]), "counts": tuple(bars["counts"])})
        columns.append(ColumnProfile(**{**column, "distribution": drawn}))
    return TableProfile(**{**data, "columns": tuple(columns)})


def _models(context: JobContext, done: Sequence[FinishedStep], facts: Mapping[str, Facts]) -> tuple[ModelResult, ...]:
    train = context.job.spec.train
    if train is None or "evaluate" not in facts:
        return ()
    seconds = {step.record.key: step.record.seconds for step in done}
    primary = context.job.primary()
    return tuple(
        ModelResult(
            name=name,
            type=train.models[name].type,
            primary=name == primary,
            metrics=result["metrics"],
            seconds=seconds[train_key(name)],
            parameters=_parameters(train.models[name]),
            roc=tuple((x, y) for x, y in result["roc"]),
            calibration=tuple(
                CalibrationBin(predicted=p, observed=o, count=round(w)) for p, o, w in result["calibration"]
            ),
        )
        for name, result in facts["evaluate"]["models"].items()
    )


def _parameters(model: ModelSpec) -> str:
    return ", ".join(f"{name} {value}" for name, value in model.params.items())


def _explanation(context: JobContext, facts: Facts) -> Explanation:
    train = context.job.spec.train
    assert train is not None
    model = train.models[facts["model"]]
    effects = tuple(
        FeatureEffect(
            name=effect["name"],
            mean_size=effect["mean_size"],
            points=tuple(zip(effect["phi"], effect["rank"] or [None] * len(effect["phi"]), strict=True)),
        )
        for effect in facts["effects"]
    )
    method = "tree" if model.type == "gradient_boosting" else "linear"
    return Explanation(
        model=facts["model"],
        method=f"{method} SHAP",
        rows=facts["rows"],
        base_value=facts["base_value"],
        unit="label" if model.type == "ridge" else "log-odds",
        effects=effects,
    )


def _fairness(context: JobContext, facts: Facts) -> Fairness:
    spec = context.job.spec.fairness
    assert spec is not None
    threshold = spec.thresholds[0]
    rows = [row for row in context.tables["audit"].collect().to_pylist() if row["threshold"] == threshold]
    overall = next(row for row in rows if row["slice"] == "all")
    gaps = tuple(
        Gap(
            column=gap["by"],
            metric=name,
            difference=Interval(value=gap["difference"], low=_known(gap["low"]), high=_known(gap["high"])),
            lowest=_slice_label(str(gap["smallest"]), [gap["by"]]),
            highest=_slice_label(str(gap["largest"]), [gap["by"]]),
        )
        for name, found in facts["gaps"].items()
        for gap in found
        if gap["threshold"] == threshold and gap["by"] in spec.by and _known(gap["difference"]) is not None
    )
    interval = f"95% bootstrap intervals ({count(spec.n_boot)} replicates)"
    return Fairness(
        model=facts["model"],
        threshold=threshold,
        interval=interval if spec.ci == "bootstrap" else "no intervals were asked for",
        min_count=spec.min_count,
        overall=_slice(overall, ()),
        slices=tuple(_slice(row, _slice_columns(row["slice"], spec.by)) for row in rows if row is not overall),
        gaps=gaps,
    )


def _slice_columns(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that make a slice, from its text ``sex=Female & race=Asian``; values may hold such signs."""
    parts = (part.partition("=") for part in text.split(" & "))
    return tuple(name for name, sign, _ in parts if sign and name in known)


def _slice_label(text: str, by: Sequence[str]) -> str:
    """Return the values that make a slice, without the names of their columns."""
    values, rest = [], text.removeprefix(f"{by[0]}=")
    for name in by[1:]:
        value, _, rest = rest.partition(f" & {name}=")
        values.append(value)
    return ", ".join(value or EMPTY for value in (*values, rest))


def _slice(row: Facts, by: tuple[str, ...]) -> SliceResult:
    return SliceResult(
        label=_slice_label(row["slice"], by) if by else "All rows",
        by=by,
        n=row["n"],
        positives=row["positives"],
        metrics={
            name: Interval(value=row[name], low=row[f"{name}_low"], high=row[f"{name}_high"])
            for name in _AUDITED
            if row[name] is not None
        },
    )


def _known(value: float | None) -> float | None:
    """Return None for NaN too."""
    return None if value is None or math.isnan(value) else value


def _step(step: FinishedStep) -> StepResult:
    record = step.record
    return StepResult(
        name=record.name,
        kind=record.kind,
        rows=record.rows,
        bytes=record.bytes or None,
        seconds=record.seconds,
        reused=step.reused,
    )


def _environment(context: JobContext, environment: Mapping[str, Any], facts: Mapping[str, Facts]) -> tuple[Fact, ...]:
    shown = [Fact(label=name, value=version) for name, version in environment["libraries"].items()]
    copied = [facts[key]["handoff"] for key in facts if "handoff" in facts[key]]
    if copied:
        total = sum(handoff["copied_total"] for handoff in copied)
        shown.append(Fact(label="Copied at the ML hand-off", value=byte_size(total)))
    return (
        Fact(label="Python", value=environment["python"]),
        *shown,
        Fact(label="Machine", value=f"{environment['cores']} cores, {environment['platform']}"),
        Fact(label="Seed", value=str(context.job.spec.seed)),
        Fact(label="Job (SHA-256)", value=job_hash(context.job)[:16]),
    )
