"""What the cluster costs: rounds, tasks, bytes on their way, and TPC-H on two workers beside two threads.

``python -m benchmarks.cluster [--scale 1] [--protocol tcp] [--record NAME]`` starts worker processes of one thread each
on this machine. Every figure stands beside one that was taken in the same minutes: an empty Dask task, a bare comm of
the same protocol and message size, threads of this process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa

import volley as vl
from tests.support.tpc import texts
from volley.engine.exchange import Request
from volley.engine.exchange.store import PAGE_BYTES
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


def per_message(session: vl.Session) -> dict[str, float]:
    """Return milliseconds of processor time that a message of the exchange with hardly a row costs each of its ends."""
    client, many = session.cluster.client, 1_000
    maker, reader = sorted(client.scheduler_info()["workers"])[:2]

    def keep(dask_worker: Any) -> None:
        from volley.engine.arrow import from_arrow_schema
        from volley.engine.exchange import OutputId

        bench = dask_worker.plugins["volley"].bench
        rows = pa.table({"a": [1]})
        table = bench.device.from_arrow(rows, from_arrow_schema(rows.schema))
        for task in range(many):
            bench.exchange.store.put(OutputId("messages", 0, task, 0), [[table]])

    async def fetch(dask_worker: Any) -> None:
        from volley.engine import dtypes
        from volley.engine.schema import Schema

        bench = dask_worker.plugins["volley"].bench
        requests = [Request(maker, "messages", 0, ((task, 0),), 0, 1) for task in range(many)]

        def read() -> int:
            found = bench.exchange.fetch(requests, Schema.of([("a", dtypes.int64)]), lambda: False)
            return sum(table.num_rows for _, tables in found for table in tables)

        assert await asyncio.get_running_loop().run_in_executor(None, read) == many

    client.run(keep, workers=[maker])
    client.run(fetch, workers=[reader])
    before = client.run(time.process_time)
    client.run(fetch, workers=[reader])
    after = client.run(time.process_time)
    session.cluster.forget("messages")
    spent = sum(after[worker] - before[worker] for worker in (maker, reader))
    return {"exchange ms per message": spent / 2 / many * 1e3}


def throughput(session: vl.Session) -> dict[str, float]:
    """Return MB/s between two workers: of the exchange, and of a bare comm with messages of the same size."""
    client = session.cluster.client
    maker, reader = sorted(client.scheduler_info()["workers"])[:2]

    def serve(dask_worker: Any) -> None:
        import numpy as np
        import pyarrow as pa
        from distributed.protocol import Serialize

        from volley.engine.arrow import from_arrow_schema
        from volley.engine.exchange import OutputId

        bench = dask_worker.plugins["volley"].bench
        rows = pa.table({"a": np.arange(PAGE // 8)})
        table = bench.device.from_arrow(rows, from_arrow_schema(rows.schema))
        for task in range(PAGES):
            bench.exchange.store.put(OutputId("bench", 0, task, 0), [[table]])
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

    async def exchange(dask_worker: Any) -> float:
        from volley.engine import dtypes
        from volley.engine.schema import Schema

        bench = dask_worker.plugins["volley"].bench
        request = Request(maker, "bench", 0, tuple((task, 0) for task in range(PAGES)), 0, 1)

        def fetch() -> int:
            found = bench.exchange.fetch([request], Schema.of([("a", dtypes.int64)]), lambda: False)
            return sum(table.num_rows for _, tables in found for table in tables)

        begun = time.perf_counter()
        assert await asyncio.get_running_loop().run_in_executor(None, fetch) == PAGES * PAGE // 8
        return PAGES * PAGE / (time.perf_counter() - begun) / 1e6

    client.run(serve, workers=[maker])
    ours, theirs = [], []
    for _ in range(4):  # taking turns
        theirs.append(client.run(bare, workers=[reader])[reader])
        ours.append(client.run(exchange, workers=[reader])[reader])
    session.cluster.forget("bench")
    return {"exchange MB/s": max(ours[1:]), "bare comm MB/s": max(theirs[1:])}


def queries(session: vl.Session, scale: float, names: set[str]) -> dict[str, tuple[float, float]]:
    """Return seconds of each TPC-H query on the workers and on as many threads, the least of three turns."""
    threads = vl.Session(threads=session.cluster.slots().threads)
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


def main() -> None:
    """Measure, print, and keep the figures if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--protocol", default="tcp")
    parser.add_argument("--queries", default="", help="such as q01,q06; all where absent")
    parser.add_argument("--record", metavar="NAME")
    arguments = parser.parse_args()
    settings = ClusterSettings(workers=2, protocol=arguments.protocol, memory_limit=4 << 30)
    with start_cluster(settings) as started, vl.Session(cluster=started.scheduler_address) as session:
        figures: dict[str, Any] = {"protocol": arguments.protocol, "scale": arguments.scale}
        for part in (rounds, splits, per_task, per_message, throughput):
            figures |= part(session)
            print({name: round(value, 3) for name, value in figures.items() if isinstance(value, float)}, flush=True)
        names = set(filter(None, arguments.queries.split(",")))
        figures["tpch"] = queries(session, arguments.scale, names)
    there, here = (sum(pair[place] for pair in figures["tpch"].values()) for place in (0, 1))
    print(f"TPC-H: {there:.2f} s on two workers, {here:.2f} s on two threads, {there / here:.2f} times")
    if arguments.record:
        content = {"commit": commit(), "machine": machine(), **figures}
        (RECORDS / f"{arguments.record}.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
