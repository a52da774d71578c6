"""Rows like a census's, for tests of models: codes, texts, missing values, a weight and three kinds of label."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from volley.engine.frame import DataFrame, Session
from volley.engine.frame.memory import MemorySource
from volley.engine.plan import Scan
from volley.ml import Features

NUMERIC, CATEGORICAL = ["age", "hours"], ["sex", "state"]


def table(rows: int = 3000, seed: int = 0, *, missing: float = 0.0) -> pa.Table:
    rng = np.random.default_rng(seed)
    age = rng.integers(16, 90, rows)
    hours = rng.normal(38, 12, rows)
    sex = rng.integers(1, 3, rows)
    state = rng.choice(["CA", "MA", "NY", "VT"], rows, p=[0.5, 0.3, 0.15, 0.05])
    margin = 0.05 * (age - 45) + 0.04 * (hours - 38) + 0.6 * (sex == 2) - 0.8 * (state == "VT")
    utilities = np.column_stack([np.zeros(rows), margin, -margin / 2]) + rng.gumbel(size=(rows, 3))
    return pa.table(
        {
            "id": np.arange(rows),
            "age": pa.array(age, pa.int16(), mask=rng.random(rows) < missing),
            "hours": pa.array(hours, mask=rng.random(rows) < missing),
            "sex": pa.array(sex, pa.int8()),
            "state": pa.array(state, mask=rng.random(rows) < missing),
            "weight": rng.uniform(0.5, 2.0, rows),
            "employed": rng.random(rows) < 1 / (1 + np.exp(-margin)),
            "party": np.array(["green", "blue", "red"])[utilities.argmax(axis=1)],
            "income": 1000 * (margin + rng.normal(size=rows)),
        }
    )


def frame(rows: pa.Table, partitions: int = 1, threads: int = 2) -> DataFrame:
    return DataFrame.from_plan(Scan(source=MemorySource(rows, partitions)), Session(threads=threads))


def features(label: str, weight: str | None = None, positive: object = None) -> Features:
    return Features(numeric=NUMERIC, categorical=CATEGORICAL, label=label, weight=weight, positive=positive)
