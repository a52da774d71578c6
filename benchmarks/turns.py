"""``python -m benchmarks.turns``: let two checkouts of Volley take turns at cases, to tell small differences."""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import data
from .case import Case
from .cases import CASES
from .engines import thread_settings

HERE = Path(__file__).resolve().parent.parent
EXAMPLE = """\
example, to compare what is here with the last commit:
  git worktree add --detach ../before HEAD
  python -m benchmarks.turns ../before group-dense join --seconds 20

Both read the data of this checkout, or of VOLLEY_BENCH_DATA.
"""
SERVED = """
import gc, sys, time
from benchmarks.cases import CASES
from benchmarks.engines import confine
from benchmarks.worker import bench_for
case, threads = CASES[sys.argv[1]], int(sys.argv[3])
confine(threads)
call = case.engines["volley"](bench_for(case, float(sys.argv[2]), threads))
call()
for _ in sys.stdin:
    gc.collect()
    start = time.perf_counter()
    answer = call()
    print("took", time.perf_counter() - start, flush=True)
    del answer
"""
"""What a process does: the case once, then once for each line that comes."""


@dataclass(slots=True, kw_only=True)
class Side:
    """A checkout on some threads at one case.

    Parameters
    ----------
    root
        The checkout.
    threads
        How many threads, each with a core.
    seconds
        What each turn took.
    """

    root: Path
    threads: int
    process: subprocess.Popen[str]
    seconds: list[float] = field(default_factory=list)

    def turn(self) -> None:
        """Let it run once."""
        sent, said = self.process.stdin, self.process.stdout
        assert sent is not None
        assert said is not None
        with contextlib.suppress(BrokenPipeError):  # where the process has ended, it is told below
            sent.write("\n")
            sent.flush()
        for line in said:
            if line.startswith("took "):
                self.seconds.append(float(line.split()[1]))
                return
        raise SystemExit(f"benchmarks.turns: the process of {self.root} ended with exit code {self.process.wait()}")

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


def started(root: Path, case: Case, scale: float, threads: int) -> Side:
    """Start a process that works at a case with the code of a checkout."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVED, case.name, str(scale), str(threads)],
        cwd=root,
        env={
            **os.environ,
            **thread_settings(threads),
            "PYTHONPATH": str(root),
            "VOLLEY_BENCH_DATA": str(data.FOLDER),
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Side(root=root, threads=threads, process=process)


def compare(case: Case, roots: Sequence[Path], scale: float, threads: Sequence[int], seconds: float) -> str:
    """Return a line of what two checkouts took at a case, on each number of threads, after so many seconds of turns."""
    data.files(case.files, scale, data.FOLDER, suite=case.suite)
    for name in case.memory:
        data.memory(name, scale, data.FOLDER)
    sides = [[started(root, case, scale, number) for root in roots] for number in threads]
    try:
        for pair in sides:
            for side in pair:
                side.turn()
                side.seconds.clear()
        end = time.monotonic() + seconds
        while time.monotonic() < end or len(sides[0][0].seconds) < 3:
            for pair in sides:
                for side in pair if len(pair[0].seconds) % 2 else reversed(pair):
                    side.turn()
    finally:
        for pair in sides:
            for side in pair:
                side.stop()
    parts = [f"{case.name:18}"]
    for number, (new, old) in zip(threads, sides, strict=True):
        ratio = statistics.median(n / o for n, o in zip(new.seconds, old.seconds, strict=True))
        parts.append(f"{number} thread{'s' * (number > 1)}: {_both(new)} against {_both(old)} ms, {ratio:.3f}")
    if len(threads) > 1:
        gains = [_gain(sides[0][which], sides[-1][which]) for which in range(2)]
        parts.append(f"gain {gains[0]} against {gains[1]}")
    return "; ".join(parts)


def _both(side: Side) -> str:
    """Return the best and the median turn, milliseconds."""
    return f"{1000 * min(side.seconds):.1f}/{1000 * statistics.median(side.seconds):.1f}"


def _gain(one: Side, more: Side) -> str:
    """Return how much faster more threads are, by the best and by the median turns."""
    medians = statistics.median(one.seconds) / statistics.median(more.seconds)
    return f"{min(one.seconds) / min(more.seconds):.2f}/{medians:.2f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    command = argparse.ArgumentParser(
        prog="python -m benchmarks.turns",
        description="Let this checkout and another take turns at cases; print best/median milliseconds, and the median "
        "of each turn's time over the other's.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("other", type=Path, help="the checkout to compare with")
    command.add_argument("case", nargs="+", help="a case of python -m benchmarks --list")
    command.add_argument("--seconds", type=float, default=15.0, metavar="S", help="of turns at each case (default 15)")
    command.add_argument("--scale", type=float, default=1.0, metavar="X", help="TPC-H scale factor (default 1)")
    command.add_argument(
        "--threads", type=int, nargs="+", default=[1, 2], metavar="N", help="numbers of threads (default 1 and 2)"
    )
    asked = command.parse_args(arguments)
    for name in asked.case:
        if name not in CASES:
            command.error(f"no case is called {name!r}; see python -m benchmarks --list")
    if not (asked.other / "volley").is_dir():
        command.error(f"{asked.other} is no checkout of Volley")
    for name in asked.case:
        roots = (HERE, asked.other.resolve())
        print(compare(CASES[name], roots, asked.scale, asked.threads, asked.seconds), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
