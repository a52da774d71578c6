"""What libcudf counts with 32 bits, with small numbers in place of them: rows of a column, bytes of its texts."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest

import volley as vl
from tests.engine.kernels.conformance.cases import download, upload
from tests.support.simulated_gpu import simulated_device, simulated_session
from volley.engine.errors import MemoryLimitExceeded

DEVICE = simulated_device()

from volley.engine.kernels.gpu import memory, transfer  # noqa: E402
from volley.engine.kernels.simulator import machine  # noqa: E402

LIMIT = 60


@pytest.fixture(autouse=True)
def small_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tables of a result stay apart, as large ones do."""
    monkeypatch.setattr("volley.engine.frame.session._CHUNK_ROWS", 1)


def pieces(tables: int, rows: int, **columns: object) -> vl.DataFrame:
    """Return a frame of several tables of so many rows."""
    session = simulated_session(threads=1)
    return vl.concat(
        [vl.DataFrame(pa.table({n: list(c)[:rows] for n, c in columns.items()}), session=session)] * tables
    )


def test_states_of_groups_beyond_the_rows_of_a_column_are_merged_apart() -> None:
    frame = pieces(5, 40, k=range(40), x=range(40))
    asked = frame.groupby("k").agg(n=("x", "size"), s=("x", "sum"))
    with machine().limited(row_limit=LIMIT), memory.counted() as ledger:
        found = asked.to_arrow()
    assert ledger.splits > 0
    assert sorted(found.to_pylist(), key=lambda row: row["k"]) == [{"k": k, "n": 5, "s": 5 * k} for k in range(40)]


def test_joins_give_their_pairs_in_pieces() -> None:
    session = simulated_session(threads=1)
    left, right = (vl.DataFrame({"k": [0] * 20, name: list(range(20))}, session=session) for name in ("x", "y"))
    with machine().limited(row_limit=LIMIT):
        found = left.merge(right, on="k").to_arrow()
        product = vl.sql("select x, y from l cross join r where x < y", l=left, r=right).to_arrow()
    assert sorted(zip(*found.select(["x", "y"]).to_pydict().values(), strict=True)) == [
        (x, y) for x in range(20) for y in range(20)
    ]
    assert product.num_rows == 190


@pytest.mark.parametrize("keeps_empty", [False, True])
def test_lists_give_their_values_in_pieces(keeps_empty: bool) -> None:
    lists = [list(range(n, n + 9)) if n % 5 else [] for n in range(20)]
    frame = vl.DataFrame(pa.table({"n": range(20), "l": lists}), session=simulated_session(threads=1))
    text = (
        "select n, v from frame left join unnest(l) t(v) on true"
        if keeps_empty
        else "select n, unnest(l) as v from frame"
    )
    asked = vl.sql(text, frame=frame)
    expected = Counter((n, v) for n, values in enumerate(lists) for v in values or ([None] if keeps_empty else []))
    with machine().limited(row_limit=LIMIT):
        found = asked.to_arrow()
    assert Counter(zip(*found.to_pydict().values(), strict=True)) == expected


def test_rows_flow_through_that_no_column_could_hold() -> None:
    frame = pieces(4, 50, x=range(50), s=[str(n) for n in range(50)])
    with machine().limited(row_limit=LIMIT):
        kept = frame[frame.x >= 10].assign(y=frame.x * 2)
        assert kept.to_arrow().num_rows == 160
        assert vl.sql("select sum(y) as n from kept", kept=kept).to_dict() == {"n": [4 * 2 * sum(range(10, 50))]}
        assert kept.nlargest(3, "x").to_dict()["x"] == [49, 49, 49]
        assert len(kept) == 160


def test_what_must_be_in_one_column_says_what_to_do() -> None:
    frame = pieces(4, 50, x=range(50))
    with (
        machine().limited(row_limit=LIMIT),
        pytest.raises(
            MemoryLimitExceeded, match=r"at most 2,147,483,647 rows .*use more partitions or smaller batches"
        ),
    ):
        frame.sort_values("x").to_arrow()


TEXTS = pa.table({"s": ["a" * (n % 30) if n % 7 else None for n in range(100)], "n": range(100)})


def test_texts_beyond_offsets_of_32_bits_leave_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    table = upload(DEVICE, TEXTS)
    monkeypatch.setattr(transfer, "_MOST_TEXT", 400)
    with machine().limited(text_limit=400):
        found = download(DEVICE, table)
    assert found["s"].num_chunks > 2
    assert found.schema.field("s").type == pa.string()
    assert all(pa.compute.sum(pa.compute.binary_length(chunk)).as_py() <= 400 for chunk in found["s"].chunks)
    assert found.to_pydict() == TEXTS.to_pydict()


def test_such_texts_come_back_when_they_were_spilled() -> None:
    table = upload(DEVICE, TEXTS)
    with machine().limited(text_limit=400):
        assert memory.make_room() > 0
        assert download(DEVICE, table).to_pydict() == TEXTS.to_pydict()


def test_queries_over_such_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_MOST_TEXT", 400)
    frame = vl.DataFrame(TEXTS, session=simulated_session(threads=1))
    with machine().limited(text_limit=400):
        found = vl.sql("select s, translate(s, 'a', 'b') as t, n from frame order by s, n", frame=frame).to_arrow()
    expected = sorted(TEXTS.to_pylist(), key=lambda row: (row["s"] is None, row["s"] or "", row["n"]))
    assert found["s"].to_pylist() == [row["s"] for row in expected]
    assert found["t"].to_pylist() == [row["s"] and row["s"].replace("a", "b") for row in expected]
