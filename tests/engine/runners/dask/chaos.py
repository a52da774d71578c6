"""``python -m tests.engine.runners.dask.chaos``: TPC-H while workers are killed at random; one seed is one query.

What is compared is the answer of threads in this process. After each query nothing of it may be left on any worker or
at the scheduler; after all of them, no process and no file.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import logging
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dask
import psutil
import pyarrow as pa

import volley as vl
from tests.support.faults import MOMENTS, arm
from tests.support.tpc import assert_same_rows, frames, texts
from tests.support.workers import remains, set_store_limit, tasks_known, wait_until
from volley.engine.frame import DataFrame
from volley.engine.runners.dask import coordinator, uploads
from volley.sql import query

WORKERS = 3
DEADLINE = 600.0
"""Seconds after which a query counts as hanging: a machine may be paused, and a worker take long to come back."""
WRITTEN = {
    "orders": "select * from orders where o_orderkey % 3 = 0",
    "parts": "select l_orderkey, l_linenumber, p_name from lineitem, part where p_partkey = l_partkey and p_size < 9",
}
"""Queries whose rows are many, for writing."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What happens in one query.

    Attributes
    ----------
    moments
        For each worker to be killed: one of `MOMENTS`, ``gather`` as the result is fetched, or ``time``.
    after
        How often the first moment is let pass.
    shuffled
        Whether both sides of all joins are shuffled.
    spilled
        Whether workers spill all that they make.
    """

    seed: int
    name: str
    moments: tuple[str, ...]
    after: int
    shuffled: bool
    spilled: bool

    @property
    def written(self) -> bool:
        """Whether the rows are written to files, rather than fetched."""
        return self.moments[0] == "write"


def drawn(seed: int) -> Trial:
    """Return the trial of a seed."""
    rng = random.Random(seed)
    first = rng.choice([*MOMENTS, "gather", "time", "time", "time"])
    more = rng.choices(["time"], k=rng.choice([0, 0, 0, 1, 2]))
    names = [*WRITTEN] if first == "write" else [path.stem for path in texts("tpch")]
    return Trial(
        seed=seed,
        name=rng.choice(names),
        moments=(first, *more),
        after=rng.choice([0, 0, 1, 2, 5]),
        shuffled=rng.random() < 0.5,
        spilled=rng.random() < 0.5,
    )


@dataclass(slots=True)
class Outcome:
    """How a trial went.

    Attributes
    ----------
    landed
        The moments at which a worker was killed while the query ran.
    again
        Tasks whose output was lost after it had been made, and made again.
    """

    trial: Trial
    landed: tuple[str, ...]
    again: int
    seconds: float


@dataclass(slots=True)
class _Run:
    """A query under way, as its killers see it."""

    pids: list[int]
    rng: random.Random
    ended: threading.Event = field(default_factory=threading.Event)
    landed: list[str] = field(default_factory=list)
    coordinators: list[coordinator.Coordinator] = field(default_factory=list)

    def kill(self, moment: str, pid: int | None = None) -> None:
        """Kill a worker, if the query still runs."""
        living = [known for known in self.pids if psutil.pid_exists(known)]
        victim = pid or (self.rng.choice(living) if living else None)
        if victim is None or self.ended.is_set():
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
            self.landed.append(moment)

    def kill_later(self, seconds: float) -> None:
        """Kill a worker after a while, if the query has not ended by then."""
        if not self.ended.wait(seconds):
            self.kill("time")


class Chaos:
    """A cluster whose workers die.

    Parameters
    ----------
    tables
        Folder of TPC-H's tables.
    scratch
        Folder for what is written.
    """

    def __init__(self, session: vl.Session, tables: Path, scratch: Path) -> None:
        self.session, self.scratch = session, scratch
        self.frames = frames(tables)
        self.texts = {path.stem: path.read_text() for path in texts("tpch")} | WRITTEN
        self._answers: dict[str, tuple[pa.Table, float]] = {}

    @property
    def client(self) -> Any:
        """The session's Dask client."""
        return self.session.cluster.client

    def run(self, trial: Trial) -> Outcome:
        """Run a trial; raises where anything is wrong."""
        answer, calm = self.answer(trial.name)
        run = self._ready(trial)
        killers = [
            threading.Thread(target=run.kill_later, args=(run.rng.random() * calm * 1.2,))
            for moment in trial.moments
            if moment == "time"
        ]
        flag = self.scratch / f"flag-{trial.seed}"
        if trial.moments[0] in MOMENTS:
            flag.touch()
            self.client.run(arm, trial.moments[0], str(flag), trial.after, on_error="ignore")
        begun = time.monotonic()
        with _watched(run, trial):
            for killer in killers:
                killer.start()
            found = self._within_deadline(trial, run)
        seconds = time.monotonic() - begun
        for killer in killers:
            killer.join()
        if trial.moments[0] in MOMENTS and not flag.exists():
            run.landed.append(trial.moments[0])
        flag.unlink(missing_ok=True)
        assert_same_rows(found, answer)
        wait_until(self._clean, DEADLINE)
        again = sum(made.tasks.recomputed for made in run.coordinators)
        return Outcome(trial, tuple(run.landed), again, seconds)

    def answer(self, name: str) -> tuple[pa.Table, float]:
        """Return the rows of a query on threads of this process, and how long it takes on the calm cluster."""
        known = self._answers.get(name)
        if known is None:
            frame = self._frame(name)
            here = frame.to_arrow()
            begun = time.monotonic()
            DataFrame.from_plan(frame.plan, self.session).to_arrow()
            known = self._answers[name] = here, time.monotonic() - begun
        return known

    def left(self) -> dict[str, Any]:
        """Return what is left of queries, by place."""
        found = {
            address: {kind: count for kind, count in what.items() if count}
            for address, what in self.client.run(remains, on_error="ignore").items()
        }
        found["scheduler"] = self.client.run_on_scheduler(tasks_known)
        return {place: what for place, what in found.items() if what}

    def _clean(self) -> bool:
        return not self.left()

    def _frame(self, name: str) -> DataFrame:
        frame = query(self.texts[name], self.frames)
        return frame.sort_values(frame.columns[:2]) if name in WRITTEN else frame

    def _ready(self, trial: Trial) -> _Run:
        self.client.wait_for_workers(WORKERS - 1, timeout=DEADLINE)
        self.client.run(set_store_limit, 0 if trial.spilled else 1 << 40, on_error="ignore")
        pids = self.client.run(os.getpid, on_error="ignore")
        return _Run(list(pids.values()), random.Random(-trial.seed))

    def _within_deadline(self, trial: Trial, run: _Run) -> pa.Table:
        """Return the rows of a trial's query; ends the process with all stacks where they do not come."""
        found: list[Any] = []

        def work() -> None:
            try:
                found.append(self._rows(trial))
            except BaseException as error:  # noqa: BLE001 - raised again below
                found.append(error)

        working = threading.Thread(target=work, daemon=True)
        working.start()
        working.join(DEADLINE)
        run.ended.set()
        if working.is_alive():
            faulthandler.dump_traceback()
            raise AssertionError(f"{trial} hangs: {self.client.run_on_scheduler(_states)}, {self.left()}")
        (rows,) = found
        if isinstance(rows, BaseException):
            print(f"{trial} failed after {run.landed}: {type(rows).__name__}: {rows}", flush=True)
            raise rows
        return rows

    def _rows(self, trial: Trial) -> pa.Table:
        frame = DataFrame.from_plan(self._frame(trial.name).plan, self.session)
        if not trial.written:
            return frame.to_arrow()
        folder = self.scratch / "out"
        unordered = query(self.texts[trial.name], self.frames)
        DataFrame.from_plan(unordered.plan, self.session).to_parquet(folder)
        assert sorted(path.name for path in self.scratch.iterdir() if "flag" not in path.name) == ["out"]
        return vl.read_parquet(folder).sort_values(frame.columns[:2]).to_arrow()


