"""The 22 queries of TPC-H over generated tables, each equal to DuckDB's answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.tpch import TEXTS, answer, assert_same_rows, frames
from volley.sql import query

QUERIES = sorted(TEXTS.glob("q*.sql"))


def test_all_22_are_here() -> None:
    assert len(QUERIES) == 22


@pytest.mark.parametrize("text", QUERIES, ids=lambda path: path.stem)
def test_tpch(text: Path, tpch: Path) -> None:
    sql = text.read_text()
    assert_same_rows(query(sql, frames(tpch)).to_arrow(), answer(sql, tpch))
