"""A whole job: what it leaves behind, what a second run keeps, and how it ends when something is wrong."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from tests.support.small_job import JOB, write_small_job
from volley import ml
from volley.deploy.job.document import JobSpecError
from volley.deploy.job.fingerprint import of_file
from volley.deploy.job.load import Job, load_job
from volley.deploy.job.progress import LogProgress
from volley.deploy.job.run import JobOutcome, outcome_text, run_job
from volley.engine.errors import ReadError, UserFunctionError, VolleyError

Loader = Callable[..., Job]


class Lines:
    """Collects what a log would print."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None: ...


@pytest.fixture(autouse=True)
def _forget_functions() -> None:
    """Each test has its own ``functions.py``; a run in a process of its own would import it anew."""
    sys.modules.pop("functions", None)


def run(job: Job, **options: bool) -> tuple[JobOutcome, list[str]]:
    """Run a job; return its outcome and the names of the steps that really ran."""
    sys.modules.pop("functions", None)
    lines = Lines()
    outcome = run_job(job, progress=LogProgress(lines), **options)  # type: ignore[arg-type]  # all a log needs
    ran = [line.split("] ")[1] for line in lines.text.splitlines() if line.endswith("…")]
    return outcome, [name.removesuffix(" …") for name in ran]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a job that has run, to be copied."""
    folder = tmp_path_factory.mktemp("finished")
    write_small_job(folder)
    (folder / "job.yaml").write_text(JOB)
    run(load_job(folder / "job.yaml", environment={}))
    return folder


@pytest.fixture(name="after_a_run")
def _after_a_run(finished: Path, folder: Path) -> None:
    """Let the job have run in the test's folder."""
    shutil.copytree(finished, folder, dirs_exist_ok=True)


ALL = [
    "people (check)",
    "adults (sql)",
    "cleaned (python)",
    "cleaned (check)",
    "cleaned (profile)",
    "cleaned (split)",
    "plain (train)",
    "trees (train)",
    "test (evaluate)",
    "scored (predict)",
    "explanations (explain)",
    "audit (fairness)",
]


def manifest(folder: Path, name: str = "manifest.json") -> Any:
    return json.loads((folder / "out" / name).read_text())


def outputs(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "out").iterdir() if path.name != ".work")


def test_a_whole_job_leaves_its_outputs(job_of: Loader, folder: Path) -> None:
    outcome, ran = run(job_of())
    out = folder / "out"
    assert ran == ALL
    assert outcome.verdict == "passed"
    assert outcome.failure is None
    assert outputs(folder) == [
        "audit.csv",
        "explanations.parquet",
        "manifest.json",
        "models",
        "report.html",
        "scored",
    ]
    scored = ds.dataset(out / "scored", partitioning="hive").to_table()
    assert {"id", "works", "prediction", "score", "sex"} <= set(scored.column_names)
    explained = pq.read_table(out / "explanations.parquet")
    assert {"base_value", "phi_age", "phi_town"} <= set(explained.column_names)
    assert 60 <= explained.num_rows <= 140
    page = (out / "report.html").read_text()
    for text in ("Passed", "mean |SHAP|", "sex × town", "AUC", "Join"):
        assert text in page
    assert "report:" in outcome_text(outcome)


@pytest.mark.usefixtures("after_a_run")
def test_the_manifest_says_what_went_in_and_came_out(job_of: Loader, folder: Path) -> None:
    said = manifest(folder)
    assert {i["path"]: i["sha256"] for i in said["inputs"]} == {
        "people.parquet": of_file(folder / "people.parquet"),
        "towns.csv": of_file(folder / "towns.csv"),
    }
    for output in said["outputs"]:
        path = folder / "out" / output["path"]
        files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
        assert output["bytes"] == sum(p.stat().st_size for p in files)
        if path.is_file():
            assert output["sha256"] == of_file(path)
    steps = {step["name"]: step for step in said["steps"] if step["kind"] in ("sql", "python")}
    people = pq.read_table(folder / "people.parquet")
    adults = people.filter(pc.greater_equal(people["age"], 18))
    assert steps["adults"]["rows"] == adults.num_rows
    assert steps["cleaned"]["rows"] == adults.num_rows - adults["income"].null_count
    assert steps["adults"]["bytes"] > 0
    assert said["handoff"]["plain"]["copied_total"] > 0
    assert said["verdict"] == "passed"
    assert said["seeds"] == {"job": 1, "split": 1}
    assert said["environment"]["libraries"]["pyarrow"]


