"""The relational kernels alone, on arrays in memory, beside Polars and DuckDB on the same data.

``python -m benchmarks.kernels_native [--rows 6000000] [--repeat 5]`` prints the best of several runs in milliseconds,
for one and two threads. Every answer is checked before it is timed.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from volley.engine.kernels.cpu import native
from volley.engine.kernels.cpu.native.parallel import Threads

BATCH = 131_072
PARTITION_BITS = 8

Pool = ThreadPoolExecutor
Work = Callable[[Pool, int], Any]


def batches(length: int, size: int = BATCH) -> list[slice]:
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]


def data(rows: int) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    distinct = rows // 4
    sparse = np.arange(distinct) * 1_000_003
    return {
        "shuffled": rng.permutation(np.repeat(sparse, 4)),
        "dense": np.sort(rng.integers(0, distinct, rows)) * 4,
        "few": rng.integers(0, 4, rows),
        "build": rng.permutation(sparse),
        "wide": rng.integers(-(2**62), 2**62, rows),
        "price": rng.random(rows).round(2),
        "text": pa.array([f"customer#{i:09d}" for i in rng.integers(0, 50_000, rows // 3).tolist()]),
    }


def sorted_wide(values: NDArray[np.int64], threads: int) -> NDArray[np.int32]:
    with Threads(threads) as shared:
        return native.argsort([native.order_integers(values)], threads=shared)


def group_partitioned(keys: NDArray[np.int64], values: NDArray[np.float64], pool: Pool, threads: int) -> list[Any]:
    """Group many keys: scatter keys and values into cache-sized partitions, then one table per partition."""
    words, n = keys.view(np.uint64), len(keys)
    parts = batches(n, n // (4 * threads) + 1)
    hashes, key_out, value_out = np.empty(n, np.uint64), np.empty(n, np.uint64), np.empty(n, np.uint64)
    counts = np.zeros((len(parts), 1 << PARTITION_BITS), np.int64)

    def count(i: int) -> None:
        native.hash_words(words[parts[i]], out=hashes[parts[i]])
        native.count_partitions(hashes[parts[i]], PARTITION_BITS, out=counts[i])

    list(pool.map(count, range(len(parts))))
    positions, offsets = native.start_positions(counts)

    def scatter(i: int) -> None:
        rows = native.partition_positions(hashes[parts[i]], PARTITION_BITS, positions[i])
        native.put(words[parts[i]], rows, key_out)
        native.put(values.view(np.uint64)[parts[i]], rows, value_out)

    list(pool.map(scatter, range(len(parts))))

    def aggregate(p: int) -> tuple[Any, Any]:
        inside = slice(int(offsets[p]), int(offsets[p + 1]))
        groups = native.WordGroups((inside.stop - inside.start) // 2)
        ids = groups.insert(key_out[inside])
        sums = np.zeros((len(groups), 2))
        native.sum_f64(ids, value_out[inside].view(np.float64), native.NO_BITS, 0, sums)
        totals = np.empty(len(groups))
        native.total_f64(sums, totals)
        return groups.keys().view(np.int64), totals

    return list(pool.map(aggregate, range(1 << PARTITION_BITS)))


def group_streaming(keys: NDArray[np.int64], values: NDArray[np.float64], pool: Pool, threads: int) -> list[Any]:
    """Group batch by batch, one table per thread, merged at the end."""
    ranges = batches(len(keys), len(keys) // threads + 1)

    def run(part: slice) -> tuple[native.WordGroups, NDArray[np.float64]]:
        groups, sums, ids = native.WordGroups(), np.zeros((1024, 2)), np.empty(BATCH, np.int32)
        for inner in batches(part.stop - part.start):
            batch = slice(part.start + inner.start, part.start + inner.stop)
            found = groups.insert(keys[batch].view(np.uint64), out=ids)
            if len(groups) > len(sums):
                sums = np.concatenate([sums, np.zeros((2 * len(groups) - len(sums), 2))])
            native.sum_f64(found, values[batch], native.NO_BITS, 0, sums)
        return groups, sums

    (groups, sums), *others = pool.map(run, ranges)
    for other, other_sums in others:
        ids = groups.insert(other.keys())
        sums = np.concatenate([sums, np.zeros((len(groups), 2))])
        native.merge_sum_f64(ids, other_sums[: len(other)], sums)
    totals = np.empty(len(groups))
    native.total_f64(sums[: len(groups)], totals)
    return [(groups.keys().view(np.int64), totals)]


def join(
    probe: NDArray[np.int64], build: NDArray[np.int64], value: NDArray[np.float64], pool: Pool
) -> list[tuple[Any, Any]]:
    """Join batch by batch, carrying a column of each side."""
    index = native.JoinIndex(build.view(np.uint64))
    carried = build.astype(np.float64)

    def run(part: slice) -> tuple[Any, Any]:
        rows = index.inner(index.match(probe[part].view(np.uint64)))
        mine, theirs = np.empty(len(rows[0])), np.empty(len(rows[1]))
        native.take(value[part], rows[0], mine)
        native.take(carried, rows[1], theirs)
        return mine, theirs

    return list(pool.map(run, batches(len(probe))))


def text_groups(text: pa.Array, pool: Pool, threads: int) -> list[tuple[Any, Any]]:
    """Count texts, one table per thread."""
    offsets = np.frombuffer(text.buffers()[1], np.int32)[: len(text) + 1]
    content = np.frombuffer(text.buffers()[2], np.uint8)

    def run(part: slice) -> tuple[Any, Any]:
        groups = native.BytesGroups()
        ids = groups.insert(offsets[part.start : part.stop + 1], content)
        counts = np.zeros(len(groups), np.int64)
        native.count_valid(ids, native.NO_BITS, 0, counts)
        return groups.keys(), counts

    return list(pool.map(run, batches(len(text), len(text) // threads + 1)))


def cases(columns: dict[str, Any]) -> Iterator[tuple[str, Work, str]]:
    """Yield name, our work, and the same in SQL (table t, b for the build side, s for text)."""
    group = "select {0}, sum(price) from t group by {0}"
    yield (
        "group 1.5M shuffled keys, partitioned",
        lambda pool, threads: group_partitioned(columns["shuffled"], columns["price"], pool, threads),
        group.format("shuffled"),
    )
    for name in ("shuffled", "dense", "few"):
        yield (
            f"group {name} keys, streaming",
            lambda pool, threads, name=name: group_streaming(columns[name], columns["price"], pool, threads),
            group.format(name),
        )
    yield (
        "join on 1.5M keys, two columns carried",
        lambda pool, _: join(columns["shuffled"], columns["build"], columns["price"], pool),
        "select price, value from t join b on shuffled = build",
    )
    yield (
        "argsort int64",
        lambda _, threads: sorted_wide(columns["wide"], threads),
        "select wide from t order by wide",
    )
    yield (
        "top 100 of int64",
        lambda *_: native.smallest([native.order_integers(columns["wide"])], 100),
        "select wide from t order by wide limit 100",
    )
    yield (
        "group text, 50k distinct",
        lambda pool, threads: text_groups(columns["text"], pool, threads),
        "select text, count(*) from s group by text",
    )


def check(columns: dict[str, Any]) -> None:
    """Compare groups and joins with numpy."""
    with ThreadPoolExecutor(2) as pool:
        for run in (group_partitioned, group_streaming):
            found = run(columns["shuffled"], columns["price"], pool, 2)
            keys = np.concatenate([part[0] for part in found])
            sums = np.concatenate([part[1] for part in found])
            order = np.argsort(keys)
            distinct, inverse = np.unique(columns["shuffled"], return_inverse=True)
            assert (keys[order] == distinct).all()
            assert np.allclose(sums[order], np.bincount(inverse, columns["price"]), rtol=1e-12)
        pieces = join(columns["shuffled"], columns["build"], columns["price"], pool)
        assert (np.concatenate([theirs for _, theirs in pieces]) == columns["shuffled"]).all()
    order = native.argsort([native.order_integers(columns["wide"])])
    assert (columns["wide"][order] == np.sort(columns["wide"])).all()


def best(work: Callable[[], Any], repeat: int) -> float:
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def rivals(columns: dict[str, Any]) -> dict[str, Callable[[str], Any]]:
    """Return the rivals, each with the data in its own memory, at two threads."""
    import duckdb
    import polars as pl

    frames = {
        "t": pa.table({name: columns[name] for name in ("shuffled", "dense", "few", "wide", "price")}),
        "b": pa.table({"build": columns["build"], "value": columns["build"].astype(np.float64)}),
        "s": pa.table({"text": columns["text"]}),
    }
    connection = duckdb.connect()
    connection.execute("set threads = 2")
    for name, table in frames.items():
        connection.register("source", table)
        connection.execute(f"create table {name} as from source")
    context = pl.SQLContext({name: pl.from_arrow(table).lazy() for name, table in frames.items()})
    return {
        "DuckDB": lambda sql: connection.sql(sql).to_arrow_table(),
        "Polars": lambda sql: context.execute(sql).collect(engine="streaming"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=6_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--ours", action="store_true", help="leave the rivals out")
    options = parser.parse_args()
    os.environ.setdefault("POLARS_MAX_THREADS", "2")
    columns = data(options.rows)
    check(columns)
    others = {} if options.ours else rivals(columns)
    print(f"{options.rows:,} rows, best of {options.repeat}, ms")
    print(f"{'':42}{'1 thread':>10}{'2 threads':>10}" + "".join(f"{name:>10}" for name in others))
    for name, work, sql in cases(columns):
        line = f"{name:42}"
        for threads in (1, 2):
            with ThreadPoolExecutor(threads) as pool:
                line += f"{best(partial(work, pool, threads), options.repeat):10.1f}"
        for run in others.values():
            line += f"{best(partial(run, sql), options.repeat):10.1f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
