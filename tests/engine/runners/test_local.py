"""The local runner: order, cancellation, errors, limits on memory, metrics; the answers are checked elsewhere."""

import gc
import re
import threading

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import volley as vl
from tests.support.threads import left_over
from volley.engine.errors import MemoryLimitExceeded, UserFunctionError
from volley.engine.frame.memory import MemorySource
from volley.engine.kernels.cpu.aggregate import CpuGroupBy
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.cpu.ordered import OrderedGroups
from volley.engine.kernels.cpu.partials import Distinct
from volley.engine.kernels.cpu.topk import CpuTopK
from volley.engine.plan import Scan, ScanPlan
from volley.engine.runners import local


def numbers(rows, partitions=8, **session):
    table = pa.table({"n": pa.array(range(rows), pa.int64()), "k": pa.array([i % 7 for i in range(rows)], pa.int64())})
    return vl.DataFrame.from_plan(Scan(source=MemorySource(table, partitions)), vl.Session(**session))


class Watcher:
    def __init__(self):
        self.events = []

    def run_started(self, stages, rows, size):
        self.events.append(("run", stages, rows, size))

    def advanced(self, number, rows, size):
        self.events.append(("advanced", rows, size))

    def stage_started(self, number, name, tasks, total_bytes):
        self.events.append(("start", name, tasks))

    def task_finished(self, number, rows, size):
        self.events.append(("task", rows))

    def stage_finished(self, number):
        self.events.append(("end", number))

    def run_finished(self):
        self.events.append(("done",))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_rows_keep_the_order_of_the_source(threads):
    frame = numbers(1000, threads=threads)
    kept = frame[frame.n % 3 == 0]
    assert kept.to_arrow()["n"].to_pylist() == list(range(0, 1000, 3))
    streamed = [n for batch in kept.iter_batches() for n in batch.column("n").to_pylist()]
    assert streamed == list(range(0, 1000, 3))


@pytest.mark.parametrize("threads", [1, 3])
def test_limit_takes_the_first_rows_and_stops_the_scan(threads):
    calls = []
    frame = numbers(10_000, partitions=1000, threads=threads)  # more than a thread does while another waits its turn
    seen = frame.map_batches(lambda t: calls.append(1) or t, {"n": "int64", "k": "int64"})
    assert seen.limit(7, 5).to_arrow()["n"].to_pylist() == list(range(5, 12))
    assert len(calls) < 1000


def test_streaming_stops_when_the_reader_stops():
    calls = []
    frame = numbers(10_000, partitions=1000, threads=2)
    batches = frame.map_batches(lambda t: calls.append(1) or t, {"n": "int64", "k": "int64"}).iter_batches()
    next(batches)
    batches.close()
    assert len(calls) < 1000
    assert not left_over()


def test_an_error_in_a_function_names_it_and_leaves_no_thread():
    def broken(table):
        raise KeyError("price")

    frame = numbers(100).map_batches(broken, {"n": "int64"})
    with pytest.raises(UserFunctionError, match="broken raised KeyError: 'price'") as caught:
        frame.to_arrow()
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(UserFunctionError, match="broken"):
        list(frame.iter_batches())
    assert not left_over()


def test_a_function_that_must_keep_rows_is_held_to_it():
    def short(table):
        return pa.table({"m": table["n"].slice(1)})

    with pytest.raises(UserFunctionError, match="short returned 11 rows for 12; it must return one row for each"):
        numbers(96).map_batches(short, {"m": "int64"}, keeps=True).to_arrow()


def test_the_memory_limit_is_enforced_and_says_what_to_do():
    frame = numbers(100_000, memory_limit="100KB")
    with pytest.raises(MemoryLimitExceeded, match=r"memory_limit is 97.7 KiB; raise memory_limit"):
        frame.to_arrow()
    assert len(frame) == 100_000  # counting holds next to nothing