@pytest.mark.usefixtures("after_a_run")
def test_metrics_and_model_agree_with_the_ml_room(job_of: Loader, folder: Path) -> None:
    scored = ds.dataset(folder / "out" / "scored", partitioning="hive").to_table()
    auc = ml.metrics.auc(scored["works"].to_numpy(), scored["score"].to_numpy())
    assert manifest(folder)["metrics"]["trees"]["auc"] == pytest.approx(auc, abs=1e-12)
    assert ml.load(folder / "out" / "models" / "plain").name == "LogisticRegression"


def test_a_second_run_computes_nothing_and_gives_the_same(job_of: Loader, folder: Path) -> None:
    run(job_of())
    first = {o["path"]: o["sha256"] for o in manifest(folder)["outputs"]}
    outcome, ran = run(job_of())
    assert ran == []
    assert outcome.verdict == "passed"
    assert {o["path"]: o["sha256"] for o in manifest(folder)["outputs"]} == first
    assert all(step["reused"] for step in manifest(folder)["steps"])
    assert run(job_of(), fresh=True)[1] == ALL


@pytest.mark.usefixtures("after_a_run")
def test_a_changed_step_runs_again_with_all_later_ones(job_of: Loader, folder: Path) -> None:
    assert run(job_of(("rows: 100", "rows: 50")))[1] == ALL[10:]
    assert run(job_of(("max_depth: 3", "max_depth: 2"), ("rows: 100", "rows: 50")))[1] == ALL[7:]
    assert run(job_of(("age >= 18", "age >= 21")))[1] == ALL[1:]


@pytest.mark.usefixtures("after_a_run")
def test_changed_inputs_and_functions_are_noticed(job_of: Loader, folder: Path) -> None:
    (folder / "functions.py").write_text("def clean(adults):\n    return adults[adults.income > 20]\n")
    assert run(job_of())[1] == ALL[2:]
    (folder / "towns.csv").write_text("id,name\n1,Ayr\n2,Bath\n3,York\n")
    assert run(job_of())[1] == ALL


@pytest.mark.usefixtures("after_a_run")
def test_outputs_that_the_job_no_longer_makes_are_removed(job_of: Loader, folder: Path) -> None:
    (folder / "out" / "mine.txt").write_text("kept")
    run(job_of(("audit: {format: csv}", "audit: {format: parquet}"), ("explanations: {}", "cleaned: {format: ipc}")))
    assert outputs(folder) == [
        "audit.parquet",
        "cleaned.arrow",
        "manifest.json",
        "mine.txt",
        "models",
        "report.html",
        "scored",
    ]


def test_a_failed_check_stops_the_job_with_a_report_but_no_outputs(job_of: Loader, folder: Path) -> None:
    outcome, ran = run(job_of(("not_null: [id, works]", "range: {column: age, max: 80}")))
    assert ran == ALL[:4]
    assert outcome.verdict == "failed"
    assert outcome.failure is not None
    assert outcome.failure.startswith("check failed on cleaned: age at most 80; found ")
    assert outputs(folder) == ["manifest.failed.json", "report.failed.html"]
    assert manifest(folder, "manifest.failed.json")["failure"] == outcome.failure
    assert "report.failed.html" in outcome_text(outcome)


@pytest.mark.usefixtures("after_a_run")
def test_a_failed_run_leaves_the_last_good_outputs(job_of: Loader, folder: Path) -> None:
    good = {
        path: path.read_bytes()
        for path in (folder / "out").rglob("*.*")
        if path.is_file() and ".work" not in path.parts
    }
    outcome, _ = run(job_of(("min: 0.6", "min: 0.999")))
    assert outcome.verdict == "failed"
    assert outcome.failure is not None
    assert "AUC at least 0.999" in outcome.failure
    assert {path: path.read_bytes() for path in good} == good
    assert manifest(folder, "manifest.failed.json")["outputs"] == []
    run(job_of())
    assert not [name for name in outputs(folder) if "failed" in name]


def test_a_warning_does_not_stop_the_job(job_of: Loader) -> None:
    outcome, ran = run(job_of(("max_failed: 0.9", "max_failed: 0.1")))
    assert outcome.verdict == "warnings"
    assert ran == ALL
    assert "warning: cleaned: age < 60" in outcome_text(outcome)


