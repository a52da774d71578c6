"""The 99 queries of TPC-DS over generated tables, each equal to DuckDB's answer; `make tpcds` for scale factor 1."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.tpc import assert_as_duckdb, generate, texts

QUERIES = texts("tpcds")


def test_all_99_are_here() -> None:
    assert len(QUERIES) == 99


@pytest.mark.parametrize("text", QUERIES, ids=lambda path: path.stem)
def test_tpcds(text: Path, tpcds: Path) -> None:
    assert_as_duckdb(text, tpcds)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("tpcds-1"), "1", "tpcds")


@pytest.mark.slow
@pytest.mark.timeout(3600)  # the first one makes the tables, too
@pytest.mark.parametrize("text", QUERIES, ids=lambda path: path.stem)
def test_tpcds_at_scale_1(text: Path, whole: Path) -> None:
    assert_as_duckdb(text, whole)
