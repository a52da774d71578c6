"""What the cluster costs: rounds, tasks, bytes on their way, and TPC-H on two workers beside two threads.

``python -m benchmarks.cluster [--scale 1] [--protocols tcp,ucx] [--parts throughput] [--record NAME]`` starts worker
processes of one thread each on this machine. Every figure stands beside one that was taken in the same minutes: an
empty Dask task, a bare comm of the same protocol and message size, threads of this process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

import volley as vl
from tests.support.tpc import texts
from volley.engine.exchange.calls import Request
from volley.engine.exchange.pieces import PAGE_BYTES
from volley.engine.frame import DataFrame
from volley.engine.frame.memory import MemorySource
from volley.engine.physical.stages import CollectSink, Stage
from volley.engine.plan import Scan
from volley.engine.runners.dask import ClusterSettings, start_cluster
from volley.engine.runners.dask.assignment import StagePlan
from volley.engine.runners.dask.tasks import Ran, Tasks
from volley.engine.schema import Schema
from volley.sql import query

from .data import TPCH, tpch
from .record import FOLDER as RECORDS
from .record import commit, machine

PAGES, PAGE, STREAMS = 64, PAGE_BYTES, 4


def median_ms(work: Callable[[], Any], times: int) -> float:
    """Return the median of so many runs in milliseconds, after one that does not count."""
    work()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1e3


def rounds(session: vl.Session) -> dict[str, float]:
    """Return milliseconds of a stage of one task without work, and of a Dask task without work."""
    client = session.cluster.client
    tasks = Tasks(client, f"{client.id}/bench", lambda *_: None)
    schema = Schema(())
    plan = StagePlan(
        query=tasks.query, title="empty", stage=Stage(0, (), CollectSink(), schema), buckets=8, schema=schema
    )
    stage = median_ms(lambda: tasks.run(Ran(plan, [()], {}), [0]), 100)
    tasks.close()
    bare = median_ms(lambda: client.submit(int, 1, pure=False).result(), 100)
    return {"empty stage ms": stage, "empty Dask task ms": bare}


def splits(session: vl.Session) -> dict[str, float]:
    """Return seconds of a scan of 10,000 splits, and how much of a core the scheduler's thread took meanwhile."""
    source = MemorySource(pa.table({"a": list(range(10_000))}), partitions=10_000)
    frame = DataFrame.from_plan(Scan(source=source), session)
    client = session.cluster.client
    before, begun = client.run_on_scheduler(time.thread_time), time.perf_counter()
    assert len(frame[frame.a > 5]) == 9_994
    seconds = time.perf_counter() - begun
    share = (client.run_on_scheduler(time.thread_time) - before) / seconds
    return {"10,000 splits s": seconds, "scheduler share": share}


def per_task(session: vl.Session) -> dict[str, float]:
    """Return milliseconds of processor time that one of many tasks costs the scheduler's thread, and the client."""
    client, many = session.cluster.client, 2_000

    def spent() -> tuple[float, float]:
        return client.run_on_scheduler(time.thread_time), time.process_time()  # the scheduler is in this process

    client.gather(client.map(int, range(100), pure=False))
    before = spent()
    client.gather(client.map(int, range(many), pure=False))
    scheduler, process = (after - earlier for after, earlier in zip(spent(), before, strict=True))
    return {
        "scheduler ms per task": scheduler / many * 1e3,
        "client ms per task": (process - scheduler) / many * 1e3,
    }


def keep(name: str, tasks: int, rows: int, dask_worker: Any) -> None:
    """Have a worker hold the outputs of so many tasks, of so many rows each; run on workers."""
    import numpy as np

    from volley.engine.arrow import from_arrow_schema
    from volley.engine.exchange import OutputId

    bench = dask_worker.plugins["volley"].bench
    made = pa.table({"a": np.arange(rows)})
    table = bench.device.from_arrow(made, from_arrow_schema(made.schema))
    for task in range(tasks):
        bench.exchange.store.put(OutputId(name, 0, task, 0), [[table]])


async def fetch(requests: Sequence[Request], rows: int, dask_worker: Any) -> None:
    """Have a worker take rows from others, which must be so many; run on workers."""
    from volley.engine import dtypes
    from volley.engine.schema import Schema

    bench = dask_worker.plugins["volley"].bench

    def read() -> int:
        found = bench.exchange.fetch(requests, Schema.of([("a", dtypes.int64)]), lambda: False)
        return sum(table.num_rows for _, tables in found for table in tables)

    assert await asyncio.get_running_loop().run_in_executor(None, read) == rows


def per_message(session: vl.Session) -> dict[str, float]:
    """Return milliseconds of processor time that a message of the exchange with hardly a row costs each of its ends."""
    client, many = session.cluster.client, 1_000
    maker, reader = sorted(client.scheduler_info()["workers"])[:2]
    requests = [Request(maker, "messages", 0, ((task, 0),), 0, 1) for task in range(many)]
    client.run(keep, "messages", many, 1, workers=[maker])
    client.run(fetch, requests, many, workers=[reader])
    before = client.run(time.process_time)
    client.run(fetch, requests, many, workers=[reader])
    after = client.run(time.process_time)
    session.cluster.forget("messages")
    spent = sum(after[worker] - before[worker] for worker in (maker, reader))
    return {"exchange ms per message": spent / 2 / many * 1e3}


