"""What all workers read travels as a tree: nobody gives it to many, and who dies on the way costs time, not rows."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pytest

from volley.engine.arrow import from_arrow_schema
from volley.engine.exchange import BucketStore, OutputId, Stopped
from volley.engine.exchange.calls import Request, RowsLost
from volley.engine.exchange.relay import FANOUT
from volley.engine.exchange.transfer import FETCH, Exchange
from volley.engine.kernels.cpu.device import CpuDevice

DEVICE: Any = CpuDevice()
DATA = pa.table({"a": list(range(1_000))})
SCHEMA = from_arrow_schema(DATA.schema)
OUTPUTS = [OutputId("client/q", 3, task, 1) for task in range(3)]
REQUEST = Request("owner", "client/q", 3, tuple((output.task, 1) for output in OUTPUTS), 0, 1 << 30)


class Network:
    """Exchanges of one process that call each other; those in ``dead`` answer nobody."""

    def __init__(self, readers: int) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.dead: set[str] = set()
        self.dies_at_page: str | None = None
        self.messages: list[tuple[str, str, str]] = []
        names = ["owner", *(f"reader {number}" for number in range(readers))]
        self.peers = {name: Exchange(DEVICE, BucketStore(DEVICE), _Calls(self, name), name) for name in names}
        for output in OUTPUTS:
            table = DEVICE.from_arrow(DATA, SCHEMA)
            parts = [DEVICE.slice(table, output.task * 300 + 100 * place, 100) for place in range(3)]
            self.peers["owner"].store.put(output, [[part] for part in parts])

    def read(self, name: str) -> list[int]:
        """Return the numbers that a reader gets, in order of tasks."""
        found = self.peers[name].fetch([REQUEST], SCHEMA, lambda: False, relayed=True)
        by_task = sorted(found, key=lambda pair: pair[0])
        return [n for _, tables in by_task for table in tables for n in DEVICE.to_arrow(table)["a"].to_pylist()]

    def read_all(self, names: list[str]) -> list[list[int]]:
        with ThreadPoolExecutor(len(names)) as threads:
            return list(threads.map(self.read, names))

    @property
    def readers(self) -> list[str]:
        return [name for name in self.peers if name != "owner"]

    def given(self) -> Counter[str]:
        """Return how many readers have had rows from each worker."""
        pairs = {(by, to) for by, to, operation in self.messages if operation == FETCH}
        return Counter(to for _, to in pairs)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class _Calls:
    def __init__(self, network: Network, name: str) -> None:
        self.network, self.name = network, name

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self.network.loop

    async def call(self, address: str, operation: str, **message: Any) -> Any:
        await asyncio.sleep(0.001)
        if operation == FETCH and self.network.dies_at_page == address:
            self.network.dead.add(address)
        if address in self.network.dead:
            raise OSError("connection refused")
        self.network.messages.append((self.name, address, operation))
        peer = self.network.peers[address]
        return await (peer.serve(**message) if operation == FETCH else peer.relay.direct(**message))

    def frame(self, packed: Any) -> Any:
        return memoryview(packed)


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network(24)
    yield made
    made.close()


def test_nobody_gives_more_than_a_few_copies(network: Network) -> None:
    found = network.read_all(network.readers)
    assert found == [list(range(900))] * 24
    given = network.given()
    assert max(given.values()) == given["owner"] == FANOUT
    assert sum(given.values()) == 24  # each reader once
    assert network.peers["owner"].served < sum(peer.served for peer in network.peers.values()) / 5


def test_readers_that_come_one_after_the_other_are_spread_alike(network: Network) -> None:
    for reader in network.readers:
        assert network.read(reader) == list(range(900))
    assert max(network.given().values()) == FANOUT


def test_a_second_read_needs_no_message(network: Network) -> None:
    network.read("reader 0")
    before = len(network.messages)
    assert network.read("reader 0") == list(range(900))
    assert len(network.messages) == before


def test_a_worker_that_dies_in_the_middle_costs_no_rows(network: Network) -> None:
    network.read_all(network.readers[:FANOUT])
    network.dies_at_page = "reader 1"  # who takes rows from it finds it gone
    found = network.read_all(network.readers[FANOUT:])
    assert found == [list(range(900))] * (24 - FANOUT)
    assert "reader 1" in network.dead
    given = network.given()
    assert given["owner"] <= FANOUT + 1  # one for each that died
    assert max(number for name, number in given.items() if name != "owner") <= FANOUT


def test_rows_are_lost_where_the_one_that_made_them_is_gone(network: Network) -> None:
    network.read("reader 0")
    network.dead.add("owner")
    with pytest.raises(RowsLost) as caught:
        network.read("reader 1")
    assert (caught.value.worker, caught.value.gone) == ("owner", False)
    assert network.read("reader 0") == list(range(900))  # its own copy


def test_rows_that_were_freed_name_the_one_that_made_them(network: Network) -> None:
    network.read("reader 0")
    network.peers["owner"].free("client/q", 3)
    with pytest.raises(RowsLost) as caught:
        network.read("reader 1")
    assert (caught.value.worker, caught.value.gone) == ("owner", True)


def test_what_a_query_leaves_is_forgotten_with_it(network: Network) -> None:
    network.read_all(network.readers)
    for peer in network.peers.values():
        peer.free("client")
        assert (peer.store.held, peer.relay._readers, peer.relay._coming) == (0, {}, {})


def test_who_waits_for_a_copy_ends_with_the_query(network: Network) -> None:
    stopped = threading.Event()
    slow = asyncio.run_coroutine_threadsafe(_never(), network.loop)
    network.peers["reader 0"].relay._coming[REQUEST.query, REQUEST.stage, REQUEST.tasks] = slow
    reading = network.peers["reader 0"].fetch([REQUEST], SCHEMA, stopped.is_set, relayed=True)
    threading.Timer(0.05, stopped.set).start()
    with pytest.raises(Stopped):
        next(reading)


async def _never() -> bool:
    await asyncio.Event().wait()
    return True
