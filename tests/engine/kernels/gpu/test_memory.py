"""When device memory runs out: calls are repeated, tables spilled, rows halved; and nothing is lost."""

from __future__ import annotations

import gc
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import volley as vl
from volley.engine import dtypes
from volley.engine.errors import DeviceUnavailable, MemoryLimitExceeded
from volley.engine.expr import Column, NamedExpr, literal
from volley.engine.expr.build import call
from volley.engine.kernels.devices import open_device
from volley.engine.kernels.protocol import Device
from volley.engine.schema import Schema

ROWS = 10_000
DATA = pa.table({"i": pa.array(range(ROWS)), "s": pa.array([str(n % 7) for n in range(ROWS)])})
SCHEMA = Schema.of([("i", dtypes.int64), ("s", dtypes.string)])
NUMBER = Column(name="i", dtype=dtypes.int64)
PLUS = [NamedExpr(name="x", expr=call("multiply", call("add", NUMBER, literal(1)), literal(2)))]
EXPECTED = [2 * (n + 1) for n in range(ROWS)]


@pytest.fixture
def machine(gpu: Device) -> Any:
    from volley.engine.kernels.simulator import machine

    return machine()


@pytest.fixture
def ledger(gpu: Device) -> Iterator[Any]:
    from volley.engine.kernels.gpu import memory

    with memory.counted() as ledger:
        yield ledger


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_failures_by_rate_change_no_answer(gpu: Device, machine: Any, ledger: Any, rate: float) -> None:
    from volley.engine.kernels.simulator import FaultPlan

    with machine.failing(FaultPlan(rate=rate, seed=3)) as plan:
        for _ in range(8):
            table = gpu.from_arrow(DATA, SCHEMA)
            kept = gpu.filter(table, call("less", NUMBER, literal(ROWS // 2)))
            result = gpu.to_arrow(gpu.project(kept, PLUS))
            assert result.column("x").to_pylist() == EXPECTED[: ROWS // 2]
    assert plan.failures > 0
    assert ledger.retries == plan.failures


def test_each_allocation_may_fail(gpu: Device, machine: Any) -> None:
    from volley.engine.kernels.simulator import FaultPlan

    table = gpu.from_arrow(DATA, SCHEMA)
    with machine.failing(FaultPlan()) as counted:
        gpu.project(table, PLUS)
    assert counted.allocations > 5
    for number in range(1, counted.allocations + 1):
        with machine.failing(FaultPlan(numbers={number})) as plan:
            result = gpu.project(table, PLUS)
        assert plan.failures == 1
        assert gpu.to_arrow(result).column("x").to_pylist() == EXPECTED


def test_tables_that_wait_are_spilled_and_come_back(gpu: Device, machine: Any, ledger: Any) -> None:
    waiting = [gpu.from_arrow(DATA, SCHEMA) for _ in range(4)]
    with machine.limited(memory=machine.used + 3 * 8 * ROWS):
        result = gpu.project(waiting[0], PLUS)
    assert ledger.spilled >= 3 * 8 * ROWS
    assert gpu.to_arrow(result).column("x").to_pylist() == EXPECTED
    for table in waiting:
        assert gpu.to_arrow(table).equals(gpu.to_arrow(gpu.from_arrow(DATA, SCHEMA)))


def test_what_does_not_fit_at_once_is_computed_in_halves(gpu: Device, machine: Any, ledger: Any) -> None:
    from volley.engine.kernels.gpu import memory

    data = DATA.select(["i"])
    table = gpu.from_arrow(data, Schema.of([("i", dtypes.int64)]))
    memory.make_room()
    ledger.splits = 0
    # Room for the rows, for the result, and for a little of what is between them.
    with machine.limited(memory=machine.used + 8 * ROWS + 8 * ROWS + 60_000):
        result = gpu.project(table, PLUS)
    assert ledger.splits > 0
    assert gpu.to_arrow(result).column("x").to_pylist() == EXPECTED


def test_no_room_at_all_is_one_clear_error(gpu: Device, machine: Any) -> None:
    table = gpu.from_arrow(DATA, SCHEMA)
    with machine.limited(memory=0), pytest.raises(MemoryLimitExceeded, match="the GPU has no memory left"):
        gpu.project(table, PLUS)
    assert gpu.to_arrow(gpu.project(table, PLUS)).column("x").to_pylist() == EXPECTED


def test_memory_is_given_back(gpu: Device, machine: Any) -> None:
    from volley.engine.kernels.gpu import memory

    memory.make_room()
    gpu.to_arrow(gpu.project(gpu.from_arrow(DATA, SCHEMA), PLUS))  # constants are kept
    before = machine.used
    gpu.to_arrow(gpu.project(gpu.from_arrow(DATA, SCHEMA), PLUS))
    assert machine.used == before


def test_what_crosses_is_what_the_machine_saw(gpu: Device, machine: Any, ledger: Any) -> None:
    traffic = machine.traffic
    before = traffic.to_device, traffic.to_host
    table = gpu.from_arrow(DATA, SCHEMA)
    gpu.to_arrow(gpu.project(table, [NamedExpr(name="i", expr=NUMBER)]))
    assert ledger.to_device == traffic.to_device - before[0] == DATA.nbytes
    assert ledger.to_host == traffic.to_host - before[1] == DATA.column("i").nbytes


def test_beyond_a_budget_spilled_tables_go_to_files(
    gpu: Device, ledger: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from volley.engine.kernels.gpu import memory
    from volley.engine.kernels.gpu.spilling import HostStore

    store = HostStore(host_bytes=DATA.nbytes * 3 // 2 + 4096, folder=str(tmp_path))
    memory.make_room()
    monkeypatch.setattr(memory.pool(), "spilled", store)
    tables = [gpu.from_arrow(DATA, SCHEMA) for _ in range(3)]
    expected = gpu.to_arrow(tables[0])
    memory.make_room()
    files = list(tmp_path.iterdir())
    assert len(files) == 2
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    assert DATA.nbytes <= store.held <= store.host_bytes
    assert ledger.to_files == sum(file.stat().st_size for file in files)
    assert ledger.spilled == store.held + ledger.to_files
    assert all(gpu.to_arrow(table).equals(expected) for table in tables)
    assert list(tmp_path.iterdir()) == []
    memory.make_room()
    del tables
    assert list(tmp_path.iterdir()) == []
    assert store.held == 0


WIDE = pa.table(
    {
        "i": pa.array(range(200_000)),
        "s": pa.array([f"text {n % 1013}" if n % 11 else None for n in range(200_000)]),
        "l": pa.array([[n, None] if n % 3 else None for n in range(200_000)]),
        "b": pa.array([n % 2 == 0 for n in range(200_000)]),
        "d": pa.array(range(200_000), pa.int64()).cast(pa.decimal128(21, 2)),
    }
)


@pytest.mark.parametrize("host_bytes", [1 << 30, 0], ids=["pinned", "file"])
def test_a_table_travels_in_pieces_through_the_staging_memory(
    gpu: Device, machine: Any, ledger: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host_bytes: int
) -> None:
    from volley.engine.arrow import from_arrow_schema
    from volley.engine.kernels.gpu import memory
    from volley.engine.kernels.gpu.spilling import STAGING_BYTES, HostStore

    memory.make_room()
    monkeypatch.setattr(memory.pool(), "spilled", HostStore(host_bytes=host_bytes, folder=str(tmp_path)))
    table = gpu.slice(gpu.from_arrow(WIDE, from_arrow_schema(WIDE.schema)), 7, 190_000)
    used, pinned = machine.used, machine.pinned
    copies = machine.traffic.copies_to_host
    with machine.limited(memory=used + 64 * 1024):  # what packing needs for itself, and not a copy
        memory.make_room()
    assert ledger.spilled > STAGING_BYTES
    assert machine.traffic.copies_to_host - copies == -(-ledger.spilled // STAGING_BYTES)
    assert machine.used < used - ledger.spilled // 2
    assert machine.pinned - pinned == (ledger.spilled if host_bytes else 0)
    assert ledger.to_files == (0 if host_bytes else ledger.spilled)
    before = ledger.to_device
    assert gpu.to_arrow(table).equals(WIDE.slice(7, 190_000))
    assert ledger.to_device - before == ledger.spilled
    assert machine.pinned == pinned, "pinned memory is for the next table"


def test_where_nothing_more_can_be_pinned_ordinary_memory_is_used(
    gpu: Device, machine: Any, ledger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from volley.engine.kernels.gpu import memory
    from volley.engine.kernels.gpu.spilling import HostStore

    memory.make_room()
    monkeypatch.setattr(memory.pool(), "spilled", HostStore(host_bytes=1 << 30))
    monkeypatch.setattr(machine, "pinnable", 0)
    table = gpu.from_arrow(DATA, SCHEMA)
    memory.make_room()
    assert ledger.spilled >= DATA.nbytes
    assert gpu.to_arrow(table).equals(DATA)


def test_explain_says_what_crossed_and_what_is_kept(gpu: Device) -> None:
    session = vl.Session(device=gpu, threads=1)
    told = vl.DataFrame(DATA, session=session).groupby("s").agg(n=("i", "sum")).explain("analyze").splitlines()
    assert re.fullmatch(r"bus: \d+\.\d KiB to the device; \d.* to the host; \d+.* kept", told[1])
    assert sum(line.startswith("  bus: ") for line in told) == sum(line.startswith("stage ") for line in told)


def test_the_budget_comes_from_the_environment(gpu: Device, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from volley.engine.kernels.gpu.spilling import HostStore

    monkeypatch.setenv("VOLLEY_GPU_SPILL_HOST_BYTES", "1000")
    monkeypatch.setenv("VOLLEY_GPU_SPILL_DIR", str(tmp_path))
    store = HostStore()
    assert (store.host_bytes, store.folder) == (1000, str(tmp_path))


def test_libraries_without_a_driver_are_one_clear_error(gpu: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    from volley.engine.kernels.gpu import memory

    def pool() -> Any:
        raise RuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version")

    monkeypatch.setattr(memory, "pool", pool)
    monkeypatch.setenv("VOLLEY_SIMULATE_GPU", "1")
    with pytest.raises(DeviceUnavailable, match=r"the GPU cannot be used: cudaErrorInsufficientDriver.*volley doctor"):
        open_device("gpu")


def test_streams_outlive_their_threads(gpu: Device) -> None:
    """Hash tables of joins give memory back on the stream that they were made on, perhaps long after its thread."""
    from volley.engine.kernels.simulator.rmm import Stream

    destroyed = Stream.destroyed
    made: list[Any] = []

    def work() -> None:
        from volley.engine.kernels.gpu import memory

        made.append(memory.stream())
        gpu.from_arrow(DATA, SCHEMA)

    for _ in range(3):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    gc.collect()
    assert Stream.destroyed == destroyed
    assert len({id(stream) for stream in made}) == 1


def test_any_thread_may_wait_for_the_default_stream(gpu: Device) -> None:
    """CUDA's driver knows no device in a thread that did not ask for one, whoever made the stream that it uses."""
    from volley.engine.kernels.gpu.library import DEFAULT_STREAM
    from volley.engine.kernels.gpu.memory import kernel

    gpu.from_arrow(DATA, SCHEMA)
    for _ in range(2):
        failures: list[BaseException] = []

        def work(failures: list[BaseException] = failures) -> None:
            try:
                kernel(DEFAULT_STREAM.synchronize)()
            except Exception as error:  # noqa: BLE001
                failures.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert not failures
