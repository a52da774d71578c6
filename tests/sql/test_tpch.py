"""The 22 queries of TPC-H over generated tables, each equal to DuckDB's answer; `make tpch` for scale factor 1."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.tpc import assert_as_duckdb, generate, texts

QUERIES = texts("tpch")


def test_all_22_are_here() -> None:
    assert len(QUERIES) == 22


@pytest.mark.parametrize("text", QUERIES, ids=lambda path: path.stem)
def test_tpch(text: Path, tpch: Path) -> None:
    assert_as_duckdb(text, tpch)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("tpch-1"), "1", "tpch")


@pytest.mark.slow
@pytest.mark.timeout(3600)  # the first one makes the tables, too
@pytest.mark.parametrize("text", QUERIES, ids=lambda path: path.stem)
def test_tpch_at_scale_1(text: Path, whole: Path) -> None:
    assert_as_duckdb(text, whole)
