"""Joins of many pairs are made in pieces, between which a run may be stopped."""

import os
import signal
import time

import pytest

import volley as vl
from tests.engine.runners.test_local import numbers
from tests.support.threads import left_over
from volley.engine.kernels.cpu.native import joining
from volley.engine.physical import execute


def test_a_cross_product_is_made_in_pieces(monkeypatch):
    monkeypatch.setattr(execute, "MOST_PAIRS", 1000)
    left, right = numbers(500, partitions=1, threads=2), numbers(300, partitions=1)
    sizes = []
    pairs = left.rename({"k": "j"}).merge(right.rename({"n": "m"}), how="cross")
    seen = pairs.map_batches(lambda t: sizes.append(t.num_rows) or t, dict.fromkeys(pairs.columns, "int64"))
    table = seen.to_arrow()
    assert max(sizes) <= 1000
    assert table["n"].to_pylist() == [n for n in range(500) for _ in range(300)]
    assert table["m"].to_pylist() == list(range(300)) * 500
    assert pairs.limit(5).to_arrow()["m"].to_pylist() == [0, 1, 2, 3, 4]


def test_it_is_told_how_far_a_product_of_one_table_is(monkeypatch):
    monkeypatch.setattr(execute, "MOST_PAIRS", 1000)
    told = []

    class Told:
        def advanced(self, number, rows, size):
            told.append((number, rows, size))

        def __getattr__(self, name):
            return lambda *_: None

    with vl.Session(threads=1, observer=Told()):
        left, right = (vl.DataFrame({name: list(range(100))}) for name in ("a", "b"))
        assert len(left.merge(right, how="cross").filter(lambda f: f.a + f.b > 150)) == 1176
    last = [entry for entry in told if entry[0] == told[-1][0]]
    assert len(last) >= 10, "every ten rows, each of which meets all the others"
    assert sum(rows for _, rows, _ in last) == 100
    assert sum(size for _, _, size in last) == 800


def test_products_of_products_are_made_in_pieces_and_can_be_stopped(monkeypatch):
    monkeypatch.setattr(execute, "MOST_PAIRS", 1000)
    first, second, third = (numbers(100, partitions=1, threads=2)[["n"]].rename({"n": name}) for name in "abc")
    sizes = []

    def count(table):
        sizes.append(table.num_rows)
        return table

    product = first.merge(second, how="cross").merge(third, how="cross")
    counted = product.map_batches(count, dict.fromkeys("abc", "int64"))
    table = counted.to_arrow()
    assert max(sizes) <= 1000
    assert table["c"].to_pylist() == list(range(100)) * 10**4
    assert table["a"].to_pylist() == [n for n in range(100) for _ in range(10**4)]

    sizes.clear()
    batches = counted.iter_batches()
    next(batches)
    batches.close()
    assert len(sizes) < 500, "a reader who leaves stops it"

    def interrupt(table):
        sizes.append(table.num_rows)
        if len(sizes) == 1:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.002)  # on a busy machine the main thread may have to wait for its turn
        return table.slice(0, 0)

    sizes.clear()
    with pytest.raises(KeyboardInterrupt):
        product.map_batches(
            interrupt,
            dict.fromkeys("abc", "int64"),
        ).to_arrow()
    assert len(sizes) < 500
    assert not left_over()


@pytest.mark.parametrize("how", ["inner", "left"])
def test_keys_that_repeat_without_end_are_joined_in_pieces(monkeypatch, how):
    monkeypatch.setattr(joining, "MOST_PAIRS", 1000)
    left, right = (numbers(400, partitions=1, threads=2).assign(g=lambda frame: frame["n"] % 2) for _ in range(2))
    sizes = []

    def count(table):
        sizes.append(table.num_rows)
        return table

    pairs = left[["n", "g"]].merge(right[["n", "g"]].rename({"n": "m"}), on="g", how=how)
    table = pairs.map_batches(count, dict.fromkeys(pairs.columns, "int64")).to_arrow()
    assert max(sizes) <= 1000
    assert table["n"].to_pylist() == [n for n in range(400) for _ in range(200)]
    text = f"select l.n, r.n as m from l {how} join r on l.g = r.g and l.n + r.n = 300"
    tested = vl.sql(text, l=left, r=right).to_arrow().to_pylist()
    assert tested[:301] == [{"n": n, "m": 300 - n} for n in range(301)]
    assert tested[301:] == ([{"n": n, "m": None} for n in range(301, 400)] if how == "left" else [])


def test_ctrl_c_stops_a_cross_product_between_pieces(monkeypatch):
    monkeypatch.setattr(execute, "MOST_PAIRS", 2_000)
    left, right = numbers(3000, partitions=1, threads=2), numbers(3000, partitions=1)
    calls = []

    def interrupt(table):
        calls.append(1)
        if len(calls) == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return table

    pairs = left[["n"]].merge(right[["n"]].rename({"n": "m"}), how="cross")
    with pytest.raises(KeyboardInterrupt):
        pairs.map_batches(interrupt, {"n": "int64", "m": "int64"}).to_arrow()
    assert len(calls) < 3000  # of 4,500: a signal is seen within a tenth of a second
    assert not left_over()
