"""A small job on made-up people, quick enough to run many times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from volley.deploy.job.load import Job, load_job

JOB = """\
name: small
seed: 1
session: {threads: 2}
sources:
  people: {path: people.parquet}
  towns: {path: towns.csv}
steps:
  - name: adults
    sql: |
      select p.*, t.name as town
      from people p
      left join towns t on p.town_id = t.id
      where p.age >= 18
  - name: cleaned
    python: functions:clean
    inputs: [adults]
quality:
  - {on: people, unique: [id]}
  - {on: cleaned, not_null: [id, works]}
  - {on: cleaned, expect: "age < 60", max_failed: 0.9, severity: warn}
split: {table: cleaned, test_size: 0.3, stratify: works, key: [id]}
train:
  features: {numeric: [age, income], categorical: [sex, town], label: works}
  models:
    plain:
      type: logistic_regression
      preprocessing: [standard_scaler, one_hot_encoder]
    trees:
      type: gradient_boosting
      params: {n_trees: 8, max_depth: 3}
evaluate: {require: [{metric: auc, min: 0.6}]}
predict: {}
explain: {rows: 100}
fairness: {by: [sex, town], intersections: 2, n_boot: 50, min_count: 20}
outputs:
  dir: out
  tables:
    scored: {format: parquet, partition_by: [sex]}
    explanations: {}
    audit: {format: csv}
"""

FUNCTIONS = """\
def clean(adults):
    return adults[adults.income.notna()]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the job, its function and its data."""
    random = np.random.default_rng(5)
    rows = 1_500
    age = random.integers(10, 90, rows)
    income = random.normal(30, 8, rows)
    sex = random.choice(["f", "m"], rows)
    works = (random.random(rows) < 1 / (1 + np.exp((age - 55) / 8 - (income - 30) / 10))).astype(int)
    people = pa.table(
        {
            "id": np.arange(rows),
            "age": age,
            "income": pa.array(income, mask=random.random(rows) < 0.02),
            "sex": sex,
            "town_id": random.integers(1, 4, rows),
            "works": works,
        }
    )
    pq.write_table(people, tmp_path / "people.parquet", row_group_size=400)
    pacsv.write_csv(pa.table({"id": [1, 2, 3], "name": ["Ayr", "Bath", "Cork"]}), tmp_path / "towns.csv")
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


@pytest.fixture
def job_of(folder: Path) -> Callable[..., Job]:
    """Return a function that loads the small job after replacing texts in it."""

    def load(*replacements: tuple[str, str], overrides: tuple[str, ...] = ()) -> Job:
        text = JOB
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new, 1)
        path = folder / "job.yaml"
        path.write_text(text)
        return load_job(path, overrides=overrides, environment={})

    return load
