"""Work that a sink leaves to all threads, and writes that make use of it."""

import threading

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import volley as vl
from tests.support.threads import left_over
from volley.engine.errors import WriteError
from volley.engine.exchange import MemoryAccount, OrderedDelivery, Stopped
from volley.engine.frame.memory import MemorySource
from volley.engine.plan import Piece, Scan
from volley.engine.runners.sinks.shared_work import SharedWork
from volley.io import parquet_writer


def shared(memory=None, stopped=lambda: False):
    return SharedWork(memory or MemoryAccount(), stopped)


def noted(seen, name, nbytes=10):
    return Piece(run=lambda: seen.append(name), nbytes=nbytes)


def numbers(rows, partitions, **session):
    table = pa.table(
        {"n": range(rows), "k": [i % 7 for i in range(rows)], "t": [f"text {i % 50}" for i in range(rows)]}
    )
    return vl.DataFrame.from_plan(Scan(source=MemorySource(table, partitions)), vl.Session(device="cpu", **session))


def test_pieces_are_done_in_turn_and_charged_until_then():
    seen, memory = [], MemoryAccount(25)
    work = shared(memory)
    work.put(0, [noted(seen, "a"), noted(seen, "b"), noted(seen, "too much for the limit")])
    assert memory.used == 20
    assert work.do_one()
    assert (seen, memory.used) == (["a"], 10)
    work.do_all()
    assert (seen, memory.used) == (["a", "b", "too much for the limit"], 0)
    assert not work.do_one()


def test_what_is_dropped_is_not_done_and_given_back():
    seen, memory = [], MemoryAccount()
    work = shared(memory)
    work.put(0, [noted(seen, "a"), noted(seen, "b")])
    work.drop()
    assert (work.do_one(), seen, memory.used) == (False, [], 0)


def test_a_failure_stops_whoever_would_do_more():
    def fail():
        raise WriteError("no space")

    memory = MemoryAccount()
    work = shared(memory)
    work.put(0, [Piece(run=fail, nbytes=5), noted([], "never")])
    with pytest.raises(WriteError, match="no space"):
        work.do_all()
    with pytest.raises(Stopped):
        work.do_all()
    with pytest.raises(Stopped):
        work.do_all_of(0)
    work.help(lambda: False)  # returns
    work.drop()
    assert memory.used == 0


def test_an_owner_waits_for_pieces_that_others_do():
    begun, release = threading.Event(), threading.Event()
    seen = []

    def slow():
        begun.set()
        assert release.wait(60)
        seen.append("slow")

    work = shared()
    work.put(7, [Piece(run=slow, nbytes=0)])
    helper = threading.Thread(target=work.help, args=(release.is_set,))
    helper.start()
    assert begun.wait(60)
    work.put(7, [noted(seen, "quick")])
    owner = threading.Thread(target=lambda: (work.do_all_of(7), seen.append("owner")))
    owner.start()
    owner.join(0.05)
    assert owner.is_alive()
    release.set()
    owner.join(60)
    helper.join(60)
    assert seen == ["quick", "slow", "owner"]


def test_a_task_that_waits_for_its_turn_does_other_work():
    turns = []
    ordered = None

    def meanwhile():
        turns.append(1)
        ordered.finish(0)
        return True

    ordered = OrderedDelivery(lambda table: True, lambda: False, capacity=-1, meanwhile=meanwhile)
    ordered.put(1, Piece(run=list, nbytes=1))
    assert turns == [1]


# -------------------------------------------------------------------------------------- writes
@pytest.mark.parametrize("partitions", [1, 5])
@pytest.mark.parametrize("target", ["t.parquet", "t.csv", "out", "out by k"])
@pytest.mark.parametrize("limit", [None, "64MiB"])
def test_writes_by_several_threads_are_whole_and_in_order(tmp_path, partitions, target, limit):
    path = tmp_path / target
    frame = numbers(20_000, partitions, threads=4, memory_limit=limit)
    if target.endswith(".csv"):
        frame.to_csv(str(path))
    else:
        frame.to_parquet(str(path), row_group_rows=1500, partition_by=["k"] if "by" in target else [])
    with duckdb.connect() as connection:
        form = "read_csv" if target.endswith(".csv") else "read_parquet"
        where = path if path.is_file() else f"{path}/**/*.*"
        rows = connection.execute(f"select n, k, t from {form}('{where}')").fetchall()
    expected = [(i, i % 7, f"text {i % 50}") for i in range(20_000)]
    assert (rows if path.is_file() else sorted(rows)) == expected


def test_a_sorted_result_stays_sorted(tmp_path):
    path = tmp_path / "t.parquet"
    numbers(30_000, 4, threads=3).sort_values(["k", "n"]).to_parquet(str(path), row_group_rows=1000)
    table = pq.read_table(path)
    assert table.column("n").to_pylist() == sorted(range(30_000), key=lambda i: (i % 7, i))
    groups = pq.read_metadata(path)
    assert {groups.row_group(i).num_rows for i in range(groups.num_row_groups)} == {1000}


def test_threads_without_a_task_encode(tmp_path, monkeypatch):
    names = set()
    both = threading.Barrier(2)
    encode = parquet_writer.Form.chunks

    def noting(*args):
        if len(names) < 2:
            names.add(threading.current_thread().name)
            both.wait(60)  # two at once, or this breaks
        return encode(*args)

    monkeypatch.setattr(parquet_writer, "_PIECE_VALUES", 1)
    monkeypatch.setattr(parquet_writer.Form, "chunks", noting)
    monkeypatch.setattr("volley.engine.runners.local._FEW_ROWS", 0)
    numbers(200_000, 1, threads=2).to_parquet(str(tmp_path / "t.parquet"), row_group_rows=50_000)
    assert len(names) == 2
    assert pq.read_metadata(tmp_path / "t.parquet").num_rows == 200_000


@pytest.mark.parametrize("target", ["t.parquet", "out"])
@pytest.mark.parametrize("partitions", [1, 6])
def test_a_piece_that_fails_stops_the_others_and_leaves_nothing(tmp_path, monkeypatch, target, partitions):
    calls = []
    encode = parquet_writer.Form.chunks

    def failing(*args):
        calls.append(1)
        if len(calls) == 5:
            raise OSError(28, "No space left on device")
        return encode(*args)

    frame = numbers(60_000, partitions, threads=3)
    frame.to_parquet(str(tmp_path / target))
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(parquet_writer.Form, "chunks", failing)
    with pytest.raises(WriteError, match="no space is left"):
        frame.to_parquet(str(tmp_path / target), row_group_rows=500)
    assert len(calls) < 5 + 3
    assert sorted(tmp_path.rglob("*")) == before
    assert pq.read_table(tmp_path / target).num_rows == 60_000
    assert not left_over()
