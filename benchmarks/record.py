"""What a run leaves behind: everything as JSON, and the figures as Markdown."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import statistics
import subprocess
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .case import Case
from .cases import tpcds, tpch22
from .engines import ALONE, ENGINES, OURS, RIVALS
from .measure import Options, Outcome

FOLDER = Path(__file__).parent / "records"
SUITES = (tpch22.SUITE, tpcds.SUITE)
"""How the names of a suite's cases begin, whose figures are summed up."""

Results = Mapping[str, Sequence[Outcome]]
"""Outcomes by case name."""


def describe(cases: Mapping[str, Case], results: Results, options: Options) -> dict[str, Any]:
    """Return the whole record: where, with what, how, and every time."""
    used = {outcome.engine for outcomes in results.values() for outcome in outcomes}
    return {
        "made": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "python": platform.python_version(),
        "engines": {
            name: {"settings": engine.about, "versions": engine.versions()}
            for name, engine in ENGINES.items()
            if name in used
        },
        "options": asdict(options),
        "cases": [
            {
                "name": name,
                "about": cases[name].about,
                "outcomes": [
                    {**asdict(o), "best": o.best if o.seconds else None, "median": o.median if o.seconds else None}
                    for o in outcomes
                ],
            }
            for name, outcomes in results.items()
        ],
    }


def machine() -> dict[str, Any]:
    """Return the processor's model, the usable cores, the memory in bytes, the system, and how busy it was."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()}",
        "load": os.getloadavg()[2],
    }


def commit() -> str:
    """Return the commit of the working tree, with a + behind it if tracked files differ; "unknown" without git."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(FOLDER.parent), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def keep(name: str, facts: Mapping[str, Any], page: Callable[[str, Mapping[str, Any]], str]) -> None:
    """Write facts, with the time, commit and machine, as a record and as its page, and print that."""
    made = {"made": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), "commit": commit(), "machine": machine()}
    path = FOLDER / f"{name}.md"
    path.with_suffix(".json").write_text(json.dumps(made | facts, indent=1) + "\n")
    path.write_text(page(name, made | facts))
    print(path.read_text())


