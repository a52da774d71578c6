"""Runs whose rows do not fit the limit of memory: they give what other runs give, and leave nothing behind."""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import volley as vl
from tests.support.simulated_gpu import GPU, SESSIONS
from tests.support.threads import left_over
from volley.engine.errors import ConfigError, MemoryLimitExceeded, SpillError, UserFunctionError, WriteError
from volley.engine.exchange import files, spool
from volley.engine.frame.memory import MemorySource
from volley.engine.plan import Scan
from volley.engine.runners import local, spilled
from volley.engine.runners.metrics import RunMetrics
from volley.engine.runners.sinks import spooled
from volley.io import staging

LIMIT = 96 * 1024
RNG = np.random.default_rng(0)
ROWS = 12_000
FACTS = pa.table(
    {
        "id": np.arange(ROWS),
        "k": pa.array(RNG.integers(0, 4_000, ROWS), mask=RNG.random(ROWS) < 0.01),
        "g": RNG.integers(0, 3, ROWS),
        "v": RNG.integers(-(10**6), 10**6, ROWS),
        "x": RNG.normal(size=ROWS),
        "s": [f"text {n % 977}" for n in range(ROWS)],
    }
)
KEYS = pa.table(
    {
        "k": pa.array(RNG.integers(0, 5_000, 6_000), mask=RNG.random(6_000) < 0.01),
        "w": RNG.integers(0, 100, 6_000),
        "name": [f"name {n}" for n in range(6_000)],
    }
)
SKEWED = pa.table({"g": np.append(np.full(4_000, 1), np.arange(1_000)), "w": np.arange(5_000) % 1_000})
FEW = pa.table({"g": RNG.integers(0, 4, 8_000), "w": RNG.integers(0, 1_000, 8_000)})
Question = Callable[[vl.Session], vl.DataFrame]


def frame(table: pa.Table, session: vl.Session) -> vl.DataFrame:
    return vl.DataFrame.from_plan(Scan(source=MemorySource(table, 8)), session)


def sql(text: str) -> Question:
    def ask(session: vl.Session) -> vl.DataFrame:
        tables = {"facts": FACTS, "keys": KEYS, "skewed": SKEWED, "few": FEW}
        return vl.sql(text, **{name: frame(table, session) for name, table in tables.items()})

    return ask