def _states(dask_scheduler: Any) -> list[str]:
    """Return what the scheduler thinks of its tasks; run on it."""
    return [f"{task!r} {task.worker_restrictions}" for task in dask_scheduler.tasks.values()]


@contextlib.contextmanager
def _watched(run: _Run, trial: Trial) -> Iterator[None]:
    """Let a run be seen from outside, and let a worker die as the result is fetched, where the trial says so."""
    enter, download, broadcast = (
        coordinator.Coordinator.__enter__,
        uploads.Uploads.download,
        coordinator.BROADCAST_BYTES,
    )
    pids: dict[str, int] = {}

    def entering(self: coordinator.Coordinator) -> coordinator.Coordinator:
        run.coordinators.append(self)
        return enter(self)

    def downloading(self: uploads.Uploads, number: int, task: int) -> Iterator[Any]:
        if trial.moments[0] == "gather" and "gather" not in run.landed:
            holder = self.tasks.source(number).places[task].worker
            pids.update(self.cluster.client.run(os.getpid, on_error="ignore"))
            if holder in pids:
                run.kill("gather", pids[holder])
        yield from download(self, number, task)

    coordinator.Coordinator.__enter__, uploads.Uploads.download = entering, downloading  # type: ignore[method-assign]
    coordinator.BROADCAST_BYTES = 0 if trial.shuffled else broadcast
    try:
        yield
    finally:
        coordinator.Coordinator.__enter__, uploads.Uploads.download = enter, download  # type: ignore[method-assign]
        coordinator.BROADCAST_BYTES = broadcast


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: exit code 1 if anything went wrong."""
    command = argparse.ArgumentParser(prog="python -m tests.engine.runners.dask.chaos", description=__doc__)
    command.add_argument(
        "-n", type=int, default=200, metavar="N", help="workers to kill while queries run (default 200)"
    )
    command.add_argument("--seed", type=int, default=0, metavar="SEED", help="seed of the first query (default 0)")
    command.add_argument("--scale", type=float, default=1, metavar="X", help="scale of TPC-H (default 1)")
    asked = command.parse_args(arguments)
    from benchmarks.data import TPCH, tpch

    tables = tpch(TPCH, asked.scale)["orders"].parent
    for quiet in ("distributed", "volley.query"):
        logging.getLogger(quiet).setLevel(logging.CRITICAL)
    dask.config.set({"volley.patience": f"{DEADLINE}s"})  # for the places of workers to be filled again
    begun, before = time.monotonic(), _children()
    with tempfile.TemporaryDirectory(prefix="volley-chaos-") as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder  # all that is left anywhere is left there
        scratch = Path(folder, "scratch")
        scratch.mkdir()
        outcomes = []
        session = vl.Session(cluster=f"local:{WORKERS}")
        try:
            chaos = Chaos(session, tables, scratch)
            while sum(len(outcome.landed) for outcome in outcomes) < asked.n:
                outcomes.append(chaos.run(drawn(asked.seed + len(outcomes))))
                _tell(outcomes[-1])
        finally:
            session.close()
        _summarise(outcomes, time.monotonic() - begun)
        files = [path for path in Path(folder).rglob("*") if scratch not in (path, *path.parents)]
    wait_until(lambda: _children() <= before)
    print(f"left in temporary directories: {[str(path) for path in files] or 'nothing'}; processes: none")
    return int(bool(files))


def _children() -> set[int]:
    """Return the processes that this one has started, without the tracker that Python itself keeps."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "resource_tracker" not in " ".join(process.cmdline()):
                found.add(process.pid)
    return found


def _tell(outcome: Outcome) -> None:
    trial = outcome.trial
    how = f"{'shuffled' if trial.shuffled else 'broadcast'}{', spilled' if trial.spilled else ''}"
    print(
        f"seed {trial.seed}: {trial.name} ({how}), {', '.join(trial.moments)}: killed at "
        f"{', '.join(outcome.landed) or 'none'}; {outcome.again} made again; {outcome.seconds:.1f} s",
        flush=True,
    )


def _summarise(outcomes: Sequence[Outcome], seconds: float) -> None:
    landed = Counter(moment for outcome in outcomes for moment in outcome.landed)
    struck = [outcome for outcome in outcomes if outcome.landed]
    print(f"{len(outcomes)} queries, {len(struck)} struck, {landed.total()} workers killed in {seconds:.0f} s")
    print("at " + ", ".join(f"{moment}: {count}" for moment, count in sorted(landed.items())))
    print(f"{sum(outcome.again for outcome in outcomes)} outputs made again; no answer differs, no query hangs")


if __name__ == "__main__":
    sys.exit(main())
