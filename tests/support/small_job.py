"""A small job on made-up people, quick enough to run many times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

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


def write_small_job(folder: Path, *, data: str = "") -> Path:
    """Write the job, its function and (in ``data`` below the folder) its data; return the job file."""
    (folder / data).mkdir(parents=True, exist_ok=True)
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
    pq.write_table(people, folder / data / "people.parquet", row_group_size=400)
    pacsv.write_csv(pa.table({"id": [1, 2, 3], "name": ["Ayr", "Bath", "Cork"]}), folder / data / "towns.csv")
    (folder / "functions.py").write_text(FUNCTIONS)
    job = JOB
    for name in ("people.parquet", "towns.csv"):
        job = job.replace(name, str(Path(data) / name))
    (folder / "job.yaml").write_text(job)
    return folder / "job.yaml"
