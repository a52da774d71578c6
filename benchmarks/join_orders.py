"""Is the order of joins that the planner chooses a good one? The ten queries of TPC-H and TPC-DS with the most joins.

``python -m benchmarks.join_orders [--scale 1] [--orders 30] [--record NAME]`` runs each query with the planner's order
of its largest group of inner joins, and with others in its place: the written one, neighbours of the planner's (two
relations exchanged, or one part of the tree moved), random left-deep and random bushy ones, all without products where
a condition connects the relations. Everything else is planned as ever. Times are processor seconds without planning,
the least of the rounds; the quickest others are measured again beside the planner's. An order that takes ``LIMIT``
times as long as the planner's is stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import volley as vl
from tests.support.tpc import texts
from volley.engine.errors import Cancelled, MemoryLimitExceeded
from volley.engine.optimizer.estimate import Estimator
from volley.engine.optimizer.join_graph import JoinGraph
from volley.engine.optimizer.join_search import Search, Tree
from volley.engine.optimizer.rules import order_joins
from volley.engine.runners import LocalRunner
from volley.sql import query

from .data import TPCDS, TPCH, tpcds, tpch
from .record import FOLDER as RECORDS
from .record import commit, machine

LIMIT = 4.0
AGAIN = 5
"""So many of the quickest orders are measured again."""
MEMORY = "6GiB"


@dataclass(slots=True, kw_only=True)
class Query:
    """A text, and the largest group of inner joins in it."""

    name: str
    text: str
    frames: Mapping[str, vl.DataFrame]
    graph: JoinGraph
    chosen: Tree
    place: int
    seconds: dict[Tree, float] = field(default_factory=dict)


Forced = Callable[[int, JoinGraph, Tree], Tree]


@contextlib.contextmanager
def trees(force: Forced) -> Iterator[None]:
    """Let ``force`` say the order of each group of joins, given its number in the plan and the planner's order."""
    original, count = order_joins.search, 0

    def search(graph: JoinGraph, estimator: Estimator) -> Tree:
        nonlocal count
        count += 1
        return force(count - 1, graph, original(graph, estimator))

    order_joins.search = search
    try:
        yield
    finally:
        order_joins.search = original


def largest(name: str, text: str, frames: Mapping[str, vl.DataFrame]) -> Query:
    """Return a text with the largest of its groups of joins."""
    found: list[tuple[int, JoinGraph, Tree]] = []

    def note(place: int, graph: JoinGraph, tree: Tree) -> Tree:
        found.append((place, graph, tree))
        return tree

    frame = query(text, frames)
    with trees(note):
        frame.session.optimized(frame.plan)
    place, graph, tree = max(found, key=lambda each: len(each[1].leaves)) if found else (0, None, 0)
    return Query(name=name, text=text, frames=frames, graph=graph, chosen=tree, place=place)


# --- other orders


def leaves(tree: Tree) -> list[int]:
    """Return the relations of a tree."""
    return [tree] if isinstance(tree, int) else [*leaves(tree[0]), *leaves(tree[1])]


def mask(tree: Tree) -> int:
    """Return the relations of a tree as bits."""
    return sum(1 << leaf for leaf in leaves(tree))


def is_connected(tree: Tree, reach: Callable[[int], int]) -> bool:
    """Return whether each join of a tree has a condition, or one side that nothing more could be joined to by one."""
    if isinstance(tree, int):
        return True
    left, right = mask(tree[0]), mask(tree[1])
    joined = bool(reach(left) & right) or reach(left) == left or reach(right) == right
    return joined and is_connected(tree[0], reach) and is_connected(tree[1], reach)


def left_deep(rng: random.Random, size: int, reach: Callable[[int], int]) -> Tree:
    """Return relations joined one after the other in a random order."""
    tree: Tree = rng.randrange(size)
    while len(leaves(tree)) < size:
        done = mask(tree)
        near = [leaf for leaf in range(size) if not done >> leaf & 1 and reach(done) >> leaf & 1]
        tree = (tree, rng.choice(near or [leaf for leaf in range(size) if not done >> leaf & 1]))
    return tree