def test_views_are_planned_through_and_not_stored(job_of: Loader, folder: Path) -> None:
    outcome, ran = run(job_of(("  - name: adults\n", "  - name: adults\n    view: true\n")))
    assert outcome.verdict == "passed"
    assert "adults (sql)" not in ran
    assert not (folder / "out" / ".work" / "step-adults").exists()


def test_a_job_without_models(job_of: Loader, folder: Path) -> None:
    text = (folder / "job.yaml").read_text()
    head = text[: text.index("split:")]
    (folder / "job.yaml").write_text(head + "outputs: {dir: out, tables: {cleaned: {format: csv}}}\n")
    from volley.deploy.job.load import load_job

    outcome, ran = run(load_job(folder / "job.yaml", environment={}))
    assert outcome.verdict == "passed"
    assert ran == ALL[:5]
    assert (folder / "out" / "cleaned.csv").is_file()


@pytest.mark.usefixtures("after_a_run")
@pytest.mark.parametrize("threads", [1, 3])
def test_results_do_not_depend_on_threads(job_of: Loader, folder: Path, threads: int) -> None:
    first = manifest(folder)
    run(job_of(overrides=(f"session.threads={threads}",)), fresh=True)
    again = manifest(folder)
    assert again["metrics"] == first["metrics"]


# ------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        ("where p.age >= 18", "where p.agee >= 18", 13, "agee"),
        ("left join towns t", "left join town t", 12, "town"),
        ("select p.*, t.name as town", "selec p.*, t.name as town", 10, ""),
        ('"age < 60"', '"aeg < 60"', 20, "aeg"),
        ("not_null: [id, works]", "not_null: [di]", 19, "di"),
        ("params: {n_trees: 8,", "params: {n_tree: 8,", 30, "did you mean 'n_trees'?"),
        ("max_depth: 3", "max_depth: 0", 30, "max_depth"),
        ("[standard_scaler,", "[{standard_scaler: {with_men: true}},", 27, "no parameter 'with_men'"),
        ("python: functions:clean", "python: functions:cleen", 15, "module functions has no function 'cleen'"),
        ("python: functions:clean", "python: funktions:clean", 15, "no module 'funktions'; modules are looked up in"),
    ],
)
def test_mistakes_point_into_the_job_file(
    job_of: Loader, folder: Path, old: str, new: str, line: int, expected: str
) -> None:
    job = job_of((old, new))
    with pytest.raises(JobSpecError) as caught:
        run(job)
    (problem,) = caught.value.problems
    assert (problem.position.source, problem.position.line) == (str(folder / "job.yaml"), line)
    assert expected in problem.message
    assert "\n" not in str(caught.value)
    after_the_function = line in (19, 20)
    stored = [path.name for path in (folder / "out" / ".work").iterdir() if path.is_dir()]
    assert bool(stored) == after_the_function


def test_unknown_feature_is_one_clear_line(job_of: Loader) -> None:
    with pytest.raises(VolleyError, match=r"incme.*did you mean 'income'") as caught:
        run(job_of(("numeric: [age, income]", "numeric: [age, incme]")))
    assert "\n" not in str(caught.value)


BEFORE_ANY_WORK = [
    ("stratify: works", "stratify: wroks", "job.yaml:20:51: unknown column 'wroks'; did you mean 'works'?"),
    ("key: [id]", "key: [ix]", "job.yaml:20:64: unknown column 'ix'; available: id, age"),
    ("by: [sex, town]", "by: [sex, twon]", "job.yaml:33:22: unknown column 'twon'; did you mean 'town'?"),
    ("partition_by: [sex]", "partition_by: [sx]", "unknown column 'sx'; did you mean 'sex'?"),
    (
        "numeric: [age, income]",
        "numeric: [age, incme]",
        "unknown column 'incme' (a feature of the model)",
    ),
    ("numeric: [age, income]", "numeric: [age, sex]", "numeric feature 'sex' is string"),
]


@pytest.mark.parametrize(("old", "new", "expected"), BEFORE_ANY_WORK)
def test_columns_are_checked_before_any_work(job_of: Loader, folder: Path, old: str, new: str, expected: str) -> None:
    both = ("categorical: [sex, town]", "categorical: [town]") if "age, sex" in new else ("name: small", "name: small")
    as_query = ("    python: functions:clean\n    inputs: [adults]\n", "    sql: select * from adults\n")
    with pytest.raises(JobSpecError, match=re.escape(expected)):
        run(job_of((old, new), both, as_query))
    assert [path.name for path in (folder / "out" / ".work").iterdir()] == ["lock"]