def write(name: str, record: Mapping[str, Any], results: Results, folder: Path | None = None) -> Path:
    """Write ``NAME.json`` and ``NAME.md``, by default into `FOLDER`, and return the latter's path."""
    folder = folder or FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    path = folder / f"{name}.md"
    path.write_text(page(name, record, results))
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What a table shows of each outcome, and whether it ends with our ratio to the best rival."""

    title: str
    cell: Callable[[Outcome], str]
    ratio: bool = False


BEST = Figure(
    title=(
        "Seconds, best turn. Then Volley's best turn over the best rival's (below 1 Volley is faster), over the "
        "faster of DuckDB's and Polars', and how much faster its threads are than one; where there is a ceiling, how "
        "much more as many processes of one thread do at once than one of them, which is what the machine allows."
    ),
    cell=lambda outcome: f"{outcome.best:.3f}",
    ratio=True,
)
FIGURES = (
    BEST,
    Figure(title="Seconds, median turn.", cell=lambda outcome: f"{outcome.median:.3f}"),
    Figure(
        title="Processor seconds of all threads, least of the turns: the figure that a busy machine disturbs least.",
        cell=lambda outcome: f"{min(outcome.cpu):.3f}",
    ),
    Figure(
        title="Seconds, first run of the process: libraries load, kernels are made ready and caches fill on the way.",
        cell=lambda outcome: f"{outcome.first:.3f}",
    ),
    Figure(
        title="Peak memory of a process that prepares and runs once, MiB (data in memory included).",
        cell=lambda outcome: f"{outcome.peak / 2**20:.0f}",
    ),
)


def page(name: str, record: Mapping[str, Any], results: Results) -> str:
    """Return the record as a Markdown page."""
    where, options = record["machine"], record["options"]
    lines = [
        f"## Record {name}",
        "",
        (
            f"{record['made']}, commit {record['commit']}; {where['cpu']}, {where['cores']} cores, "
            f"{where['memory'] / 2**30:.0f} GiB, {where['system']}, load {where['load']:.1f} over "
            f"15 minutes, Python {record['python']}. "
            f"Scale {options['scale']:g}, {options['threads']} threads each; {turns(results)} alternating turns."
        ),
        "",
        *[line for figure in FIGURES for line in (figure.title, "", *table(results, figure), "")],
        "| case | what it does |",
        "|---|---|",
        *(f"| {case['name']} | {case['about']} |" for case in record["cases"]),
        "",
        "| engine | versions | settings (N threads) |",
        "|---|---|---|",
        *(
            f"| {engine} | {', '.join(f'{k} {v}' for k, v in facts['versions'].items())} | {facts['settings']} |"
            for engine, facts in record["engines"].items()
        ),
    ]
    trouble = [
        f"- {case}, {outcome.engine}: {outcome.verdict}: {outcome.reason}"
        for case, outcomes in results.items()
        for outcome in outcomes
        if not outcome.good
    ]
    if trouble:
        lines += ["", "Not measured or not right:", "", *trouble]
    return "\n".join(lines) + "\n"


def turns(results: Results) -> str:
    """Return how many turns the engines took at each case, as in "3" or "20 to 150"."""
    counts = sorted({len(outcome.seconds) for outcomes in results.values() for outcome in outcomes if outcome.good})
    return " to ".join(str(count) for count in dict.fromkeys((counts[0], counts[-1]))) if counts else "0"


def table(results: Results, figure: Figure = BEST) -> list[str]:
    """Return the lines of a Markdown table of one figure: a row per case, a column per engine."""
    engines = [name for name in ENGINES if any(o.engine == name for outcomes in results.values() for o in outcomes)]
    ratios = dict(RATIOS) if figure.ratio else {}
    if not any(ceiling_of_threads(outcomes) for outcomes in results.values()):
        ratios.pop("ceiling", None)
    head = ["case", *engines, *ratios]
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    for case, outcomes in results.items():
        by_engine = {outcome.engine: outcome for outcome in outcomes}
        cells = [_cell(by_engine.get(engine), figure) for engine in engines]
        for ratio in ratios.values():
            found = ratio(outcomes)
            cells.append("" if found is None else f"**{found:.2f}**")
        lines.append(f"| {' | '.join([case, *cells])} |")
    return lines + [line for suite in SUITES if figure.ratio for line in _totals(results, suite, engines, len(ratios))]


def _totals(results: Results, suite: str, engines: Sequence[str], ratios: int) -> list[str]:
    """Return lines with the sum and the geometric mean of a suite's best turns, for engines that answered all of it.

    Behind them stands ours over the best rival's, then over that of the faster of DuckDB and Polars.
    """
    cases = [outcomes for case, outcomes in results.items() if case.startswith(suite)]
    if len(cases) < 2:
        return []
    best = {
        engine: [o.best for outcomes in cases for o in outcomes if o.engine == engine and o.good] for engine in engines
    }
    lines = []
    for name, total in (("sum", sum), ("geometric mean", statistics.geometric_mean)):
        totals = {engine: total(each) for engine, each in best.items() if len(each) == len(cases)}
        compared = []
        for among in (ENGINES, RIVALS):
            rivals = [seconds for engine, seconds in totals.items() if engine in among and engine != OURS]
            compared.append(f"**{totals[OURS] / min(rivals):.2f}**" if OURS in totals and rivals else "")
        cells = [f"{totals[engine]:.3f}" if engine in totals else "" for engine in engines]
        lines.append(f"| {' | '.join([f'{suite}*: {name}', *cells, *compared, *[''] * (ratios - len(compared))])} |")
    return lines


def _cell(outcome: Outcome | None, figure: Figure) -> str:
    if outcome is None:
        return ""
    return figure.cell(outcome) if outcome.good else outcome.verdict


def ratio_to_best_rival(outcomes: Sequence[Outcome], among: Container[str] = ENGINES) -> float | None:
    """Return our best time over that of the best rival among those named; None unless both have one."""
    good = {outcome.engine: outcome.best for outcome in outcomes if outcome.good}
    rivals = [best for engine, best in good.items() if engine in among and ENGINES[engine].role != OURS]
    return good[OURS] / min(rivals) if OURS in good and rivals else None


def gain_of_threads(outcomes: Sequence[Outcome]) -> float | None:
    """Return our best time on one thread over that on all; None unless both were measured."""
    good = {outcome.engine: outcome.best for outcome in outcomes if outcome.good}
    return good[ALONE] / good[OURS] if OURS in good and ALONE in good else None


def ceiling_of_threads(outcomes: Sequence[Outcome]) -> float | None:
    """Return how much more processes of one thread do at once than one alone; None unless that was measured.

    No number of threads can gain more than work that shares nothing does.
    """
    for outcome in outcomes:
        if outcome.engine == ALONE and outcome.good and outcome.at_once:
            return outcome.processes * outcome.best / min(outcome.at_once)
    return None


RATIOS: Mapping[str, Callable[[Sequence[Outcome]], float | None]] = {
    "of best rival": ratio_to_best_rival,
    "of DuckDB, Polars": partial(ratio_to_best_rival, among=RIVALS),
    "threads": gain_of_threads,
    "ceiling": ceiling_of_threads,
}
