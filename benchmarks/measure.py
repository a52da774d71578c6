"""Let the engines take turns at a case, each in a process of its own, and compare what they answer."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pyarrow as pa

from . import data
from .answers import difference
from .case import Case
from .engines import ALONE, ENGINES, OURS, thread_settings
from .worker import Assignment, Report, Step, serve

REFERENCES = ("duckdb", "polars", "datafusion", "pyarrow", "pandas", "pydata", OURS)
"""Whose answer the others are compared with: the first of these that gave one, else any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to measure.

    Parameters
    ----------
    scale
        Scale factor of the data.
    threads
        Number of threads and cores for each engine.
    repeat
        Least number of timed turns after the first run.
    seconds
        Turns go on until so many seconds are over, to at most ten times as many: what is over soon is told better so.
    timeout
        Longest that one run may take, seconds.
    ceiling
        Whether Volley on one thread also runs in as many processes at once as there are threads.
    compare
        Whether to compare the answers, which takes longer than many a case where there are very many rows.
    """

    scale: float = 1.0
    threads: int = 2
    repeat: int = 5
    seconds: float = 0.0
    timeout: float = 300.0
    ceiling: bool = False
    compare: bool = True


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What one engine did at one case.

    Parameters
    ----------
    engine
        Its name.
    first
        Seconds of the first run, with all that happens only once.
    seconds, cpu
        Time, and processor time of all threads, of each turn after the first run.
    peak
        Greatest resident memory of a process that prepares and runs once, bytes; includes the data in memory.
    processes, at_once
        How many processes that know nothing of each other did the same at once, each on a core of its own, and how long
        the slowest of them took each time.
    verdict
        ``reference``, ``agrees``, ``alone`` (nobody to compare with), ``unseen`` (not compared), ``differs`` or
        ``failed``.
    reason
        How it differs or why it failed.
    """

    engine: str
    first: float = 0.0
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: int = 0
    processes: int = 1
    at_once: list[float] = field(default_factory=list)
    verdict: str = "alone"
    reason: str | None = None

    @property
    def good(self) -> bool:
        """Whether it ran and its answer is not known to be wrong."""
        return self.verdict not in ("differs", "failed")

    @property
    def best(self) -> float:
        """The fastest turn, seconds."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """The median of the turns, seconds."""
        return statistics.median(self.seconds)


class Failure(Exception):
    """An engine could not do its part."""


class Worker:
    """The process of one engine at one case."""

    def __init__(self, assignment: Assignment, timeout: float) -> None:
        context = multiprocessing.get_context("spawn")
        self.outcome = Outcome(engine=assignment.engine)
        self.answer = assignment.answer
        self._timeout = timeout
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, assignment), daemon=True)
        self._process.start()
        theirs.close()

    def ready(self) -> None:
        """Wait until it has prepared."""
        self.report()

    def first(self) -> None:
        """Let it run for the first time."""
        report = self._run()
        self.outcome.first, self.outcome.peak = report.seconds, report.peak

    def turn(self) -> None:
        """Let it run once more."""
        report = self._run()
        self.outcome.seconds.append(report.seconds)
        self.outcome.cpu.append(report.cpu)

    def turn_beside(self, others: Sequence[Worker]) -> None:
        """Let it run once more while the others do, all from the same moment, and note how long the slowest took."""
        together = (self, *others)
        for worker in together:
            worker.tell(Step.GET_READY)
        for worker in together:
            worker.report()
        for worker in together:
            worker.tell(Step.RUN)
        self.outcome.processes = len(together)
        self.outcome.at_once.append(max(worker.report().seconds for worker in together))

    def fail(self, reason: str) -> None:
        """Note why it is out."""
        self.outcome.verdict, self.outcome.reason = "failed", reason

    def _run(self) -> Report:
        self.tell(Step.GET_READY)
        self.report()
        self.tell(Step.RUN)
        return self.report()

    def tell(self, step: Step) -> None:
        """Say what to do, without waiting for its report."""
        with contextlib.suppress(OSError):  # where the process has ended, the report says so
            self._pipe.send(step)

    def report(self) -> Report:
        """Wait for its report."""
        try:
            if not self._pipe.poll(self._timeout):
                raise Failure(f"no answer within {self._timeout:g} s")
            report: Report = self._pipe.recv()
        except (EOFError, ConnectionError):
            self._process.join(5)
            raise Failure(f"the process ended with exit code {self._process.exitcode}") from None
        if report.error is not None:
            raise Failure(report.error)
        return report

    def stop(self) -> None:
        """End the process."""
        self.tell(Step.STOP)
        self._process.join(2)
        self.kill()
        self._pipe.close()

    def kill(self) -> None:
        """End the process at once."""
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def measure(case: Case, engines: Sequence[str], options: Options) -> list[Outcome]:
    """Run a case on engines in turns and return one outcome for each, in their order.

    All processes stand at the same time and only one of them works, so that a disturbance of the machine meets all
    engines alike. For the machine's ceiling several processes of one thread work at once.
    """
    data.files(case.files, options.scale, suite=case.suite)
    for name in case.memory:
        data.memory(name, options.scale)
    with tempfile.TemporaryDirectory(prefix="volley-bench-") as folder, _environment(options.threads):
        workers: list[Worker] = []
        others: list[Worker] = []

        def started(engine: str, threads: int, core: int = 0) -> Worker:
            answer = Path(folder) / f"{engine}-{core}.arrow" if options.compare else None
            assignment = Assignment(
                case=case.name, engine=engine, scale=options.scale, threads=threads, answer=answer, core=core
            )
            return Worker(assignment, options.timeout)

        try:
            workers.extend(started(engine, ENGINES[engine].threads or options.threads) for engine in engines)
            if options.ceiling and ALONE in engines:
                others.extend(started(ALONE, 1, core) for core in range(1, options.threads))
            for step in (Worker.ready, Worker.first):
                _attempt([*workers, *others], step)
            end = monotonic() + options.seconds
            for number in range(10 * options.repeat):
                if number >= options.repeat and monotonic() >= end:
                    break
                _attempt(workers, Worker.turn)
                if others:
                    _attempt([w for w in workers if w.outcome.engine == ALONE], lambda w: w.turn_beside(others))
        finally:
            for worker in (*workers, *others):
                worker.stop()
        if options.compare:
            compare(case, {worker.answer: worker.outcome for worker in workers if worker.answer is not None})
        else:
            for worker in workers:
                worker.outcome.verdict = "unseen" if worker.outcome.good else worker.outcome.verdict
    return [worker.outcome for worker in workers]


def _attempt(workers: Sequence[Worker], step: Callable[[Worker], None]) -> None:
    """Let each worker that is still in take a step; one that fails is out."""
    for worker in workers:
        if not worker.outcome.good:
            continue
        try:
            step(worker)
        except Failure as failure:
            worker.fail(str(failure))
            print(f"{worker.outcome.engine}: {failure}", file=sys.stderr)


def compare(case: Case, outcomes: Mapping[Path, Outcome]) -> None:
    """Give each engine that answered its verdict; the answers lie in the files that the outcomes are kept under."""
    answered = {outcome.engine: (path, outcome) for path, outcome in outcomes.items() if outcome.good}
    if len(answered) < 2:
        return
    reference = next((engine for engine in REFERENCES if engine in answered), min(answered))
    expected = _read(answered[reference][0])
    for engine, (path, outcome) in answered.items():
        outcome.reason = None if engine == reference else difference(expected, _read(path), case)
        outcome.verdict = "differs" if outcome.reason else "reference" if engine == reference else "agrees"


def _read(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_file(file).read_all()


@contextlib.contextmanager
def _environment(threads: int) -> Iterator[None]:
    """Set what limits the threads of processes started inside."""
    before = dict(os.environ)
    os.environ.update(thread_settings(threads))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
