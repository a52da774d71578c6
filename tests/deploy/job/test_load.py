"""Every mistake in a job file is reported with its place, the allowed names and the nearest one."""

from __future__ import annotations

from pathlib import Path

import pytest

from volley.deploy.job.checks import describe_rule
from volley.deploy.job.document import JobSpecError
from volley.deploy.job.load import Job, load_job

MINIMAL = """\
name: small
sources:
  people: {path: people.parquet}
"""

WHOLE = """\
name: whole
seed: 3
session: {device: cpu, threads: 2, memory_limit: 4GiB}
sources:
  people:
    path: [a.csv, b.csv]
    format: csv
    options: {delimiter: ";"}
steps:
  - name: adults
    sql: |
      select * from people
      where age >= 18
  - name: cleaned
    python: steps:clean
    inputs: [adults, people]
quality:
  - {on: cleaned, not_null: [id]}
  - {on: cleaned, range: {column: age, min: 18}, max_failed: 0.01, severity: warn}
split: {table: cleaned, test_size: 0.2, stratify: works}
train:
  features: {numeric: [age], categorical: [sex], label: works}
  models:
    plain:
      type: logistic_regression
      preprocessing: [standard_scaler, one_hot_encoder, {simple_imputer: {strategy: median}}]
      params: {C: 0.5}
    trees: {type: gradient_boosting}
evaluate: {require: [{metric: auc, min: 0.7}]}
predict: {}
explain: {rows: 100}
fairness: {by: [sex], thresholds: [0.3, 0.5]}
outputs:
  tables:
    scored: {format: parquet, partition_by: [sex]}
    audit: {format: csv}
"""


def load(folder: Path, text: str, *overrides: str, **environment: str) -> Job:
    path = folder / "job.yaml"
    path.write_text(text)
    return load_job(path, overrides=overrides, environment=environment)