def test_an_observer_hears_of_every_stage_and_task():
    watcher = Watcher()
    frame = numbers(800, partitions=4, observer=watcher, threads=2)
    frame[frame.n >= 0].groupby("k").agg(n=("n", "sum")).to_arrow()  # unfiltered, it takes several splits at once
    starts = [event for event in watcher.events if event[0] == "start"]
    assert starts[0] == ("start", "group", 4)
    assert sum(event[1] for event in watcher.events if event[0] == "task") >= 800
    assert watcher.events[-1] == ("done",)


def test_an_observer_hears_of_rows_and_bytes_while_they_are_read(tmp_path):
    path = tmp_path / "numbers.parquet"
    numbers(300_000).to_parquet(str(path))
    watcher = Watcher()
    with vl.Session(observer=watcher, threads=2):
        vl.read_parquet(str(path)).groupby("k").agg(n=("n", "sum")).to_arrow()
    (_, stages, rows, size) = watcher.events[0]
    told = [event for event in watcher.events if event[0] == "advanced"]
    assert stages > 1
    assert rows == sum(event[1] for event in told) == 300_000
    assert len(told) > 1
    assert size * 0.99 <= sum(event[2] for event in told) <= size


@pytest.mark.parametrize(
    "query",
    [
        "select sum(n) from f where n % 100000 = 7",
        "select sum(n) from f where n + k < 0",
        "select sum(f.n) from f join (values (3, 'x'), (4, 'y')) d(n, name) on f.n = d.n",
    ],
)
def test_an_observer_hears_of_rows_that_the_scan_left_out(tmp_path, query):
    path = tmp_path / "numbers.parquet"
    numbers(300_000).to_parquet(str(path))
    watcher = Watcher()
    with vl.Session(observer=watcher, threads=2):
        vl.sql(query, f=vl.read_parquet(str(path))).to_arrow()
    (_, _, rows, size) = watcher.events[0]
    told = [event for event in watcher.events if event[0] == "advanced"]
    assert rows >= 300_000
    assert sum(event[1] for event in told) == rows
    assert sum(event[2] for event in told) == size


def test_analyze_counts_rows_of_each_operator():
    frame = numbers(1000, partitions=2)
    text = frame[frame.n < 10].explain("analyze")
    assert "stage 0 collect: 2 tasks" in text
    assert re.search(
        r"FilterExec \(n < 10\)  \[10 rows of ~[\d,]+; 160 B of ~[\d.]+ .?i?B in 2 batches; [\d.]+ s\]", text
    )
    assert "ScanExec memory 1,000 rows x 2 columns columns=[n, k] (2 splits)  [1,000 rows of ~1,000; " in text
    assert "  -> collect  [10 rows; 160 B in 1 batches; " in text


def test_operators_that_no_row_reaches_are_counted_too():
    frame = numbers(10)
    text = frame[frame.n < 0].assign(m=frame.n + 1).explain("analyze")
    assert "[0 rows of ~" in next(line for line in text.splitlines() if "ProjectExec" in line)


def test_a_task_never_sees_rows_of_a_failed_source():
    class Broken:
        label, rows, bytes = "broken[0]", 1, 1

        def read(self):
            yield pa.record_batch({"n": [1], "k": [2]})
            raise OSError("the disk is gone")

    class Source(MemorySource):
        def scan(self, request):
            return ScanPlan(splits=(Broken(),))

    plan = Scan(source=Source(pa.table({"n": pa.array([], pa.int64()), "k": pa.array([], pa.int64())})))
    with pytest.raises(OSError, match="disk is gone"):
        vl.DataFrame.from_plan(plan).to_arrow()


def _sides(threads):
    session = vl.Session(threads=threads)
    small = vl.from_arrow(pa.table({"k": [1, 2, 2, None, 700], "name": list("abcde")}))
    big = numbers(5000, partitions=40, threads=threads).rename({"n": "k", "k": "m"})
    return vl.DataFrame.from_plan(small.plan, session), big


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("how", ["left", "outer", "semi", "anti"])
def test_a_small_left_side_is_built_and_probed_by_the_large_one(threads, how):
    small, big = _sides(threads)
    joined = small.merge(big, on="k", how=how)
    assert "building left" in joined.explain("physical")
    found = sorted(joined.to_arrow().to_pylist(), key=str)
    partners = {row["k"]: row["m"] for row in big.to_arrow().to_pylist()}
    rows = small.to_arrow().to_pylist()
    if how in ("semi", "anti"):
        expected = [row for row in rows if (row["k"] in partners) == (how == "semi")]
    else:
        expected = [row | {"m": partners.get(row["k"])} for row in rows]
        kept = {row["k"] for row in rows}
        if how == "outer":
            expected += [{"k": k, "name": None, "m": m} for k, m in partners.items() if k not in kept]
    assert found == sorted(expected, key=str)


