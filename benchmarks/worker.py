"""One engine at one case, in a process of its own: it runs when asked, so that engines can take turns."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection
from pathlib import Path

import pyarrow as pa

from . import data
from .answers import as_table
from .case import Bench, Call, Case
from .engines import ENGINES, confine


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What a worker is to do.

    Parameters
    ----------
    case, engine
        Their names.
    scale
        Scale factor of the data.
    threads
        Number of threads and cores.
    answer
        Where to write the first answer, as an Arrow file, or None.
    core
        The first of its cores.
    """

    case: str
    engine: str
    scale: float
    threads: int
    answer: Path | None
    core: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a worker says after each step.

    Parameters
    ----------
    seconds
        How long the call took; 0 after the preparation.
    cpu
        Processor time of all threads in the call, seconds.
    peak
        Greatest resident memory of the process up to now, bytes.
    error
        What went wrong, in one line, or None.
    """

    seconds: float = 0.0
    cpu: float = 0.0
    peak: int = 0
    error: str | None = None


class Step(Enum):
    """What a worker is told: to collect garbage, which takes each its own time, to run, or to end."""

    GET_READY = "get ready"
    RUN = "run"
    STOP = "stop"


def serve(pipe: Connection, assignment: Assignment) -> None:
    """Prepare, then get ready or run as `Step` says through the pipe, until it says stop.

    Sends a `Report` after the preparation and after each step; ends after one with an error.
    """
    try:
        from .cases import CASES

        case = CASES[assignment.case]
        confine(assignment.threads, assignment.core)
        engine = ENGINES[assignment.engine]
        call = case.engines[engine.role](bench_for(case, assignment.scale, assignment.threads, engine.device))
        pipe.send(Report(peak=peak_memory()))
        first = True
        while (step := pipe.recv()) is not Step.STOP:
            if step is Step.GET_READY:
                gc.collect()
                pipe.send(Report())
                continue
            pipe.send(_timed(call, assignment.answer if first else None))
            first = False
    except Exception as error:  # noqa: BLE001  # whatever an engine raises is a result here
        text = " ".join(f"{type(error).__name__}: {error}".split())
        pipe.send(Report(peak=peak_memory(), error=text))


def bench_for(case: Case, scale: float, threads: int, device: str = "cpu") -> Bench:
    """Return the data of a case: paths of its files, and its tables read into memory."""
    return Bench(
        threads=threads,
        device=device,
        files=data.files(case.files, scale, suite=case.suite),
        tables={name: data.load(data.memory(name, scale)) for name in case.memory},
    )


def _timed(call: Call, keep: Path | None) -> Report:
    start, busy = time.perf_counter(), time.process_time()
    answer = call()
    seconds, cpu = time.perf_counter() - start, time.process_time() - busy
    peak = peak_memory()
    if keep is not None:
        table = as_table(answer)
        with pa.OSFile(str(keep), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    return Report(seconds=seconds, cpu=cpu, peak=peak)


def peak_memory() -> int:
    """Return the greatest resident memory of this process so far, bytes.

    From ``/proc`` rather than from ``getrusage``, whose figure survives ``exec`` and so starts at the parent's.
    """
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
