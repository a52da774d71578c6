"""``python -m benchmarks``: measure Volley beside the installed rivals."""

from __future__ import annotations

import argparse
import fnmatch
import os
import sys
import textwrap
from collections.abc import Mapping, Sequence

from . import record
from .case import Case
from .cases import CASES
from .engines import ENGINES, Engine
from .measure import Options, Outcome, measure

EXAMPLES = """\
examples:
  python -m benchmarks --list                        cases, engines, and which of them are installed
  python -m benchmarks                               everything at scale 1 (some minutes; makes 0.5 GB of data once)
  python -m benchmarks --scale 0.05 --repeat 2       a quick look
  python -m benchmarks --case 'group-*' --engine volley --engine polars
  python -m benchmarks --case 'tpch22-*'             all 22 queries of TPC-H, with their sum
  python -m benchmarks --case 'tpcds-*'              all 99 of TPC-DS, which has its own tables
  python -m benchmarks --case 'join*' --engine volley --engine volley-1 --ceiling --seconds 10
                                                     the gain of threads, beside what the machine allows
  python -m benchmarks --case 'join*' --engine volley --engine volley-1 --scale 10 --times-only
                                                     the gain of threads where there is more to do
  python -m benchmarks --record 2026-11-first        keep the figures in benchmarks/records

Each engine works at each case in a process of its own, with the same number of threads, on the same files or the same
rows in memory; runs alternate. The first run of a process is kept apart from the timed turns. Answers are compared
(floats to 1e-9), unless it is for times only; a wrong answer or a failing engine ends with exit code 1, a usage error
with 2.
"""


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure Volley beside the installed rivals.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--list", action="store_true", help="say what there is, and stop")
    made.add_argument(
        "--case", action="append", metavar="NAME", help="only this case, or all like 'tpch-*'; repeatable"
    )
    made.add_argument("--engine", action="append", metavar="NAME", help="only this engine; repeatable")
    made.add_argument("--repeat", type=_count, default=5, metavar="N", help="timed turns of each engine (default 5)")
    made.add_argument(
        "--seconds",
        type=float,
        default=0.0,
        metavar="S",
        help="go on with turns at a case until so many seconds are over, to at most ten times N turns",
    )
    made.add_argument(
        "--scale",
        type=_scale,
        default=1.0,
        metavar="X",
        help="scale factor of TPC-H and TPC-DS; 6M rows at 1 (default)",
    )
    made.add_argument(
        "--threads",
        type=_count,
        default=len(os.sched_getaffinity(0)),
        metavar="N",
        help="threads and cores of each engine (default: all, %(default)s here)",
    )
    made.add_argument("--timeout", type=float, default=300.0, metavar="S", help="longest that one run may take (300 s)")
    made.add_argument(
        "--ceiling",
        action="store_true",
        help="also let one process for each thread work at once, to see what the machine allows threads to gain",
    )
    made.add_argument(
        "--times-only",
        action="store_true",
        help="compare no answers, which takes long where cases give very many rows",
    )
    made.add_argument(
        "--record",
        default="latest",
        metavar="NAME",
        help="write benchmarks/records/NAME.json and .md (default 'latest', which git ignores)",
    )
    return made


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _scale(text: str) -> float:
    number = float(text)
    if not 0.001 <= number <= 1000:
        raise argparse.ArgumentTypeError(f"{text} is not between 0.001 and 1000")
    return number


def chosen_cases(patterns: Sequence[str] | None) -> dict[str, Case]:
    """Return the cases that any pattern fits; without one all but those that must be named."""
    if not patterns:
        return {name: case for name, case in CASES.items() if not case.only_named}
    for pattern in patterns:
        if not fnmatch.filter(CASES, pattern):
            raise ValueError(f"no case is called {pattern!r}; there are {', '.join(CASES)}")
    return {name: case for name, case in CASES.items() if any(fnmatch.fnmatch(name, p) for p in patterns)}


def chosen_engines(names: Sequence[str] | None) -> list[str]:
    """Return the engines to run: those named, or all that are installed."""
    for name in names or ():
        if name not in ENGINES:
            raise ValueError(f"no engine is called {name!r}; there are {', '.join(ENGINES)}")
        if not ENGINES[name].installed():
            raise ValueError(f"{name} is not installed; it needs {', '.join(ENGINES[name].modules)}")
    if names:
        return [name for name in ENGINES if name in names]
    return [name for name, engine in ENGINES.items() if engine.device == "cpu" and engine.installed()]


def listing() -> str:
    """Return cases and engines as text."""
    lines = ["cases"]
    for case in CASES.values():
        about = textwrap.fill(case.about, 100, initial_indent=f"  {case.name:<13}", subsequent_indent=" " * 15)
        lines += [about, f"{'':15}({', '.join(case.engines)})"]
    lines += ["", "engines (N threads)"]
    for engine in ENGINES.values():
        versions = (
            ", ".join(f"{k} {v}" for k, v in engine.versions().items()) if engine.installed() else "not installed"
        )
        lines.append(f"  {engine.name:<13}{engine.about} [{versions}]")
    return "\n".join(lines)


def takes_part(engine: Engine, case: Case, threads: int) -> bool:
    """Whether an engine answers a case; with threads of its own only at rows in memory, where others have more."""
    return engine.role in case.engines and (not engine.threads or (bool(case.memory) and threads > engine.threads))


def run(cases: Mapping[str, Case], engines: Sequence[str], options: Options) -> dict[str, list[Outcome]]:
    """Measure all cases and say on the way how it goes."""
    results = {}
    for name, case in cases.items():
        taking_part = [engine for engine in engines if takes_part(ENGINES[engine], case, options.threads)]
        if not taking_part:
            continue
        print(f"{name}: {case.about}", file=sys.stderr)
        results[name] = measure(case, taking_part, options)
        figures = (
            f"{o.engine} {o.best:.3f}" if o.good else f"{o.engine} {o.verdict} ({o.reason})" for o in results[name]
        )
        print(f"  {', '.join(figures)}", file=sys.stderr)
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    command = parser()
    asked = command.parse_args(arguments)
    if asked.list:
        print(listing())
        return 0
    try:
        cases, engines = chosen_cases(asked.case), chosen_engines(asked.engine)
    except ValueError as error:
        command.error(str(error))
    options = Options(
        scale=asked.scale,
        threads=asked.threads,
        repeat=asked.repeat,
        seconds=asked.seconds,
        timeout=asked.timeout,
        ceiling=asked.ceiling,
        compare=not asked.times_only,
    )
    results = run(cases, engines, options)
    if not results:
        command.error("none of these engines takes part in these cases; see --list")
    path = record.write(asked.record, record.describe(CASES, results, options), results)
    print("\n".join(record.table(results)))
    print(f"seconds, best of {record.turns(results)}; everything in {path} and {path.with_suffix('.json').name}")
    return 0 if all(outcome.good for outcomes in results.values() for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
