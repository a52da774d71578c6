"""Texts of Parquet files, plain and as codes, of several row groups in one call, and tests of their values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.io.conftest import scan
from volley.engine import dtypes
from volley.engine.expr import Column, Expr, literal
from volley.engine.expr.build import call
from volley.engine.kernels.cpu.decoding import decode, textchunks
from volley.engine.kernels.cpu.native.textchunks import decode_texts
from volley.io.parquet import ParquetSource

pytestmark = pytest.mark.usefixtures("decode_always")

ROWS = 6000
T = Column(name="t", dtype=dtypes.string)
U = Column(name="u", dtype=dtypes.string)
N = Column(name="n", dtype=dtypes.int64)
LAYOUTS: dict[str, dict[str, Any]] = {
    "plain": {"use_dictionary": False, "data_page_size": 4000},
    "codes, then plain": {"dictionary_pagesize_limit": 3000, "data_page_size": 2000},
    "codes": {"use_dictionary": True},
    "second version": {"use_dictionary": False, "data_page_version": "2.0", "data_page_size": 3000},
    "not compressed": {"dictionary_pagesize_limit": 3000, "data_page_size": 2000, "compression": "none"},
    "one page": {"use_dictionary": False, "data_page_size": 1 << 20},
    "deltas": {"use_dictionary": False, "column_encoding": {"t": "DELTA_BYTE_ARRAY", "u": "PLAIN"}},
    "zstd": {"dictionary_pagesize_limit": 3000, "compression": "zstd"},
}


def table(seed: int, nulls: float) -> pa.Table:
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdeé€😀 "))
    texts = ["".join(rng.choice(letters, int(rng.integers(0, 40)))) for _ in range(ROWS)]
    missing = rng.random(ROWS) < nulls
    return pa.table(
        {
            "t": pa.array([None if gone else text for text, gone in zip(texts, missing, strict=True)], pa.string()),
            "u": pa.array([f"{number % 2500} river" if number % 3 else "" for number in range(ROWS)]),
            "n": range(ROWS),
        }
    )


def source(path: Path, rows: pa.Table, **options: Any) -> ParquetSource:
    pq.write_table(rows, path, row_group_size=1000, write_batch_size=100, **options)
    return ParquetSource(path)


@pytest.mark.parametrize("nulls", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_texts_are_those_that_were_written(tmp_path: Path, layout: str, nulls: float) -> None:
    rows = table(3, nulls)
    assert scan(source(tmp_path / "x.parquet", rows, **LAYOUTS[layout])).equals(rows)


CONDITIONS: dict[str, tuple[Expr, Any]] = {
    "one text": (call("contains", T, literal("ab")), lambda t: pc.match_substring(t["t"], "ab")),
    "both texts": (
        call("or", call("contains", T, literal("ab")), call("equal", U, literal("7 river"))),
        lambda t: pc.or_kleene(pc.match_substring(t["t"], "ab"), pc.equal(t["u"], "7 river")),
    ),
    "text or number": (
        call("or", call("contains", T, literal("€")), call("less", N, literal(2500))),
        lambda t: pc.or_kleene(pc.match_substring(t["t"], "€"), pc.less(t["n"], 2500)),
    ),
    "two tests": (
        call("and", call("contains", T, literal("a")), call("contains", U, literal("7"))),
        lambda t: pc.and_kleene(pc.match_substring(t["t"], "a"), pc.match_substring(t["u"], "7")),
    ),
    "a number first": (
        call("and", call("greater", N, literal(1500)), call("contains", T, literal("b"))),
        lambda t: pc.and_kleene(pc.greater(t["n"], 1500), pc.match_substring(t["t"], "b")),
    ),
    "none": (call("contains", T, literal("zz")), lambda t: pc.match_substring(t["t"], "zz")),
}


@pytest.mark.parametrize("columns", [["t", "u", "n"], ["n"], []])
@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_conditions_leave_the_rows_that_pass(tmp_path: Path, layout: str, condition: str, columns: list[str]) -> None:
    rows = table(5, 0.1)
    predicate, expected = CONDITIONS[condition]
    wanted = rows.filter(expected(rows)).select(columns)
    files = source(tmp_path / "x.parquet", rows, **LAYOUTS[layout])
    made = scan(files, columns, predicate=predicate, batch_rows=700 if layout in ("plain", "codes") else 128 * 1024)
    assert made.num_rows == wanted.num_rows if not columns else made.equals(wanted)


def test_values_of_several_row_groups_are_tested_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[int] = []
    passing = decode._Batch.passing

    def counted(batch: Any, tests: Any) -> Any:
        groups.append(len(batch._parts))
        return passing(batch, tests)

    monkeypatch.setattr(decode._Batch, "passing", counted)
    predicate, expected = CONDITIONS["both texts"]
    rows = table(5, 0.0)
    files = source(tmp_path / "x.parquet", rows, **LAYOUTS["codes, then plain"])
    assert scan(files, predicate=predicate).equals(rows.filter(expected(rows)))
    assert groups == [6]


def test_room_for_texts_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counted(*args: Any) -> int:
        calls.append(decode_texts(*args))
        return calls[-1]

    monkeypatch.setattr(textchunks.textchunks, "decode_texts", counted)
    rows = pa.table({"t": ["x" * (number * 7 % 3001) for number in range(ROWS)], "n": range(ROWS)})
    assert scan(source(tmp_path / "x.parquet", rows, use_dictionary=False)).equals(rows)
    assert len(calls) > 1
    assert calls[-1] == 0
