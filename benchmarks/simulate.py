"""TPC-H on a cluster that is not there: what the scheduler, the client and the links would have to do.

``python -m benchmarks.simulate [--scale 10000] [--nodes 64] [--gpus 8] [--queries q03,q09] [--record NAME]`` plans the
real queries over tables of a scale that have no rows, runs the real coordinator over workers that only count, and says
for each query how many tasks and messages there are, how many bytes go over which link, how long each part would take
and what bounds it. Assumptions stand in ``benchmarks/simulation/hardware.py``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import volley as vl
from tests.support.tpc import texts
from volley.engine.quantities import format_bytes
from volley.sql import query

from .record import FOLDER, commit
from .simulation.catalogue import tables
from .simulation.hardware import Hardware, measured
from .simulation.model import SimulatedCoordinator, StageCost

COLUMNS = (
    "stages", "tasks", "messages", "read", "NVLink", "network", "by scheduler", "held by a GPU", "seconds",
    "longest chain", "work", "serving", "scheduler", "client", "planning", "bound by",
)  # fmt: skip
PARTS = ("work", "serving", "scheduler", "client")


@dataclass(frozen=True, slots=True)
class QueryCost:
    """What a query costs: its planning, and its stages."""

    name: str
    planning: float
    splits: int
    stages: list[StageCost]
    longest: float

    @property
    def seconds(self) -> float:
        """Seconds from the text to the result."""
        return self.planning + sum(stage.total for stage in self.stages)

    def sum(self, name: str) -> float:
        """Return the sum of a figure over the stages."""
        return sum(getattr(stage, name) for stage in self.stages)

    def part(self, name: str) -> float:
        """Return the seconds of a part, over the stages."""
        return sum(stage.seconds.get(name, 0.0) for stage in self.stages)

    @property
    def bound(self) -> str:
        """What most of the time is: planning, or a part of its stages."""
        parts = Counter({"planning": self.planning})
        for stage in self.stages:
            parts[stage.bound] += stage.total
        return parts.most_common(1)[0][0]


def simulate(name: str, scale: float, hardware: Hardware) -> QueryCost:
    """Return what a query of TPC-H would cost."""
    text = next(path for path in texts("tpch") if path.stem == name).read_text()
    session = vl.Session(device="cpu", threads=1)
    begun = time.process_time()
    graph = session.stages(query(text, tables(scale)).plan)
    planning = time.process_time() - begun
    graph = session.stages(query(text, tables(scale)).plan, estimated=True)
    coordinator = SimulatedCoordinator(graph, hardware)
    stages = coordinator.finish()
    return QueryCost(name, planning, sum(1 for _ in graph.splits), stages, _longest(coordinator, stages))


def _longest(coordinator: SimulatedCoordinator, stages: Sequence[StageCost]) -> float:
    """Return the seconds of the longest chain of stages that need each other."""
    ends: dict[int, float] = {}
    for cost in stages:
        ran = coordinator.tasks.stages[cost.number]
        ends[cost.number] = cost.total + max((ends.get(made, 0.0) for made in ran.reads.values()), default=0.0)
    return max(ends.values(), default=0.0)


def table(found: Sequence[QueryCost], hardware: Hardware) -> str:
    """Return the figures as a table in Markdown, with their sums."""
    lines = [
        f"| {' | '.join(('', *COLUMNS))} |",
        "|---|" + "---:|" * (len(COLUMNS) - 1) + "---|",
    ]
    for each in found:
        held = max(stage.held for stage in each.stages) / hardware.workers
        lines.append(
            f"| {each.name} | {len(each.stages)} | {each.sum('tasks'):,.0f} | {each.sum('messages'):,.0f} | "
            f"{format_bytes(int(each.sum('stored')))} | {format_bytes(int(each.sum('nvlink')))} | "
            f"{format_bytes(int(each.sum('nic')))} | {format_bytes(int(each.sum('scheduler_bytes')))} | "
            f"{format_bytes(int(held))} | {each.seconds:.1f} | {each.longest:.1f} | "
            + " | ".join(f"{each.part(part):.1f}" for part in PARTS)
            + f" | {each.planning:.1f} | {each.bound} |"
        )
    whole = sum(each.seconds for each in found)
    parts = {part: sum(each.part(part) for each in found) for part in PARTS}
    lines.append(
        f"| all | {sum(len(e.stages) for e in found)} | {sum(e.sum('tasks') for e in found):,.0f} | "
        f"{sum(e.sum('messages') for e in found):,.0f} | "
        + " | ".join(
            format_bytes(int(sum(e.sum(n) for e in found))) for n in ("stored", "nvlink", "nic", "scheduler_bytes")
        )
        + f" | | {whole:.1f} | {sum(e.longest for e in found):.1f} | "
        + " | ".join(f"{seconds:.1f}" for seconds in parts.values())
        + f" | {sum(e.planning for e in found):.1f} | |"
    )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate, print, and keep the figures if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulate", description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=10_000.0)
    parser.add_argument("--nodes", type=int, default=64)
    parser.add_argument("--gpus", type=int, default=8, help="of each node")
    parser.add_argument("--queries", default="", help="such as q01,q06; all where absent")
    parser.add_argument("--stages", action="store_true", help="print every stage")
    parser.add_argument("--record", metavar="NAME")
    asked = parser.parse_args(arguments)
    hardware = Hardware(nodes=asked.nodes, gpus=asked.gpus, **measured())
    names = [name for name in asked.queries.split(",") if name] or [path.stem for path in texts("tpch")]
    found = []
    for name in names:
        each = simulate(name, asked.scale, hardware)
        found.append(each)
        if asked.stages:
            for stage in each.stages:
                print(
                    f"{name} stage {stage.number} {stage.name}: {stage.tasks} tasks, {stage.messages:,.0f} messages, "
                    f"{ {k: round(v, 3) for k, v in stage.seconds.items()} }, made {format_bytes(int(stage.made))}, "
                    f"shared {format_bytes(int(stage.scheduler_bytes / stage.tasks))}",
                    flush=True,
                )
    text = table(found, hardware)
    print(text)
    if asked.record:
        content = {
            "commit": commit(),
            "scale": asked.scale,
            "assumed": hardware.about(),
            "queries": [{**asdict(each), "seconds": each.seconds, "bound": each.bound} for each in found],
        }
        (FOLDER / f"{asked.record}.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
