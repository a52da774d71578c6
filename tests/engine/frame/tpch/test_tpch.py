"""The 22 queries of TPC-H as frame chains, each equal to DuckDB's answer to the text.

At scale 1 (about 1 GB as text, a few minutes): ``pytest -m slow tests/engine/frame/tpch``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import volley as vl
from tests.engine.frame.tpch.queries import QUERIES
from tests.support.tpc import SQL, answer, assert_same_rows, frames, generate


def rows(query: Callable[..., Any], tables: dict[str, vl.DataFrame], names: list[str]) -> pa.Table:
    """Return what a query makes as a table: one that makes a value gives one row."""
    made = query(**{name: tables[name] for name in inspect.signature(query).parameters})
    return made.to_arrow() if isinstance(made, vl.DataFrame) else pa.table({name: [made] for name in names})


def check(name: str, folder: Path) -> None:
    theirs = answer((SQL / "tpch" / f"{name}.sql").read_text(), folder)
    if theirs.to_pylist() == [{"avg_yearly": None}]:  # of no rows: the sum is 0 in frames, as in pandas
        theirs = pa.table({"avg_yearly": [0.0]})
    assert_same_rows(rows(QUERIES[name], frames(folder), theirs.schema.names), theirs)


def test_all_22_are_here() -> None:
    assert len(QUERIES) == 22


@pytest.mark.parametrize("name", QUERIES)
def test_small(name: str, tpch: Path) -> None:
    check(name, tpch)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("tpch-1"), "1")


@pytest.mark.slow
@pytest.mark.parametrize("name", QUERIES)
def test_scale_1(name: str, whole: Path) -> None:
    check(name, whole)
