"""From a job to the list of steps that the runner executes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

from pydantic import BaseModel

from . import fingerprint, modelling
from .checks import run_checks
from .context import JobContext, train_key
from .document import Location
from .profile import profile_table
from .runner import JobStep, StepOutcome
from .spec import QualityCheck, StepSpec
from .tables import step_key

Body = Callable[[JobContext, Path], StepOutcome]


def build_steps(context: JobContext) -> list[JobStep]:
    """Return every step in an order in which each needs only earlier ones; checks follow the table they look at."""
    return [*_data_steps(context), *_model_steps(context)]


def profiled_table(context: JobContext) -> str:
    """Return the table that the report describes: the one that is split, else the last one made."""
    spec = context.job.spec
    if spec.split is not None:
        return spec.split.table
    return spec.steps[-1].name if spec.steps else list(spec.sources)[-1]


def _data_steps(context: JobContext) -> Iterator[JobStep]:
    spec = context.job.spec
    checks: dict[str, list[tuple[Location, QualityCheck]]] = {}
    for index, check in enumerate(spec.quality):
        checks.setdefault(check.on, []).append((("quality", index), check))
    for name in spec.sources:
        if name in checks:
            yield _check_step(context, name, checks[name])
    for index, step in enumerate(spec.steps):
        if not step.view:
            yield _table_step(context, index, step)
        if step.name in checks:
            yield _check_step(context, step.name, checks[step.name])
    if spec.outputs.report:
        name = profiled_table(context)
        yield JobStep(key="profile", name=name, kind="profile", identity=name, run=lambda _: _profile(context, name))


def _table_step(context: JobContext, index: int, step: StepSpec) -> JobStep:
    views = [_data(view) for view in context.job.spec.steps[:index] if view.view]
    identity: list[object] = [_data(step), views]
    if step.python is not None:
        module = context.job.folder / (step.python.partition(":")[0].replace(".", "/") + ".py")
        identity.append(fingerprint.of_file(module) if module.is_file() else None)

    def run(folder: Path) -> StepOutcome:
        frame = context.tables.plan_step(index, step)
        plan = frame.explain("optimized")
        return StepOutcome(rows=context.store(frame, folder), facts={"plan": plan})

    kind = "python" if step.sql is None else "sql"
    return JobStep(key=step_key(step), name=step.name, kind=kind, identity=identity, run=run)


def _check_step(context: JobContext, name: str, checks: list[tuple[Location, QualityCheck]]) -> JobStep:
    def run(_: Path) -> StepOutcome:
        outcomes = run_checks(name, checks, context.tables)
        return StepOutcome(facts={"checks": [asdict(outcome) for outcome in outcomes]})

    identity = [_data(check) for _, check in checks]
    return JobStep(key=f"check-{name}", name=name, kind="check", identity=identity, run=run, blocks=failed_checks)


def failed_checks(facts: Mapping[str, object]) -> str | None:
    """Return what failed among the checks of a step's facts that stop the job, or None."""
    found = facts.get("checks", ())
    assert isinstance(found, list | tuple)
    failed = [c for c in found if not c["passed"] and c["severity"] == "error"]
    if not failed:
        return None
    first = failed[0]
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return f"check failed on {first['subject']}: {first['rule']}; found {first['detail']}{more}"


def _profile(context: JobContext, name: str) -> StepOutcome:
    spec = context.job.spec
    roles: dict[str, str] = {}
    if spec.train is not None and spec.split is not None and name == spec.split.table:
        features = spec.train.features
        roles = dict.fromkeys(features.numeric, "numeric") | dict.fromkeys(features.categorical, "categorical")
        roles[features.label] = "label"
        if features.weight is not None:
            roles[features.weight] = "weight"
    profile = profile_table(name, context.tables[name], roles)
    return StepOutcome(rows=profile.rows, facts={"profile": asdict(profile)})


def _model_steps(context: JobContext) -> Iterator[JobStep]:
    spec = context.job.spec
    if spec.split is None:
        return
    modelling.add_split(context)
    yield _step(context, "split", spec.split.table, "split", [_data(spec.split), spec.seed], modelling.count_split)
    if spec.train is None:
        return
    for name, model in spec.train.models.items():
        yield JobStep(
            key=train_key(name),
            name=name,
            kind="train",
            identity=[_data(spec.train.features), _data(model)],
            run=partial(modelling.train, context, name),
        )
    yield _step(context, "evaluate", "test", "evaluate", _data(spec.evaluate), modelling.evaluate)
    primary = context.job.primary
    sections: tuple[tuple[str, str, Body], ...] = (
        ("predict", "scored", modelling.predict),
        ("explain", "explanations", modelling.explain),
        ("fairness", "audit", modelling.audit),
    )
    for section, table, body in sections:
        chosen = getattr(spec, section)
        if chosen is not None:
            context.tables.add_stored(table, section)
            yield _step(context, section, table, section, [_data(chosen), primary(chosen.model)], body)


def _step(context: JobContext, key: str, name: str, kind: str, identity: object, body: Body) -> JobStep:
    return JobStep(key=key, name=name, kind=kind, identity=identity, run=partial(body, context))


def _data(section: BaseModel | None) -> object:
    return None if section is None else section.model_dump(mode="json")