def throughput(session: vl.Session) -> dict[str, float]:
    """Return MB/s between two workers: of the exchange, and of a bare comm with messages of the same size."""
    client = session.cluster.client
    maker, reader = sorted(client.scheduler_info()["workers"])[:2]

    def serve(dask_worker: Any) -> None:
        from distributed.protocol import Serialize

        content = memoryview(bytearray(PAGE))

        async def page() -> Any:
            return {"lead": Serialize(memoryview(bytearray(8))), "frame": Serialize(content)}

        dask_worker.handlers["bench_page"] = page

    async def bare(dask_worker: Any) -> float:
        async def some() -> None:
            for _ in range(PAGES // STREAMS):
                await dask_worker.rpc(maker).bench_page()

        begun = time.perf_counter()
        await asyncio.gather(*(some() for _ in range(STREAMS)))
        return PAGES * PAGE / (time.perf_counter() - begun) / 1e6

    request = Request(maker, "bench", 0, tuple((task, 0) for task in range(PAGES)), 0, 1)

    async def exchange(dask_worker: Any) -> float:
        begun = time.perf_counter()
        await fetch([request], PAGES * PAGE // 8, dask_worker)
        return PAGES * PAGE / (time.perf_counter() - begun) / 1e6

    client.run(serve, workers=[maker])
    client.run(keep, "bench", PAGES, PAGE // 8, workers=[maker])
    ours, theirs = [], []
    for _ in range(4):  # taking turns
        theirs.append(client.run(bare, workers=[reader])[reader])
        ours.append(client.run(exchange, workers=[reader])[reader])
    session.cluster.forget("bench")
    return {"exchange MB/s": max(ours[1:]), "bare comm MB/s": max(theirs[1:])}


def queries(session: vl.Session, scale: float, names: set[str]) -> dict[str, tuple[float, float]]:
    """Return seconds of each TPC-H query on the workers and on as many threads, the least of three turns."""
    threads = vl.Session(device="cpu", threads=session.cluster.slots().threads)
    tables = {name: vl.read_parquet(path) for name, path in tpch(TPCH, scale).items()}
    found = {}
    for text in texts("tpch"):
        if names and text.stem not in names:
            continue
        plan = query(text.read_text(), tables).plan
        taken: tuple[list[float], list[float]] = ([], [])
        for _ in range(3):
            for place, where in enumerate((session, threads)):
                begun = time.perf_counter()
                DataFrame.from_plan(plan, where).to_arrow()
                taken[place].append(time.perf_counter() - begun)
        found[text.stem] = (min(taken[0]), min(taken[1]))
        print(
            f"{text.stem}: {found[text.stem][0]:.3f} s on workers, {found[text.stem][1]:.3f} s on threads", flush=True
        )
    return found


PARTS: dict[str, Callable[[vl.Session], dict[str, float]]] = {
    "rounds": rounds,
    "splits": splits,
    "tasks": per_task,
    "messages": per_message,
    "throughput": throughput,
}


def measured(protocol: str, parts: Sequence[str], scale: float, names: set[str]) -> dict[str, Any]:
    """Return the figures of some parts on workers that speak a protocol."""
    found: dict[str, Any] = {}
    settings = ClusterSettings(workers=2, protocol=protocol, memory_limit=4 << 30)
    with start_cluster(settings) as started, vl.Session(device="cpu", cluster=started.scheduler_address) as session:
        for part in parts:
            if part == "tpch":
                found["tpch"] = queries(session, scale, names)
                continue
            figures = PARTS[part](session)
            print(f"{protocol}: { {name: round(value, 3) for name, value in figures.items()} }", flush=True)
            found |= {part: figures} if part == "throughput" else figures
    return found


def kept(path: Path, found: dict[str, Any]) -> dict[str, Any]:
    """Return figures together with those that are recorded of the same commit."""
    known = json.loads(path.read_text()) if path.exists() else {}
    same = known.get("commit") == found["commit"].removesuffix("+")  # the record itself makes the tree differ
    before = known if same else {}
    if same:
        found["commit"] = known["commit"]
    for part in ("tpch", "throughput"):
        found[part] = {**before.get(part, {}), **found.get(part, {})}
    return {**before, **found}


def main() -> None:
    """Measure, print, and keep the figures if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--protocols", default="tcp", help="such as tcp,ucx: the first for all, others for throughput")
    parser.add_argument("--parts", default=",".join([*PARTS, "tpch"]), help="all where absent")
    parser.add_argument("--queries", default="", help="such as q01,q06; all where absent")
    parser.add_argument("--record", metavar="NAME", help="keep the figures, with those kept of the same commit")
    arguments = parser.parse_args()
    parts, names = arguments.parts.split(","), set(filter(None, arguments.queries.split(",")))
    protocol, *others = arguments.protocols.split(",")
    found = measured(protocol, parts, arguments.scale, names)
    if "throughput" in parts:
        found["throughput"] = {protocol: found["throughput"]}
        for other in others:
            found["throughput"] |= {other: measured(other, ["throughput"], arguments.scale, set())["throughput"]}
    if arguments.record:
        path = RECORDS / f"{arguments.record}.json"
        about = {"commit": commit(), "machine": machine(), "protocol": protocol, "scale": arguments.scale}
        found = kept(path, {**about, **found})
        path.write_text(json.dumps(found, indent=1) + "\n")
    if found.get("tpch"):
        there, here = (sum(pair[place] for pair in found["tpch"].values()) for place in (0, 1))
        print(f"TPC-H: {there:.2f} s on two workers, {here:.2f} s on two threads, {there / here:.2f} times")


if __name__ == "__main__":
    main()