def test_rows_without_partner_come_after_the_probing_and_not_beyond_a_limit():
    small, big = _sides(4)
    joined = small.merge(big, on="k", how="left")
    assert len(joined.limit(2).to_arrow()) == 2
    assert len(joined.limit(100).to_arrow()) == 5
    batches = joined.iter_batches()
    next(batches)
    batches.close()
    assert not left_over()
    text = joined.explain("analyze")
    assert "unmatched rows of stage 0  [1 rows; " in text


# ------------------------------------------------------------------------- stopping and what is left


def every_sink(frame):
    """Return a plan that joins a frame of ``n`` and ``k`` with its groups, sorts, and takes some rows."""
    groups = frame.groupby("k").agg(total=("n", "sum"))
    return frame.merge(groups, on="k").sort_values(["total", "n"]).limit(40_000, 5)


def failing(after):
    """Return a function on tables that raises from its ``after``-th call on."""
    calls = []

    def fail(table):
        calls.append(1)
        if len(calls) >= after:
            raise ValueError("broken on purpose")
        return table

    return fail


COLUMNS = {"n": "int64", "k": "int64"}


def held(accounts):
    assert accounts
    return [account.used for account in accounts]


def test_nothing_is_held_after_a_run(accounts):
    frame = every_sink(numbers(50_000, threads=2))
    assert len(frame.to_arrow()) == 40_000
    assert sum(batch.num_rows for batch in frame.iter_batches()) == 40_000
    assert all(account.peak > 100_000 for account in accounts)
    assert not any(held(accounts))


@pytest.mark.parametrize("after", [1, 5, 12])
def test_nothing_is_held_and_no_thread_is_left_after_an_error(accounts, after):
    frame = numbers(50_000, threads=3).map_batches(failing(after), COLUMNS)
    with pytest.raises(UserFunctionError, match="broken on purpose"):
        every_sink(frame).to_arrow()
    assert not any(held(accounts))
    with pytest.raises(UserFunctionError, match="broken on purpose"):
        list(every_sink(frame).iter_batches())
    assert not any(held(accounts))
    assert not left_over()


def test_nothing_is_held_after_a_limit_of_memory(accounts):
    frame = every_sink(numbers(100_000, threads=2, memory_limit="500KB"))
    with pytest.raises(MemoryLimitExceeded):
        frame.to_arrow()
    assert sum(batch.num_rows for batch in frame.iter_batches()) == 40_000  # piece by piece it need not fit
    assert not any(held(accounts))
    assert not left_over()


def test_nothing_is_held_after_a_reader_leaves(accounts):
    batches = every_sink(numbers(50_000, threads=2)).iter_batches()
    next(batches)
    batches.close()
    assert not any(held(accounts))
    assert not left_over()


def test_the_bytes_of_a_failed_run_are_free():
    frame = numbers(2_000_000, partitions=20, threads=2).map_batches(failing(15), COLUMNS)
    before = pa.total_allocated_bytes()
    with pytest.raises(UserFunctionError):
        frame.sort_values("k").to_arrow()
    gc.collect()
    assert pa.total_allocated_bytes() - before < 1_000_000


def test_the_first_of_several_errors_stops_the_other_threads():
    calls, started = [], threading.Barrier(3)

    def fail(table):
        calls.append(1)
        if len(calls) <= 3:
            started.wait(10)
            raise ValueError(f"error {len(calls)}")
        return table

    frame = numbers(1000, partitions=500, threads=3).map_batches(fail, COLUMNS)
    with pytest.raises(UserFunctionError, match="error"):
        frame.to_arrow()
    assert len(calls) < 10
    assert not left_over()