def test_errors_while_running_name_their_step(job_of: Loader) -> None:
    with pytest.raises(VolleyError, match=r"works.*has one class") as caught:
        run(job_of(("select p.*, t.name", "select p.id, p.age, p.income, p.sex, 1 as works, t.name")))
    assert caught.value.__notes__ == ["in step plain, train"]


def test_no_rows_is_an_error_not_a_crash(job_of: Loader) -> None:
    with pytest.raises(VolleyError, match="no rows") as caught:
        run(job_of(("p.age >= 18", "p.age >= 1800")))
    assert "\n" not in str(caught.value)


def test_missing_source(job_of: Loader, folder: Path) -> None:
    (folder / "towns.csv").unlink()
    with pytest.raises(ReadError, match="towns") as caught:
        run(job_of())
    assert "\n" not in str(caught.value)


def test_truncated_source(job_of: Loader, folder: Path) -> None:
    whole = (folder / "people.parquet").read_bytes()
    (folder / "people.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReadError, match=r"people\.parquet") as caught:
        run(job_of())
    assert "\n" not in str(caught.value)


def test_unknown_reader_option_points_at_the_source(job_of: Loader) -> None:
    with pytest.raises(JobSpecError, match=r"job\.yaml:6:\d+: .*delimeter.*did you mean 'delimiter'"):
        run(job_of(("{path: towns.csv}", "{path: towns.csv, options: {delimeter: ','}}")))


def test_a_function_that_raises_is_named(job_of: Loader, folder: Path) -> None:
    (folder / "functions.py").write_text("def clean(adults):\n    return 1 / 0\n")
    with pytest.raises(UserFunctionError, match="functions:clean raised ZeroDivisionError: division by zero"):
        run(job_of())
    (folder / "functions.py").write_text("def clean(adults):\n    return 5\n")
    with pytest.raises(UserFunctionError, match="functions:clean must return a frame, not int"):
        run(job_of())
    (folder / "functions.py").write_text("raise RuntimeError('no luck')\n")
    with pytest.raises(UserFunctionError, match="importing functions raised RuntimeError: no luck"):
        run(job_of())


def test_after_a_mistake_is_mended_the_job_goes_on(job_of: Loader, folder: Path) -> None:
    (folder / "functions.py").write_text("def clean(adults):\n    return 1 / 0\n")
    with pytest.raises(UserFunctionError):
        run(job_of())
    (folder / "functions.py").write_text("def clean(adults):\n    return adults[adults.income.notna()]\n")
    assert run(job_of())[1] == ALL[2:]


# ----------------------------------------------------------------------------------------------- killed


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


def is_whole(folder: Path) -> bool:
    """Tell whether the outputs are those that their manifest describes."""
    described = manifest(folder)["outputs"]
    found = {output["path"]: (folder / "out" / output["path"]).exists() for output in described}
    hashed = {o["path"]: o["sha256"] for o in described if (folder / "out" / o["path"]).is_file()}
    return all(found.values()) and all(of_file(folder / "out" / path) == sha256 for path, sha256 in hashed.items())


@pytest.mark.usefixtures("after_a_run")
@pytest.mark.parametrize("moment", range(10))
def test_a_run_killed_between_two_moves_is_finished_by_the_next(
    job_of: Loader, folder: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    replace = Path.replace
    moved: list[Path | str] = []

    def dying(self: Path, target: Path | str) -> Path:
        if Path(target).name == ".replaced" or (".publish" in str(self) and ".publish" not in str(target)):
            if len(moved) == moment:
                raise Killed
            moved.append(target)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", dying)
    other = ("max_depth: 3", "max_depth: 2")
    with pytest.raises(Killed):
        run(job_of(other))
    monkeypatch.undo()
    assert (folder / "out" / "manifest.json").exists()
    lines = Lines()
    sys.modules.pop("functions", None)
    outcome = run_job(job_of(other), progress=LogProgress(lines))
    assert outcome.verdict == "passed"
    assert "the outputs of an earlier run, which was killed, were put into" in lines.text
    assert not [line for line in lines.text.splitlines() if line.endswith("…")]
    assert is_whole(folder)
    assert not list((folder / "out").rglob(".publish"))
    assert not list((folder / "out").rglob(".replaced"))
