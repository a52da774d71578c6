"""Outputs of tasks: kept by bucket, spilled when there are too many, given out in pages, and freed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pytest

from tests.support.workers import wait_until
from volley.engine.arrow import from_arrow_schema
from volley.engine.errors import ExecutionError
from volley.engine.exchange import BucketStore, OutputId
from volley.engine.exchange.calls import Request, RowsLost
from volley.engine.exchange.files import Missing
from volley.engine.exchange.pieces import PAGE_BYTES
from volley.engine.exchange.transfer import MOST_PAGES, Exchange
from volley.engine.kernels.cpu.device import CpuDevice

DEVICE = CpuDevice()
DATA = pa.table({"a": list(range(1_000)), "s": [f"text {n % 13}" for n in range(1_000)]})
SCHEMA = from_arrow_schema(DATA.schema)


def buckets(start: int) -> list[list[Any]]:
    """Return three buckets, of which the second is empty."""
    table = DEVICE.from_arrow(DATA, SCHEMA)
    return [
        [DEVICE.slice(table, start, 10), DEVICE.slice(table, start + 10, 5)],
        [],
        [DEVICE.slice(table, start + 20, 7)],
    ]


Limited: TypeAlias = Callable[[int | None], BucketStore]


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Limited]:
    """Return what makes stores that hold so many bytes in memory."""
    made: list[BucketStore] = []

    def store(limit: int | None) -> BucketStore:
        made.append(BucketStore(DEVICE, limit=limit, folder=str(tmp_path)))
        return made[-1]

    yield store
    for each in made:
        each.close()


def numbers(tables: Any) -> list[int]:
    return [n for table in tables for n in DEVICE.to_arrow(table)["a"].to_pylist()]


@pytest.mark.parametrize("limit", [None, 100, 0])
def test_buckets_come_back_whether_in_memory_or_spilled(limited: Limited, tmp_path: Path, limit: int | None) -> None:
    store = limited(limit)
    outputs = [OutputId("q", 0, task, 1) for task in (0, 1)]
    for task, output in enumerate(outputs):
        store.put(output, buckets(100 * task))
    assert (store.spilled > 0) == (limit is not None)
    assert limit is None or store.held <= limit
    assert list(tmp_path.iterdir()) == []  # files have no names
    found = [(task, numbers(tables)) for task, tables in store.tables(outputs, 0, 1)]
    assert found == [(0, [*range(15)]), (1, [*range(100, 115)])]
    assert [task for task, _ in store.tables(outputs, 1, 2)] == []
    store.free("q")
    assert (store.held, store.spilled) == (0, 0)
    assert store._pieces._files._file is None  # the disk has room again


@pytest.mark.parametrize("limit", [None, 0])
def test_pages_follow_each_other_and_hold_every_row_once(limited: Limited, limit: int | None) -> None:
    store = limited(limit)
    outputs = [OutputId("q", 0, task, 1) for task in range(4)]
    for task, output in enumerate(outputs):
        store.put(output, buckets(100 * task))
    found: list[tuple[int, list[int]]] = []
    start: int | None = 0
    pages = 0
    while start is not None:
        page = store.page(outputs, 0, 3, start, size=1)
        for frame, counts in zip(page.frames, page.counts, strict=True):
            tables = DEVICE.unpack(frame, SCHEMA)
            for task, number in counts:
                found.append((task, numbers(tables[:number])))
                tables = tables[number:]
        start, pages = page.following, pages + 1
    assert pages == 8  # a piece for each bucket that has rows
    for task in range(4):
        mine = [n for owner, rows in found if owner == task for n in rows]
        assert mine == [100 * task + n for n in (*range(15), *range(20, 27))]


def test_a_page_of_rows_in_memory_and_in_files_holds_every_row_once(limited: Limited) -> None:
    store = limited(sum(table.nbytes for tables in buckets(0) for table in tables))  # what one task makes
    outputs = [OutputId("q", 0, task, 1) for task in range(4)]
    for task, output in enumerate(outputs):
        store.put(output, buckets(100 * task))
    assert store.held > 0
    assert store.spilled > 0
    page = store.page([outputs[3], *outputs[:3], outputs[3]], 0, 3, 0)  # those of the last task are in memory
    assert page.following is None
    assert [task for counts in page.counts for task, _ in counts] == [3, 3, 0, 0, 1, 1, 2, 2, 3, 3]
    wanted = [100 * task + n for task in (3, 0, 1, 2, 3) for n in (*range(15), *range(20, 27))]
    assert [n for frame in page.frames for n in numbers(DEVICE.unpack(frame, SCHEMA))] == wanted


def test_what_is_freed_is_missing() -> None:
    store = BucketStore(DEVICE)
    for query, stage in (("client/1", 0), ("client/1", 1), ("client/2", 0), ("client2/1", 0)):
        store.put(OutputId(query, stage, 0, 1), buckets(0))
    store.free("client/1", 0)
    with pytest.raises(Missing):
        list(store.tables([OutputId("client/1", 0, 0, 1)], 0, 3))
    assert len(list(store.tables([OutputId("client/1", 1, 0, 1)], 0, 3))) == 2
    store.free("client")  # every query of a client, but not of one whose name begins alike
    assert len(list(store.tables([OutputId("client2/1", 0, 0, 1)], 0, 3))) == 2
    with pytest.raises(Missing):
        list(store.tables([OutputId("client/2", 0, 0, 1)], 0, 3))


def test_rows_stay_in_memory_where_the_disk_has_no_room(
    limited: Limited, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    store = limited(0)
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        store.put(OutputId("q", 0, 0, 1), buckets(0))
    assert numbers(next(store.tables([OutputId("q", 0, 0, 1)], 0, 1))[1]) == [*range(15)]
    assert f"cannot spill to {tmp_path}: No space left" in caplog.text
    assert store.held > store.spilled == 0
    store.put(OutputId("q", 0, 1, 1), buckets(100))  # there is room again, also for what had to stay
    assert store.held == 0
    assert numbers(next(store.tables([OutputId("q", 0, 0, 1)], 0, 1))[1]) == [*range(15)]


@pytest.mark.parametrize("limit", [None, 0])
def test_rows_that_are_freed_while_they_are_read_are_whole_or_missing(limited: Limited, limit: int | None) -> None:
    store = limited(limit)
    store.put(OutputId("q", 0, 0, 1), buckets(0))
    reader = store.tables([OutputId("q", 0, 0, 1)], 0, 3)
    first = next(reader)[1]
    store.free("q")
    assert numbers(first) == [*range(15)]
    if limit is None:
        assert numbers(next(reader)[1]) == [*range(20, 27)]
    else:
        with pytest.raises(Missing):
            next(reader)


class Wire:
    """Carries messages to another exchange of this process, and can spoil them."""

    def __init__(self, spoils: bool = False) -> None:
        self.spoils = spoils
        self.peers: dict[str, Exchange] = {}

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    async def call(self, address: str, operation: str, **message: Any) -> Any:
        if address not in self.peers:
            raise OSError("connection refused")
        answer = await self.peers[address].serve(**message)
        if self.spoils:
            answer["frames"] = [b"x" + bytes(frame)[1:] for frame in answer["frames"]]
        return answer

    def frame(self, packed: Any) -> Any:
        return memoryview(packed)


@pytest.fixture
def wire() -> Any:
    import threading

    made = Wire()
    made._loop = asyncio.new_event_loop()
    thread = threading.Thread(target=made._loop.run_forever)
    thread.start()
    yield made
    made._loop.call_soon_threadsafe(made._loop.stop)
    thread.join()
    made._loop.close()


def exchanges(wire: Wire) -> tuple[Exchange, Exchange]:
    first, second = (Exchange(DEVICE, BucketStore(DEVICE), wire, address) for address in ("a", "b"))
    wire.peers["a"] = first
    return first, second


def test_a_reader_gets_what_others_and_it_itself_have_made(wire: Wire) -> None:
    first, second = exchanges(wire)
    first.store.put(OutputId("q", 0, 0, 1), buckets(0))
    second.store.put(OutputId("q", 0, 1, 1), buckets(100))
    requests = [Request("a", "q", 0, ((0, 1),), 0, 3), Request("b", "q", 0, ((1, 1),), 0, 3)]
    arrived: list[int] = []
    tables_by_task = second.fetch(requests, SCHEMA, lambda: False, arrived.append)
    found = sorted((task, numbers(tables)) for task, tables in tables_by_task)
    assert [n for _, rows in found for n in rows] == [*range(15), *range(20, 27), *range(100, 115), *range(120, 127)]
    assert sum(arrived) == first.served > 0  # its own rows need no message
    assert (first.pages, second.pages) == (1, 0)


def test_rows_that_cannot_be_had_name_the_worker(wire: Wire) -> None:
    _, second = exchanges(wire)
    with pytest.raises(RowsLost) as caught:
        list(second.fetch([Request("gone", "q", 0, ((0, 1),), 0, 3)], SCHEMA, lambda: False))
    assert (caught.value.worker, caught.value.gone) == ("gone", False)
    with pytest.raises(RowsLost) as caught:
        list(second.fetch([Request("a", "q", 0, ((0, 9),), 0, 3)], SCHEMA, lambda: False))
    assert (caught.value.worker, caught.value.gone) == ("a", True)


def test_checksums_show_what_has_changed_on_the_way(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLLEY_EXCHANGE_CHECKSUMS", "1")
    first, second = exchanges(wire)
    first.store.put(OutputId("q", 0, 0, 1), buckets(0))
    request = Request("a", "q", 0, ((0, 1),), 0, 3)
    assert list(second.fetch([request], SCHEMA, lambda: False))
    wire.spoils = True
    with pytest.raises(ExecutionError, match="rows from a arrived changed"):
        list(second.fetch([request], SCHEMA, lambda: False))


@pytest.mark.parametrize("limit", [None, 0])
def test_one_large_table_is_sent_in_several_pages(limited: Limited, limit: int | None) -> None:
    rows = 3 * PAGE_BYTES // 8
    data = pa.table({"a": np.arange(rows)})
    schema = from_arrow_schema(data.schema)
    store = limited(limit)
    output = OutputId("q", 0, 0, 1)
    store.put(output, [[DEVICE.from_arrow(data, schema)]])
    found, start, sizes = [], 0, []
    while start is not None:
        page = store.page([output], 0, 1, start, parcels=True)
        sizes.append(sum(frame.nbytes for frame in page.frames))
        found += [table for frame in page.frames for table in DEVICE.unpack(frame, schema)]
        start = page.following
    assert len(sizes) == 3
    assert max(sizes) <= 1.1 * PAGE_BYTES
    assert pa.concat_tables([pa.table(DEVICE.to_arrow(table)) for table in found]).equals(data)


def test_a_slow_reader_holds_few_pages(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = exchanges(wire)
    tasks = range(60)
    for task in tasks:
        first.store.put(OutputId("q", 0, task, 1), buckets(task))
    page = first.store.page
    monkeypatch.setattr(first.store, "page", lambda *args, **kind: page(*args, size=1, **kind))
    requests = [Request("a", "q", 0, tuple((task, 1) for task in tasks), 0, 3)]
    read, most = 0, 0
    for _ in second.fetch(requests, SCHEMA, lambda: False):
        wait_until(lambda: first.pages >= min(read + MOST_PAGES, 120))  # noqa: B023 - called here alone
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.005), wire.loop).result()  # no more are asked for
        most = max(most, first.pages - read)
        read += 1
    assert read == first.pages == 120  # a piece for each bucket that has rows
    assert most == MOST_PAGES
