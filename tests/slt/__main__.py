"""``python -m tests.slt``: run logic tests, or fill in their answers."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from tests.slt.complete import complete
from tests.slt.engines import ENGINES, Engine, Volley
from tests.slt.runner import FAILED, PASSED, SKIPPED, UNSUPPORTED, Options, Report, run_file
from tests.support.simulated_gpu import SESSIONS

CASES = Path(__file__).parent / "cases"
VERDICTS = (PASSED, FAILED, UNSUPPORTED, SKIPPED)
ENDINGS = (".test", ".slt", ".test_slow", ".sqllogictest")
EXAMPLES = """\
examples:
  python -m tests.slt                                our own files
  python -m tests.slt /path/to/files one.test        all files below a directory, and one more
  python -m tests.slt --dialect sqlite evidence/     SQL as SQLite writes it
  python -m tests.slt --engine duckdb tests/slt      what DuckDB makes of the same files
  python -m tests.slt --complete new.test            fill in results from DuckDB, compare them with SQLite's

A statement or query passes, fails, is unsupported (Volley says that it does not offer it, or it needs something that
was unsupported before) or is skipped (skipif, onlyif, mode skip). Exit code 1 if any failed, 2 on wrong usage.
"""


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    made = argparse.ArgumentParser(
        prog="python -m tests.slt",
        description="Run logic tests in the sqllogictest format.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("paths", nargs="*", type=Path, help="files and directories (default: our own)")
    made.add_argument("--complete", action="store_true", help="write DuckDB's results into the files")
    made.add_argument("--engine", choices=ENGINES, default="volley", help="what runs the files (default %(default)s)")
    made.add_argument(
        "--name", action="append", metavar="NAME", help="what skipif and onlyif call the engine (default: its name)"
    )
    made.add_argument("--dialect", default="duckdb", help="dialect in which Volley reads SQL (default %(default)s)")
    made.add_argument("--device", choices=SESSIONS, default="cpu", help="where Volley runs (default %(default)s)")
    made.add_argument(
        "--style", choices=("auto", "sqlite", "duckdb"), default="auto", help="whose rules say how numbers compare"
    )
    made.add_argument(
        "--messages", action="store_true", help="compare errors with the patterns and messages of the files, too"
    )
    made.add_argument(
        "--timeout", type=float, default=60.0, metavar="S", help="longest that one record may take (60 s)"
    )
    made.add_argument("--root", type=Path, metavar="DIR", help="directory that paths in the files are relative to")
    made.add_argument("--show", type=int, default=10, metavar="N", help="failures shown of each file (default 10)")
    made.add_argument("--json", type=Path, metavar="FILE", help="write what came of every record")
    return made


def files(paths: Sequence[Path]) -> Iterator[Path]:
    """Return the files given and those below the directories given, in order."""
    for path in paths:
        if path.is_dir():
            yield from sorted(found for found in path.rglob("*") if found.suffix in ENDINGS)
        else:
            yield path


def summary(report: Report) -> str:
    """Return a file's line."""
    return f"{report.path}: " + ", ".join(f"{report.count(verdict)} {verdict}" for verdict in VERDICTS)


def details(report: Report, most: int) -> Iterator[str]:
    """Return a line for each failure, up to a number, and one for each thing that is not supported."""
    if report.error is not None:
        yield f"  {report.error}"
    failed = [outcome for outcome in report.outcomes if outcome.verdict == FAILED]
    for outcome in failed[:most]:
        sql = " ".join(outcome.sql.split())
        yield f"  line {outcome.line}: {outcome.reason}\n    {sql[:200]}"
    if len(failed) > most:
        yield f"  … and {len(failed) - most} more"
    for reason, count in report.reasons().most_common():
        yield f"  unsupported ({count}): {reason}"


def run(paths: Sequence[Path], make: Callable[[], Engine], options: Options, most: int) -> list[Report]:
    """Run files and print what came of each."""
    reports = []
    for path in files(paths):
        report = run_file(path, make, options)
        reports.append(report)
        print(summary(report))
        for line in details(report, most):
            print(line)
        sys.stdout.flush()
    return reports


def total(reports: Sequence[Report]) -> str:
    """Return the last lines: what is not supported in all files, and the sums."""
    reasons: Counter[str] = sum((report.reasons() for report in reports), Counter())
    lines = [f"unsupported ({count}): {reason}" for reason, count in reasons.most_common(40)]
    counts = ", ".join(f"{sum(report.count(verdict) for report in reports)} {verdict}" for verdict in VERDICTS)
    return "\n".join([*lines, f"{len(reports)} files: {counts}"])


def completed(path: Path) -> int:
    """Fill the results of one file in, with a directory of its own for what it writes."""
    with tempfile.TemporaryDirectory(prefix="volley-slt-") as folder:
        return complete(path, {"__TEST_DIR__": folder})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    command = parser()
    asked = command.parse_args(arguments)
    paths = [path.resolve() for path in asked.paths] or [CASES]
    for path in paths:
        if not path.exists():
            command.error(f"there is no {path}")
    if asked.complete:
        return max([completed(path) for path in files(paths)], default=0)
    make: Callable[[], Engine] = ENGINES[asked.engine]
    if asked.engine == "volley":
        make = partial(Volley, dialect=asked.dialect, timeout=asked.timeout, device=asked.device)
    if asked.root is not None:
        os.chdir(asked.root)
    with tempfile.TemporaryDirectory(prefix="volley-slt-") as folder:
        places = {
            "__TEST_DIR__": folder,
            "TEST_DIR": folder,
            "TEMP_DIR": folder,
            "__WORKING_DIRECTORY__": str(Path.cwd()),
        }
        names = tuple(asked.name or (asked.engine,))
        options = Options(
            names=names,
            patterns=asked.messages or paths == [CASES],  # those of other engines' files are not in Volley's words
            messages=asked.messages,
            style=asked.style,
            variables=places,
        )
        reports = run(paths, make, options, asked.show)
    if asked.json is not None:
        rows = [
            {"path": str(report.path), "line": o.line, "verdict": o.verdict, "reason": o.reason, "sql": o.sql}
            for report in reports
            for o in report.outcomes
        ]
        asked.json.write_text(json.dumps(rows, indent=1))
    print(total(reports))
    return int(any(report.count(FAILED) for report in reports))


if __name__ == "__main__":
    sys.exit(main())