def mistakes(folder: Path, text: str, *overrides: str, **environment: str) -> list[str]:
    with pytest.raises(JobSpecError) as caught:
        load(folder, text, *overrides, **environment)
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def test_a_whole_job_is_read(tmp_path: Path) -> None:
    job = load(tmp_path, WHOLE)
    spec = job.spec
    assert spec.session.memory_limit == 4 * 2**30
    assert spec.sources["people"].path == ("a.csv", "b.csv")
    assert spec.steps[0].sql == "select * from people\nwhere age >= 18\n"
    assert spec.train is not None
    kinds = [(step.type, dict(step.params)) for step in spec.train.models["plain"].preprocessing]
    assert kinds[2] == ("simple_imputer", {"strategy": "median"})
    assert spec.quality[1].kind == "range"
    assert job.primary() == "trees"
    assert job.primary("plain") == "plain"
    assert job.folder == tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "job.yaml:1:1: the document is empty"),
        ("- a\n", "job.yaml:1:1: a job is a mapping (name: …, sources: …), not a single value or a list"),
        ("name: [a\n", "job.yaml:2:1: not valid YAML: expected ',' or ']', but got '<stream end>'"),
        ("name: a\nname: b\n", "job.yaml:2:1: duplicate key 'name'; it already stands at job.yaml:1:1"),
        (
            "name: a\n\tb: c\n",
            (
                "job.yaml:2:1: not valid YAML: found character '\\t' that cannot start any token; "
                "indent with spaces, not tabs"
            ),
        ),
        ("name: &a [*a]\n", "job.yaml:1:7: an alias refers to a value that holds the alias itself"),
        ("name: 2026-13-45\n", "job.yaml:1:7: not a valid value: month must be in 1..12"),
    ],
)
def test_a_file_that_is_not_a_job(tmp_path: Path, text: str, expected: str) -> None:
    (found,) = [line.replace(f"{tmp_path}/", "") for line in mistakes(tmp_path, text)]
    assert found == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "test_size: 0.2",
            "test_sise: 0.2",
            (
                "job.yaml:20:25: unknown key 'test_sise' in split; did you mean 'test_size'? "
                "allowed: table, test_size, stratify, key, seed"
            ),
        ),
        ("seed: 3", "sead: 3", "did you mean 'seed'?"),
        (
            "type: gradient_boosting",
            "type: gradient_bosting",
            (
                "job.yaml:28:19: train.models.trees.type: 'gradient_bosting' is not a choice; did you mean "
                "'gradient_boosting'? allowed: ridge, logistic_regression, gradient_boosting"
            ),
        ),
        ("threads: 2", "threads: two", "job.yaml:3:33: session.threads: expected a whole number, got 'two'"),
        ("threads: 2", "threads: 0", "job.yaml:3:33: session.threads: must be greater than or equal to 1, got 0"),
        ("threads: 2", "threads: true", "session.threads: expected a whole number, got True"),
        (
            "memory_limit: 4GiB",
            "memory_limit: lots",
            "'lots' is not a number of bytes; write it like '8GiB' or '500MB'",
        ),
        ("inputs: [adults, people]", "inputs: people", "steps.1.inputs: expected a list, as in [a, b], got 'people'"),
        ("python: steps:clean", "python: steps.clean", "expected module:function, got 'steps.clean'"),
        ("    inputs: [adults, people]\n", "", "step 'cleaned' needs inputs: the tables given to the function"),
        ("    python: steps:clean\n", "", "job.yaml:14:5: steps.1: step 'cleaned' needs exactly one of sql and python"),
        ("name: adults", "name: test", "the name 'test' is taken: the job itself makes a table called so"),
        ("name: adults", "name: new adults", "'new adults' cannot be a name"),
        ("name: cleaned", "name: people", "the name 'people' is taken by an earlier source or step"),
        (
            "inputs: [adults, people]",
            "inputs: [adult]",
            "job.yaml:16:14: no table 'adult' here; did you mean 'adults'?",
        ),
        (
            "{on: cleaned, not_null: [id]}",
            "{on: clean, not_null: [id]}",
            "no table 'clean' here; did you mean 'cleaned'",
        ),
        ("not_null: [id]", "severity: warn", "a check needs exactly one of not_null, unique"),
        ("not_null: [id]", "not_null: [id], unique: [id]", "found not_null and unique"),
        ("range: {column: age, min: 18}", "range: {column: age}", "range needs min, max or both"),
        ("range: {column: age, min: 18}", "row_count: {min: 3, max: 2}", "at least 3 and at most 2 rows"),
        ("split: {table: cleaned", "split: {table: claned", "no table 'claned' here; did you mean 'cleaned'?"),
        ("label: works", "label: age", "the label 'age' is also listed as a feature"),
        ("categorical: [sex]", "categorical: [age]", "column 'age' is listed twice in features"),
        ("numeric: [age], categorical: [sex], ", "", "features needs numeric or categorical columns"),
        ("explain: {rows: 100}", "explain: {model: tree}", "job.yaml:31:18: no model 'tree'; did you mean 'trees'?"),
        ("{metric: auc, min: 0.7}", "{metric: auc}", "the bound on auc needs min, max or both"),
        ("    scored:", "    scores:", "job.yaml:35:5: no table 'scores' here; did you mean 'scored'"),
        (
            "audit: {format: csv}",
            "audit: {format: csv, partition_by: [sex]}",
            "partition_by needs format parquet, not csv",
        ),
        ("evaluate: {", "evaluate: {metrics: [auc, rmse], ", "rmse is for regression; the models classify"),
        ("type: gradient_boosting", "type: ridge", "fairness needs a classifier, not ridge"),
        ("sources:", "source:", "missing key 'sources' in the job"),
    ],
)
def test_one_mistake_one_line_with_its_place(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in WHOLE
    found = mistakes(tmp_path, WHOLE.replace(old, new, 1))
    assert any(expected in line for line in found), found


def test_all_mistakes_are_reported_at_once_in_order(tmp_path: Path) -> None:
    text = WHOLE.replace("device: cpu", "device: tpu").replace("rows: 100", "rows: 0")
    found = mistakes(tmp_path, text)
    assert [line.split(":")[1] for line in found] == ["3", "31"]
    with pytest.raises(JobSpecError, match=r"^the job has 2 problems\n  "):
        load(tmp_path, text)


def test_sections_without_a_model(tmp_path: Path) -> None:
    assert mistakes(tmp_path, MINIMAL + "explain: {}\n") == ["job.yaml:4:1: explain needs a model: add a train section"]


def test_missing_job_file_offers_neighbours(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(MINIMAL)
    with pytest.raises(JobSpecError, match=r"no such job file; did you mean 'job\.yaml'"):
        load_job(tmp_path / "jbo.yaml")


def test_job_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_bytes(b"name: \xff\n")
    with pytest.raises(JobSpecError, match="not UTF-8"):
        load_job(tmp_path / "job.yaml")
    with pytest.raises(JobSpecError, match="cannot be read: Is a directory"):
        load_job(tmp_path)


def test_environment_values(tmp_path: Path) -> None:
    text = MINIMAL.replace("{path: people.parquet}", '\n    path: "${ROOT}/p.parquet"') + "seed: ${SEED:-7}\n"
    job = load(tmp_path, text, ROOT="/data")
    assert job.spec.sources["people"].path == ("/data/p.parquet",)
    assert job.spec.seed == 7
    assert load(tmp_path, text, ROOT="/data", SEED="12").spec.seed == 12
    assert mistakes(tmp_path, text) == [
        "job.yaml:4:11: environment variable ROOT is not set; set it, or give a default: ${ROOT:-value}"
    ]


def test_quoted_environment_values_stay_text_and_a_dollar_can_be_kept(tmp_path: Path) -> None:
    job = load(tmp_path, MINIMAL + 'description: "${N} $${N}"\n', N="5")
    assert job.spec.description == "5 ${N}"


def test_unquoted_variable_inside_braces_gets_a_hint(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, "name: a\nsources: {p: {path: ${P}}}\n", P="x")
    assert "inside { } or [ ] a ${NAME} needs quotes" in found


def test_overrides(tmp_path: Path) -> None:
    job = load(
        tmp_path,
        WHOLE,
        "split.seed=9",
        "train.models.trees.params.max_depth=3",
        "steps.adults.sql=select 1",
        "quality.0.severity=warn",
        "outputs.dir=elsewhere",
    )
    assert job.spec.split is not None
    assert job.spec.split.seed == 9
    assert job.spec.train is not None
    assert job.spec.train.models["trees"].params == {"max_depth": 3}
    assert job.spec.steps[0].sql == "select 1"
    assert job.spec.quality[0].severity == "warn"
    assert job.spec.outputs.dir == "elsewhere"


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("split.sed=9", "--set split.sed: unknown key 'sed' in split; did you mean 'seed'?"),
        ("split.seed=x", "--set split.seed: split.seed: expected a whole number, got 'x'"),
        ("split.seed", "--set split.seed: expected key.path=value, as in split.seed=7"),
        ("steps.adlts.sql=x", "--set steps.adlts.sql: no list item 'adlts'; did you mean 'adults'?"),
        ("name.x=1", "--set name.x: 'x' cannot be set: what stands above it is a single value ('whole')"),
        ("split.seed=[", "--set split.seed: not valid YAML"),
    ],
)
def test_wrong_overrides_are_named(tmp_path: Path, override: str, expected: str) -> None:
    (found,) = mistakes(tmp_path, WHOLE, override)
    assert found.startswith(expected)


def test_merge_keys_and_aliases(tmp_path: Path) -> None:
    text = MINIMAL + ("steps:\n  - &first {name: a, sql: select 1}\n  - {<<: *first, name: b}\n")
    assert [step.sql for step in load(tmp_path, text).spec.steps] == ["select 1", "select 1"]


def test_on_is_a_key_not_a_boolean(tmp_path: Path) -> None:
    job = load(tmp_path, MINIMAL + "quality:\n  - on: people\n    row_count: {min: 1}\n")
    assert job.spec.quality[0].on == "people"


def test_numbers_of_rows_are_written_with_separators(tmp_path: Path) -> None:
    bounds = {"{min: 320000}": "at least 320,000", "{min: 1000, max: 2000000}": "from 1,000 to 2,000,000"}
    for given, shown in bounds.items():
        job = load(tmp_path, MINIMAL + f"quality:\n  - on: people\n    row_count: {given}\n")
        assert describe_rule(job.spec.quality[0]) == f"row count {shown}"