def bushy(rng: random.Random, size: int, reach: Callable[[int], int]) -> Tree:
    """Return relations joined in random pairs of what has been joined so far."""
    parts: list[Tree] = list(range(size))
    while len(parts) > 1:
        pairs = [(a, b) for a in parts for b in parts if a is not b and reach(mask(a)) & mask(b)]
        first, second = rng.choice(pairs or [(parts[0], parts[1])])
        parts = [part for part in parts if part is not first and part is not second]
        parts.append((first, second))
    return parts[0]


def neighbour(rng: random.Random, tree: Tree) -> Tree:
    """Return a tree with two relations exchanged, or with a join turned about: (a b) c becomes a (b c)."""
    if rng.random() < 0.5:
        first, second = rng.sample(leaves(tree), 2)
        return _mapped(tree, {first: second, second: first})
    return _turned(rng, tree)


def _mapped(tree: Tree, to: Mapping[int, int]) -> Tree:
    return to.get(tree, tree) if isinstance(tree, int) else (_mapped(tree[0], to), _mapped(tree[1], to))


def _turned(rng: random.Random, tree: Tree) -> Tree:
    if isinstance(tree, int):
        return tree
    left, right = tree
    if not isinstance(left, int) and rng.random() < 0.5:
        keep = rng.random() < 0.5
        return (left[0], (left[1], right)) if keep else ((left[0], right), left[1])
    if not isinstance(right, int) and rng.random() < 0.5:
        return ((left, right[0]), right[1])
    return (_turned(rng, left), right) if rng.random() < 0.5 else (left, _turned(rng, right))


def others(asked: Query, count: int, seed: int) -> list[Tree]:
    """Return orders beside the planner's: the written one, neighbours, left-deep and bushy ones."""
    rng, size = random.Random(seed), len(asked.graph.leaves)
    reach = Search(asked.graph, Estimator()).reach
    shapes: list[Callable[[], Tree]] = [
        lambda: neighbour(rng, asked.chosen),
        lambda: neighbour(rng, neighbour(rng, asked.chosen)),
        lambda: left_deep(rng, size, reach),
        lambda: bushy(rng, size, reach),
    ]
    found = {asked.graph.written: None}
    for turn in range(count * 40):
        if len(found) >= count:
            break
        tree = shapes[turn % len(shapes)]()
        if tree != asked.chosen and is_connected(tree, reach):
            found[tree] = None
    return [tree for tree in found if tree != asked.chosen]


# --- running


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Interrupt this thread after some time, as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run(asked: Query, tree: Tree, longest: float) -> float | None:
    """Return the processor seconds of running a query with an order; None where it takes too long or much memory."""
    frame = query(asked.text, asked.frames)
    session = frame.session
    with trees(lambda place, _, chosen: tree if place == asked.place else chosen):
        stages = session.stages(frame.plan)
    began = time.process_time()
    try:
        with deadline(longest):
            LocalRunner(session.device, threads=session.threads, memory_limit=session.memory_limit).execute(stages)
    except (Cancelled, KeyboardInterrupt, MemoryLimitExceeded):
        return None
    return time.process_time() - began


def measured(asked: Query, count: int, repeat: int, seed: int) -> dict[str, Any]:
    """Return the figures of one query."""
    run(asked, asked.chosen, 600.0)  # reads files and compiles
    began = time.monotonic()
    own = min(run(asked, asked.chosen, 600.0) or 600.0 for _ in range(repeat))
    longest = max(2.0, LIMIT * (time.monotonic() - began) / repeat)
    tried = others(asked, count, seed)
    seconds = {tree: run(asked, tree, longest) for tree in tried}
    finished = sorted((taken, number) for number, tree in enumerate(tried) if (taken := seconds[tree]) is not None)
    best = dict[Tree, float]()
    for _ in range(repeat):
        own = min(own, run(asked, asked.chosen, 600.0) or own)
        for _, number in finished[:AGAIN]:
            taken = run(asked, tried[number], longest)
            if taken is not None:
                best[tried[number]] = min(taken, best.get(tried[number], taken))
    quickest = min(best.values(), default=own)
    written = seconds.get(asked.graph.written, own)
    return {
        "relations": len(asked.graph.leaves),
        "orders": len(tried),
        "stopped": sum(taken is None for taken in seconds.values()),
        "planner": round(own, 3),
        "best": round(quickest, 3),
        "ratio": round(own / quickest, 2),
        "written": None if written is None else round(written, 3),
        "slower": sum(taken is None or taken > own for taken in seconds.values()),
        "tree": str(asked.chosen),
        "quickest tree": str(min(best, key=best.__getitem__, default=asked.chosen)),
    }