def test_every_task_runs_once_and_all_threads_take_some():
    seen, barrier = {}, threading.Barrier(2)

    def who(table):
        name = threading.current_thread().name
        if name not in seen:
            seen[name] = 0
            barrier.wait(10)  # so that one thread cannot take all tasks before the other has begun
        seen[name] += table.num_rows
        return table

    frame = numbers(1000, partitions=100, threads=2).map_batches(who, COLUMNS)
    assert frame.to_arrow()["n"].to_pylist() == list(range(1000))
    assert len(seen) == 2
    assert sum(seen.values()) == 1000


def test_rows_that_wait_for_their_turn_are_on_the_account(accounts):
    first = threading.Event()

    def slow_first(table):
        if table["n"][0].as_py() == 0:
            first.wait(0.5)  # the other thread runs ahead meanwhile
        return table

    frame = numbers(100_000, partitions=20, threads=2).map_batches(slow_first, COLUMNS)
    assert frame.limit(99_000).to_arrow()["n"].to_pylist() == list(range(99_000))
    assert sum(batch.num_rows for batch in frame.iter_batches()) == 100_000
    limited = numbers(100_000, partitions=20, threads=2, memory_limit="200KB").map_batches(slow_first, COLUMNS)
    assert sum(batch.num_rows for batch in limited.iter_batches()) == 100_000
    assert all(account.peak > 0 for account in accounts)
    assert accounts[-1].peak <= 200_000
    assert not any(held(accounts))


def test_the_best_rows_are_on_the_account(accounts):
    frame = numbers(100_000, partitions=10, threads=2)
    assert frame.sort_values("n", ascending=False).limit(3).to_arrow()["n"].to_pylist() == [99_999, 99_998, 99_997]
    assert 0 < accounts[-1].peak < 2 * 24 * 1024  # as many rows wait on each thread, known by word and place
    frame.sort_values("n").limit(50_000).to_arrow()
    assert accounts[-1].peak >= 50_000 * 16
    with pytest.raises(MemoryLimitExceeded, match="collect"):  # more than an eighth of the limit is sorted instead
        numbers(100_000, memory_limit="100KB").sort_values("n").limit(50_000).to_arrow()
    assert not any(held(accounts))


def test_rows_that_wait_since_they_tie_are_on_the_account(accounts):
    texts = [f"{number:06}" for number in range(100_000)]  # integers are looked at beside the first key, and wait not
    table = pa.table({"k": np.zeros(100_000, np.int64), "t": texts})
    for limit, least, most in ((None, 24 * 2**15, 24 * 2**16), ("300KB", 1, 300_000)):
        with vl.Session(threads=1, memory_limit=limit):
            frame = vl.from_arrow(table).sort_values(["k", "t"]).limit(3)
            assert frame.to_arrow()["t"].to_pylist() == ["000000", "000001", "000002"]
        assert least <= accounts[-1].peak <= most
    assert not any(held(accounts))


@pytest.mark.parametrize(("rows_per_thread", "threads"), [(1 << 22, 1), (10_000, 3)])
def test_few_rows_in_memory_are_not_worth_all_threads(monkeypatch, rows_per_thread, threads):
    count = local._StageWork._on_threads
    counts = []
    monkeypatch.setattr("volley.engine.runners.sinks.states.CHUNKED_ROWS_PER_THREAD", rows_per_thread)
    monkeypatch.setattr(local._StageWork, "_on_threads", lambda *args: (counts.append(args[2]), count(*args)))
    frame = numbers(30_000, partitions=10, threads=4)
    assert frame.sort_values("n", ascending=False).limit(3).to_arrow()["n"].to_pylist() == [29_999, 29_998, 29_997]
    assert counts[0] == threads
    counts.clear()
    doubled = frame.assign(m=frame.n * 2).sort_values("m").limit(1)
    assert doubled.to_arrow()["m"].to_pylist() == [0]
    assert counts[0] == 4  # there is more to do to each row