def rows(question: Question, session: vl.Session) -> list[tuple[object, ...]]:
    """Return the rows as they come; the result as a whole may be larger than the limit."""
    batches = question(session).iter_batches()
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let little data take the ways of much: work on it in many pieces, and split buckets again."""
    monkeypatch.setattr(spool, "LEAST_TASK_BYTES", 8 * 1024)
    monkeypatch.setattr(spilled, "BUCKETS", 4)
    monkeypatch.setattr(spooled, "BUCKETS", 4)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[RunMetrics]:
    """Return what the runs of a test did."""
    made: list[RunMetrics] = []
    monkeypatch.setattr(local, "query_ended", lambda metrics, _: made.append(metrics))
    return made


def in_files(run: RunMetrics) -> int:
    return sum(stage.spilled for stage in run.stages)


ORDERED = {
    "sort": "select * from facts order by x",
    "sort of few keys keeps the order of equal ones": "select * from facts order by g desc",
    "sort of text and nulls": "select * from facts order by s, k desc nulls last, id",
    "sort of frequent keys": "select * from facts order by case when id % 20 < 17 then 0 else v end, id % 2",
    "sort of one value": "select id, v * 0 as zero from facts order by zero",
    "sort of groups": "select k, count(*) as n from facts group by k order by n desc, k",
}
UNORDERED = {
    "groups": "select k, count(*), sum(v), min(x), max(s), any_value(k), avg(v) from facts group by k",
    "groups of two keys": "select k, s, sum(v), stddev(v) from facts group by k, s",
    "lists": "select k, list_sort(list(v)), median(v), mode(g), string_agg(s, ',' order by id) from facts group by k",
    "count distinct": "select k, count(distinct s), count(distinct v), sum(distinct g) from facts group by k",
    "lists of lists": "select g, sum(list_sum(l)) from (select g, list(v) l from facts group by g, k) group by g",
    "distinct": "select distinct k, g from facts",
    "distinct on": "select distinct on (k) k, count(*) over (partition by k) from facts",
    "inner join": "select * from facts join keys using (k)",
    "left join": "select * from facts left join keys using (k)",
    "right join": "select * from facts right join keys using (k)",
    "full join": "select * from facts full join keys using (k)",
    "join with a condition": "select * from facts f left join keys t on f.k = t.k and f.v % 100 > t.w",
    "semi join": "select * from facts f where exists (select * from keys t where t.k = f.k and t.name <> f.s)",
    "anti join": "select * from facts f where not exists (select * from keys t where t.k = f.k and t.w > f.g)",
    "joins in a row": "select a.id, b.name, c.name from facts a join keys b using (k) join keys c on c.k = b.k + 1",
    "joined": "select * from (select k, sum(v) from facts group by k) join (select distinct k, w from keys) using (k)",
    "skewed join": "select count(*), sum(f.id), sum(t.w) from facts f join skewed t on f.g = t.g and f.v % 50 = t.w",
    "skewed semi join": "select * from facts f where f.g in (select g from skewed t where t.w >= f.v % 1000)",
    "skewed left join": "select * from few f left join skewed t on f.g = t.g and f.w = t.w",
    "skewed full join": "select * from few f full join skewed t on f.g = t.g and f.w = t.w",
    "skewed anti join": "select * from few f where not exists (select * from skewed t where f.g = t.g and f.w = t.w)",
    "nearest of a skewed key": "select f.*, t.w as near from few f asof left join skewed t on f.g = t.g and f.w >= t.w",
    "nearest without keys": "select f.id, t.k, t.w, t.name from facts f asof join keys t on f.v >= t.w",
    "join without keys": "select count(*), sum(t.w) from few f join skewed t on f.w < t.w - 900 and f.g <= t.g",
    "window": "select id, row_number() over (partition by k order by v, id), sum(v) over (partition by k) from facts",
    "window of a frame": "select id, max(v) over (partition by s order by id rows 3 preceding) from facts",
    "union": "select k, s from facts union select k, name from keys",
    "intersection": "select k from facts intersect select k from keys",
    "table": "with t as (select k, sum(v) v from facts group by k) select a.v, b.v from t a join t b on a.k = b.k",
    "limit of a sort": "select sum(id), max(s), sum(v) from (select * from facts order by x limit 9000)",
    "limit": "select sum(id), max(s), sum(v) from (select * from facts limit 10000)",
}


@pytest.mark.parametrize(
    ("name", "threads"), [*((name, 2) for name in [*ORDERED, *UNORDERED]), ("sort", 1), ("lists", 1), ("full join", 1)]
)
def test_rows_are_those_of_a_run_without_limit(name: str, threads: int, runs: list[RunMetrics]) -> None:
    question = sql((ORDERED | UNORDERED)[name])
    found = rows(question, vl.Session(device="cpu", threads=threads, memory_limit=LIMIT))
    expected = rows(question, vl.Session(device="cpu", threads=threads))
    if name in UNORDERED:
        found, expected = sorted(found, key=repr), sorted(expected, key=repr)
    limited, free = runs
    assert in_files(limited) > LIMIT / 2
    assert limited.peak_bytes <= LIMIT
    assert in_files(free) == 0
    assert found == expected


def test_a_limit_that_is_never_met_changes_nothing(runs: list[RunMetrics]) -> None:
    question = sql(UNORDERED["joins in a row"])
    assert sorted(rows(question, vl.Session(memory_limit="1GiB"))) == sorted(rows(question, vl.Session()))
    assert [in_files(run) for run in runs] == [0, 0]


def test_an_analysis_says_what_was_spilled() -> None:
    session = vl.Session(device="cpu", memory_limit=LIMIT)
    text = sql("select count(*) from (select k, sum(x) from facts group by k)")(session).explain("analyze")
    assert "KiB spilled" in next(line for line in text.splitlines() if line.startswith("stage 0 group"))


def test_a_device_with_its_own_memory_spills_as_well(runs: list[RunMetrics], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "LEAST_TASK_BYTES", 1024 * 1024)  # the simulator is slow where pieces are many
    question = sql("select k, sum(v), max(w) from facts join keys using (k) group by k order by k")
    found = rows(question, SESSIONS[GPU](threads=2, memory_limit=LIMIT))
    assert found == rows(question, vl.Session(device="cpu"))
    assert in_files(runs[0]) > LIMIT


def test_rows_that_cannot_be_divided_have_to_fit() -> None:
    running = sql("select sum(x) over (order by v, id) from facts")
    with pytest.raises(MemoryLimitExceeded, match=r"WindowExec .* of rows that cannot be divided needs .*KiB"):
        rows(running, vl.Session(device="cpu", memory_limit=LIMIT))
    one = sql(
        "select id, row_number() over (partition by zero order by v, id) from (select *, v * 0 as zero from facts)"
    )
    with pytest.raises(MemoryLimitExceeded, match="cannot be divided"):
        rows(one, vl.Session(device="cpu", memory_limit=LIMIT))


def test_a_result_is_written_that_would_not_fit(tmp_path: Path, runs: list[RunMetrics]) -> None:
    session = vl.Session(device="cpu", threads=2, memory_limit=LIMIT)
    frame(FACTS, session).sort_values("x").to_parquet(tmp_path / "sorted.parquet")
    assert in_files(runs[0]) > LIMIT
    written = vl.read_parquet(tmp_path / "sorted.parquet").to_arrow()
    assert written.equals(FACTS.sort_by("x").cast(written.schema))


# ------------------------------------------------------------------------------------------- what is left


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file of this process become larger than so many bytes; none of a compiled module is made, which Python
    would leave cut off.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    compiles, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sys.dont_write_bytecode = compiles


def open_files(folder: Path) -> list[str]:
    """Return the files in a folder that this process has open, whether they have names or not."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.append(str(entry.readlink()))
    return [name for name in found if name.startswith(str(folder))]