def queries(scale: float, count: int) -> list[Query]:
    """Return the queries with the largest joins, those first."""
    with vl.Session(device="cpu", memory_limit=MEMORY):
        ds = {name: vl.read_parquet(str(path)) for name, path in tpcds(TPCDS, scale).items()}
        h = {name: vl.read_parquet(str(path)) for name, path in tpch(TPCH, scale).items()}
    found = [largest(f"TPC-H {p.stem}", p.read_text(), h) for p in texts("tpch")]
    found += [largest(f"TPC-DS {p.stem}", p.read_text(), ds) for p in texts("tpcds")]
    joined = [each for each in found if each.graph is not None and each.graph.classes]  # not of single rows alone
    return sorted(joined, key=lambda each: -len(each.graph.leaves))[:count]


def page(name: str, facts: Mapping[str, Any]) -> str:
    """Return the record as Markdown."""
    where = facts["machine"]
    lines = [
        f"## Orders of joins {name}",
        "",
        (
            f"Commit {facts['commit']}; {where['cpu']}, load {where['load']:.1f} over 15 minutes; scale factor "
            f"{facts['scale']:g}. Processor seconds, least of {facts['repeat']} rounds or more; an order that took "
            f"{LIMIT:g} times as long as the planner's was stopped."
        ),
        "",
        "| query | relations | planner | best other | planner / best | written | others slower | stopped |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for case, row in facts["cases"].items():
        written = "stopped" if row["written"] is None else row["written"]
        lines.append(
            f"| {case} | {row['relations']} | {row['planner']} | {row['best']} | {row['ratio']} | {written} "
            f"| {row['slower']} of {row['orders']} | {row['stopped']} |"
        )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: exit code 1 where the planner's order takes more than twice the time of the best."""
    command = argparse.ArgumentParser(prog="python -m benchmarks.join_orders", description=__doc__.splitlines()[0])
    command.add_argument("--scale", type=float, default=1.0, metavar="X", help="scale factor (default 1)")
    command.add_argument("--orders", type=int, default=30, metavar="N", help="other orders of each (default 30)")
    command.add_argument("--queries", type=int, default=10, metavar="N", help="queries (default 10)")
    command.add_argument("--repeat", type=int, default=2, metavar="N", help="rounds (default 2)")
    command.add_argument("--seed", type=int, default=0, metavar="SEED", help="of the random orders (default 0)")
    command.add_argument("--record", metavar="NAME", help="keep the figures as benchmarks/records/NAME.json and .md")
    asked = command.parse_args(arguments)
    cases = {}
    for each in queries(asked.scale, asked.queries):
        cases[each.name] = measured(each, asked.orders, asked.repeat, asked.seed)
        print(each.name, cases[each.name], file=sys.stderr, flush=True)
    facts = {
        "commit": commit(), "machine": machine(), "scale": asked.scale, "repeat": asked.repeat, "seed": asked.seed,
        "cases": cases,
    }  # fmt: skip
    text = page(asked.record or "now", facts)
    if asked.record:
        (RECORDS / f"{asked.record}.json").write_text(json.dumps(facts, indent=1) + "\n")
        (RECORDS / f"{asked.record}.md").write_text(text)
    print(text)
    return int(any(row["ratio"] > 2 for row in cases.values()))


if __name__ == "__main__":
    sys.exit(main())