def test_files_that_only_this_process_has_are_no_rows_in_memory(monkeypatch):
    count = local._StageWork._on_threads
    counts = []
    monkeypatch.setattr(local._StageWork, "_on_threads", lambda *args: (counts.append(args[2]), count(*args)))
    for number in range(3):
        vl.DataFrame({"n": [number, number + 10]}).to_csv(f"memory://test_local/{number}.csv")
    with vl.Session(threads=4):
        counts.clear()
        frame = vl.read_csv("memory://test_local/*.csv").sort_values("n", ascending=False).limit(2)
        assert frame.to_arrow()["n"].to_pylist() == [12, 11]
    assert counts[0] == 3  # one for each file, whose rows nobody has counted


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize(("most", "divided"), [(64 * 1024, False), (300, True), (0, True)])
def test_few_rows_are_not_spread_by_hash(monkeypatch, threads, most, divided):
    monkeypatch.setattr("volley.engine.runners.sinks.rows._UNDIVIDED_ROWS", most)
    watcher = Watcher()
    frame = numbers(1000, threads=threads, observer=watcher)
    ranked = vl.sql("select n, k, row_number() over (partition by k order by n) as r from t", t=frame).to_arrow()
    assert sorted(zip(*(ranked[name].to_pylist() for name in ("n", "r")), strict=True)) == [
        (n, n // 7 + 1) for n in range(1000)
    ]
    assert [event[2] > 1 for event in watcher.events if event[0] == "start"][-1] is divided


def test_large_partitions_go_first_and_the_rows_keep_their_order(monkeypatch):
    monkeypatch.setattr("volley.engine.runners.sinks.rows._UNDIVIDED_ROWS", 0)
    watcher = Watcher()
    ranks = "select n, k, row_number() over (partition by k order by n) as r from t"
    table = pa.table({"n": range(1000), "k": [min(i % 40, 7) for i in range(1000)]})

    def ranked(**options):
        frame = vl.DataFrame.from_plan(Scan(source=MemorySource(table, 8)), vl.Session(**options))
        return vl.sql(ranks, t=frame).to_arrow()

    found = ranked(threads=1, observer=watcher)
    stage = max(place for place, event in enumerate(watcher.events) if event[0] == "start")
    rows = [event[1] for event in watcher.events[stage:] if event[0] == "task"]
    assert len(rows) > 2
    assert rows == sorted(rows, reverse=True)
    assert found.equals(ranked(threads=4))
    with monkeypatch.context() as patched:
        patched.setattr(local, "in_turn", lambda tasks: range(len(tasks)))
        assert found.equals(ranked(threads=1))


@pytest.mark.parametrize("limit", [None, "1MiB"])
def test_states_go_with_their_stage_without_a_search_for_cycles(limit):
    frame = numbers(200_000, threads=2, memory_limit=limit)
    question = frame.groupby("n").agg(k=("k", "sum")).nlargest(3, "k")
    gc.collect()
    gc.disable()
    try:
        assert question.collect().num_rows == 3
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        # by type: to ask a proxy among another library's garbage what it is an instance of fails
        states = [each for each in gc.garbage if issubclass(type(each), CpuGroupBy | OrderedGroups | CpuTopK)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert not states


def test_groups_that_are_read_twice_are_merged_once(monkeypatch):
    merged = []
    whole = CpuDevice.merge_groups

    def merge(self, partials, spec):
        made = whole(self, partials, spec)
        merged.append((len(partials) > 1 or not isinstance(partials[0].columns, Distinct), made.num_rows))
        return made

    monkeypatch.setattr(CpuDevice, "merge_groups", merge)
    frame = numbers(400_000, threads=2)
    text = """
        with g as (select n % 150000 as m, sum(k) as s from t group by 1)
        select count(*) as n, max(s) as s from g where s = (select max(s) from g)"""
    found = vl.sql(text, t=frame).to_arrow().to_pylist()
    assert [sum(rows for work, rows in merged if work is again) for again in (True, False)] == [150_000, 150_000]
    frame = pd.DataFrame({"m": np.arange(400_000) % 150_000, "k": np.arange(400_000) % 7})
    sums = frame.groupby("m")["k"].sum()
    assert found == [{"n": int((sums == sums.max()).sum()), "s": int(sums.max())}]