def spilling(folder: Path, **settings: object) -> vl.Session:
    return vl.Session(device="cpu", threads=2, memory_limit=LIMIT, spill_dir=folder, **settings)


SORTED_GROUPS = sql("select k, s, sum(x) as t from facts group by k, s order by t")


def test_files_have_no_names_and_are_gone_after_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    write = files.SpillFiles.write

    def watched(self: files.SpillFiles, content: object) -> files.Extent:
        made = write(self, content)
        assert list(tmp_path.iterdir()) == []
        seen.append(open_files(tmp_path))
        return made

    monkeypatch.setattr(files.SpillFiles, "write", watched)
    monkeypatch.setattr(files, "FILE_BYTES", LIMIT)
    batches = SORTED_GROUPS(spilling(tmp_path)).iter_batches()
    next(batches)
    batches.close()  # a reader may leave
    assert max(map(len, seen)) > 1
    assert open_files(tmp_path) == []
    rows(SORTED_GROUPS, spilling(tmp_path))
    assert open_files(tmp_path) == []


def test_a_full_disk_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    with largest_file(LIMIT // 2), pytest.raises(SpillError, match=rf"cannot spill to '{tmp_path}': .* spill_dir"):
        rows(SORTED_GROUPS, spilling(tmp_path))
    assert open_files(tmp_path) == []
    assert rows(SORTED_GROUPS, spilling(tmp_path)) == rows(SORTED_GROUPS, vl.Session(device="cpu"))


def test_a_folder_that_goes_away_is_an_error_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "spilled"
    folder.mkdir()
    monkeypatch.setattr(files, "FILE_BYTES", 1)
    write = files.SpillFiles.write

    def watched(self: files.SpillFiles, content: object) -> files.Extent:
        made = write(self, content)
        folder.rmdir()
        return made

    session = spilling(folder)
    monkeypatch.setattr(files.SpillFiles, "write", watched)
    said = rf"cannot spill to '{folder}': No such file or directory; give the session another spill_dir"
    with pytest.raises(SpillError, match=said):
        rows(SORTED_GROUPS, session)
    assert open_files(folder) == []


def test_sorted_rows_that_a_disk_does_not_take_leave_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spilled").mkdir()
    target = tmp_path / "sorted.parquet"
    vl.DataFrame({"old": [1]}).to_parquet(target)
    monkeypatch.setattr(staging.Stage, "open", lambda self, relative: pa.OSFile("/dev/full", "wb"))
    with pytest.raises(WriteError, match=r"no space is left; .* nothing was written there"):
        frame(FACTS, spilling(tmp_path / "spilled")).sort_values("x").to_parquet(target)
    assert vl.read_parquet(target).to_arrow().to_pydict() == {"old": [1]}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sorted.parquet", "spilled"]
    assert open_files(tmp_path) == []


def test_a_failed_run_lets_go_of_its_files_without_a_search_for_cycles(tmp_path: Path) -> None:
    def fail(table: pa.Table) -> pa.Table:
        raise ValueError("broken on purpose")

    path = tmp_path / "facts.arrow"
    frame(FACTS, vl.Session(device="cpu")).to_ipc(path)
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(UserFunctionError), vl.Session(device="cpu", threads=2):
            vl.read_ipc(path).map_batches(fail, {f.name: f.type for f in FACTS.schema}).sort_values("x").to_arrow()
        assert open_files(tmp_path) == []
    finally:
        gc.enable()


def test_nothing_is_left_after_an_error(tmp_path: Path) -> None:
    calls: list[int] = []

    def fail(table: pa.Table) -> pa.Table:
        calls.append(1)
        if len(calls) == 12:
            raise ValueError("broken on purpose")
        return table

    ranked = frame(FACTS, spilling(tmp_path)).sort_values("x").map_batches(fail, {f.name: f.type for f in FACTS.schema})
    with pytest.raises(UserFunctionError, match="broken on purpose"):
        ranked.groupby("k").agg(n=("v", "sum")).to_arrow()
    assert open_files(tmp_path) == []


def test_ctrl_c_ends_a_run_that_spills_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, killed = threading.Event(), threading.Event()
    write = files.SpillFiles.write

    def watched(self: files.SpillFiles, content: object) -> files.Extent:
        begun.set()
        killed.wait(60)
        return write(self, content)

    def interrupt() -> None:
        begun.wait(60)
        os.kill(os.getpid(), signal.SIGINT)
        killed.set()

    monkeypatch.setattr(files.SpillFiles, "write", watched)
    killer = threading.Thread(target=interrupt)
    killer.start()
    with pytest.raises(KeyboardInterrupt):
        rows(SORTED_GROUPS, spilling(tmp_path))
    killer.join()
    assert open_files(tmp_path) == []
    assert not left_over()


def test_a_spill_dir_must_be_a_folder_of_this_process(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for wrong in ("file", "missing"):
        with pytest.raises(ConfigError, match=f"{wrong}' is not a folder"):
            vl.Session(spill_dir=tmp_path / wrong)
    with pytest.raises(ConfigError, match="workers spill into their local directory"):
        vl.Session(cluster="local:1", spill_dir=tmp_path)
